// What happens in QuickBooks, on the way, and here between two answers of one reading, or to our own clock and files: no
// record may get lost, and none may be taken for gone.
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Simulator, SimulatorOptions } from '../../simulator/simulator.ts'
import { AppError } from '../../src/errors.ts'
import { afterEachAnswer } from '../support/answers.ts'
import { createLeapingClock } from '../support/clock.ts'
import { type Service, startService, startSimulator, temporaryFolder } from '../support/service.ts'

const HOUR_MS = 3_600_000
const unlimited = { throttle: { perSecond: null, perMinute: null, concurrent: null } }

async function setUp(t: Test, company: SimulatorOptions['company'], isFilled = true) {
  const time = createLeapingClock()
  let skew = 0
  const clock = { now: () => time.now() + skew, sleep: time.sleep }
  const simulator = await startSimulator(t, {
    clock: time.now,
    behaviour: unlimited,
    company: { customers: 0, vendors: 0, items: 0, ...company },
  })
  const dataDir = temporaryFolder(t)
  const start = () => startService(t, simulator, { clock, dataDir })
  const service = await start()
  simulator.webhooks.subscribe(`${service.url}/webhooks/quickbooks`)
  simulator.webhooks.hold()
  if (isFilled) await service.connectAndFill()
  const look = async (one = service) => {
    time.advance(HOUR_MS + 60_000)
    await one.app.sync.refreshDue()
    await one.app.sync.settled()
  }
  const setBack = (ms: number) => {
    skew -= ms
  }
  return { simulator, service, time, look, setBack, start, dataDir }
}

/** Acts once, after the first answer to a statement like this. */
function once({ app }: Service, like: RegExp, act: () => unknown): void {
  let isDone = false
  afterEachAnswer(app, async (asked) => {
    if (isDone || !like.test(asked)) return
    isDone = true
    await act()
  })
}

const refresh = (service: Service) => service.request('/api/cache/refresh', { method: 'POST' })
const status = async (service: Service) => (await service.request('/api/cache/status')).json
const names = async (service: Service, q: string) =>
  (await service.request(`/api/search/client_names?q=${q}`)).json.results.map(
    ({ name }: { name: string }) => name,
  )

/** Every record, and the count in the status. */
async function mustBeEqual(t: Test, service: Service, { company }: Simulator): Promise<void> {
  const there = company.list('Customer').map(({ Id }) => Id)
  const realm = service.app.tokens.keeper.currentRealm()
  const here: string[] = []
  for await (const ids of service.app.cache.ids(realm, 'customers')) here.push(...ids)
  t.same(here.toSorted(), there.toSorted())
  t.match(await status(service), { customers_count: there.length })
}

for (const [deleted, pages] of [
  [3, 1],
  [15, 2],
] as const) {
  t.test(`${deleted} deletions between two pages push no record over the edge of a page`, async (t) => {
    const { simulator, service, look } = await setUp(t, { customers: 1_001 }, false)
    once(service, /ORDERBY Id STARTPOSITION 1 /, async () => {
      const { company, webhooks } = simulator
      for (const { Id } of company.list('Customer').slice(0, deleted)) company.remove('Customer', Id)
      await webhooks.post(webhooks.take())
    })
    await service.connectAndFill()
    const first = simulator.meter.log.filter(({ statement = '' }) => /Customer.* 1 MAX/.test(statement))
    t.equal(first.length, pages, pages === 1 ? 'pages share more rows' : 'they share fewer: read again')
    await look()
    await mustBeEqual(t, service, simulator)
  })
}

t.test('records that a webhook brings while everything is read are not missing from it', async (t) => {
  const { simulator, service } = await setUp(t, { customers: 1_100 })
  const { company, webhooks } = simulator
  once(service, /STARTPOSITION 991 /, async () => {
    for (let i = 0; i < 150; i++) company.create('Customer', { DisplayName: `Import ${i}` })
    const followed = new Promise((resolve) => service.app.announcements.once('change', resolve))
    await webhooks.post(webhooks.take())
    await followed
  })
  t.equal((await refresh(service)).status, 200)
  t.match(await status(service), { entities: { customers: { held_back_count: 0, last_error: null } } })
  await mustBeEqual(t, service, simulator)
})

t.test('an answer cut short, made up for by deletions, drops nothing and is found out', async (t) => {
  for (const isFirst of [true, false]) {
    const { simulator, service, look } = await setUp(t, { customers: 40 }, !isFirst)
    const { company } = simulator
    const all = { on: 'query', entity: 'Customer' } as const
    simulator.fault({ ...all, kind: 'wrongRows', rows: 38, match: 'ORDERBY Id' })
    simulator.fault({ ...all, kind: 'missingKeys', match: 'SELECT \\*.*Id IN' })
    once(service, /Customer.*ORDERBY Id/, () => {
      for (const { Id } of company.list('Customer').slice(0, 2)) company.remove('Customer', Id)
    })
    if (isFirst) await service.connectAndFill()
    else
      t.match((await refresh(service)).json, { code: 'QBO_INCOMPLETE', message: /none of 2 customers.*None/ })
    await look()
    await mustBeEqual(t, service, simulator)
  }
})

