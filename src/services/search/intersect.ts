// What several words have in common: the shortest of their runs are walked, and the others are asked for each number.
import { type Run, sizeOf } from './source.ts'

/** The runs to walk, and whether a number of theirs is under every word. */
export interface Common {
  runs: readonly Run[]
  holds: (number: number) => boolean
}

/** Each of `words` is the runs of one word; a record belongs to a word when any of them holds it. */
export function inCommon(words: readonly (readonly Run[])[]): Common {
  let shortest = words[0] as readonly Run[]
  for (const runs of words) if (sizeOf(runs) < sizeOf(shortest)) shortest = runs
  const others = words.filter((runs) => runs !== shortest).map((runs) => runs.map(asker))
  const holds = (number: number) => {
    for (const askers of others) {
      let held = false
      for (let i = 0; i < askers.length && !held; i++) held = (askers[i] as Asker)(number)
      if (!held) return false
    }
    return true
  }
  return { runs: shortest, holds }
}

type Asker = (number: number) => boolean

/**
 * Whether an ascending run holds a number. Numbers mostly come in ascending order too, so the search begins where the
 * last one ended, in steps that double.
 */
function asker({ numbers, from: start, to: end }: Run): Asker {
  let from = start
  let last = -1
  return (number) => {
    if (number < last) from = start
    last = number
    let step = 1
    let to = from
    while (to < end && (numbers[to] as number) < number) {
      from = to + 1
      to += step
      step *= 2
    }
    let high = Math.min(to, end - 1)
    while (from < high) {
      const middle = (from + high) >> 1
      if ((numbers[middle] as number) < number) from = middle + 1
      else high = middle
    }
    return from < end && numbers[from] === number
  }
}
