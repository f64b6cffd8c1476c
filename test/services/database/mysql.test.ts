// The MySQL server: what it keeps apart, how much of it, and what it says when it refuses.
import { createServer } from 'node:net'
import { sql } from 'kysely'
import t from 'tap'
import { DatabaseError } from '../../../src/errors.ts'
import { createCache } from '../../../src/services/cache/cache.ts'
import { transact } from '../../../src/services/database/database.ts'
import { migrations } from '../../../src/services/database/migrations.ts'
import { openMysql } from '../../../src/services/database/mysql.ts'
import { soleLease } from '../../../src/services/lease/lease.ts'
import { createManualClock } from '../../support/clock.ts'
import { mariaDb, overDatabases } from '../../support/databases.ts'
import { mariadb } from '../../support/mariadb.ts'
import { freePort } from '../../support/service.ts'

const newest = Object.keys(migrations).length
const options = { skip: mariaDb.skip ?? false }

overDatabases('ids that differ in anything are different records', async (t, kind) => {
  const { db } = await kind.open(t)
  const cache = createCache({ db, lease: soleLease(db), clock: createManualClock() })
  await cache.attempt('realm', 'items')
  const ids = ['tr', 'tr ', ' tr', 'TR', 'tŕ', 'tr\t', 'ﬆ', 'st', 'ß', 'ss', '']
  await cache.commitPage(
    'realm',
    'items',
    ids.map((id, i) => ({ id, lastUpdated: i, active: true, json: JSON.stringify({ i }) })),
  )
  for (const [i, id] of ids.entries())
    t.equal(await cache.get('realm', 'items', id), JSON.stringify({ i }), id)
})

overDatabases('a record comes back as it was, however long and whatever is in it', async (t, kind) => {
  const { db } = await kind.open(t)
  const cache = createCache({ db, lease: soleLease(db), clock: createManualClock() })
  await cache.attempt('realm', 'items')
  const texts = [
    "O'Brien \\' \\\\ \\n \" ` %_ ; -- /* ? :x",
    '🔩 ½" × ü \u0000\u0001\u2028',
    'x'.repeat(300_000),
  ]
  const rows = texts.map((text, i) => ({
    id: String(i),
    lastUpdated: 1,
    active: true,
    json: JSON.stringify({ text }),
  }))
  await cache.commitPage('realm', 'items', rows)
  for (const { id, json } of rows) t.ok((await cache.get('realm', 'items', id)) === json, `record ${id}`)
})

overDatabases(
  'a page of large records is more than one statement may carry, and is kept',
  async (t, kind) => {
    const { db } = await kind.open(t)
    const cache = createCache({ db, lease: soleLease(db), clock: createManualClock() })
    await cache.attempt('realm', 'invoices')
    const text = '"\\'.repeat(60_000)
    const page = Array.from({ length: 300 }, (_, i) => ({
      ...{ id: String(i), lastUpdated: 1, active: true },
      json: JSON.stringify({ i, text }),
    }))
    const { upserts } = await cache.commitPage('realm', 'invoices', page)
    t.equal(upserts.length, 300)
    t.ok((await cache.get('realm', 'invoices', '299')) === page[299]?.json)
  },
)

t.test('a transaction that is in the way of another is begun again', options, async (t) => {
  const { settings } = await mariadb(t)
  const [one, other] = await Promise.all([openMysql(settings), openMysql(settings)])
  t.teardown(() => Promise.all([one.close(), other.close()]))
  for (const state of ['a', 'b'])
    await one.db.insertInto('qbo_oauth_states').values({ state, browser: null, expires_at: 0 }).execute()
  const met = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
  let runs = 0
  const both = (db: typeof one.db, first: string, second: string, mine: 0 | 1) =>
    transact(db, async (trx) => {
      runs += 1
      const add = (state: string) =>
        trx
          .updateTable('qbo_oauth_states')
          .set((row) => ({ expires_at: row('expires_at', '+', 1) }))
          .where('state', '=', state)
          .execute()
      await add(first)
      met[mine].resolve()
      await met[mine === 0 ? 1 : 0].promise
      await add(second)
    })
  await Promise.all([both(one.db, 'a', 'b', 0), both(other.db, 'b', 'a', 1)])
  t.equal(runs, 3, 'the server has ended one of them')
  const rows = await one.db.selectFrom('qbo_oauth_states').select('expires_at').execute()
  t.same(rows, [{ expires_at: 2 }, { expires_at: 2 }])
})

