// All hits of a query, filtered, sorted and paged. Where a keystroke takes the best few and stops, this goes to the end,
// so it runs in slices: the most that one slice holds up the others is a millisecond.
import type { Entity } from '../entities/entity.ts'
import { withRoom } from './arrays.ts'
import { type Check, type Hits, type Tier, tiersInPass } from './hits.ts'
import { type Common, only } from './intersect.ts'
import {
  type Before,
  byRelevance,
  compareByName,
  type Feed,
  type Merged,
  merge,
  noTier,
  type Ranked,
  type Scored,
  together,
} from './merge.ts'
import { Asked, stepsFor } from './passes.ts'
import type { Query } from './query.ts'
import type { Source } from './source.ts'
import { inSlices, type Slices, type Steps, sorted } from './steps.ts'
import type { RecordTable } from './store.ts'
import { fold } from './text.ts'

/** What a form asks for, beyond what was typed. */
export interface Filter {
  /** Only active records, only inactive ones, or both (null). */
  active: boolean | null
  /** Values by the parameters of the entities' facets. */
  facets: Readonly<Record<string, string>>
  /** Bounds by the names of the entities' measures, both inclusive. Records without the number are left out. */
  bounds: Readonly<Record<string, { min?: number | undefined; max?: number | undefined }>>
}

/** `relevance`, `name`, `last_updated` or the name of a measure. Records without a value come last. */
export interface Order {
  by: string
  descending: boolean
}

/** All records of an index that match; without words in the query, all there are. */
export async function findAll(
  feeds: readonly Feed[],
  query: Query | null,
  { filter, order }: { filter: Filter; order: Order },
  slices: Slices,
): Promise<Merged> {
  const all = feeds.map(({ entity, store, position }) => {
    const hits = createAllHits(store, filterOf(entity, store, filter))
    const asked = store.sources(position).map((source) => new Asked(source))
    const tierOf = query === null ? () => noTier : hits.tierOf
    return { store, position, hits, asked, tierOf, valueOf: valuesOf(entity, store, order) }
  })
  if (query === null) {
    for (const { store, position, hits } of all)
      await inSlices(
        hits.addAll((number) => store.hasText(position, number)),
        slices,
      )
  } else {
    for (const { run } of stepsFor(query, together(all.map(({ hits }) => hits)))) {
      for (const { hits, asked } of all) {
        for (const one of asked) run(one, hits)
        await inSlices(hits.work(), slices)
      }
    }
  }
  const before = comparator(order)
  const ranked: (Sortable & Ranked)[] = []
  for (const one of all) {
    const numbers = await inSlices(
      sorted(one.hits.numbers(), (a, b) => before(one, a, one, b)),
      slices,
    )
    ranked.push({ ...one, numbers })
  }
  return inSlices(merge(ranked, before), slices)
}

/** Whether a record passes the filter; none does that cannot have what is asked for. */
function filterOf(entity: Entity, store: RecordTable, filter: Filter): (number: number) => boolean {
  const checks: ((number: number) => boolean)[] = [
    filter.active === null ? store.exists : (n) => store.exists(n) && store.isActive(n) === filter.active,
  ]
  for (const [name, wanted] of Object.entries(filter.facets)) {
    const i = (entity.facets ?? []).findIndex(({ parameter }) => parameter === name)
    const hierarchy = entity.facets?.[i]?.hierarchy === true
    const value = fold(wanted).trim()
    checks.push((n) => {
      const own = store.facet(i, n)
      return own === value || (hierarchy && own?.startsWith(`${value}:`) === true)
    })
  }
  for (const [name, bounds] of Object.entries(filter.bounds)) {
    const i = measureAt(entity, name)
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = bounds
    checks.push((n) => store.measure(i, n) >= min && store.measure(i, n) <= max)
  }
  return (number) => checks.every((check) => check(number))
}

