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
  const lists = others.map((slots) => slots.filter((list) => list !== undefined && list.length > 0) as List[])
  return {
    lists: shortest,
    holds: (number) => {
      for (const word of lists) if (!anyHolds(word, number)) return false
      return true
    },
  }
}

function anyHolds(lists: readonly List[], number: number): boolean {
  for (const list of lists) if (holds(list, number)) return true
  return false
}

/** Lists are ascending. */
function holds(list: List, number: number): boolean {
  let low = 0
  let high = list.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const found = list[middle] as number
    if (found === number) return true
    if (found < number) low = middle + 1
    else high = middle - 1
  }
  return false
}
