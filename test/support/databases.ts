// The contract suites run over every kind of database that there is; a new kind is one entry here.
import type { Test } from 'tap'
import t from 'tap'
import type { OpenDatabase } from '../../src/services/database/database.ts'
import { openMysql } from '../../src/services/database/mysql.ts'
import { openSqlite } from '../../src/services/database/sqlite.ts'
import { mariadb, whyNoMariaDb } from './mariadb.ts'
import { temporaryFolder } from './service.ts'

/** One kind of database. */
export interface DatabaseKind {
  name: 'SQLite' | 'MariaDB'
  /** Why it cannot be tried here. */
  skip: string | undefined
  /** Opens a new one, which is gone with the test. */
  open(t: Test): Promise<OpenDatabase>
}

export const sqlite: DatabaseKind = {
  name: 'SQLite',
  skip: undefined,
  open: (t) => opened(t, openSqlite(temporaryFolder(t))),
}

export const mariaDb: DatabaseKind = {
  name: 'MariaDB',
  skip: await whyNoMariaDb(),
  open: async (t) => opened(t, openMysql((await mariadb(t)).settings)),
}

async function opened(t: Test, opening: Promise<OpenDatabase>): Promise<OpenDatabase> {
  const database = await opening
  t.teardown(() => database.close())
  return database
}

/** A test over each kind. */
export function overDatabases(title: string, body: (t: Test, kind: DatabaseKind) => Promise<void>): void {
  for (const kind of [sqlite, mariaDb])
    t.test(`${title}, on ${kind.name}`, { skip: kind.skip ?? false }, (t) => body(t, kind))
}
