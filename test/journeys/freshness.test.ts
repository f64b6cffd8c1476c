// How little it takes to stay fresh: looks for changes by the clock, full passes that repair, and what is not believed.
import t, { type Test } from 'tap'
import type { SimulatorOptions } from '../../simulator/simulator.ts'
import { afterEachAnswer, holdAnswers } from '../support/answers.ts'
import { createLeapingClock } from '../support/clock.ts'
import { type Service, type ServiceOptions, startService, startSimulator } from '../support/service.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const unlimited = { throttle: { perSecond: null, perMinute: null, concurrent: null } }

/** A filled service on a clock of its own; `skewMs` is how far that is ahead of QuickBooks'. */
async function setUp(
  t: Test,
  options: SimulatorOptions & { env?: ServiceOptions['env']; skewMs?: number } = {},
) {
  const time = createLeapingClock()
  const { env = {}, skewMs = 0, ...others } = options
  const clock = { ...time, now: () => time.now() + skewMs }
  const simulator = await startSimulator(t, { clock: time.now, behaviour: unlimited, ...others })
  const service = await startService(t, simulator, { clock, env })
  await service.connectAndFill()
  simulator.meter.reset()
  const after = async (ms: number) => {
    time.advance(ms)
    await service.app.sync.refreshDue()
    await service.app.sync.settled()
  }
  return { simulator, service, clock, after }
}

const status = async (service: Service) => (await service.request('/api/cache/status')).json
const refresh = (service: Service, query = '') =>
  service.request(`/api/cache/refresh${query}`, { method: 'POST' })
const ids = async (service: Service, entity: string, asked: readonly string[]) =>
  (await service.request(`/api/records/${entity}?ids=${asked.join(',')}`)).json

t.test('an hour later one read brings what changed in all entities', async (t) => {
  const { simulator, service, after } = await setUp(t)
  const { company } = simulator
  await after(HOUR_MS + 1)
  simulator.meter.reset()
  const [first, second, third, fourth] = company.list('Vendor').filter(({ Active }) => Active)
  const [item] = company.list('Item')
  if (!first || !second || !third || !fourth || !item) throw new Error('too few records')
  company.update('Vendor', first.Id, { DisplayName: 'Zephyr Anodizing' })
  company.deactivate('Vendor', second.Id)
  company.merge('Vendor', third.Id, first.Id)
  const moved = company.bumpBalance('Vendor', fourth.Id, 12.34)
  company.remove('Item', item.Id)
  const created = company.create('Customer', { DisplayName: 'Newcomer Gears', Active: true })

  await after(30 * MINUTE_MS)
  t.equal(simulator.meter.requests, 0, 'not before its time')
  await after(31 * MINUTE_MS)
  t.same(simulator.meter.byOperation, { cdc: 1 })
  t.match(simulator.meter.log.at(-1)?.statement, /entities=Customer%2CVendor%2CItem/)
  t.match(await ids(service, 'vendors', [first.Id, second.Id, third.Id]), {
    results: [
      { id: first.Id, name: 'Zephyr Anodizing' },
      { id: second.Id, name: second.DisplayName, active: false },
    ],
    missing: [third.Id],
  })
  const { vendors } = (await service.request('/api/data/vendors?limit=1000')).json
  t.equal(vendors.find(({ Id }: { Id: string }) => Id === fourth.Id).Balance, moved.Balance)
  t.match(await ids(service, 'items', [item.Id]), { missing: [item.Id] })
  t.match(await ids(service, 'customers', [created.Id]), { total: 1 })
  t.match(await status(service), { customers_count: 31, vendors_count: 11, items_count: 49 })
})

