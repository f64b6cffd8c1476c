// One query layer and one set of tables over two kinds of database: a file of our own (sqlite.ts), or the shop's MySQL or
// MariaDB (mysql.ts). What differs between them is in those two files and nowhere else.

import { setTimeout as delay } from 'node:timers/promises'
import type { Kysely, Transaction } from 'kysely'
import { Migrator } from 'kysely/migration'
import { ConfigError, DatabaseError } from '../../errors.ts'
import { migrations } from './migrations.ts'
import type { Database } from './schema.ts'

/** The query layer over the tables of `schema.ts`. */
export type Db = Kysely<Database>

/** A transaction in progress. */
export type Trx = Transaction<Database>

/** What a look at a database sees that leaves everything as it is: see look.ts. */
export interface Sight {
  /** Migrations that have run. */
  migrated: string[]
  /** The sealed connection, where there is one. */
  tokens: Database['qbo_tokens'] | undefined
  /** Of a server only. */
  server?: ServerSight
}

export interface ServerSight {
  version: string
  /** By its own clock, epoch milliseconds. */
  now: number
  isEncrypted: boolean
  /** Rights that it does not show for this user. */
  missing: string[]
}

/** What any kind of database tells of itself. `ask` answers the rows of a statement. */
export async function sightOf(
  tables: readonly string[],
  ask: <T>(statement: string) => T[] | Promise<T[]>,
): Promise<Sight> {
  const rows = async <T>(table: string, statement: string) =>
    tables.includes(table) ? await ask<T>(statement) : []
  const migrated = await rows<{ name: string }>('qbo_migrations', 'SELECT name FROM qbo_migrations')
  const [tokens] = await rows<Database['qbo_tokens']>(
    'qbo_tokens',
    'SELECT * FROM qbo_tokens ORDER BY updated_at DESC LIMIT 1',
  )
  return {
    migrated: migrated.map(({ name }) => name),
    // Its first versions had no key_id.
    tokens: tokens && { ...tokens, key_id: tokens.key_id ?? null },
  }
}

/** An open database. */
export interface OpenDatabase {
  db: Db
  /** Whether other processes may serve from it at the same time. */
  isShared: boolean
  /** Where a damaged database was moved, when there was one: this one is new, and empty. */
  movedAside: string | undefined
  /** Names of the migrations that opening it has run. */
  migrated: readonly string[]
  /** Leaves room on the disk to write what was written last once more. */
  makeRoom(): Promise<void>
  /**
   * Takes out what was deleted, which until then can still be read in a file, where that is in our hands. Blocks for as
   * long as writing the rest takes: for use after nearly everything was deleted.
   */
  shrink(): Promise<void>
  close(): Promise<void>
}

/** Another process runs the same migration: on another node of a cluster, where each has locks of its own. */
const BESIDE = new Set([
  'EE_DELETE',
  'ER_DUP_ENTRY',
  'ER_DUP_FIELDNAME',
  'ER_DUP_KEYNAME',
  'ER_TABLE_EXISTS_ERROR',
])
/** A process may lose against another one at each migration, and again against the next. */
const MOST_MIGRATING = 20
const MIGRATING_MS = 250

/**
 * Brings the tables up to date, one process at a time; where two are at it, the later one goes on after the other. Answers with the
 * migrations that this one has run.
 */
export async function migrate(db: Db): Promise<readonly string[]> {
  const done: string[] = []
  for (let attempt = 1; ; attempt++) {
    try {
      await migrateOnce(db, done)
      return done
    } catch (error) {
      const isBeside = error instanceof DatabaseError && (BESIDE.has(error.code) || error.kind === 'conflict')
      if (!isBeside || attempt === MOST_MIGRATING) throw error
      await delay(MIGRATING_MS * Math.random())
    }
  }
}

async function migrateOnce(db: Db, done: string[]): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
    migrationTableName: 'qbo_migrations',
    migrationLockTableName: 'qbo_migration_lock',
  })
  const { error, results = [] } = await migrator.migrateToLatest()
  for (const { migrationName, status } of results) if (status === 'Success') done.push(migrationName)
  if (error !== undefined) throw error
}

/** Whether every migration of this version has run. */
export async function isUpToDate(db: Db): Promise<boolean> {
  const tables = await db.introspection.getTables()
  if (!tables.some(({ name }) => name === 'qbo_migrations')) return false
  const done = await db
    .withTables<{ qbo_migrations: { name: string } }>()
    .selectFrom('qbo_migrations')
    .select('name')
    .execute()
  return Object.keys(migrations).every((name) => done.some((row) => row.name === name))
}

/** A database that a newer version has migrated further than this one knows. */
export const isFromNewer = (error: unknown): boolean =>
  error instanceof Error && /previously executed migration/.test(error.message)

/** What `isFromNewer` says, for a person; `where` begins with the variable at fault. */
export const fromNewer = (where: string): ConfigError =>
  new ConfigError(
    `${where} was in use by a newer version of this service. Start that version, or put back a backup from before it.`,
  )

/** Of a conflict with another process one of the two is told to begin again, so often. */
const MOST_ATTEMPTS = 5

/** Runs `work` in one transaction, and again from its beginning where another one was in its way. */
export async function transact<T>(db: Db, work: (trx: Trx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute(work)
    } catch (error) {
      const mayWork = error instanceof DatabaseError && error.kind === 'conflict'
      if (!mayWork || attempt === MOST_ATTEMPTS) throw error
    }
  }
}
