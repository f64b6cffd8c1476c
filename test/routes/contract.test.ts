// The HTTP contract on bad and good input. Every answer is also held against /openapi.json by the test's client.
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import Fastify from 'fastify'
import t from 'tap'
import errors from '../../src/plugins/errors.ts'
import { type Service, startService, startSimulator } from '../support/service.ts'

const INDEXES = [
  'client_names',
  'vendor_names',
  'product_names',
  'part_names',
  'part_numbers',
  'product_descriptions',
]

t.test('bad input is a clear 4xx that names the parameter', async (t) => {
  const service = await startService(t, undefined)
  const cases: [string, number, RegExp][] = [
    ['/api/search/client_names', 400, /^q: is required/],
    ['/api/search/client_names?q=', 400, /^q: /],
    ['/api/search/client_names?q=%20%09', 400, /^q: must not be blank/],
    ['/api/search/client_names?q=a&q=b', 400, /^q: must be string/],
    ['/api/search/client_names?q=a&limit=0', 400, /^limit: must be at least 1/],
    ['/api/search/client_names?q=a&limit=101', 400, /^limit: must be at most 100/],
    ['/api/search/client_names?q=a&limit=1.5', 400, /^limit: must be a whole number/],
    ['/api/search/client_names?q=a&limit=abc', 400, /^limit: must be a whole number/],
    ['/api/search/client_names?q=a&colour=red', 400, /^colour: there is no such parameter/],
    ['/api/search/client_names?q=%E0%A4%A', 400, /^q: its percent-encoding is broken/],
    ['/api/search/client_names?limit=3&q=100%', 400, /^q: its percent-encoding is broken/],
    ['/api/cache/status?verbose=1', 400, /^verbose: there is no such parameter/],
    ['/api/auth/status?x=1', 400, /^x: there is no such parameter/],
    ['/api/search/no_such_index?q=a', 404, /^index: must be one of client_names, /],
    ['/api/search/%E0%A4%A?q=a', 400, /./],
    [`/api/search/${'x'.repeat(500)}?q=a`, 414, /./],
    ['/api/data/items?limit=1001', 400, /^limit: /],
    ['/api/data/items?limit=Infinity', 400, /^limit: must be at most 1000/],
    ['/api/changes?limit=1e999', 400, /^limit: must be at most 1000/],
    ['/api/changes?limit=-Infinity', 400, /^limit: must be at least 1/],
    ['/api/data/unicorns', 404, /There is no GET \/api\/data\/unicorns/],
    ['/connect?moved=2', 400, /^moved: /],
    ['/nothing-here?code=secret', 404, /There is no GET \/nothing-here\./],
  ]
  for (const [path, status, message] of cases) {
    const { json } = await service.request(path)
    t.match(json, { statusCode: status, code: /^[A-Z_]+$/, error: /\w/, message }, path)
    t.notMatch(json.message, /\bat .*:\d+:\d+|secret/, `${path}: no stack, no secret`)
  }
  t.match((await service.request('/api/cache/refresh?wait=maybe', { method: 'POST' })).json, {
    message: /^wait: /,
  })
})

t.test('a method that a route does not have is refused with those that it has', async (t) => {
  const service = await startService(t, undefined)
  for (const [method, path, allowed] of [
    ['DELETE', '/api/cache/refresh', 'POST'],
    ['TRACE', '/api/cache/status', 'GET, HEAD'],
    ['PUT', '/api/search/client_names?q=a', 'GET, HEAD'],
    ['PATCH', '/connect', 'GET'],
    ['GET', '/webhooks/quickbooks', 'POST'],
    ['POST', '/', 'GET, HEAD'],
  ] as const) {
    const { statusCode, headers, json } = await service.app.inject({ method: method as 'PUT', url: path })
    t.match({ statusCode, allow: headers.allow }, { statusCode: 405, allow: allowed }, `${method} ${path}`)
    t.match(json(), { code: 'METHOD_NOT_ALLOWED', message: /takes / })
  }
  for (const path of ['/api/search/', '/api/search/a/b', '/api'])
    t.equal((await service.app.inject({ method: 'TRACE' as 'PUT', url: path })).statusCode, 404, path)
})

t.test('a percent sign that was meant is searched for', async (t) => {
  const service = await startService(t, undefined)
  for (const q of ['50% off', '%E0%A4%A', '100%']) {
    const { json } = await service.request(`/api/search/client_names?q=${encodeURIComponent(q)}`)
    t.equal(json.query, q)
  }
})

