// A circuit breaker: when QuickBooks as a whole does not answer, it is left alone for a while, then tried with one request
// on whose outcome the others wait. Faults that QuickBooks itself answers with are none of its business.

import { AppError } from '../../errors.ts'
import { type Clock, isoOrNull, steady } from '../clock.ts'
import type { Log } from '../log.ts'
import { isOutage } from './faults.ts'

/** Closed: requests pass. Open: none does until `retryAt`. Half open: one is under way that decides. */
export interface CircuitState {
  circuit: 'closed' | 'open' | 'half_open'
  /** Epoch milliseconds; null when closed. */
  retryAt: number | null
}

/** See the header of this file. */
export interface Breaker {
  /**
   * Runs `task`, unless the circuit is open; `atOnce` tries it even then, for a person asked.
   * @throws AppError of the outage without running it; whatever `task` throws.
   */
  run<T>(task: () => Promise<T>, options?: { atOnce?: boolean }): Promise<T>
  state(): CircuitState
}

/** So many failures without an answer in between: more than one read alone makes of a bad moment. */
const FAILURES = 10
const FIRST_PAUSE_MS = 30_000
const LONGEST_PAUSE_MS = 5 * 60_000

interface Outage {
  error: AppError
  pauseMs: number
  /** By `steady`. */
  until: number
  retryAt: number
}

/** A breaker for one host, closed. */
export function createBreaker({ clock, log }: { clock: Clock; log: Log }): Breaker {
  const now = steady(clock)
  let failures = 0
  let outage: Outage | undefined
  /** Resolves when the request that decides has its outcome. */
  let probe: Promise<void> | undefined

  function failed(error: AppError, isProbe: boolean): void {
    failures += 1
    if (!isProbe && (outage !== undefined || failures < FAILURES)) return
    const pauseMs = Math.min(outage === undefined ? FIRST_PAUSE_MS : outage.pauseMs * 2, LONGEST_PAUSE_MS)
    const retryAt = clock.now() + pauseMs
    if (outage === undefined)
      log.warn(
        { code: error.code, intuitTid: error.intuitTid, pauseMs },
        'QuickBooks does not answer: it is left alone for a while, then tried with one request',
      )
    outage = { error, pauseMs, until: now() + pauseMs, retryAt }
  }

  function answered(): void {
    failures = 0
    if (outage !== undefined) log.info({}, 'QuickBooks answers again')
    outage = undefined
  }

  async function watch<T>(task: () => Promise<T>, isProbe: boolean): Promise<T> {
    try {
      const result = await task()
      answered()
      return result
    } catch (error) {
      if (isOutage(error)) failed(error, isProbe)
      else if (error instanceof AppError && error.code.startsWith('QBO_')) answered()
      throw error
    }
  }

  return {
    async run(task, { atOnce = false } = {}) {
      const waited = probe !== undefined
      while (probe !== undefined) await probe
      if (outage === undefined) return await watch(task, false)
      if ((waited || !atOnce) && now() < outage.until) throw leftAlone(outage, outage.until - now())
      const decided = Promise.withResolvers<void>()
      probe = decided.promise
      try {
        return await watch(task, true)
      } finally {
        probe = undefined
        decided.resolve()
      }
    },
    state: () => ({
      circuit: probe !== undefined ? 'half_open' : outage !== undefined ? 'open' : 'closed',
      retryAt: outage?.retryAt ?? null,
    }),
  }
}

/** The outage as it was, and when QuickBooks is asked again. */
function leftAlone({ error, retryAt }: Outage, waitMs: number): AppError {
  return new AppError({
    code: error.code,
    status: 503,
    retry: 'later',
    message: `${error.message} It did not answer several times and is left alone until ${isoOrNull(retryAt)}.`,
    intuitTid: error.intuitTid,
    retryAfterSeconds: Math.ceil(waitMs / 1000),
    cause: error,
  })
}