/** -1 for an entity that has no such measure; its records have no number there. */
const measureAt = (entity: Entity, name: string): number =>
  (entity.measures ?? []).findIndex((measure) => measure.name === name)

/** With the number that each record is sorted by. */
interface Sortable extends Scored {
  valueOf(number: number): number
}

function valuesOf(entity: Entity, store: RecordTable, { by }: Order): (number: number) => number {
  const i = measureAt(entity, by)
  return by === 'last_updated' ? store.lastUpdated : (number) => store.measure(i, number)
}

function comparator({ by, descending }: Order): Before<Sortable> {
  if (by === 'relevance') return byRelevance
  const sign = descending ? -1 : 1
  if (by === 'name') return (left, a, right, b) => sign * compareByName(left.store, a, right.store, b) < 0
  return (left, a, right, b) => {
    const [one, other] = [left.valueOf(a), right.valueOf(b)]
    if (one === other || (Number.isNaN(one) && Number.isNaN(other)))
      return compareByName(left.store, a, right.store, b) < 0
    if (Number.isNaN(one) || Number.isNaN(other)) return Number.isNaN(other)
    return sign * (one - other) < 0
  }
}

/** Every hit: what the passes ask for is noted, and done by `work`. */
interface AllHits extends Hits {
  work(): Steps<void>
  /** Takes every record for which `fits` is true. */
  addAll(fits: (number: number) => boolean): Steps<void>
  numbers(): Int32Array
  tierOf(number: number): Tier
}

/** Numbers between two steps. */
const stepSize = 500

/** In place of a tier: found, but not to be shown. */
const filteredOut = 255

function createAllHits(store: RecordTable, shown: (number: number) => boolean): AllHits {
  const { end } = store
  /** The tier of each record, + 1; 0 for those that were not found. */
  const tiers = new Uint8Array(end)
  /** Strict hits count before the filter, or it would decide whether a typo is forgiven. */
  let strict = 0
  let found = new Int32Array(1024)
  let count = 0
  let waiting: Steps<void>[] = []
  let best = Number.POSITIVE_INFINITY

  function note(number: number): void {
    found = withRoom(found, count)
    found[count++] = number
  }

  function* look(
    { text }: Source,
    common: Common,
    check: Check | null,
    atBest: Tier,
    pass: number,
  ): Steps<void> {
    let left = stepSize
    for (const { numbers, from, to } of common.runs) {
      for (let i = from; i < to; i++) {
        if (left-- === 0) {
          left = stepSize
          yield
        }
        const number = numbers[i] as number
        if (!common.holds(number) || tiers[number] === filteredOut) continue
        const isShown = shown(number)
        if (!isShown && !store.isActive(number)) continue
        const at = check === null ? atBest : check(text(number))
        if (at === null) continue
        const known = tiers[number] as number
        const tier = pass * tiersInPass + at + 1
        if (known === 0 && store.isActive(number)) {
          strict++
          best = Math.min(best, tier - 1)
        }
        if (known === 0 && isShown) note(number)
        if (!isShown) tiers[number] = filteredOut
        else if (known === 0 || tier < known) tiers[number] = tier
      }
    }
  }

  const hits: AllHits = {
    pass: 0,
    get count() {
      return strict
    },
    get best() {
      return best
    },
    full: () => false,
    take: (source, runs, at) => hits.scan(source, only(runs), null, at),
    scan(source, common, check, best) {
      waiting.push(look(source, common, check, best, hits.pass))
    },
    *work() {
      const steps = waiting
      waiting = []
      for (const each of steps) yield* each
    },
    *addAll(fits) {
      for (let number = 0; number < end; number++) {
        if (number % stepSize === 0) yield
        if (!shown(number) || !fits(number)) continue
        note(number)
        tiers[number] = 1
      }
    },
    numbers: () => found.subarray(0, count),
    tierOf: (number) => (tiers[number] as number) - 1,
  }
  return hits
}
