// The status as it changes, for the console. The route is the console's own and may change with it, so it is not in the
// OpenAPI document.
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { Clock } from '../services/clock.ts'
import { createStatusFeed } from '../services/events/status-feed.ts'

const routes: FastifyPluginAsync<{ clock: Clock }> = async (app, { clock }) => {
  const { readStatus, log } = app
  const feed = createStatusFeed({ readStatus, clock, log })
  app.keepStreams(feed)

  app.get(
    '/api/cache/status/events',
    {
      // HEAD would listen and never leave.
      exposeHeadRoute: false,
      config: { access: 'open', isAnsweredUnderPressure: true },
      schema: { hide: true },
    },
    async (request, reply) => reply.sendEvents(feed.join(request.ip)),
  )
}

export default fp(routes, {
  name: 'status-routes',
  encapsulate: true,
  dependencies: ['replica', 'event-streams', 'auth', 'errors'],
})
