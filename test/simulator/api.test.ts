import t from 'tap'
import { pacificOffsetHours, pacificSeconds, parseInstant } from '../../simulator/clock.ts'
import { START } from '../support/clock.ts'
import { start, UNLIMITED, until } from './support.ts'

const DAY_MS = 86_400_000

t.test('every answer carries intuit_tid and the server clock', async (t) => {
  const { simulator, get, realm } = await start(t)
  simulator.advance(-3 * DAY_MS)
  simulator.advance(DAY_MS)
  for (const path of [`/companyinfo/${realm}`, '/customer/1', '/customer/999999', '/nothing']) {
    const { headers } = await get(path)
    t.match(headers.get('intuit_tid'), /^1-[0-9a-f]{8}-[0-9a-f]{24}$/)
    t.ok(Math.abs(Date.parse(headers.get('date') ?? '') - simulator.clock.now()) < 5000)
  }
})

t.test('a clock that was set back dates edits back, and what it took back is not throttled', async (t) => {
  const { simulator, get } = await start(t)
  simulator.behaviour.throttle = { ...simulator.behaviour.throttle, perSecond: 1, perMinute: 1 }
  const halfAnHour = 1_800_000
  simulator.advance(halfAnHour)
  const before = simulator.company.update('Customer', '1', { Notes: 'before' })
  t.equal((await get('/customer/1')).status, 200)
  simulator.advance(-halfAnHour)
  const after = simulator.company.update('Customer', '1', { Notes: 'after' })
  const lag = Date.parse(before.MetaData.LastUpdatedTime) - Date.parse(after.MetaData.LastUpdatedTime)
  t.ok(lag > halfAnHour - 60_000 && lag <= halfAnHour)
  t.match(await get('/customer/1'), { status: 200, json: { Customer: { Notes: 'after' } } })
  t.equal((await get('/customer/1')).status, 429, 'the limits hold in the new time')
})

t.test('reads by id: records, inactive ones too, and the faults for the rest', async (t) => {
  const { simulator, get, realm } = await start(t)
  simulator.company.deactivate('Vendor', '203')
  t.match((await get('/vendor/203')).json, { Vendor: { Id: '203', Active: false }, time: String })
  t.match((await get(`/companyinfo/${realm}`)).json, {
    CompanyInfo: { CompanyName: 'Kestrel Machine & Assembly' },
  })
  t.match((await get('/companyinfo/123')).json, { Fault: { Error: [{ code: '610' }] } })
  t.match(await get('/customer/203'), {
    status: 400,
    json: { Fault: { Error: [{ code: '610', Message: 'Object Not Found' }] } },
  })
  t.match(await get('/customer/abc'), { status: 400, json: { Fault: { Error: [{ code: '2030' }] } } })
  t.match(await get('/gadget/1'), {
    status: 400,
    json: { Fault: { Error: [{ code: '500', Message: 'Unsupported Operation' }] } },
  })
})

t.test('a bad token gets the lower-case 401, a foreign realm the 403 with code 3100', async (t) => {
  const { simulator, get, request, token, realm } = await start(t)
  const path = '/companyinfo/1'
  const none = await request(`/v3/company/${realm}${path}`, { headers: { accept: 'application/json' } })
  t.match(none, {
    status: 401,
    json: { fault: { error: [{ code: '3200', detail: null, element: null }], type: 'AUTHENTICATION' } },
  })
  t.equal(none.headers.get('www-authenticate'), 'Bearer realm="Intuit", error="invalid_token"')
  t.equal(typeof none.json.time, 'number')
  const short = await get(path, { authorization: 'Bearer x' })
  t.match(short.json.fault.error, [{ detail: 'Malformed bearer token: too short or too long' }])
  const foreign = await request(`/v3/company/1234${path}`, {
    headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
  })
  t.match(foreign, {
    status: 403,
    json: {
      fault: { error: [{ code: '3100', message: /ApplicationAuthorizationFailed/ }], type: 'SERVICE' },
    },
  })
  simulator.advance(3_600_000)
  t.match((await get(path)).json.fault.error, [
    {
      message: 'message=AuthenticationFailed; errorCode=003200; statusCode=401',
      detail: /^Token expired: eyJ/,
    },
  ])
})