t.test('what the server refuses says why and quotes nothing of what it was sent', options, async (t) => {
  const { db, close } = await openMysql((await mariadb(t)).settings)
  t.teardown(close)
  const row = { code: 'a customer', expires_at: 1 }
  await db.insertInto('qbo_oauth_codes').values(row).execute()
  for (const refused of [
    () => db.insertInto('qbo_oauth_codes').values(row).execute(),
    () =>
      db
        .insertInto('qbo_oauth_codes')
        .values({ ...row, code: 'a customer'.repeat(20) })
        .execute(),
    () => sql.raw("SELECT 'a customer' FROM nowhere").execute(db),
  ]) {
    const error = await refused().catch((error: unknown) => error)
    if (!(error instanceof DatabaseError)) return t.fail('not refused')
    t.match(error, { kind: 'refused', message: /^ER_/ })
    t.notMatch(
      JSON.stringify({ ...error, message: error.message, stack: error.stack }),
      /a customer|insert into/,
    )
  }
})

t.test('a connection that is cut is not used again', options, async (t) => {
  const { settings, query } = await mariadb(t)
  const { db, close } = await openMysql(settings)
  t.teardown(close)
  const self = sql<{ id: number }>`SELECT connection_id() AS id`
  await transact(db, async (trx) => {
    const [{ id } = { id: 0 }] = (await self.execute(trx)).rows
    await query(`KILL ${id}`)
    await t.rejects(self.execute(trx), { name: 'DatabaseError', kind: 'unreachable' })
  }).catch(() => undefined)
  t.equal((await self.execute(db)).rows.length, 1)
})

t.test('settings of the server that mean something else elsewhere do no harm', options, async (t) => {
  const { settings } = await mariadb(t)
  const { db, close } = await openMysql(settings)
  t.teardown(close)
  const { rows } = await sql<{ mode: string; zone: string; level: string }>`
    SELECT @@session.sql_mode AS mode, @@session.time_zone AS zone, @@session.tx_isolation AS level`.execute(
    db,
  )
  t.notMatch(rows[0]?.mode, /NO_BACKSLASH_ESCAPES|ANSI_QUOTES/)
  t.match(rows[0], { mode: /STRICT_TRANS_TABLES/, zone: '+00:00', level: 'READ-COMMITTED' })
})

t.test(
  'a start that was ended while it made the tables is finished by the next, or by two at once',
  options,
  async (t) => {
    const { settings, query } = await mariadb(t)
    await query(
      'CREATE TABLE qbo_tokens (realm varchar(64) PRIMARY KEY, sealed longtext NOT NULL, state varchar(32) NOT NULL, updated_at bigint NOT NULL)',
    )
    const [one, other] = await Promise.all([openMysql(settings), openMysql(settings)])
    await Promise.all([one.close(), other.close()])
    t.equal((await query('SELECT name FROM qbo_migrations')).length, newest)
    await query('DELETE FROM qbo_migrations')
    await (await openMysql(settings)).close()
    t.equal((await query('SELECT name FROM qbo_migrations')).length, newest)
  },
)

t.test(
  'a server that cannot be used stops the start with a line that names the variable',
  options,
  async (t) => {
    const { settings, query } = await mariadb(t)
    const nothing = await freePort()
    await t.rejects(openMysql({ ...settings, port: nothing }), {
      name: 'ConfigError',
      message: /^DB_HOST, DB_PORT: no database answers/,
    })
    await t.rejects(openMysql({ ...settings, user: 'stranger', password: 'hunter22' }), {
      name: 'ConfigError',
      message: /^DB_USER, DB_PASSWORD: (?!.*hunter22)/,
    })
    await t.rejects(openMysql({ ...settings, database: 'mrp_nowhere' }), {
      name: 'ConfigError',
      message: /^DB_NAME: /,
    })
    const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
      0,
      '127.0.0.1',
    )
    t.teardown(() => other.close())
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    await t.rejects(openMysql({ ...settings, port }), { name: 'ConfigError', message: /^DB_HOST, DB_PORT: / })
    await (await openMysql(settings)).close()
    await query("INSERT INTO qbo_migrations VALUES ('9999-of-the-future', '2030')")
    await t.rejects(openMysql(settings), { name: 'ConfigError', message: /^DB_NAME: .* newer version/ })
  },
)

t.test(
  'migrations that another node of a cluster runs at the same time, unseen by locks, are gone on with',
  options,
  async (t) => {
    const { settings, query } = await mariadb(t)
    await query(
      'CREATE TABLE qbo_migrations (name varchar(255) PRIMARY KEY, timestamp varchar(255) NOT NULL)',
    )
    // Not undone with the statement that is refused.
    await query('CREATE TABLE refused (name varchar(64) NOT NULL) ENGINE = MyISAM')
    await query(
      "CREATE TRIGGER other_node BEFORE INSERT ON qbo_migrations FOR EACH ROW IF NEW.name NOT IN (SELECT name FROM refused) THEN INSERT INTO refused VALUES (NEW.name); SIGNAL SQLSTATE '23000' SET MYSQL_ERRNO = 1062; END IF",
    )
    await (await openMysql(settings)).close()
    t.equal((await query('SELECT name FROM refused')).length, newest, 'each was refused once')
    t.equal((await query('SELECT name FROM qbo_migrations')).length, newest)
  },
)
