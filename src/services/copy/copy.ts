// Moves a connection and its cache from one database to another. The tokens go last, and are deleted where they were only
// when they are committed where they go: two services that hold one chain of tokens would end it. A copy that was ended at
// any point is begun again from its beginning, and completes.

import { ConfigError, reasonOf } from '../../errors.ts'
import { createCache } from '../cache/cache.ts'
import type { Clock } from '../clock.ts'
import type { Keyring } from '../tokens/keyring.ts'
import { type Connection, createTokenStore } from '../tokens/store.ts'
import type { Held } from './hold.ts'
import { type Copied, copyTables } from './tables.ts'

/** A held database, and the keys that open the tokens in it. */
export interface Side extends Held {
  keyring: Keyring
}

/**
 * What was done. `finished`: the tokens had been moved before, and are deleted at the source now. `unfinished`: they are
 * where they go, and could not be deleted at the source.
 */
export type Outcome =
  | ({ kind: 'moved' } & Copied)
  | { kind: 'finished' }
  | { kind: 'unfinished'; reason: string }
  | { kind: 'nothing' }

/**
 * Moves everything from `source` to `target`.
 * @throws ConfigError when nothing is connected at the source, its tokens cannot be opened, or the target holds something
 * else; nothing was changed then.
 * @throws AppError NOT_LEADER when one of them is not held any more.
 */
export async function copyStore(source: Side, target: Side, clock: Clock): Promise<Outcome> {
  const [from, to] = [storeOf(source, clock), storeOf(target, clock)]
  const moving = await from.load()
  const there = await to.load()
  if (moving === undefined) {
    if (there !== undefined) return { kind: 'nothing' }
    throw new ConfigError(
      `--from: QuickBooks is not connected in ${source.name}, so there is nothing to move.`,
    )
  }
  if (there !== undefined) mustBeSame(moving, there, target)
  if (there !== undefined && there.accessExpiresAt >= moving.accessExpiresAt) {
    await from.clear()
    return { kind: 'finished' }
  }
  await mustBeEmptyBut(target, moving.realm)

  await to.clear()
  await createCache({ ...target, clock }).keepOnly()
  const copied = await copyTables(source, target, moving.realm)
  // Not where others serve from the source again by now: both would hold the tokens.
  await source.lease.write(async () => undefined)
  // A replica that stood still since before the copy may have stored the tokens that it was waiting for.
  await to.save((await from.load()) ?? moving)
  try {
    await from.clear()
  } catch (error) {
    return { kind: 'unfinished', reason: reasonOf(error) }
  }
  return { kind: 'moved', ...copied }
}

const storeOf = ({ db, lease, keyring }: Side, clock: Clock) =>
  createTokenStore({ db, lease, keyring, clock, makeRoom: async () => undefined })

/** Tokens that were refreshed come of the consent that they began with. */
function mustBeSame(moving: Connection, there: Connection, { name }: Side): void {
  if (moving.realmId === there.realmId && moving.connectedAt === there.connectedAt) return
  const what =
    moving.realmId === there.realmId ? 'the same company by a consent of its own' : 'another company'
  throw new ConfigError(
    `--to: ${name} is connected to ${what}. Nothing was changed: disconnect it there first (POST /api/disconnect), or take another database.`,
  )
}

/** What is there of this company an earlier copy has left: nothing is kept without tokens. */
async function mustBeEmptyBut({ db, name }: Side, realm: string): Promise<void> {
  for (const table of ['qbo_records', 'qbo_checkpoints'] as const) {
    const other = await db.selectFrom(table).select('realm').where('realm', '<>', realm).executeTakeFirst()
    if (other !== undefined)
      throw new ConfigError(
        `--to: ${name} holds records of another company. Nothing was changed: take another database, or start the service there once, which forgets what belongs to no connection.`,
      )
  }
}
