// The search indexes, filled from the cache before the service listens: search needs no QuickBooks.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fp from 'fastify-plugin'
import { ConfigError, reasonOf } from '../errors.ts'
import type { Entity, EntitySettings } from '../services/entities/index.ts'
import { buildsBySize, buildsInSlices } from '../services/search/builder.ts'
import { createSearch, type SearchService } from '../services/search/search.ts'
import { createShelf } from '../services/search/shelf.ts'
import { readSynonyms, type Synonyms } from '../services/search/synonyms.ts'
import { buildsOnThread } from '../services/search/thread.ts'
import { createTail, type Tail } from '../services/sync/tail.ts'

declare module 'fastify' {
  interface FastifyInstance {
    searchIndexes: SearchService
    /** What follows the cache while this process does not change it itself. */
    tail: Tail
  }
}

export interface SearchIndexesOptions {
  entities: readonly Entity[]
  /** What the entities were made with. */
  settings: EntitySettings
  dataDir: string
  synonymsFile: string | undefined
}

/**
 * All indexes over the connected company's records.
 * @throws ConfigError when the synonyms file cannot be used.
 */
export default fp<SearchIndexesOptions>(
  async (app, { entities, settings, dataDir, synonymsFile }) => {
    const { cache, feed, log } = app
    const realm = () => app.tokens.keeper.connection()?.realm
    const search = createSearch({
      entities,
      synonyms: await synonymsIn(synonymsFile),
      startBuild: buildsBySize(buildsInSlices(), buildsOnThread(settings)),
      shelf: await createShelf(join(dataDir, 'search'), realm, settings),
      onError: (err) => log.error({ err }, 'A search index was not renewed or kept; the one at hand goes on'),
    })
    app.addHook('onClose', () => search.close())
    const tail = createTail({ entities, cache, search, log })
    await tail.catchUp(await feed.end(realm()))
    app.decorate('searchIndexes', search)
    app.decorate('tail', tail)
  },
  { name: 'search-indexes', dependencies: ['cache', 'tokens'] },
)

async function synonymsIn(path: string | undefined): Promise<Synonyms> {
  if (path === undefined) return () => []
  try {
    return readSynonyms(await readFile(path, 'utf8'))
  } catch (error) {
    throw new ConfigError(
      `SEARCH_SYNONYMS_FILE: ${path} cannot be used (${reasonOf(error).replaceAll(/\s+/g, ' ')}).`,
    )
  }
}
