// Servers that are set up otherwise, hang, or are away.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { DatabaseError } from '../../../src/errors.ts'
import { createCache } from '../../../src/services/cache/cache.ts'
import { openMysql } from '../../../src/services/database/mysql.ts'
import { soleLease } from '../../../src/services/lease/lease.ts'
import { createManualClock } from '../../support/clock.ts'
import { command } from '../../support/command.ts'
import { overDatabases } from '../../support/databases.ts'
import { mariadb, onMariaDb, serverOf } from '../../support/mariadb.ts'
import { ownMariaDb, wayTo } from '../../support/own-mariadb.ts'
import { startService, startSimulator, temporaryFolder } from '../../support/service.ts'

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
  const { readStatus } = service.app
  const readings: ReturnType<typeof readStatus>[] = []
  service.app.readStatus = () => {
    const reading = readStatus()
    readings.push(reading)
    return reading
  }
  await service.connectAndFill()
  await Promise.all(readings)
  await own.kill()
  const { json } = await service.request('/api/cache/status')
  t.match(json, { connection_status: 'connected', items_count: 50 }, 'as the last refresh left it')
  t.equal(json.replica.is_database_reachable, false)
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

onServer('a server that hangs is told from what was known, and keeps nobody waiting', async (t) => {
  const way = await wayTo(t, serverOf(process.env))
  const { env } = await mariadb(t, way.server)
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, { env, drainMs: 0 })
  await service.connectAndFill()
  await service.request('/api/cache/status')
  way.hang(true)
  const burst = Array.from({ length: 60 }, () => service.request('/api/data/items?limit=5'))
  const { status, json } = await service.request('/api/cache/status')
  t.equal(status, 200)
  t.equal(json.replica.is_database_reachable, false)
  t.equal(json.items_count, 50, 'as before')
  while (!service.app.replica.standing().isDatabaseAway) await nextTurn()
  t.match(await service.request('/api/cache/refresh?wait=false', { method: 'POST' }), {
    status: 503,
    json: { code: 'DATABASE_FAILED', message: /nothing was begun/ },
  })
  const waited = (await Promise.all(burst)).filter(({ json }) => /NO_FREE_CONNECTION/.test(json.message))
  t.ok(waited.length >= 50, `${waited.length} did not wait for those before them`)
  way.hang(false)
  way.cut()
})

onServer('a user that may only read stops the start in words', async (t) => {
  const { settings, query, name } = await mariadb(t)
  await (await openMysql(settings)).close()
  await query(`CREATE USER '${name}'@'%' IDENTIFIED BY 'read'`)
  t.teardown(() => query(`DROP USER '${name}'@'%'`))
  await query(`GRANT SELECT ON ${name}.* TO '${name}'@'%'`)
  await t.rejects(openMysql({ ...settings, user: name, password: 'read' }), {
    name: 'ConfigError',
    message: /^DB_USER, DB_PASSWORD: .* needs SELECT, INSERT, UPDATE/,
  })
})

onServer('only a certificate that names the server is trusted', async (t) => {
  const folder = temporaryFolder(t)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  for (const [file, host] of Object.entries({ right: 'localhost', wrong: 'db.example' }))
    openssl(
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${host}`],
      ...['-addext', `subjectAltName=DNS:${host}`, '-keyout', `${file}.key`, '-out', `${file}.crt`],
    )
  const migrate = async (certificate: string, trusted: string) => {
    const { server, kill } = await ownMariaDb(t, [
      `--ssl-cert=${join(folder, `${certificate}.crt`)}`,
      `--ssl-key=${join(folder, `${certificate}.key`)}`,
    ])
    const { env } = await mariadb(t, server)
    const ended = await command('migrate', {
      cwd: folder,
      env: {
        ...{ ...env, DB_HOST: 'localhost', DB_TLS: 'true', SECRET_KEY: 'a key for tests only' },
        NODE_EXTRA_CA_CERTS: join(folder, `${trusted}.crt`),
      },
    })
    await kill()
    return ended
  }
  t.match(await migrate('right', 'right'), { code: 0, text: /is up to date/ })
  const refused = { code: 1, text: /DB_TLS: .* no certificate that is trusted here and names localhost/ }
  t.match(await migrate('wrong', 'wrong'), refused, 'another name')
  t.match(await migrate('right', 'wrong'), refused, 'nobody whom we trust')
})

onServer('a database is let go of, though a connection breaks in the middle of a statement', async (t) => {
  const way = await wayTo(t, serverOf(process.env))
  const { settings } = await mariadb(t, way.server)
  const { db, close } = await openMysql(settings)
  const lost = way.hang(true)
  const asked = sql`select 1`.execute(db).catch((error) => error)
  await lost
  const closing = close()
  await nextTurn()
  way.cut()
  t.type(await asked, DatabaseError)
  await closing
})