t.test('what is deleted between two readings of one pass is gone after it', async (t) => {
  const { simulator, service, time } = await setUp(t, { customers: 60 })
  const { company } = simulator
  const [customer] = company.list('Customer')
  const id = customer?.Id ?? ''
  company.update('Customer', id, { DisplayName: 'News of the first reading' })
  simulator.fault({ on: 'query', entity: 'Customer', kind: 'wrongRows', rows: 50, match: 'ORDERBY Id' })
  once(service, /Customer.*ORDERBY Id/, () => {
    company.remove('Customer', id)
    time.advance(HOUR_MS)
  })
  t.equal((await refresh(service)).status, 200)
  await mustBeEqual(t, service, simulator)
})

t.test('what was taken for gone while everything is read comes back with its page', async (t) => {
  const { simulator, service } = await setUp(t, { customers: 1_100 })
  const { company, webhooks } = simulator
  const id = company.list('Customer').at(-1)?.Id ?? ''
  company.deactivate('Customer', id)
  const [event] = webhooks.take()
  if (event === undefined) throw new Error('nothing was announced')
  simulator.fault({ on: 'query', kind: 'missingKeys', match: 'Id IN' })
  once(service, /count.*Customer/, async () => {
    const removed = new Promise((resolve) => service.app.announcements.once('change', resolve))
    await webhooks.post([{ ...event, operation: 'Delete' }])
    await removed
  })
  t.equal((await refresh(service)).status, 200)
  await mustBeEqual(t, service, simulator)
})

t.test('rows without an id at the edge of a page are counted once', async (t) => {
  for (const isLost of [false, true]) {
    const { simulator, service } = await setUp(t, { customers: 1_500 })
    const all = simulator.company.list('Customer').map(({ Id }) => Id)
    afterEachAnswer(service.app, (_asked, rows) => {
      const place = rows.findIndex((row) => (row as { Id: string }).Id === all[1_399])
      if (isLost && place >= 0) rows.splice(place, 1)
      for (const row of rows as { Id?: string }[])
        if (all.slice(996, 1_000).includes(row.Id ?? '')) delete row.Id
    })
    const { json } = await refresh(service)
    if (isLost) t.match(json, { code: 'QBO_INCOMPLETE', message: /1499 of 1500/ })
    else t.match(await status(service), { entities: { customers: { set_aside_count: 4, last_error: null } } })
  }
})

/** Refuses each answer to a read like this that has such rows; of change data capture, each. */
function refuse({ app }: Service, code: string, isRefused: (rows: readonly unknown[]) => boolean): void {
  afterEachAnswer(app, (asked, rows) => {
    if (asked !== 'cdc' && (asked.includes('count(') || !isRefused(rows))) return
    throw new AppError({ code, status: 502, retry: 'later', message: 'It cannot be processed.' })
  })
}

for (const isKnown of [true, false]) {
  const what = isKnown ? 'that was read before' : 'that was never read'
  t.test(`one record that QuickBooks cannot process, ${what}, hides none of the others`, async (t) => {
    const { simulator, service, look } = await setUp(t, { customers: 1_500 }, isKnown)
    const { company } = simulator
    const damaged = company.list('Customer')[1_233]?.Id
    refuse(service, 'QBO_PROCESSING_FAILED', (rows) =>
      rows.some((row) => (row as { Id?: string }).Id === damaged),
    )
    if (!isKnown) await service.connectAndFill()
    for (const gone of ['11', '1400']) company.remove('Customer', gone)
    company.update('Customer', '1230', { DisplayName: 'Zebra Gears' })
    await look()
    const { customers } = (await status(service)).entities
    t.match(customers, { count: isKnown ? 1_498 : 1_497, set_aside_count: 1, last_error: null })
    t.same(await names(service, 'zebra'), ['Zebra Gears'])
    t.ok(simulator.meter.requests < 100, `${simulator.meter.requests} requests`)
  })
}

t.test('what is too large for one answer is asked for in parts', async (t) => {
  const { simulator, service, look } = await setUp(t, { customers: 1_200 }, false)
  refuse(service, 'QBO_ANSWER_TOO_LARGE', (rows) => rows.length > 300)
  await service.connectAndFill()
  await mustBeEqual(t, service, simulator)
  const { company, webhooks } = simulator
  for (let i = 0; i < 400; i++) company.update('Customer', String(i + 1), { Notes: 'Long' })
  company.update('Customer', '7', { DisplayName: 'Zebra Gears' })
  webhooks.take()
  await look()
  await mustBeEqual(t, service, simulator)
  company.update('Customer', '8', { DisplayName: 'Zebra Tools' })
  for (let i = 400; i < 900; i++) company.update('Customer', String(i + 1), { Notes: 'Long' })
  t.equal(await webhooks.post(webhooks.take()), 200)
  await service.app.sync.settled()
  await mustBeEqual(t, service, simulator)
  t.match(await status(service), { webhooks: { waiting: 0 }, entities: { customers: { last_error: null } } })
})

