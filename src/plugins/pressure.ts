// Sheds load before the event loop drowns in it: who comes then hears at once that it is too much, instead of waiting for
// an answer that nobody wants any more. Those already here get theirs.
import underPressure from '@fastify/under-pressure'
import fp from 'fastify-plugin'
import { AppError } from '../errors.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** For probes, whose failure would have a busy service restarted, and for streams, to which browsers come back only after a 200. */
    isAnsweredUnderPressure?: true
  }
}

/** Mean time by which the event loop is late, in milliseconds. */
const LATEST_MS = 250
const SAMPLE_MS = 500

/** Guards every route registered after it. */
export default fp(
  async (app) => {
    let since = 0
    let last = Number.NEGATIVE_INFINITY
    await app.register(underPressure, {
      maxEventLoopDelay: LATEST_MS,
      sampleInterval: SAMPLE_MS,
      pressureHandler(request) {
        const now = performance.now()
        if (now - last > SAMPLE_MS * 2) since = now
        last = now
        // One long step makes a bad sample, and is over when it is seen.
        const lasts = now - since > SAMPLE_MS
        if (lasts && request.routeOptions.config.isAnsweredUnderPressure !== true) throw tooBusy()
      },
    })
  },
  { name: 'pressure', dependencies: ['errors'] },
)

const tooBusy = () =>
  new AppError({
    code: 'TOO_BUSY',
    status: 503,
    retry: 'later',
    message:
      'More is asked of this service than it can answer in time. Nothing was done: ask again in a second.',
    retryAfterSeconds: 1,
  })
