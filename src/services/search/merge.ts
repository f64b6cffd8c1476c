// One answer from several feeds of an index, as if all their records stood in one: whether a typo is forgiven is decided
// over all of them, and their hits are merged in one order.
import type { Entity } from '../entities/entity.ts'
import { type Hits, type Tier, TopHits, tier } from './hits.ts'
import { Asked, type Found, stepsFor } from './passes.ts'
import type { Query } from './query.ts'
import { compareNames } from './record.ts'
import { inOneGo, type Steps } from './steps.ts'
import { type EntityStore, mostImportant } from './store.ts'

/** One feed of an index, and what search holds of it. */
export interface Feed {
  entity: Entity
  store: EntityStore
  /** Its place in `entity.indexes`. */
  position: number
}

/** What one feed found, in no order. */
export interface Scored {
  store: EntityStore
  tierOf(number: number): Tier
}

/** The same, best first. */
export interface Ranked extends Scored {
  numbers: ArrayLike<number>
}

/** One record that was found. */
export interface Place {
  store: EntityStore
  number: number
  tier: Tier
}

/** Whether record `a` of one feed comes before record `b` of another, or of the same. */
export type Before<S extends Scored> = (left: S, a: number, right: S, b: number) => boolean

/** Records of several feeds in one order: the n-th is `numbers[n]` of feed `feeds[n]`. */
export interface Merged {
  ranked: readonly Ranked[]
  feeds: Uint8Array
  numbers: Int32Array
}

/** Merges what each feed found into one order. */
export function* merge<R extends Ranked>(ranked: readonly R[], before: Before<R>): Steps<Merged> {
  const total = ranked.reduce((sum, { numbers }) => sum + numbers.length, 0)
  const feeds = new Uint8Array(total)
  if (ranked.length === 1) return { ranked, feeds, numbers: new Int32Array(ranked[0]?.numbers ?? []) }
  const numbers = new Int32Array(total)
  const heads = ranked.map(() => 0)
  const headOf = (feed: number): number => ranked[feed]?.numbers[heads[feed] as number] as number
  for (let n = 0; n < total; n++) {
    let best = -1
    for (let feed = 0; feed < ranked.length; feed++) {
      const one = ranked[feed] as R
      if (heads[feed] === one.numbers.length) continue
      // The first feed wins a tie.
      if (best < 0 || before(one, headOf(feed), ranked[best] as R, headOf(best))) best = feed
    }
    feeds[n] = best
    numbers[n] = headOf(best)
    heads[best] = (heads[best] as number) + 1
    if (n % 256 === 0) yield
  }
  return { ranked, feeds, numbers }
}

/** Some of them. */
export function placesOf({ ranked, feeds, numbers }: Merged, from: number, to: number): Place[] {
  const places: Place[] = []
  for (let n = from; n < Math.min(to, numbers.length); n++) {
    const { store, tierOf } = ranked[feeds[n] as number] as Ranked
    const number = numbers[n] as number
    places.push({ store, number, tier: tierOf(number) })
  }
  return places
}

/** Without the records that were removed meanwhile. */
export function existing({ ranked, feeds, numbers }: Merged): Merged {
  const exists = (_: number, n: number) =>
    ranked[feeds[n] as number]?.store.exists(numbers[n] as number) === true
  return { ranked, feeds: feeds.filter(exists), numbers: numbers.filter(exists) }
}

/** The best hits of all feeds. They go through the passes together. */
export function bestOf(feeds: readonly Feed[], query: Query, limit: number): Place[] {
  const all = feeds.map(({ store, position }) => {
    const hits = new TopHits(store, limit)
    return { hits, asked: store.sources(position).map((source) => new Asked(source)) }
  })
  for (const { best, run } of stepsFor(query, together(all.map(({ hits }) => hits)))) {
    if (all.every(({ hits }) => hits.full(tier.name))) break
    for (const { hits, asked } of all) if (!hits.full(best)) for (const one of asked) run(one, hits)
  }
  const ranked = all.map(({ hits }, i) => ({
    store: (feeds[i] as Feed).store,
    numbers: hits.ranked(),
    tierOf: (number: number) => hits.tierOf(number),
  }))
  return placesOf(inOneGo(merge(ranked, byRelevance)), 0, limit)
}

/** The records of all feeds that matter most. */
export function mostImportantOf(feeds: readonly Feed[], limit: number): Place[] {
  const ranked = feeds.map(({ store, position }) => {
    return { store, numbers: mostImportant(store, position, limit), tierOf: () => noTier }
  })
  return placesOf(inOneGo(merge(ranked, byRelevance)), 0, limit)
}

/** Of what was found without a query. */
export const noTier: Tier = -1

/** The hits of several feeds, where the passes ask what was found so far. */
export const together = (all: readonly Hits[]): Found => ({
  get pass() {
    return all[0]?.pass ?? 0
  },
  set pass(place) {
    for (const hits of all) hits.pass = place
  },
  get count() {
    return all.reduce((sum, { count }) => sum + count, 0)
  },
  get best() {
    return Math.min(...all.map(({ best }) => best))
  },
})

export const byRelevance: Before<Scored> = (left, a, right, b) => {
  const [tierA, tierB] = [left.tierOf(a), right.tierOf(b)]
  return tierA === tierB ? compare(left.store, a, right.store, b) < 0 : tierA < tierB
}

/** As a store compares its own records: what matters more comes first. */
function compare(left: EntityStore, a: number, right: EntityStore, b: number): number {
  if (left === right) return left.compare(a, b)
  const byActivity = Number(right.isActive(b)) - Number(left.isActive(a))
  if (byActivity !== 0) return byActivity
  const byTime = right.lastUpdated(b) - left.lastUpdated(a)
  return byTime !== 0 ? byTime : compareByName(left, a, right, b)
}

/** As a store compares the names of its own records. */
export function compareByName(left: EntityStore, a: number, right: EntityStore, b: number): number {
  if (left === right) return left.compareByName(a, b)
  return compareNames(left.name(a), left.id(a), right.name(b), right.id(b))
}
