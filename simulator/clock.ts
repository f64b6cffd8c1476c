/**
 * The simulator's time: a real or injected clock that tests can push forward, and QuickBooks' way of writing instants,
 * always in Pacific time with the offset that was in force at that moment.
 */

export interface Clock {
  now(): number
  /** Backwards too, with a negative number. */
  advance(ms: number): void
}

export function createClock(source: () => number): Clock {
  let offset = 0
  return {
    now: () => source() + offset,
    advance(ms) {
      offset += ms
    },
  }
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** The weekday of 1970-01-01, with Sunday as 0. */
const THURSDAY = 4

/** Epoch ms of the given local hour on the nth Sunday of a month, in a zone `offsetHours` from UTC. */
function nthSunday(year: number, month: number, nth: number, offsetHours: number): number {
  const first = Date.UTC(year, month, 1)
  const weekday = (first / DAY_MS + THURSDAY) % 7
  const day = ((7 - weekday) % 7) + (nth - 1) * 7
  return first + day * DAY_MS + (2 - offsetHours) * HOUR_MS
}

/** −7 between the second Sunday of March and the first Sunday of November, 02:00 local; else −8. Rule since 2007. */
export function pacificOffsetHours(at: number): number {
  const year = new Date(at - 8 * HOUR_MS).getUTCFullYear()
  return at >= nthSunday(year, 2, 2, -8) && at < nthSunday(year, 10, 1, -7) ? -7 : -8
}

/** `2026-03-31T16:48:43-07:00`, as in MetaData. */
export function pacificSeconds(at: number): string {
  const offset = pacificOffsetHours(at)
  return `${new Date(at + offset * HOUR_MS).toISOString().slice(0, 19)}-0${-offset}:00`
}

/** `2026-05-05T05:15:24.356-07:00`, as in the envelope's `time`. */
export function pacificMillis(at: number): string {
  const offset = pacificOffsetHours(at)
  return `${new Date(at + offset * HOUR_MS).toISOString().slice(0, 23)}-0${-offset}:00`
}

/** Plain date in Pacific time, as in TxnDate. */
export function pacificDate(at: number): string {
  return pacificSeconds(at).slice(0, 10)
}

const INSTANT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/

/** Reads a query literal as an instant; without an offset it is Pacific. Undefined if it is not a date. */
export function parseInstant(text: string): number | undefined {
  const match = INSTANT.exec(text)
  if (!match) return undefined
  const hasOffset = match[4] !== undefined
  const withColon = text.replace(/([+-]\d{2})(\d{2})$/, (all, hours: string, minutes: string) =>
    text.includes('T') ? `${hours}:${minutes}` : all,
  )
  const utc = Date.parse(hasOffset ? withColon : `${text}${text.includes('T') ? '' : 'T00:00:00'}Z`)
  if (Number.isNaN(utc)) return undefined
  return hasOffset ? utc : utc - pacificOffsetHours(utc + 8 * HOUR_MS) * HOUR_MS
}
