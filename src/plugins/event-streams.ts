// Server-sent events over HTTP: kept open while nothing happens, ended when the service stops.
import type { Readable } from 'node:stream'
import fp from 'fastify-plugin'

/** All streams of one kind. */
export interface EventStreams {
  /** Says nothing to everybody. */
  beat(): void
  end(): void
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Keeps what `sendEvents` sends of this kind. */
    keepStreams(streams: EventStreams): void
  }
  interface FastifyReply {
    /** Answers with a stream of events, which stays open. */
    sendEvents(stream: Readable): FastifyReply
  }
}

/** Proxies close what is silent for a minute. */
const HEARTBEAT_MS = 20_000

/** Keeps none at first. */
export default fp(
  async (app) => {
    const kept: EventStreams[] = []
    let isClosing = false

    function endAll(): void {
      for (const streams of kept) streams.end()
    }

    app.decorate('keepStreams', (streams) => void kept.push(streams))
    app.decorateReply('sendEvents', function (stream) {
      // A browser comes back to a stream that ended, but never after an error.
      if (isClosing) endAll()
      return this.header('cache-control', 'no-cache, no-transform')
        .header('x-accel-buffering', 'no')
        .type('text/event-stream')
        .send(stream)
    })
    const heartbeat = setInterval(() => {
      for (const streams of kept) streams.beat()
    }, HEARTBEAT_MS)
    app.addHook('preClose', async () => {
      isClosing = true
      clearInterval(heartbeat)
      endAll()
    })
  },
  { name: 'event-streams' },
)
