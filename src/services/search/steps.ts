// Long work in steps. A thread of its own runs them in one go; the thread that answers requests runs them in slices, so
// that none waits: between two slices the event loop gets its turn.
import { setImmediate } from 'node:timers/promises'

/** Steps of about a millisecond or less; between two of them anything else may happen. */
export type Steps<T> = Generator<void, T>

/** Lets everything else that is waiting run first. */
export type YieldNow = () => Promise<unknown>

export interface Slices {
  /** True when this slice has run its time; then `await pause()`. Cheap enough to ask for every record. */
  due(): boolean
  pause(): Promise<void>
}

/** Slices of about `sliceMs` milliseconds. */
export function createSlices(yieldNow: YieldNow = setImmediate, sliceMs = 3): Slices {
  let started = performance.now()
  return {
    due: () => performance.now() - started >= sliceMs,
    async pause() {
      await yieldNow()
      started = performance.now()
    },
  }
}

export function inOneGo<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

export async function inSlices<T>(steps: Steps<T>, slices: Slices): Promise<T> {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (slices.due()) await slices.pause()
  }
}

/** A stable merge sort: `before(a, b)` says that a must come first. Answers with a new array. */
export function* sorted(values: Int32Array, before: (a: number, b: number) => boolean): Steps<Int32Array> {
  let from = values.slice()
  let to = values.slice()
  for (let width = 1; width < values.length; width *= 2) {
    for (let start = 0; start < values.length; start += 2 * width) {
      const middle = Math.min(start + width, values.length)
      const end = Math.min(start + 2 * width, values.length)
      let left = start
      let right = middle
      for (let i = start; i < end; i++) {
        const takeRight =
          left >= middle || (right < end && before(from[right] as number, from[left] as number))
        to[i] = from[takeRight ? right++ : left++] as number
        if ((i & 255) === 0) yield
      }
    }
    ;[from, to] = [to, from]
  }
  return from
}
