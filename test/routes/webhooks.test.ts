// Webhooks over HTTP: what is taken, what is refused, and how soon what was announced can be found.
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import t, { type Test } from 'tap'
import type { Simulator } from '../../simulator/simulator.ts'
import { systemClock } from '../../src/services/clock.ts'
import { createLeapingClock, createManualClock } from '../support/clock.ts'
import { mariadb, onMariaDb } from '../support/mariadb.ts'
import { type Service, type ServiceOptions, startService, startSimulator } from '../support/service.ts'

const PATH = '/webhooks/quickbooks'
const unlimited = { throttle: { perSecond: null, perMinute: null, concurrent: null } }

async function setUp(t: Test, options: ServiceOptions = {}) {
  const clock = options.clock ?? systemClock
  const simulator = await startSimulator(t, { clock: clock.now, behaviour: unlimited })
  const service = await startService(t, simulator, options)
  await service.connectAndFill()
  simulator.webhooks.subscribe(service.url + PATH)
  simulator.webhooks.hold()
  simulator.meter.reset()
  return { simulator, service }
}

function post(service: Service, simulator: Simulator, body: string, signature?: string) {
  const signed = createHmac('sha256', simulator.webhooks.verifierToken).update(body).digest('base64')
  return service.request(PATH, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', 'intuit-signature': signature ?? signed },
  })
}

const classic = (realmId: string, ...entities: object[]) =>
  JSON.stringify({ eventNotifications: [{ realmId, dataChangeEvent: { entities } }] })

const search = async (service: Service, index: string, q: string) =>
  (await service.request(`/api/search/${index}?q=${encodeURIComponent(q)}`)).json.results as { id: string }[]

const reads = (simulator: Simulator) => simulator.meter.log.map(({ statement = '' }) => statement)