t.test("the time to ask from is QuickBooks' own less an overlap, however wrong our clock is", async (t) => {
  for (const skewMs of [-5 * DAY_MS, 0, 3 * HOUR_MS]) {
    const { simulator, service, after } = await setUp(t, { skewMs })
    const since = () =>
      Date.parse(
        new URLSearchParams(simulator.meter.log.at(-1)?.statement?.split('?')[1]).get('changedSince') ?? '',
      )
    const filledAt = simulator.clock.now()
    await after(HOUR_MS + 1)
    const minutesBefore = (filledAt - since()) / MINUTE_MS
    t.ok(minutesBefore > 5 && minutesBefore < 15, `${minutesBefore} minutes before the first pass`)
    const lookedAt = simulator.clock.now()
    // A change that shows up late: its time is before the last look.
    simulator.advance(-4 * MINUTE_MS)
    const late = simulator.company.create('Vendor', { DisplayName: 'Late Lathes', Active: true })
    simulator.advance(4 * MINUTE_MS)
    await after(HOUR_MS + 1)
    t.ok(Math.abs(lookedAt - since() - 10 * MINUTE_MS) < MINUTE_MS)
    t.match(await ids(service, 'vendors', [late.Id]), { total: 1 })
  }
})

t.test(
  'when more changed than one answer holds, nothing is missed, and not everything is read',
  async (t) => {
    const { simulator, service, after } = await setUp(t, {
      company: { customers: 40, vendors: 2_000, items: 4_000 },
    })
    // All within one second, as an import does; each page of a query ends in the middle of it.
    const { company } = simulator
    for (const { Id } of company.list('Item').slice(0, 2_500))
      company.update('Item', Id, { Description: 'Imported' })
    company.update('Customer', '7', { DisplayName: 'Beside the import' })
    await after(HOUR_MS + 1)
    const { items } = (await service.request('/api/data/items?limit=1000')).json
    t.equal(
      items.filter(({ Description }: { Description: string }) => Description === 'Imported').length,
      1_000,
    )
    const everyone = await service.app.searchIndexes.find('product_descriptions', 'imported', {
      filter: { active: null, facets: {}, bounds: {} },
      order: { by: 'relevance', descending: false },
      ...{ offset: 0, limit: 1 },
    })
    const categories = company
      .list('Item')
      .slice(0, 2_500)
      .filter(({ Type }) => Type === 'Category').length
    t.equal(everyone.totalMatches, 2_500 - categories)
    t.match(await ids(service, 'customers', ['7']), { results: [{ name: 'Beside the import' }] })
    // Once for all, once for each of three entities, four pages of what changed, and two counts.
    t.ok(simulator.meter.corePlus <= 10, `${simulator.meter.corePlus} reads`)

    simulator.meter.reset()
    await after(HOUR_MS + 1)
    t.same(simulator.meter.byOperation, { cdc: 1 }, 'afterwards one read is enough again')
  },
)

t.test('when deletions may have been cut off too, everything of that entity is read anew', async (t) => {
  const { simulator, service, after } = await setUp(t, {
    company: { customers: 5, vendors: 5, items: 1_800 },
  })
  const { company } = simulator
  const all = company.list('Item').map(({ Id }) => Id)
  for (const id of all.slice(0, 1_200)) company.update('Item', id, { Description: 'Imported' })
  for (const id of all.slice(-15)) company.remove('Item', id)
  await after(HOUR_MS + 1)
  t.match(await status(service), { items_count: 1_785, entities: { items: { last_error: null } } })
  t.match(await ids(service, 'items', all.slice(-15)), { missing: all.slice(-15) })
})

t.test('after more days than QuickBooks remembers changes, everything is read anew', async (t) => {
  for (const cdcDays of [30, null]) {
    const { simulator, service, after } = await setUp(t, { behaviour: { ...unlimited, cdcDays } })
    const [item] = simulator.company.list('Item')
    simulator.company.remove('Item', item?.Id ?? '')
    await after(40 * DAY_MS)
    t.equal(simulator.meter.byOperation.cdc, undefined)
    t.match(await status(service), { items_count: 49, entities: { items: { last_error: null } } })
  }
})

