// The connection from outside: consent and return, what strangers may not do, tokens over time.
import t from 'tap'
import { holdAnswers } from '../support/answers.ts'
import { createLeapingClock } from '../support/clock.ts'
import { cookieOf, goToIntuit, type Service, startService, startSimulator } from '../support/service.ts'

const authStatus = async (service: Service) => (await service.request('/api/auth/status')).json

t.test(
  'connecting sends the browser to Intuit with an unguessable state and brings it back with tokens',
  async (t) => {
    const simulator = await startSimulator(t)
    const service = await startService(t, simulator)
    const start = await service.request('/connect')
    t.equal(start.status, 302)
    const intuit = new URL(start.headers.get('location') ?? '')
    t.equal(intuit.origin + intuit.pathname, `${simulator.url}/connect/oauth2`)
    t.match(Object.fromEntries(intuit.searchParams), {
      client_id: 'simulator-client',
      response_type: 'code',
      scope: 'com.intuit.quickbooks.accounting',
      redirect_uri: `${service.url}/callback`,
      state: /^[\w-]{43}$/,
    })
    t.match(start.headers.getSetCookie()[0], /HttpOnly; SameSite=Lax/)

    t.match(await service.connect(), { status: 302, location: '/' })
    const { realmId } = simulator.company
    t.match(await authStatus(service), { is_authenticated: true, company_id: realmId })
    t.match((await service.request('/api/test')).json, {
      success: true,
      company_id: realmId,
      company_name: /\w/,
    })
    const { json: config } = await service.request('/api/config')
    t.match(config, {
      company_id: realmId,
      has_access_token: true,
      has_refresh_token: true,
      client_id: 'simula…',
    })
  },
)

t.test('a client that accepts only JSON gets JSON at the callback', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  const { cookie, callback } = await goToIntuit(service)
  const answer = await service.request(callback.href, { headers: { cookie, accept: 'application/json' } })
  t.match(answer.json, { message: /connected/, company_id: simulator.company.realmId, expires_in: 3600 })
})

t.test('a return that was not started in this browser, here, once, in time, changes nothing', async (t) => {
  const clock = createLeapingClock()
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, { clock })
  const { cookie, callback } = await goToIntuit(service)
  const stranger = cookieOf((await service.request('/connect')).headers)
  const other = new URL(callback)
  other.searchParams.set('state', 'A'.repeat(43))
  const stateless = new URL(callback)
  stateless.searchParams.delete('state')

  const refused = async (name: string, url: URL, headers: Record<string, string>) => {
    const answer = await service.request(url.href, { headers })
    t.match(answer.json, { statusCode: 400, code: 'OAUTH_STATE_INVALID', message: /not changed/ }, name)
    t.equal((await authStatus(service)).is_authenticated, false, name)
  }
  await refused('no cookie', callback, {})
  await refused("another browser's cookie", callback, { cookie: stranger })
  await refused('a forged state', other, { cookie })
  await refused('no state', stateless, { cookie })
  clock.advance(10 * 60_000 + 1)
  await refused('too late', callback, { cookie })

  const fresh = await goToIntuit(service)
  t.equal((await service.request(fresh.callback.href, { headers: { cookie: fresh.cookie } })).status, 302)
  const again = await service.request(fresh.callback.href, { headers: { cookie: fresh.cookie } })
  t.match(again.json, { code: 'OAUTH_STATE_INVALID' }, 'a state is good once')
  t.equal((await authStatus(service)).is_authenticated, true)
})

t.test(
  'a person who comes back without access reads why on the page, a program gets the error',
  async (t) => {
    const simulator = await startSimulator(t, { behaviour: { consent: 'deny' } })
    const service = await startService(t, simulator)
    const person = await goToIntuit(service)
    const page = await service.request(person.callback.href, {
      headers: { cookie: person.cookie, accept: 'text/html,*/*' },
    })
    t.match([page.status, page.headers.get('location')], [302, '/?connect_error=OAUTH_DENIED'])
    const program = await goToIntuit(service)
    const answer = await service.request(program.callback.href, { headers: { cookie: program.cookie } })
    t.match(answer.json, { statusCode: 400, code: 'OAUTH_DENIED' })
  },
)

t.test(
  'another company than the pinned or the connected one is refused before its code is used',
  async (t) => {
    const simulator = await startSimulator(t)
    const pinned = await startService(t, simulator, { env: { QUICKBOOKS_COMPANY_ID: '123' } })
    simulator.meter.reset()
    const visit = await goToIntuit(pinned)
    const refused = await pinned.request(visit.callback.href, { headers: { cookie: visit.cookie } })
    t.match(refused.json, { statusCode: 409, code: 'OAUTH_OTHER_COMPANY', message: /QUICKBOOKS_COMPANY_ID/ })
    t.equal(simulator.meter.tokenRequests, 0)

    const service = await startService(t, simulator)
    await service.connectAndFill()
    const again = await goToIntuit(service)
    again.callback.searchParams.set('realmId', '999')
    const other = await service.request(again.callback.href, { headers: { cookie: again.cookie } })
    t.match(other.json, { code: 'OAUTH_OTHER_COMPANY' })
    t.equal((await authStatus(service)).company_id, simulator.company.realmId)
  },
)

