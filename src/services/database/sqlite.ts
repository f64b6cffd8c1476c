// The one database file under DATA_DIR, locked against a second process.
// A commit is on the disk when it returns (WAL with synchronous=FULL): a rotated token must survive a power cut.

import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import {
  type DatabaseConnection,
  Kysely,
  SqliteAdapter,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely'
import { ConfigError, reasonOf, saysDamaged } from '../../errors.ts'
import { type Db, fromNewer, isFromNewer, isUpToDate, migrate, type OpenDatabase } from './database.ts'
import type { Database } from './schema.ts'

/**
 * Opens (and creates, when missing) the database in `dataDir`, readable by its owner only. A damaged one is moved aside:
 * what was in it can be had anew from QuickBooks, once a person has connected it again.
 * @throws ConfigError when the folder or a file in it cannot be written, comes from a newer version, or another process
 * serves from it.
 */
export async function openSqlite(dataDir: string): Promise<OpenDatabase> {
  const lock = lockFolder(dataDir)
  try {
    const path = databasePath(dataDir)
    makeFile(path)
    const movedAside = isDamaged(path) ? moveAside(path) : undefined
    const db = kyselyOf(configured(new SqliteDatabase(path)))
    const migrated = await migrate(db).catch(async (error) => {
      await db.destroy()
      throw error
    })
    return {
      db,
      isShared: false,
      movedAside,
      migrated,
      async makeRoom() {
        // What follows a checkpoint is written over what it took up (sqlite.org, Write-Ahead Logging, section 2.1).
        await sql`PRAGMA wal_checkpoint(PASSIVE)`.execute(db)
      },
      async shrink() {
        for (const name of readdirSync(dataDir)) if (name.startsWith(DAMAGED)) rmSync(join(dataDir, name))
        await sql`VACUUM`.execute(db)
        await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db)
      },
      async close() {
        await db.destroy()
        lock.close()
      },
    }
  } catch (error) {
    lock.close()
    throw startFault(dataDir, error)
  }
}

/**
 * Opens the database in `dataDir` beside a process that may serve from it, for a short piece of work.
 * @throws ConfigError when there is none, or not yet one of this version.
 */
export async function openSqliteBeside(dataDir: string): Promise<Pick<OpenDatabase, 'db' | 'close'>> {
  const path = databasePath(dataDir)
  mustBeThere(dataDir)
  try {
    const db = kyselyOf(configured(new SqliteDatabase(path, { fileMustExist: true })))
    const close = () => db.destroy()
    if (await isUpToDate(db)) return { db, close }
    await close()
  } catch (error) {
    throw startFault(dataDir, error)
  }
  throw new ConfigError(
    `DATA_DIR: the database in ${dataDir} is of an earlier version: start this version of the service first, or run npm run migrate.`,
  )
}

/** @throws ConfigError when there is no database in this folder. */
export function mustBeThere(dataDir: string): void {
  if (!existsSync(databasePath(dataDir)))
    throw new ConfigError(`DATA_DIR: there is no database in ${dataDir}.`)
}

const NAME = 'mrp-backend.db'
/** What a damaged database is called, before the time at which it was moved aside. */
const DAMAGED = `${NAME}.damaged-`

/** The file in a folder. */
export const databasePath = (dataDir: string): string => join(dataDir, NAME)

const kyselyOf = (database: SqliteDatabase.Database): Db =>
  new Kysely<Database>({
    dialect: {
      createAdapter: () => new Adapter(),
      createDriver: () => new Driver(database),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  })

function configured(file: SqliteDatabase.Database): SqliteDatabase.Database {
  file.pragma('journal_mode = WAL')
  file.pragma('synchronous = FULL')
  file.pragma('busy_timeout = 5000')
  return file
}

/** For its owner only. SQLite opens what it may not write for reading, and fails later; this fails now. */
function makeFile(path: string): void {
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
}

function isDamaged(path: string): boolean {
  const file = new SqliteDatabase(path)
  try {
    return file.pragma('quick_check(1)', { simple: true }) !== 'ok'
  } catch (error) {
    if (saysDamaged(error)) return true
    throw error
  } finally {
    file.close()
  }
}

/** With the files that belong to it, which would be taken for those of the new one in its place. */
function moveAside(path: string): string {
  const place = `${join(dirname(path), DAMAGED)}${new Date().toISOString().replaceAll(/[:.]/g, '-')}`
  for (const suffix of ['-wal', '-shm', ''])
    if (existsSync(path + suffix)) renameSync(path + suffix, place + suffix)
  makeFile(path)
  return place
}

/** Two processes on one file could refresh one token twice, which Intuit may answer by revoking it. */
function lockFolder(dataDir: string): SqliteDatabase.Database {
  let lock: SqliteDatabase.Database | undefined
  try {
    makeFolder(resolve(dataDir))
    makeFile(join(dataDir, 'process.lock'))
    lock = new SqliteDatabase(join(dataDir, 'process.lock'), { timeout: 0 })
    lock.pragma('locking_mode = EXCLUSIVE')
    lock.pragma('journal_mode = MEMORY')
    // On a file that may only be read, BEGIN EXCLUSIVE succeeds and locks nothing; writing does not.
    lock.exec('BEGIN EXCLUSIVE; PRAGMA user_version = 1')
    return lock
  } catch (error) {
    lock?.close()
    if (codeOf(error) === 'SQLITE_BUSY') {
      throw new ConfigError(
        `DATA_DIR: another process serves from ${dataDir}. Stop it first, or give this one its own.`,
      )
    }
    throw startFault(dataDir, error)
  }
}

/** Node's own recursive mkdir never returns where a folder exists and nothing can be made in it, as in /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  mkdirSync(path, { mode: 0o700 })
}

const codeOf = (error: unknown) => (error as { code?: string }).code

/** What the disk or a newer version refuses as a line for a person; anything else is a bug and stays as it is. */
function startFault(dataDir: string, error: unknown): unknown {
  const code = codeOf(error)
  if (isFromNewer(error)) return fromNewer(`DATA_DIR: the database in ${dataDir}`)
  if (error instanceof ConfigError || code === undefined) return error
  if (saysDamaged(error)) return damagedLock(dataDir, reasonOf(error))
  if (/^(SQLITE_FULL|ENOSPC)/.test(code)) {
    return new ConfigError(
      `DATA_DIR: the disk under ${dataDir} is full (${reasonOf(error)}). Free some space.`,
    )
  }
  return new ConfigError(
    `DATA_DIR: ${dataDir} cannot be written (${reasonOf(error)}). Give its folder and files to the user that runs the service, or choose another DATA_DIR.`,
  )
}

/** It is only locked and never read, but whoever holds it may be another process. */
const damagedLock = (dataDir: string, reason: string) =>
  new ConfigError(
    `DATA_DIR: process.lock in ${dataDir} is damaged (${reason}). Make sure that no other process serves from there, delete it, and start again: nothing is kept in it.`,
  )

/** SQLite ends a transaction by itself when the disk is full; taking it back then would fail, and hide why. */
class Driver extends SqliteDriver {
  readonly #database: SqliteDatabase.Database

  constructor(database: SqliteDatabase.Database) {
    super({ database })
    this.#database = database
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#database.inTransaction) await super.rollbackTransaction(connection)
  }
}

/** SQLite makes tables in transactions, too. Kysely does not count on it, and a start that is killed would leave some of them. */
class Adapter extends SqliteAdapter {
  override get supportsTransactionalDdl() {
    return true
  }
}
