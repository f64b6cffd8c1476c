// The connection at rest: one sealed row per company. What `save` returned from is on the disk.
// Not for deciding anything: when to refresh and what an answer means is the keeper's.

import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { ConfigError } from '../../errors.ts'
import type { Clock } from '../clock.ts'
import { type Db, type Trx, transact } from '../database/database.ts'
import type { Database } from '../database/schema.ts'
import type { Lease } from '../lease/lease.ts'
import { type Keyring, openWith } from './keyring.ts'
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
  /** @throws AppError NOT_LEADER */
  save(connection: Connection): Promise<void>
  /**
   * Saves tokens that came of `former`, the refresh token that was stored when they were asked for, though this process
   * may not lead any more: Intuit has ended `former`, and nobody else has the new ones. Answers whether they are stored
   * now; not when others have been stored since.
   */
  rescue(connection: Connection, former: string | undefined): Promise<boolean>
  /**
   * Saves, and leaves room on the disk to do so once more. Where the refresh token that is stored is not `former`, it
   * leaves that as it is, and answers false: somebody has rescued tokens.
   */
  reserve(connection: Connection, former?: string): Promise<boolean>
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

/** The connection in a row. @throws ConfigError when no key of the keyring opens it */
export function connectionOf(keyring: Keyring, row: Database['qbo_tokens']): Connection {
  const sealed = Value.Parse(Sealed, JSON.parse(unseal(keyring, row).text))
  return {
    ...(sealed as Omit<Connection, 'realm' | 'state'>),
    realm: row.realm,
    state: row.state as ConnectionState,
  }
}

/** A store over the `qbo_tokens` table. One company per deployment: saving another one replaces the row. */
export function createTokenStore(deps: {
  db: Db
  lease: Lease
  keyring: Keyring
  clock: Clock
  makeRoom(): Promise<void>
}): TokenStore {
  const { db, lease, keyring, clock } = deps

  async function load(on: Db | Trx): Promise<Connection | undefined> {
    const row = await on
      .selectFrom('qbo_tokens')
      .selectAll()
      .orderBy('updated_at', 'desc')
      .limit(1)
      .executeTakeFirst()
    return row === undefined ? undefined : connectionOf(keyring, row)
  }

  async function write(trx: Trx, { realm, state, ...rest }: Connection): Promise<void> {
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
  }

  return {
    load: () => load(db),

    save: (connection) => lease.write((trx) => write(trx, connection)),

    rescue: (connection, former) =>
      transact(db, async (trx) => {
        await takeAll(trx)
        const stored = (await load(trx))?.refreshToken
        if (stored === former) await write(trx, connection)
        return stored === former || stored === connection.refreshToken
      }),

    async reserve(connection, former) {
      const isSaved = await lease.write(async (trx) => {
        await takeAll(trx)
        const stored = (await load(trx))?.refreshToken
        if (former !== undefined && stored !== undefined && stored !== former) return false
        await write(trx, connection)
        return true
      })
      if (isSaved) await deps.makeRoom()
      return isSaved
    },

    clear: () => lease.write(async (trx) => void (await trx.deleteFrom('qbo_tokens').execute())),
  }
}

/** Takes the right to write, and changes nothing. */
const takeAll = (trx: Trx) =>
  trx
    .updateTable('qbo_tokens')
    .set((row) => ({ state: row.ref('state') }))
    .execute()

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
  return await transact(db, async (trx) => {
    await takeAll(trx)
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
  { realm, sealed, key_id }: Pick<Database['qbo_tokens'], 'realm' | 'sealed' | 'key_id'>,
): { text: string; by: Secrets } {
  const named = key_id === null ? undefined : keyring.find(key_id)
  const opened = openWith(named === undefined ? keyring.all() : [named], sealed, realm)
  if (opened !== undefined) return opened
  if (named !== undefined) {
    throw new ConfigError(
      'DATA_DIR, DB_NAME: the stored QuickBooks tokens are damaged, though SECRET_KEY is the right one. Nothing was changed: restore the database (mrp-backend.db in DATA_DIR) from a backup; or move it away, start again, and connect QuickBooks anew.',
    )
  }
  throw new ConfigError(
    'SECRET_KEY: the stored QuickBooks tokens were sealed with another key. Nothing was changed: start with the former SECRET_KEY (or DATA_DIR/secret.key), or give it as SECRET_KEY_PREVIOUS. If it is lost, move DATA_DIR away and connect again.',
  )
}