t.test('without an Accept for JSON the answer is XML', async (t) => {
  const { get, simulator } = await start(t)
  simulator.company.update('Customer', '1', { Notes: 'a <b> & "c"' })
  const xml = await get('/customer/1', { accept: '*/*' })
  t.match(xml.headers.get('content-type'), /^application\/xml/)
  t.match(
    xml.text,
    /<IntuitResponse [^>]*time="[^"]+"><Customer>.*<Notes>a &lt;b&gt; &amp; &quot;c&quot;<\/Notes>/,
  )
  t.match(
    (await get('/customer/0', { accept: '*/*' })).text,
    '<Fault type="ValidationFault"><Error code="610">',
  )
  t.match((await get('/customer/1?format=json', { accept: '*/*' })).json, { Customer: { Id: '1' } })
  simulator.behaviour.xmlWithoutAccept = false
  t.match((await get('/customer/1', { accept: '*/*' })).json, { Customer: { Id: '1' } })
})

t.test('amounts print with two decimals, zero as 0, prices as entered', async (t) => {
  const { get, simulator } = await start(t)
  simulator.company.update('Customer', '1', {
    Balance: 639,
    BalanceWithJobs: 0,
    Notes: 'said "Balance":5, twice',
  })
  const { text, json } = await get('/customer/1')
  t.match(text, '"Balance":639.00')
  t.match(text, '"BalanceWithJobs":0,')
  t.equal(json.Customer.Notes, 'said "Balance":5, twice')
  simulator.company.update('Item', '300', { UnitPrice: 275 })
  t.match((await get('/item/300')).text, /"UnitPrice":275[,}]/)
})

t.test('times are Pacific, with the offset of that moment', async (t) => {
  t.equal(pacificSeconds(Date.UTC(2026, 2, 8, 9, 59, 59)), '2026-03-08T01:59:59-08:00')
  t.equal(pacificSeconds(Date.UTC(2026, 2, 8, 10)), '2026-03-08T03:00:00-07:00')
  t.equal(pacificSeconds(Date.UTC(2026, 10, 1, 8, 59, 59)), '2026-11-01T01:59:59-07:00')
  t.equal(pacificSeconds(Date.UTC(2026, 10, 1, 9)), '2026-11-01T01:00:00-08:00')
  for (let at = Date.UTC(2020, 0, 1); at < Date.UTC(2030, 0, 1); at += 3.7 * DAY_MS) {
    const name = new Intl.DateTimeFormat('en', {
      timeZone: 'America/Los_Angeles',
      timeZoneName: 'shortOffset',
    }).format(at)
    if (!name.endsWith(`GMT${pacificOffsetHours(at)}`)) t.fail(name)
  }
  t.equal(parseInstant('2026-07-01'), Date.UTC(2026, 6, 1, 7), 'a date alone is midnight in Pacific time')
  t.equal(parseInstant('2026-07-01T10:00:00-0700'), parseInstant('2026-07-01T17:00:00Z'))
  t.equal(parseInstant('2026-07-01T00:00:00 07:00'), undefined, 'a plus sign that was not encoded')
})

t.test('a moved balance moves LastUpdatedTime and leaves SyncToken', async (t) => {
  const { simulator } = await start(t)
  const { company } = simulator
  const before = company.get('Customer', '12')
  const bumped = company.bumpBalance('Customer', '12', 10.5)
  t.equal(bumped.SyncToken, before?.SyncToken)
  t.equal(bumped.Balance, Number(before?.Balance) + 10.5)
  t.ok(Date.parse(bumped.MetaData.LastUpdatedTime) > Date.parse(before?.MetaData.LastUpdatedTime ?? ''))
  const edited = company.update('Customer', '12', { Notes: 'x' })
  t.equal(Number(edited.SyncToken), Number(before?.SyncToken) + 1)
})

