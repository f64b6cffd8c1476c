// A look at a database that leaves everything as it is: nothing is made, migrated or locked, whoever serves from it.

import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { ConfigError, reasonOf } from '../../errors.ts'
import { type Sight, sightOf } from './database.ts'
import { migrations } from './migrations.ts'
import type { DatabasePlace } from './open.ts'
import { databasePath } from './sqlite.ts'

/** Undefined when there is no file yet. @throws ConfigError when it cannot be read, or is damaged */
export async function lookAt({ dataDir, server }: DatabasePlace): Promise<Sight | undefined> {
  if (server !== undefined) return await (await import('./mysql.ts')).lookAtMysql(server)
  return existsSync(databasePath(dataDir)) ? lookAtSqlite(dataDir) : undefined
}

/** What this version would still do with a database, and what only a newer one has done. */
export function compareVersions({ migrated }: Sight): { pending: string[]; foreign: string[] } {
  const known = Object.keys(migrations)
  return {
    pending: known.filter((name) => !migrated.includes(name)),
    foreign: migrated.filter((name) => !known.includes(name)),
  }
}

async function lookAtSqlite(dataDir: string): Promise<Sight> {
  const path = databasePath(dataDir)
  const url = pathToFileURL(path)
  // Read as any other, a file that nobody serves from would get two more beside it, which stay. better-sqlite3 cannot do this.
  if (!existsSync(`${path}-wal`)) url.searchParams.set('immutable', '1')
  try {
    using file = new DatabaseSync(url, { readOnly: true, timeout: 5_000 })
    const all = <T>(statement: string) => file.prepare(statement).all() as T[]
    const [check] = all<{ quick_check: string }>('PRAGMA quick_check(1)')
    if (check?.quick_check !== 'ok')
      throw new ConfigError(damaged(dataDir, check?.quick_check ?? 'no answer'))
    const tables = all<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
    return await sightOf(
      tables.map(({ name }) => name),
      all,
    )
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const { errcode = 0 } = error as { errcode?: number }
    if (DAMAGED.has(errcode % 256)) throw new ConfigError(damaged(dataDir, reasonOf(error)))
    throw new ConfigError(
      `DATA_DIR: the database in ${dataDir} cannot be read (${reasonOf(error)}). Give its folder and files to the user that runs the service.`,
    )
  }
}

/** SQLITE_CORRUPT, SQLITE_NOTADB */
const DAMAGED = new Set([11, 26])

const damaged = (dataDir: string, reason: string) =>
  `The database in ${dataDir} is damaged (${reason}). Stop the service and put a backup in its place; or start it, which moves the damaged one aside, and connect QuickBooks anew.`