for (const format of ['cloudEvents', 'classic'] as const) {
  t.test(`${format}: edits, deletions and merges are followed with one read for each entity`, async (t) => {
    const { simulator, service } = await setUp(t)
    const { company, webhooks } = simulator
    const [first, second, third] = company.list('Vendor').filter(({ Active }) => Active)
    const [item] = company.list('Item')
    if (!first || !second || !third || !item) throw new Error('too few records')
    company.update('Vendor', first.Id, { DisplayName: 'Zephyr Anodizing' })
    company.merge('Vendor', second.Id, first.Id)
    company.deactivate('Vendor', third.Id)
    company.remove('Item', item.Id)
    const created = company.create('Customer', { DisplayName: 'Newcomer Gears', Active: true })

    t.equal(await webhooks.post(webhooks.take(), { format }), 200)
    await service.app.sync.settled()
    t.same(reads(simulator).length, 3)
    for (const statement of reads(simulator)) t.match(statement, /^SELECT \* FROM \w+ WHERE Id IN \(/)
    t.match(await search(service, 'vendor_names', 'zephyr'), [{ id: first.Id }])
    t.match(await search(service, 'client_names', 'newcomer'), [{ id: created.Id }])
    const { json } = await service.request(`/api/records/vendors?ids=${second.Id},${third.Id}`)
    t.match(json, { results: [{ id: third.Id, active: false }], missing: [second.Id] })
    t.match((await service.request(`/api/records/items?ids=${item.Id}`)).json, { missing: [item.Id] })
  })
}

t.test('a change made in QuickBooks can be found without waiting for anything else', async (t) => {
  const { simulator, service } = await setUp(t)
  simulator.webhooks.release()
  const announced = once(service.app.announcements, 'change')
  const created = simulator.company.create('Item', { Name: 'ZQ-4711', Type: 'Inventory', Active: true })
  await announced
  t.match(await search(service, 'part_numbers', 'zq4711'), [{ id: created.Id }])
  t.equal(simulator.meter.corePlus, 1, 'one read')
})

t.test('a post is answered while QuickBooks is silent, and what it announced is read later', async (t) => {
  const { simulator, service } = await setUp(t, { timeoutMs: 1_000, clock: createLeapingClock() })
  const { company, webhooks } = simulator
  let changes = 0
  service.app.announcements.on('change', () => changes++)
  simulator.fault({ on: 'query', kind: 'hang' })
  const created = company.create('Item', { Name: 'ZQ-4711', Type: 'Inventory', Active: true })
  t.equal(await webhooks.post(webhooks.take()), 200)
  t.equal(changes, 0, 'answered before anything was read')
  await service.app.sync.settled()
  t.equal(changes, 1)
  t.match(await search(service, 'part_numbers', 'zq4711'), [{ id: created.Id }])
})

t.test('a burst of ten thousand events is folded into few queries', async (t) => {
  const clock = createLeapingClock()
  const simulator = await startSimulator(t, {
    clock: clock.now,
    company: { customers: 2_500, vendors: 1, items: 1 },
    behaviour: unlimited,
  })
  const service = await startService(t, simulator, { clock })
  await service.connectAndFill()
  simulator.webhooks.subscribe(service.url + PATH)
  simulator.webhooks.hold()
  const ids = simulator.company.list('Customer').map(({ Id }) => Id)
  for (let i = 0; i < 10_000; i++)
    simulator.company.update('Customer', ids[i % ids.length] as string, { Notes: `edit ${i}` })
  const events = simulator.webhooks.take()
  t.equal(events.length, 10_000)
  simulator.meter.reset()
  for (let start = 0; start < events.length; start += 1_000)
    t.equal(await simulator.webhooks.post(events.slice(start, start + 1_000)), 200)
  await service.app.sync.settled()
  t.ok(simulator.meter.corePlus <= 30, `${simulator.meter.corePlus} reads`)
  const { customers } = (await service.request('/api/data/customers?limit=1000')).json
  for (const { Notes } of customers) t.match(Notes, /^edit [789]/)
})

t.test('a payload is only a hint: what is stored comes from QuickBooks', async (t) => {
  const { simulator, service } = await setUp(t)
  const { realmId } = simulator.company
  const [vendor] = simulator.company.list('Vendor')
  const lies = classic(
    realmId,
    { name: 'Vendor', id: vendor?.Id, operation: 'Delete', lastUpdated: '2099-01-01T00:00:00Z' },
    { name: 'Customer', id: '999999', operation: 'Create', DisplayName: 'Nobody', lastUpdated: 'x' },
  )
  t.match((await post(service, simulator, lies)).json, { received: 2 })
  await service.app.sync.settled()
  t.match((await service.request(`/api/records/vendors?ids=${vendor?.Id}`)).json, { total: 1 })
  t.match((await service.request('/api/records/customers?ids=999999')).json, { missing: ['999999'] })
})

t.test('a record that an answer leaves out is kept, unless it is said to be gone', async (t) => {
  const { simulator, service } = await setUp(t)
  const [vendor] = simulator.company.list('Vendor')
  simulator.fault({ on: 'query', kind: 'missingKeys' })
  const body = classic(simulator.company.realmId, { name: 'Vendor', id: vendor?.Id, operation: 'Update' })
  t.equal((await post(service, simulator, body)).status, 200)
  await service.app.sync.settled()
  t.match((await service.request(`/api/records/vendors?ids=${vendor?.Id}`)).json, { total: 1 })
})

t.test('events of other companies and of what is not cached are taken and cost nothing', async (t) => {
  const { simulator, service } = await setUp(t)
  const { realmId } = simulator.company
  const customer = { name: 'Customer', id: '1', operation: 'Update' }
  const several = JSON.stringify({
    eventNotifications: [
      { realmId: '4620816365000000000', dataChangeEvent: { entities: [customer] } },
      {
        realmId,
        dataChangeEvent: { entities: [{ ...customer, id: '2' }, { ...customer, name: 'Term' }, 7] },
      },
    ],
  })
  t.match((await post(service, simulator, several)).json, { received: 1 })
  const events = ['qbo.customer.updated.v1', 'qbo.budget.updated.v1', 'com.example.else'].map((type) => ({
    ...{
      specversion: '1.0',
      id: 'a',
      source: 'intuit.x',
      type,
      intuitentityid: '3',
      intuitaccountid: realmId,
    },
  }))
  t.match((await post(service, simulator, JSON.stringify(events))).json, { received: 1 })
  await service.app.sync.settled()
  t.match(reads(simulator).join(), /Id IN \('2'/)
  t.equal(service.log.filter(({ unread }) => unread === 1).length, 2, 'what is in no known form is counted')
})

t.test('what cannot be verified or read is refused, logged once, and nothing of it is said', async (t) => {
  const { simulator, service } = await setUp(t)
  const body = classic(simulator.company.realmId, { name: 'Customer', id: '1', operation: 'Update' })
  const secret = '{"secret payload": "of Acme'
  const refused: [what: string, body: string, signature: string | undefined, status: number][] = [
    ['no signature', body, '', 401],
    ['another signature', body, 'AAAA', 401],
    ['a signature of other bytes', `${body} `, sign(body), 401],
    ['not even base64', body, '{}', 401],
    ['malformed JSON, not signed', secret, 'AAAA', 401],
    ['malformed JSON', secret, undefined, 400],
    ['an empty body', '', undefined, 400],
    ['JSON that is no event', '"text"', undefined, 400],
    ['an object of something else', '{"a":1}', undefined, 400],
    ['a body over a megabyte', `"${'x'.repeat(1024 * 1024)}"`, undefined, 413],
  ]
  function sign(text: string): string {
    return createHmac('sha256', simulator.webhooks.verifierToken).update(text).digest('base64')
  }
  for (const [what, text, signature, status] of refused) {
    const before = service.log.length
    const { json } = await post(service, simulator, text, signature)
    t.match(json, { statusCode: status, message: /\w/ }, what)
    const lines = service.log.slice(before).filter(({ level }) => level >= 40)
    t.match(lines, [{ msg: 'Webhook refused', status, code: /\w/ }], `${what}: logged`)
    t.equal(lines.length, 1, `${what}: once`)
    t.notMatch(JSON.stringify(lines), /Acme|secret|AAAA/)
  }
  t.equal(simulator.meter.requests, 0)
  t.equal((await post(service, simulator, body)).status, 200, 'the right one still is taken')
})

t.test('without a verifier token the route says what to set', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, { env: { QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN: '' } })
  t.match((await post(service, simulator, '[]')).json, {
    statusCode: 404,
    message: /QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN/,
  })
})

