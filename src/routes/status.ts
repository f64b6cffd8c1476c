// The status as it changes, for the console. The route is the console's own and may change with it, so it is not in the
// OpenAPI document.
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { Clock } from '../services/clock.ts'
import { createStatusFeed } from '../services/events/status-feed.ts'

/** Proxies close what is silent for a minute. */
const heartbeatMs = 20_000

const routes: FastifyPluginAsync<{ clock: Clock }> = async (app, { clock }) => {
  const { readStatus, log } = app
  const feed = createStatusFeed({ readStatus, clock, log })
  let closing = false

  app.get(
    '/api/cache/status/events',
    {
      // HEAD would listen and never leave.
      exposeHeadRoute: false,
      config: { access: 'open', isAnsweredUnderPressure: true },
      schema: { hide: true },
    },
    async (request, reply) => {
      const stream = feed.join(request.ip)
      if (closing) feed.end()
      return reply
        .header('cache-control', 'no-cache, no-transform')
        .header('x-accel-buffering', 'no')
        .type('text/event-stream')
        .send(stream)
    },
  )

  const heartbeat = setInterval(feed.beat, heartbeatMs)
  app.addHook('preClose', async () => {
    closing = true
    clearInterval(heartbeat)
    feed.end()
  })
}

export default fp(routes, {
  name: 'status-routes',
  encapsulate: true,
  dependencies: ['replica', 'auth', 'errors'],
})
