// Each fault that the simulator can produce, lasting: what the caller of a refresh sees, what is kept, and that search
// and status go on. And after it has passed: all is well again without a person.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { FAULT_KINDS, type FaultKind, type FaultPlan } from '../../simulator/faults.ts'
import { createLeapingClock } from '../support/clock.ts'
import { startService, startSimulator } from '../support/service.ts'

interface Expected {
  /** On which requests; queries unless said otherwise. */
  on?: FaultPlan['on']
  plan?: Partial<FaultPlan>
  status: number
  code?: string
}

const unreadable = { status: 502, code: 'QBO_ANSWER_UNREADABLE' }
const unreachable = { status: 502, code: 'QBO_UNREACHABLE' }
const unavailable = { status: 502, code: 'QBO_UNAVAILABLE' }

const table: Record<FaultKind, Expected> = {
  http429: { status: 502, code: 'QBO_THROTTLED' },
  html502: unavailable,
  html503: unavailable,
  html504: unavailable,
  xmlFault: { plan: { status: 500, code: '10000' }, ...unavailable },
  fault: { plan: { status: 400, code: '6190' }, status: 502, code: 'QBO_SUBSCRIPTION_LAPSED' },
  okFault: { plan: { code: '10000' }, ...unavailable },
  unauthorized: { status: 502, code: 'QBO_UNAUTHORIZED' },
  forbidden: { status: 502, code: 'QBO_FORBIDDEN' },
  invalidGrant: { on: 'refresh', status: 409, code: 'RECONNECT_REQUIRED' },
  redirect: { status: 502, code: 'QBO_REJECTED' },
  malformed: unreadable,
  empty: unreadable,
  truncated: unreadable,
  cut: unreadable,
  reset: unreachable,
  lostBefore: unreachable,
  lostTokenAnswer: { on: 'refresh', status: 502, code: 'OAUTH_UNAVAILABLE' },
  hang: unreachable,
  slow: { plan: { delayMs: 30 }, status: 200 },
  // Of one entity: 30 reads of 65 MB are enough.
  huge: { plan: { megabytes: 65, match: 'FROM Item ' }, status: 502, code: 'QBO_ANSWER_TOO_LARGE' },
  missingKeys: unreadable,
  wrongRows: { plan: { rows: 3, match: 'SELECT \\*' }, status: 502, code: 'QBO_INCOMPLETE' },
  badRecord: { plan: { match: 'SELECT \\*' }, status: 200 },
}

/** Only silence is waited for until the patience ends; nothing else depends on how fast the machine is. */
const patienceMs = (kind: string): number => (kind === 'hang' ? 1_000 : 30_000)

for (const kind of FAULT_KINDS) {
  const { on = 'query', plan = {}, status, code } = table[kind]
  t.test(
    `${kind} on every ${on}: answered with ${status} ${code ?? ''}, nothing lost, and it heals`,
    async (t) => {
      const clock = createLeapingClock()
      const simulator = await startSimulator(t, {
        clock: clock.now,
        company: { customers: 30, vendors: 25, items: 25 },
      })
      const service = await startService(t, simulator, { clock, timeoutMs: patienceMs(kind) })
      await service.connectAndFill()
      const refresh = () => service.request('/api/cache/refresh', { method: 'POST' })
      const customer = simulator.company.list('Customer').find(({ Active }) => Active)
      const named = encodeURIComponent(String(customer?.DisplayName))

      if (on === 'refresh') clock.advance(3_600_000)
      simulator.fault({ on, kind, times: 1000, ...plan })
      const answer = await refresh()
      t.equal(answer.status, status)
      if (code !== undefined) t.match(answer.json, { code, message: /kept|QuickBooks/ })
      t.notMatch(answer.text, /\bat .*:\d+|RT1-|eyJ|Basic |simulator-secret/, 'no stack, no secret')

      const during = (await service.request('/api/cache/status')).json
      t.match(during, { customers_count: 30, vendors_count: 25, items_count: 25 })
      const failed = Object.values(during.entities as Record<string, { last_error: string | null }>).filter(
        (one) => one.last_error !== null,
      )
      t.equal(failed.length > 0, status !== 200, 'the status tells the truth')
      const { results } = (await service.request(`/api/search/client_names?q=${named}`)).json
      t.equal(results[0]?.id, customer?.Id, 'search goes on')

      simulator.clearFaults()
      clock.advance(3_600_000)
      const reconnect = kind === 'invalidGrant' || kind === 'lostTokenAnswer'
      if (reconnect) await service.connect()
      t.equal((await refresh()).status, 200, 'it heals')
      const after = (await service.request('/api/cache/status')).json
      t.match(after, { connection_status: 'connected', entities: { items: { last_error: null } } })
    },
  )
}