t.test('what was announced before a stop, or while QuickBooks was away, is followed later', async (t) => {
  const clock = createLeapingClock()
  const { simulator, service } = await setUp(t, { clock })
  simulator.company.create('Vendor', { DisplayName: 'Patient Platers', Active: true })
  simulator.fault({ on: 'query', kind: 'html503', times: 99 })
  t.equal(await simulator.webhooks.post(simulator.webhooks.take()), 200)
  await service.app.sync.settled()
  t.match((await service.request('/api/cache/status')).json.webhooks, { waiting: 1, last_received: /Z$/ })
  await service.close()

  simulator.clearFaults()
  const again = await startService(t, simulator, { clock, dataDir: service.dataDir })
  if ((await search(again, 'vendor_names', 'patient')).length === 0) {
    await once(again.app.announcements, 'change')
    t.equal((await search(again, 'vendor_names', 'patient')).length, 1)
  }
  await again.app.sync.settled()
  t.equal((await again.request('/api/cache/status')).json.webhooks.waiting, 0)
})

t.test('what QuickBooks refuses or cannot deliver for one entity does not hold up the others', async (t) => {
  const clock = createLeapingClock()
  const { simulator, service } = await setUp(t, { clock })
  const { company, webhooks } = simulator
  const waiting = async () => (await service.request('/api/cache/status')).json.webhooks.waiting
  const edit = async (name: string) => {
    const created = [
      company.create('Customer', { DisplayName: `${name} Customer`, Active: true }).Id,
      company.create('Item', { Name: `${name} Item`, Type: 'Service', Active: true }).Id,
    ]
    t.equal(await webhooks.post(webhooks.take()), 200)
    await service.app.sync.settled()
    const found = [await search(service, 'client_names', name), await search(service, 'part_numbers', name)]
    return found.map(([first], i) => first?.id === created[i])
  }
  simulator.fault({ on: 'query', entity: 'Customer', kind: 'html503', times: 5 })
  t.same(await edit('Unavailable'), [false, true])
  t.equal(await waiting(), 1)
  clock.advance(61_000)
  await service.app.sync.refreshDue()
  await service.app.sync.settled()
  t.equal(await waiting(), 0)
  t.equal((await search(service, 'client_names', 'unavailable')).length, 1)

  simulator.fault({ on: 'query', entity: 'Customer', kind: 'fault', code: '5020', status: 403 })
  t.same(await edit('Refused'), [false, true])
  t.equal(await waiting(), 0, 'asking again would be refused again')
  await service.app.sync.refreshDue()
  await service.app.sync.settled()
  t.equal((await search(service, 'client_names', 'refused')).length, 1, 'a full pass has the last word')
})