t.test('a body that a client sends where none is needed is dropped, whatever its type', async (t) => {
  const service = await startService(t, undefined)
  const types = ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data', 'image/png']
  for (const type of types) {
    for (const body of [undefined, '', '{', 'a=b']) {
      const init = { method: 'POST', headers: { 'content-type': type }, ...(body && { body }) }
      const disconnect = await service.request('/api/disconnect', init)
      t.match(disconnect.json, { success: true }, `${type}: ${body}`)
      const refresh = await service.request('/api/cache/refresh', init)
      t.match(refresh.json, { statusCode: 409, code: 'NOT_CONNECTED' }, `${type}: ${body}`)
    }
  }
})

t.test('what is not HTTP is answered in the shape of every error, and logged nowhere', async (t) => {
  const service = await startService(t, undefined)
  service.app.log.level = 'trace'
  const key = 'Confidential'
  for (const [request, statusCode, code] of [
    [`GET /api/search/client_names?q=${key} HTTP/1.1\r\nbad header ${key}\r\n\r\n`, 400, 'BAD_REQUEST'],
    [`${key}\r\n\r\n`, 400, 'BAD_REQUEST'],
    [
      `GET / HTTP/1.1\r\nHost: localhost\r\nExpect: ${key}\r\nConnection: close\r\n\r\n`,
      417,
      'EXPECTATION_FAILED',
    ],
    [`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${key.repeat(5000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
  ] as const) {
    const answer = await raw(service.url, request)
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${statusCode} `))
    const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))
    t.match(body, { statusCode, code, error: /\w/, message: /\w/ })
  }
  t.notMatch(JSON.stringify(service.log), key)
  t.notMatch(JSON.stringify(service.log), 'rawPacket')
})

t.test('a pattern that says something else than "not blank" is not answered as if it did', async (t) => {
  const app = Fastify()
  await app.register(errors)
  const querystring = { type: 'object', properties: { id: { type: 'string', pattern: '^[0-9]+$' } } }
  app.get('/', { schema: { querystring } }, async () => 'fine')
  t.match((await app.inject('/?id=x')).json(), { statusCode: 400, message: /^id: must match pattern/ })
})

t.test('a result carries every promised field, null where QuickBooks has none', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const customer = simulator.company.create('Customer', {
    DisplayName: 'Übermaß & Töchter',
    CompanyName: 'Übermaß GmbH',
    PrimaryEmailAddr: { Address: 'einkauf@uebermass.example' },
    PrimaryPhone: { FreeFormNumber: '(216) 555-0142' },
  })
  const bare = simulator.company.create('Vendor', { DisplayName: 'Bare Metals' })
  const part = simulator.company.create('Item', {
    Name: 'QX-7781/04',
    Type: 'Inventory',
    Sku: '0042-17',
    UnitPrice: 12.5,
    Description: 'Flange, forged',
  })
  await service.request('/api/cache/refresh', { method: 'POST' })
  const first = async (index: string, q: string) =>
    (await service.request(`/api/search/${index}?q=${encodeURIComponent(q)}`)).json.results[0]

  const expected = {
    id: customer.Id,
    type: 'customer',
    name: 'Übermaß & Töchter',
    active: true,
    company_name: 'Übermaß GmbH',
    email: 'einkauf@uebermass.example',
    phone: '(216) 555-0142',
  }
  for (const q of ['uebermass', 'ÜBERMASS', 'ubermass', 'tochter', 'einkauf@ueb', '2165550142', '5550142']) {
    t.same(await first('client_names', q), expected, q)
  }
  t.same(await first('vendor_names', 'bare'), {
    ...{ id: bare.Id, type: 'vendor', name: 'Bare Metals', active: true },
    ...{ company_name: null, email: null, phone: null },
  })
  const item = {
    ...{ id: part.Id, type: 'item', name: 'QX-7781/04', active: true, item_type: 'Inventory' },
    ...{ sku: '0042-17', unit_price: 12.5, description: 'Flange, forged' },
  }
  for (const index of ['part_names', 'part_numbers']) {
    for (const q of [
      'QX-7781/04',
      'qx778104',
      'qx 7781 04',
      'qx.7781',
      '7781',
      '0042-17',
      '004217',
      '42-17',
    ]) {
      t.same(await first(index, q), item, `${index}: ${q}`)
    }
  }
  t.same(await first('product_descriptions', 'forged fl'), item)
  t.same(await first('product_names', 'qx-77'), item)
})

