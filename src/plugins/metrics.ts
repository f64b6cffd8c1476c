// What this process counts, and the answers over HTTP among it.
import fp from 'fastify-plugin'
import type { Clock } from '../services/clock.ts'
import type { Entity } from '../services/entities/index.ts'
import { createMetrics, type Metrics } from '../services/metrics/metrics.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

export interface MetricsOptions {
  entities: readonly Entity[]
  version: string
  logsQueries: boolean
  clock: Clock
}

/** Counts the answers of every route registered after it. */
export default fp<MetricsOptions>(
  async (app, options) => {
    const metrics = createMetrics({ ...options, log: app.log })
    app.decorate('metrics', metrics)
    // A stream of events counts when it begins.
    app.addHook('onSend', (_request, reply, _payload, done) => {
      metrics.answered(reply.statusCode)
      done()
    })
    app.addHook('onClose', async () => metrics.close())
  },
  { name: 'metrics' },
)