t.test('a clock of ours that stood still does not hide that QuickBooks has forgotten', async (t) => {
  const { simulator, service } = await setUp(t)
  const [item] = simulator.company.list('Item')
  simulator.company.remove('Item', item?.Id ?? '')
  simulator.advance(40 * DAY_MS)
  t.equal((await refresh(service, '?full=false')).status, 200)
  t.match(await status(service), { items_count: 49 })
})

t.test('what is refused for one entity does not keep the others from being followed', async (t) => {
  const { simulator, service, after } = await setUp(t)
  const created = simulator.company.create('Vendor', { DisplayName: 'Steady Steel', Active: true })
  simulator.fault({ on: 'any', entity: 'Item', kind: 'fault', code: '5020', status: 403, times: 99 })
  await after(HOUR_MS + 1)
  const { entities } = await status(service)
  t.match(entities, { items: { count: 50, last_error: /plan/ }, vendors: { last_error: null } })
  t.match(await ids(service, 'vendors', [created.Id]), { total: 1 })
})

t.test('a look that fails is made again from the same time', async (t) => {
  const { simulator, service, after } = await setUp(t)
  const created = simulator.company.create('Vendor', { DisplayName: 'Patient Platers', Active: true })
  for (const kind of ['html503', 'truncated', 'cut'] as const) {
    simulator.fault({ on: 'cdc', kind, times: 5 })
    await after(HOUR_MS + 1)
    t.match((await status(service)).entities.vendors, { last_error: /kept/ }, kind)
    simulator.clearFaults()
  }
  await after(HOUR_MS + 1)
  t.match(await ids(service, 'vendors', [created.Id]), { total: 1 })
  t.match((await status(service)).entities.vendors, { last_error: null })
})

t.test('a changed record that cannot be read is not taken for followed', async (t) => {
  const { simulator, service, after } = await setUp(t)
  for (const record of ['noId', 'nullMetaData', 'numericName', 'notAnObject'] as const) {
    const [vendor] = simulator.company.list('Vendor')
    simulator.company.update('Vendor', vendor?.Id ?? '', { DisplayName: `Renamed ${record}` })
    simulator.fault({ on: 'cdc', kind: 'badRecord', record })
    await after(HOUR_MS + 1)
    t.match(await ids(service, 'vendors', [vendor?.Id ?? '']), { results: [{ name: `Renamed ${record}` }] })
  }
})

t.test('an admin can ask for just what changed', async (t) => {
  const { simulator, service } = await setUp(t)
  const created = simulator.company.create('Item', { Name: 'ZQ-1', Type: 'Service', Active: true })
  const { json } = await refresh(service, '?full=false')
  t.match(json, { calls: 1, entities: { items: { records: 51, changed: 1, removed: 0 } } })
  t.match(await ids(service, 'items', [created.Id]), { total: 1 })
})

t.test(
  'once a day everything is read, what was missed is repaired, and how much that was is told',
  async (t) => {
    const { simulator, service, after } = await setUp(t)
    t.match((await status(service)).entities.items, { drift_count: null, last_full_sync: /Z$/ })
    const [first, second] = simulator.company.list('Item').filter(({ Type }) => Type !== 'Category')
    const [vendor] = simulator.company.list('Vendor')
    // Nobody hears of these: change data capture is told that nothing changed, and then it is out of the overlap.
    simulator.company.update('Item', first?.Id ?? '', { Name: 'Drifted' })
    simulator.company.remove('Item', second?.Id ?? '')
    simulator.fault({ on: 'cdc', kind: 'missingKeys' })
    await after(HOUR_MS + 1)
    await after(HOUR_MS + 1)
    t.match(await status(service), { items_count: 50 })
    simulator.company.update('Vendor', vendor?.Id ?? '', { DisplayName: 'Just now' })

    await after(22 * HOUR_MS)
    t.match(simulator.meter.byOperation, { query: 8, cdc: 3 })
    const { entities } = await status(service)
    t.match(entities, { items: { count: 49, drift_count: 2 }, vendors: { drift_count: 0 } })
    t.match(await ids(service, 'items', [first?.Id ?? '']), { results: [{ name: 'Drifted' }] })
    t.match(
      service.log.filter(({ drift }) => drift !== undefined),
      [{ level: 40, entity: 'items', drift: 2, msg: /repaired/ }],
    )
  },
)

