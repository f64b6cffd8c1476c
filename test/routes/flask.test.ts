// The web app of the service before this one (a Flask backend), which goes on with its calls as they were: started with
// that one's variables only, it finds every field that it reads, and in `error` words that it can show to people.
import { once } from 'node:events'
import { STATUS_CODES } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Simulator } from '../../simulator/simulator.ts'
import { DAY_MS } from '../../src/services/clock.ts'
import { holdAnswers } from '../support/answers.ts'
import { createLeapingClock, createManualClock } from '../support/clock.ts'
import { mariadb, onMariaDb } from '../support/mariadb.ts'
import {
  connectAt,
  freePort,
  type Service,
  type ServiceOptions,
  startService,
  startSimulator,
} from '../support/service.ts'

const COMPANY = { customers: 60, vendors: 12, items: 50 }
const LISTS = { customers: 'Customer', vendors: 'Vendor', items: 'Item', invoices: 'Invoice' }
const ADMIN = 'admin-key-for-tests'

/** What it called, but for search. */
const CALLS = [
  ['GET', '/api/cache/status'],
  ['POST', '/api/cache/refresh'],
  ['GET', '/api/config'],
  ['GET', '/api/auth/url'],
  ['POST', '/api/disconnect'],
  ['GET', '/api/test'],
  ...Object.keys(LISTS).map((name) => ['GET', `/api/data/${name}`] as const),
  ['GET', '/api/health'],
  ['GET', '/api/indexes/status'],
] as const

/** The service with the variables of the former one; only Intuit's addresses, which had no names, are the simulator's. */
async function startAsBefore(t: Test, simulator: Simulator, options: ServiceOptions = {}) {
  const port = await freePort()
  const { QUICKBOOKS_CLIENT_ID: id = '', QUICKBOOKS_CLIENT_SECRET: secret = '' } = simulator.env
  const service = await startService(t, simulator, {
    port,
    ...options,
    env: {
      ...{ PUBLIC_URL: '', QUICKBOOKS_CLIENT_ID: '', QUICKBOOKS_CLIENT_SECRET: '' },
      ...{ QUICKBOOKS_SANDBOX_BASE_URL: '', QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN: '' },
      QB_CLIENT_ID: id,
      QB_CLIENT_SECRET: secret,
      QB_SANDBOX_BASE_URL: simulator.env.QUICKBOOKS_SANDBOX_BASE_URL ?? '',
      QB_COMPANY_ID: simulator.company.realmId,
      QB_ENVIRONMENT: 'sandbox',
      QB_REDIRECT_URI: `http://localhost:${port}/callback`,
      PRODUCTION_URI: `http://localhost:${port}`,
      ...options.env,
    },
  })
  return { ...service, webApp: createWebApp(t, service) }
}

/** It asks as the former web app does: `data` when all is well, else `data.error` on the page. */
function createWebApp(t: Test, { request }: Pick<Service, 'request'>) {
  const call = (path: string, init: RequestInit = {}) =>
    request(path, { signal: AbortSignal.timeout(30_000), ...init })
  return {
    async gets(path: string, init?: RequestInit) {
      const { status, json } = await call(path, init)
      t.equal(status, 200, `${path}: ${json.error}`)
      return json
    },
    /** Answers what it shows. */
    async fails(path: string, status: number, init?: RequestInit): Promise<string> {
      const { status: told, json: data } = await call(path, init)
      t.equal(told, status, path)
      isForPeople(t, data, path)
      return data.error
    },
  }
}

function isForPeople(t: Test, data: { error: string; message: string }, name: string): void {
  t.equal(data.error, data.message, name)
  t.match(data.error, /\S \S.*\.$/, `${name}: a sentence`)
  t.notOk(Object.values(STATUS_CODES).includes(data.error), `${name}: not only the status`)
  t.notMatch(data.error, /\bat .*:\d+:\d+/, `${name}: no stack`)
}

const POST = { method: 'POST' }

