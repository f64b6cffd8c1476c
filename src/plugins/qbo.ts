// The client of the QuickBooks API, with its pool of connections and the realm's rate limiter.
import fp from 'fastify-plugin'
import { Agent } from 'undici'
import { stopped } from '../errors.ts'
import type { Clock } from '../services/clock.ts'
import type { Entity } from '../services/entities/index.ts'
import { BY_THE_CLOCK, createQboClient, type QboClient } from '../services/qbo/client.ts'
import { createRateLimiter } from '../services/qbo/rate-limit.ts'

declare module 'fastify' {
  interface FastifyInstance {
    qbo: QboClient
  }
}

/** Where QuickBooks is, and the outside that the client works with. */
export interface QboOptions {
  entities: readonly Entity[]
  baseUrl: string
  timeoutMs: number
  clock: Clock
  random(): number
}

/** Intuit's limit of requests at once, which is as many connections as can be of use. */
const CONNECTIONS = 10

/** One client for the connected company. */
export default fp<QboOptions>(
  async (app, { entities, baseUrl, timeoutMs, clock, random }) => {
    const names = new Map(entities.map(({ qbo, name }) => [qbo, name]))
    const dispatcher = new Agent({ connections: CONNECTIONS, pipelining: 1 })
    app.addHook('onClose', () => dispatcher.destroy())
    const limiter = createRateLimiter({ clock })
    const stop = new AbortController()
    app.addHook('preClose', async () => stop.abort(stopped()))
    app.decorate(
      'qbo',
      createQboClient({
        ...{ baseUrl, limiter, clock, random },
        outside: { dispatcher, timeoutMs },
        tokens: app.tokens.keeper,
        mayRead: (reason) => (BY_THE_CLOCK.includes(reason) ? app.meter.mustNotBeSpent() : undefined),
        onRead: (entity, reason) => app.meter.count(names.get(entity) ?? entity, reason),
        onRequest: app.metrics.requested,
        stopping: stop.signal,
        log: app.log,
      }),
    )
  },
  { name: 'qbo', dependencies: ['tokens', 'meter', 'metrics'] },
)
