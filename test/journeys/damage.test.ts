// The database file was damaged while nobody looked: what the next start makes of it.
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { startService, startSimulator } from '../support/service.ts'

for (const [what, damage] of [
  ['overwritten', (bytes: Buffer) => bytes.fill('x', 0, 8192)],
  ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length - 20_000)],
  ['overwritten in the middle', (bytes: Buffer) => bytes.fill(0xaa, 8192, bytes.length - 8192)],
] as const) {
  t.test(`${what}: a person connects again, and all is there again, and nothing from before`, async (t) => {
    const simulator = await startSimulator(t)
    const first = await startService(t, simulator)
    await first.connectAndFill()
    const { dataDir } = first
    await first.app.searchIndexes.settled()
    const find = async (service: typeof first, q: string) =>
      (await service.request(`/api/search/part_numbers?q=${encodeURIComponent(q)}`)).json.results
    const item = simulator.company.create('Item', { Name: 'GONE-77', Type: 'NonInventory' })
    await first.request('/api/cache/refresh', { method: 'POST' })
    t.equal((await find(first, 'GONE-77'))[0]?.id, item.Id)
    await first.close()
    simulator.company.remove('Item', item.Id)
    const path = join(dataDir, 'mrp-backend.db')
    writeFileSync(path, damage(readFileSync(path)))

    const second = await startService(t, simulator, { dataDir })
    const lines = second.log.filter(({ level }) => level >= 50)
    t.match(lines, [{ msg: /was damaged and was moved aside.*\/connect/, movedAside: /\.damaged-/ }])
    t.equal(lines.length, 1)
    t.match((await second.request('/api/cache/status')).json, {
      connection_status: 'not_authenticated',
      items_count: 0,
    })
    t.same(await find(second, 'GONE-77'), [])
    await second.connectAndFill()
    t.match((await second.request('/api/cache/status')).json, {
      connection_status: 'connected',
      customers_count: 30,
      items_count: simulator.company.list('Item').length,
    })
    const known = simulator.company.list('Item').find(({ Active, Type }) => Active && Type !== 'Category')
    t.equal((await find(second, String(known?.Name)))[0]?.id, known?.Id)
    t.same(await find(second, 'GONE-77'), [], 'nothing from before')
    await second.close()
    const third = await startService(t, simulator, { dataDir })
    t.equal((await third.request('/api/auth/status')).json.is_authenticated, true)
    t.same(await find(third, 'GONE-77'), [])
  })
}

t.test('a new database is for its owner only, and a disconnect deletes the damaged one, too', async (t) => {
  const simulator = await startSimulator(t)
  const first = await startService(t, simulator)
  await first.connectAndFill()
  const { dataDir } = first
  await first.close()
  chmodSync(dataDir, 0o755)
  const path = join(dataDir, 'mrp-backend.db')
  writeFileSync(path, readFileSync(path).fill('x', 0, 100))
  const second = await startService(t, simulator, { dataDir })
  await second.connectAndFill()
  for (const name of ['mrp-backend.db', 'mrp-backend.db-wal', 'mrp-backend.db-shm', 'process.lock'])
    t.equal(statSync(join(dataDir, name)).mode & 0o777, 0o600, name)
  const damaged = () => readdirSync(dataDir).filter((name) => name.includes('damaged'))
  t.equal(damaged().length, 1)
  await second.request('/api/disconnect', { method: 'POST' })
  t.same(damaged(), [])
})

t.test('what a disconnect that was killed has left is forgotten by the next start', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const { dataDir } = service
  const name = String(simulator.company.list('Customer')[3]?.DisplayName)
  await service.app.searchIndexes.settled()
  // As far as it comes before the tokens are gone and the rest is not.
  await service.app.database.db.deleteFrom('qbo_tokens').execute()
  await service.close()
  const again = await startService(t, simulator, { dataDir })
  t.match((await again.request('/api/cache/status')).json, {
    connection_status: 'not_authenticated',
    customers_count: 0,
  })
  for (const file of readdirSync(dataDir, { withFileTypes: true, recursive: true })) {
    if (!file.isFile()) continue
    t.notOk(readFileSync(join(file.parentPath, file.name)).includes(name), file.name)
  }
})

t.test('a record that the disk has damaged is replaced by the next reading', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const [customer] = simulator.company.list('Customer')
  await service.app.database.db
    .updateTable('qbo_records')
    .set({ json: '{"DisplayNameKeystone C"' })
    .where('entity', '=', 'customers')
    .where('id', '=', customer?.Id ?? '')
    .execute()
  simulator.company.update('Customer', customer?.Id ?? '', { Notes: 'edited' })
  t.equal((await service.request('/api/cache/refresh', { method: 'POST' })).status, 200)
  const { customers } = (await service.request('/api/data/customers?limit=1')).json
  t.equal(customers[0]?.Notes, 'edited')
  t.notMatch(JSON.stringify(service.log), 'Keystone')
})

t.test(
  'a disk that fills in the middle of a commit is named as the reason, and nothing is half there',
  async (t) => {
    const simulator = await startSimulator(t)
    const service = await startService(t, simulator)
    await service.connectAndFill()
    const { db: database } = service.app.database
    const pages = async () =>
      Number((await sql<{ page_count: number }>`PRAGMA page_count`.execute(database)).rows[0]?.page_count)
    await sql.raw(`PRAGMA max_page_count = ${(await pages()) + 2}`).execute(database)
    for (let i = 0; i < 300; i++)
      simulator.company.create('Item', { Name: `NEW-${i}`, Type: 'Service', Description: 'x'.repeat(500) })
    const refused = await service.request('/api/cache/refresh', { method: 'POST' })
    t.match(refused.json, { statusCode: 503, code: 'DATABASE_FAILED', message: /full.*DATA_DIR/ })
    const { items } = (await service.request('/api/cache/status')).json.entities
    t.match(items, { last_error: /full/ })
    const { count } = await database
      .selectFrom('qbo_records')
      .select((row) => row.fn.countAll<number>().as('count'))
      .where('entity', '=', 'items')
      .executeTakeFirstOrThrow()
    t.equal(items.count, count)
    await sql`PRAGMA max_page_count = 1000000`.execute(database)
    t.equal((await service.request('/api/cache/refresh', { method: 'POST' })).status, 200)
    t.match((await service.request('/api/cache/status')).json, {
      items_count: 350,
      entities: { items: { last_error: null } },
    })
  },
)
