// How well an answer serves the person who typed. Fair to search: any order of records that fit equally well is right.
// - When an answer has places for all of them, the target must be there, and only records that do not fit push it down.
// - When it has not, what counts is the share of the places that they fill, and where the first of them stands.
import type { Query } from './queries.ts'

/** Results in an answer. */
export const places = 15

export interface Figures {
  /** success@1: the first place is right. */
  first: number
  /** success@15: what was looked for is there. */
  found: number
  /** 1 divided by its rank. Its mean is called MRR. */
  reciprocal: number
}

export interface Judged extends Figures {
  query: Query
  /** Ids, best first. */
  answer: readonly string[]
}

export function judge(query: Query, ids: readonly string[]): Judged {
  const answer = ids.slice(0, places)
  const { fitting, target } = query
  const crowded = fitting.size > places
  const fits = (id: string) => fitting.has(id)
  const at = crowded ? answer.findIndex(fits) : answer.indexOf(target.id)
  const there = at >= 0
  const rank = 1 + answer.slice(0, at).filter((id) => !fits(id)).length
  return {
    query,
    answer,
    first: there && rank === 1 ? 1 : 0,
    found: crowded ? answer.filter(fits).length / places : Number(there),
    reciprocal: there ? 1 / rank : 0,
  }
}

/** Not a number when there is nothing to average. */
export function average(all: readonly Figures[]): Figures {
  const mean = (figure: keyof Figures) => all.reduce((sum, one) => sum + one[figure], 0) / all.length
  return { first: mean('first'), found: mean('found'), reciprocal: mean('reciprocal') }
}

export const inWords = ({ first, found, reciprocal }: Figures) =>
  `success@1 ${first.toFixed(3)}, success@${places} ${found.toFixed(3)}, MRR ${reciprocal.toFixed(3)}`
