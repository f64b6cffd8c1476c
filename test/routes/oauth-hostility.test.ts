// What strangers, mistaken people and their browsers can send to the way to Intuit and back. Each row is tried on a service
// without a connection and on one with it, and none changes the connection: not what is stored, not what it can do.

import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import t from 'tap'
import type { Simulator } from '../../simulator/simulator.ts'
import { createLeapingClock } from '../support/clock.ts'
import { goToIntuit, type Service, startService, startSimulator, type Visit } from '../support/service.ts'

/** The callback with some of its parameters changed; undefined takes one away. */
function changed({ callback }: Visit, parameters: Record<string, string | undefined>): string {
  const url = new URL(callback)
  for (const [name, value] of Object.entries(parameters))
    if (value === undefined) url.searchParams.delete(name)
    else url.searchParams.set(name, value)
  return url.href
}

interface World {
  service: Service
  simulator: Simulator
  /** Moves the service's clock and Intuit's. */
  later(ms: number): void
  come(url: string, cookie?: string): Promise<Answer>
}

type Answer = Awaited<ReturnType<Service['request']>>

interface Row {
  what: string
  status: number
  code: string | RegExp
  act(world: World): Promise<Answer>
}

/** A return of one's own, in which something was changed on the way. */
const comesBackWith =
  (parameters: Record<string, string | undefined>): Row['act'] =>
  async ({ service, come }) => {
    const mine = await goToIntuit(service)
    return come(changed(mine, parameters), mine.cookie)
  }

const invalid = { status: 400, code: 'OAUTH_STATE_INVALID' }

const rows: Row[] = [
  {
    ...{ what: 'no state', ...invalid },
    act: comesBackWith({ state: undefined }),
  },
  {
    ...{ what: 'an empty state', ...invalid },
    act: comesBackWith({ state: '' }),
  },
  {
    ...{ what: 'a forged state', ...invalid },
    act: comesBackWith({ state: 'A'.repeat(43) }),
  },
  {
    ...{ what: 'a state with its last letter changed', ...invalid },
    act: async ({ service, come }) => {
      const mine = await goToIntuit(service)
      const state = mine.callback.searchParams.get('state') ?? ''
      const last = state.endsWith('A') ? 'B' : 'A'
      return come(changed(mine, { state: state.slice(0, -1) + last }), mine.cookie)
    },
  },
  {
    ...{ what: 'an old state', ...invalid },
    act: async ({ service, come, later }) => {
      const mine = await goToIntuit(service)
      later(10 * 60_000 + 1)
      return come(mine.callback.href, mine.cookie)
    },
  },
  {
    ...{ what: "another browser's state", ...invalid },
    act: async ({ service, come }) => {
      const [mine, other] = [await goToIntuit(service), await goToIntuit(service)]
      return come(changed(mine, { state: other.callback.searchParams.get('state') ?? '' }), mine.cookie)
    },
  },
  {
    ...{ what: 'the whole return, in another browser', ...invalid },
    act: async ({ service, come }) => {
      const [mine, other] = [await goToIntuit(service), await goToIntuit(service)]
      return come(mine.callback.href, other.cookie)
    },
  },
  {
    ...{ what: 'the whole return, without a cookie', ...invalid },
    act: async ({ service, come }) => come((await goToIntuit(service)).callback.href),
  },
  {
    ...{ what: 'two states', status: 400, code: 'BAD_REQUEST' },
    act: async ({ service, come }) => {
      const mine = await goToIntuit(service)
      return come(`${mine.callback.href}&state=${'A'.repeat(43)}`, mine.cookie)
    },
  },
  {
    ...{ what: 'no code', status: 400, code: 'OAUTH_RETURN_INCOMPLETE' },
    act: comesBackWith({ code: undefined }),
  },
  {
    ...{ what: 'a code that Intuit never gave', status: 400, code: 'OAUTH_CODE_REFUSED' },
    act: comesBackWith({ code: 'XAB1invented' }),
  },
  {
    ...{ what: 'no company', status: 400, code: 'OAUTH_RETURN_INCOMPLETE' },
    act: comesBackWith({ realmId: undefined }),
  },
  {
    ...{ what: 'a company that is none', status: 400, code: 'OAUTH_RETURN_INCOMPLETE' },
    act: comesBackWith({ realmId: "1' OR '1'='1" }),
  },
  {
    ...{ what: 'another company', status: 409, code: /OTHER_COMPANY|COMPANY_REFUSED/ },
    act: comesBackWith({ realmId: '9999999999' }),
  },
  {
    ...{ what: "our company's name on another company's code", status: 409, code: 'OAUTH_COMPANY_REFUSED' },
    act: async ({ service, simulator, come }) => {
      simulator.behaviour.consentRealmId = '9999999999'
      const mine = await goToIntuit(service)
      simulator.behaviour.consentRealmId = null
      return come(changed(mine, { realmId: simulator.company.realmId }), mine.cookie)
    },
  },
  {
    ...{ what: 'an error instead of a code', status: 400, code: 'OAUTH_DENIED' },
    act: comesBackWith({ error: 'access_denied', code: undefined }),
  },
  {
    ...{ what: 'an error beside a code, with a page in it', status: 400, code: 'OAUTH_DENIED' },
    act: comesBackWith({ error: '<script>alert(1)</script>' }),
  },
  {
    ...{ what: 'an error of nobody who was sent to Intuit', ...invalid },
    act: async ({ service, come }) => come(`${service.url}/callback?error=access_denied`),
  },
]