t.test('the former web app, from before the connection to after it, finds all that it reads', async (t) => {
  const clock = createLeapingClock()
  const simulator = await startSimulator(t, { clock: clock.now, company: COMPANY })
  const { url, webApp } = await startAsBefore(t, simulator, { clock })
  const { company } = simulator
  const { gets, fails } = webApp

  t.match(await gets('/api/cache/status'), {
    ...{ connection_status: 'not_authenticated', is_authenticated: false, has_valid_config: true },
    ...{ last_updated: null, customers_count: 0, vendors_count: 0, items_count: 0, invoices_count: 0 },
  })
  t.match(await gets('/api/config'), {
    ...{ company_id: null, client_id: /^simula.{1,4}$/, has_access_token: false, has_refresh_token: false },
    ...{ token_expires_at: null, redirect_uri: `${url}/callback`, base_url: simulator.url },
    environment: 'sandbox',
  })
  t.match(await fails('/api/cache/refresh', 409, POST), /connect/)
  t.match(await fails('/api/test', 409), /connect/)
  for (const name of Object.keys(LISTS)) {
    t.same(await gets(`/api/data/${name}?limit=10`), { [name]: [], total: 0, showing: 0 })
  }
  t.match(await gets('/api/health'), { authenticated: false, cache_age_minutes: null })

  const consent = await gets('/api/auth/url')
  t.match(consent, { auth_url: `${simulator.url}/connect/oauth2?`, state: /^[\w-]{43}$/ })
  t.equal(new URL(consent.auth_url).searchParams.get('state'), consent.state)
  t.equal(await connectAt(url), 302)

  t.match(await gets('/api/cache/refresh', POST), { message: 'Cache refreshed successfully' })
  const counts = Object.fromEntries(
    Object.entries(LISTS).map(([name, entity]) => [name, company.count(entity)]),
  )
  t.ok(Object.values(counts).every((count) => count > 10))
  t.match(await gets('/api/cache/status'), {
    ...{ connection_status: 'connected', is_authenticated: true, last_updated: /^\d{4}-.*Z$/ },
    ...Object.fromEntries(Object.entries(counts).map(([name, count]) => [`${name}_count`, count])),
  })
  for (const [name, entity] of Object.entries(LISTS)) {
    const data = await gets(`/api/data/${name}?limit=10`)
    t.match(data, { total: counts[name], showing: 10 })
    for (const record of data[name]) t.match(record, company.get(entity, record.Id) ?? {}, name)
    t.equal((await gets(`/api/data/${name}`))[name].length, Math.min(50, counts[name] ?? 0))
    t.match(await fails(`/api/data/${name}?limit=1001`, 400), /^limit: /)
  }
  t.match(await gets('/api/config'), {
    ...{ company_id: company.realmId, has_access_token: true, has_refresh_token: true },
    token_expires_at: /^\d{4}-.*Z$/,
  })
  const tried = await gets('/api/test')
  t.match(tried, { success: true, message: String, company_name: /\w/, company_id: company.realmId })
  const { status, timestamp, version, authenticated, cache_age_minutes: age } = await gets('/api/health')
  t.match({ status, authenticated, version }, { status: 'healthy', authenticated: true, version: /^\d+\./ })
  t.ok(Date.parse(timestamp) && typeof age === 'number')
  const sizes = await gets('/api/indexes/status')
  t.same(Object.keys(sizes.indexes), sizes.available_indexes)
  const numbers: number[] = Object.values(sizes.indexes)
  t.ok(numbers.every((size) => Number.isInteger(size) && size > 0))
  t.equal(
    sizes.total_indexed_items,
    numbers.reduce((sum, size) => sum + size),
  )
  t.same(
    Object.entries<{ records: number }>(sizes.details).map(([name, { records }]) => [name, records]),
    Object.entries(sizes.indexes),
  )
  t.ok((await gets('/api/search/client_pos?q=a')).results, 'there is an index of purchase orders')

  simulator.fault({ on: 'any', kind: 'html503', times: Number.POSITIVE_INFINITY })
  t.match(await fails('/api/cache/refresh', 502, POST), /^Not refreshed: .*QuickBooks/)
  t.match(await fails('/api/test', 502), /QuickBooks/)
  t.equal((await gets('/api/data/invoices?limit=1')).total, counts.invoices, 'what was there is still there')
  simulator.clearFaults()

  t.match(await gets('/api/disconnect', POST), { success: true, message: /disconnected/ })
  t.match(await gets('/api/cache/status'), { connection_status: 'not_authenticated', invoices_count: 0 })
  t.match(await gets('/api/disconnect', POST), { success: true, message: /not connected/ })
})

