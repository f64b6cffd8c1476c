// The one way in: what was read is committed to the cache, then shown to search, then announced. For each entity in
// that order and one change after the other, whoever read it: a full pass, a look for changes, or a webhook.

import type { Cache, CommittedChange, Deletion, PassEnd, Removal } from '../cache/cache.ts'
import type { CachedRow } from '../entities/index.ts'
import type { Load, SearchService } from '../search/search.ts'

/** A change that is committed and can be found; or will be, once the index that is being filled is whole. */
export interface Announcement {
  realm: string
  entity: string
  ids: string[]
  /** Of the cache, behind this change. */
  seq: number
}

/** Takes in what QuickBooks answered. Entities are named by our words. */
export interface Intake {
  /** `askedAt`: our own time before QuickBooks was asked for these rows. */
  upsert(realm: string, entity: string, rows: CachedRow[], askedAt: number): Promise<CommittedChange>
  remove(realm: string, entity: string, deletions: readonly Deletion[]): Promise<Removal>
  /** Removes what a full pass found gone, and marks the pass as complete. */
  complete(realm: string, entity: string, end: PassEnd): Promise<CommittedChange>
  /**
   * Gathers what is cached and all that comes in while `work` runs, and makes it searchable in one go: building an index
   * costs a fraction of following page by page. Nothing is searchable when `signal` is aborted.
   */
  fill<T>(realm: string, entity: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>
}

/** An intake over cache and search. `announce` hears of each change in the order of `seq`; it must not throw. */
export function createIntake(deps: {
  cache: Cache
  search: SearchService
  announce(change: Announcement): void
}): Intake {
  const { cache, search, announce } = deps
  const tails = new Map<string, Promise<unknown>>()
  const loads = new Map<string, Load>()
  /** Committed changes in the order of their `seq`, which is the order in which they are announced. */
  const committed: { change: Announcement; isFound: boolean }[] = []

  /** Runs `work` after all that came in before for this entity. */
  function inOrder<T>(entity: string, work: () => Promise<T>): Promise<T> {
    const done = (tails.get(entity) ?? Promise.resolve()).then(work)
    tails.set(
      entity,
      done.catch(() => undefined),
    )
    return done
  }

  const take = <T extends CommittedChange>(realm: string, entity: string, commit: () => Promise<T>) =>
    inOrder(entity, async () => {
      const change = await commit()
      const { upserts, removals, seq } = change
      if (upserts.length + removals.length === 0) return change
      const ids = [...upserts.map(({ id }) => id), ...removals]
      const entry = { change: { realm, entity, ids, seq }, isFound: false }
      committed.push(entry)
      try {
        await (loads.get(entity)?.add(change) ?? search.apply({ entity, upserts, removals }))
      } finally {
        entry.isFound = true
        while (committed[0]?.isFound) announce((committed.shift() as typeof entry).change)
      }
      return change
    })

  return {
    upsert: (realm, entity, rows, askedAt) =>
      take(realm, entity, () => cache.commitPage(realm, entity, rows, askedAt)),
    remove: (realm, entity, deletions) => take(realm, entity, () => cache.remove(realm, entity, deletions)),
    complete: (realm, entity, end) => take(realm, entity, () => cache.completePass(realm, entity, end)),
    async fill(realm, entity, signal, work) {
      const load = search.load(entity)
      await inOrder(entity, async () => {
        for await (const upserts of cache.batches(realm, entity)) await load.add({ upserts, removals: [] })
        loads.set(entity, load)
      }).catch((error: unknown) => {
        load.cancel()
        throw error
      })
      try {
        return await work()
      } finally {
        await inOrder(entity, async () => {
          loads.delete(entity)
          if (signal.aborted) load.cancel()
          else await load.finish()
        })
      }
    },
  }
}
