// What several words have in common: the shortest of their lists is walked, and the others are asked for each number.
import { type List, type Slots, sizeOf } from './postings.ts'

/** The lists to walk, and whether a number of theirs is under every word. */
export interface Common {
  lists: Slots
  holds: (number: number) => boolean
}

/** Each of `words` is the lists of one word; a record belongs to a word when any of them holds it. */
export function inCommon(words: readonly Slots[]): Common {
  const [shortest = [], ...others] = [...words].sort((a, b) => sizeOf(a) - sizeOf(b))
  const asked = others.map((slots) =>
    slots.filter((list) => list !== undefined && list.length > 0).map((list) => asker(list as List)),
  )
  return {
    lists: shortest,
    holds: (number) => asked.every((word) => word.some((holds) => holds(number))),
  }
}

/**
 * Whether an ascending list holds a number. Numbers mostly come in ascending order too, so the search begins where the
 * last one ended, in steps that double.
 */
function asker(list: List): (number: number) => boolean {
  let from = 0
  let last = -1
  return (number) => {
    if (number < last) from = 0
    last = number
    let step = 1
    let to = from
    while (to < list.length && (list[to] as number) < number) {
      from = to + 1
      to += step
      step *= 2
    }
    let high = Math.min(to, list.length - 1)
    while (from < high) {
      const middle = (from + high) >> 1
      if ((list[middle] as number) < number) from = middle + 1
      else high = middle
    }
    return list[from] === number
  }
}
