// Keeps every request of one realm within Intuit's limits: 10 at once, 10 a second, 500 a minute
// (developer.intuit.com, Limits and throttles). What counts is when requests arrive, which nobody tells us: after they
// started and before their answer came. So the second of a request begins when its answer has come, or when it must
// have arrived.

import { type Clock, steady } from '../clock.ts'

/** The limits; the defaults are Intuit's. */
export interface RateLimits {
  concurrent: number
  perSecond: number
  perMinute: number
}

const INTUIT_LIMITS: RateLimits = { concurrent: 10, perSecond: 10, perMinute: 500 }

/** Least time between two starts: the answers to a burst would come in one piece. */
const SPACING_MS = 90
/** A request has arrived this long after it started, as far as the limits are concerned. */
const ARRIVED_MS = 250
/** The first ones can take longer, on connections that are being made, and all when QuickBooks has refused one. */
const ARRIVED_LATE_MS = 500
const FIRST_REQUESTS = 10
const SECOND_MS = 1001
const MINUTE_MS = 60_500
/** So many that go first are admitted one after the other; then another one, so that nobody waits for ever. */
const FIRST_IN_A_ROW = 2

/** A request's start, how long it is given to arrive, and its end once it has one. */
interface Span {
  start: number
  arrivedMs: number
  end: number | undefined
}

type Start = (span: Span) => void

/** Admits requests in the order in which they asked, but for those that go first. */
export interface RateLimiter {
  /**
   * Runs `task` when the limits allow it; `first` before others that wait, of which it leaves a third of the places.
   * Rejects without running it when `signal` is aborted first.
   */
  run<T>(task: () => Promise<T>, options?: { signal?: AbortSignal | undefined; first?: boolean }): Promise<T>
  /** Nothing starts for `ms` from now: QuickBooks asked to wait. `refused`: because the limits were not kept. */
  pause(ms: number, refused?: boolean): void
  /** Milliseconds until the next request may start; 0 when it may now. */
  waitMs(): number
}

/** A limiter for one realm. */
export function createRateLimiter(deps: { clock: Clock; limits?: Partial<RateLimits> }): RateLimiter {
  const { clock } = deps
  const now = steady(clock)
  const { concurrent, perSecond, perMinute } = { ...INTUIT_LIMITS, ...deps.limits }
  const waiting: { first: Start[]; others: Start[] } = { first: [], others: [] }
  /** The last requests, as many as the minute allows, oldest first. */
  const spans: Span[] = []
  let firstInARow = 0
  let running = 0
  let pausedUntil = 0
  let refusals = 0
  let timer = false

  function nextStart(): number {
    const last = spans.at(-1)
    const ofSecond = spans.at(-perSecond)
    const ofMinute = spans.at(-perMinute)
    return Math.max(
      last === undefined ? 0 : last.start + SPACING_MS,
      spans.length < perSecond || ofSecond === undefined ? 0 : arrival(ofSecond) + SECOND_MS,
      spans.length < perMinute || ofMinute === undefined ? 0 : ofMinute.start + MINUTE_MS,
      pausedUntil,
    )
  }

  /** The latest time at which a request can have arrived. */
  const arrival = ({ start, arrivedMs, end }: Span) =>
    Math.min(start + arrivedMs, end ?? Number.POSITIVE_INFINITY)

  function takeNext(): Start | undefined {
    const { first, others } = waiting
    const isFirst = others.length === 0 || (first.length > 0 && firstInARow < FIRST_IN_A_ROW)
    firstInARow = isFirst ? firstInARow + 1 : 0
    return (isFirst ? first : others).shift()
  }

  function admit(): void {
    while (waiting.first.length + waiting.others.length > 0 && running < concurrent) {
      const wait = nextStart() - now()
      if (wait > 0) {
        wakeIn(wait)
        return
      }
      const late = refusals > 0 || spans.length < FIRST_REQUESTS
      const span = { start: now(), arrivedMs: late ? ARRIVED_LATE_MS : ARRIVED_MS, end: undefined }
      spans.push(span)
      if (spans.length > perMinute) spans.shift()
      running += 1
      takeNext()?.(span)
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

  function enter(signal: AbortSignal | undefined, first: boolean): Promise<Span> {
    const queue = first ? waiting.first : waiting.others
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const start = (span: Span) => {
        signal?.removeEventListener('abort', leave)
        resolve(span)
      }
      const leave = () => {
        const place = queue.indexOf(start)
        if (place >= 0) queue.splice(place, 1)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', leave, { once: true })
      queue.push(start)
      admit()
    })
  }

  return {
    async run(task, { signal, first = false } = {}) {
      const span = await enter(signal, first)
      try {
        return await task()
      } finally {
        span.end = now()
        running -= 1
        admit()
      }
    },
    pause(ms, refused = false) {
      if (refused) refusals += 1
      pausedUntil = Math.max(pausedUntil, now() + ms)
    },
    waitMs: () => Math.max(0, nextStart() - now()),
  }
}
