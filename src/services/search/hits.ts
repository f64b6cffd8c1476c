// The best hits of one query while it runs: each record once, at the best tier that a pass found it at. Also the query's
// budget: how many texts it may still look at, which bounds the worst query at every size.
import type { Run, Source } from './source.ts'

/**
 * How well a record answers within a pass; lower is better, and a hit of an earlier pass is better than any of a later
 * one. Within a tier: what matters more first (store.ts).
 */
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
} as const
/** Of one pass: one of `tier`. Of a hit: `tiersInPass` times the place of its pass more. */
export type Tier = number
export const tiersInPass = 8

/** Texts that one query may look at. */
const checkBudget = 6_000
/** Numbers that one query may ask other lists for. */
const stepBudget = 20_000
/** Hits that are ranked. Passes look at the best places first, so what is cut off has worse ones. */
const plenty = 512
/** Taken from lists in which a later number need not matter more: enough to hold the best in all likelihood. */
export const sample = 48

/** Looks at a text and answers with a tier, or null when it does not answer the query. */
export type Check = (text: string) => Tier | null

/** Where passes put what they find. */
export interface Hits {
  /** The place of the pass that runs. */
  pass: number
  /** Records found so far. */
  readonly count: number
  /** The best tier so far, over all passes; Infinity when there is none. */
  readonly best: Tier
  /** True when nothing of this tier of the pass that runs, or worse, can reach the answer. */
  full(at: Tier): boolean
  /** Adds the records of runs that need no look at their texts, those first that matter most. */
  take(source: Source, runs: readonly Run[], at: Tier): void
  /**
   * Adds the records whose text passes; all, at `best`, when there is no check. `best` is the best tier that can still
   * be found here: with enough of those it stops. `holds` is asked before the text is looked at.
   */
  scan(
    source: Source,
    runs: readonly Run[],
    check: Check | null,
    best: Tier,
    holds?: (number: number) => boolean,
  ): void
}

/** What the hits must know of the records. */
export interface Ranking {
  /** False for records that may not be shown. */
  shown(number: number): boolean
  /** Negative when record `a` matters more than `b`. */
  compare(a: number, b: number): number
}

/** The best `limit` hits. */
export interface TopHits extends Hits {
  /** The numbers of the best records, best first. */
  ranked(): number[]
  tierOf(number: number): Tier
}

export function createTopHits({ shown, compare }: Ranking, limit: number): TopHits {
  const tiers = new Map<number, Tier>()
  let best = Number.POSITIVE_INFINITY
  let budget = checkBudget
  let steps = stepBudget

  function add(number: number, found: Tier): boolean {
    if (!shown(number)) return false
    const at = hits.pass * tiersInPass + found
    const known = tiers.get(number)
    if (known === undefined || at < known) tiers.set(number, at)
    if (at < best) best = at
    return true
  }

  /** Takes the lowest `limit` numbers of ascending runs. */
  function takeLowest(runs: readonly Run[], at: Tier): void {
    const heads = runs.map(({ from }) => from)
    let left = limit
    while (left > 0) {
      let lowest = Number.POSITIVE_INFINITY
      for (let i = 0; i < runs.length; i++) {
        const { numbers, to } = runs[i] as Run
        const head = heads[i] as number
        if (head < to && (numbers[head] as number) < lowest) lowest = numbers[head] as number
      }
      if (lowest === Number.POSITIVE_INFINITY) return
      for (let i = 0; i < runs.length; i++) {
        const { numbers, to } = runs[i] as Run
        const head = heads[i] as number
        if (head < to && numbers[head] === lowest) heads[i] = head + 1
      }
      if (add(lowest, at)) left--
    }
  }

  const hits: TopHits = {
    pass: 0,
    get count() {
      return tiers.size
    },
    get best() {
      return best
    },
    full(at) {
      if (tiers.size < limit) return false
      const worst = hits.pass * tiersInPass + at
      let better = 0
      for (const known of tiers.values()) if (known < worst) better++
      return better >= limit
    },
    take({ newestLast }, runs, at) {
      if (!newestLast && runs.length > 1) return takeLowest(runs, at)
      for (const { numbers, from, to } of runs) {
        let left = newestLast ? Math.max(sample, limit) : limit
        if (newestLast)
          for (let i = to - 1; i >= from && left > 0; i--) left -= add(numbers[i] as number, at) ? 1 : 0
        else for (let i = from; i < to && left > 0; i++) left -= add(numbers[i] as number, at) ? 1 : 0
      }
    },
    scan(source, runs, check, atBest, holds) {
      const { newestLast } = source
      for (const { numbers, from, to } of runs) {
        let left = newestLast ? Math.max(sample, limit) : limit
        for (let i = from; i < to && left > 0; i++) {
          if (budget <= 0 || steps <= 0 || tiers.size >= plenty) return
          const number = numbers[newestLast ? to - 1 - (i - from) : i] as number
          if (holds !== undefined && (steps-- <= 0 || !holds(number))) continue
          if (!shown(number)) continue
          if (check !== null) budget--
          const at = check === null ? atBest : check(source.text(number))
          if (at !== null && add(number, at) && at <= atBest) left--
        }
      }
    },
    ranked() {
      const found = [...tiers]
      const inOrder = ([a, tierA]: [number, Tier], [b, tierB]: [number, Tier]) =>
        tierA - tierB || compare(a, b)
      // Most answers are found in their order, and sorting costs as much as finding.
      if (found.some((hit, i) => i > 0 && inOrder(found[i - 1] as [number, Tier], hit) > 0))
        found.sort(inOrder)
      if (found.length > limit) found.length = limit
      return found.map(([number]) => number)
    },
    tierOf: (number) => tiers.get(number) as Tier,
  }
  return hits
}