t.test('an entity that hangs, or has a long queue already, does not hold up the others', async (t) => {
  const clock = createLeapingClock()
  const { simulator, service } = await setUp(t, { clock })
  const { company, webhooks } = simulator
  const items = company.list('Item').map(({ Id }) => Id)
  const addCustomer = async (DisplayName: string) => {
    const { Id } = company.create('Customer', { DisplayName, Active: true })
    const announced = once(service.app.announcements, 'change')
    t.equal(await webhooks.post(webhooks.take()), 200)
    t.match(await announced, [{ entity: 'customers', ids: [Id] }])
  }
  simulator.fault({ on: 'query', entity: 'Item', kind: 'html503', times: 5 })
  for (let i = 0; i < 250; i++) {
    company.update('Item', items[i % items.length] ?? '', { Description: `Edit ${i}` })
    t.equal(await webhooks.post(webhooks.take()), 200)
  }
  await service.app.sync.settled()
  await addCustomer('Unhindered Unions')

  simulator.fault({ on: 'query', entity: 'Item', kind: 'hang' })
  clock.advance(61_000)
  await service.app.sync.refreshDue()
  await addCustomer('Overtaking Oxides')
})

for (const code of ['4001', '4002']) {
  const title = `${code}: one record that QuickBooks cannot process does not hide the others of its query`
  t.test(title, async (t) => {
    const { simulator, service } = await setUp(t, { clock: createLeapingClock() })
    const { company, webhooks } = simulator
    const vendors = company.list('Vendor')
    for (const { Id } of vendors) company.update('Vendor', Id, { CompanyName: 'Renamed together' })
    const damaged = vendors[4]?.Id ?? ''
    const match = `Id IN \\([^)]*'${damaged}'`
    simulator.fault({ on: 'query', kind: 'fault', code, match, times: 99 })
    t.equal(await webhooks.post(webhooks.take()), 200)
    await service.app.sync.settled()
    const { json } = await service.request(
      `/api/records/vendors?ids=${vendors.map(({ Id }) => Id).join(',')}`,
    )
    const others = json.results.filter(({ id }: { id: string }) => id !== damaged)
    t.equal(others.length, vendors.length - 1)
    for (const { company_name } of others) t.equal(company_name, 'Renamed together')
    t.ok(simulator.meter.requests < 15, `${simulator.meter.requests} requests`)
  })
}

