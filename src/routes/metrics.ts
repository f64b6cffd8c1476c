// Figures for Prometheus.
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import fp from 'fastify-plugin'
import { Gauge, Registry } from 'prom-client'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  const { meter } = app
  const registry = new Registry()
  const registers = [registry]
  new Gauge({
    name: 'mrp_quickbooks_reads_month',
    help: 'Reads of QuickBooks that Intuit bills, since the month began (UTC)',
    labelNames: ['entity', 'reason'],
    registers,
    collect() {
      this.reset()
      for (const { reads, ...labels } of meter.readings().reads) this.set(labels, reads)
    },
  })
  new Gauge({
    name: 'mrp_quickbooks_reads_month_budget',
    help: 'QUICKBOOKS_MONTHLY_READ_BUDGET; +Inf when unlimited',
    registers,
    collect() {
      this.set(meter.readings().budget ?? Number.POSITIVE_INFINITY)
    },
  })

  app.get(
    '/metrics',
    {
      config: { access: 'admin' },
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
    async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()),
  )
}

export default fp(routes, {
  name: 'metrics-routes',
  encapsulate: true,
  dependencies: ['meter', 'auth', 'errors'],
})
