// The durable cache. Whatever another company left behind is forgotten at start: two companies never mix.
import fp from 'fastify-plugin'
import { type Cache, createCache } from '../services/cache/cache.ts'
import type { Clock } from '../services/clock.ts'

declare module 'fastify' {
  interface FastifyInstance {
    cache: Cache
  }
}

/** The cache over the database. */
export default fp<{ clock: Clock }>(
  async (app, { clock }) => {
    const cache = createCache({ db: app.database, clock })
    await cache.keepOnly(app.tokens.keeper.connection()?.realm)
    app.decorate('cache', cache)
  },
  { name: 'cache', dependencies: ['database', 'tokens'] },
)
