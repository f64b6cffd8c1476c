// Which entities are kept is the installation's choice (SYNC_ENTITIES), and several may feed one index: over real HTTP.
import t, { type Test } from 'tap'
import type { Simulator } from '../../simulator/simulator.ts'
import { type Service, startService, startSimulator, temporaryFolder } from '../support/service.ts'

const SALES = 'invoices,customers, estimates ,invoices'

interface Hit {
  id: string
  type: string
  name: string
  total: number
  po_number: string | null
  highlights: Record<string, [number, number][]>
  explanation: { pass: string; fields: string[] }
}

async function open(t: Test, SYNC_ENTITIES: string, env: Record<string, string> = {}) {
  const simulator = await startSimulator(t, { company: { customers: 30, vendors: 12, items: 50 } })
  const service = await startService(t, simulator, { env: { SYNC_ENTITIES, ...env } })
  await service.connectAndFill()
  return { simulator, service }
}

const hitsOf = async (service: Service, path: string): Promise<Hit[]> =>
  (await service.request(path)).json.results

/** What is only read. */
const shop = await open(t, SALES)
const { request } = shop.service
const hits = (path: string) => hitsOf(shop.service, path)

t.test('only what was chosen is fetched, kept, counted and described', async (t) => {
  const { json: status } = await request('/api/cache/status')
  t.same(Object.keys(status.entities), ['customers', 'invoices', 'estimates'])
  t.match(status, { customers_count: 30, invoices_count: 40, estimates_count: 10 })
  t.notOk('items_count' in status)
  const { json: indexes } = await request('/api/indexes/status')
  t.same(indexes.available_indexes, ['client_names', 'invoices', 'client_pos', 'estimates'])
  t.match(indexes.details.client_pos, { entity: 'invoices,estimates', records: 50 })
  const { json: document } = await request('/openapi.json')
  const parameters = (path: string) =>
    document.paths[path].get.parameters.map(
      ({ name, schema }: { name: string; schema: { enum?: string[] } }) => [name, schema.enum],
    )
  t.same(Object.fromEntries(parameters('/api/records/{entity}')).entity, [
    'customers',
    'invoices',
    'estimates',
  ])
  const search = Object.fromEntries(parameters('/api/search/{index}'))
  t.same(search.index, indexes.available_indexes)
  t.ok('customer_id' in search && 'min_total' in search && 'max_balance' in search)
  t.notOk('category' in search || 'vendor_id' in search)
  t.equal(
    search.sort.filter((name: string) => name === 'total').length,
    1,
    'what entities share is there once',
  )
  t.ok('InvoiceResult' in document.components.schemas && !('ItemResult' in document.components.schemas))
  t.ok('/api/data/estimates' in document.paths && !('/api/data/items' in document.paths))
})

t.test('cached transactions come with their lines', async (t) => {
  const { json } = await request('/api/data/invoices?limit=3')
  t.match(json, { total: 40, showing: 3 })
  for (const invoice of json.invoices) t.ok(invoice.Line.length > 1)
})

t.test('what is not chosen is a 404 that says what to choose', async (t) => {
  for (const [path, message] of [
    ['/api/search/part_numbers?q=a', 'part_numbers: not kept here. Add items to SYNC_ENTITIES and restart.'],
    [
      '/api/search/purchase_orders',
      'purchase_orders: not kept here. Add purchase_orders to SYNC_ENTITIES and restart.',
    ],
    ['/api/search?q=a&indexes=client_names,vendor_names', /^vendor_names: .* Add vendors to SYNC_ENTITIES/],
    ['/api/data/items', /^items: .* Add items to SYNC_ENTITIES/],
    ['/api/records/vendors?ids=1', /^vendors: .* Add vendors to SYNC_ENTITIES/],
  ] as const) {
    t.match((await request(path)).json, { statusCode: 404, code: 'NOT_CHOSEN', message }, path)
  }
  for (const path of ['/api/search/unicorns?q=a', '/api/data/unicorns', '/api/records/unicorns?ids=1']) {
    const { json } = await request(path)
    t.match(json, { statusCode: 404 }, path)
    t.notMatch(json.message, /SYNC_ENTITIES/, path)
  }
  const { json } = await request('/api/search?q=a&indexes=unicorns')
  t.match(json, { statusCode: 400, message: /^indexes: must be some of client_names, invoices, / })
})