t.test('limit bounds the results and total counts them', async (t) => {
  const simulator = await startSimulator(t, { company: { customers: 300, vendors: 1, items: 1 } })
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const count = async (query: string) => {
    const { json } = await service.request(`/api/search/client_names?q=a${query}`)
    t.equal(json.total, json.results.length)
    return json.total
  }
  t.equal(await count(''), 15)
  t.equal(await count('&limit=1'), 1)
  t.ok((await count('&limit=100')) > 15)
})

t.test('cached records come as QuickBooks sent them', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const { json } = await service.request('/api/data/items?limit=7')
  t.match(json, { total: 50, showing: 7 })
  for (const item of json.items) t.match(item, simulator.company.get('Item', item.Id) ?? {})
})

t.test('health, index sizes and the document tell what there is', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  t.match((await service.request('/api/health')).json, {
    status: 'healthy',
    authenticated: false,
    cache_age_minutes: null,
  })
  await service.connectAndFill()
  t.match((await service.request('/api/health')).json, {
    status: 'healthy',
    authenticated: true,
    cache_age_minutes: Number,
  })
  const { json: sizes } = await service.request('/api/indexes/status')
  t.same(sizes.available_indexes, INDEXES)
  const active = simulator.company.list('Customer').filter(({ Active }) => Active !== false).length
  t.equal(sizes.indexes.client_names, active, 'active records only')
  const { json: document } = await service.request('/openapi.json')
  t.match(document, {
    openapi: '3.1.0',
    components: { schemas: { CustomerResult: {}, ItemResult: {}, Error: {} } },
  })
  t.match((await service.request('/docs')).text, /swagger/i)
})

t.test('the page at / loads nothing from elsewhere and survives what comes back from Intuit', async (t) => {
  const service = await startService(t, undefined)
  const page = await service.request('/?connect_error=<script>')
  t.equal(page.status, 200)
  t.match(page.headers.get('content-security-policy'), /default-src 'none'/)
  t.match(page.text, /Connect to QuickBooks/)
  for (const file of ['/console/main.js', '/console/console.css', '/icon.svg'])
    t.equal((await service.request(file)).status, 200)
  for (const path of ['/../package.json', '/%2e%2e/package.json', '/..%2fpackage.json']) {
    t.not((await service.request(path)).status, 200, path)
  }
})

t.test(
  'searches are logged with their duration at debug level, slow ones as warnings, never what was typed',
  async (t) => {
    const quick = await startService(t, undefined)
    await search(quick)
    t.match(lines(quick), [{ level: 20, index: 'client_names', total: 0, ms: Number }])
    const slow = await startService(t, undefined, { env: { SLOW_SEARCH_MS: '0' } })
    await search(slow)
    t.match(lines(slow), [{ level: 40, index: 'client_names' }])
    for (const service of [quick, slow]) t.notMatch(JSON.stringify(service.log), /Confidential/)
  },
)

const search = (service: Service) => service.request('/api/search/client_names?q=Confidential%20Customer')
const lines = ({ log }: Service) => log.filter(({ msg }) => /search/i.test(msg))

/** Sends bytes as they are and answers what comes back until the connection ends. */
async function raw(url: string, request: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(request))
  let answer = ''
  socket.on('data', (chunk) => (answer += chunk))
  await once(socket, 'close')
  return answer
}

t.test('the document asks no client for what has a default, and says what Intuit posts', async (t) => {
  const service = await startService(t, undefined)
  const { paths } = (await service.request('/openapi.json')).json
  for (const [path, operations] of Object.entries<Record<string, { parameters?: object[] }>>(paths)) {
    for (const { parameters = [] } of Object.values(operations)) {
      for (const { name, required, schema } of parameters as {
        name: string
        required?: boolean
        schema: { default?: unknown }
      }[])
        t.notOk(required && schema.default !== undefined, `${path}: ${name}`)
    }
  }
  t.match(paths['/webhooks/quickbooks'].post.requestBody.content['application/json'].schema, { anyOf: Array })
})

t.test('closing answers what is under way, and waits for no client that keeps its connection', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  // The database is busy until the server has begun to close.
  const { app } = service
  const listening = app.server
  const busy = Promise.withResolvers<void>()
  void app.database.db.transaction().execute(() => busy.promise)
  const agent = new Agent({ keepAlive: true })
  const answered = once(get(`${service.url}/api/cache/status`, { agent }), 'response')
  await once(listening, 'request')
  const closed = service.close()
  while (listening.listening) await nextTurn()
  busy.resolve()
  const [answer] = await answered
  t.equal(answer.statusCode, 200)
  answer.resume()
  await closed
  agent.destroy()
})
