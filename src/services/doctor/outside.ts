// The machine and the network as the checks see them.

import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { Agent, type Dispatcher, request } from 'undici'

export interface Question {
  url: string
  timeoutMs: number
}

/** An answer, whatever its status. */
export interface Reply {
  status: number
  body: string
  /** Its header Date, epoch milliseconds; NaN where it has none. */
  date: number
  sentAt: number
  receivedAt: number
}

export interface Outside {
  nodeVersion: string
  now(): number
  /** The way to the network. */
  dispatcher: Dispatcher
  /** @throws what the network says, with its `code` */
  ask(question: Question): Promise<Reply>
  /** Why nobody could listen there now; undefined when one could. */
  whyNotListen(host: string, port: number): Promise<string | undefined>
  exists(path: string): boolean
  canWrite(path: string): boolean
  /** False where it is no folder. */
  canMakeFilesIn(path: string): boolean
  /** The permissions, as in 0o600; undefined where there are none to speak of. */
  modeOf(path: string): number | undefined
  freeBytes(path: string): number
}

const MOST_BYTES = 64 * 1024

function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}

/** The way that the service takes: through no proxy, whatever Node is told. */
const dispatcher = new Agent()

export const theOutside: Outside = {
  nodeVersion: process.versions.node,
  now: () => Date.now(),
  dispatcher,

  async ask({ url, timeoutMs }) {
    const sentAt = Date.now()
    const answer = await request(url, {
      dispatcher,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal: AbortSignal.timeout(timeoutMs),
    })
    const receivedAt = Date.now()
    let body = ''
    for await (const chunk of answer.body) {
      body += chunk
      if (body.length > MOST_BYTES) break
    }
    return {
      status: answer.statusCode,
      body,
      date: Date.parse(String(answer.headers.date)),
      sentAt,
      receivedAt,
    }
  },

  whyNotListen: (host, port) =>
    new Promise((resolve) => {
      const server = createServer()
      server.once('error', ({ code = 'UNKNOWN' }: NodeJS.ErrnoException) => resolve(code))
      server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
    }),

  exists: existsSync,
  canWrite: (path) => isAllowed(path, constants.R_OK | constants.W_OK),
  canMakeFilesIn: (path) =>
    statSync(path).isDirectory() && isAllowed(path, constants.R_OK | constants.W_OK | constants.X_OK),
  modeOf: (path) => (process.platform === 'win32' ? undefined : statSync(path).mode & 0o777),
  freeBytes(path) {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  },
}