t.test('whatever refuses one of its calls is told in words', async (t) => {
  const simulator = await startSimulator(t, { company: COMPANY })
  const bare = createWebApp(t, await startService(t, undefined))
  t.match(await bare.fails('/api/auth/url', 409), /QUICKBOOKS_CLIENT_ID/)
  t.match(await bare.fails('/api/data/invoices', 404), /Add invoices to SYNC_ENTITIES/)
  t.match(await bare.fails('/api/disconnect', 403, foreign('https://evil.example.com')), /CORS_ORIGINS/)

  const keys = { ADMIN_API_KEY: ADMIN, ADMIN_REQUESTS_PER_MINUTE: '12' }
  const { app, webApp } = await startAsBefore(t, simulator, { env: keys })
  const { gets, fails } = webApp
  const withKey = { headers: { authorization: `Bearer ${ADMIN}` } }
  const isOpen = (path: string) => /status|health/.test(path)
  for (const [method, path] of CALLS) {
    if (isOpen(path)) t.match(await fails(`${path}?colour=red`, 400, { method }), /^colour: /)
    else t.match(await fails(path, 401, { method }), /ADMIN_API_KEY/)
  }
  await gets('/api/config', withKey)
  app.tokens.keeper.connection = () => {
    throw new Error('Something that nobody should read')
  }
  const unexpected = await fails('/api/config', 500, withKey)
  t.match(unexpected, /the log says what/)
  t.notMatch(unexpected, /nobody should read/)
  while ((await app.inject({ url: '/api/config', ...withKey })).statusCode !== 429);
  for (const [method, path] of CALLS) {
    // What connects has a limit of its own.
    if (isOpen(path) || path === '/api/auth/url') continue
    t.match(await fails(path, 429, { method }), /ask again in \d+ s\.$/)
  }
})

t.test('so is a service that has too much to do', async (t) => {
  const { request } = await startService(t, undefined, { latestMs: 250 })
  const blocked = new Int32Array(new SharedArrayBuffer(4))
  const drowning = setInterval(() => Atomics.wait(blocked, 0, 0, 400), 1)
  t.teardown(() => clearInterval(drowning))
  let answer = await request('/api/config')
  while (answer.status === 200) answer = await request('/api/config')
  t.match(answer, { status: 503, json: { code: 'TOO_BUSY' } })
  isForPeople(t, answer.json, 'while the event loop drowns')
})

t.test(
  "errors of its calls are in words, those of others in HTTP's, and the document says which",
  async (t) => {
    const { request } = await startService(t, undefined, {
      env: { SYNC_ENTITIES: Object.keys(LISTS).join() },
    })
    const { paths, components } = (await request('/openapi.json')).json
    const told = (Object.entries(paths) as [string, Record<string, { responses: Record<string, unknown> }>][])
      .flatMap(([path, operations]) =>
        Object.entries(operations).map(([method, { responses }]) => ({ method, path, responses })),
      )
      .filter(({ responses }) => JSON.stringify(responses).includes('/ErrorInWords"'))
      .map(({ method, path, responses }) => {
        t.notMatch(JSON.stringify(responses), '/Error"', path)
        return `${method.toUpperCase()} ${path}`
      })
    t.same(told.sort(), CALLS.map((call) => call.join(' ')).sort())
    t.match(components.schemas.ErrorInWords.properties.error.description, /message/)
    const other = await request('/api/search/client_names')
    t.match(other.json, { statusCode: 400, error: 'Bad Request', message: /^q: / })
  },
)

t.test(
  'its page acts through a proxy that names another host, where CORS_ORIGINS has its origin',
  async (t) => {
    const origin = 'http://mrp.example.com:3000'
    const { request } = await startService(t, undefined, { env: { CORS_ORIGINS: origin } })
    t.equal((await request('/api/disconnect', foreign(origin))).status, 200)
  },
)

/** From a page of another origin. */
const foreign = (origin: string): RequestInit => ({ method: 'POST', headers: { origin } })

const refresh = ({ request }: Pick<Service, 'request'>, query = '') =>
  request(`/api/cache/refresh${query}`, { method: 'POST' })

t.test('a refresh that takes long is answered before the web app gives up, and goes on', async (t) => {
  const clientClock = createManualClock()
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, { clientClock })
  await service.connectAndFill()
  t.match(await refresh(service), { status: 200, json: { message: 'Cache refreshed successfully' } })
  t.equal(clientClock.sleepers(), 0, 'nothing is left waiting')

  const { asked, release } = holdAnswers(service.app)
  simulator.company.create('Customer', { DisplayName: 'Newcomer Gears' })
  const answer = refresh(service)
  await asked
  await clientClock.advance(24_999)
  t.equal(clientClock.sleepers(), 1, 'it still waits')
  await clientClock.advance(1)
  t.match(await answer, { status: 202, json: { message: /goes on; GET \/api\/cache\/status shows/ } })
  t.match((await service.request('/api/cache/status')).json.refresh, { running: true })
  const patient = refresh(service, '?wait=true')
  release()
  t.equal((await patient).status, 200)
  t.match((await service.request('/api/cache/status')).json, {
    ...{ refresh: { running: false }, customers_count: 31 },
  })
})

