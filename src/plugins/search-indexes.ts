// The search indexes, built from the cache before the service listens: search needs no QuickBooks.
import fp from 'fastify-plugin'
import { entities } from '../services/entities/index.ts'
import { createSearch, type SearchService } from '../services/search/search.ts'

declare module 'fastify' {
  interface FastifyInstance {
    searchIndexes: SearchService
  }
}

/** All indexes over the connected company's records. */
export default fp(
  async (app) => {
    const search = createSearch({
      entities,
      onError: (err) => app.log.error({ err }, 'A search index was not compacted; it goes on as it is'),
    })
    const realm = app.tokens.keeper.connection()?.realm
    if (realm !== undefined) {
      for (const { name } of entities) await search.rebuild(name, app.cache.batches(realm, name))
    }
    app.decorate('searchIndexes', search)
  },
  { name: 'search-indexes', dependencies: ['cache', 'tokens'] },
)
