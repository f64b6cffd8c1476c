// Reads from the QuickBooks Online Accounting API. Every request goes through the realm's rate limiter; reads are
// retried with full jitter, a refused access token is renewed once. It knows no entity and keeps no data.

import { AppError } from '../../errors.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { type CircuitState, createBreaker } from './breaker.ts'
import { faultOf, isDivisible, outcomeOf, type RawAnswer, throttled, unreadable } from './faults.ts'
import { exchange, type Outside } from './http.ts'
import type { RateLimiter } from './rate-limit.ts'
import { instant } from './statements.ts'

/** The access token and company to use; `renew` is called once when QuickBooks refuses the token. */
export interface AccessSource {
  access(): Promise<Access>
  renew(rejected: string): Promise<Access>
}

/** An access token and the company that it opens. */
export interface Access {
  realmId: string
  token: string
}

/** A parsed answer to a query. */
export interface QueryAnswer {
  /** The rows of the entity asked for; empty when QuickBooks sent none. */
  rows: unknown[]
  /** Only of `SELECT count(*)`, and of some entities. */
  totalCount: number | undefined
  /** QuickBooks' own time of the answer, epoch milliseconds, when it told one. */
  time: number | undefined
}

/** What change data capture knows of the entities that were asked for. */
export interface ChangesAnswer {
  /** By QuickBooks' name: full records, and stubs of deleted ones. */
  rows: Map<string, unknown[]>
  /** QuickBooks' own time of the answer, epoch milliseconds, when it told one. */
  time: number | undefined
}

/**
 * Why QuickBooks is read: a full pass or a look for changes by the clock, a webhook, an admin, a try of the connection.
 */
export type ReadReason = 'full' | 'changes' | 'webhook' | 'admin' | 'test'

/** Reads that nobody waits for: they can wait for another month, or for QuickBooks to answer again. */
export const BY_THE_CLOCK: readonly ReadReason[] = ['full', 'changes']

/** How a query is run, beside its statement. */
export interface QueryOptions {
  signal?: AbortSignal
  /** The caller asks for less where that can help: then it is not tried again as it is. */
  divisible?: boolean
}

/** The reads that this service makes, for one reason. All throw AppError when QuickBooks has no usable answer. */
export interface QboReader {
  /** Runs one statement of the query language; `entity` is QuickBooks' name, e.g. `Customer`. */
  query(entity: string, statement: string, options?: QueryOptions): Promise<QueryAnswer>
  /** Runs a `SELECT count(*)`. */
  count(entity: string, statement: string): Promise<number>
  /**
   * What changed in these entities since `since` (epoch milliseconds). Silently cut off at `CHANGES_LIMIT` rows
   * (developer.intuit.com, Change data capture).
   */
  changes(entities: readonly string[], since: number): Promise<ChangesAnswer>
}

/** QuickBooks for one company. */
export interface QboClient {
  /** Reads for `reason`, until `signal` is aborted. Webhooks go before others that wait. */
  reader(reason: ReadReason, signal?: AbortSignal): QboReader
  /** The connected company's name, from `companyinfo`. */
  companyName(signal?: AbortSignal): Promise<string>
  /**
   * Asks for the company with tokens that are not stored yet, once. @throws AppError, QBO_FORBIDDEN when they open
   * another one.
   */
  tryAccess(access: Access): Promise<void>
  /** Requests sent so far, retries included. */
  requests(): number
  /** Whether QuickBooks is asked at present, and until when it is not. */
  circuit(): CircuitState
}

/** Change data capture never answers more rows than this, and does not say when there are more. */
export const CHANGES_LIMIT = 1000
/** What change data capture knows goes back so many days; an older time is refused. */
export const CHANGES_DAYS = 30

/** Everything that the client needs of the outside. */
export interface QboClientDeps {
  baseUrl: string
  outside: Outside
  tokens: AccessSource
  limiter: RateLimiter
  clock: Clock
  /** 0 ≤ value < 1 */
  random(): number
  log: Log
  /** Ends every read when the service stops. */
  stopping: AbortSignal
  /** Hears of every successful read, which Intuit bills. */
  onRead(entity: string, reason: ReadReason): void
  /** Hears of every request that was sent: one of `OUTCOMES`, and how long its answer took in milliseconds. */
  onRequest?(outcome: string, ms: number): void
  /** Asked before every read. @throws AppError when it must not be made. */
  mayRead?(reason: ReadReason): void
}

/** A read: its path below the company, and the statement to post when it is a query. */
interface Read {
  reason: ReadReason
  /** QuickBooks' name, `all` or `company`. */
  entity: string
  path(realmId: string): string
  statement?: string
  /** Instead of the connection's. */
  access?: Access
}

/** An answer, and how long it took in milliseconds. */
interface Sent {
  answer: RawAnswer
  ms: number
}