t.test('that many records are gone is believed when a second pass agrees', async (t) => {
  const { simulator, service, after } = await setUp(t, { company: { customers: 5, vendors: 5, items: 100 } })
  const all = simulator.company.list('Item').map(({ Id }) => Id)
  for (const id of all.slice(0, 40)) simulator.company.remove('Item', id)
  await after(HOUR_MS + 1)
  t.match((await status(service)).entities.items, {
    count: 100,
    held_back_count: 40,
    last_error: /40 of 100 items.*all were kept.*force=true/,
  })
  t.match(
    service.log.filter(({ level }) => level === 50),
    [{ code: 'QBO_DROP_HELD_BACK', entity: 'items' }],
  )
  t.equal((await service.request('/api/health')).status, 200)

  simulator.company.remove('Item', all[50] ?? '')
  await after(HOUR_MS + 1)
  t.match((await status(service)).entities.items, { count: 59, held_back_count: 0, last_error: null })
})

t.test('records that come back after they were held back were never gone', async (t) => {
  const { simulator, service } = await setUp(t, { company: { customers: 5, vendors: 5, items: 100 } })
  simulator.fault({ on: 'query', entity: 'Item', kind: 'wrongRows', rows: 60, match: 'ORDERBY' })
  simulator.fault({ on: 'query', entity: 'Item', kind: 'okFault', code: '4002', match: 'count', times: 99 })
  t.equal((await refresh(service)).status, 502, 'without a count it is not even held back')
  simulator.clearFaults()
  const gone = simulator.company.list('Item').slice(0, 40)
  for (const { Id } of gone) simulator.company.remove('Item', Id)
  t.match((await refresh(service)).json, { code: 'QBO_DROP_HELD_BACK' })
  for (const { Id: _, ...fields } of gone) simulator.company.create('Item', fields)
  t.match((await refresh(service)).json, { entities: { items: { records: 100, removed: 40 } } })
  t.match(await status(service), { items_count: 100, entities: { items: { held_back_count: 0 } } })
})

t.test('a second pass that misses other records does not agree', async (t) => {
  const { simulator, service } = await setUp(t, { company: { customers: 5, vendors: 5, items: 200 } })
  const all = simulator.company.list('Item').map(({ Id }) => Id)
  for (const id of all.slice(0, 50)) simulator.company.remove('Item', id)
  t.match((await refresh(service)).json, { code: 'QBO_DROP_HELD_BACK' })
  for (const id of all.slice(50, 150)) simulator.company.remove('Item', id)
  t.match((await refresh(service)).json, { code: 'QBO_DROP_HELD_BACK', message: /150 of 200/ })
  t.match(await status(service), { items_count: 200 })
  t.match((await refresh(service, '?force=true')).json, { entities: { items: { removed: 150 } } })
})

t.test('webhooks that say that very many records are gone lead to a full pass, not to a wipe', async (t) => {
  const { simulator, service, after } = await setUp(t, { company: { customers: 5, vendors: 5, items: 100 } })
  simulator.webhooks.subscribe(`${service.url}/webhooks/quickbooks`)
  simulator.webhooks.hold()
  for (const { Id } of simulator.company.list('Item').slice(0, 60)) simulator.company.remove('Item', Id)
  t.equal(await simulator.webhooks.post(simulator.webhooks.take()), 200)
  await service.app.sync.settled()
  t.match(await status(service), { items_count: 100 })
  await after(MINUTE_MS)
  t.match((await status(service)).entities.items, { count: 100, held_back_count: 60 })
})

