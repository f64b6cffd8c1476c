// What was searched for and not found, in the log, where LOG_QUERIES asks for it: no more lines than a person reads,
// however many people type, and how many were left out.
import { type Clock, steady } from '../clock.ts'
import type { Log } from '../log.ts'

/** See the header of this file. */
export interface MissLog {
  missed(index: string, q: string): void
  /** Tells what was left out last. */
  close(): void
}

/** Lines in a minute. */
export const MOST_MISSES = 60
const MINUTE_MS = 60_000

export function createMissLog({ clock, log }: { clock: Clock; log: Log }): MissLog {
  const now = steady(clock)
  let beganAt = Number.NEGATIVE_INFINITY
  let told = 0

  function tellLeftOut(): void {
    const leftOut = told - MOST_MISSES
    if (leftOut > 0) log.info({ leftOut }, 'More searches found nothing, too many to log')
    told = 0
  }

  return {
    missed(index, q) {
      if (now() - beganAt >= MINUTE_MS) {
        tellLeftOut()
        beganAt = now()
      }
      told += 1
      if (told <= MOST_MISSES) log.info({ index, q }, 'Search found nothing')
    },
    close: tellLeftOut,
  }
}
