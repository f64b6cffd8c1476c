// Browsers that are signed in to the console.
import fp from 'fastify-plugin'
import type { Clock } from '../services/clock.ts'
import { createSessions, type Sessions } from '../services/sessions/sessions.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined where no key is needed. */
    sessions: Sessions | undefined
  }
}

/** Signed in with this key, where there is one. */
export default fp<{ adminKey: string | undefined; clock: Clock }>(
  async (app, { adminKey, clock }) => {
    const { db } = app.database
    const { keyring } = app.tokens
    app.decorate(
      'sessions',
      adminKey === undefined ? undefined : createSessions({ db, keyring, clock, adminKey }),
    )
  },
  { name: 'sessions', dependencies: ['tokens'] },
)
