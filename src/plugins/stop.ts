// A stop that fails nobody: what was asked is answered, and clients are told to go elsewhere. It listens until all that
// was registered before has come to its end; register it last.
import { setTimeout as delay } from 'node:timers/promises'
import fp from 'fastify-plugin'

/** Milliseconds. */
export interface StopOptions {
  /**
   * How long clients are told with each answer to leave. Who asks as often as that is not on a connection that is
   * closed while its next request is under way (RFC 9112 section 9.6).
   */
  drainMs: number
  /** Then they may be at an answer for so long. */
  patienceMs: number
}

/** See the header of this file. */
export default fp<StopOptions>(
  async (app, { drainMs, patienceMs }) => {
    app.addHook('preClose', async () => {
      if (app.server.listening) await delay(drainMs)
      // A client keeps the connection of its last answer open, and closing waits for it.
      const idle = setInterval(() => app.server.closeIdleConnections(), 100)
      const late = setTimeout(() => app.server.closeAllConnections(), patienceMs)
      app.server.once('close', () => {
        clearInterval(idle)
        clearTimeout(late)
      })
    })
  },
  { name: 'stop' },
)