t.test('an answer cut short is not believed because it has as many records as are known', async (t) => {
  const { simulator, service } = await setUp(t, { customers: 16 })
  for (let i = 0; i < 16; i++) simulator.company.create('Customer', { DisplayName: `New ${i}` })
  simulator.fault({ on: 'query', entity: 'Customer', kind: 'wrongRows', rows: 16, match: 'ORDERBY Id' })
  t.equal((await refresh(service)).status, 200)
  await mustBeEqual(t, service, simulator)
})

t.test('a change is followed though the clock of QuickBooks went back meanwhile', async (t) => {
  const { simulator, service, look } = await setUp(t, { customers: 3 })
  const { company } = simulator
  company.bumpBalance('Customer', '1', 1)
  await look()
  simulator.advance(-HOUR_MS)
  const { Balance } = company.bumpBalance('Customer', '1', 2)
  await refresh(service)
  const { customers } = (await service.request('/api/data/customers')).json
  t.equal(customers.find(({ Id }: { Id: string }) => Id === '1').Balance, Balance)
})

t.test('our own clock can be set back by a day without keeping anything waiting', async (t) => {
  const { simulator, service, look, setBack } = await setUp(t, { customers: 3 })
  await look()
  simulator.company.create('Customer', { DisplayName: 'Later' })
  setBack(24 * HOUR_MS)
  await look()
  await mustBeEqual(t, service, simulator)
  t.match(await status(service), { entities: { customers: { last_error: null } } })
})

t.test('after a disconnect in the middle of a look nothing of the company is left', async (t) => {
  const { simulator, service, look } = await setUp(t, { customers: 5, vendors: 5, items: 5 })
  const { company } = simulator
  for (const entity of ['Customer', 'Vendor', 'Item'])
    company.update(entity, company.list(entity)[0]?.Id ?? '', {})
  const { cache, sync } = service.app
  const { stop } = sync
  const stopping = Promise.withResolvers<void>()
  sync.stop = () => {
    const stopped = stop()
    stopping.resolve()
    return stopped
  }
  const { commitPage } = cache
  const allIn = Promise.withResolvers<void>()
  let isGone = false
  let disconnecting: ReturnType<Service['request']> | undefined
  cache.commitPage = async (realm, entity, ...rest) => {
    disconnecting ??= service.request('/api/disconnect', { method: 'POST' }).finally(() => {
      isGone = true
    })
    // A disk that is busy until the look is stopped, and then for as long as nobody waits for it.
    if (entity === 'vendors') await stopping.promise
    for (let turn = 0; entity === 'items' && !isGone && turn < 50_000; turn++) await nextTurn()
    const change = await commitPage(realm, entity, ...rest)
    if (entity === 'items') allIn.resolve()
    return change
  }
  await look()
  t.match((await disconnecting)?.json, { success: true })
  await allIn.promise
  const left = await service.app.database.db.selectFrom('qbo_records').select('id').execute()
  t.same(left, [])
  t.equal(service.app.searchIndexes.size('items'), 0)
})

t.test(
  'a database that is put back is not searched by an index that is newer, nor goes its feed on',
  async (t) => {
    const { simulator, service, look, start, dataDir } = await setUp(t, { customers: 50 })
    const { company } = simulator
    const backup = temporaryFolder(t)
    await service.close()
    cpSync(join(dataDir, 'mrp-backend.db'), join(backup, 'mrp-backend.db'))
    const second = await start()
    for (let i = 0; i < 1_100; i++) company.create('Customer', { DisplayName: `Import ${i}` })
    await look(second)
    await second.app.searchIndexes.settled()
    const { cursor } = (await second.request('/api/changes?limit=1')).json
    await second.close()

    for (const file of ['mrp-backend.db', 'mrp-backend.db-wal', 'mrp-backend.db-shm'])
      rmSync(join(dataDir, file), { force: true })
    cpSync(join(backup, 'mrp-backend.db'), join(dataDir, 'mrp-backend.db'))
    const third = await start()
    t.equal((await third.request(`/api/changes?cursor=${cursor}`)).status, 410)
    const anew = (await third.request('/api/changes?limit=1000')).json.cursor
    await look(third)
    company.update('Customer', '1', { DisplayName: 'Zebra Gears' })
    await look(third)
    t.equal((await third.request(`/api/changes?cursor=${anew}`)).status, 200, 'the new one goes on')
    await third.close()
    const fourth = await start()
    t.same(await names(fourth, 'zebra'), ['Zebra Gears'])
    await mustBeEqual(t, fourth, simulator)
  },
)