t.test('a renamed parent shows in the full names below it, and those count as changed', async (t) => {
  const { simulator } = await start(t)
  const { company } = simulator
  const sub = company.list('Customer').find((each) => each.Level === 4)
  t.ok(sub, 'five levels')
  const top = company
    .list('Customer')
    .find((each) => each.FullyQualifiedName === String(sub?.FullyQualifiedName).split(':')[0])
  company.update('Customer', top?.Id ?? '', { DisplayName: 'Renamed' })
  const after = company.get('Customer', sub?.Id ?? '')
  t.match(after?.FullyQualifiedName, /^Renamed:.*:.*:.*:/)
  t.equal(after?.SyncToken, sub?.SyncToken)
  t.ok(Date.parse(after?.MetaData.LastUpdatedTime ?? '') > Date.parse(sub?.MetaData.LastUpdatedTime ?? ''))
})

t.test('change data capture: full records, then stubs of the deleted, in the asked order', async (t) => {
  const { simulator, get } = await start(t)
  const { company, clock } = simulator
  simulator.advance(60_000)
  const since = encodeURIComponent(pacificSeconds(clock.now()))
  simulator.advance(2000)
  company.update('Customer', '5', { Notes: 'first' })
  simulator.advance(2000)
  company.deactivate('Customer', '2')
  company.remove('Invoice', '3')
  company.merge('Vendor', '202', '203')
  const { json } = await get(`/cdc?entities=Invoice,Customer,Item,Vendor&changedSince=${since}`)
  const [invoices, customers, items, vendors] = json.CDCResponse[0].QueryResponse
  t.same(Object.keys(invoices), ['Invoice'], 'only deletions: no counters')
  t.match(invoices.Invoice, [
    { domain: 'QBO', status: 'Deleted', Id: '3', MetaData: { LastUpdatedTime: String } },
  ])
  t.equal(invoices.Invoice[0].SyncToken, undefined)
  t.match(customers, {
    Customer: [
      { Id: '5', Notes: 'first' },
      { Id: '2', Active: false },
    ],
    startPosition: 1,
    maxResults: 2,
  })
  t.equal(customers.totalCount, undefined)
  t.same(items, {})
  t.match(vendors, { Vendor: [{ Id: '203' }, { Id: '202', status: 'Deleted' }] }, 'merged away')
  simulator.advance(5000)
  const empty = await get(
    `/cdc?entities=Customer&changedSince=${encodeURIComponent(pacificSeconds(clock.now()))}`,
  )
  t.same(empty.json.CDCResponse, [{ QueryResponse: [{}] }])
})

t.test('change data capture stops silently at its cap and refuses what is too old', async (t) => {
  const { simulator, get } = await start(t, { company: { customers: 800, items: 900 } })
  const { company, behaviour, clock } = simulator
  simulator.advance(60_000)
  const since = encodeURIComponent(pacificSeconds(clock.now()))
  company.bulk(
    company
      .list('Customer')
      .map(({ Id }) => ({ action: 'update', entity: 'Customer', id: Id, fields: { Notes: 'n' } })),
  )
  company.bulk(
    company
      .list('Item')
      .map(({ Id }) => ({ action: 'update', entity: 'Item', id: Id, fields: { Taxable: true } })),
  )
  const rows = async () => {
    const { json } = await get(`/cdc?entities=Customer,Item&changedSince=${since}`)
    return json.CDCResponse[0].QueryResponse.map((group: { maxResults: number }) => group.maxResults)
  }
  t.same(await rows(), [800, 200], 'per request')
  behaviour.cdcCapScope = 'entity'
  t.same(await rows(), [800, 900], 'or per entity')

  const fault = async (query: string) => (await get(`/cdc?${query}`)).json.Fault.Error[0]
  const old = encodeURIComponent(pacificSeconds(clock.now() - 31 * DAY_MS))
  t.match(await fault(`entities=Customer&changedSince=${old}`), {
    Detail: /older than fixed days is not supported/,
  })
  t.match(await fault(`entities=Customer,TaxCode&changedSince=${since}`), { code: '500', Detail: /TaxCode/ })
  t.match(await fault(`entities=Gadget&changedSince=${since}`), { code: '500' })
  t.match(await fault(`entities=Customer`), { code: '2020', Detail: /changedSince/ })
  t.match(await fault(`changedSince=${since}`), { code: '2020', Detail: /entities/ })
  t.match(await fault('entities=Customer&changedSince=soon'), { code: '2010' })
  behaviour.cdcDays = null
  t.equal((await get(`/cdc?entities=Customer&changedSince=${old}`)).status, 200)
})

