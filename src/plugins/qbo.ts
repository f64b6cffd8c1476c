// The client of the QuickBooks API, with its pool of connections and the realm's rate limiter.
import fp from 'fastify-plugin'
import { Agent } from 'undici'
import { stopped } from '../errors.ts'
import type { Clock } from '../services/clock.ts'
import { createQboClient, type QboClient } from '../services/qbo/client.ts'
import { createRateLimiter } from '../services/qbo/rate-limit.ts'

declare module 'fastify' {
  interface FastifyInstance {
    qbo: QboClient
  }
}

/** Where QuickBooks is, and the outside that the client works with. */
export interface QboOptions {
  baseUrl: string
  timeoutMs: number
  clock: Clock
  random(): number
}

/** Intuit's limit of requests at once, which is as many connections as can be of use. */
const CONNECTIONS = 10

/** One client for the connected company. */
export default fp<QboOptions>(
  async (app, { baseUrl, timeoutMs, clock, random }) => {
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
        onRead: app.meter.count,
        stopping: stop.signal,
        log: app.log,
      }),
    )
  },
  { name: 'qbo', dependencies: ['tokens', 'meter'] },
)
