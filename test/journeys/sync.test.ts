// How the cache follows QuickBooks: pages, edits, deletions, and what happens when an answer cannot be believed.
import t from 'tap'
import { holdAnswers } from '../support/answers.ts'
import { createLeapingClock } from '../support/clock.ts'
import { type Service, startService, startSimulator } from '../support/service.ts'

const refresh = (service: Service, query = '') =>
  service.request(`/api/cache/refresh${query}`, { method: 'POST' })
const status = async (service: Service) => (await service.request('/api/cache/status')).json
const find = async (service: Service, index: string, q: string) =>
  (await service.request(`/api/search/${index}?q=${encodeURIComponent(q)}`)).json.results as {
    id: string
    name: string
  }[]

t.test(
  'every record of every page arrives, inactive ones included, each page once and ten rows of it twice',
  async (t) => {
    const simulator = await startSimulator(t, { company: { customers: 2500, vendors: 0, items: 1000 } })
    const service = await startService(t, simulator)
    await service.connect()
    simulator.meter.reset()
    await refresh(service)
    const pages = simulator.meter.log.filter(({ statement = '' }) => statement.startsWith('SELECT *'))
    t.same(
      pages
        .filter(({ entity }) => entity === 'Customer')
        .map(({ statement = '' }) => /STARTPOSITION (\d+) MAXRESULTS 1000/.exec(statement)?.[1])
        .toSorted(),
      ['1', '1981', '991'],
    )
    for (const { statement = '' } of pages) t.match(statement, /WHERE Active IN \(true, false\) ORDERBY Id /)
    t.match(await status(service), { customers_count: 2500, vendors_count: 0, items_count: 1000 })
    const inactive = simulator.company.list('Customer').filter(({ Active }) => Active === false).length
    t.ok(inactive > 0)
    t.equal((await status(service)).entities.customers.active_count, 2500 - inactive)
  },
)

t.test('edits, new records, deactivations and merges are followed, in cache and index', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const [first, second, third] = simulator.company.list('Vendor').filter(({ Active }) => Active)
  if (!first || !second || !third) throw new Error('too few vendors')
  simulator.company.update('Vendor', first.Id, { DisplayName: 'Zephyr Anodizing' })
  simulator.company.deactivate('Vendor', second.Id)
  simulator.company.merge('Vendor', third.Id, first.Id)
  const created = simulator.company.create('Vendor', { DisplayName: "O'Malley & Søn Plating", Active: true })

  const answer = await refresh(service)
  t.match(answer.json, {
    message: 'Cache refreshed successfully',
    entities: { vendors: { changed: 3, removed: 1 } },
  })
  t.match(await find(service, 'vendor_names', 'zephyr'), [{ id: first.Id }])
  t.match(await find(service, 'vendor_names', 'omalley'), [{ id: created.Id }])
  t.match(await find(service, 'vendor_names', 'son plating'), [{ id: created.Id }])
  const ids = new Set(
    (await service.request('/api/data/vendors?limit=1000')).json.vendors.map(({ Id }: { Id: string }) => Id),
  )
  t.ok(ids.has(second.Id), 'an inactive vendor stays cached')
  t.notOk(ids.has(third.Id), 'a merged one is gone')
  for (const { id } of await find(service, 'vendor_names', String(second.DisplayName))) t.not(id, second.Id)
})

t.test('a balance that moves LastUpdatedTime without SyncToken is followed', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const [customer] = simulator.company.list('Customer').filter(({ Active }) => Active)
  simulator.advance(5000)
  const bumped = simulator.company.bumpBalance('Customer', customer?.Id ?? '', 123.45)
  t.equal(bumped.SyncToken, customer?.SyncToken)
  t.match((await refresh(service)).json.entities.customers, { changed: 1 })
  const { customers } = (await service.request('/api/data/customers?limit=1')).json
  t.match(customers[0], { Id: customer?.Id, Balance: bumped.Balance })
})

t.test('callers during a refresh join it', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  simulator.meter.reset()
  const { sync } = service.app
  const { release } = holdAnswers(service.app)
  let callers = 0
  const join = sync.refresh
  sync.refresh = (options) => {
    callers += 1
    if (callers === 20) release()
    return join(options)
  }
  const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(service)))
  for (const answer of answers) t.equal(answer.status, 200)
  t.equal(simulator.meter.byOperation.query, 6, 'a page and a count for each of three entities')
})

