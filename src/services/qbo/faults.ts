// Turns whatever QuickBooks answers instead of data into an AppError that says what a person can do.
// It reads faults in JSON (`Fault` and the gateway's lower-case `fault`), XML and HTML, on any status, 200 included.
// Intuit's `Message` and `Detail` are never passed on: they can contain token text and customers' names.

import { AppError, type Retry } from '../../errors.ts'

/** An answer as it came: status, the headers that matter, and the body's text. */
export interface RawAnswer {
  status: number
  body: string
  intuitTid: string | undefined
  /** The `Retry-After` header in milliseconds from now, when there is one. */
  retryAfterMs: number | undefined
}

interface Meaning {
  code: string
  status: number
  retry: Retry
  message: string
}

const KEPT = 'The data at hand was kept.'

/** By fault code (developer.intuit.com, Troubleshooting, Error codes). */
const meanings: Record<string, Meaning> = {
  '120': {
    code: 'QBO_USER_GONE',
    status: 502,
    retry: 'reconnect',
    message: `The QuickBooks user who connected may no longer do so: a company admin must open /connect. ${KEPT}`,
  },
  '130': {
    code: 'QBO_WRONG_HOST',
    status: 502,
    retry: 'never',
    message: `This company lives on another QuickBooks host: check QUICKBOOKS_ENVIRONMENT. ${KEPT}`,
  },
  '140': {
    code: 'QBO_COMPANY_LOCKED',
    status: 503,
    retry: 'later',
    message: `QuickBooks has locked the company for maintenance; it is tried again. ${KEPT}`,
  },
  '150': {
    code: 'QBO_COMPANY_LOCKED',
    status: 503,
    retry: 'later',
    message: `QuickBooks has locked the company for maintenance; it is tried again. ${KEPT}`,
  },
  '3001': {
    code: 'QBO_THROTTLED',
    status: 503,
    retry: 'later',
    message: `QuickBooks asks to wait before the next request; it is tried again. ${KEPT}`,
  },
  '3100': {
    code: 'QBO_FORBIDDEN',
    status: 502,
    retry: 'never',
    message: `The Intuit app has no access to this company: sandbox keys with a production company or the reverse, or the app was removed in QuickBooks. Check QUICKBOOKS_ENVIRONMENT, then open /connect. ${KEPT}`,
  },
  '3200': {
    code: 'QBO_UNAUTHORIZED',
    status: 502,
    retry: 'reconnect',
    message: `QuickBooks refuses the access token even after a refresh: open /connect in a browser to connect again. ${KEPT}`,
  },
  '4002': {
    code: 'QBO_PROCESSING_FAILED',
    status: 502,
    retry: 'later',
    message: `QuickBooks could not process the query, often because of one damaged record; it is tried again. ${KEPT}`,
  },
  '5020': {
    code: 'QBO_PLAN_LACKS_FEATURE',
    status: 502,
    retry: 'never',
    message: `The company's QuickBooks plan, or the user who connected, may not read this. ${KEPT}`,
  },
  '6190': {
    code: 'QBO_SUBSCRIPTION_LAPSED',
    status: 502,
    retry: 'never',
    message: `The company's QuickBooks subscription has ended: renew it in QuickBooks. ${KEPT}`,
  },
  '10000': {
    code: 'QBO_UNAVAILABLE',
    status: 502,
    retry: 'later',
    message: `QuickBooks had an internal error; it is tried again. ${KEPT}`,
  },
}

/** Codes for which only the status or nothing is known. */
function meaningOfStatus(status: number): Meaning {
  if (status === 429) return meanings['3001'] as Meaning
  if (status === 401) return meanings['3200'] as Meaning
  if (status === 403) return meanings['3100'] as Meaning
  if (status >= 500) {
    return {
      code: 'QBO_UNAVAILABLE',
      status: 502,
      retry: 'later',
      message: `QuickBooks is not available; it is tried again. ${KEPT}`,
    }
  }
  return {
    code: 'QBO_REJECTED',
    status: 502,
    retry: 'never',
    message: `QuickBooks rejected the request. ${KEPT}`,
  }
}

/** The fault in an answer, or undefined when it carries none. */
export function faultOf(answer: RawAnswer): AppError | undefined {
  const code = faultCode(answer.body)
  if (answer.status === 200 && code === undefined) return undefined
  // A gateway's status says more than a general fault code in its body.
  const meaning =
    (code !== undefined && Object.hasOwn(meanings, code) && meanings[code]) || meaningOfStatus(answer.status)
  return faultError(meaning, answer, code)
}

