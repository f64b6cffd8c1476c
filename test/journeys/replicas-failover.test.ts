// The replica that leads stands still, or is killed: another one leads, nothing is done twice and nothing is lost.
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { BehaviourChange } from '../../simulator/simulator.ts'
import { createGate } from '../support/gate.ts'
import { mariadb, onMariaDb } from '../support/mariadb.ts'
import { createFleet, type Replica, type ReplicaSettings } from '../support/replicas.ts'
import { connectAt, startSimulator } from '../support/service.ts'

const test = await onMariaDb(t)
const PERIOD_MS = 1_000

interface Setting {
  company?: { customers: number; vendors: number; items: number }
  behaviour?: BehaviourChange
  settings?: Partial<ReplicaSettings>
}

async function setUp(t: Test, { company, behaviour, settings }: Setting = {}) {
  const simulator = await startSimulator(t, {
    ...(company && { company }),
    behaviour: {
      ...{ rotation: 'always', previousToken: 'strict', doubleRefreshRevokes: true },
      throttle: { perSecond: null, perMinute: null, concurrent: null },
      ...behaviour,
    },
  })
  const gate = await createGate(t, simulator.url)
  const fleet = createFleet(t, {
    simulator,
    database: await mariadb(t),
    settings: { leasePeriodMs: PERIOD_MS, ...settings },
    env: {
      QUICKBOOKS_TOKEN_URL: `${gate.url}/oauth2/v1/tokens/bearer`,
      QUICKBOOKS_REVOKE_URL: `${gate.url}/v2/oauth2/tokens/revoke`,
    },
  })
  await Promise.all([fleet.start(), fleet.start(), fleet.start()])
  const refreshes = () => simulator.meter.log.filter(({ operation }) => operation === 'refresh').length
  return { simulator, gate, fleet, refreshes }
}

const others = (all: readonly Replica[], one: Replica) => all.filter((other) => other !== one)

/** Resolves when one of them says that it leads, `times` times in all. */
const oneLeads = (replicas: readonly Replica[]) =>
  Promise.race(
    replicas.map(async (one) => {
      const before = one.log.filter(({ msg }) => msg === 'This replica leads').length
      await one.logged('This replica leads', before + 1)
      return one
    }),
  )

test('a leader that stands still is followed by another one, and follows it when it wakes', async (t) => {
  const { simulator, fleet, refreshes } = await setUp(t)
  await fleet.connectAndFill()
  const former = await fleet.leader()
  const rest = others(fleet.all, former)

  former.pause()
  const pausedAt = performance.now()
  const next = await oneLeads(rest)
  // Told for whoever reads the output: how long it takes is no matter of right or wrong on a busy machine.
  t.comment(`another one leads after ${Math.round(performance.now() - pausedAt)} ms`)

  simulator.oauth.expireAccessTokens()
  const before = refreshes()
  const [customer] = simulator.company.list('Customer')
  simulator.company.update('Customer', customer?.Id ?? '', { DisplayName: 'Renamed Meanwhile' })
  const [follower = next] = others(rest, next)
  t.equal((await follower.request('/api/cache/refresh?full=false', { method: 'POST' })).status, 200)
  t.equal(refreshes() - before, 1)

  former.wake()
  await former.logged('This replica does not lead any more; it follows the one that does')
  await fleet.mustEqual()
  t.equal(await fleet.leader(), next)
  t.equal((await former.request('/api/test')).status, 200)
  t.equal(refreshes() - before, 1, 'the former leader has asked for no tokens')
  t.equal(simulator.oauth.current?.validAccessTokens, 1)
})

test('tokens that came to a leader that stood still are not lost', async (t) => {
  const { simulator, gate, fleet, refreshes } = await setUp(t)
  await fleet.connectAndFill()
  const former = await fleet.leader()
  const rest = others(fleet.all, former)
  const chain = simulator.oauth.current

  simulator.oauth.expireAccessTokens()
  const before = refreshes()
  gate.hold()
  const asked = former.request('/api/test').catch(() => undefined)
  await gate.holds()
  former.pause()
  const next = await oneLeads(rest)
  // It wants tokens, too, and has to wait for those that the former one asked for.
  const wanted = next.request('/api/test')
  gate.release()
  former.wake()
  await asked
  t.equal((await wanted).status, 200)
  await fleet.mustEqual()
  t.equal(refreshes() - before, 1)
  for (const one of fleet.all) t.equal((await one.request('/api/test')).status, 200)
  t.equal(simulator.oauth.chains.length, 1)
  t.not(simulator.oauth.current?.refreshToken, chain?.refreshToken)
  t.equal(refreshes() - before, 1)
})

