/**
 * What the simulator saw: reads that Intuit would bill (CorePlus), token traffic, refusals, the peaks of load, and the
 * last requests. Only the meter counts; the throttle asks it for the load that it decides on.
 */
import type { Operation, OperationName } from './faults.ts'

export interface LoggedRequest {
  readonly at: number
  readonly method: string
  readonly path: string
  readonly operation: OperationName
  readonly entity?: string
  readonly statement?: string
  /** Of the answer; 0 when the connection was dropped instead. */
  status: number
}

export interface MeterReadings {
  /** Successful reads, as Intuit bills them: queries, reads by id, change data capture, company info. */
  corePlus: number
  byOperation: Partial<Record<OperationName, number>>
  byEntity: Record<string, number>
  tokenRequests: number
  /** Answers 429 by the throttle. */
  throttled: number
  /** Answers of 400 and above, throttled ones too. */
  rejected: number
  requests: number
  maxConcurrent: number
  maxPerSecond: number
  maxPerMinute: number
}

export interface Load {
  readonly concurrent: number
  readonly lastSecond: number
  readonly lastMinute: number
}

export interface Meter extends Readonly<MeterReadings> {
  /** The last 2000 requests, oldest first. */
  readonly log: readonly LoggedRequest[]
  /** Load by API requests before this moment. */
  load(now: number): Load
  /** An API request that passes the throttle begins; call the result when its connection is done with it. */
  begin(now: number): () => void
  record(request: LoggedRequest, operation: Operation, billed: boolean): void
  throttledOne(): void
  reset(): void
  readings(): MeterReadings
}

const LOG_LENGTH = 2000
const FORGET_AFTER = 10_000

function zero(): MeterReadings {
  return {
    corePlus: 0,
    byOperation: {},
    byEntity: {},
    tokenRequests: 0,
    throttled: 0,
    rejected: 0,
    requests: 0,
    maxConcurrent: 0,
    maxPerSecond: 0,
    maxPerMinute: 0,
  }
}

const TOKEN_OPERATIONS: ReadonlySet<OperationName> = new Set(['token', 'refresh', 'revoke'])

export function createMeter(): Meter {
  /** Times of the API requests that began, in order; those before `first` are over a minute old. */
  const starts: number[] = []
  let first = 0
  let concurrent = 0

  function load(now: number): Load {
    // The clock was set back: what has not happened yet must not count for days as just now.
    while (starts.length > first && (starts.at(-1) ?? 0) > now) starts.pop()
    const within = (index: number, ms: number) => now - (starts[index] ?? now) < ms
    while (first < starts.length && !within(first, 60_000)) first += 1
    if (first > FORGET_AFTER) {
      starts.splice(0, first)
      first = 0
    }
    let second = starts.length
    while (second > first && within(second - 1, 1000)) second -= 1
    return { concurrent, lastSecond: starts.length - second, lastMinute: starts.length - first }
  }

  const log: LoggedRequest[] = []
  const counted = zero()
  return Object.assign(counted, {
    log,
    load,
    begin(now: number) {
      concurrent += 1
      starts.push(now)
      const { lastSecond, lastMinute } = load(now)
      counted.maxConcurrent = Math.max(counted.maxConcurrent, concurrent)
      counted.maxPerSecond = Math.max(counted.maxPerSecond, lastSecond)
      counted.maxPerMinute = Math.max(counted.maxPerMinute, lastMinute)
      return () => {
        concurrent -= 1
      }
    },
    record(request: LoggedRequest, operation: Operation, billed: boolean) {
      counted.requests += 1
      if (TOKEN_OPERATIONS.has(operation.name)) counted.tokenRequests += 1
      if (request.status >= 400) counted.rejected += 1
      if (billed) {
        counted.corePlus += 1
        counted.byOperation[operation.name] = (counted.byOperation[operation.name] ?? 0) + 1
        for (const entity of operation.entities)
          counted.byEntity[entity] = (counted.byEntity[entity] ?? 0) + 1
      }
      log.push(request)
      if (log.length > LOG_LENGTH) log.splice(0, log.length - LOG_LENGTH)
    },
    throttledOne() {
      counted.throttled += 1
    },
    reset() {
      Object.assign(counted, zero())
      log.length = 0
    },
    readings: () => pickReadings(counted),
  })
}

function pickReadings(counted: MeterReadings): MeterReadings {
  const keys = Object.keys(zero()) as (keyof MeterReadings)[]
  return structuredClone(
    Object.fromEntries(keys.map((key) => [key, counted[key]])),
  ) as unknown as MeterReadings
}
