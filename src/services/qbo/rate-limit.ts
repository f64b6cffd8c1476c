// Keeps every request of one realm within Intuit's limits: 10 at once, 10 a second, 500 a minute
// (developer.intuit.com, Limits and throttles). Requests start evenly spaced, since what counts is when they
// arrive: a burst that leaves in one second can arrive together with the next one.

import type { Clock } from '../clock.ts'

/** The limits; the defaults are Intuit's with a margin for what the network adds. */
export interface RateLimits {
  concurrent: number
  /** Least time between two starts, in milliseconds. */
  spacingMs: number
  perMinute: number
}

const INTUIT_LIMITS: RateLimits = { concurrent: 10, spacingMs: 104, perMinute: 500 }

/** The minute's window is a little longer than a minute, for the same reason as the spacing. */
const MINUTE_MS = 60_500

/** Admits requests in the order in which they asked. */
export interface RateLimiter {
  /** Runs `task` when the limits allow it. Rejects without running it when `signal` is aborted first. */
  run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T>
  /** Nothing starts for `ms` from now: QuickBooks asked to wait. */
  pause(ms: number): void
  /** Milliseconds until the next request may start; 0 when it may now. */
  waitMs(): number
}

/** A limiter for one realm. */
export function createRateLimiter(deps: { clock: Clock; limits?: Partial<RateLimits> }): RateLimiter {
  const { clock } = deps
  const { concurrent, spacingMs, perMinute } = { ...INTUIT_LIMITS, ...deps.limits }
  const waiting: (() => void)[] = []
  const starts: number[] = []
  let running = 0
  let pausedUntil = 0
  let timer = false

  function nextStart(): number {
    const spaced = (starts.at(-1) ?? Number.NEGATIVE_INFINITY) + spacingMs
    const windowed = starts.length < perMinute ? 0 : (starts[0] as number) + MINUTE_MS
    return Math.max(spaced, windowed, pausedUntil)
  }

  function admit(): void {
    while (waiting.length > 0 && running < concurrent) {
      const wait = nextStart() - clock.now()
      if (wait > 0) {
        wakeIn(wait)
        return
      }
      starts.push(clock.now())
      if (starts.length > perMinute) starts.shift()
      running += 1
      const start = waiting.shift()
      start?.()
    }
  }

  function wakeIn(ms: number): void {
    if (timer) return
    timer = true
    void clock.sleep(ms).then(() => {
      timer = false
      admit()
    })
  }

  function enter(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const start = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        const place = waiting.indexOf(start)
        if (place >= 0) waiting.splice(place, 1)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', leave, { once: true })
      waiting.push(start)
      admit()
    })
  }

  return {
    async run(task, signal) {
      await enter(signal)
      try {
        return await task()
      } finally {
        running -= 1
        admit()
      }
    },
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, clock.now() + ms)
    },
    waitMs: () => Math.max(0, nextStart() - clock.now()),
  }
}
