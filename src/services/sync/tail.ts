// Cache → search for whoever did not write the cache itself: at a start, and while another replica leads. Follows `seq`,
// which rises with every commit in the order of the commits, so that what lies behind a position is all that is missing.

import type { CacheEnd } from '../cache/feed.ts'
import type { Announcement } from './intake.ts'
import { type WarmUpDeps, warmUp } from './warm-up.ts'

/** What is found otherwise than before. */
export interface Caught {
  /** In the order of `seq`. */
  announcements: Announcement[]
  /** What was there before is of no company that is connected now. */
  forgot: boolean
}

/** One call after the other. */
export interface Tail {
  /** Afterwards search holds what the cache held at `end`, or later. What failed half way is made up for by the next call. */
  catchUp(end: CacheEnd): Promise<Caught>
  /** The `seq` up to which search holds everything. */
  position(): number
  /** The cache went up to here, though this process did not follow it: it leads. A cache that ends before was put back. */
  reached(seq: number): void
  /** Whether the database was put back to an earlier state, as of which a client may know more than there is. */
  wasAhead(): boolean
  /** Clients were told, and begin anew. */
  aheadIsTold(): void
}

/** An index is built anew when more than this share of its records changed, and more than so many: that is quicker. */
const SHARE = 0.2
const FEW = 2_000
/** Ids in one announcement. */
const ANNOUNCED_TOGETHER = 1_000

/** A tail that has caught up with nothing. */
export function createTail(deps: WarmUpDeps): Tail {
  const { entities, cache, search } = deps
  let at: CacheEnd | undefined
  let reached = 0
  let wasAhead = false

  async function beginAnew(end: CacheEnd): Promise<Caught> {
    const { realm } = end
    if (realm === undefined) {
      await search.clear()
      return { announcements: [], forgot: at?.realm !== undefined }
    }
    if (at === undefined) {
      wasAhead = await warmUp(deps, realm, end.seq)
      return { announcements: [], forgot: false }
    }
    const forgot = at.realm !== realm
    wasAhead ||= !forgot && end.seq < reached
    const announcements: Announcement[] = []
    for (const { name } of entities) {
      await search.rebuild(name, cache.batches(realm, name))
      if (search.size(name) > 0) announcements.push({ realm, entity: name, ids: [], seq: end.seq })
    }
    return { announcements, forgot }
  }

  /** Answers the ids of what changed; none when all of it did. */
  async function follow(realm: string, entity: string, after: number): Promise<string[] | undefined> {
    const changed = await cache.changedSince(realm, entity, after)
    // Read before the records: one that is there now has come back.
    const removals = await cache.removedSince(realm, entity, after)
    if (changed + removals.length === 0) return undefined
    if (changed > Math.max(FEW, search.size(entity) * SHARE)) {
      await search.rebuild(entity, cache.batches(realm, entity))
      return []
    }
    await search.apply({ entity, upserts: [], removals })
    const ids = new Set(removals)
    for await (const upserts of cache.batches(realm, entity, after)) {
      await search.apply({ entity, upserts, removals: [] })
      for (const { id } of upserts) ids.add(id)
    }
    return [...ids]
  }

  async function followAll(realm: string, after: number, end: CacheEnd): Promise<Announcement[]> {
    const announcements: Announcement[] = []
    for (const { name: entity } of entities) {
      const ids = await follow(realm, entity, after)
      if (ids === undefined) continue
      for (let start = 0; start === 0 || start < ids.length; start += ANNOUNCED_TOGETHER)
        announcements.push({ realm, entity, ids: ids.slice(start, start + ANNOUNCED_TOGETHER), seq: after })
    }
    // Whoever leaves in between must hear all of it again.
    const last = announcements.at(-1)
    if (last !== undefined) last.seq = end.seq
    return announcements
  }

  return {
    async catchUp(end) {
      const isSameLife =
        at !== undefined && at.realm === end.realm && at.feed === end.feed && reached <= end.seq
      if (!isSameLife) {
        const caught = await beginAnew(end)
        at = { ...end }
        reached = end.seq
        return caught
      }
      const after = at?.seq ?? 0
      const hasNews = end.realm !== undefined && end.seq > after
      const announcements = hasNews ? await followAll(end.realm ?? '', after, end) : []
      at = { ...end }
      reached = end.seq
      return { announcements, forgot: false }
    },
    reached(seq) {
      reached = Math.max(reached, seq)
    },
    position: () => at?.seq ?? 0,
    wasAhead: () => wasAhead,
    aheadIsTold() {
      wasAhead = false
    },
  }
}