t.test('each throttle works alone, in JSON or XML, with or without Retry-After', async (t) => {
  const { simulator, get, request, realm, token } = await start(t, { clock: () => START })
  const { behaviour, meter } = simulator
  const statuses = async (count: number) => {
    const replies = await Promise.all(Array.from({ length: count }, () => get('/customer/1')))
    return {
      refused: replies.filter((reply) => reply.status === 429),
      accepted: replies.filter((reply) => reply.status === 200).length,
    }
  }
  behaviour.throttle = { ...behaviour.throttle, ...UNLIMITED, perSecond: 3 }
  const bySecond = await statuses(5)
  t.equal(bySecond.accepted, 3)
  t.match(bySecond.refused[0]?.json, {
    fault: {
      type: 'SERVICE',
      error: [{ code: '3001', detail: 'The request limit was reached.  Try again later' }],
    },
  })
  t.equal(bySecond.refused[0]?.headers.get('retry-after'), null)

  behaviour.throttle = {
    ...behaviour.throttle,
    ...UNLIMITED,
    perMinute: 8,
    body: 'xml',
    retryAfterSeconds: 7,
  }
  simulator.advance(1000)
  const byMinute = await statuses(6)
  t.equal(byMinute.accepted, 5, 'three of the minute are gone')
  t.equal(byMinute.refused[0]?.headers.get('retry-after'), '7')
  t.match(
    byMinute.refused[0]?.text,
    /<Fault type="SERVICE"><Error code="3001"><Message>message=ThrottleExceeded/,
  )
  simulator.advance(60_000)
  t.equal((await statuses(1)).accepted, 1)

  behaviour.throttle = { ...behaviour.throttle, ...UNLIMITED, concurrent: 4, body: 'json' }
  simulator.fault({ on: 'read', kind: 'hang', times: 4 })
  const leaving = new AbortController()
  const patient = { headers: { authorization: `Bearer ${token}` }, signal: leaving.signal }
  const hanging = Array.from({ length: 4 }, () => request(`/v3/company/${realm}/customer/1`, patient))
  const concurrent = () => meter.load(simulator.clock.now()).concurrent
  await until(() => concurrent() === 4)
  t.equal((await statuses(5)).accepted, 0)
  leaving.abort()
  await Promise.allSettled(hanging)
  await until(() => concurrent() === 0)
  t.equal((await statuses(4)).accepted, 4, 'and they are free again')
  t.equal(meter.throttled, 2 + 1 + 5)
})

t.test('the real limits are on unless switched off', async (t) => {
  const { createSimulator } = await import('../../simulator/simulator.ts')
  const { throttle } = (await createSimulator()).behaviour
  t.match(throttle, { perSecond: 10, perMinute: 500, concurrent: 10 })
})