t.test('events about something else are counted, so that a wrong set-up can be seen', async (t) => {
  const { simulator, service } = await setUp(t)
  const post4 = classic('1234', { name: 'Customer', id: '1', operation: 'Update' })
  t.match((await post(service, simulator, post4)).json, { received: 0 })
  t.match((await service.request('/api/cache/status')).json.webhooks, {
    waiting: 0,
    ignored: 1,
    last_received: /Z$/,
  })
})

t.test(
  'an entity whose answers stay useless is asked for ever more seldom, and the others go on',
  async (t) => {
    const clock = createLeapingClock()
    const { simulator, service } = await setUp(t, { clock, env: { CACHE_REFRESH_MINUTES: '10000' } })
    const { company, webhooks } = simulator
    simulator.fault({ on: 'query', entity: 'Item', kind: 'truncated', times: 999 })
    company.update('Item', '7', { Description: 'Edited' })
    await webhooks.post(webhooks.take())
    await service.app.sync.settled()
    simulator.meter.reset()
    for (let minute = 0; minute < 60; minute++) {
      clock.advance(60_000)
      await service.app.sync.refreshDue()
      await service.app.sync.settled()
    }
    t.ok(simulator.meter.requests <= 30, `${simulator.meter.requests} requests in an hour`)
    const created = company.create('Customer', { DisplayName: 'Unhindered Unions', Active: true })
    await webhooks.post(webhooks.take())
    await service.app.sync.settled()
    t.match(await search(service, 'client_names', 'unhindered'), [{ id: created.Id }])
    simulator.clearFaults()
    clock.advance(3_600_000)
    await service.app.sync.refreshDue()
    await service.app.sync.settled()
    t.equal((await service.request('/api/cache/status')).json.webhooks.waiting, 0)
  },
)

t.test(
  'who does not even sign is refused before a body is read, and few may send theirs at once',
  async (t) => {
    const { simulator, service } = await setUp(t)
    const { port } = new URL(service.url)
    /** A post of which only the head is sent. */
    async function begin(headers: Record<string, string>) {
      const sent = request({
        port,
        host: '127.0.0.1',
        method: 'POST',
        path: PATH,
        headers: { ...headers, host: 'localhost' },
      })
      sent.on('error', () => undefined)
      t.teardown(() => sent.destroy())
      sent.flushHeaders()
      return sent
    }
    const unsigned = await begin({ 'content-length': '1000000' })
    const [refusal] = await once(unsigned, 'response')
    t.equal(refusal.statusCode, 401)

    const heads = { 'content-length': '1000000', 'intuit-signature': 'AAAA' }
    const slow = await Promise.all(Array.from({ length: 70 }, () => begin(heads)))
    const [turnedAway] = await Promise.race(slow.map((one) => once(one, 'response')))
    t.equal(turnedAway.statusCode, 503)
    t.equal(turnedAway.headers['retry-after'], '5')
    for (const one of slow) one.destroy()
    const body = classic(simulator.company.realmId, { name: 'Vendor', id: '1', operation: 'Update' })
    let status = 503
    while (status === 503) status = (await post(service, simulator, body)).status
    t.equal(status, 200, 'when they are gone, Intuit is heard')
  },
)

const onServer = await onMariaDb(t)

onServer('what is announced right after another replica was connected is kept', async (t) => {
  const simulator = await startSimulator(t, { behaviour: unlimited })
  const { env } = await mariadb(t)
  const leader = await startService(t, simulator, { env })
  // It looks at what the others do only when something makes it.
  const service = await startService(t, simulator, { env, leaseClock: createManualClock() })
  await leader.connectAndFill()
  t.equal(service.app.tokens.keeper.connection(), undefined)
  const [item] = simulator.company.list('Item')
  const event = { name: 'Item', id: item?.Id, operation: 'Update', lastUpdated: '2026-11-23T12:00:00Z' }
  const answer = await post(service, simulator, classic(simulator.company.realmId, event))
  t.match(answer, { status: 200, json: { received: 1 } })
  const { webhooks } = (await service.request('/api/cache/status')).json
  t.equal(webhooks.ignored, 0)
})
