// Fills search from the cache at a start: from the index that was kept, where it fits, and the changes since; else anew.
import type { Cache } from '../cache/cache.ts'
import type { Entity } from '../entities/index.ts'
import type { Log } from '../log.ts'
import { fill, type SearchService } from '../search/search.ts'

/**
 * Afterwards search holds what the cache held as of `last`, its `sequence`, and some of what was committed since. Answers
 * whether a kept index was ahead of the cache: the database was put back to an earlier state, and clients may know what
 * has not happened there, too.
 */
export async function warmUp(
  { entities, cache, search, log }: WarmUpDeps,
  realm: string,
  last: number,
): Promise<boolean> {
  const checkpoints = await cache.checkpoints(realm)
  const unbuilt: string[] = []
  let wasAhead = false
  for (const { name } of entities) {
    const records = checkpoints.find(({ entity }) => entity === name)?.records ?? 0
    const seq = await search.restore(name).catch((error: unknown) => {
      log.warn({ err: error, entity: name }, 'The saved index cannot be read; it is made anew')
      return null
    })
    const isAhead = seq !== null && seq > last && seq > (await cache.sequence(realm))
    wasAhead ||= isAhead
    if (seq === null || isAhead) {
      if (records > 0 || seq !== null) unbuilt.push(name)
      continue
    }
    for await (const upserts of cache.batches(realm, name, seq)) {
      await search.apply({ entity: name, upserts, removals: [] })
    }
    // Every record of the cache is in the index now; as many there as here, and there are no others in it.
    const isWhole = search.size(name) === records && (await cache.sequence(realm)) === last
    if (!isWhole) await search.retain(name, cache.ids(realm, name))
  }
  // Nobody is answered yet, so every core may be at it.
  const builds = unbuilt.map((name) => fill(search.load(name), cache.batches(realm, name)))
  await Promise.allSettled(builds)
  await Promise.all(builds)
  return wasAhead
}

/** What a start works with. */
export interface WarmUpDeps {
  entities: readonly Entity[]
  cache: Cache
  search: SearchService
  log: Log
}
