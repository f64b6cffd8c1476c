// The connection at rest: one sealed row per company. What `save` returned from is on the disk.
// Not for deciding anything: when to refresh and what an answer means is the keeper's.

import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { sql } from 'kysely'
import { ConfigError } from '../../errors.ts'
import type { Clock } from '../clock.ts'
import type { Db } from '../database/database.ts'
import type { Keyring } from './keyring.ts'
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
  /** When a refresh was asked for whose answer is not among these tokens. */
  refreshAskedAt?: number
}

/** `reconnect_required`: Intuit refused the refresh token; only a person can connect again. */
export type ConnectionState = 'connected' | 'reconnect_required'

/** Durable storage of the connection. */
export interface TokenStore {
  load(): Promise<Connection | undefined>
  save(connection: Connection): Promise<void>
  /** Saves, and leaves room on the disk to do so once more. */
  reserve(connection: Connection): Promise<void>
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
  refreshAskedAt: Type.Optional(Type.Number()),
})

/** Whether there is a sealed connection. */
export const hasTokens = async (db: Db): Promise<boolean> =>
  (await db.selectFrom('qbo_tokens').select('realm').executeTakeFirst()) !== undefined

/** A store over the `qbo_tokens` table. One company per deployment: saving another one replaces the row. */
export function createTokenStore(deps: { db: Db; keyring: Keyring; clock: Clock }): TokenStore {
  const { db, keyring, clock } = deps

  return {
    async load() {
      const row = await db
        .selectFrom('qbo_tokens')
        .selectAll()
        .orderBy('updated_at', 'desc')
        .limit(1)
        .executeTakeFirst()
      if (row === undefined) return undefined
      const sealed = Value.Parse(Sealed, JSON.parse(unseal(keyring, row).text))
      return {
        ...(sealed as Omit<Connection, 'realm' | 'state'>),
        realm: row.realm,
        state: row.state as ConnectionState,
      }
    },

    async save({ realm, state, ...rest }) {
      await db.transaction().execute(async (trx) => {
        // From here on nobody else writes, so that the key is not replaced between being looked for and being used.
        await trx.deleteFrom('qbo_tokens').where('realm', '<>', realm).execute()
        keyring.reload()
        const secrets = keyring.current()
        const sealed = secrets.seal(JSON.stringify(rest), realm)
        const values = { sealed, key_id: secrets.keyId, state, updated_at: clock.now() }
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

    async reserve(connection) {
      await this.save(connection)
      // What follows a checkpoint is written over what it took up (sqlite.org, Write-Ahead Logging, section 2.1).
      await sql`PRAGMA wal_checkpoint(PASSIVE)`.execute(db)
    },

    async clear() {
      await db.deleteFrom('qbo_tokens').execute()
    },
  }
}

/**
 * Seals again, with the keyring's current key, what a former one has sealed; `replaceKey` is called when nobody else
 * writes any more, and may change what that is. Answers how many rows there are, and how many of them were sealed again.
 * @throws ConfigError when a row cannot be opened; then nothing was sealed again.
 */
export async function sealAgain(
  db: Db,
  keyring: Keyring,
  replaceKey: () => void,
): Promise<{ rows: number; sealed: number }> {
  return await db.transaction().execute(async (trx) => {
    // Takes the right to write, and changes nothing.
    await trx
      .updateTable('qbo_tokens')
      .set((row) => ({ state: row.ref('state') }))
      .execute()
    const rows = await trx.selectFrom('qbo_tokens').selectAll().execute()
    const opened = rows.map((row) => ({ ...row, ...unseal(keyring, row) }))
    replaceKey()
    keyring.reload()
    const secrets = keyring.current()
    const old = opened.filter(({ by }) => by.keyId !== secrets.keyId)
    for (const { realm, text } of old) {
      const values = { sealed: secrets.seal(text, realm), key_id: secrets.keyId }
      await trx.updateTable('qbo_tokens').set(values).where('realm', '=', realm).execute()
    }
    return { rows: rows.length, sealed: old.length }
  })
}

/** Rows of earlier versions do not say which key sealed them. */
function unseal(
  keyring: Keyring,
  { realm, sealed, key_id }: { realm: string; sealed: string; key_id: string | null },
): { text: string; by: Secrets } {
  const named = key_id === null ? undefined : keyring.find(key_id)
  for (const by of named === undefined ? keyring.all() : [named]) {
    try {
      return { text: by.open(sealed, realm), by }
    } catch {
      // Another key may fit.
    }
  }
  if (named !== undefined) {
    throw new ConfigError(
      'DATA_DIR: the stored QuickBooks tokens are damaged, though SECRET_KEY is the right one. Nothing was changed: restore mrp-backend.db from a backup; or move it away, start again, and connect QuickBooks anew.',
    )
  }
  throw new ConfigError(
    'SECRET_KEY: the stored QuickBooks tokens were sealed with another key. Nothing was changed: start with the former SECRET_KEY (or DATA_DIR/secret.key), or give it as SECRET_KEY_PREVIOUS. If it is lost, move DATA_DIR away and connect again.',
  )
}