t.test('the meter counts what Intuit bills, by entity and reason, and keeps it over a restart', async (t) => {
  const { simulator, service, clock, after } = await setUp(t, {
    company: { customers: 2_500, vendors: 5, items: 5 },
  })
  const { reads } = await status(service)
  t.match(reads, { budget: null, by_entity: { vendors: Number, items: Number } })
  t.ok(reads.by_entity.customers >= 4, 'three pages and a count')
  const before = reads.spent as number
  simulator.webhooks.subscribe(`${service.url}/webhooks/quickbooks`)
  simulator.webhooks.hold()
  simulator.company.update('Customer', '1', { Notes: 'Edited' })
  await simulator.webhooks.post(simulator.webhooks.take())
  await service.app.sync.settled()
  await service.request('/api/test')
  simulator.fault({ on: 'cdc', kind: 'html503', times: 2 })
  await after(HOUR_MS + 1)
  await refresh(service)

  const spent = (await status(service)).reads
  t.equal(spent.spent, before + simulator.meter.corePlus, 'as many as QuickBooks counted')
  t.match(spent, {
    month: /^\d{4}-\d\d$/,
    by_reason: { webhook: 1, test: 1, changes: 1, admin: reads.spent + 8 },
    // The other one when it was connected.
    by_entity: { all: 1, company: 2 },
  })
  const { text } = await service.request('/metrics')
  t.match(text, /^mrp_quickbooks_reads_month\{entity="customers",reason="webhook"\} 1$/m)
  t.match(text, /^mrp_quickbooks_reads_month_budget \+Inf$/m)
  await service.close()

  const again = await startService(t, simulator, { clock, dataDir: service.dataDir })
  await again.app.sync.settled()
  t.same((await status(again)).reads, spent)
})

t.test('another month begins with nothing spent', async (t) => {
  const { service, after } = await setUp(t)
  t.ok((await status(service)).reads.spent > 0)
  await after(31 * DAY_MS)
  const { month, spent } = (await status(service)).reads
  t.equal(spent, 6, `${month}: a page and a count of each of three entities`)
})

t.test(
  'at four fifths of the budget there is a warning, past it only webhooks and an admin read',
  async (t) => {
    const { simulator, service, after } = await setUp(t, { env: { QUICKBOOKS_MONTHLY_READ_BUDGET: '10' } })
    simulator.webhooks.subscribe(`${service.url}/webhooks/quickbooks`)
    simulator.webhooks.hold()
    const told = () => service.log.filter(({ budget }) => budget !== undefined).map(({ level }) => level)
    let spent = (await status(service)).reads.spent as number
    for (; spent < 10; spent++) {
      t.same(told(), spent < 8 ? [] : [40])
      await after(HOUR_MS + 1)
    }
    t.match((await status(service)).reads, { spent: 10, budget: 10, is_spent: true })
    t.same(told(), [40, 50], 'each is said once')
    await after(HOUR_MS + 1)
    await after(25 * HOUR_MS)
    t.match((await status(service)).reads, { spent: 10 })

    const created = simulator.company.create('Vendor', { DisplayName: 'Urgent Unions', Active: true })
    await simulator.webhooks.post(simulator.webhooks.take())
    await service.app.sync.settled()
    t.match(await ids(service, 'vendors', [created.Id]), { total: 1 })
    t.equal((await refresh(service)).status, 200)
    t.match((await status(service)).reads, { spent: 17 })
    t.same(told(), [40, 50])
  },
)

t.test('the first record of an entity can be found, even when a full pass is due with it', async (t) => {
  const { simulator, service, after } = await setUp(t, { company: { customers: 5, vendors: 5, items: 0 } })
  const created = simulator.company.create('Item', { Name: 'ZQ-100', Type: 'Service', Active: true })
  await after(24 * HOUR_MS)
  t.match(await ids(service, 'items', [created.Id]), { total: 1 })
  const { json } = await service.request('/api/search/part_numbers?q=zq100')
  t.match(json.results, [{ id: created.Id }])
})

