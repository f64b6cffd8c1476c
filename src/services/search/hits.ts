// The best hits of one query while it runs: each record once, at the best tier that a pass found it at. Also the query's
// budget: how many texts it may still look at, which bounds the worst query at every size.
import { type Common, only } from './intersect.ts'
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
  /** The same, but some of them only words of an e-mail address. */
  address: 8,
} as const
/** Of one pass: one of `tier`. Of a hit: `tiersInPass` times the place of its pass more. */
export type Tier = number
export const tiersInPass = 9

/** Texts that one query may look at. */
const checkBudget = 6_000
/** Numbers that one query may ask other lists for. */
const stepBudget = 20_000
/** Hits that are ranked. Passes look at the best places first, so what is cut off has worse ones. */
const plenty = 512

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
   * be found here: with enough of those it stops.
   */
  scan(source: Source, common: Common, check: Check | null, best: Tier): void
}

/** What the hits must know of the records. */
export interface Ranking {
  /** Others are not shown. */
  isActive(number: number): boolean
  /** Negative when record `a` matters more than `b`. */
  compare(a: number, b: number): number
}

/** The records that matter most among those that come in any order. */
export interface MostImportant {
  /** Whether a record is among them once it is added. */
  has(number: number): boolean
  add(number: number): void
  /** Most important first. */
  readonly numbers: readonly number[]
}

export function createMostImportant(limit: number, { compare }: Pick<Ranking, 'compare'>): MostImportant {
  const numbers: number[] = []
  const has = (number: number) => numbers.length < limit || compare(number, numbers.at(-1) as number) < 0
  return {
    numbers,
    has,
    add(number) {
      if (!has(number)) return
      let at = numbers.length
      while (at > 0 && compare(number, numbers[at - 1] as number) < 0) at--
      numbers.splice(at, 0, number)
      if (numbers.length > limit) numbers.pop()
    },
  }
}

/** The best `limit` hits. A class, because one is made for every keystroke: it costs a tenth of as many closures. */
export class TopHits implements Hits {
  pass = 0
  best = Number.POSITIVE_INFINITY
  private readonly ranking: Ranking
  private readonly limit: number
  /** Records in the order in which they were found, and their tiers. Few: looking through them beats a map. */
  private readonly found: number[] = []
  private readonly tiers: Tier[] = []
  private budget = checkBudget
  private steps = stepBudget

  constructor(ranking: Ranking, limit: number) {
    this.ranking = ranking
    this.limit = limit
  }

  get count(): number {
    return this.found.length
  }

  full(at: Tier): boolean {
    if (this.found.length < this.limit) return false
    const worst = this.pass * tiersInPass + at
    let better = 0
    for (const known of this.tiers) if (known < worst) better++
    return better >= this.limit
  }

  take(source: Source, runs: readonly Run[], at: Tier): void {
    if (!source.inOrder) this.scan(source, only(runs), null, at)
    else if (runs.length > 1) this.takeLowest(runs, at)
    else {
      for (const { numbers, from, to } of runs) {
        let left = this.limit
        for (let i = from; i < to && left > 0; i++) if (this.add(numbers[i] as number, at)) left--
      }
    }
  }

  scan(source: Source, common: Common, check: Check | null, best: Tier): void {
    const { isAll } = common
    for (const { numbers, from, to } of common.runs) {
      let left = this.limit
      const most = source.inOrder ? null : createMostImportant(this.limit, this.ranking)
      for (let i = from; i < to && left > 0; i++) {
        if (this.budget <= 0 || this.steps <= 0 || this.found.length >= plenty) return
        const number = numbers[i] as number
        if (!isAll && (this.steps-- <= 0 || !common.holds(number))) continue
        if (!this.ranking.isActive(number) || most?.has(number) === false) continue
        if (check !== null) this.budget--
        const at = check === null ? best : check(source.text(number))
        if (at === null) continue
        this.add(number, at)
        if (at > best) continue
        if (most === null) left--
        else most.add(number)
      }
    }
  }

  /** The numbers of the best records, best first. */
  ranked(): number[] {
    const { found, tiers } = this
    const order = found.map((_, i) => i)
    const compare = (i: number, j: number) =>
      (tiers[i] as Tier) - (tiers[j] as Tier) || this.ranking.compare(found[i] as number, found[j] as number)
    // Most answers are found in their order, and sorting costs as much as finding.
    if (order.some((i) => i > 0 && compare(i - 1, i) > 0)) order.sort(compare)
    if (order.length > this.limit) order.length = this.limit
    return order.map((i) => found[i] as number)
  }

  tierOf(number: number): Tier {
    return this.tiers[this.found.indexOf(number)] as Tier
  }

  private add(number: number, found: Tier): boolean {
    if (!this.ranking.isActive(number)) return false
    const at = this.pass * tiersInPass + found
    const known = this.found.indexOf(number)
    if (known < 0) {
      this.found.push(number)
      this.tiers.push(at)
    } else if (at < (this.tiers[known] as Tier)) this.tiers[known] = at
    if (at < this.best) this.best = at
    return true
  }

  /** Takes the lowest `limit` numbers of ascending runs. */
  private takeLowest(runs: readonly Run[], at: Tier): void {
    const heads = runs.map(({ from }) => from)
    let left = this.limit
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
      if (this.add(lowest, at)) left--
    }
  }
}