t.test('an index with several feeds that one entity could fill names them all', async (t) => {
  const service = await startService(t, undefined, { env: { SYNC_ENTITIES: 'customers' } })
  t.match((await service.request('/api/search/client_pos?q=a')).json, {
    statusCode: 404,
    message: /Add invoices or estimates to SYNC_ENTITIES/,
  })
  const half = await startService(t, undefined, { env: { SYNC_ENTITIES: 'estimates' } })
  t.match((await half.request('/api/indexes/status')).json, {
    details: { client_pos: { entity: 'estimates' } },
  })
  t.equal((await half.request('/api/search/client_pos?q=a')).status, 200)
})

t.test('even what is not chosen needs a key', async (t) => {
  const keys = { ADMIN_API_KEY: 'admin-key-for-tests', SEARCH_API_KEY: 'search-key-for-tests' }
  const service = await startService(t, undefined, { env: keys })
  const search = { headers: { authorization: `Bearer ${keys.SEARCH_API_KEY}` } }
  for (const path of ['/api/search/invoices?q=a', '/api/records/invoices?ids=1', '/api/data/invoices'])
    t.equal((await service.request(path)).status, 401, path)
  t.equal((await service.request('/api/search/invoices?q=a', search)).status, 404)
  t.equal((await service.request('/api/data/invoices', search)).status, 401)
})

t.test(
  "one search finds invoices and estimates by the customer's number, highlighted and explained",
  async (t) => {
    const all = await hits('/api/search/client_pos?suggest=true&limit=100')
    t.same([...new Set(all.map(({ type }) => type))].toSorted(), ['estimate', 'invoice'])
    for (const type of ['invoice', 'estimate']) {
      const { id, po_number } = all.find((hit) => hit.type === type && hit.po_number !== null) as Hit
      const path = `/api/search/client_pos?q=${encodeURIComponent(po_number ?? '')}&highlight=true&explain=true`
      const [first] = await hits(path)
      t.match(first, { id, type, po_number, explanation: { pass: 'whole field', fields: ['po_number'] } })
      t.same(Object.keys(first?.highlights ?? {}), ['po_number'])
    }
    const { id, name } = all.find((hit) => hit.type === 'estimate' && hit.po_number === null) as Hit
    const [first] = await hits(`/api/search/client_pos?q=${name}&highlight=true`)
    t.match(first, { id, type: 'estimate', highlights: { name: [[0, name.length]] } })
  },
)

t.test('an amount explains itself, and has no characters to highlight', async (t) => {
  const [{ total } = { total: 0 }] = await hits('/api/search/invoices?suggest=true&limit=1')
  for (const q of [total.toFixed(2), `$${total.toLocaleString('en-US', { minimumFractionDigits: 2 })}`]) {
    const [first] = await hits(`/api/search/invoices?q=${encodeURIComponent(q)}&highlight=true&explain=true`)
    t.match(first, { total, explanation: { pass: 'as typed', fields: ['total'] } }, q)
    t.same(first?.highlights, {})
  }
})

