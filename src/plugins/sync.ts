// The sync and its schedule: refreshes, token checks and the health line. Closing waits for the page at hand.
import { EventEmitter } from 'node:events'
import schedule from '@fastify/schedule'
import fp from 'fastify-plugin'
import { AsyncTask, SimpleIntervalJob } from 'toad-scheduler'
import type { Clock } from '../services/clock.ts'
import type { Entity } from '../services/entities/index.ts'
import { createStatusReader, type ReadStatus } from '../services/status.ts'
import type { Announcement } from '../services/sync/intake.ts'
import { createSync, type Sync } from '../services/sync/sync.ts'

declare module 'fastify' {
  interface FastifyInstance {
    sync: Sync
    /** `change`: something changed and can be found. `forgotten`: everything is gone. */
    announcements: EventEmitter<{ change: [Announcement]; forgotten: [] }>
    readStatus: ReadStatus
  }
}

/** Cadence in milliseconds. */
export interface SyncOptions {
  entities: readonly Entity[]
  changesIntervalMs: number
  fullIntervalMs: number
  tokenCheckIntervalMs: number
  configured: boolean
  clock: Clock
}

const MINUTE_MS = 60_000

/** The sync and everything that happens by the clock. The first refresh waits until the service listens. */
export default fp<SyncOptions>(
  async (app, { entities, tokenCheckIntervalMs, configured, clock, ...intervals }) => {
    const { cache, hints, searchIndexes: search, qbo, meter, log } = app
    const { keeper } = app.tokens
    const announcements: typeof app.announcements = new EventEmitter()
    const sync = createSync({
      ...{ entities, cache, hints, search, qbo, clock, log, ...intervals },
      currentRealm: keeper.currentRealm,
      hasBudget: meter.readings().budget !== null,
      isBudgetSpent: meter.isSpent,
      announce: (change) => announcements.emit('change', change),
      onForgotten: () => announcements.emit('forgotten'),
    })
    const readStatus = createStatusReader({
      ...{ entities, configured, keeper, cache, hints, meter, qbo, sync, clock },
    })
    app.decorate('sync', sync)
    app.decorate('announcements', announcements)
    app.decorate('readStatus', readStatus)

    await app.register(schedule)
    const every = (id: string, milliseconds: number, work: () => Promise<void>) =>
      app.scheduler.addSimpleIntervalJob(
        new SimpleIntervalJob({ milliseconds }, new AsyncTask(id, work), { id, preventOverrun: true }),
      )
    app.addHook('onListen', async () => {
      // It does not wait: a refresh may run for long, and webhooks are followed beside it.
      every('refresh', Math.min(intervals.changesIntervalMs, MINUTE_MS), async () => void sync.refreshDue())
      every('token-check', tokenCheckIntervalMs, () => keeper.check())
      every('health-line', 5 * MINUTE_MS, logHealth)
      if (keeper.connection()?.state === 'reconnect_required')
        log.error(
          'QuickBooks refuses the stored tokens since before this start: open /connect to connect again',
        )
      void keeper.check().then(() => sync.refreshDue())
    })
    app.addHook('preClose', () => sync.stop())

    async function logHealth(): Promise<void> {
      const { connection_status, last_updated, entities: each } = await readStatus()
      const counts = Object.fromEntries(
        Object.entries(each).map(([name, { count, age_seconds }]) => [name, { count, age_seconds }]),
      )
      log.info({ connection_status, last_updated, ...counts }, 'Health')
    }
  },
  { name: 'sync', dependencies: ['qbo', 'cache', 'meter', 'search-indexes'] },
)