t.test('wait=true is answered at the end, however long that takes', async (t) => {
  const clientClock = createManualClock()
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, { clientClock })
  await service.connectAndFill()
  const { asked, release } = holdAnswers(service.app)
  const answer = refresh(service, '?wait=true')
  await asked
  t.equal(clientClock.sleepers(), 0)
  await clientClock.advance(DAY_MS)
  release()
  t.equal((await answer).status, 200)
})

t.test('a refresh that fails after its answer is in the log', async (t) => {
  const [clock, clientClock] = [createLeapingClock(), createManualClock()]
  const simulator = await startSimulator(t, { clock: clock.now })
  const service = await startService(t, simulator, { clock, clientClock })
  await service.connectAndFill()
  simulator.fault({ on: 'query', entity: 'Item', kind: 'html503', times: Number.POSITIVE_INFINITY })
  const { asked, release } = holdAnswers(service.app)
  const answer = refresh(service)
  await asked
  await clientClock.advance(25_000)
  t.equal((await answer).status, 202)
  const notDone = () => service.log.filter(({ msg }) => msg === 'A refresh that was asked for was not done')
  t.same(notDone(), [])
  const patient = refresh(service, '?wait=true')
  release()
  t.equal((await patient).status, 502)
  t.match(notDone(), [{ level: 40, reason: /^Not refreshed: items\./ }])
})

/** Until so many requests hang. */
async function hung(simulator: Simulator, requests: number): Promise<void> {
  while ((simulator.faultsTaken().hang ?? 0) < requests) await nextTurn()
}

t.test('a QuickBooks that does not answer keeps nobody waiting who tries it, or disconnects', async (t) => {
  const clientClock = createManualClock()
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, { clientClock, timeoutMs: 1_000 })
  await service.connect()
  await service.app.sync.settled()
  t.match(await service.request('/api/test'), { status: 200, json: { success: true } })
  t.equal(clientClock.sleepers(), 0, 'nothing is left waiting')

  for (const on of ['companyinfo', 'refresh'] as const) {
    simulator.fault({ on, kind: 'hang', times: Number.POSITIVE_INFINITY })
    if (on === 'refresh') simulator.oauth.expireAccessTokens()
    const tried = service.request('/api/test')
    await hung(simulator, on === 'companyinfo' ? 1 : 2)
    await clientClock.advance(25_000)
    const { status, json } = await tried
    t.equal(status, 502, on)
    t.match(json.error, /^QuickBooks could not be reached/, on)
    simulator.clearFaults()
  }
})

t.test('a disconnect that Intuit keeps waiting is answered, and goes on', async (t) => {
  const clientClock = createManualClock()
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, { clientClock, timeoutMs: 1_000 })
  await service.connect()
  await service.app.sync.settled()
  const forgotten = once(service.app.announcements, 'forgotten')
  simulator.fault({ on: 'revoke', kind: 'hang' })
  const answer = service.request('/api/disconnect', POST)
  await hung(simulator, 1)
  await clientClock.advance(25_000)
  const { status, json } = await answer
  t.equal(status, 503)
  t.match(json.error, /^Disconnecting takes longer.* goes on/)
  await forgotten
  t.match((await service.request('/api/cache/status')).json, { connection_status: 'not_authenticated' })
})

t.test('an address that is only nearly one of the former service is refused in words, too', async (t) => {
  const service = await startService(t, undefined)
  for (const [method, path] of [
    ['GET', '/api/disconnect'],
    ['GET', '/api/cache/refresh'],
    ['GET', '/api/cache/status/'],
    ['GET', '/api/data/foo?limit=1'],
    ['GET', '/api/data/%ff'],
  ] as const) {
    const { status, json } = await service.request(path, { method })
    t.ok(status >= 400 && status < 500, path)
    t.equal(json.error, json.message, path)
    t.match(json.error, / \w+ /, path)
  }
  t.equal((await service.request('/api/nothing')).json.error, 'Not Found', 'others as HTTP has it')
  t.equal(
    (await service.request('/api/auth/status?x=1')).json.error,
    'Bad Request',
    'a route of ours as well',
  )
})

const test = await onMariaDb(t)

test('a replica that hands the refresh to the one that leads keeps nobody waiting either', async (t) => {
  const clientClock = createManualClock()
  const simulator = await startSimulator(t)
  const { env } = await mariadb(t)
  const leader = await startService(t, simulator, { env })
  const follower = await startService(t, simulator, { env, clientClock })
  await leader.connectAndFill()
  const { asked, release } = holdAnswers(leader.app)
  const answer = refresh(follower)
  await asked
  await clientClock.advance(25_000)
  t.equal((await answer).status, 202)
  const patient = refresh(follower, '?wait=true')
  release()
  t.equal((await patient).status, 200)
})