t.test('a code that Intuit refuses, or an answer that is lost, leaves no connection behind', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  const used = await goToIntuit(service)
  used.callback.searchParams.set('code', 'spent')
  const spent = await service.request(used.callback.href, { headers: { cookie: used.cookie } })
  t.match(spent.json, { statusCode: 400, code: 'OAUTH_CODE_REFUSED' })
  simulator.fault({ on: 'token', kind: 'lostTokenAnswer' })
  const lost = await goToIntuit(service)
  t.match((await service.request(lost.callback.href, { headers: { cookie: lost.cookie } })).json, {
    statusCode: 502,
  })
  t.equal((await authStatus(service)).is_authenticated, false)
})

t.test("the MRP's own page connects by an address whose state is good once", async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  const { json } = await service.request('/api/auth/url')
  t.match(json, { auth_url: new RegExp(`state=${json.state}`), state: /^[\w-]{43}$/ })
  const consent = await fetch(json.auth_url, { redirect: 'manual' })
  const callback = consent.headers.get('location') ?? ''
  t.equal((await service.request(callback)).status, 302)
  t.match((await service.request(callback)).json, { code: 'OAUTH_STATE_INVALID' })
})

t.test('asked for on another host, /connect first goes where the cookie will fit', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  const elsewhere = service.url.replace('localhost', '127.0.0.1')
  const moved = await service.request(`${elsewhere}/connect`)
  t.equal(moved.headers.get('location'), `${service.url}/connect?moved=1`)
  const behindProxy = await service.request(`${elsewhere}/connect?moved=1`)
  t.match(behindProxy.headers.get('location'), simulator.url, 'no loop where a proxy hides the host')
})

t.test('disconnecting revokes at Intuit and forgets tokens and data', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  t.match((await service.request('/api/disconnect', { method: 'POST' })).json, {
    success: true,
    revoked: true,
  })
  t.equal(simulator.oauth.current, undefined, 'Intuit has revoked the tokens')
  const { json } = await service.request('/api/cache/status')
  t.match(json, { connection_status: 'not_authenticated', customers_count: 0, items_count: 0 })
  t.match((await service.request('/api/data/items')).json, { items: [], total: 0, showing: 0 })
  t.match((await service.request('/api/disconnect', { method: 'POST' })).json, {
    success: true,
    revoked: false,
  })
  await service.connectAndFill()
  t.match((await service.request('/api/cache/status')).json, {
    connection_status: 'connected',
    customers_count: 30,
  })
})

t.test('a disconnect with a parameter that does not exist disconnects nothing', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connect()
  const answer = await service.request('/api/disconnect?x=1', { method: 'POST' })
  t.match(answer.json, { statusCode: 400, message: /^x: there is no such parameter/ })
  t.equal((await authStatus(service)).is_authenticated, true)
})

t.test('two disconnects at once are one, and both hear that Intuit confirmed', async (t) => {
  const simulator = await startSimulator(t, { behaviour: { latencyMs: 500, tokenLatencyMs: 500 } })
  const service = await startService(t, simulator)
  await service.connect()
  const both = [1, 2].map(() => service.request('/api/disconnect', { method: 'POST' }))
  for (const { json } of await Promise.all(both)) {
    t.match(json, { success: true, revoked: true, message: /^QuickBooks disconnected/ })
  }
})

t.test('two tabs of one browser can both come back from Intuit', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  const one = await goToIntuit(service)
  const two = await goToIntuit(service, one.cookie)
  for (const [tab, { callback }] of Object.entries({ one, two })) {
    const back = await service.request(callback.href, { headers: { cookie: one.cookie } })
    t.match([back.status, back.headers.get('location')], [302, '/'], tab)
    t.same(back.headers.getSetCookie(), [], 'the cookie stays until it expires')
  }
})

t.test('HEAD neither starts nor spends a state', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  const { cookie, callback } = await goToIntuit(service)
  for (const path of ['/connect', callback.href]) {
    const head = await fetch(new URL(path, service.url), { method: 'HEAD', headers: { cookie } })
    t.equal(head.status, 405)
  }
  t.equal((await service.request(callback.href, { headers: { cookie } })).status, 302)
})

