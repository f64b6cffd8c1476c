// One HTTP exchange with Intuit: bounded in time and size, redirects not followed, every failure an AppError.
// It never retries: whether that is safe is for its callers to know.

import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { type Dispatcher, request } from 'undici'
import { reasonOf } from '../../errors.ts'
import { type RawAnswer, tooLarge, unreachable, unreadable } from './faults.ts'

/** A page of 1,000 long records is about 6 MB. What is larger than this, as many invoices of 750 lines, is read in parts. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** No server is believed that asks for a longer pause; timers cannot hold much more either. */
const LONGEST_PAUSE_MS = 24 * 3_600_000

/** How to reach Intuit. */
export interface Outside {
  dispatcher: Dispatcher
  /** Longest wait for an answer's head, and for each part of its body, in milliseconds. */
  timeoutMs: number
}

/** A request to send. */
export interface Exchange {
  url: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string
  signal?: AbortSignal | undefined
}

/**
 * Sends one request and reads the whole answer, whatever its status.
 * @throws AppError QBO_UNREACHABLE, QBO_ANSWER_TOO_LARGE or QBO_ANSWER_UNREADABLE; the signal's reason when aborted.
 */
export async function exchange(
  outside: Outside,
  { url, signal, headers, ...options }: Exchange,
): Promise<RawAnswer> {
  // The time-outs above start anew with each part of a body; this one does not.
  const deadline = AbortSignal.timeout(outside.timeoutMs * 3)
  let answer: Dispatcher.ResponseData
  try {
    answer = await request(url, {
      ...options,
      headers: { ...headers, 'accept-encoding': 'gzip' },
      dispatcher: outside.dispatcher,
      headersTimeout: outside.timeoutMs,
      bodyTimeout: outside.timeoutMs,
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    })
  } catch (error) {
    signal?.throwIfAborted()
    throw unreachable(error)
  }
  const head = {
    status: answer.statusCode,
    intuitTid: single(answer.headers.intuit_tid),
    retryAfterMs: retryAfter(single(answer.headers['retry-after'])),
  }
  try {
    return { ...head, body: await readBounded(answer) }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof MoreThanAllowed || error instanceof RangeError) throw tooLarge(head)
    throw unreadable(head, `broke off (${reasonOf(error)})`)
  }
}

class MoreThanAllowed extends Error {}

async function readBounded({ body, headers }: Dispatcher.ResponseData): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) throw new MoreThanAllowed()
    chunks.push(chunk)
  }
  const bytes = Buffer.concat(chunks)
  if (single(headers['content-encoding']) !== 'gzip') return bytes.toString('utf8')
  return (await inflate(bytes, { maxOutputLength: MAX_ANSWER_BYTES })).toString('utf8')
}

const inflate = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip)

const single = (header: string | string[] | undefined): string | undefined =>
  (Array.isArray(header) ? header[0] : header)?.slice(0, 200)

/** Seconds or an HTTP date (RFC 9110 section 10.2.3), as milliseconds from now. */
function retryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), LONGEST_PAUSE_MS) : undefined
}
