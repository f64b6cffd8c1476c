// The schedule: refreshes, token checks and the health line. Closing waits for the page at hand.
import schedule from '@fastify/schedule'
import fp from 'fastify-plugin'
import { AsyncTask, SimpleIntervalJob } from 'toad-scheduler'
import type { Clock } from '../services/clock.ts'
import { entities } from '../services/entities/index.ts'
import { createStatusReader, type ReadStatus } from '../services/status.ts'
import { createSync, type Sync } from '../services/sync/sync.ts'

declare module 'fastify' {
  interface FastifyInstance {
    sync: Sync
    readStatus: ReadStatus
  }
}

/** Cadence in milliseconds. */
export interface SyncOptions {
  refreshIntervalMs: number
  tokenCheckIntervalMs: number
  configured: boolean
  clock: Clock
}

const MINUTE_MS = 60_000

/** The sync and everything that happens by the clock. The first refresh waits until the service listens. */
export default fp<SyncOptions>(
  async (app, { refreshIntervalMs, tokenCheckIntervalMs, configured, clock }) => {
    const { cache, searchIndexes: search, qbo, log } = app
    const { keeper } = app.tokens
    const sync = createSync({
      ...{ entities, cache, search, qbo, clock, log },
      currentRealm: keeper.currentRealm,
      intervalMs: refreshIntervalMs,
    })
    const readStatus = createStatusReader({ entities, configured, keeper, cache, sync, clock })
    app.decorate('sync', sync)
    app.decorate('readStatus', readStatus)

    await app.register(schedule)
    const every = (id: string, milliseconds: number, work: () => Promise<void>) =>
      app.scheduler.addSimpleIntervalJob(
        new SimpleIntervalJob({ milliseconds }, new AsyncTask(id, work), { id, preventOverrun: true }),
      )
    app.addHook('onListen', async () => {
      every('refresh', Math.min(refreshIntervalMs, MINUTE_MS), () => sync.refreshDue())
      every('token-check', tokenCheckIntervalMs, () => keeper.check())
      every('health-line', 5 * MINUTE_MS, logHealth)
      void keeper.check().then(() => sync.refreshDue(true))
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
  { name: 'sync', dependencies: ['qbo', 'cache', 'search-indexes'] },
)
