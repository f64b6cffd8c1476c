// Fills search from the cache at a start: from the index that was kept, where it fits, and the changes since; else anew.
import type { Cache } from '../cache/cache.ts'
import type { Entity } from '../entities/index.ts'
import type { Log } from '../log.ts'
import type { SearchService } from '../search/search.ts'

/** Afterwards search holds exactly what the cache holds. */
export async function warmUp(
  {
    entities,
    cache,
    search,
    log,
  }: { entities: readonly Entity[]; cache: Cache; search: SearchService; log: Log },
  realm: string,
): Promise<void> {
  const checkpoints = await cache.checkpoints(realm)
  const last = await cache.sequence(realm)
  for (const { name } of entities) {
    const records = checkpoints.find(({ entity }) => entity === name)?.records ?? 0
    const seq = await search.restore(name).catch((error: unknown) => {
      log.warn({ err: error, entity: name }, 'The saved index cannot be read; it is made anew')
      return null
    })
    // Of a database that was put back, an index that was saved since knows what has not happened here, and so may clients.
    if (seq !== null && seq > last) await cache.endFeed(realm)
    if (seq === null || seq > last) {
      if (records > 0 || seq !== null) await search.rebuild(name, cache.batches(realm, name))
      continue
    }
    for await (const upserts of cache.batches(realm, name, seq)) {
      await search.apply({ entity: name, upserts, removals: [] })
    }
    // Every record of the cache is in the index now; as many there as here, and there are no others in it.
    if (search.size(name) !== records) await search.retain(name, cache.ids(realm, name))
  }
}
