// This process among the others that serve from the same database; and the schedule of the one that leads.
import schedule from '@fastify/schedule'
import fp from 'fastify-plugin'
import { AsyncTask, SimpleIntervalJob } from 'toad-scheduler'
import type { Clock } from '../services/clock.ts'
import type { Entity } from '../services/entities/index.ts'
import { isSharedLease, type SharedLease } from '../services/lease/lease.ts'
import { createReplica, createSoleReplica, type Lead, type Replica } from '../services/replica/replica.ts'
import { createRequests } from '../services/replica/requests.ts'
import { createStatusReader, type ReadStatus, reportOf } from '../services/status.ts'

declare module 'fastify' {
  interface FastifyInstance {
    replica: Replica
    readStatus: ReadStatus
  }
}

/** Intervals in milliseconds. `leaseClock` goes as the database's does. */
export interface ReplicaOptions {
  entities: readonly Entity[]
  configured: boolean
  changesIntervalMs: number
  tokenCheckIntervalMs: number
  leasePeriodMs: number
  clock: Clock
  leaseClock: Clock
}

const MINUTE_MS = 60_000

/** It starts when all is registered. The first refresh waits until the service listens. */
export default fp<ReplicaOptions>(
  async (app, options) => {
    const { entities, configured, clock, leaseClock } = options
    const { announcements, cache, hints, lease, log, meter, problems, qbo, sync, tail } = app
    const { keeper, keyring } = app.tokens
    const { db, shrink } = app.database

    const lead: Lead = {
      async begin(wasAhead) {
        const realm = keeper.connection()?.realm
        // A disconnect may have been interrupted. Two companies never mix.
        if (await cache.keepOnly(realm)) await shrink()
        if (realm !== undefined && wasAhead) await cache.endFeed(realm)
        sync.begin()
        if (app.server.listening) refreshDue()
      },
      onHints: () => sync.follow(),
      end: () => sync.end(),
    }
    const replica = isSharedLease(lease) ? among(lease) : createSoleReplica({ id: app.replicaId, tail, lead })
    const { standing } = replica
    const readStatus = createStatusReader({
      ...{
        entities,
        configured,
        keeper,
        cache,
        hints,
        meter,
        problems,
        qbo,
        sync,
        standing,
        clock,
        leaseClock,
      },
    })
    app.decorate('replica', replica)
    app.decorate('readStatus', readStatus)
    // What was told last is all that is known when the database goes away.
    announcements.on('ran', () => void app.readStatus().catch(() => undefined))

    await app.register(schedule)
    const every = (id: string, milliseconds: number, work: () => Promise<void>) =>
      app.scheduler.addSimpleIntervalJob(
        new SimpleIntervalJob({ milliseconds }, new AsyncTask(id, work), { id, preventOverrun: true }),
      )
    app.addHook('onReady', () => replica.start())
    app.addHook('onListen', async () => {
      // It does not wait: a refresh may run for long, and webhooks are followed beside it.
      every('refresh', Math.min(options.changesIntervalMs, MINUTE_MS), async () => void sync.refreshDue())
      every('token-check', options.tokenCheckIntervalMs, () => keeper.check())
      every('health-line', 5 * MINUTE_MS, logHealth)
      if (keeper.connection()?.state === 'reconnect_required')
        log.error(
          'QuickBooks refuses the stored tokens since before this start: open /connect to connect again',
        )
      refreshDue()
    })
    app.addHook('preClose', () => replica.stop())
    app.addHook('onClose', () => replica.close())

    /** Does at once what is due. */
    function refreshDue(): void {
      void keeper.check().then(() => sync.refreshDue())
    }

    function among(lease: SharedLease): Replica {
      const requests = createRequests({ db, keyring, clock: leaseClock, log })
      return createReplica({
        entities: entities.map(({ name }) => name),
        ...{ id: app.replicaId, db, lease, periodMs: options.leasePeriodMs, clock: leaseClock },
        ...{ keeper, cache, tail, requests, lead, log },
        reloadMeter: () => meter.reload(),
        report: () => reportOf({ sync, qbo, problems, entities }),
        announce: (change) => announcements.emit('change', change),
        onForgotten: () => announcements.emit('forgotten'),
      })
    }

    async function logHealth(): Promise<void> {
      const { connection_status, last_updated, entities: each, replica } = await readStatus()
      const counts = Object.fromEntries(
        Object.entries(each).map(([name, { count, age_seconds }]) => [name, { count, age_seconds }]),
      )
      log.info({ connection_status, last_updated, role: replica.role, ...counts }, 'Health')
    }
  },
  { name: 'replica', dependencies: ['sync', 'search-indexes', 'tokens', 'lease', 'meter'] },
)
