// Long work in short slices, so that no request waits behind it: between slices the event loop gets its turn.
import { setImmediate } from 'node:timers/promises'

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

/** A stable merge sort in slices: `before(a, b)` says that a must come first. Answers with a new array. */
export async function sortInSlices(
  values: Int32Array<ArrayBuffer>,
  before: (a: number, b: number) => boolean,
  slices: Slices,
): Promise<Int32Array<ArrayBuffer>> {
  let from = Int32Array.from(values)
  let to = new Int32Array(values.length)
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
        if ((i & 127) === 0 && slices.due()) await slices.pause()
      }
    }
    ;[from, to] = [to, from]
  }
  return from
}