/** The cheapest read there is. */
const COMPANY: Read = { reason: 'test', entity: 'company', path: (realmId) => `companyinfo/${realmId}` }

const MINOR_VERSION = '75'
const MAX_ATTEMPTS = 5
const BACKOFF_BASE_MS = 500
const BACKOFF_CAP_MS = 30_000
/** On 429 without Retry-After (developer.intuit.com, Limits and throttles: "wait 60 seconds"). */
const THROTTLED_MS = 60_000
/** Shorter waits are how the limits are kept. */
const WORTH_TELLING_MS = 5_000
/** A person is not kept waiting longer than this for tokens to be tried. */
const TRY_MS = 10_000
/** A caller is not kept waiting longer than this for QuickBooks to be ready again. */
const LONGEST_WAIT_MS = 5 * 60_000

/** A client of one company at a time: whichever `tokens` is connected to. */
export function createQboClient(deps: QboClientDeps): QboClient {
  const { outside, tokens, limiter, clock, random, log } = deps
  const breaker = createBreaker({ clock, log })
  let requests = 0

  async function send(read: Read, signal: AbortSignal): Promise<Sent> {
    const limited = { signal, first: read.reason === 'webhook' }
    const attempt = ({ realmId, token }: Access) => {
      const url = new URL(`${deps.baseUrl}/v3/company/${realmId}/${read.path(realmId)}`)
      url.searchParams.set('minorversion', MINOR_VERSION)
      const headers = { authorization: `Bearer ${token}`, accept: 'application/json' }
      const request =
        read.statement === undefined
          ? { method: 'GET' as const, headers }
          : {
              method: 'POST' as const,
              headers: { ...headers, 'content-type': 'application/text' },
              body: read.statement,
            }
      // Asked when it is its turn: what waits was allowed together.
      return limiter.run(async () => {
        deps.mayRead?.(read.reason)
        requests += 1
        const sentAt = performance.now()
        try {
          const answer = await exchange(outside, { url: url.href, signal, ...request })
          return { answer, ms: performance.now() - sentAt }
        } catch (error) {
          deps.onRequest?.(outcomeOf(error), performance.now() - sentAt)
          throw error
        }
      }, limited)
    }
    if (read.access !== undefined) return await attempt(read.access)
    const access = await unlessAborted(tokens.access(), signal)
    const sent = await attempt(access)
    if (sent.answer.status !== 401) return sent
    deps.onRequest?.(outcomeOf(faultOf(sent.answer)), sent.ms)
    return attempt(await unlessAborted(tokens.renew(access.token), signal))
  }

  /** What `use` makes of one answer. @throws AppError */
  async function ask<T>(read: Read, use: (answer: RawAnswer) => T, signal: AbortSignal): Promise<T> {
    const { answer, ms } = await send(read, signal)
    try {
      const usable = use(mustBeGood(read, answer))
      deps.onRequest?.(outcomeOf(), ms)
      return usable
    } catch (error) {
      deps.onRequest?.(outcomeOf(error), ms)
      throw error
    }
  }

  /** An answer that is none of QuickBooks' faults, and is billed. @throws AppError */
  function mustBeGood(read: Read, answer: RawAnswer): RawAnswer {
    const fault = faultOf(answer)
    if (fault === undefined) {
      deps.onRead(read.entity, read.reason)
      return answer
    }
    if (fault.code === 'QBO_THROTTLED') limiter.pause(answer.retryAfterMs ?? THROTTLED_MS, true)
    else if (answer.retryAfterMs !== undefined) limiter.pause(answer.retryAfterMs)
    throw fault
  }

  /** QuickBooks asked for a long pause: every caller is told so at once, not only the first. */
  function mustNotWaitLong(): void {
    const waitMs = limiter.waitMs()
    if (waitMs > LONGEST_WAIT_MS) throw throttled(waitMs)
  }

  /** Sends and reads one request, trying again while that can help. */
  async function run<T>(
    read: Read,
    use: (answer: RawAnswer) => T,
    readers: AbortSignal | undefined,
    { signal: callers, divisible = false }: QueryOptions = {},
  ): Promise<T> {
    const signal = AbortSignal.any([deps.stopping, readers, callers].filter((one) => one !== undefined))
    for (let attempt = 1; ; attempt++) {
      try {
        mustNotWaitLong()
        const atOnce = attempt === 1 && !BY_THE_CLOCK.includes(read.reason)
        const usable = await breaker.run(() => ask(read, use, signal), { atOnce })
        if (attempt > 1) log.info({ attempt }, 'QuickBooks answers again')
        return usable
      } catch (error) {
        if (!(error instanceof AppError) || !error.code.startsWith('QBO_') || error.retry !== 'later')
          throw error
        const isTooLarge = error.code === 'QBO_ANSWER_TOO_LARGE'
        // It was an answer, and is billed like one.
        if (isTooLarge) deps.onRead(read.entity, read.reason)
        if (isTooLarge || (divisible && isDivisible(error))) throw error
        if (attempt === MAX_ATTEMPTS || limiter.waitMs() > LONGEST_WAIT_MS) throw error
        if (breaker.state().circuit !== 'closed') throw error
        const backoffMs = random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempt)
        const waitMs = Math.round(Math.max(backoffMs, limiter.waitMs()))
        log.warn(
          { code: error.code, intuitTid: error.intuitTid, attempt, waitMs },
          'QuickBooks read failed, trying again',
        )
        await clock.sleep(backoffMs, signal)
      }
    }
  }

  return {
    reader(reason, signal) {
      const path = () => 'query'
      return {
        query: (entity, statement, options) =>
          run({ reason, entity, path, statement }, readQuery(entity), signal, options),
        count: (entity, statement) => run({ reason, entity, path, statement }, readCount(entity), signal),
        changes(entities, since) {
          const asked = new URLSearchParams({
            entities: entities.join(','),
            changedSince: instant(since),
          })
          const [entity = 'all', ...others] = entities
          return run(
            { reason, entity: others.length === 0 ? entity : 'all', path: () => `cdc?${asked}` },
            readChanges(entities),
            signal,
          )
        },
      }
    },
    companyName: (signal) => run(COMPANY, readCompanyName, signal),
    async tryAccess(access) {
      const read: Read = { ...COMPANY, reason: 'admin', access }
      const signal = AbortSignal.any([deps.stopping, AbortSignal.timeout(TRY_MS)])
      await breaker.run(() => ask(read, () => undefined, signal), { atOnce: true })
    },
    requests: () => requests,
    circuit() {
      const { circuit, retryAt } = breaker.state()
      const waitMs = limiter.waitMs()
      const asked = waitMs > WORTH_TELLING_MS ? clock.now() + waitMs : 0
      const until = Math.max(retryAt === null ? 0 : Math.max(retryAt, clock.now()), asked)
      return { circuit, retryAt: until || null }
    },
  }
}

