// A database that is copied from or to, held so that nobody else serves from it meanwhile: a file by its lock, a server by
// the lease of whoever leads.

import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { ConfigError } from '../../errors.ts'
import type { Clock } from '../clock.ts'
import type { Db, OpenDatabase } from '../database/database.ts'
import { type DatabasePlace, nameOf, openDatabase } from '../database/open.ts'
import { createLease, LEASE, type Lease, type LeaseRow, serverTime, soleLease } from '../lease/lease.ts'

/** See the header of this file. */
export interface Held {
  name: string
  db: Db
  lease: Lease
  /** Lets others serve from it again. */
  close(): Promise<void>
}

/** How long a server is kept from others after a copy was killed, in milliseconds: longer than a batch ever takes. */
const PERIOD_MS = 30_000

/** Opens a database, brought up to date. @throws ConfigError when it cannot be used, or somebody serves from it. */
export async function hold(place: DatabasePlace, clock: Clock): Promise<Held> {
  const database = await openDatabase(place)
  const name = nameOf(place)
  try {
    return { name, db: database.db, ...(await leaseOf(database, name, clock)) }
  } catch (error) {
    await database.close()
    throw error
  }
}

async function leaseOf(
  { db, isShared, movedAside, close }: OpenDatabase,
  name: string,
  clock: Clock,
): Promise<Pick<Held, 'lease' | 'close'>> {
  if (movedAside !== undefined)
    throw new ConfigError(`DATA_DIR: the database in ${name} was damaged, and was moved to ${movedAside}.`)
  if (!isShared) return { lease: soleLease(db), close }
  const holder = `copy-store-${randomUUID().slice(0, 8)}`
  const lease = createLease({ db, holder, periodMs: PERIOD_MS, clock })
  await lease.prepare()
  const seen = await leaseRow(db)
  if (!seen.isOver || !(await lease.acquire(seen))) {
    throw new ConfigError(
      `DB_HOST: ${seen.holder} serves from ${name}, or did a moment ago. Stop every replica; after a killed one, wait for ${PERIOD_MS / 1000} seconds.`,
    )
  }
  return {
    lease,
    async close() {
      try {
        await lease.release()
      } finally {
        await close()
      }
    },
  }
}

async function leaseRow(db: Db): Promise<LeaseRow> {
  const { over, ...row } = await db
    .selectFrom('qbo_leases')
    .select(['holder', 'fence', sql<number>`expires_at <= ${serverTime}`.as('over')])
    .where('name', '=', LEASE)
    .executeTakeFirstOrThrow()
  return { ...row, isOver: over === 1 }
}
