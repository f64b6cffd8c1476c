// Who has signed in to the console with the admin key: a browser then holds a random value instead of the key, for an
// hour. Only hashes are stored, in the database, so that every replica knows them and a restart signs nobody out.

import type { Clock } from '../clock.ts'
import type { Db } from '../database/database.ts'
import type { Keyring } from '../tokens/keyring.ts'
import { randomToken } from '../tokens/secrets.ts'

/** How long a person stays signed in, in milliseconds. */
export const SESSION_MS = 3_600_000

/** Sessions of one admin key: with another key nobody is signed in. Times are epoch milliseconds. */
export interface Sessions {
  /** Signs a browser in. */
  begin(): Promise<{ token: string; expiresAt: number }>
  /** Until when `token` is good; undefined when it is not. */
  expiryOf(token: string): Promise<number | undefined>
  /** Signs out; a token that is not good does no harm. */
  end(token: string): Promise<void>
}

/** Sessions in the `qbo_sessions` table. */
export function createSessions(deps: { db: Db; keyring: Keyring; clock: Clock; adminKey: string }): Sessions {
  const { db, keyring, clock, adminKey } = deps
  /** With each secret key, the current one first: it may have been replaced since. */
  const idsOf = (token: string) =>
    keyring.all().map((secrets) => secrets.hash(`session ${token} ${adminKey}`))

  return {
    async begin() {
      const token = randomToken()
      const expiresAt = clock.now() + SESSION_MS
      await db.deleteFrom('qbo_sessions').where('expires_at', '<=', clock.now()).execute()
      await db
        .insertInto('qbo_sessions')
        .values({ id: idsOf(token)[0] as string, expires_at: expiresAt })
        .execute()
      return { token, expiresAt }
    },

    async expiryOf(token) {
      const row = await db
        .selectFrom('qbo_sessions')
        .select('expires_at')
        .where('id', 'in', idsOf(token))
        .where('expires_at', '>', clock.now())
        .executeTakeFirst()
      return row?.expires_at
    },

    async end(token) {
      await db.deleteFrom('qbo_sessions').where('id', 'in', idsOf(token)).execute()
    },
  }
}