t.test('a deletion while pages are read hides no record behind it', async (t) => {
  const time = createLeapingClock()
  const clock = { now: time.now, sleep: time.sleep }
  const simulator = await startSimulator(t, {
    clock: time.now,
    behaviour: unlimited,
    company: { customers: 3_000, vendors: 1, items: 1 },
  })
  const service = await startService(t, simulator, { clock })
  // Page one is cached, the others are not asked for yet.
  service.app.announcements.on('change', ({ entity }) => {
    if (entity === 'customers' && simulator.company.get('Customer', '5'))
      simulator.company.remove('Customer', '5')
  })
  await service.connect()
  await service.app.sync.settled()
  time.advance(HOUR_MS + 1)
  await service.app.sync.refreshDue()
  await service.app.sync.settled()
  t.match(await ids(service, 'customers', ['5', '1000', '1001', '2001']), { total: 3, missing: ['5'] })
  t.match(await status(service), { customers_count: 2_999, entities: { customers: { last_error: null } } })
})

t.test('a record that cannot be read does not hide that another one was deleted', async (t) => {
  const { simulator, service, after } = await setUp(t, {
    company: { customers: 5, vendors: 5, items: 1_800 },
  })
  const { company } = simulator
  const all = company.list('Item').map(({ Id }) => Id)
  const [unreadable = '', gone = ''] = all.slice(-2)
  company.remove('Item', unreadable)
  const odd = company.create('Item', { Type: 'Service', Active: true })
  t.match((await refresh(service)).json, { entities: { items: { set_aside: 1 } } })
  for (const id of all.slice(0, 1_200)) company.update('Item', id, { Description: 'Imported' })
  company.remove('Item', gone)
  await after(HOUR_MS + 1)
  t.match(await ids(service, 'items', [gone, odd.Id]), { missing: [gone, odd.Id] })
})

t.test('an entity that changes cannot bring and that cannot be read is not tried each minute', async (t) => {
  const { simulator, service, after } = await setUp(t, {
    company: { customers: 5, vendors: 5, items: 2_500 },
  })
  simulator.fault({ on: 'any', entity: 'Item', kind: 'fault', code: '5020', status: 403, times: 999 })
  await after(HOUR_MS + 1)
  t.match((await status(service)).entities.items, { last_error: /plan/ })
  simulator.meter.reset()
  for (let minute = 0; minute < 50; minute++) await after(MINUTE_MS)
  t.ok(simulator.meter.requests <= 1, `${simulator.meter.requests} requests in 50 minutes`)
})

t.test('one damaged record does not keep the other entities from being followed', async (t) => {
  const { simulator, service, after } = await setUp(t)
  const created = simulator.company.create('Vendor', { DisplayName: 'Steady Steel', Active: true })
  simulator.fault({ on: 'cdc', entity: 'Item', kind: 'fault', code: '4002', times: 999 })
  await after(HOUR_MS + 1)
  t.match(await ids(service, 'vendors', [created.Id]), { total: 1 })
})

t.test(
  'a record that stays unreadable costs a full pass and one to be sure, not one at each look',
  async (t) => {
    const { simulator, after } = await setUp(t, { env: { CACHE_REFRESH_MINUTES: '1' } })
    simulator.company.create('Item', { Type: 'Service', Active: true })
    for (let minute = 0; minute < 15; minute++) await after(MINUTE_MS)
    t.ok((simulator.meter.byOperation.query ?? 0) <= 4, `${simulator.meter.byOperation.query} queries`)
  },
)

t.test('a clock of ours that is a month ahead costs no more than a full pass an hour', async (t) => {
  const { simulator, after } = await setUp(t, { skewMs: 32 * DAY_MS })
  for (let minute = 0; minute < 50; minute++) await after(MINUTE_MS)
  t.equal(simulator.meter.corePlus, 0)
})