/** What a request came to, in a word for figures: `ok`, `throttled`, …; `aborted` when nobody waited for it any more. */
export function outcomeOf(error?: unknown): string {
  if (error === undefined) return 'ok'
  return error instanceof AppError && error.code.startsWith('QBO_') ? wordOf(error.code) : 'aborted'
}

const wordOf = (code: string) => code.slice('QBO_'.length).toLowerCase()

/** All that there are, so that each can be counted from zero. */
export const OUTCOMES: readonly string[] = [
  ...new Set([
    ...['ok', 'aborted'],
    ...[...Object.values(meanings), meaningOfStatus(400)].map(({ code }) => wordOf(code)),
    ...['unreachable', 'answer_unreadable', 'answer_too_large'],
  ]),
]

/** An answer that is no fault, but no data either: cut off, not JSON, or without the expected parts. */
export function unreadable(answer: Pick<RawAnswer, 'status' | 'intuitTid'>, what: string): AppError {
  return new AppError({
    code: 'QBO_ANSWER_UNREADABLE',
    status: 502,
    retry: 'later',
    message: `QuickBooks' answer ${what}${where(answer)}; it is tried again. ${KEPT}`,
    intuitTid: answer.intuitTid,
  })
}

/** An answer of more than 64 MB. */
export function tooLarge(answer: Pick<RawAnswer, 'status' | 'intuitTid'>): AppError {
  return new AppError({
    code: 'QBO_ANSWER_TOO_LARGE',
    status: 502,
    retry: 'later',
    message: `QuickBooks' answer is larger than 64 MB${where(answer)}; it is asked for in parts. ${KEPT}`,
    intuitTid: answer.intuitTid,
  })
}

/** Whether asking for fewer records can help. */
export const isDivisible = (error: unknown): error is AppError =>
  error instanceof AppError && ['QBO_PROCESSING_FAILED', 'QBO_ANSWER_TOO_LARGE'].includes(error.code)

/** QuickBooks as a whole does not answer; nothing is billed for having asked. */
export const isOutage = (error: unknown): error is AppError =>
  error instanceof AppError && ['QBO_UNREACHABLE', 'QBO_UNAVAILABLE'].includes(error.code)

/** QuickBooks asked to wait for longer than a caller should. */
export function throttled(waitMs: number): AppError {
  const seconds = Math.ceil(waitMs / 1000)
  return new AppError({
    ...meaningOfStatus(429),
    message: `QuickBooks asks to wait for ${seconds} s more; it is tried again then. ${KEPT}`,
    retryAfterSeconds: seconds,
  })
}

/** QuickBooks could not be reached, or the connection broke before the answer was complete. */
export function unreachable(cause: unknown): AppError {
  const code = (cause as { code?: unknown } | null)?.code
  return new AppError({
    code: 'QBO_UNREACHABLE',
    status: 502,
    retry: 'later',
    message: `QuickBooks could not be reached${typeof code === 'string' ? ` (${code})` : ''}; it is tried again. ${KEPT}`,
    cause,
  })
}

function faultError(meaning: Meaning, answer: RawAnswer, code: string | undefined): AppError {
  return new AppError({
    ...meaning,
    message: meaning.message.replace(KEPT, `${KEPT.slice(0, -1)}${where(answer, code)}.`),
    intuitTid: answer.intuitTid,
    retryAfterSeconds: answer.retryAfterMs === undefined ? undefined : Math.ceil(answer.retryAfterMs / 1000),
  })
}

function where(answer: Pick<RawAnswer, 'status' | 'intuitTid'>, code?: string): string {
  const parts = [`HTTP ${answer.status}`]
  if (code !== undefined) parts.push(`code ${code}`)
  if (answer.intuitTid !== undefined) parts.push(`intuit_tid ${answer.intuitTid}`)
  return ` (${parts.join(', ')})`
}

/** The first fault code in a body of any format; undefined when there is no fault. */
function faultCode(body: string): string | undefined {
  const text = body.trimStart()
  if (text.startsWith('<'))
    return /<Fault\b/i.test(text)
      ? (/<Error\b[^>]*\bcode="(\w{1,12})"/i.exec(text)?.[1] ?? 'unknown')
      : undefined
  if (!/"fault"\s*:\s*\{/i.test(text.slice(0, 4096))) return undefined
  try {
    const parsed = JSON.parse(text)
    const fault = parsed.Fault ?? parsed.fault
    if (fault === undefined || fault === null) return undefined
    const first = (fault.Error ?? fault.error)?.[0]
    return String(first?.code ?? 'unknown')
      .replace(/^0+(?=\d)/, '')
      .slice(0, 12)
  } catch {
    return undefined
  }
}
