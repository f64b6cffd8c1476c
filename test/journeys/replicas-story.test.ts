// Half an hour, sixty times as fast, in which replicas are killed, stand still, stop and start at random while QuickBooks
// is edited and announces it to any of them: in the end all show what QuickBooks has.
// REPLICAS_RUNS=20 for longer; REPLICAS_SEED is said by a failure.
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { printEvents, signBody } from '../../simulator/notification.ts'
import { createRandom } from '../../simulator/random.ts'
import { mariadb, onMariaDb } from '../support/mariadb.ts'
import { createFleet, fastClock, type Replica } from '../support/replicas.ts'
import { startSimulator } from '../support/service.ts'

const runs = Number(process.env.REPLICAS_RUNS ?? 1)
const seed = Number(process.env.REPLICAS_SEED ?? Math.floor(Math.random() * 1e9))
const SPEED = 60
const STORY_MS = (30 * 60_000) / SPEED
const REPLICAS = 3
t.setTimeout(60_000 + runs * (STORY_MS + 60_000))

const test = await onMariaDb(t)

for (let run = 0; run < runs; run++)
  await test(`half an hour of kills leaves all alike (REPLICAS_SEED=${seed + run})`, (t) =>
    tell(t, createRandom(seed + run)))

async function tell(t: Test, random: () => number): Promise<void> {
  const fast = { base: Date.now(), speed: SPEED }
  const clock = fastClock(fast)
  const simulator = await startSimulator(t, {
    clock: clock.now,
    behaviour: {
      // A process that is killed with an answer on its way loses it: that is for other tests.
      ...{ rotation: 'always', previousToken: 'grace', accessLifeSeconds: 900 },
      throttle: { perSecond: null, perMinute: null, concurrent: null },
    },
  })
  const fleet = createFleet(t, {
    simulator,
    database: await mariadb(t),
    settings: { leasePeriodMs: 1_000, fast },
    // Its timers are the machine's: each second, which is a minute in the story, it looks for what is due.
    env: { CACHE_REFRESH_MINUTES: '0.0167', FULL_SYNC_HOURS: '0.2', TOKEN_CHECK_MINUTES: '0.0167' },
  })
  await Promise.all(Array.from({ length: REPLICAS }, () => fleet.start()))
  await fleet.connectAndFill()
  const { company, webhooks } = simulator
  webhooks.subscribe(`${fleet.all[0]?.url}/webhooks/quickbooks`)
  webhooks.hold()

  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)]
  const asleep = new Set<Replica>()
  const awake = () => fleet.all.filter((one) => !asleep.has(one))
  const starting = new Set<Promise<unknown>>()
  function startOne(): void {
    const started = fleet.start().finally(() => starting.delete(started))
    starting.add(started)
  }
  const counts: Record<string, number> = {}
  let edits = 0

  const fields = { Customer: 'DisplayName', Vendor: 'DisplayName', Item: 'Name' } as const
  function edit(): void {
    edits += 1
    const entity = pick(Object.keys(fields) as (keyof typeof fields)[]) ?? 'Item'
    const one = pick(company.list(entity))
    const chance = random()
    if (one === undefined || chance < 0.3)
      company.create(entity, { [fields[entity]]: `Made ${edits} ${entity}` })
    else if (chance < 0.5) company.remove(entity, one.Id)
    else if (chance < 0.6) company.deactivate(entity, one.Id)
    else company.update(entity, one.Id, { [fields[entity]]: `Edited ${edits} ${entity}` })
  }

  /** To whichever replica the balancer chooses; one in five is lost. */
  async function announce(): Promise<void> {
    const events = webhooks.take()
    const target = pick(awake())
    if (events.length === 0 || target === undefined || random() < 0.2) return
    const body = printEvents(events, 'cloudEvents')
    await fetch(`${target.url}/webhooks/quickbooks`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'intuit-signature': signBody(body, webhooks.verifierToken),
      },
      signal: AbortSignal.timeout(3_000),
    }).catch(() => undefined)
  }

  async function leading(): Promise<Replica | undefined> {
    for (const one of awake()) if ((await one.status())?.replica.role === 'leader') return one
  }

  const happenings: Record<string, () => Promise<void>> = {
    async kill() {
      const one = pick(awake())
      if (one !== undefined) await one.kill()
    },
    async 'kill the leader'() {
      await (await leading())?.kill()
    },
    async 'stand still'() {
      const one = random() < 0.5 ? await leading() : pick(awake())
      if (one === undefined || asleep.size > 1) return
      asleep.add(one)
      one.pause()
      void delay(300 + random() * 3_000).then(() => {
        asleep.delete(one)
        if (fleet.all.includes(one)) one.wake()
      })
    },
    async stop() {
      await pick(awake())?.stop()
    },
    async 'ask for everything'() {
      void pick(awake())
        ?.request('/api/cache/refresh', { method: 'POST', signal: AbortSignal.timeout(5_000) })
        .catch(() => undefined)
    },
  }

  const end = performance.now() + STORY_MS
  const editing = (async () => {
    while (performance.now() < end) {
      edit()
      if (random() < 0.5) void announce()
      await delay(random() * 150)
    }
  })()
  while (performance.now() < end) {
    await delay(random() * 1_000)
    const name = pick(Object.keys(happenings)) ?? 'kill'
    counts[name] = (counts[name] ?? 0) + 1
    await happenings[name]?.()
    if (fleet.all.length + starting.size < REPLICAS) startOne()
    if (awake().length === 0) await Promise.race(starting)
  }
  await editing
  while (asleep.size > 0) await delay(50)
  await Promise.all(starting)
  while (fleet.all.length < REPLICAS) await fleet.start()

  t.comment(JSON.stringify({ edits, ...counts }))
  await fleet.mustEqual(30_000)
  await fleet.leader()
  for (const one of fleet.all) {
    const { connection_status, entities } = await one.status()
    t.equal(connection_status, 'connected')
    for (const [name, { count, active_count, last_error }] of Object.entries<Record<string, unknown>>(
      entities,
    )) {
      const qbo = { customers: 'Customer', vendors: 'Vendor', items: 'Item' }[name] ?? ''
      const there = company.list(qbo)
      t.same(
        [count, active_count, last_error],
        [there.length, there.filter(({ Active }) => Active).length, null],
      )
    }
  }
  t.equal(simulator.oauth.chains.length, 1, 'nobody had to connect again')
}
