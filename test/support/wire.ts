// Sends requests as they are, over few connections that stay open, and raw bytes over connections of their own.
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { WireRequest } from './hostile.ts'

export interface WireAnswer {
  status: number
  contentType: string
  headers: IncomingMessage['headers']
  body: string
}

export interface Wire {
  /** Undefined when the connection was closed without an answer. A stream of events is left once it has begun. */
  send(request: WireRequest): Promise<WireAnswer | undefined>
  /** Sends bytes over a new connection, says that there is no more, and answers all that came until it was closed. */
  sendBytes(bytes: string | Buffer): Promise<string>
  close(): void
}

/** What is not answered by then will not be. */
const PATIENCE_MS = 30_000

export function createWire(port: number): Wire {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })

  function ask({ method, target, headers, body }: WireRequest): Promise<WireAnswer | 'lost' | undefined> {
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        host: '127.0.0.1',
        port,
        agent,
        method,
        path: target,
        headers: headers.flat(),
      })
      request.on('response', (response) => {
        const chunks: Buffer[] = []
        const { statusCode: status = 0, headers } = response
        const contentType = headers['content-type'] ?? ''
        const done = () => resolve({ status, contentType, headers, body: Buffer.concat(chunks).toString() })
        if (contentType.startsWith('text/event-stream')) {
          done()
          request.destroy()
          return
        }
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('end', done)
        response.on('error', reject)
      })
      // A connection that the service closed while this request was on its way there says nothing about this request.
      request.on('error', () => resolve(request.reusedSocket ? 'lost' : undefined))
      request.on('connect', (_response, socket) => {
        socket.destroy()
        resolve(undefined)
      })
      request.setTimeout(PATIENCE_MS, () => resolve(undefined))
      request.end(body)
    })
  }

  return {
    async send(request) {
      for (;;) {
        const answer = await ask(request)
        if (answer !== 'lost') return answer
      }
    },
    async sendBytes(bytes) {
      const socket = connect(port, '127.0.0.1')
      let answer = ''
      socket.on('data', (chunk) => (answer += chunk))
      // A connection may be closed before all has been said.
      socket.on('error', () => undefined)
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.end(bytes)
      await closed
      return answer
    },
    close: () => agent.destroy(),
  }
}
