// The database goes away under load, or is cut off: search goes on, and all is well again when it is back.
import t, { type Test } from 'tap'
import { databaseEnv, mariadb, onMariaDb, serverOf } from '../support/mariadb.ts'
import { ownMariaDb, wayTo } from '../support/own-mariadb.ts'
import { createFleet, type Fleet, type Replica } from '../support/replicas.ts'
import { startSimulator } from '../support/service.ts'

const test = await onMariaDb(t)

const startCompany = (t: Test) =>
  startSimulator(t, { behaviour: { throttle: { perSecond: null, perMinute: null, concurrent: null } } })

/** Asks all of them, one request after the other, until `end`, which answers what did not go well and how much was asked. */
function load(replicas: readonly Replica[]) {
  let isOver = false
  const failures: string[] = []
  let asked = 0
  async function use({ request }: Replica): Promise<void> {
    while (!isOver)
      for (const path of ['/api/search/part_names?q=b', '/api/cache/status', '/api/records/items?ids=1']) {
        const status = await request(path).then(({ status }) => status, String)
        asked += 1
        if (status !== 200) failures.push(`${path}: ${status}`)
      }
  }
  const users = Promise.all(replicas.flatMap((one) => [use(one), use(one)]))
  return {
    async end() {
      isOver = true
      await users
      return { failures: [...new Set(failures)], asked }
    },
  }
}

/** Until one can, for nobody leads for a moment. */
async function refresh(fleet: Fleet): Promise<void> {
  for (;;) {
    await fleet.leader()
    const { status } =
      (await fleet.all[0]?.request('/api/cache/refresh?full=false', { method: 'POST' })) ?? {}
    if (status === 200) return
  }
}

test('a database that is killed and started again under load fails no search', async (t) => {
  const simulator = await startCompany(t)
  const own = await ownMariaDb(t)
  const database = await mariadb(t, own.server)
  const fleet = createFleet(t, { simulator, database, settings: { leasePeriodMs: 1_000 } })
  await Promise.all([fleet.start(), fleet.start()])
  await fleet.connectAndFill()
  const { end } = load(fleet.all)

  await own.kill()
  await Promise.all(fleet.all.map((one) => one.logged('Other replicas cannot be followed; search goes on')))
  for (const one of fleet.all) t.equal((await one.status()).replica.is_database_reachable, false)
  const [customer] = simulator.company.list('Customer')
  simulator.company.update('Customer', customer?.Id ?? '', { DisplayName: 'Renamed While It Was Away' })
  await own.start()
  await Promise.all(fleet.all.map((one) => one.logged('The database answers again')))
  await refresh(fleet)
  await fleet.mustEqual()

  const { failures, asked } = await end()
  t.same(failures, [])
  t.ok(asked > 100, `${asked} requests`)
})

test('connections that are cut under load, and a commit that nobody heard of, leave all alike', async (t) => {
  const simulator = await startCompany(t)
  const database = await mariadb(t)
  const way = await wayTo(t, serverOf(process.env))
  const fleet = createFleet(t, {
    simulator,
    database: { ...database, env: databaseEnv(way.server, database.name) },
    settings: { leasePeriodMs: 1_000 },
  })
  await Promise.all([fleet.start(), fleet.start()])
  await fleet.connectAndFill()
  const { end } = load(fleet.all)
  const { company } = simulator

  for (let round = 1; round <= 5; round++) {
    for (const { Id } of company.list('Item').slice(round, round + 5))
      company.update('Item', Id, { Name: `Part of round ${round}, ${Id}` })
    const lost = round % 2 === 1 ? way.loseCommit() : undefined
    const asked = fleet.all[round % 2]?.request('/api/cache/refresh?full=false', { method: 'POST' })
    if (lost === undefined) way.cut()
    await Promise.all([lost, asked])
    // What is committed by then all of them show, without another look at QuickBooks.
    if (lost !== undefined) await fleet.mustEqual()
    await refresh(fleet)
    await fleet.mustEqual()
  }
  t.same((await end()).failures, [])
})
