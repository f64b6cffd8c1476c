// `npm run schema-fixture`: dumps a database of the newest schema version, with rows in every table, for each kind of
// database, into test/fixtures/schema. One that is there already is kept as it is: later versions have to open it.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { Migrator } from 'kysely/migration'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { migrations } from '../src/services/database/migrations.ts'
import { openMysql } from '../src/services/database/mysql.ts'
import { fixtureRows } from '../test/support/fixture-rows.ts'
import { serverOf } from '../test/support/mariadb.ts'

const folder = join(import.meta.dirname, '../test/fixtures/schema')
const names = Object.keys(migrations)
mkdirSync(folder, { recursive: true })

for (const name of names) await write(name, 'sqlite', () => sqliteDump(name))
await write(names.at(-1) ?? '', 'mysql', mysqlDump)

async function write(name: string, kind: string, dump: () => Promise<string>): Promise<void> {
  const path = join(folder, `${name}.${kind}.sql`)
  if (!existsSync(path)) writeFileSync(path, await dump())
}

async function sqliteDump(last: string): Promise<string> {
  const file = new SqliteDatabase(':memory:')
  const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database: file }) })
  const some = Object.fromEntries(Object.entries(migrations).filter(([name]) => name <= last))
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: async () => some },
    migrationTableName: 'qbo_migrations',
    migrationLockTableName: 'qbo_migration_lock',
  }).migrateToLatest()
  if (error !== undefined) throw error
  const all = file
    .prepare<[], { type: string; name: string; sql: string }>(
      "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC, name",
    )
    .all()
  const lines: string[] = []
  for (const { type, name, sql } of all) {
    lines.push(`${sql};`)
    if (type !== 'table') continue
    const columns = file.prepare<[], { name: string }>(`PRAGMA table_info(${name})`).all()
    const known = columns.map((column) => column.name)
    for (const row of fixtureRows[name] ?? []) {
      const there = Object.entries(row).filter(([column]) => known.includes(column))
      const marks = there.map(() => '?').join(', ')
      file
        .prepare(`INSERT INTO ${name} (${there.map(([column]) => column).join(', ')}) VALUES (${marks})`)
        .run(...there.map(([, value]) => value))
    }
    const quoted = known.map((column) => `quote(${column})`).join(` || ', ' || `)
    const rows = file.prepare<[], string>(`SELECT ${quoted} FROM ${name}`).pluck().all()
    for (const values of rows) lines.push(`INSERT INTO ${name} (${known.join(', ')}) VALUES (${values});`)
  }
  await db.destroy()
  return `${lines.join('\n')}\n`
}

/** Of the newest version only: the tables of earlier ones are what an earlier dump says. */
async function mysqlDump(): Promise<string> {
  const database = `mrp_fixture_${randomUUID().slice(0, 8)}`
  const connection = await createConnection(serverOf(process.env))
  const ask = async <T>(statement: string, values: unknown[] = []) =>
    (await connection.query<RowDataPacket[]>(statement, values))[0] as T[]
  try {
    await connection.query(`CREATE DATABASE ${database}`)
    await connection.query(`USE ${database}`)
    await (await openMysql({ ...serverOf(process.env), database, tls: false })).close()
    const lines: string[] = []
    for (const one of await ask<Record<string, string>>('SHOW TABLES')) {
      const [name = ''] = Object.values(one)
      const [made] = await ask<Record<string, string>>(`SHOW CREATE TABLE ${name}`)
      lines.push(`${made?.['Create Table']};`)
      for (const row of fixtureRows[name] ?? []) await connection.query(`INSERT INTO ${name} SET ?`, [row])
      for (const row of await ask<object>(`SELECT * FROM ${name}`))
        lines.push(`${connection.format(`INSERT INTO ${name} SET ?`, [row])};`)
    }
    return `${lines.join('\n')}\n`
  } finally {
    await connection.query(`DROP DATABASE IF EXISTS ${database}`)
    await connection.end()
  }
}
