// The hits of one query while it runs: each record once, at the best tier that a pass found it at, dead ones never.
// Also the query's budget: how many texts it may still look at, which bounds the worst query at every size.
import type { FieldIndex } from './field-index.ts'
import type { List } from './postings.ts'
import type { Records } from './records.ts'

/** How well a record answers; lower is better. Within a tier: more recently updated first, then by name. */
export const tier = {
  /** The query is the name itself. */
  name: 0,
  /** The query is another whole field: a company that several customers belong to. */
  exact: 1,
  /** A field begins with the query, which ends at the end of a word. */
  fieldWord: 2,
  /** A field begins with the query. */
  field: 3,
  /** The query stands inside a field, from the beginning of a word. */
  phraseWord: 4,
  phrase: 5,
  /** All words of the query begin words of the record; the first also begins a field. */
  firstWord: 6,
  allWords: 7,
  contact: 8,
  /** Like the above, after leaving out what people add: "and", Inc, LLC. */
  relaxed: 9,
  /** Inside a word or a part number. */
  inner: 10,
} as const
/** One of `tier`, or a place between two of them for a variant of the query. */
export type Tier = number

/**
 * The tier of a hit of another spelling, or of the query closed up or cut in two: every phrase as typed comes before
 * it, and words out of order come after.
 */
function variantTier(at: Tier): Tier {
  return at <= tier.phrase ? tier.phrase + (at + 1) / 10 : at + 0.5
}

/** Texts that one query may look at. */
const checkBudget = 6_000
/** Numbers that one query may ask other lists for. */
const stepBudget = 20_000
/** Hits that are ranked. Passes look at the best places first, so what is cut off has worse ones. */
const plenty = 512
/** Taken from each end of a list to rank by importance, when some records changed since the index was built. */
const sample = 48

export interface Hits {
  readonly index: FieldIndex
  /** Set by a pass that does not look for the query as typed: ranks its hits accordingly. */
  variant: boolean
  /** True when nothing of a worse tier than those found can reach the answer. */
  full(): boolean
  /** Adds the most important records of a list that needs no check. */
  take(list: List | undefined, at: Tier): void
  /**
   * Adds the records of a list whose text passes: `check` answers with a tier or null. `best` is the best that it can
   * still find here: with enough of those it stops, for the more important records come first.
   */
  scan(
    list: List | undefined,
    check: (text: string) => Tier | null,
    best: Tier,
    /** Asked before the text is looked at. */
    holds?: (number: number) => boolean,
  ): void
  /** The slots of the best records, best first. */
  best(): number[]
}

export function createHits(index: FieldIndex, records: Records, limit: number): Hits {
  const tiers = new Map<number, Tier>()
  const enough = index.ordered ? limit : Math.max(sample, limit)
  let budget = checkBudget
  let steps = stepBudget

  function add(number: number, found: Tier): boolean {
    if (index.slot(number) < 0) return false
    const at = hits.variant ? variantTier(found) : found
    const known = tiers.get(number)
    if (known === undefined || at < known) tiers.set(number, at)
    return true
  }

  /** Numbers of an index in order are in order themselves. */
  const compare = (a: number, b: number): number =>
    index.ordered ? a - b : compareImportance(index, records, a, b)

  const hits: Hits = {
    index,
    variant: false,
    full: () => tiers.size >= limit,
    take(list, at) {
      if (!list) return
      const split = firstFrom(list, index.base)
      let left = enough
      for (let i = list.length - 1; i >= split && left > 0; i--) if (add(list[i] as number, at)) left--
      left = enough
      for (let i = 0; i < split && left > 0; i++) if (add(list[i] as number, at)) left--
    },
    scan(list, check, best, holds) {
      if (!list) return
      const split = firstFrom(list, index.base)
      let left = enough
      const visit = (number: number) => {
        if (holds !== undefined && (steps-- <= 0 || !holds(number))) return
        const text = index.text(number)
        if (text === '') return
        budget--
        const at = check(text)
        if (at !== null && add(number, at) && at <= best) left--
      }
      const goOn = () => budget > 0 && steps > 0 && left > 0 && tiers.size < plenty
      for (let i = list.length - 1; i >= split && goOn(); i--) visit(list[i] as number)
      left = enough
      for (let i = 0; i < split && goOn(); i++) visit(list[i] as number)
    },
    best() {
      const byTier = new Map<Tier, number[]>()
      for (const [number, at] of tiers) {
        const group = byTier.get(at)
        if (group === undefined) byTier.set(at, [number])
        else group.push(number)
      }
      const best: number[] = []
      for (const at of [...byTier.keys()].sort((a, b) => a - b)) {
        if (best.length >= limit) break
        best.push(...(byTier.get(at) as number[]).sort(compare))
      }
      return best.slice(0, limit).map((number) => index.slot(number))
    },
  }
  return hits
}

/** Negative when `a` matters more than `b`: updated more recently, else first by name, else by Id. */
export function compareImportance(index: FieldIndex, records: Records, a: number, b: number): number {
  const slotA = index.slot(a)
  const slotB = index.slot(b)
  return compareSlots(records, slotA, slotB, index.text(a), index.text(b))
}

/** The same for records that have no number yet. A text begins with the best name, so it stands for it. */
export function compareSlots(records: Records, a: number, b: number, textA: string, textB: string): number {
  const byTime = records.lastUpdatedOf(b) - records.lastUpdatedOf(a)
  if (byTime !== 0) return byTime
  if (textA !== textB) return textA < textB ? -1 : 1
  return records.idOf(a) < records.idOf(b) ? -1 : 1
}

/** The first position in an ascending list whose number is at least `from`. */
function firstFrom(list: List, from: number): number {
  let high = list.length
  if (high === 0 || (list[high - 1] as number) < from) return high
  let low = 0
  while (low < high) {
    const middle = (low + high) >> 1
    if ((list[middle] as number) < from) low = middle + 1
    else high = middle
  }
  return low
}
