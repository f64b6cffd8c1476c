// The database file: what it refuses at start, and that deleted data is gone from it.
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import t, { type Test } from 'tap'
import { createCache } from '../../../src/services/cache/cache.ts'
import { createFeed } from '../../../src/services/cache/feed.ts'
import type { OpenDatabase } from '../../../src/services/database/database.ts'
import { migrations } from '../../../src/services/database/migrations.ts'
import type { Database } from '../../../src/services/database/schema.ts'
import { openSqlite } from '../../../src/services/database/sqlite.ts'
import { soleLease } from '../../../src/services/lease/lease.ts'
import { createManualClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/service.ts'

const NOBODY = 65534

/** A folder with a database that was in use, closed again. */
async function used(t: Test): Promise<string> {
  const folder = temporaryFolder(t)
  await (await openSqlite(folder)).close()
  return folder
}

/** Root may write everything, so what a user may not do is tried as one who is not root. */
async function asUser<T>(task: () => Promise<T>): Promise<T> {
  const root = process.getuid?.() === 0
  if (root) process.seteuid?.(NOBODY)
  try {
    return await task()
  } finally {
    if (root) process.seteuid?.(0)
  }
}

/** What the user of `asUser` may do with the folder, its files and its lock, all of which are somebody else's. */
function allow(folder: string, modes: { folder: number; files: number; lock?: number }): void {
  for (const name of readdirSync(folder)) chmodSync(join(folder, name), modes.files)
  if (modes.lock !== undefined) chmodSync(join(folder, 'process.lock'), modes.lock)
  chmodSync(folder, modes.folder)
}

t.test('a folder or file that cannot be written is refused in words that name DATA_DIR', async (t) => {
  for (const [name, modes] of [
    ['a folder that may only be read', { folder: 0o555, files: 0o666 }],
    ['a database that may only be read', { folder: 0o777, files: 0o444, lock: 0o666 }],
    ['everything may only be read', { folder: 0o555, files: 0o444 }],
  ] as const) {
    const folder = await used(t)
    allow(folder, modes)
    const start = asUser(() => openSqlite(folder))
    await t.rejects(start, { name: 'ConfigError', message: `DATA_DIR: ${folder} cannot be written` }, name)
    chmodSync(folder, 0o700)
  }
})

t.test('a lock that cannot be written is no lock: not even the first process starts', async (t) => {
  const folder = await used(t)
  allow(folder, { folder: 0o777, files: 0o666, lock: 0o444 })
  const start = asUser(() => openSqlite(folder))
  await t.rejects(start, {
    name: 'ConfigError',
    message: /^DATA_DIR: .* cannot be written \(EACCES/,
  })
})

t.test(
  'a folder in which nothing can be made is refused at once',
  { skip: process.platform !== 'linux' && 'only Linux has /proc' },
  async (t) => {
    await t.rejects(openSqlite('/proc/mrp-backend/data'), {
      name: 'ConfigError',
      message: /^DATA_DIR: \/proc\/mrp-backend\/data cannot be written/,
    })
  },
)

t.test('missing folders on the way are made, for their owner only', async (t) => {
  const folder = join(temporaryFolder(t), 'a', 'b')
  await (await openSqlite(folder)).close()
  t.ok(readdirSync(folder).includes('mrp-backend.db'))
})

t.test('a damaged file is moved aside as it is, and a new one takes its place', async (t) => {
  const overwritten = (bytes: Buffer) => bytes.fill('not a database', 0, 4096)
  const holed = (bytes: Buffer) => bytes.fill(0xaa, 4096)
  const cut = (bytes: Buffer) => bytes.subarray(0, 5000)
  for (const damage of [overwritten, holed, cut]) {
    const folder = await used(t)
    const path = join(folder, 'mrp-backend.db')
    const bytes = damage(readFileSync(path))
    writeFileSync(path, bytes)
    writeFileSync(`${path}-wal`, 'what was not yet in it')
    const { db, movedAside, close } = await openSqlite(folder)
    t.same(await db.selectFrom('qbo_tokens').selectAll().execute(), [], damage.name)
    t.match(movedAside, `${path}.damaged-`)
    t.ok(readFileSync(movedAside ?? '').equals(bytes), damage.name)
    await close()
    const again = await openSqlite(folder)
    t.equal(again.movedAside, undefined, 'the new one is sound')
    await again.close()
  }
})

t.test('what is no file, or a damaged lock that somebody may hold, is refused', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'mrp-backend.db'))
  await t.rejects(openSqlite(folder), { name: 'ConfigError', message: /^DATA_DIR: / })
  const locked = await used(t)
  writeFileSync(join(locked, 'process.lock'), 'not a database '.repeat(1000))
  await t.rejects(openSqlite(locked), {
    name: 'ConfigError',
    message: /^DATA_DIR: process\.lock in .* is damaged .* delete it/,
  })
})