t.test('a disconnect during a refresh stops it and leaves nothing behind', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const { sync } = service.app
  const { asked, release } = holdAnswers(service.app)
  const stop = sync.stop
  sync.stop = () => {
    const done = stop()
    release()
    return done
  }
  const refresh = service.request('/api/cache/refresh', { method: 'POST' })
  await asked
  t.match((await service.request('/api/disconnect', { method: 'POST' })).json, { success: true })
  t.match((await refresh).json, { statusCode: 503, code: 'STOPPING' })
  t.match((await service.request('/api/cache/status')).json, {
    connection_status: 'not_authenticated',
    items_count: 0,
  })
})

t.test('weeks go by: tokens rotate each day, strictly, and the connection lives on', async (t) => {
  const clock = createLeapingClock()
  const simulator = await startSimulator(t, {
    clock: clock.now,
    behaviour: { rotation: 'daily', previousToken: 'strict' },
  })
  const service = await startService(t, simulator, { clock })
  await service.connect()
  for (let day = 0; day < 120; day++) {
    clock.advance(86_400_000)
    await service.app.tokens.keeper.check()
  }
  t.equal(
    (await service.request('/api/test')).status,
    200,
    '120 days: longer than an unused refresh token lives',
  )
  t.ok((simulator.oauth.current?.replaced ?? 0) >= 100)
  t.equal(simulator.meter.tokenRequests, 121, 'the exchange of the code, and one refresh a day')
})

t.test('when Intuit refuses the refresh token, a person must reconnect, and search goes on', async (t) => {
  const clock = createLeapingClock()
  const simulator = await startSimulator(t, { clock: clock.now })
  const service = await startService(t, simulator, { clock })
  await service.connectAndFill()
  simulator.oauth.disconnectByUser()
  const answer = await service.request('/api/cache/refresh', { method: 'POST' })
  t.match(answer.json, { statusCode: 409, code: 'RECONNECT_REQUIRED' })
  t.match((await service.request('/api/cache/status')).json, {
    connection_status: 'reconnect_required',
    items_count: 50,
  })
  t.ok((await service.request('/api/search/part_names?q=b')).json.total > 0)
  t.ok(service.log.some(({ level, msg }) => level === 50 && /connect again/.test(msg)))
  await service.connectAndFill()
  t.match((await service.request('/api/cache/status')).json, { connection_status: 'connected' })
})

t.test(
  'the answer to a refresh is lost after Intuit rotated: tried again once, later; the outcome decides',
  async (t) => {
    for (const [previousToken, expected] of [
      ['grace', 'connected'],
      ['strict', 'reconnect_required'],
    ] as const) {
      const clock = createLeapingClock()
      const simulator = await startSimulator(t, {
        clock: clock.now,
        behaviour: { rotation: 'always', previousToken, doubleRefreshRevokes: false },
      })
      const service = await startService(t, simulator, { clock })
      await service.connectAndFill()
      clock.advance(3_600_000)
      simulator.meter.reset()
      simulator.fault({ on: 'refresh', kind: 'lostTokenAnswer' })
      t.equal((await service.request('/api/cache/refresh', { method: 'POST' })).status, 502)
      t.equal(simulator.meter.tokenRequests, 1, 'not repeated at once')
      clock.advance(61_000)
      await service.app.tokens.keeper.check()
      t.equal(simulator.meter.tokenRequests, 2)
      t.equal((await service.request('/api/cache/status')).json.connection_status, expected, previousToken)
    }
  },
)

t.test('wrong client credentials are said to be so, and the tokens are kept', async (t) => {
  const clock = createLeapingClock()
  const simulator = await startSimulator(t, { clock: clock.now })
  const service = await startService(t, simulator, { clock })
  await service.connectAndFill()
  await service.close()
  const wrong = await startService(t, simulator, {
    clock,
    dataDir: service.dataDir,
    env: { QUICKBOOKS_CLIENT_SECRET: 'not-it' },
  })
  clock.advance(3_600_000)
  const answer = await wrong.request('/api/test')
  t.match(answer.json, {
    statusCode: 502,
    code: 'OAUTH_CREDENTIALS_REFUSED',
    message: /QUICKBOOKS_CLIENT_ID/,
  })
  t.match((await wrong.request('/api/cache/status')).json, { connection_status: 'connected' })
})

t.test('without credentials the service runs and says what is missing', async (t) => {
  const service = await startService(t, undefined)
  t.match((await service.request('/api/cache/status')).json, {
    connection_status: 'not_configured',
    has_valid_config: false,
  })
  t.match((await service.request('/connect')).json, {
    statusCode: 409,
    code: 'NOT_CONFIGURED',
    message: /QUICKBOOKS_CLIENT_ID/,
  })
  t.match((await service.request('/api/test')).json, { statusCode: 409, code: 'NOT_CONNECTED' })
})
