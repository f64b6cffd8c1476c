// Servers that are set up otherwise, hang, or are away.
import { sql } from 'kysely'
import t from 'tap'
import { createCache } from '../../../src/services/cache/cache.ts'
import { openMysql } from '../../../src/services/database/mysql.ts'
import { soleLease } from '../../../src/services/lease/lease.ts'
import { createManualClock } from '../../support/clock.ts'
import { overDatabases } from '../../support/databases.ts'
import { mariadb, onMariaDb } from '../../support/mariadb.ts'
import { ownMariaDb } from '../../support/own-mariadb.ts'
import { startService, startSimulator } from '../../support/service.ts'

const onServer = await onMariaDb(t)

overDatabases('nothing is in an empty list, and everything is outside of it', async (t, kind) => {
  const { db } = await kind.open(t)
  await db.insertInto('qbo_oauth_codes').values({ code: 'one', expires_at: 1 }).execute()
  const codes = db.selectFrom('qbo_oauth_codes').select('code')
  t.same(await codes.where('code', 'in', []).execute(), [])
  t.same(await codes.where((row) => row.or([row('code', 'in', []), row('expires_at', '=', 1)])).execute(), [
    { code: 'one' },
  ])
  await db.deleteFrom('qbo_oauth_codes').where('code', 'in', []).execute()
  t.same(await codes.execute(), [{ code: 'one' }])
  t.same(await codes.where('code', 'not in', []).execute(), [{ code: 'one' }])
})

onServer('whatever a server is set to, records come back as they were', async (t) => {
  const { server } = await ownMariaDb(t, [
    '--sql-mode=NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PIPES_AS_CONCAT',
    '--transaction-isolation=SERIALIZABLE',
    '--default-time-zone=+05:30',
    '--character-set-server=latin1',
    '--collation-server=latin1_swedish_ci',
    '--max-allowed-packet=4M',
  ])
  const { db, close } = await openMysql((await mariadb(t, server)).settings)
  t.teardown(close)
  const { rows } = await sql<{ mode: string }>`SELECT @@global.sql_mode AS mode`.execute(db)
  t.match(rows[0]?.mode, /ANSI_QUOTES.*NO_BACKSLASH_ESCAPES/, 'it is')
  const cache = createCache({ db, lease: soleLease(db), clock: createManualClock() })
  await cache.attempt('realm', 'items')
  const page = Array.from({ length: 1_000 }, (_, i) => ({
    ...{ id: `${i} \\' "ü🔩`, lastUpdated: i, active: true },
    json: JSON.stringify({ i, text: `\\' -- "\u0001 ½ 🔩 ${'x'.repeat(i % 10 === 0 ? 100_000 : 10)}` }),
  }))
  t.equal((await cache.commitPage('realm', 'items', page)).upserts.length, 1_000)
  for (const { id, json } of [page[0], page[7], page[990]].filter((one) => one !== undefined))
    t.ok((await cache.get('realm', 'items', id)) === json, id)
})

onServer('a statement that hangs is given up, and its connection is not used again', async (t) => {
  const { settings } = await mariadb(t)
  const { db, close } = await openMysql(settings, 200)
  t.teardown(close)
  const other = await openMysql(settings)
  t.teardown(other.close)
  await other.db.insertInto('qbo_oauth_codes').values({ code: 'one', expires_at: 1 }).execute()
  const self = sql<{ id: number }>`SELECT connection_id() AS id`
  let hanging: number | undefined
  await other.db.transaction().execute(async (trx) => {
    await trx.updateTable('qbo_oauth_codes').set({ expires_at: 2 }).execute()
    const waits = db.connection().execute(async (one) => {
      hanging = (await self.execute(one)).rows[0]?.id
      await one.updateTable('qbo_oauth_codes').set({ expires_at: 3 }).execute()
    })
    await t.rejects(waits, { name: 'DatabaseError', kind: 'unreachable', code: 'PROTOCOL_SEQUENCE_TIMEOUT' })
  })
  t.not((await self.execute(db)).rows[0]?.id, hanging)
})

onServer('a connection that does not get free is waited for no longer than a statement', async (t) => {
  const { settings } = await mariadb(t)
  const { db, close } = await openMysql(settings, 200)
  t.teardown(close)
  const gate = Promise.withResolvers<void>()
  const codes = db.selectFrom('qbo_oauth_codes').select('code')
  const held = Array.from({ length: 10 }, () =>
    db.connection().execute(async (one) => {
      await one.executeQuery(codes.compile())
      await gate.promise
    }),
  )
  const waits = codes.execute()
  await t.rejects(waits, { name: 'DatabaseError', kind: 'unreachable', code: 'NO_FREE_CONNECTION' })
  gate.resolve()
  await Promise.all(held)
  t.same(await codes.execute(), [], 'none of them is lost')
})

onServer('while the server is away what needs it says so, and search goes on', async (t) => {
  const own = await ownMariaDb(t)
  const database = await mariadb(t, own.server)
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, { env: database.env, leasePeriodMs: 1_000 })
  await service.connectAndFill()
  await own.kill()
  const refused = await service.request('/api/data/items')
  t.match(refused, {
    status: 503,
    json: { code: 'DATABASE_FAILED', message: /DB_HOST cannot be used \(\w+\)/ },
  })
  t.notMatch(refused.text, /select|qbo_/)
  t.equal((await service.request('/api/search/part_names?q=b')).status, 200)
  await own.start()
  t.match(await service.request('/api/data/items'), { status: 200, json: { total: 50 } })
})
