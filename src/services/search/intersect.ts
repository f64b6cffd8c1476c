// What several words have in common: the shortest of their runs are walked, and the others are asked for each number.
// Classes and plain loops: two of three keystrokes with several words spend most of their time here.
import { type Run, sizeOf } from './source.ts'

/** Records that are under every word. */
export class Common {
  /** To walk: not all that they hold are under the other words. */
  readonly runs: readonly Run[]
  private readonly others: readonly (readonly Cursor[])[]

  /** Each of `words` is the runs of one word; a record belongs to a word when any of them holds it. */
  constructor(words: readonly (readonly Run[])[]) {
    // Short ones say no most often, so they are asked first.
    const [shortest = [], ...others] = words.length < 2 ? words : bySize(words)
    this.runs = shortest
    this.others = others.map((runs) => runs.map((run) => new Cursor(run)))
  }

  /** Whether there is nothing to ask. */
  get isAll(): boolean {
    return this.others.length === 0
  }

  /** Whether a number of `runs` is under every other word. */
  holds(number: number): boolean {
    for (const cursors of this.others) if (!anyHolds(cursors, number)) return false
    return true
  }
}

/** All of these runs. */
export const only = (runs: readonly Run[]): Common => new Common([runs])

function bySize(words: readonly (readonly Run[])[]): readonly (readonly Run[])[] {
  if (words.length > 2) return words.toSorted((a, b) => sizeOf(a) - sizeOf(b))
  const [a, b] = words as [readonly Run[], readonly Run[]]
  return sizeOf(a) <= sizeOf(b) ? words : [b, a]
}

function anyHolds(cursors: readonly Cursor[], number: number): boolean {
  for (const cursor of cursors) if (cursor.holds(number)) return true
  return false
}

/**
 * Whether an ascending run holds a number. Numbers mostly come in ascending order too, so the search begins where the
 * last one ended, in steps that double.
 */
class Cursor {
  private readonly run: Run
  private from: number
  private last = -1

  constructor(run: Run) {
    this.run = run
    this.from = run.from
  }

  holds(number: number): boolean {
    const { numbers, to } = this.run
    if (number < this.last) this.from = this.run.from
    this.last = number
    let step = 1
    let low = this.from
    let high = low
    while (high < to && (numbers[high] as number) < number) {
      low = high + 1
      high += step
      step *= 2
    }
    if (high > to) high = to
    while (low < high) {
      const middle = (low + high) >> 1
      if ((numbers[middle] as number) < number) low = middle + 1
      else high = middle
    }
    this.from = low
    return low < to && numbers[low] === number
  }
}
