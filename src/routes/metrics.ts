// Figures for Prometheus.
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import fp from 'fastify-plugin'
import { databaseFault } from '../errors.ts'
import type { Clock } from '../services/clock.ts'

const routes: FastifyPluginAsyncTypebox<{ clock: Clock }> = async (app, { clock }) => {
  const { meter, metrics, readStatus } = app

  app.get(
    '/metrics',
    {
      // When too much is asked of it, it matters most how it is.
      config: { access: 'admin', isAnsweredUnderPressure: true },
      schema: {
        operationId: 'metrics',
        summary: 'Figures for Prometheus',
        tags: ['operation'],
        response: {
          200: {
            description: 'The text format',
            content: { 'text/plain': { schema: Type.String() } },
          },
        },
      },
    },
    async (_request, reply) => {
      const status = await readStatus().catch((error) => {
        if (databaseFault(error) === undefined) throw error
        return undefined
      })
      const text = await metrics.text({ status, reads: meter.readings(), now: clock.now() })
      return reply.type(metrics.contentType).send(text)
    },
  )
}

export default fp(routes, {
  name: 'metrics-routes',
  encapsulate: true,
  dependencies: ['metrics', 'meter', 'replica', 'auth', 'errors'],
})
