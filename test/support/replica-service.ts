// The service in a process of its own, among others that serve from the same database, with what a test may replace: how
// long a lease is good for, and a clock that goes faster, or wrong. Stops as the real one does.
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { ConfigError } from '../../src/errors.ts'
import { type Clock, systemClock } from '../../src/services/clock.ts'
import type { Message } from './crashes.ts'
import { fastClock, type ReplicaSettings } from './replicas.ts'
import { unhurried } from './unhurried.ts'

// A parent that is gone stops nobody.
process.on('disconnect', () => process.exit())

const settings: ReplicaSettings = JSON.parse(process.env.REPLICA ?? '{}')

try {
  const config = await loadConfig(process.env, join(process.env.DATA_DIR ?? '', 'no.env'))
  const app = await buildApp(config, {
    ...unhurried,
    clock: clockOf(settings),
    leasePeriodMs: settings.leasePeriodMs,
    drainMs: settings.drainMs ?? 0,
    logger: { level: 'info' },
  })
  process.once('SIGTERM', () => void app.close().then(() => process.exit(0)))
  const refreshToken = app.tokens.keeper.connection()?.refreshToken ?? null
  const url = await app.listen({ port: config.PORT, host: config.HOST })
  // A process that is killed leaves nothing compiled behind by itself.
  flushCompileCache()
  const message: Message = { listening: { url, refreshToken } }
  process.send?.(message)
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  process.stderr.write(`mrp-backend cannot start. ${error.message}\n`)
  process.exit(1)
}

function clockOf({ fast, aheadMs = 0 }: ReplicaSettings): Clock {
  const { now, sleep } = fast === undefined ? systemClock : fastClock(fast)
  return { sleep, now: () => now() + aheadMs }
}
