// Opens the one database file under DATA_DIR, locks it against a second process, and brings its tables up to date.
// A commit is on the disk when it returns (WAL with synchronous=FULL): a rotated token must survive a power cut.

import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { Migrator } from 'kysely/migration'
import { ConfigError, reasonOf } from '../../errors.ts'
import { migrations } from './migrations.ts'
import type { Database } from './schema.ts'

/** The query layer over the tables of `schema.ts`. */
export type Db = Kysely<Database>

/** An open database; `close` releases the file and its lock. */
export interface OpenDatabase {
  db: Db
  close(): Promise<void>
}

/**
 * Opens (and creates, when missing) the database in `dataDir`, readable by its owner only.
 * @throws ConfigError when the folder cannot be written or another process serves from it.
 */
export async function openDatabase(dataDir: string): Promise<OpenDatabase> {
  const lock = lockFolder(dataDir)
  try {
    const path = join(dataDir, 'mrp-backend.db')
    const file = new SqliteDatabase(path)
    chmodSync(path, 0o600)
    file.pragma('journal_mode = WAL')
    file.pragma('synchronous = FULL')
    file.pragma('busy_timeout = 5000')
    const db: Db = new Kysely<Database>({ dialect: new SqliteDialect({ database: file }) })
    await migrate(db)
    return {
      db,
      async close() {
        await db.destroy()
        lock.close()
      },
    }
  } catch (error) {
    lock.close()
    throw error
  }
}

/** Two processes on one file could refresh one token twice, which Intuit may answer by revoking it. */
function lockFolder(dataDir: string): SqliteDatabase.Database {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    const lock = new SqliteDatabase(join(dataDir, 'process.lock'), { timeout: 0 })
    lock.pragma('locking_mode = EXCLUSIVE')
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    if ((error as { code?: string }).code === 'SQLITE_BUSY') {
      throw new ConfigError(
        `DATA_DIR: another process serves from ${dataDir}. Stop it first, or give this one its own.`,
      )
    }
    throw new ConfigError(`DATA_DIR: ${dataDir} cannot be written (${reasonOf(error)}).`)
  }
}

async function migrate(db: Db): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
    migrationTableName: 'qbo_migrations',
    migrationLockTableName: 'qbo_migration_lock',
  })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}
