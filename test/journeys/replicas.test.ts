// Three processes on one MariaDB, beside one simulator: one leads, all serve, and all see the same.
import t, { type Test } from 'tap'
import { mariadb, onMariaDb } from '../support/mariadb.ts'
import { createFleet, type Replica, type ReplicaSettings } from '../support/replicas.ts'
import { startSimulator } from '../support/service.ts'

const test = await onMariaDb(t)

/** Three that serve and follow one company. */
async function setUp(t: Test, settings: Partial<ReplicaSettings> = {}) {
  const simulator = await startSimulator(t, {
    behaviour: { rotation: 'always', throttle: { perSecond: null, perMinute: null, concurrent: null } },
  })
  const database = await mariadb(t)
  const fleet = createFleet(t, { simulator, database, settings: { leasePeriodMs: 1_000, ...settings } })
  await Promise.all([fleet.start(), fleet.start(), fleet.start()])
  await fleet.connectAndFill()
  return { simulator, database, fleet }
}

test('three that start at once on an empty database agree on one', async (t) => {
  const { fleet } = await setUp(t)
  const leader = await fleet.leader()
  const [{ replica }, ...others] = await Promise.all(
    [leader, ...(await fleet.followers())].map((one) => one.status()),
  )
  t.match(replica, { role: 'leader', leader: replica.id, lag_seconds: 0, is_database_reachable: true })
  for (const other of others)
    t.match(other.replica, { role: 'follower', leader: replica.id, is_database_reachable: true })
})

test('fifteen hundred requests at once with a token that has expired ask Intuit once', async (t) => {
  // Intuit's limits, which the service keeps by its own clock, would make them wait for minutes.
  const { simulator, fleet } = await setUp(t, { fast: { base: Date.now(), speed: 60 } })
  const requests = (one: Replica) =>
    Array.from({ length: 500 }, (_, i) =>
      i % 10 === 0 ? one.request('/api/test') : one.request('/api/cache/refresh', { method: 'POST' }),
    )
  simulator.oauth.expireAccessTokens()
  const before = simulator.meter.tokenRequests
  const answers = await Promise.all(fleet.all.flatMap(requests))
  t.same([...Map.groupBy(answers, ({ status }) => status).keys()], [200])
  t.equal(simulator.meter.tokenRequests - before, 1)
  t.equal(simulator.oauth.current?.validAccessTokens, 1)
})
