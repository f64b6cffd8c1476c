// Sheds load before the event loop drowns in it: who comes then hears at once that it is too much, instead of waiting for
// an answer that nobody wants any more. Those already here get theirs.
import underPressure from '@fastify/under-pressure'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { AppError } from '../errors.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * For probes, whose failure would have a busy service restarted; for streams, to which browsers come back only after a
     * 200; and for a person who comes back from Intuit.
     */
    isAnsweredUnderPressure?: true
  }
}

const SAMPLE_MS = 500
const TURN_MS = 100
/** Answers in one turn of the loop, from which on it may be the answers that keep it from turning. */
const MANY_ANSWERS = 500

/** Guards every route registered after it. `latestMs`: a mean time by which the event loop is late. */
export default fp<{ latestMs: number }>(
  async (app, { latestMs }) => {
    let since = 0
    let last = Number.NEGATIVE_INFINITY
    await app.register(underPressure, {
      maxEventLoopDelay: latestMs,
      sampleInterval: SAMPLE_MS,
      pressureHandler(request, reply) {
        const now = performance.now()
        if (now - last > SAMPLE_MS * 2) since = now
        last = now
        // One long step makes a bad sample, and is over when it is seen.
        if (now - since > SAMPLE_MS) shed(request, reply)
      },
    })

    // Of more connections than the system tells of at once, requests are answered in one turn for as long as they come,
    // and no timer runs that could take a sample.
    let turnedAt = performance.now()
    let answers = 0
    const turning = setInterval(() => {
      turnedAt = performance.now()
      answers = 0
    }, TURN_MS)
    turning.unref()
    app.addHook('onClose', async () => clearInterval(turning))
    app.addHook('onRequest', (request, reply, done) => {
      answers += 1
      if (answers > MANY_ANSWERS && performance.now() - turnedAt > latestMs + TURN_MS) shed(request, reply)
      done()
    })
  },
  { name: 'pressure', dependencies: ['errors'] },
)

function shed({ routeOptions }: FastifyRequest, reply: FastifyReply): void {
  if (routeOptions.config.isAnsweredUnderPressure === true) return
  // With fewer connections the loop turns again.
  reply.header('connection', 'close')
  throw tooBusy()
}

const tooBusy = () =>
  new AppError({
    code: 'TOO_BUSY',
    status: 503,
    retry: 'later',
    message:
      'More is asked of this service than it can answer in time. Nothing was done: ask again in a second.',
    retryAfterSeconds: 1,
  })
