// The client against the simulator over real sockets; its waits pass at once, so that a minute is not a minute.
import t, { type Test } from 'tap'
import { Agent } from 'undici'
import type { SimulatorOptions } from '../../../simulator/simulator.ts'
import { type Clock, systemClock } from '../../../src/services/clock.ts'
import { createQboClient } from '../../../src/services/qbo/client.ts'
import { createRateLimiter } from '../../../src/services/qbo/rate-limit.ts'
import { countStatement, idsStatement, pageStatement } from '../../../src/services/qbo/statements.ts'
import { createLeapingClock } from '../../support/clock.ts'
import { startSimulator } from '../../support/service.ts'

const quiet = { error() {}, warn() {}, info() {}, debug() {} }
const customer = { qbo: 'Customer', hasActive: true }

async function setUp(t: Test, options: SimulatorOptions = {}, time?: Clock, timeoutMs = 30_000) {
  const clock = createLeapingClock()
  const simulator = await startSimulator(t, { clock: (time ?? clock).now, ...options })
  const dispatcher = new Agent({ connections: 10 })
  t.teardown(() => dispatcher.destroy())
  let token = simulator.oauth.connect()
  let renewals = 0
  const tokens = {
    access: async () => ({ realmId: token.realmId, token: token.accessToken }),
    renew: async () => {
      renewals += 1
      token = simulator.oauth.connect()
      return { realmId: token.realmId, token: token.accessToken }
    },
  }
  const limiter = createRateLimiter({ clock: time ?? clock })
  const stop = new AbortController()
  const billed: string[] = []
  const client = createQboClient({
    baseUrl: simulator.url,
    outside: { dispatcher, timeoutMs },
    ...{ tokens, limiter, clock: time ?? clock, log: quiet },
    random: () => 0.5,
    stopping: stop.signal,
    onRead: (entity, reason) => void billed.push(`${entity} ${reason}`),
  })
  const reader = client.reader('full')
  const page = (signal?: AbortSignal) =>
    reader.query('Customer', pageStatement(customer, 0), signal && { signal })
  return { simulator, client, reader, billed, clock, page, stop, renewals: () => renewals }
}

t.test('a page, a count and records by id come as rows', async (t) => {
  const { client, reader, page, clock } = await setUp(t)
  const { rows, time } = await page()
  t.equal(rows.length, 30)
  t.ok(Math.abs((time ?? 0) - clock.now()) < 60_000, "QuickBooks' own time")
  t.equal(await reader.count('Customer', countStatement(customer)), 30)
  const ids = await reader.query('Customer', idsStatement(customer, ['1', '2', '999999']))
  t.same(ids.rows.map((row) => (row as { Id: string }).Id).toSorted(), ['1', '2'])
  t.type(await client.companyName(), 'string')
})

t.test('values in a statement cannot end their quotes', async (t) => {
  t.match(idsStatement(customer, ["1') OR", 'a\\']), "Id IN ('1\\') OR', 'a\\\\')")
})

t.test('passing faults are retried and the page arrives whole', async (t) => {
  for (const kind of [
    'html502',
    'html503',
    'html504',
    'cut',
    'reset',
    'truncated',
    'malformed',
    'empty',
    'lostBefore',
  ] as const) {
    const { simulator, client, page } = await setUp(t)
    simulator.fault({ on: 'query', kind, times: 2 })
    const { rows } = await page()
    t.equal(rows.length, 30, kind)
    t.equal(client.requests(), 3, `${kind}: two failures and a success`)
  }
})

t.test('a hanging answer is given up and asked for again', async (t) => {
  const { simulator, page } = await setUp(t, {}, undefined, 500)
  simulator.fault({ on: 'query', kind: 'hang' })
  t.equal((await page()).rows.length, 30)
})

t.test('after five tries it gives up, and says so', async (t) => {
  const { simulator, client, clock, page } = await setUp(t)
  simulator.fault({ on: 'query', kind: 'html503', times: 99 })
  await t.rejects(page(), { code: 'QBO_UNAVAILABLE', statusCode: 502 })
  t.equal(client.requests(), 5)
  const backoffs = clock.slept.filter((ms) => ms >= 400)
  t.same(
    backoffs.slice(0, 4),
    [500, 1000, 2000, 4000],
    'half of 1, 2, 4 and 8 s, as the random number 0.5 says',
  )
})

t.test('on 429 it waits the whole of Retry-After, or a minute when QuickBooks names no time', async (t) => {
  for (const [retryAfterSeconds, least] of [
    [90, 90_000],
    [undefined, 60_000],
  ] as const) {
    for (const body of ['json', 'xml'] as const) {
      const { simulator, clock, page } = await setUp(t)
      const begun = clock.now()
      simulator.fault({ on: 'query', kind: 'http429', body, ...(retryAfterSeconds && { retryAfterSeconds }) })
      t.equal((await page()).rows.length, 30)
      t.ok(clock.now() - begun >= least, `${body}, Retry-After ${retryAfterSeconds}`)
    }
  }
})

