// Sheds load before the event loop drowns in it: who comes then hears at once that it is too much, instead of waiting for
// an answer that nobody wants any more. Those already here get theirs.
import underPressure from '@fastify/under-pressure'
import fp from 'fastify-plugin'
import { AppError } from '../errors.ts'

/** Mean time in milliseconds, over a second, by which the event loop is late. One long step does not bring it there. */
const LATEST_MS = 250
const RETRY_AFTER_SECONDS = 1

class Busy extends AppError {
  constructor() {
    super({
      code: 'TOO_BUSY',
      status: 503,
      retry: 'later',
      message:
        'More is asked of this service than it can answer in time. Nothing was done: ask again in a second.',
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    })
  }
}

/** Guards every route registered after it, but for those with `config.pressureHandler: answerAnyway`. */
export default fp(
  async (app) => {
    await app.register(underPressure, {
      maxEventLoopDelay: LATEST_MS,
      retryAfter: RETRY_AFTER_SECONDS,
      customError: Busy,
    })
  },
  { name: 'pressure', dependencies: ['errors'] },
)
