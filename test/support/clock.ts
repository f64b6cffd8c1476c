// Two clocks that a test owns: one that moves only when told, one that never waits.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../src/services/clock.ts'

/** A clock that stands still until `advance`, which wakes the sleepers on its way in their order. */
export interface ManualClock extends Clock {
  advance(ms: number): Promise<void>
  /** How many sleep now. */
  sleepers(): number
}

/** 2026-11-23T12:00:00Z, so that a test's times can be read. */
export const START = Date.UTC(2026, 10, 23, 12)

export function createManualClock(now = START): ManualClock {
  let sleeping: { at: number; wake: () => void }[] = []
  return {
    now: () => now,
    sleepers: () => sleeping.length,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { at: now + ms, wake: resolve }
        sleeping.push(sleeper)
        signal?.addEventListener('abort', () => {
          sleeping = sleeping.filter((one) => one !== sleeper)
          reject(signal.reason)
        })
      }),
    async advance(ms) {
      const end = now + ms
      for (;;) {
        await nextTurn()
        const next = sleeping.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        sleeping = sleeping.filter((one) => one !== next)
        now = Math.max(now, next.at)
        next.wake()
      }
      now = end
      await nextTurn()
    },
  }
}

/**
 * A clock on which every sleep passes at once: for real sockets whose waits are not the point. Only a sleep and
 * `advance` move it, so that how fast the machine is decides nothing, such as in which second a change falls.
 * `mustWait`: a sleep lasts as long as it says so.
 */
export function createLeapingClock(
  now = START,
  mustWait = () => false,
): Clock & { advance(ms: number): void; slept: number[] } {
  const slept: number[] = []
  return {
    slept,
    now: () => now,
    advance: (ms) => {
      now += ms
    },
    async sleep(ms, signal) {
      slept.push(ms)
      while (mustWait()) await nextTurn()
      now += ms
      await nextTurn()
      signal?.throwIfAborted()
    },
  }
}
