// The database file was damaged while nobody looked: what the next start makes of it.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
