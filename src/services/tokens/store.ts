// The connection at rest: one sealed row per company. What `save` returned from is on the disk.
// Not for deciding anything: when to refresh and what an answer means is the keeper's.

import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { ConfigError } from '../../errors.ts'
import type { Clock } from '../clock.ts'
import type { Db } from '../database/database.ts'
import type { Secrets } from './secrets.ts'

/** What we hold of one company. Times are epoch milliseconds. */
export interface Connection {
  /** Keyed hash of the realm id: the name of this company in every row and log line. */
  realm: string
  realmId: string
  accessToken: string
  refreshToken: string
  accessExpiresAt: number
  /** When to ask for the next access token. */
  refreshAt: number
  /** When the refresh token dies if it is never used again. */
  refreshExpiresAt: number
  /** When the owner's consent ends, five years after it was given (Intuit, refresh token policy of 2025-11-12). */
  consentExpiresAt: number
  connectedAt: number
  state: ConnectionState
}

/** `reconnect_required`: Intuit refused the refresh token; only a person can connect again. */
export type ConnectionState = 'connected' | 'reconnect_required'

/** Durable storage of the connection. */
export interface TokenStore {
  load(): Promise<Connection | undefined>
  save(connection: Connection): Promise<void>
  clear(): Promise<void>
}

const Sealed = Type.Object({
  realmId: Type.String(),
  accessToken: Type.String(),
  refreshToken: Type.String(),
  accessExpiresAt: Type.Number(),
  refreshAt: Type.Number(),
  refreshExpiresAt: Type.Number(),
  consentExpiresAt: Type.Number(),
  connectedAt: Type.Number(),
})

/** Whether there is a sealed connection. */
export const hasTokens = async (db: Db): Promise<boolean> =>
  (await db.selectFrom('qbo_tokens').select('realm').executeTakeFirst()) !== undefined

/** A store over the `qbo_tokens` table. One company per deployment: saving another one replaces the row. */
export function createTokenStore(deps: { db: Db; secrets: Secrets; clock: Clock }): TokenStore {
  const { db, secrets, clock } = deps

  return {
    async load() {
      const row = await db
        .selectFrom('qbo_tokens')
        .selectAll()
        .orderBy('updated_at', 'desc')
        .limit(1)
        .executeTakeFirst()
      if (row === undefined) return undefined
      const { realm, sealed, state } = row
      return { realm, state: state as ConnectionState, ...unseal(secrets, sealed, realm) }
    },

    async save({ realm, state, ...rest }) {
      const sealed = secrets.seal(JSON.stringify(rest), realm)
      const values = { sealed, state, updated_at: clock.now() }
      await db.transaction().execute(async (trx) => {
        await trx.deleteFrom('qbo_tokens').where('realm', '<>', realm).execute()
        const updated = await trx
          .updateTable('qbo_tokens')
          .set(values)
          .where('realm', '=', realm)
          .executeTakeFirst()
        if (updated.numUpdatedRows === 0n)
          await trx
            .insertInto('qbo_tokens')
            .values({ realm, ...values })
            .execute()
      })
    },

    async clear() {
      await db.deleteFrom('qbo_tokens').execute()
    },
  }
}

function unseal(secrets: Secrets, sealed: string, realm: string) {
  let text: string
  try {
    text = secrets.open(sealed, realm)
  } catch {
    throw new ConfigError(
      'SECRET_KEY: the stored QuickBooks tokens were sealed with another key. Nothing was changed: start with the former SECRET_KEY (or DATA_DIR/secret.key). If it is lost, move DATA_DIR away and connect again.',
    )
  }
  return Value.Parse(Sealed, JSON.parse(text))
}