t.test('asked to wait for an hour, it tells its caller instead of keeping it', async (t) => {
  const { simulator, client, page } = await setUp(t)
  simulator.fault({ on: 'query', kind: 'http429', retryAfterSeconds: 3600 })
  await t.rejects(page(), { code: 'QBO_THROTTLED', retryAfterSeconds: 3600 })
  t.equal(client.requests(), 1)
})

t.test('a refused access token is renewed once and the request repeated once', async (t) => {
  const { simulator, client, page, renewals } = await setUp(t)
  simulator.oauth.expireAccessTokens()
  t.equal((await page()).rows.length, 30)
  t.equal(renewals(), 1)
  simulator.fault({ on: 'query', kind: 'unauthorized', times: 99 })
  const before = client.requests()
  await t.rejects(page(), { code: 'QBO_UNAUTHORIZED', retry: 'reconnect' })
  t.equal(client.requests() - before, 2, 'no loop')
})

t.test('what cannot heal is not retried', async (t) => {
  for (const [kind, code] of [
    ['forbidden', 'QBO_FORBIDDEN'],
    ['redirect', 'QBO_REJECTED'],
  ] as const) {
    const { simulator, client, page } = await setUp(t)
    simulator.fault({ on: 'query', kind, times: 99 })
    await t.rejects(page(), { code })
    t.equal(client.requests(), 1, kind)
  }
})

t.test('a fault in a 200 is a fault', async (t) => {
  const { simulator, page } = await setUp(t)
  simulator.fault({ on: 'query', kind: 'okFault', times: 99 })
  await t.rejects(page(), { name: 'AppError', statusCode: 502 })
})

t.test('an answer larger than 64 MB is refused', async (t) => {
  const { simulator, page } = await setUp(t)
  simulator.fault({ on: 'query', kind: 'huge', megabytes: 70, times: 99 })
  await t.rejects(page(), { code: 'QBO_ANSWER_TOO_LARGE', message: /larger than 64 MB/ })
})

t.test("the simulator's real limits are never hit by fifty queries at once", async (t) => {
  const { simulator, page } = await setUp(t, { behaviour: { latencyMs: 5 } }, systemClock)
  await Promise.all(Array.from({ length: 25 }, () => page()))
  t.equal(simulator.meter.throttled, 0)
})

t.test('a read that waits to try again ends when the service stops', async (t) => {
  const { simulator, client, stop } = await setUp(t)
  simulator.fault({ on: 'companyinfo', kind: 'hang', times: 99 })
  const reading = client.companyName()
  stop.abort(new Error('stopped'))
  await t.rejects(reading, { message: 'stopped' })
})

t.test('a count that is missing is not taken for none', async (t) => {
  const { simulator, reader } = await setUp(t)
  simulator.fault({ on: 'query', kind: 'missingKeys', times: 99 })
  await t.rejects(reader.count('Customer', countStatement(customer)), { code: 'QBO_ANSWER_UNREADABLE' })
})

t.test('an aborted read ends at once', async (t) => {
  const { simulator, page } = await setUp(t)
  simulator.fault({ on: 'query', kind: 'hang' })
  const stop = new AbortController()
  const reading = page(stop.signal)
  stop.abort(new Error('stopped'))
  await t.rejects(reading, { message: 'stopped' })
})

t.test('every read that QuickBooks answers is told, as Intuit bills it, and no other', async (t) => {
  const { simulator, client, reader, billed, page } = await setUp(t)
  simulator.meter.reset()
  simulator.fault({ on: 'query', kind: 'html503', times: 2 })
  await page()
  simulator.fault({ on: 'query', kind: 'malformed' })
  await reader.count('Customer', countStatement(customer))
  simulator.fault({ on: 'cdc', kind: 'okFault', code: '10000' })
  const webhook = client.reader('webhook')
  await webhook.changes(['Customer', 'Item'], simulator.clock.now() - 60_000)
  await webhook.changes(['Item'], simulator.clock.now() - 60_000)
  await client.companyName()
  t.same(billed, [
    'Customer full',
    'Customer full',
    'Customer full',
    'all webhook',
    'Item webhook',
    'company test',
  ])
  // The simulator does not bill an answer that it broke itself.
  t.equal(billed.length, simulator.meter.corePlus + 1)
})

t.test(
  'changes come by entity, with stubs of what was deleted; without a response they are no answer',
  async (t) => {
    const { simulator, reader } = await setUp(t)
    simulator.company.update('Customer', '3', { Notes: 'Edited' })
    simulator.company.remove('Item', '5')
    const since = simulator.clock.now() - 60_000
    const { rows, time } = await reader.changes(['Customer', 'Vendor', 'Item'], since)
    t.match(rows.get('Customer'), [{ Id: '3', Notes: 'Edited' }])
    t.same(rows.get('Vendor'), [])
    t.match(rows.get('Item'), [{ Id: '5', status: 'Deleted' }])
    t.ok(Math.abs((time ?? 0) - simulator.clock.now()) < 60_000)
    simulator.fault({ on: 'cdc', kind: 'empty', times: 99 })
    await t.rejects(reader.changes(['Customer'], since), { code: 'QBO_ANSWER_UNREADABLE' })
  },
)
