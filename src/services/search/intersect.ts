// What several words have in common: the shortest of their runs are walked, and the others are asked for each number.
import { type Run, sizeOf } from './source.ts'

/** The runs to walk, and whether a number of theirs is under every word. */
export interface Common {
  runs: readonly Run[]
  holds: (number: number) => boolean
}

/** Each of `words` is the runs of one word; a record belongs to a word when any of them holds it. */
export function inCommon(words: readonly (readonly Run[])[]): Common {
  // Short ones say no most often, so they are asked first.
  const [shortest = [], ...others] = words.length < 2 ? words : bySize(words)
  const [one = always, ...more] = others.map(anyOf)
  const holds =
    more.length === 0 ? one : (number: number) => one(number) && more.every((each) => each(number))
  return { runs: shortest, holds }
}

const always = () => true

function bySize(words: readonly (readonly Run[])[]): readonly (readonly Run[])[] {
  if (words.length > 2) return words.toSorted((a, b) => sizeOf(a) - sizeOf(b))
  const [a, b] = words as [readonly Run[], readonly Run[]]
  return sizeOf(a) <= sizeOf(b) ? words : [b, a]
}

type Asker = (number: number) => boolean

/** Whether any of these runs holds a number. */
function anyOf(runs: readonly Run[]): Asker {
  const [one = () => false, two, ...more] = runs.map(asker)
  if (two === undefined) return one
  if (more.length === 0) return (number) => one(number) || two(number)
  return (number) => one(number) || two(number) || more.some((holds) => holds(number))
}

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
    let low = from
    let high = from
    while (high < end && (numbers[high] as number) < number) {
      low = high + 1
      high += step
      step *= 2
    }
    if (high > end) high = end
    while (low < high) {
      const middle = (low + high) >> 1
      if ((numbers[middle] as number) < number) low = middle + 1
      else high = middle
    }
    from = low
    return low < end && numbers[low] === number
  }
}
