// The search indexes, filled from the cache before the service listens: search needs no QuickBooks.
import { join } from 'node:path'
import fp from 'fastify-plugin'
import { entities } from '../services/entities/index.ts'
import { buildsBySize, buildsInSlices } from '../services/search/builder.ts'
import { createSearch, type SearchService } from '../services/search/search.ts'
import { createShelf } from '../services/search/shelf.ts'
import { buildsOnThread } from '../services/search/thread.ts'
import { warmUp } from '../services/sync/warm-up.ts'

declare module 'fastify' {
  interface FastifyInstance {
    searchIndexes: SearchService
  }
}

/** All indexes over the connected company's records. */
export default fp<{ dataDir: string }>(
  async (app, { dataDir }) => {
    const { cache, log } = app
    const realm = () => app.tokens.keeper.connection()?.realm
    const search = createSearch({
      entities,
      startBuild: buildsBySize(buildsInSlices(), buildsOnThread),
      shelf: await createShelf(join(dataDir, 'search'), realm),
      onError: (err) => log.error({ err }, 'A search index was not renewed or kept; the one at hand goes on'),
    })
    app.addHook('onClose', () => search.close())
    const connected = realm()
    if (connected !== undefined) await warmUp({ entities, cache, search, log }, connected)
    app.decorate('searchIndexes', search)
  },
  { name: 'search-indexes', dependencies: ['cache', 'tokens'] },
)
