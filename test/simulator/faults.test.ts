import { connect } from 'node:net'
import t from 'tap'
import { pacificSeconds } from '../../simulator/clock.ts'
import { FAULT_KINDS, type FaultKind, type FaultPlan } from '../../simulator/faults.ts'
import { type Reply, type Rig, start, until } from './support.ts'

const STATEMENT = 'select * from Customer orderby Id maxresults 10'

/** What each kind does to one page of customers; undefined means that the connection breaks. */
const ON_A_QUERY: Record<
  Exclude<FaultKind, 'hang' | 'slow' | 'huge' | 'invalidGrant'>,
  object | undefined
> = {
  http429: { status: 429, json: { fault: { error: [{ code: '3001' }] } } },
  html502: { status: 502, text: /<h1>502 Bad Gateway<\/h1>/ },
  html503: { status: 503, text: /<h1>503 Service/ },
  html504: { status: 504, text: /<h1>504 Gateway/ },
  xmlFault: { status: 400, text: /^<\?xml.*<Fault type="ValidationFault"><Error code="6000">/ },
  fault: { status: 400, json: { Fault: { Error: [{ code: '6000' }], type: 'ValidationFault' } } },
  okFault: { status: 200, json: { Fault: { Error: [{ code: '6000' }] } } },
  unauthorized: { status: 401, json: { fault: { error: [{ code: '3200' }] } } },
  forbidden: { status: 403, json: { fault: { error: [{ code: '3100' }] } } },
  redirect: { status: 302 },
  malformed: { status: 200, json: undefined, text: /^\{"QueryResponse"=/ },
  empty: { status: 200, text: '' },
  truncated: { status: 200, json: undefined, text: /^\{"QueryResponse":\{"Customer":\[/ },
  cut: undefined,
  reset: undefined,
  lostBefore: undefined,
  lostTokenAnswer: undefined,
  missingKeys: { status: 200, json: { QueryResponse: {} } },
  wrongRows: { status: 200, json: { QueryResponse: { maxResults: 5 } } },
  badRecord: { status: 200, json: { QueryResponse: { maxResults: 10 } } },
}

t.test('each fault hits one query in its own way, and the next one is whole again', async (t) => {
  const { simulator, query } = await start(t)
  const whole = (await query(STATEMENT)).json.QueryResponse
  for (const [kind, expected] of Object.entries(ON_A_QUERY) as [FaultKind, object | undefined][]) {
    simulator.fault({ on: 'query', kind })
    if (expected === undefined) await t.rejects(query(STATEMENT), kind)
    else t.match(await query(STATEMENT), expected, kind)
    t.same((await query(STATEMENT)).json.QueryResponse, whole, `after ${kind}`)
  }
  t.same(
    [...Object.keys(ON_A_QUERY), 'hang', 'slow', 'huge', 'invalidGrant'].sort(),
    [...FAULT_KINDS].sort(),
    'none is forgotten here',
  )
})

t.test('the texts and numbers of a fault can be chosen', async (t) => {
  const { simulator, query } = await start(t)
  const hit = async (plan: Omit<FaultPlan, 'on'>): Promise<Reply> => {
    simulator.fault({ on: 'query', ...plan })
    return query(STATEMENT)
  }
  t.match(
    await hit({ kind: 'fault', status: 500, code: '10000', message: 'M', detail: 'D', type: 'SystemFault' }),
    {
      status: 500,
      json: { Fault: { Error: [{ Message: 'M', Detail: 'D', code: '10000' }], type: 'SystemFault' } },
    },
  )
  const limited = await hit({ kind: 'http429', body: 'xml', retryAfterSeconds: 3 })
  t.match(limited.text, /<Error code="3001">/)
  t.equal(limited.headers.get('retry-after'), '3')
  const moved = await hit({ kind: 'redirect', location: 'http://127.0.0.2/x' })
  t.equal(moved.headers.get('location'), 'http://127.0.0.2/x')
  const short = await hit({ kind: 'wrongRows', rows: 3 })
  t.match(short.json.QueryResponse, { maxResults: 3, Customer: { length: 3 } })
})

t.test('a bad record spoils one row of the page', async (t) => {
  const { simulator, query } = await start(t)
  const shapes: [NonNullable<FaultPlan['record']>, (row: Record<string, unknown>) => boolean][] = [
    ['noId', (row) => row.Id === undefined],
    ['nullMetaData', (row) => row.MetaData === null],
    ['numericName', (row) => row.DisplayName === 4711],
    ['notAnObject', (row) => typeof row === 'string'],
  ]
  for (const [record, isBad] of shapes) {
    simulator.fault({ on: 'query', kind: 'badRecord', record })
    const rows = (await query(STATEMENT)).json.QueryResponse.Customer
    t.equal(rows.length, 10)
    t.equal(rows.filter(isBad).length, 1, record)
  }
})

t.test('rows go missing, too few and bad in change data capture too', async (t) => {
  const { simulator, get } = await start(t)
  simulator.advance(60_000)
  const since = pacificSeconds(simulator.clock.now())
  for (const id of ['1', '2', '3', '4', '5']) {
    simulator.company.update('Customer', id, { Notes: 'n' })
    simulator.company.update('Item', id, { Description: 'd' })
  }
  const changes = async () =>
    (await get(`/cdc?entities=Bill,Customer,Item&changedSince=${since}`)).json.CDCResponse[0].QueryResponse
  const [bills, customers, items] = await changes()
  t.same([bills, customers.maxResults, items.maxResults], [{}, 5, 5])

  simulator.fault({ on: 'cdc', kind: 'missingKeys' })
  t.same(await changes(), [{}, {}, {}])
  simulator.fault({ on: 'cdc', kind: 'wrongRows', rows: 2 })
  t.same(await changes(), [
    {},
    { ...customers, Customer: customers.Customer.slice(0, 2), maxResults: 2 },
    { ...items, Item: items.Item.slice(0, 2), maxResults: 2 },
  ])
  simulator.fault({ on: 'cdc', kind: 'badRecord' })
  const { Id, ...bad } = customers.Customer[2]
  t.same(await changes(), [{}, { ...customers, Customer: customers.Customer.with(2, bad) }, items])
  t.same(await changes(), [bills, customers, items])
})

t.test(
  'plans choose their requests by operation, entity and statement, and last as long as they say',
  async (t) => {
    const { simulator, query, get, realm } = await start(t)
    const status = async (statement: string) => (await query(statement)).status
    simulator.fault({ on: 'query', entity: 'item', kind: 'html503', times: 2, skip: 1 })
    t.equal(await status('select * from Customer'), 200)
    t.same([await status('select * from Item'), await status('select * from Item')], [200, 503], 'skips one')
    t.same([await status('select * from Item'), await status('select * from Item')], [503, 200], 'twice')

    simulator.fault({
      on: 'query',
      match: 'startposition 101\\b',
      kind: 'html503',
      times: Number.POSITIVE_INFINITY,
    })
    t.equal(await status('select * from Item startposition 1'), 200)
    for (let round = 0; round < 3; round += 1)
      t.equal(await status('select * from Item STARTPOSITION 101'), 503)
    simulator.clearFaults()
    t.equal(await status('select * from Item startposition 101'), 200)

    simulator.fault({ on: 'companyinfo', kind: 'html502' })
    simulator.fault({ on: 'read', entity: 'customer', kind: 'html502' })
    simulator.fault({ on: 'cdc', entity: 'Item', kind: 'html502' })
    t.equal(await status('select * from CompanyInfo'), 200)
    t.equal((await get(`/companyinfo/${realm}`)).status, 502)
    t.equal((await get('/customer/1')).status, 502)
    const since = new Date(simulator.clock.now()).toISOString()
    t.equal((await get(`/cdc?entities=Customer&changedSince=${since}`)).status, 200)
    t.equal((await get(`/cdc?entities=Customer,Item&changedSince=${since}`)).status, 502)
    simulator.fault({ on: 'any', kind: 'html504' })
    t.equal((await get('/customer/1')).status, 504)
  },
)

t.test('token and revocation requests fail as planned too', async (t) => {
  const { simulator, request } = await start(t)
  const headers = {
    authorization: `Basic ${Buffer.from('simulator-client:simulator-secret').toString('base64')}`,
  }
  const refresh = () =>
    request('/oauth2/v1/tokens/bearer', {
      method: 'POST',
      headers,
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: simulator.oauth.current?.refreshToken ?? '',
      }),
    })
  simulator.fault({ on: 'refresh', kind: 'invalidGrant' })
  t.match(await refresh(), { status: 400, json: { error: 'invalid_grant' } })
  simulator.fault({ on: 'refresh', kind: 'html503' })
  t.equal((await refresh()).status, 503)
  simulator.fault({ on: 'refresh', kind: 'truncated' })
  t.match(await refresh(), { status: 200, json: undefined })
  simulator.fault({ on: 'token', kind: 'html503' })
  t.equal((await refresh()).status, 200, 'a refresh is not an exchange')
  simulator.fault({ on: 'revoke', kind: 'html502' })
  const revoked = await request('/v2/oauth2/tokens/revoke', { method: 'POST', headers, body: '{}' })
  t.equal(revoked.status, 502)
})

t.test('silence lasts until the client gives up, and a slow answer comes late but whole', async (t) => {
  const { simulator, query, get } = await start(t)
  simulator.fault({ on: 'read', kind: 'hang' })
  const given = await Promise.race([
    get('/customer/1').then(
      () => 'answered',
      () => 'closed',
    ),
    query(STATEMENT).then(() => 'the other one first'),
  ])
  t.equal(given, 'the other one first')
  simulator.fault({ on: 'query', kind: 'slow', delayMs: 120 })
  const began = performance.now()
  t.equal((await query(STATEMENT)).status, 200)
  t.ok(performance.now() - began >= 110)
})

t.test('a hanging request holds its place among the concurrent ones until its client leaves', async (t) => {
  const { simulator, get, realm, token } = await start(t)
  simulator.behaviour.throttle = { ...simulator.behaviour.throttle, concurrent: 1 }
  simulator.fault({ on: 'read', kind: 'hang' })
  const socket = connect(Number(new URL(simulator.url).port), '127.0.0.1')
  socket.write(
    `GET /v3/company/${realm}/customer/1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`,
  )
  await until(() => simulator.meter.load(simulator.clock.now()).concurrent === 1)
  t.equal((await get('/customer/1')).status, 429)
  socket.destroy()
  await until(() => simulator.meter.load(simulator.clock.now()).concurrent === 0)
  t.equal((await get('/customer/1')).status, 200)
})

t.test('a huge body is as large as asked, and stops when the client does', async (t) => {
  const { simulator, query, realm, token }: Rig = await start(t)
  simulator.fault({ on: 'query', kind: 'huge', megabytes: 3 })
  const { text, json } = await query(STATEMENT)
  t.ok(text.length >= 3 * 1024 * 1024 && text.length < 3.1 * 1024 * 1024)
  t.same(json.QueryResponse, {})

  simulator.fault({ on: 'query', kind: 'huge', megabytes: 100_000 })
  const controller = new AbortController()
  const response = await fetch(`${simulator.url}/v3/company/${realm}/query?query=select`, {
    headers: { authorization: `Bearer ${token}` },
    signal: controller.signal,
  })
  t.equal(response.status, 200)
  controller.abort()
  await until(() => simulator.meter.log.length >= 2)
  t.pass('the endless answer ended')
})

t.test('latency is waited before answers, as a number or a range', async (t) => {
  const { simulator, get } = await start(t, { behaviour: { latencyMs: 60 }, random: () => 0.5 })
  const timed = async () => {
    const began = performance.now()
    await get('/customer/1')
    return performance.now() - began
  }
  t.ok((await timed()) >= 55)
  simulator.behaviour.latencyMs = [0, 240]
  t.ok((await timed()) >= 115)
})
