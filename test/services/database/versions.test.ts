// Databases of every past version are opened by this one, with all that is in them; and a start that was ended while it
// brought the tables up to date is finished by the next.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { type Kysely, type KyselyPlugin, sql } from 'kysely'
import { createConnection } from 'mysql2/promise'
import t, { type Test } from 'tap'
import { createCache } from '../../../src/services/cache/cache.ts'
import { createFeed } from '../../../src/services/cache/feed.ts'
import { createHintQueue } from '../../../src/services/cache/hints.ts'
import { type Db, migrate, type OpenDatabase } from '../../../src/services/database/database.ts'
import { migrations } from '../../../src/services/database/migrations.ts'
import { openMysql } from '../../../src/services/database/mysql.ts'
import { openSqlite } from '../../../src/services/database/sqlite.ts'
import { soleLease } from '../../../src/services/lease/lease.ts'
import { createKeyring } from '../../../src/services/tokens/keyring.ts'
import { createTokenStore } from '../../../src/services/tokens/store.ts'
import { createManualClock } from '../../support/clock.ts'
import { type DatabaseKind, mariaDb, overDatabases } from '../../support/databases.ts'
import { FEED, FIXTURE_KEY, fixtureRows, ITEM, REALM, REALM_ID, RENAMED } from '../../support/fixture-rows.ts'
import { mariadb } from '../../support/mariadb.ts'
import { temporaryFolder } from '../../support/service.ts'

const names = Object.keys(migrations)
const folder = join(import.meta.dirname, '../../fixtures/schema')
const clock = createManualClock()
const keyring = createKeyring(() => ({ key: FIXTURE_KEY, previous: [] }))

/** The first with replicas, and so the first on a server. */
const FIRST_OF_MYSQL = '0004-replicas'

async function opened(t: Test, name: string, dump: string): Promise<OpenDatabase> {
  const dataDir = temporaryFolder(t)
  if (name === 'sqlite') {
    const file = new SqliteDatabase(join(dataDir, 'mrp-backend.db'))
    file.exec(dump)
    file.close()
    return await openSqlite(dataDir)
  }
  const { settings } = await mariadb(t)
  const { user, password, host, port, database } = settings
  const connection = await createConnection({
    ...{ user, password, host, port, database },
    multipleStatements: true,
  })
  await connection.query(dump)
  await connection.end()
  return await openMysql(settings)
}

t.test(
  'each version has a database of each kind that it knew; npm run schema-fixture makes it',
  async (t) => {
    const expected = names.flatMap((name) => [
      ...(name < FIRST_OF_MYSQL ? [] : [`${name}.mysql.sql`]),
      `${name}.sqlite.sql`,
    ])
    t.same(readdirSync(folder).sort(), expected.sort())
  },
)

for (const file of readdirSync(folder)) {
  const [version = '', kind = ''] = file.split('.')
  const isAfter = (name: string) => version >= name
  const skip = kind === 'mysql' ? (mariaDb.skip ?? false) : false
  t.test(`${version} on ${kind} is opened with all that is in it`, { skip }, async (t) => {
    const database = await opened(t, kind, readFileSync(join(folder, file), 'utf8'))
    t.teardown(() => database.close())
    const { db } = database
    t.same(database.migrated, names.slice(names.indexOf(version) + 1))
    const lease = soleLease(db)

    const store = createTokenStore({ db, lease, keyring, clock, makeRoom: database.makeRoom })
    const tokens = { realm: REALM, realmId: REALM_ID, refreshToken: 'refresh-1', state: 'connected' }
    const stored = await store.load()
    t.match(stored, tokens)
    if (stored !== undefined) await store.save(stored)
    t.match(await store.load(), tokens)

    const cache = createCache({ db, lease, clock })
    t.equal(await cache.get(REALM, 'items', '1'), ITEM)
    t.equal(await cache.get(REALM, 'items', '2'), RENAMED)
    t.match(await cache.checkpoint(REALM, 'items'), {
      ...{ records: 2, activeRecords: 2, setAside: 1, lastError: null, completeAsOf: 40, owesFull: false },
      ...{ lastSuccess: 60, lastFull: 60, heldBack: isAfter('0002') ? 1 : 0 },
    })
    await cache.attempt(REALM, 'items')
    t.equal(await cache.sequence(REALM), 4)
    const query = { realm: REALM, entities: ['items'], limit: 10 }
    const feed = createFeed({ db, clock })
    const all = await feed.read({ ...query, cursor: undefined })
    t.match(all.changes, [
      { id: '1', seq: 1 },
      { id: '2', seq: 3 },
    ])
    const cursor = `${FEED}-1-${clock.now().toString(36)}-items`
    const since = feed.read({ ...query, cursor })
    if (isAfter('0002')) t.match((await since).changes, [{ id: '2' }, { id: '9', json: null }])
    else await t.rejects(since, { code: 'CURSOR_UNKNOWN' })
    const waiting = await createHintQueue({ db, clock }).waiting(REALM, 'items')
    t.same(
      [...(waiting?.ids ?? [])],
      isAfter('0002')
        ? [
            ['1', false],
            ['2', true],
          ]
        : [],
    )
    const reads = await db.selectFrom('qbo_reads').selectAll().execute()
    t.match(reads, isAfter('0002') ? [{ month: '2026-11', reads: 7 }] : [])
  })
}

overDatabases('every table has rows in the database of the newest version', async (t, kind) => {
  const { db } = await kind.open(t)
  const tables = (await db.introspection.getTables()).map(({ name }) => name)
  const ours = tables.filter((name) => name.startsWith('qbo_') && !name.startsWith('qbo_migration'))
  t.same(Object.keys(fixtureRows).sort(), ours.sort())
})

/** Lets `count` statements of the migrations through, and fails at the next. */
const endingAfter = (count: number): KyselyPlugin => ({
  transformQuery({ node }) {
    if (count === 0) throw new Error('ended')
    count -= 1
    return node
  },
  transformResult: async ({ result }) => result,
})

/** What a database is made of, in its own words. */
async function definitionsOf(db: Db, { name }: DatabaseKind): Promise<string[]> {
  if (name === 'SQLite') {
    const { rows } = await sql<{ sql: string }>`SELECT sql FROM sqlite_master WHERE sql IS NOT NULL`.execute(
      db,
    )
    return rows.map((row) => row.sql).sort()
  }
  const all: string[] = []
  for (const { name } of await db.introspection.getTables()) {
    const { rows } = await sql<Record<string, string>>`SHOW CREATE TABLE ${sql.table(name)}`.execute(db)
    all.push(rows[0]?.['Create Table'] ?? '')
  }
  return all.sort()
}

async function dropAll(db: Db): Promise<void> {
  const any = db as unknown as Kysely<unknown>
  for (const name of [...Object.keys(fixtureRows), 'qbo_migrations', 'qbo_migration_lock'])
    await any.schema.dropTable(name).ifExists().execute()
}

overDatabases('migrations that end after any statement are finished by the next start', async (t, kind) => {
  const { db } = await kind.open(t)
  const whole = await definitionsOf(db, kind)
  t.ok(whole.length > 12)
  for (let count = 0; ; count++) {
    await dropAll(db)
    const end = await migrate(db.withPlugin(endingAfter(count))).catch((error: Error) => error)
    if (!(end instanceof Error)) {
      t.ok(count > 20, 'each of them was tried')
      break
    }
    t.equal(end.message, 'ended')
    await migrate(db)
    t.same(await definitionsOf(db, kind), whole, `after ${count} statements`)
  }
})