function snapshot(service: Service): unknown {
  const file = new SqliteDatabase(join(service.dataDir, 'mrp-backend.db'), { readonly: true })
  try {
    return file.prepare('SELECT * FROM qbo_tokens').all()
  } finally {
    file.close()
  }
}

for (const connected of [false, true]) {
  t.test(`${connected ? 'with' : 'without'} a connection, nothing of this changes it`, async (t) => {
    const clock = createLeapingClock()
    const simulator = await startSimulator(t, {
      clock: clock.now,
      behaviour: { codeReuseRevokes: true, rotation: 'always' },
    })
    const service = await startService(t, simulator, { clock })
    if (connected) await service.connectAndFill()
    const world: World = {
      ...{ service, simulator },
      later: (ms) => clock.advance(ms),
      come: (url, cookie = '') => service.request(url, { headers: { cookie } }),
    }
    for (const { what, status, code, act } of rows) {
      const before = snapshot(service)
      const answer = await act(world)
      t.match(answer.json, { statusCode: status, code, message: /connect|parameter|state/ }, what)
      t.notMatch(answer.text, /script|invented|XAB1|RT1-/, `${what}: nothing is repeated`)
      t.same(snapshot(service), before, `${what}: what is stored`)
    }
    clock.advance(3_600_000)
    const test = await service.request('/api/test')
    t.equal(test.status, connected ? 200 : 409, 'what the connection can do')
    t.match(await service.connect(), { status: 302, location: '/' }, 'and who may connect still can')
  })
}

t.test(
  'a code that comes back a second time is not sent to Intuit, which would end the connection',
  async (t) => {
    const clock = createLeapingClock()
    const simulator = await startSimulator(t, { clock: clock.now, behaviour: { codeReuseRevokes: true } })
    const service = await startService(t, simulator, { clock })
    const first = await goToIntuit(service)
    t.equal((await service.request(first.callback.href, { headers: { cookie: first.cookie } })).status, 302)
    const again = async (service: Service, with_: Visit) => {
      const code = first.callback.searchParams.get('code') ?? ''
      return service.request(changed(with_, { code }), { headers: { cookie: with_.cookie } })
    }
    t.match((await again(service, first)).json, { code: 'OAUTH_STATE_INVALID' }, 'the same return')
    const before = simulator.meter.tokenRequests
    t.match(
      (await again(service, await goToIntuit(service))).json,
      { code: 'OAUTH_CODE_REFUSED' },
      'the same code',
    )
    await service.close()
    const restarted = await startService(t, simulator, { clock, dataDir: service.dataDir })
    t.match((await again(restarted, await goToIntuit(restarted))).json, { code: 'OAUTH_CODE_REFUSED' })
    t.equal(simulator.meter.tokenRequests, before, 'nothing was asked of Intuit')
    t.equal((await restarted.request('/api/test')).status, 200)
  },
)

t.test('two browsers at once both connect, each only with what is its own', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  const [one, two] = [await goToIntuit(service), await goToIntuit(service)]
  const [back, other] = await Promise.all(
    [one, two].map(({ callback, cookie }) => service.request(callback.href, { headers: { cookie } })),
  )
  t.same([back?.status, other?.status], [302, 302])
  t.match((await service.request(one.callback.href, { headers: { cookie: two.cookie } })).json, {
    code: 'OAUTH_STATE_INVALID',
  })
  t.equal((await service.request('/api/test')).status, 200)
  t.equal((await service.request('/api/auth/status')).json.company_id, simulator.company.realmId)
})

t.test('nobody is sent anywhere but to Intuit and to the page of this service', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  const evil = 'evil.example.com'
  const locations = new Set<string>()
  const go = async (url: string, headers: Record<string, string> = {}) => {
    const answer = await service.app.inject({ url, headers: { host: new URL(service.url).host, ...headers } })
    const { location } = answer.headers
    if (typeof location === 'string') locations.add(new URL(location, service.url).origin)
    return answer
  }
  for (const name of ['next', 'redirect', 'redirect_uri', 'return_to', 'url', 'moved'])
    t.equal((await go(`/connect?${name}=https://${evil}/`)).statusCode, 400, name)
  for (const header of ['x-forwarded-host', 'forwarded', 'x-original-host', 'referer', 'origin'])
    await go('/connect', { [header]: header === 'forwarded' ? `host=${evil}` : evil })
  await go('/connect', { host: `127.0.0.1@${evil}` })
  for (const path of [
    `//${evil}/connect`,
    `/\\${evil}`,
    `/connect//${evil}`,
    `//${evil}/%2e%2e`,
    `/docs//${evil}`,
  ])
    await go(path)
  const mine = await goToIntuit(service)
  await go(`${mine.callback.pathname}${mine.callback.search}&redirect_uri=https://${evil}/&next=//${evil}`, {
    cookie: mine.cookie,
    accept: 'text/html',
  })
  t.same([...locations].sort(), [simulator.url, service.url].sort())
})
