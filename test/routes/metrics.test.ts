// The figures follow what happens, and say nothing of what was typed.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { MOST_MISSES } from '../../src/services/metrics/misses.ts'
import { createLeapingClock, createManualClock, START } from '../support/clock.ts'
import { type Figures, figuresIn } from '../support/figures.ts'
import { databaseEnv, mariadb, onMariaDb, serverOf } from '../support/mariadb.ts'
import { wayTo } from '../support/own-mariadb.ts'
import { createFleet } from '../support/replicas.ts'
import { type Service, type ServiceOptions, startService, startSimulator } from '../support/service.ts'

const DAY_SECONDS = 86_400

async function figuresOf({ request }: Pick<Service, 'request'>): Promise<Figures> {
  const { status, text } = await request('/metrics')
  if (status !== 200) throw new Error(`/metrics answered ${status}: ${text}`)
  return figuresIn(text)
}

async function setUp(t: Test, options: ServiceOptions = {}) {
  const clock = createLeapingClock()
  const simulator = await startSimulator(t, { clock: clock.now })
  const service = await startService(t, simulator, { clock, timeoutMs: 1_000, ...options })
  return { clock, simulator, service, figures: () => figuresOf(service) }
}

t.test('every search counts for its index: kept answers, several at once and suggestions, too', async (t) => {
  const { service, simulator, figures } = await setUp(t)
  await service.connectAndFill()
  const ask = (path: string, init?: RequestInit) => service.request(`/api/search${path}`, init)
  const name = encodeURIComponent(String(simulator.company.list('Customer')[0]?.DisplayName))
  let results = 0
  const found = async (path: string) => {
    results += (await ask(path)).json.results.length
  }
  await found(`/client_names?q=${name}`)
  await found(`/client_names?q=${name}`)
  await found(`/client_names?q=${name}&highlight=true`)
  await found('/client_names?q=&suggest=true&limit=3')
  await found('/client_names?q=nothingcalledthis')
  await found(`/client_names?q=${name}&active=all&offset=5000`)
  const { groups } = (await ask(`?q=${name}&indexes=client_names,part_numbers`)).json
  results += groups[0].results.length
  t.ok(results > 5)

  const { headers } = await ask(`/client_names?q=${name}`)
  results += (await ask(`/client_names?q=${name}`)).json.results.length * 2
  const before = await figures()
  t.equal(
    (await ask(`/client_names?q=${name}`, { headers: { 'if-none-match': headers.get('etag') ?? '' } }))
      .status,
    304,
  )
  t.equal((await ask('/client_names?q=')).status, 400)
  t.equal((await ask('/nothing_like_it?q=a')).status, 404)
  const after = await figures()
  for (const one of [before, after]) {
    t.equal(one.get('mrp_search_duration_seconds_count{index="client_names"}'), 9)
    t.equal(one.get('mrp_search_duration_seconds_bucket{le="+Inf",index="client_names"}'), 9)
    t.equal(one.get('mrp_search_results_total{index="client_names"}'), results)
    t.equal(one.get('mrp_search_no_hit_total{index="client_names"}'), 1, 'a page past the end is none')
    t.equal(one.get('mrp_search_duration_seconds_count{index="part_numbers"}'), 1)
    t.equal(one.get('mrp_search_no_hit_total{index="part_numbers"}'), groups[1].results.length === 0 ? 1 : 0)
    t.equal(one.get('mrp_search_duration_seconds_count{index="vendor_names"}'), 0, 'from the start')
  }
  const buckets = [...after]
    .filter(([key]) => /_bucket\{.*"client_names"/.test(key))
    .map(([, count]) => count)
  t.same(
    buckets,
    buckets.toSorted((a, b) => a - b),
    'each holds those below it',
  )
  t.ok((after.get('mrp_search_duration_seconds_sum{index="client_names"}') ?? 0) > 0)
  const answers = (of: Figures, kind: string) => of.get(`mrp_http_responses_total{class="${kind}"}`) ?? 0
  const came = (kind: string) => answers(after, kind) - answers(before, kind)
  t.same(['2xx', '3xx', '4xx', '5xx'].map(came), [1, 1, 2, 0], 'the figures themselves are an answer')
})

t.test('what QuickBooks was asked counts by what it came to, and reading by entity and why', async (t) => {
  const { service, simulator, clock, figures } = await setUp(t, {
    env: { QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN: 'simulator-verifier-token' },
  })
  const requests = (of: Figures, outcome: string) =>
    of.get(`mrp_quickbooks_requests_total{outcome="${outcome}"}`)
  const runs = (of: Figures, kind: string) =>
    of.get(`mrp_sync_duration_seconds_count{entity="items",kind="${kind}"}`)
  const failures = (of: Figures, kind: string) =>
    of.get(`mrp_sync_failures_total{entity="items",kind="${kind}"}`)
  const empty = await figures()
  t.same(
    [requests(empty, 'ok'), requests(empty, 'throttled'), runs(empty, 'full'), failures(empty, 'full')],
    [0, 0, 0, 0],
  )

  simulator.fault({ on: 'query', kind: 'http429', times: 2, retryAfterSeconds: 1 })
  simulator.fault({ on: 'query', kind: 'unauthorized' })
  simulator.fault({ on: 'query', kind: 'malformed' })
  simulator.fault({ on: 'query', kind: 'reset' })
  await service.connectAndFill()
  const filled = await figures()
  t.equal(requests(filled, 'throttled'), 2)
  t.equal(requests(filled, 'unauthorized'), 1)
  t.equal(requests(filled, 'answer_unreadable'), 1)
  t.equal(requests(filled, 'unreachable'), 1)
  t.equal(
    requests(filled, 'ok'),
    service.app.meter.readings().spent - 1,
    'one that is billed could not be read',
  )
  const all = [...filled].filter(([key]) => key.startsWith('mrp_quickbooks_requests_total'))
  const sum = all.reduce((sum, [, count]) => sum + count, 0)
  t.equal(filled.get('mrp_quickbooks_request_duration_seconds_count'), sum)
  t.equal(sum, service.app.qbo.requests())
  t.equal(filled.get('mrp_records{entity="items"}'), 50)
  t.equal(filled.get('mrp_sync_running'), 0)

  simulator.webhooks.subscribe(`${service.url}/webhooks/quickbooks`)
  simulator.webhooks.hold()
  simulator.company.create('Item', { Name: 'Announced', Type: 'Service', Active: true })
  await simulator.webhooks.post(simulator.webhooks.take())
  await service.app.sync.settled()
  clock.advance(3_600_001)
  await service.app.sync.refreshDue()
  const followed = await figures()
  t.ok((runs(filled, 'full') ?? 0) >= 1)
  t.same([runs(followed, 'webhook'), runs(followed, 'changes')], [1, 1])
  t.equal(followed.get('mrp_records{entity="items"}'), 51)
  t.equal(failures(followed, 'webhook'), 0)

  simulator.fault({ on: 'query', entity: 'Item', kind: 'fault', code: '6190', times: Infinity })
  t.equal((await service.request('/api/cache/refresh', { method: 'POST' })).status, 502)
  const failed = await figures()
  t.equal(failures(failed, 'full'), 1)
  t.equal((runs(failed, 'full') ?? 0) - (runs(followed, 'full') ?? 0), 1, 'a failure took its time, too')
  t.ok((requests(failed, 'subscription_lapsed') ?? 0) >= 1)
  t.equal(failed.get('mrp_sync_failures_total{entity="vendors",kind="full"}'), 0)
})

t.test('data has an age from the first reading on, and the age grows', async (t) => {
  const { service, clock, figures } = await setUp(t)
  const never = await figures()
  t.notOk(never.has('mrp_sync_age_seconds{entity="items"}'))
  t.notOk(never.has('mrp_sync_last_success_timestamp_seconds{entity="items"}'))
  await service.connectAndFill()
  const succeeded = (await figures()).get('mrp_sync_last_success_timestamp_seconds{entity="items"}') ?? 0
  clock.advance(7_200_000)
  const old = await figures()
  t.equal(old.get('mrp_sync_age_seconds{entity="items"}'), Math.round(clock.now() / 1000 - succeeded))
  t.ok((old.get('mrp_sync_age_seconds{entity="items"}') ?? 0) >= 7_200)
})

t.test(
  'tokens end in so many seconds, by the clock; the state of the connection is the one that is 1',
  async (t) => {
    const clock = createManualClock()
    const simulator = await startSimulator(t, { clock: clock.now })
    const service = await startService(t, simulator, { clock })
    const figures = () => figuresOf(service)
    const state = (of: Figures) =>
      [...of]
        .filter(([key, value]) => key.startsWith('mrp_connection_state') && value === 1)
        .map(([key]) => key)
    const before = await figures()
    t.same(state(before), ['mrp_connection_state{state="not_authenticated"}'])
    t.same(
      [...before.keys()].filter((key) => key.startsWith('mrp_token')),
      [],
      'there are none',
    )

    service.app.sync.stop()
    await service.connect()
    const connected = await figures()
    t.equal(connected.get('mrp_token_expiry_seconds{token="access"}'), 3_600)
    const refresh = connected.get('mrp_token_expiry_seconds{token="refresh"}') ?? 0
    t.ok(refresh > 90 * DAY_SECONDS && refresh <= 101 * DAY_SECONDS)
    t.ok((connected.get('mrp_token_expiry_seconds{token="consent"}') ?? 0) > 4 * 365 * DAY_SECONDS)
    await clock.advance(4_000_000)
    const later = await figures()
    t.equal(later.get('mrp_token_expiry_seconds{token="access"}'), -400, 'it has ended')
    t.equal(later.get('mrp_token_expiry_seconds{token="refresh"}'), refresh - 4_000)
    t.equal(clock.now(), START + 4_000_000)

    simulator.fault({ on: 'refresh', kind: 'invalidGrant', times: Infinity })
    await service.app.tokens.keeper.check()
    t.same(state(await figures()), ['mrp_connection_state{state="reconnect_required"}'])
  },
)

t.test('a loop that was blocked was late, and its figures begin anew when they were read', async (t) => {
  const { figures } = await setUp(t)
  const late = async (stat: string) =>
    (await figures()).get(`mrp_event_loop_delay_seconds{stat="${stat}"}`) ?? Number.NaN
  const block = (ms: number) => {
    const end = performance.now() + ms
    while (performance.now() < end);
  }
  await figures()
  // The first sample after a reading only says from when on the next one counts.
  block(100)
  await nextTurn()
  await nextTurn()
  block(3_000)
  const blocked = await late('max')
  t.ok(blocked > 2.5 && blocked < 60, `${blocked}`)
  t.ok((await late('max')) < blocked)
  t.ok((await late('mean')) >= 0)
})

t.test('a database that fails keeps the figures of the process, and says so', async (t) => {
  const { service, figures } = await setUp(t)
  await service.connectAndFill()
  const { db } = service.app.database
  await sql`alter table qbo_checkpoints rename to away`.execute(db)
  const failing = await figures()
  t.equal(failing.get('mrp_database_reachable'), 0)
  t.ok((failing.get('mrp_quickbooks_requests_total{outcome="ok"}') ?? 0) > 0)
  const told = ['mrp_records', 'mrp_sync_age', 'mrp_replica', 'mrp_connection', 'mrp_token']
  t.same(
    [...failing.keys()].filter((key) => told.some((name) => key.startsWith(name))),
    [],
    'nothing old as if it were new',
  )
  await sql`alter table away rename to qbo_checkpoints`.execute(db)
  t.equal((await figures()).get('mrp_database_reachable'), 1)
})

const CANARY = 'zebrafinchwhistle'

async function searchForCanary({ request }: Service): Promise<void> {
  for (const path of [
    `/client_names?q=${CANARY}`,
    `/client_names?q=${CANARY}&sort=name`,
    `?q=${CANARY}&indexes=client_names,part_numbers`,
    `/client_names?q=${CANARY}&limit=0`,
    `/no_such_index?q=${CANARY}`,
  ])
    await request(`/api/search${path}`)
}

t.test('what was typed stands in no log, no figure and no file', async (t) => {
  const { service, figures } = await setUp(t, { env: { SLOW_SEARCH_MS: '0' } })
  await service.connectAndFill()
  await searchForCanary(service)
  t.equal((await figures()).get('mrp_search_no_hit_total{index="client_names"}'), 3)
  const { text } = await service.request('/metrics')
  await service.close()
  t.ok(service.log.some(({ msg }) => msg === 'Slow search'))
  t.notOk(JSON.stringify(service.log).includes(CANARY))
  t.notOk(text.includes(CANARY))
  const files = readdirSync(service.dataDir, { withFileTypes: true, recursive: true }).filter((one) =>
    one.isFile(),
  )
  t.ok(files.length > 1)
  for (const { parentPath, name } of files)
    t.notOk(readFileSync(join(parentPath, name)).includes(CANARY), name)
})

t.test('with LOG_QUERIES what was not found is a line, but no more than a person reads', async (t) => {
  const { service, clock } = await setUp(t, { env: { LOG_QUERIES: 'true' } })
  await service.connectAndFill()
  await searchForCanary(service)
  const lines = () => service.log.filter(({ msg }) => msg === 'Search found nothing')
  t.match(lines(), [
    { level: 30, index: 'client_names', q: CANARY },
    { index: 'client_names', q: CANARY },
    { index: 'client_names', q: CANARY },
    { index: 'part_numbers', q: CANARY },
  ])
  t.equal(lines().length, 4, 'and what was refused is none')
  const ask = (q: string) => service.request(`/api/search/vendor_names?q=${q}`)
  for (let i = 0; i < MOST_MISSES; i++) await ask(`${CANARY}${i}`)
  t.equal(lines().length, MOST_MISSES)
  const leftOut = () => service.log.filter((line) => 'leftOut' in line).map((line) => line.leftOut)
  clock.advance(60_000)
  await ask(`${CANARY}again`)
  t.match(lines().at(-1), { q: `${CANARY}again` })
  t.same(leftOut(), [4])
  for (let i = 0; i < MOST_MISSES; i++) await ask(`${CANARY}${i}`)
  await service.close()
  t.same(leftOut(), [4, 1], 'the last ones at the end')
})

const test = await onMariaDb(t)

test('of replicas one leads, all tell the same of the whole, and each of itself', async (t) => {
  const simulator = await startSimulator(t)
  const database = await mariadb(t)
  const fleet = createFleet(t, { simulator, database, settings: { leasePeriodMs: 2_000 } })
  await Promise.all([fleet.start(), fleet.start()])
  await fleet.connectAndFill()
  const leader = await fleet.leader()
  const [follower = leader] = await fleet.followers()
  const read = async (one: typeof leader) => figuresIn(await (await fetch(`${one.url}/metrics`)).text())
  const ofTheWhole = (of: Figures) =>
    [...of]
      .filter(([key]) => /^mrp_(records|sync_last|connection_state|quickbooks_reads)/.test(key))
      .map((one) => one.join(' '))
      .toSorted()
  const searches = (of: Figures) => of.get('mrp_search_duration_seconds_count{index="client_names"}') ?? 0
  let [leads, follows] = [await read(leader), await read(follower)]
  const before = [searches(leads), searches(follows)]
  await follower.request('/api/search/client_names?q=a')
  // Reads are written down a second after they were made.
  while (ofTheWhole(follows).length < ofTheWhole(leads).length) {
    await delay(50)
    ;[leads, follows] = [await read(leader), await read(follower)]
  }
  t.same([leads.get('mrp_replica_leader'), follows.get('mrp_replica_leader')], [1, 0])
  t.equal(leads.get('mrp_replica_lag_seconds'), 0)
  t.ok((follows.get('mrp_replica_lag_seconds') ?? 0) > 0)
  t.ok(ofTheWhole(leads).length > 12)
  t.same(ofTheWhole(follows), ofTheWhole(leads))
  t.ok(follows.has('mrp_token_expiry_seconds{token="refresh"}'))
  t.equal(follows.get('mrp_quickbooks_requests_total{outcome="ok"}'), 0)
  t.ok((leads.get('mrp_quickbooks_requests_total{outcome="ok"}') ?? 0) > 0)
  t.same([searches(await read(leader)), searches(await read(follower))], [before[0], Number(before[1]) + 1])
})

test('figures come while the database hangs, of the whole as it was known before', async (t) => {
  const simulator = await startSimulator(t)
  const database = await mariadb(t)
  const way = await wayTo(t, serverOf(process.env))
  const service = await startService(t, simulator, { env: databaseEnv(way.server, database.name) })
  await service.connectAndFill()
  t.equal((await figuresOf(service)).get('mrp_database_reachable'), 1)
  way.hang(true)
  const figures = await figuresOf(service)
  way.hang(false)
  t.equal(figures.get('mrp_database_reachable'), 0)
  t.equal(figures.get('mrp_records{entity="items"}'), 50)
  t.ok(figures.has('mrp_sync_age_seconds{entity="items"}'))
})