t.test('successful reads are metered as Intuit bills them', async (t) => {
  const { simulator, query, get, realm } = await start(t)
  await query('select * from Item')
  await query('select * from Nonsense')
  await get('/customer/1')
  await get('/customer/0')
  await get(`/companyinfo/${realm}`)
  await get(
    `/cdc?entities=Customer,Item&changedSince=${new Date(simulator.clock.now() - 1000).toISOString()}`,
  )
  await get('/customer/1', { authorization: 'Bearer nonsense' })
  const { meter } = simulator
  t.match(meter.readings(), {
    corePlus: 4,
    byOperation: { query: 1, read: 1, companyinfo: 1, cdc: 1 },
    byEntity: { Item: 2, Customer: 1 },
    requests: 7,
    rejected: 3,
  })
  t.match(meter.log[0], {
    method: 'GET',
    operation: 'query',
    entity: 'Item',
    statement: 'select * from Item',
    status: 200,
  })
  meter.reset()
  t.match(meter, { corePlus: 0, requests: 0, log: [] })
})

t.test('everything can be steered over HTTP, and wrong input is refused by name', async (t) => {
  const { simulator, request } = await start(t)
  const send = (method: string, path: string, body?: unknown) =>
    request(`/control${path}`, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    })
  t.equal((await send('PATCH', '/behaviour', { rotation: 'always', throttle: { perSecond: 5 } })).status, 200)
  t.match(simulator.behaviour, { rotation: 'always', throttle: { perSecond: 5, body: 'json' } })
  t.same((await send('GET', '/behaviour')).json, simulator.behaviour)
  t.match(await send('PATCH', '/behaviour', { rotate: 'always' }), {
    status: 400,
    json: { message: /additional properties/ },
  })
  t.match(await send('PATCH', '/behaviour', { rotation: 'weekly' }), {
    status: 400,
    json: { message: /rotation/ },
  })

  const created = await send('POST', '/records/Customer', {
    action: 'create',
    fields: { DisplayName: 'Über GmbH' },
  })
  t.match(created.json, { Id: '261', DisplayName: 'Über GmbH', Active: true, SyncToken: '0' })
  await send('POST', '/records/customer', { action: 'update', id: '261', fields: { CompanyName: 'Über' } })
  await send('POST', '/records/customer', { action: 'bumpBalance', id: '261', amount: 5 })
  t.match(simulator.company.get('Customer', '261'), { CompanyName: 'Über', Balance: 5, SyncToken: '1' })
  await send('POST', '/records/customer', { action: 'merge', id: '261', into: '5' })
  t.equal(simulator.company.get('Customer', '261'), undefined)
  t.match((await send('POST', '/records/Item', { action: 'deactivate', id: '301' })).json, { Active: false })
  t.equal((await send('POST', '/records/Bill', { action: 'remove', id: '71' })).status, 204)
  t.match(await send('POST', '/records/Bill', { action: 'remove', id: '71' }), {
    status: 404,
    json: { message: 'There is no Bill 71' },
  })
  t.match(await send('POST', '/records/Gadget', { action: 'remove', id: '1' }), { status: 404 })
  t.match(await send('POST', '/records/Item', { action: 'explode', id: '1' }), { status: 400 })

  const before = simulator.clock.now()
  t.ok((await send('POST', '/advance', { ms: 90_000 })).json.now >= before + 90_000)
  t.equal((await send('POST', '/faults', { on: 'query', kind: 'hang', times: null })).status, 204)
  t.equal((await send('DELETE', '/faults')).status, 204)
  t.match(await send('POST', '/faults', { on: 'query', kind: 'flood' }), {
    status: 400,
    json: { message: /kind/ },
  })
  t.match(await send('POST', '/faults', { on: 'query', kind: 'hang', match: '(' }), {
    status: 400,
    json: { message: /Invalid regular/ },
  })
  t.match(await send('POST', '/oauth', { action: 'revokeAll' }), { status: 204 })
  const tokens = await send('GET', '/tokens')
  t.match(tokens.json, [{ realmId: simulator.company.realmId, revoked: true, validAccessTokens: 0 }])
  t.notMatch(tokens.text, 'RT1-', 'no token leaves this way')
  t.match((await send('GET', '/meter')).json, { corePlus: 0, log: [] })
  t.equal((await send('POST', '/meter/reset')).status, 204)
})
