// The durable cache, its delta feed, and the webhook events that wait.
import fp from 'fastify-plugin'
import { type Cache, createCache } from '../services/cache/cache.ts'
import { createFeed, type Feed } from '../services/cache/feed.ts'
import { createHintQueue, type HintQueue } from '../services/cache/hints.ts'
import type { Clock } from '../services/clock.ts'

declare module 'fastify' {
  interface FastifyInstance {
    cache: Cache
    feed: Feed
    hints: HintQueue
  }
}

/** The cache over the database. */
export default fp<{ clock: Clock }>(
  async (app, { clock }) => {
    const deps = { db: app.database.db, lease: app.lease, clock }
    app.decorate('cache', createCache(deps))
    app.decorate('feed', createFeed(deps))
    app.decorate('hints', createHintQueue(deps))
  },
  { name: 'cache', dependencies: ['database', 'lease'] },
)
