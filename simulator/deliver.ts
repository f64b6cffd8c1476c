/**
 * Turns an answer into bytes on a socket, and a fault plan into what really goes wrong there: other answers, damaged
 * records, damaged bytes, silence. The only place that touches the sockets of a request.
 */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FastifyReply } from 'fastify'
import {
  type Answer,
  FORBIDDEN,
  gatewayFault,
  htmlError,
  serviceFault,
  THROTTLED,
  unauthorizedText,
  xmlFault,
} from './answer.ts'
import { pacificMillis } from './clock.ts'
import { damageRows } from './damage.ts'
import type { FaultPlan } from './faults.ts'
import { printJson, printXml } from './json.ts'

export interface Delivery {
  readonly reply: FastifyReply
  readonly fault: FaultPlan | undefined
  readonly asXml: boolean
  readonly now: number
  /** Does what was asked; not called when the fault strikes before that. */
  readonly work: () => Answer
}

/** What happened, for the meter: the status, or 0 if the connection was dropped. */
export type Outcome = { readonly status: number; readonly answer: Answer | undefined }

const DROPPED: Outcome = { status: 0, answer: undefined }

export async function deliver(delivery: Delivery): Promise<Outcome> {
  const { fault, reply, now, work } = delivery
  if (!fault) return send(delivery, work())
  const canned = cannedAnswer(fault, now)
  if (canned) return send(delivery, canned)
  switch (fault.kind) {
    case 'lostBefore':
    case 'reset':
      reply.hijack()
      if (fault.kind === 'reset') reply.raw.socket?.resetAndDestroy()
      else reply.raw.socket?.destroy()
      return DROPPED
    case 'hang':
      reply.hijack()
      return DROPPED
    case 'lostTokenAnswer':
      work()
      reply.hijack()
      reply.raw.socket?.destroy()
      return DROPPED
    case 'slow':
      await sleep(fault.delayMs ?? 1000)
      return send(delivery, work())
    case 'huge':
      return sendHuge(delivery, fault.megabytes ?? 64)
    case 'missingKeys':
    case 'wrongRows':
    case 'badRecord':
      return send(delivery, damageRows(work(), fault))
    default:
      return sendDamaged(delivery, work(), fault)
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** Faults that answer in place of QuickBooks; the company never sees the request. */
function cannedAnswer(fault: FaultPlan, now: number): Answer | undefined {
  const time = pacificMillis(now)
  const text = {
    status: fault.status ?? 400,
    code: fault.code ?? '6000',
    message: fault.message ?? 'A business validation error has occurred while processing your request',
    detail: fault.detail ?? 'Business Validation Error: Unexpected Internal Error. (-30000)',
    ...(fault.type !== undefined && { type: fault.type }),
  }
  switch (fault.kind) {
    case 'http429': {
      const answer = fault.body === 'xml' ? xmlFault(THROTTLED, time) : gatewayFault(THROTTLED, now)
      const retryAfter = fault.retryAfterSeconds
      return retryAfter === undefined ? answer : withHeader(answer, 'retry-after', String(retryAfter))
    }
    case 'html502':
    case 'html503':
    case 'html504':
      return htmlError(Number(fault.kind.slice(4)))
    case 'xmlFault':
      return xmlFault({ ...text, type: fault.type ?? 'ValidationFault' }, time)
    case 'fault':
      return serviceFault(text, time)
    case 'okFault':
      return serviceFault({ ...text, status: 200 }, time)
    case 'unauthorized':
      return gatewayFault(unauthorizedText(fault.detail ?? 'Token revoked'), now)
    case 'forbidden':
      return gatewayFault(FORBIDDEN, now)
    case 'invalidGrant':
      return {
        status: 400,
        body: { error: 'invalid_grant', error_description: 'Incorrect or invalid refresh token' },
      }
    case 'redirect':
      return {
        status: fault.status ?? 302,
        body: '',
        headers: { location: fault.location ?? 'https://elsewhere.invalid/' },
      }
    default:
      return undefined
  }
}

export function withHeader(answer: Answer, name: string, value: string): Answer {
  return { ...answer, headers: { ...answer.headers, [name]: value } }
}

interface Printed {
  readonly text: string
  readonly contentType: string
}

function print(answer: Answer, asXml: boolean, now: number): Printed {
  if (typeof answer.body === 'string') {
    return { text: answer.body, contentType: answer.headers?.['content-type'] ?? 'text/plain' }
  }
  if (!asXml) return { text: printJson(answer.body), contentType: 'application/json;charset=UTF-8' }
  if (answer.fault)
    return print(xmlFault({ type: 'ValidationFault', ...answer.fault }, pacificMillis(now)), asXml, now)
  const { time, ...rest } = answer.body
  const inner = Object.entries(rest)
    .map(([key, value]) => printXml(key, value))
    .join('')
  const stamp = typeof time === 'string' ? time : pacificMillis(now)
  return {
    text: `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><IntuitResponse xmlns="http://schema.intuit.com/finance/v3" time="${stamp}">${inner}</IntuitResponse>`,
    contentType: 'application/xml;charset=UTF-8',
  }
}

/** Returns before the bytes are out, so that the meter knows of the request before the client has its answer. */
function send({ reply, asXml, now }: Delivery, answer: Answer): Outcome {
  const { text, contentType } = print(answer, asXml, now)
  reply.code(answer.status).headers({ ...answer.headers, 'content-type': contentType })
  void reply.send(text)
  return { status: answer.status, answer }
}

/** Bytes that are wrong although the answer was right. */
function sendDamaged(delivery: Delivery, answer: Answer, fault: FaultPlan): Outcome {
  const { text } = print(answer, false, delivery.now)
  const half = text.slice(0, Math.floor(text.length / 2))
  if (fault.kind === 'cut') return sendCut(delivery.reply, answer, text, half)
  const damaged =
    { malformed: text.replace(':', '='), empty: '', truncated: half }[fault.kind as string] ?? text
  const headers = { ...answer.headers, 'content-type': 'application/json;charset=UTF-8' }
  const outcome = send(delivery, { status: answer.status, body: damaged, headers })
  return { status: outcome.status, answer: undefined }
}

/** Promises the whole length, sends half of it, and hangs up. */
function sendCut(reply: FastifyReply, answer: Answer, text: string, half: string): Outcome {
  reply.hijack()
  reply.raw.writeHead(answer.status, {
    ...outgoing(reply),
    'content-type': 'application/json;charset=UTF-8',
    'content-length': Buffer.byteLength(text),
  })
  reply.raw.write(half, () => reply.raw.socket?.destroy())
  return DROPPED
}

function outgoing(reply: FastifyReply): Record<string, string> {
  return Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]))
}

const CHUNK = 'x'.repeat(65_536)

function* hugeBody(megabytes: number): Generator<string> {
  yield '{"QueryResponse":{},"padding":"'
  for (let chunk = 0; chunk < megabytes * 16; chunk += 1) yield CHUNK
  yield '"}'
}

/** Valid JSON of the asked size, written as fast as the client reads and no faster. */
async function sendHuge({ reply }: Delivery, megabytes: number): Promise<Outcome> {
  reply.hijack()
  reply.raw.writeHead(200, { ...outgoing(reply), 'content-type': 'application/json;charset=UTF-8' })
  try {
    await pipeline(Readable.from(hugeBody(megabytes)), reply.raw)
    return { status: 200, answer: undefined }
  } catch {
    // The client had enough, which is what this fault is for.
    return DROPPED
  }
}