test('another leader that waits for the tokens of a former one takes them up when they come', async (t) => {
  const { simulator, gate, fleet, refreshes } = await setUp(t, {
    // It is used for half of its life; and a life of half a minute is too short for one that could not be refreshed.
    behaviour: { accessLifeSeconds: 30 },
  })
  await fleet.connectAndFill()
  const oldAt = Date.now() + 15_000
  const former = await fleet.leader()
  const rest = others(fleet.all, former)
  simulator.oauth.expireAccessTokens()
  const before = refreshes()
  gate.hold()
  const asked = former.request('/api/test').catch(() => undefined)
  await gate.holds()
  former.pause()
  const next = await oneLeads(rest)
  const refused = () => simulator.meter.log.filter(({ status }) => status === 401).length
  const before401 = refused()
  const wanted = next.request('/api/test')
  // When it is refused, or too old to be tried, it waits.
  while (refused() === before401 && Date.now() < oldAt) await delay(20)
  gate.release()
  former.wake()
  await asked
  t.equal((await wanted).status, 200)
  t.equal(refreshes() - before, 1)
  t.equal(simulator.oauth.current?.validAccessTokens, 1)
})

test('a disconnect whose leader stands still is finished by the next one', async (t) => {
  const { simulator, gate, fleet } = await setUp(t)
  await fleet.connectAndFill()
  const former = await fleet.leader()
  const rest = others(fleet.all, former)
  gate.hold()
  const [asked = former] = rest
  const disconnected = asked.request('/api/disconnect', { method: 'POST' })
  await gate.holds()
  former.pause()
  await oneLeads(rest)
  gate.release()
  former.wake()
  t.match(await disconnected, { status: 200, json: { success: true } })
  t.equal(simulator.oauth.current, undefined)
  for (const one of fleet.all) {
    while ((await one.status()).connection_status !== 'not_authenticated') await delay(50)
    while ((await one.request('/api/indexes/status')).json.total_indexed_items > 0) await delay(50)
  }
  // Another company's is as good as this one's: nothing of the former connection is left.
  t.equal(await connectAt(asked.url), 302)
  t.equal((await asked.request('/api/cache/refresh', { method: 'POST' })).status, 200)
  await fleet.mustEqual()
})

test('a leader that is killed while everything is read for the first time', async (t) => {
  const { simulator, fleet } = await setUp(t, {
    company: { customers: 900, vendors: 12, items: 3_900 },
    behaviour: { latencyMs: 200 },
  })
  t.equal(await connectAt(fleet.all[0]?.url ?? ''), 302)
  const former = await fleet.leader()
  await someRead(former)
  await former.kill()
  const next = await fleet.leader()
  await next.logged('Cache refreshed')
  t.same(
    await countsAt(fleet.all),
    fleet.all.map(() => countsOf(simulator.company)),
  )
  await searchesAgree(t, fleet.all)
})

test('a leader that is killed while everything is read again', async (t) => {
  const { simulator, fleet } = await setUp(t, {
    company: { customers: 900, vendors: 12, items: 3_900 },
  })
  t.equal(await connectAt(fleet.all[0]?.url ?? ''), 302)
  const former = await fleet.leader()
  await former.logged('Cache refreshed')
  const { company } = simulator
  for (const { Id } of company.list('Item').slice(100, 110)) company.remove('Item', Id)
  for (const { Id } of company.list('Item').slice(-20))
    company.update('Item', Id, { Name: `Changed while it was read ${Id}` })
  simulator.behaviour.latencyMs = 200
  const asked = others(fleet.all, former)[0] ?? former
  const refreshed = asked.request('/api/cache/refresh', { method: 'POST' })
  await someRead(former)
  await former.kill()
  t.equal((await refreshed).status, 200, 'whoever waits for it gets its answer from the next one')
  t.same(
    await countsAt(fleet.all),
    fleet.all.map(() => countsOf(company)),
  )
  await searchesAgree(t, fleet.all)
})

/** Resolves when some of it is read, and not all. */
async function someRead(one: Replica): Promise<void> {
  for (;;) {
    const progress = (await one.status())?.refresh.progress ?? {}
    if (progress.items?.fetched > 0) return
  }
}

const countsOf = (company: { count(entity: string): number }) => ({
  customers: company.count('Customer'),
  vendors: company.count('Vendor'),
  items: company.count('Item'),
})

const countsAt = (replicas: readonly Replica[]) =>
  Promise.all(
    replicas.map(async (one) => {
      const { customers_count, vendors_count, items_count } = await one.status()
      return { customers: customers_count, vendors: vendors_count, items: items_count }
    }),
  )

/** What is searched as soon as all have caught up. */
async function searchesAgree(t: Test, replicas: readonly Replica[]): Promise<void> {
  const queries = ['Changed while', 'a', 'br', 'bolt', '1']
  const answersOf = async ({ request }: Replica) => {
    const { json } = await request('/api/indexes/status')
    const found = queries.map(async (q) => (await request(`/api/search/product_names?q=${q}&limit=100`)).json)
    return { records: json.indexes, found: await Promise.all(found) }
  }
  const [first, ...rest] = replicas
  for (const one of rest) {
    for (let tries = 0; tries < 300; tries++) {
      const [its, firsts] = [await answersOf(one), await answersOf(first ?? one)]
      if (JSON.stringify(its) === JSON.stringify(firsts)) break
      await delay(100)
    }
    t.same(await answersOf(one), await answersOf(first ?? one))
  }
}