t.test('what was deleted can be read in no file once the database was shrunk', async (t) => {
  const folder = temporaryFolder(t)
  const database = await openSqlite(folder)
  t.teardown(database.close)
  await fill(database, 'Confidential Customer')
  t.ok(readable(folder, 'Confidential Customer'))
  await database.db.deleteFrom('qbo_records').execute()
  await database.shrink()
  t.notOk(readable(folder, 'Confidential Customer'))
  await fill(database, 'The Next One')
  t.ok(readable(folder, 'The Next One'), 'and goes on')
})

async function fill({ db }: OpenDatabase, name: string): Promise<void> {
  const rows = Array.from({ length: 200 }, (_, i) => ({
    ...{ realm: 'a', entity: 'customers', id: String(i), last_updated: i, active: 1, seq: i },
    json: JSON.stringify({ DisplayName: `${name} ${i}` }),
  }))
  await db.insertInto('qbo_records').values(rows).execute()
}

const readable = (folder: string, text: string): boolean =>
  readdirSync(folder).some((name) => readFileSync(join(folder, name)).includes(text))

t.test('a database of a newer version is refused with what to do, and left as it is', async (t) => {
  const folder = await used(t)
  const file = new SqliteDatabase(join(folder, 'mrp-backend.db'))
  const applied = file.prepare('SELECT name FROM qbo_migrations ORDER BY name').pluck()
  file.exec("INSERT INTO qbo_migrations VALUES ('9999-future', '2099-01-01T00:00:00Z')")
  await t.rejects(openSqlite(folder), {
    name: 'ConfigError',
    message: /^DATA_DIR: .* newer version .* Start that version/,
  })
  t.same(applied.all(), [...Object.keys(migrations), '9999-future'])
  file.close()
})

t.test('a database of the first version is taken over: every pass in it was a full one', async (t) => {
  const folder = temporaryFolder(t)
  const old = new Kysely<Database>({
    dialect: new SqliteDialect({ database: new SqliteDatabase(join(folder, 'mrp-backend.db')) }),
  })
  const [first] = Object.entries(migrations)
  const { error } = await new Migrator({
    db: old,
    provider: { getMigrations: async () => Object.fromEntries([first ?? []]) },
    migrationTableName: 'qbo_migrations',
    migrationLockTableName: 'qbo_migration_lock',
  }).migrateToLatest()
  t.equal(error, undefined)
  await sql`INSERT INTO qbo_checkpoints VALUES ('a', 'items', 1, 1, 0, 5, 7, NULL, 4), ('a', 'vendors', 0, 0, 0, 5, NULL, 'no', NULL)`.execute(
    old,
  )
  await sql`INSERT INTO qbo_sequences VALUES ('a', 1)`.execute(old)
  await sql`INSERT INTO qbo_records VALUES ('a', 'items', '1', 3, 1, '{"Id":"1"}', 1)`.execute(old)
  await old.destroy()

  const { db, close } = await openSqlite(folder)
  const cache = createCache({ db, lease: soleLease(db), clock: createManualClock() })
  t.match(await cache.checkpoints('a'), [
    { entity: 'items', lastSuccess: 7, lastFull: 7, completeAsOf: 4, drift: null, heldBack: 0 },
    { entity: 'vendors', lastSuccess: null, lastFull: null },
  ])
  await cache.attempt('a', 'items')
  const feed = createFeed({ db, clock: createManualClock() })
  const page = await feed.read({ realm: 'a', entities: ['items'], cursor: undefined, limit: 10 })
  t.match(page, { changes: [{ seq: 1, id: '1' }], more: false })
  t.match(await feed.read({ realm: 'a', entities: ['items'], cursor: page.cursor, limit: 10 }), {
    changes: [],
  })
  await close()
})