t.test(
  'transactions are narrowed down by customer and amount, sorted and paged, over both kinds',
  async (t) => {
    const all = await hits('/api/search/client_pos?suggest=true&limit=100')
    const pages: Hit[] = []
    for (let offset = 0; offset < 50; offset += 8) {
      const { json } = await request(
        `/api/search/client_pos?suggest=true&sort=-total&limit=8&offset=${offset}`,
      )
      t.equal(json.total_matches, 50)
      pages.push(...json.results)
    }
    t.same(
      pages.map(({ total }) => total),
      all.map(({ total }) => total).toSorted((a, b) => b - a),
    )
    t.equal(new Set(pages.map(({ type, id }) => type + id)).size, 50)
    const middle = pages[20]?.total ?? 0
    const { json } = await request(`/api/search/client_pos?suggest=true&min_total=${middle}`)
    t.equal(json.total_matches, 21)
    const customer = (pages[0] as unknown as { customer_id: string }).customer_id
    for (const hit of await hits(`/api/search/client_pos?suggest=true&customer_id=${customer}`))
      t.match(hit, { customer_id: customer })
    const owing = await hits('/api/search/client_pos?suggest=true&min_balance=0.01&limit=100')
    t.ok(owing.length > 0 && owing.every(({ type }) => type === 'invoice'), 'estimates have no balance')
    t.match((await request('/api/search/estimates?q=a&min_balance=1')).json, {
      statusCode: 400,
      message: 'min_balance: estimates have none, only invoices do.',
    })
    t.match((await request('/api/search/client_names?q=a&sort=total')).json, {
      statusCode: 400,
      message: 'sort: customers have no total, only invoices, estimates do.',
    })
  },
)

t.test('an index with several feeds is as old as the oldest, and changes with any of them', async (t) => {
  const { simulator, service } = await open(t, 'invoices,estimates')
  const tagOf = async () => (await service.request('/api/search/client_pos?q=a')).headers.get('etag')
  const before = await tagOf()
  await edit(simulator, service, 'Estimate', { TotalAmt: 77.7 })
  const after = await tagOf()
  t.not(after, before)
  await edit(simulator, service, 'Invoice', { TotalAmt: 88.8 })
  t.not(await tagOf(), after)
  const empty = await startService(t, undefined, { env: { SYNC_ENTITIES: 'invoices,estimates' } })
  t.equal((await empty.request('/api/search/client_pos?q=a')).headers.get('x-data-age'), null)
})

async function edit(simulator: Simulator, service: Service, entity: string, fields: object): Promise<void> {
  simulator.advance(60_000)
  const [first] = simulator.company.list(entity)
  simulator.company.update(entity, first?.Id ?? '', fields as never)
  await service.request('/api/cache/refresh', { method: 'POST' })
}

t.test("after a start with another name for the customer's number, the kept index is not used", async (t) => {
  const dataDir = temporaryFolder(t)
  const simulator = await startSimulator(t)
  const start = (CLIENT_PO_FIELDS: string) =>
    startService(t, simulator, { dataDir, env: { SYNC_ENTITIES: 'invoices', CLIENT_PO_FIELDS } })
  const first = await start('P.O. Number')
  await first.connectAndFill()
  const numbers = async (service: Service) =>
    (await hitsOf(service, '/api/search/client_pos?suggest=true&limit=100')).filter(
      ({ po_number }) => po_number !== null,
    ).length
  const found = await numbers(first)
  t.ok(found > 0)
  await first.close()
  const second = await start('Bestellnummer')
  t.equal(await numbers(second), 0)
  await second.close()
  t.equal(await numbers(await start('po number')), found)
})

t.test('what is chosen later is fetched then, and what is no longer chosen is not shown', async (t) => {
  const dataDir = temporaryFolder(t)
  const simulator = await startSimulator(t)
  const start = (SYNC_ENTITIES: string) => startService(t, simulator, { dataDir, env: { SYNC_ENTITIES } })
  const first = await start('customers,vendors')
  await first.connectAndFill()
  await first.close()
  const second = await start('vendors,purchase_orders')
  await second.request('/api/cache/refresh', { method: 'POST' })
  const { json: status } = await second.request('/api/cache/status')
  t.match(status.entities, { vendors: { count: 12 }, purchase_orders: { count: 20 } })
  t.notOk('customers' in status.entities)
  const [order] = await hitsOf(second, '/api/search/purchase_orders?q=po-2001')
  t.match(order, { type: 'purchase_order', name: 'PO-2001', status: /^(Open|Closed)$/ })
  const label = await second.request(`/api/records/purchase_orders?ids=${order?.id}`)
  t.same(label.json.results, [order])
  await second.close()
  const third = await start('customers')
  t.match((await third.request('/api/cache/status')).json.entities, { customers: { count: 30 } })
})