/** Kinds that can strike an answer of Intuit's token service, and what /api/test says then. */
const tokenFaults: Partial<Record<FaultKind, string>> = {
  http429: 'OAUTH_UNAVAILABLE',
  html502: 'OAUTH_UNAVAILABLE',
  html503: 'OAUTH_UNAVAILABLE',
  html504: 'OAUTH_UNAVAILABLE',
  xmlFault: 'OAUTH_UNAVAILABLE',
  okFault: 'OAUTH_ANSWER_UNREADABLE',
  redirect: 'OAUTH_UNAVAILABLE',
  malformed: 'OAUTH_ANSWER_UNREADABLE',
  empty: 'OAUTH_ANSWER_UNREADABLE',
  truncated: 'OAUTH_ANSWER_UNREADABLE',
  cut: 'OAUTH_UNAVAILABLE',
  reset: 'OAUTH_UNAVAILABLE',
  lostBefore: 'OAUTH_UNAVAILABLE',
  hang: 'OAUTH_UNAVAILABLE',
  huge: 'OAUTH_UNAVAILABLE',
}

for (const [kind, code] of Object.entries(tokenFaults)) {
  t.test(
    `${kind} on a token refresh: ${code}, sent once a minute at most, and it heals by itself`,
    async (t) => {
      const clock = createLeapingClock()
      const simulator = await startSimulator(t, { clock: clock.now })
      const service = await startService(t, simulator, { clock, timeoutMs: patienceMs(kind) })
      await service.connectAndFill()
      clock.advance(3_600_000)
      simulator.fault({ on: 'refresh', kind: kind as FaultKind, times: 1000, megabytes: 65 })
      const before = simulator.meter.tokenRequests
      for (let i = 0; i < 3; i++) {
        t.match((await service.request('/api/test')).json, { statusCode: 502, code, message: /tokens.*kept/ })
      }
      t.ok(simulator.meter.tokenRequests - before <= 1)
      t.match((await service.request('/api/cache/status')).json, {
        connection_status: 'connected',
        customers_count: 30,
      })
      simulator.clearFaults()
      clock.advance(61_000)
      t.equal((await service.request('/api/test')).status, 200)
    },
  )
}

t.test(
  'a token request that struck twice is not taken for a refusal, and one company stays one',
  async (t) => {
    const clock = createLeapingClock()
    const simulator = await startSimulator(t, {
      clock: clock.now,
      behaviour: { rotation: 'always', doubleRefreshRevokes: true, tokenLatencyMs: 50 },
    })
    const service = await startService(t, simulator, { clock })
    await service.connectAndFill()
    for (let hour = 0; hour < 5; hour++) {
      clock.advance(3_600_000)
      const answers = await Promise.all(Array.from({ length: 10 }, () => service.request('/api/test')))
      for (const { status } of answers) t.equal(status, 200)
    }
    t.equal(simulator.meter.tokenRequests, 1 + 5, 'one for the code, one for each hour')
  },
)

