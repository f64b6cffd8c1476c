// The status as it changes, for pages that show it. It is read once for all of them, and only while somebody looks.

import type { Readable } from 'node:stream'
import { reasonOf } from '../../errors.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { ReadStatus, Status } from '../status.ts'
import { createStreams, send } from './streams.ts'

/** Pages that follow the status. */
export interface StatusFeed {
  /** A stream of events `status`, beginning with how it is now. @throws AppError 503 when too many follow it. */
  join(address: string): Readable
  beat(): void
  /** Ends all streams. */
  end(): void
}

/** A shop has few consoles; anybody can open one. */
const MOST = 100
const MOST_OF_ONE_ADDRESS = 25
/** Milliseconds between two readings: at rest, and while a refresh runs. */
const REST_MS = 1_000
const BUSY_MS = 250

/** Nobody follows at first. */
export function createStatusFeed(deps: { readStatus: ReadStatus; clock: Clock; log: Log }): StatusFeed {
  const { readStatus, clock, log } = deps
  const streams = createStreams(MOST, MOST_OF_ONE_ADDRESS)
  let isWatching = false
  /** What was told last. */
  let told = ''

  async function watch(): Promise<void> {
    isWatching = true
    let known = ''
    while (!streams.isEmpty()) {
      let pause = REST_MS
      try {
        const status = await readStatus()
        const now = withoutAges(status)
        told = eventOf(status)
        if (now !== known) streams.sendAll(told)
        known = now
        if (status.refresh.running) pause = BUSY_MS
      } catch (error) {
        log.warn({ reason: reasonOf(error) }, 'The status could not be read; it is tried again')
      }
      await clock.sleep(pause)
    }
    told = ''
    isWatching = false
  }

  return {
    join(address) {
      const stream = streams.open(address)
      if (isWatching) send(stream, told)
      else void watch()
      return stream
    },
    beat: streams.beat,
    end: streams.end,
  }
}

const eventOf = (status: Status): string => `event: status\ndata: ${JSON.stringify(status)}\n\n`

/** What grows by itself is no news. */
const withoutAges = (status: Status): string =>
  JSON.stringify(status, (key, value) => (['age_seconds', 'lag_seconds'].includes(key) ? undefined : value))
