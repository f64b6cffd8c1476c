// Reads from the QuickBooks Online Accounting API. Every request goes through the realm's rate limiter; reads are
// retried with full jitter, a refused access token is renewed once. It knows no entity and keeps no data.

import { AppError } from '../../errors.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { faultOf, type RawAnswer, throttled, unreadable } from './faults.ts'
import { exchange, type Outside } from './http.ts'
import type { RateLimiter } from './rate-limit.ts'

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

/** The reads that this service makes. All throw AppError when QuickBooks has no usable answer. */
export interface QboClient {
  /** Runs one statement of the query language; `entity` is QuickBooks' name, e.g. `Customer`. */
  query(entity: string, statement: string, signal?: AbortSignal): Promise<QueryAnswer>
  /** Runs a `SELECT count(*)`. */
  count(entity: string, statement: string, signal?: AbortSignal): Promise<number>
  /** The connected company's name, from `companyinfo`. */
  companyName(signal?: AbortSignal): Promise<string>
  /** Requests sent so far, retries included. */
  requests(): number
}

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
}

/** A read: its path below the company, and the statement to post when it is a query. */
interface Read {
  path(realmId: string): string
  statement?: string
}

const MINOR_VERSION = '75'
const MAX_ATTEMPTS = 5
const BACKOFF_BASE_MS = 500
const BACKOFF_CAP_MS = 30_000
/** On 429 without Retry-After (developer.intuit.com, Limits and throttles: "wait 60 seconds"). */
const THROTTLED_MS = 60_000
/** A caller is not kept waiting longer than this for QuickBooks to be ready again. */
const LONGEST_WAIT_MS = 5 * 60_000

/** A client of one company at a time: whichever `tokens` is connected to. */
export function createQboClient(deps: QboClientDeps): QboClient {
  const { outside, tokens, limiter, clock, random, log } = deps
  let requests = 0

  async function send(read: Read, signal?: AbortSignal): Promise<RawAnswer> {
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
      return limiter.run(() => {
        requests += 1
        return exchange(outside, { url: url.href, signal, ...request })
      }, signal)
    }
    const access = await tokens.access()
    const answer = await attempt(access)
    return answer.status === 401 ? attempt(await tokens.renew(access.token)) : answer
  }

  /** QuickBooks asked for a long pause: every caller is told so at once, not only the first. */
  function mustNotWaitLong(): void {
    const waitMs = limiter.waitMs()
    if (waitMs > LONGEST_WAIT_MS) throw throttled(waitMs)
  }

  /** Sends and reads one request, trying again while that can help. */
  async function run<T>(read: Read, use: (answer: RawAnswer) => T, callers?: AbortSignal): Promise<T> {
    const signal = callers === undefined ? deps.stopping : AbortSignal.any([callers, deps.stopping])
    for (let attempt = 1; ; attempt++) {
      try {
        mustNotWaitLong()
        const answer = await send(read, signal)
        const fault = faultOf(answer)
        if (fault === undefined) {
          const usable = use(answer)
          if (attempt > 1) log.info({ attempt }, 'QuickBooks answers again')
          return usable
        }
        if (fault.code === 'QBO_THROTTLED') limiter.pause(answer.retryAfterMs ?? THROTTLED_MS, true)
        else if (answer.retryAfterMs !== undefined) limiter.pause(answer.retryAfterMs)
        throw fault
      } catch (error) {
        if (!(error instanceof AppError) || !error.code.startsWith('QBO_') || error.retry !== 'later')
          throw error
        if (attempt === MAX_ATTEMPTS || limiter.waitMs() > LONGEST_WAIT_MS) throw error
        const backoffMs = random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempt)
        log.warn(
          { code: error.code, intuitTid: error.intuitTid, attempt, backoffMs: Math.round(backoffMs) },
          'QuickBooks read failed, trying again',
        )
        await clock.sleep(backoffMs, signal)
      }
    }
  }

  return {
    query: (entity, statement, signal) =>
      run({ path: () => 'query', statement }, (answer) => readQuery(answer, entity), signal),
    count: (entity, statement, signal) =>
      run({ path: () => 'query', statement }, (answer) => readCount(answer, entity), signal),
    companyName: (signal) => run({ path: (realmId) => `companyinfo/${realmId}` }, readCompanyName, signal),
    requests: () => requests,
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
function readQuery(answer: RawAnswer, entity: string): QueryAnswer {
  const { QueryResponse: response, time } = parse(answer) as {
    QueryResponse?: Record<string, unknown>
    time?: unknown
  }
  if (typeof response !== 'object' || response === null) throw unreadable(answer, 'has no QueryResponse')
  const rows = response[entity] ?? []
  if (!Array.isArray(rows)) throw unreadable(answer, `has no list of ${entity}`)
  const { totalCount } = response
  return { rows, totalCount: wholeNumber(totalCount), time: wholeNumber(Date.parse(String(time))) }
}

/** Taken for zero, a missing count would let records be dropped. */
function readCount(answer: RawAnswer, entity: string): number {
  const { totalCount } = readQuery(answer, entity)
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
