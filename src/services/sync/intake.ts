// The one way in: what was read is committed to the cache, then shown to search, then announced. For each entity in
// that order and one change after the other, whoever read it: a full pass, a look for changes, or a webhook.

import type { Cache, CommittedChange, Deletion, Removal } from '../cache/cache.ts'
import type { CachedRow } from '../entities/index.ts'
import type { Load, SearchService } from '../search/search.ts'

/** A change that is committed and can be found; or will be, once the index that is being filled is announced. */
export interface Announcement {
  realm: string
  entity: string
  /** None: all of the entity can be found from now on. */
  ids: string[]
  /** Of the cache, behind this change. */
  seq: number
}

/** Ids that are gone now, and those of records that were updated after they are said to have been deleted. */
export type Removed = Pick<Removal, 'removals' | 'newer'>

/** Takes in what QuickBooks answered. Entities are named by our words. */
export interface Intake {
  /** `askedAfter`: the cache's `sequence` before QuickBooks was asked for these rows. */
  upsert(realm: string, entity: string, rows: CachedRow[], askedAfter: number): Promise<CommittedChange>
  /** In steps, between which others get their turn. */
  remove(realm: string, entity: string, deletions: readonly Deletion[]): Promise<Removed>
  /**
   * Gathers what is cached and all that comes in while `work` runs, and makes it searchable in one go: building an index
   * costs a fraction of following page by page. Then the entity is announced as a whole, unless it is empty. Nothing is
   * searchable when `signal` is aborted.
   */
  fill<T>(realm: string, entity: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>
}

interface Committed {
  announcement: Announcement
  isFound: boolean
}

/** A removal of many must not keep others waiting. */
const REMOVED_TOGETHER = 100

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
  const committed: Committed[] = []
  let commits: Promise<unknown> = Promise.resolve()

  /** Runs `work` after all that came in before for this entity. */
  function inOrder<T>(entity: string, work: () => Promise<T>): Promise<T> {
    const done = (tails.get(entity) ?? Promise.resolve()).then(work)
    tails.set(
      entity,
      done.catch(() => undefined),
    )
    return done
  }

  /**
   * Commits one after the other over all entities, so that what was committed first is announced first. The entry has its
   * place in that order; without an announcement there is none.
   */
  function commitNext<T>(
    commit: () => Promise<T>,
    announcementOf: (change: T) => Announcement | undefined,
  ): Promise<{ change: T; entry: Committed | undefined }> {
    const done = commits.then(async () => {
      const change = await commit()
      const announcement = announcementOf(change)
      const entry = announcement && { announcement, isFound: false }
      if (entry !== undefined) committed.push(entry)
      return { change, entry }
    })
    commits = done.catch(() => undefined)
    return done
  }

  function canBeFound(entry: Committed): void {
    entry.isFound = true
    while (committed[0]?.isFound) announce((committed.shift() as Committed).announcement)
  }

  const take = <T extends CommittedChange>(realm: string, entity: string, commit: () => Promise<T>) =>
    inOrder(entity, async () => {
      const { change, entry } = await commitNext(commit, ({ upserts, removals, seq }) => {
        const ids = [...upserts.map(({ id }) => id), ...removals]
        return ids.length === 0 ? undefined : { realm, entity, ids, seq }
      })
      if (entry === undefined) return change
      const { upserts, removals } = change
      try {
        await (loads.get(entity)?.add(change) ?? search.apply({ entity, upserts, removals }))
      } finally {
        canBeFound(entry)
      }
      return change
    })

  async function announceWhole(realm: string, entity: string): Promise<void> {
    const { entry } = await commitNext(
      () => cache.sequence(realm),
      (seq) => ({ realm, entity, ids: [], seq }),
    )
    if (entry !== undefined) canBeFound(entry)
  }

  return {
    upsert: (realm, entity, rows, askedAfter) =>
      take(realm, entity, () => cache.commitPage(realm, entity, rows, askedAfter)),
    async remove(realm, entity, deletions) {
      const removed: Removed = { removals: [], newer: [] }
      for (let start = 0; start < deletions.length; start += REMOVED_TOGETHER) {
        const some = deletions.slice(start, start + REMOVED_TOGETHER)
        const { removals, newer } = await take(realm, entity, () => cache.remove(realm, entity, some))
        removed.removals.push(...removals)
        removed.newer.push(...newer)
      }
      return removed
    },
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
          if (signal.aborted) return load.cancel()
          await load.finish()
          if (search.size(entity) > 0) await announceWhole(realm, entity)
        })
      }
    },
  }
}
