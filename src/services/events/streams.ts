// Server-sent events (WHATWG HTML, section 9.2) for many pages at once, none of which can take the places, the memory or
// the time of all.

import { PassThrough } from 'node:stream'
import { AppError } from '../../errors.ts'

/** Open streams of one kind. */
export interface Streams {
  /** A stream to send to a page; destroy it to leave. @throws AppError 503 when too many are open. */
  open(address: string): PassThrough
  isEmpty(): boolean
  sendAll(text: string): void
  /** Says nothing to everybody: proxies close what is silent for a minute. */
  beat(): void
  /** Ends all; browsers come back. */
  end(): void
}

/** A page that is so many bytes behind is dropped; it comes back. */
const MOST_BEHIND = 1024 * 1024
/** When a browser comes back. */
const RETRY_MS = 3_000

/** At most so many in all, and so many of one address. */
export function createStreams(most: number, mostOfOneAddress: number): Streams {
  const streams = new Map<PassThrough, string>()

  function sendAll(text: string): void {
    for (const stream of streams.keys()) send(stream, text)
  }

  return {
    open(address) {
      const ofSame = [...streams.values()].filter((one) => one === address).length
      if (streams.size >= most || ofSame >= mostOfOneAddress) throw tooManyListeners(most)
      const stream = new PassThrough()
      streams.set(stream, address)
      stream.on('close', () => streams.delete(stream))
      send(stream, `retry: ${RETRY_MS}\n\n`)
      return stream
    },
    isEmpty: () => streams.size === 0,
    sendAll,
    beat: () => sendAll(':\n\n'),
    end() {
      for (const stream of streams.keys()) stream.end()
      streams.clear()
    },
  }
}

/** Sends what has the form of events; a stream that is too far behind is dropped. */
export function send(stream: PassThrough, text: string): void {
  if (stream.writableLength > MOST_BEHIND) stream.destroy()
  else if (!stream.writableEnded) stream.write(text)
}

const tooManyListeners = (most: number) =>
  new AppError({
    code: 'TOO_MANY_LISTENERS',
    status: 503,
    message: `${most} pages listen already, which is the most: close some, or ask now and then.`,
    retryAfterSeconds: 60,
  })