t.test(
  'a refusal or silence of /revoke: tokens and data are deleted here all the same, and a person is told',
  async (t) => {
    for (const kind of ['html503', 'hang', 'reset', 'invalidGrant'] as const) {
      const simulator = await startSimulator(t)
      const service = await startService(t, simulator, { timeoutMs: patienceMs(kind) })
      await service.connectAndFill()
      simulator.fault({ on: 'revoke', kind, times: 9 })
      const answer = await service.request('/api/disconnect', { method: 'POST' })
      t.match(
        answer.json,
        { success: true, revoked: false, message: /did not confirm: remove the app/ },
        kind,
      )
      t.match((await service.request('/api/cache/status')).json, {
        connection_status: 'not_authenticated',
        customers_count: 0,
      })
    }
  },
)

t.test('each limit that QuickBooks enforces is waited out, whatever form its refusal has', async (t) => {
  for (const throttle of [
    { perSecond: 1, body: 'json' },
    { perMinute: 2, body: 'xml' },
    { concurrent: 1, retryAfterSeconds: 5 },
  ] as const) {
    const clock = createLeapingClock()
    const simulator = await startSimulator(t, { clock: clock.now, behaviour: { throttle, latencyMs: 20 } })
    const service = await startService(t, simulator, { clock })
    await service.connectAndFill()
    t.ok(simulator.meter.throttled > 0, JSON.stringify(throttle))
    t.match((await service.request('/api/cache/status')).json, {
      customers_count: 30,
      vendors_count: 12,
      items_count: 50,
    })
  }
})

t.test('however QuickBooks orders, counts and leaves out, the cache ends the same', async (t) => {
  for (const behaviour of [
    { defaultOrder: 'id', totalCount: 'always' },
    { totalCount: 'never', omitEmptyKeys: false },
    { limitPlusOne: true, xmlWithoutAccept: false },
  ] as const) {
    const simulator = await startSimulator(t, {
      behaviour,
      company: { customers: 1001, vendors: 0, items: 1 },
    })
    const service = await startService(t, simulator)
    await service.connectAndFill()
    t.match(
      (await service.request('/api/cache/status')).json,
      { customers_count: 1001, vendors_count: 0, items_count: 1 },
      JSON.stringify(behaviour),
    )
  }
})

t.test('nobody is followed who sends us elsewhere, with tokens or without', async (t) => {
  const asked: string[] = []
  const elsewhere = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.end('{}')
  })
  elsewhere.listen(0, '127.0.0.1')
  await once(elsewhere, 'listening')
  t.teardown(() => elsewhere.close())
  const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`
  const clock = createLeapingClock()
  const simulator = await startSimulator(t, { clock: clock.now })
  const service = await startService(t, simulator, { clock })
  await service.connectAndFill()
  for (const status of [301, 302, 303, 307, 308]) {
    for (const on of ['query', 'cdc', 'companyinfo', 'refresh', 'revoke', 'token'] as const)
      simulator.fault({ on, kind: 'redirect', status, location: `${location}${on}`, times: 2 })
    clock.advance(3_600_000)
    t.equal((await service.request('/api/test')).status, 502, `${status} on a refresh`)
    clock.advance(61_000)
    await service.request('/api/test')
    clock.advance(61_000)
    t.equal((await service.request('/api/test')).status, 502, `${status} on a read`)
    t.equal((await service.request('/api/cache/refresh?full=false', { method: 'POST' })).status, 502)
    t.equal((await service.request('/api/cache/refresh', { method: 'POST' })).status, 502)
    t.match(await service.connect(), { status: 502 }, `${status} on a code`)
    simulator.clearFaults()
    clock.advance(61_000)
    t.equal((await service.request('/api/test')).status, 200)
  }
  simulator.fault({ on: 'revoke', kind: 'redirect', location })
  t.match((await service.request('/api/disconnect', { method: 'POST' })).json, { revoked: false })
  t.same(asked, [])
})