t.test('without waiting, a refresh is accepted and its progress shown', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  t.match((await refresh(service, '?wait=false')).json, { statusCode: 409, code: 'NOT_CONNECTED' })
  await service.connectAndFill()
  const { release } = holdAnswers(service.app)
  const accepted = await refresh(service, '?wait=false')
  t.equal(accepted.status, 202)
  const { refresh: running } = await status(service)
  t.match(running, { running: true, progress: { items: { done: false } } })
  release()
  await refresh(service)
  t.match((await status(service)).refresh, { running: false, started_at: null })
})

t.test('a record that cannot be read is counted and set aside; what was cached of it stays', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  for (const record of ['noId', 'nullMetaData', 'numericName', 'notAnObject'] as const) {
    simulator.fault({ on: 'query', entity: 'Item', kind: 'badRecord', record, match: 'SELECT \\*' })
    const answer = await refresh(service)
    t.match(answer.json.entities.items, { set_aside: 1, removed: 0 }, record)
    t.match(await status(service), { items_count: 50, entities: { items: { set_aside_count: 1 } } }, record)
  }
})

t.test('an entity that fails keeps its old data, and the others go on', async (t) => {
  const clock = createLeapingClock()
  const simulator = await startSimulator(t, { clock: clock.now })
  const service = await startService(t, simulator, { clock })
  await service.connectAndFill()
  simulator.company.create('Customer', { DisplayName: 'Newcomer Gears' })
  simulator.fault({ on: 'query', entity: 'Item', kind: 'html503', times: 99 })
  const answer = await refresh(service)
  t.match(answer.json, {
    statusCode: 502,
    code: 'QBO_UNAVAILABLE',
    message: /^Not refreshed: items\. .*kept.*Refreshed: customers, vendors\.$/,
  })
  const after = await status(service)
  t.match(after, { connection_status: 'connected', customers_count: 31, items_count: 50 })
  t.match(after.entities.items, { last_error: /not available/ })
  t.equal(after.entities.customers.last_error, null)
  t.equal((await find(service, 'client_names', 'newcomer')).length, 1)

  simulator.clearFaults()
  t.equal((await refresh(service)).status, 200)
  t.equal((await status(service)).entities.items.last_error, null)
  t.ok(service.log.some(({ msg, entity }) => msg === 'QuickBooks delivers again' && entity === 'items'))
})

t.test('an empty answer never replaces what is cached, not even when an admin confirms it', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  simulator.fault({ on: 'query', entity: 'Vendor', kind: 'missingKeys', times: 99 })
  for (const query of ['', '?force=true']) {
    const answer = await refresh(service, query)
    t.match(answer.json, { code: 'QBO_ANSWER_UNREADABLE', message: /has no count of Vendor.*kept/ })
    t.match(await status(service), { vendors_count: 12 })
  }
})

t.test(
  'before anything was read as a whole, an answer cut short is not taken for all there is',
  async (t) => {
    const clock = createLeapingClock()
    const simulator = await startSimulator(t, { clock: clock.now })
    const service = await startService(t, simulator, { clock })
    const { company, webhooks } = simulator
    webhooks.hold()
    webhooks.subscribe(`${service.url}/webhooks/quickbooks`)
    simulator.fault({ on: 'query', kind: 'html503', times: 99 })
    await service.connect()
    await service.app.sync.settled()
    simulator.clearFaults()
    const [customer] = company.list('Customer')
    company.update('Customer', customer?.Id ?? '', { Notes: 'news' })
    await webhooks.post(webhooks.take())
    await service.app.sync.settled()
    t.match(await status(service), { customers_count: 1, items_count: 0 }, 'only what was announced')

    const all = { on: 'query', match: 'SELECT \\*' } as const
    simulator.fault({ ...all, entity: 'Customer', kind: 'wrongRows', rows: 1 })
    simulator.fault({ ...all, entity: 'Item', kind: 'missingKeys' })
    t.equal((await refresh(service)).status, 200)
    t.match(await status(service), { customers_count: 30, items_count: 50 })
  },
)