t.test('a budget that is spent in the middle of a full pass ends it', async (t) => {
  const { simulator, service, after } = await setUp(t, {
    company: { customers: 4_500, vendors: 5, items: 5 },
    env: { QUICKBOOKS_MONTHLY_READ_BUDGET: '24' },
  })
  for (let day = 0; day < 3; day++) await after(25 * HOUR_MS)
  const { reads, entities } = await status(service)
  // Those that were under way when the last one was counted.
  t.ok(reads.spent >= 24 && reads.spent <= 29, String(reads.spent))
  t.match(entities, { customers: { count: 4_500, last_error: /BUDGET.*kept/ } })
  t.ok(simulator.meter.corePlus > 0)
})

t.test('a refresh by an admin does not join one by the clock, which the budget may end', async (t) => {
  const { service, after } = await setUp(t, { env: { QUICKBOOKS_MONTHLY_READ_BUDGET: '8' } })
  const { sync } = service.app
  const { asked, release } = holdAnswers(service.app)
  const byTheClock = after(25 * HOUR_MS)
  await asked
  const admins = sync.refresh()
  release()
  for (const { entity, error } of (await admins).outcomes) t.equal(error, undefined, entity)
  await byTheClock
  t.ok(
    service.log.some(({ code }) => code === 'READ_BUDGET_SPENT'),
    'the one by the clock was ended',
  )
})

t.test('a look that failed is no reason to read everything after a restart', async (t) => {
  const { simulator, service, clock, after } = await setUp(t)
  simulator.fault({ on: 'cdc', kind: 'html503', times: 5 })
  await after(HOUR_MS + 1)
  t.match((await status(service)).entities.items, { last_error: /not available/ })
  await service.close()
  simulator.meter.reset()
  clock.advance(10 * MINUTE_MS)
  const again = await startService(t, simulator, { clock, dataDir: service.dataDir })
  await again.app.sync.refreshDue()
  await again.app.sync.settled()
  t.same(simulator.meter.byOperation, { cdc: 1 })
  t.match((await status(again)).entities.items, { last_error: null })
})

t.test('a full pass that failed is still owed, and told, after a restart', async (t) => {
  const { simulator, service, clock } = await setUp(t)
  simulator.fault({ on: 'query', entity: 'Item', kind: 'wrongRows', rows: 2, match: 'ORDERBY', times: 99 })
  t.equal((await refresh(service)).status, 502)
  await service.close()
  const again = await startService(t, simulator, { clock, dataDir: service.dataDir })
  await again.app.sync.settled()
  t.equal((await refresh(again, '?full=false')).status, 200)
  t.match((await status(again)).entities.items, { last_error: /2 of 50 items/ })
  simulator.clearFaults()
  t.equal((await refresh(again)).status, 200)
  t.match((await status(again)).entities.items, { last_error: null })
})

t.test(
  'a record that only one answer had broken is there soon after, one that stays so is read once more',
  async (t) => {
    const { simulator, service, after } = await setUp(t)
    const created = simulator.company.create('Item', { Name: 'ZQ-7', Type: 'Service', Active: true })
    simulator.fault({ on: 'query', entity: 'Item', kind: 'badRecord', record: 'noId', match: 'ORDERBY' })
    t.match((await refresh(service)).json, { entities: { items: { set_aside: 1 } } })
    await after(6 * MINUTE_MS)
    t.match(await status(service), { items_count: 51, entities: { items: { set_aside_count: 0 } } })
    t.match(await ids(service, 'items', [created.Id]), { total: 1 })

    simulator.company.create('Item', { Type: 'Service', Active: true })
    t.match((await refresh(service)).json, { entities: { items: { set_aside: 1 } } })
    simulator.meter.reset()
    for (let minute = 0; minute < 50; minute++) await after(MINUTE_MS)
    t.ok(simulator.meter.corePlus <= 2, `${simulator.meter.corePlus} reads`)
  },
)