/** A token request goes on when nobody waits for it any more: its answer must not be lost. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
    promise.catch(() => undefined)
  }
}

function parse(answer: RawAnswer): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(answer.body)
  } catch {
    throw unreadable(answer, 'is not complete JSON')
  }
  if (typeof parsed !== 'object' || parsed === null) throw unreadable(answer, 'is not a JSON object')
  return parsed as Record<string, unknown>
}

/** QuickBooks leaves out keys without a value: no rows means no array. Without `QueryResponse` it is no answer at all. */
const readQuery =
  (entity: string) =>
  (answer: RawAnswer): QueryAnswer => {
    const { QueryResponse: response, time } = parse(answer)
    if (!isObject(response)) throw unreadable(answer, 'has no QueryResponse')
    const rows = response[entity] ?? []
    if (!Array.isArray(rows)) throw unreadable(answer, `has no list of ${entity}`)
    return { rows, totalCount: wholeNumber(response.totalCount), time: timeOf(time) }
  }

/** One group for each entity; an entity without changes has an empty one, or none. */
const readChanges =
  (entities: readonly string[]) =>
  (answer: RawAnswer): ChangesAnswer => {
    const { CDCResponse: response, time } = parse(answer)
    const groups: unknown[] = Array.isArray(response) ? response.flatMap((one) => one?.QueryResponse) : []
    if (groups.length === 0 || !groups.every(isObject)) throw unreadable(answer, 'has no CDCResponse')
    const rows = new Map<string, unknown[]>()
    for (const entity of entities) {
      const lists = groups.map((group) => group[entity]).filter((list) => list !== undefined)
      if (!lists.every(Array.isArray)) throw unreadable(answer, `has no list of ${entity}`)
      rows.set(entity, lists.flat())
    }
    return { rows, time: timeOf(time) }
  }

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

/** A time as epoch milliseconds. */
const timeOf = (time: unknown): number | undefined => wholeNumber(Date.parse(String(time)))

/** Taken for zero, a missing count would let records be dropped. */
const readCount =
  (entity: string) =>
  (answer: RawAnswer): number => {
    const { totalCount } = readQuery(entity)(answer)
    if (totalCount === undefined) throw unreadable(answer, `has no count of ${entity}`)
    return totalCount
  }

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value
  return Number.isInteger(number) ? (number as number) : undefined
}

function readCompanyName(answer: RawAnswer): string {
  const { CompanyInfo: info } = parse(answer) as { CompanyInfo?: { CompanyName?: unknown } }
  if (typeof info?.CompanyName !== 'string') throw unreadable(answer, 'has no CompanyInfo')
  return info.CompanyName
}