t.test('records that only seem to be gone, since an answer was cut short, are kept', async (t) => {
  const simulator = await startSimulator(t, { company: { customers: 40, vendors: 1, items: 1 } })
  const service = await startService(t, simulator)
  await service.connectAndFill()
  simulator.fault({ on: 'query', entity: 'Customer', kind: 'wrongRows', rows: 25, match: 'SELECT \\*' })
  simulator.fault({ on: 'query', entity: 'Customer', kind: 'missingKeys', match: 'count|Id IN', times: 99 })
  t.equal((await refresh(service)).status, 502)
  t.match(await status(service), { customers_count: 40 })
})

t.test('without a count a company of several pages is not taken for complete', async (t) => {
  const simulator = await startSimulator(t, { company: { customers: 3200, vendors: 1, items: 1 } })
  const service = await startService(t, simulator)
  await service.connect()
  simulator.fault({ on: 'query', kind: 'missingKeys', match: 'count', times: 99 })
  t.match((await refresh(service)).json, { code: 'QBO_ANSWER_UNREADABLE' })
  simulator.clearFaults()
  t.equal((await refresh(service)).status, 200)
  t.match(await status(service), { customers_count: 3200 })
})

t.test(
  'a failed entity is tried again after ever longer pauses, one that needs a person when it is due',
  async (t) => {
    const clock = createLeapingClock()
    const simulator = await startSimulator(t, { clock: clock.now })
    const service = await startService(t, simulator, { clock, env: { CACHE_REFRESH_MINUTES: '1440' } })
    await service.connectAndFill()
    const attempts = async (minutes: number) => {
      const before = (await status(service)).entities.items.last_attempt
      clock.advance(minutes * 60_000)
      await service.app.sync.refreshDue()
      return (await status(service)).entities.items.last_attempt !== before
    }
    simulator.fault({ on: 'query', entity: 'Item', kind: 'fault', code: '6190', status: 403, times: 2 })
    await refresh(service)
    t.notOk(await attempts(30), 'the subscription has ended: nothing to be tried')
    t.ok(await attempts(24 * 60), 'but once a day')
    simulator.clearFaults()
    await refresh(service)
    simulator.fault({
      on: 'query',
      entity: 'Item',
      kind: 'wrongRows',
      rows: 2,
      match: 'SELECT \\*',
      times: 99,
    })
    await refresh(service)
    t.ok(await attempts(5))
    t.notOk(await attempts(5))
    t.ok(await attempts(5), 'after ten minutes')
  },
)

t.test('a short page that hides records is noticed, and read again', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connect()
  simulator.fault({ on: 'query', entity: 'Item', kind: 'wrongRows', rows: 20, match: 'SELECT \\*' })
  t.equal((await refresh(service)).status, 200)
  t.match(await status(service), { items_count: 50 })

  simulator.fault({ on: 'query', entity: 'Item', kind: 'wrongRows', rows: 20, match: 'SELECT \\*', times: 2 })
  t.match((await refresh(service)).json, { code: 'QBO_INCOMPLETE', message: /20 of 50 items/ })
  t.match(await status(service), { items_count: 50 })
})

t.test('that many records are gone is believed when an admin confirms it', async (t) => {
  const simulator = await startSimulator(t, { company: { customers: 5, vendors: 5, items: 100 } })
  const service = await startService(t, simulator)
  await service.connectAndFill()
  for (const { Id } of simulator.company.list('Item').slice(0, 40)) simulator.company.remove('Item', Id)
  t.match((await refresh(service)).json, { code: 'QBO_DROP_HELD_BACK', message: /40 of 100 items/ })
  t.match((await refresh(service, '?force=true')).json.entities.items, { removed: 40 })
  t.match(await status(service), { items_count: 60 })
})

t.test('a row that QuickBooks repeats at the end of a page does no harm', async (t) => {
  const simulator = await startSimulator(t, {
    company: { customers: 1500, vendors: 1, items: 1 },
    behaviour: { limitPlusOne: true },
  })
  const service = await startService(t, simulator)
  await service.connectAndFill()
  t.match(await status(service), { customers_count: 1500 })
})

t.test('a refresh that is due happens by itself, at start and by the clock', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, { env: { CACHE_REFRESH_MINUTES: '0.01' } })
  await service.connectAndFill()
  const before = simulator.meter.requests
  const created = simulator.company.create('Vendor', { DisplayName: 'Timely Castings' })
  while ((await find(service, 'vendor_names', 'timely'))[0]?.id !== created.Id)
    t.ok(simulator.meter.requests - before < 50)
})