t.test('a change that answers had broken comes with the first look that has not', async (t) => {
  for (const lasting of [false, true]) {
    const { simulator, service, after } = await setUp(t)
    const { company } = simulator
    if (lasting) {
      // One that stays unreadable must not pass for it.
      company.create('Item', { Type: 'Service', Active: true })
      await refresh(service)
    }
    const [edited = ''] = company.list('Item').map(({ Id }) => Id)
    company.update('Item', edited, { Description: 'Anodised' })
    afterEachAnswer(service.app, (_asked, rows) => {
      const row = (rows as { Id?: string }[]).find(({ Id }) => Id === edited)
      if (row !== undefined && isBroken) delete row.Id
    })
    let isBroken = true
    for (let hour = 0; hour < 3; hour++) await after(HOUR_MS + 1)
    isBroken = false
    await after(HOUR_MS + 1)
    const [found] = (await ids(service, 'items', [edited])).results
    t.equal(found?.description, 'Anodised', lasting ? 'beside one that stays so' : 'alone')
  }
})

t.test('an entity that is refused for weeks costs the others nothing', async (t) => {
  const { simulator, service, after } = await setUp(t, {
    company: { customers: 1_500, vendors: 5, items: 50 },
  })
  simulator.fault({ on: 'any', entity: 'Item', kind: 'fault', code: '5020', status: 403, times: 9_999 })
  const edit = (from: number) => {
    for (let id = from; id < from + 600; id++)
      simulator.company.update('Customer', String(id), { Notes: 'Edited' })
  }
  edit(1)
  for (let day = 0; day < 3; day++) await after(DAY_MS)
  edit(700)
  await after(HOUR_MS + 1)
  simulator.meter.reset()
  for (let hour = 0; hour < 5; hour++) await after(HOUR_MS + 1)
  t.same(simulator.meter.byOperation, { cdc: 5 }, 'one read each hour, which holds all that changed')
  t.match((await status(service)).entities, {
    items: { last_error: /plan/ },
    customers: { last_error: null },
  })
})

t.test('edits are followed while a deletion of many is held back', async (t) => {
  const { simulator, service, after } = await setUp(t, { company: { customers: 5, vendors: 5, items: 100 } })
  const all = simulator.company.list('Item').filter(({ Type }) => Type !== 'Category')
  for (const { Id } of all.slice(0, 40)) simulator.company.remove('Item', Id)
  simulator.company.update('Item', all[60]?.Id ?? '', { Name: 'ZQ-EDITED' })
  await after(HOUR_MS + 1)
  t.match((await status(service)).entities.items, { held_back_count: 40 })
  t.match(await ids(service, 'items', [all[60]?.Id ?? '']), { results: [{ name: 'ZQ-EDITED' }] })
})

t.test('a restart is no second opinion', async (t) => {
  const { simulator, service, clock, after } = await setUp(t, {
    company: { customers: 5, vendors: 5, items: 100 },
  })
  for (const { Id } of simulator.company.list('Item').slice(0, 40)) simulator.company.remove('Item', Id)
  await after(HOUR_MS + 1)
  t.match((await status(service)).entities.items, { count: 100, held_back_count: 40 })
  await service.close()
  const again = await startService(t, simulator, { clock, dataDir: service.dataDir })
  for (const [minutes, count] of [
    [10, 100],
    [51, 60],
  ] as const) {
    await clock.sleep(minutes * MINUTE_MS)
    await again.app.sync.refreshDue()
    await again.app.sync.settled()
    t.match((await status(again)).entities.items, { count })
  }
})

t.test('deletions that no look had a chance to bring are no drift', async (t) => {
  const { simulator, service, after } = await setUp(t, { env: { FULL_SYNC_HOURS: '2' } })
  for (const id of ['41', '42', '43']) simulator.company.remove('Item', id)
  simulator.fault({ on: 'cdc', kind: 'html503', times: 5 })
  await after(2 * HOUR_MS + 1)
  t.match(await status(service), { items_count: 47, entities: { items: { drift_count: 0 } } })
})
