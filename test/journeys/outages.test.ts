// Hours and days in which QuickBooks fails in every way that the simulator knows, alone and together, and nobody does
// anything: what must hold at each step, and that all is well again when it is over.
// OUTAGES_RUNS=500 for longer; OUTAGES_SEED is said by a failure.
import { deepStrictEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { FAULT_KINDS, type FaultPlan } from '../../simulator/faults.ts'
import { watchReads } from '../support/answers.ts'
import { createLeapingClock, START } from '../support/clock.ts'
import { startService, startSimulator } from '../support/service.ts'

const runs = Number(process.env.OUTAGES_RUNS ?? 25)
const seed = process.env.OUTAGES_SEED
t.setTimeout(60_000 + runs * 20_000)

const MINUTE_MS = 60_000
/** Silence costs the machine's own time, and an end of the consent a person: both have tests of their own. */
const kinds = FAULT_KINDS.filter((kind) => !['hang', 'huge', 'invalidGrant'].includes(kind))
/** Answers that leave rows out and do not show it would make less of data that is there. */
const silent = ['wrongRows', 'missingKeys']

const fault = fc
  .record({
    on: fc.constantFrom('query' as const, 'cdc' as const, 'refresh' as const, 'any' as const),
    kind: fc.constantFrom(...kinds),
    times: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(1_000)),
    skip: fc.nat(5),
  })
  .filter(({ on, kind }) => on === 'query' || !silent.includes(kind))
  .filter(({ on, kind }) => on === 'refresh' || kind !== 'lostTokenAnswer')

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('fault' as const), plan: fault }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('isOver' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 360 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('edit' as const), pick: fc.nat(29) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ask' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function startStory(t: Test, sawCircuit: (circuit: string) => void) {
  const reads = watchReads()
  const clock = createLeapingClock(START, reads.onTheWay)
  const simulator = await startSimulator(t, {
    clock: clock.now,
    behaviour: { rotation: 'always', tokenLatencyMs: 0 },
  })
  const service = await startService(t, simulator, { clock })
  await service.connectAndFill()
  const { app } = service
  const status = async () => (await service.request('/api/cache/status')).json
  const [known] = simulator.company.list('Item').filter(({ Active, Type }) => Active && Type !== 'Category')
  let fewest = await counts()

  async function counts(): Promise<Record<string, number>> {
    const { customers_count, vendors_count, items_count } = await status()
    return { customers_count, vendors_count, items_count }
  }

  /** As the schedule does it. */
  async function wait(minutes: number): Promise<void> {
    for (let left = minutes; left > 0; left -= 5) {
      clock.advance(Math.min(left, 5) * MINUTE_MS)
      await app.tokens.keeper.check()
      await app.sync.refreshDue()
      await app.sync.settled()
      await mustHold()
    }
  }

  async function happens(one: Step): Promise<void> {
    if (one.do === 'fault') simulator.fault(one.plan as FaultPlan)
    if (one.do === 'isOver') simulator.clearFaults()
    if (one.do === 'wait') await wait(one.minutes)
    if (one.do === 'edit')
      simulator.company.update('Customer', simulator.company.list('Customer')[one.pick]?.Id ?? '', {
        Notes: `at ${clock.now()}`,
      })
    if (one.do === 'ask') await service.request('/api/cache/refresh', { method: 'POST' })
    await mustHold()
  }

  const search = (name: string) => service.request(`/api/search/part_numbers?q=${encodeURIComponent(name)}`)

  async function mustHold(): Promise<void> {
    const { maxPerSecond, maxPerMinute, maxConcurrent, throttled, log } = simulator.meter
    ok(maxPerSecond <= 10 && maxPerMinute <= 500 && maxConcurrent <= 10, 'Intuit’s limits')
    equal(throttled, 0, 'never more than the limits allow')
    const refreshes = log.filter(({ operation }) => operation === 'refresh')
    for (const [i, { at }] of refreshes.entries()) {
      const before = refreshes[i - 1]
      if (before === undefined || before.status === 200) continue
      ok(at - before.at >= MINUTE_MS, `a token request was repeated after ${at - before.at} ms`)
    }
    const askedAt = clock.now()
    const now = await status()
    const cached = await counts()
    for (const [name, count] of Object.entries(fewest)) ok((cached[name] ?? 0) >= count, `${name}: less`)
    fewest = cached
    const { status: code, json, text } = await search(String(known?.Name))
    equal(code, 200, text)
    equal(json.results[0]?.id, known?.Id, 'search goes on')
    await mustBeTrue(now, askedAt)
  }

  /** What the status says. */
  async function mustBeTrue(now: Awaited<ReturnType<typeof status>>, askedAt: number): Promise<void> {
    const { state, refreshToken } = app.tokens.keeper.connection() ?? {}
    equal(now.connection_status, state === 'connected' ? 'connected' : 'reconnect_required')
    if (state !== 'connected')
      ok(
        !simulator.oauth.chains.some((chain) => !chain.revoked && chain.refreshToken === refreshToken),
        'a person is asked although the tokens are good',
      )
    const { circuit, retry_at } = now.quickbooks
    ok(circuit === 'closed' || retry_at !== null)
    ok(
      retry_at === null || Date.parse(retry_at) >= Math.floor(askedAt),
      'what is past is no time to try again',
    )
    sawCircuit(circuit)
    for (const [name, one] of Object.entries<Record<string, string | null | undefined>>(now.entities)) {
      if (!one.last_error)
        ok(String(one.last_success) >= String(one.last_attempt), `${name}: failed, and does not say so`)
      else ok(one.last_error.length > 20, `${name}: says what happened`)
    }
  }

  return {
    happens,
    async ends(): Promise<void> {
      simulator.clearFaults()
      // An answer of the token service that was lost can cost the connection, and nothing else does. It shows at the next
      // refresh, at the latest when the access token at hand has lived its hour.
      await wait(65)
      if ((await status()).connection_status === 'reconnect_required') await service.connect()
      await wait(3 * 60)
      const { connection_status, quickbooks, entities } = await status()
      equal(connection_status, 'connected')
      equal(quickbooks.circuit, 'closed')
      for (const [name, { last_error, age_seconds }] of Object.entries<Record<string, unknown>>(entities)) {
        equal(last_error, null, name)
        ok(Number(age_seconds) <= 65 * 60, `${name}: ${age_seconds} s old`)
      }
      const realm = app.tokens.keeper.currentRealm()
      for (const [entity, name] of [
        ['Customer', 'customers'],
        ['Vendor', 'vendors'],
        ['Item', 'items'],
      ] as const) {
        const cached = new Map<string, unknown>()
        for await (const rows of app.cache.batches(realm, name))
          for (const { id, json } of rows) cached.set(id, JSON.parse(json))
        const there = simulator.company.list(entity).map((one) => [one.Id, JSON.parse(JSON.stringify(one))])
        deepStrictEqual(cached, new Map(there as [string, unknown][]), name)
      }
      await service.close()
      await simulator.close()
      reads.stop()
    },
  }
}

t.test(
  'whatever fails, for however long: limits, tokens and data are kept, and it heals by itself',
  async (t) => {
    const circuits = new Set<string>()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        const story = await startStory(t, (circuit) => circuits.add(circuit))
        for (const one of steps) await story.happens(one)
        await story.ends()
      }),
      { numRuns: runs, endOnFailure: true, ...(seed !== undefined && { seed: Number(seed) }) },
    )
  },
)
