// Those that follow show what the one that leads has changed: records, deletions, events and ages.
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { start } from '../support/crashes.ts'
import { mariadb, onMariaDb } from '../support/mariadb.ts'
import { createFleet, type Replica, type ReplicaSettings } from '../support/replicas.ts'
import { startSimulator, temporaryFolder } from '../support/service.ts'

const test = await onMariaDb(t)

async function setUp(t: Test, settings: Partial<ReplicaSettings>[] = [{}, {}]) {
  const simulator = await startSimulator(t, {
    behaviour: { throttle: { perSecond: null, perMinute: null, concurrent: null } },
  })
  const database = await mariadb(t)
  const fleet = createFleet(t, { simulator, database, settings: { leasePeriodMs: 1_000 } })
  // One after the other: the first leads, and both issues and redeems the state of the consent, which ends by its clock.
  for (const some of settings) await fleet.start({ settings: some })
  await fleet.connectAndFill()
  return { simulator, database, fleet }
}

const refresh = (one: Replica) => one.request('/api/cache/refresh?full=false', { method: 'POST' })

test('deletions and new records come to those that follow, that stood still, and that begin with nothing', async (t) => {
  const { simulator, fleet } = await setUp(t)
  const { company } = simulator
  const leader = await fleet.leader()
  const [follower = leader] = await fleet.followers()
  const [first, second, third] = company.list('Customer').slice(-3)
  company.remove('Customer', first?.Id ?? '')
  company.deactivate('Customer', second?.Id ?? '')
  company.create('Customer', { DisplayName: String(first?.DisplayName) })
  t.equal((await refresh(leader)).status, 200)
  await fleet.mustEqual()

  follower.pause()
  for (let edits = 0; edits < 5; edits++) {
    company.create('Item', { Name: `Made while it stood still ${edits}` })
    company.update('Customer', third?.Id ?? '', { DisplayName: `Edited ${edits} times` })
    t.equal((await refresh(leader)).status, 200)
  }
  company.remove('Customer', third?.Id ?? '')
  t.equal((await refresh(leader)).status, 200)
  follower.wake()
  await fleet.start()
  await fleet.mustEqual()
})

/** Events as they come. */
async function listen({ url }: Replica, query = '') {
  const leaving = new AbortController()
  const { body } = await fetch(`${url}/api/events${query}`, { signal: leaving.signal })
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  return {
    /** The data of the next event of this kind. */
    async next(event: string): Promise<{ ids: string[]; entity: string; cursor: string }> {
      for (;;) {
        const found = new RegExp(`event: ${event}\ndata: (.*)\n\n`).exec(text)
        if (found !== null) {
          text = text.slice(found.index + found[0].length)
          return JSON.parse(found[1] ?? '')
        }
        const { value, done } = (await reader?.read()) ?? {}
        if (done) throw new Error(`it ended before ${event}`)
        text += value
      }
    },
    leave: () => leaving.abort(),
  }
}

test('a page that listens to one hears of a change made by another, and goes on at any', async (t) => {
  const { simulator, fleet } = await setUp(t, [{}, {}, {}])
  const { company } = simulator
  const leader = await fleet.leader()
  const [one = leader, other = leader] = await fleet.followers()
  const page = await listen(one)
  await page.next('ready')
  const [customer, gone] = company.list('Customer')
  const edit = (name: string) => company.update('Customer', customer?.Id ?? '', { DisplayName: name })
  edit('Heard At Once')
  await refresh(leader)
  const heard = await page.next('change')
  t.match(heard, { entity: 'customers', ids: [customer?.Id] })
  const found = await one.request('/api/search/client_names?q=heard%20at')
  t.equal(found.json.results[0]?.id, customer?.Id, 'it can be found by then')
  page.leave()

  edit('Missed')
  company.remove('Customer', gone?.Id ?? '')
  await refresh(leader)
  for (const there of [other, leader]) {
    const later = await listen(there, `?cursor=${heard.cursor}`)
    t.same((await later.next('change')).ids.sort(), [customer?.Id, gone?.Id].sort())
    later.leave()
  }
  const { json } = await other.request(`/api/changes?cursor=${heard.cursor}`)
  t.same(json.changes.map(({ deleted }: { deleted: boolean }) => deleted).sort(), [false, true])
})

test('each tells how old its data is, how far it is behind and who leads', async (t) => {
  const { fleet } = await setUp(t)
  const leader = await fleet.leader()
  const [follower = leader] = await fleet.followers()
  await delay(2_000)
  for (const one of fleet.all) {
    const response = await fetch(`${one.url}/api/search/client_names?q=a`)
    const { replica, entities } = await one.status()
    t.match(replica, { role: one === leader ? 'leader' : 'follower' })
    t.ok(Number(response.headers.get('x-data-age')) >= 1, 'as old as what it shows')
    t.ok(entities.customers.age_seconds >= 1)
  }
  follower.pause()
  await delay(3_000)
  follower.wake()
  const leaderOf = async (one: Replica) => (await one.status()).replica.leader
  while ((await leaderOf(follower)) !== (await leaderOf(await fleet.leader()))) await delay(100)
  const startedAt = performance.now()
  await refresh(follower)
  for (const one of fleet.all) {
    const response = await fetch(`${one.url}/api/search/client_names?q=a`)
    const seconds = Math.ceil((performance.now() - startedAt) / 1000)
    t.ok(Number(response.headers.get('x-data-age')) <= seconds, 'as fresh as what was just read')
  }
})

test('clocks that are hours apart do no harm', async (t) => {
  const { simulator, fleet } = await setUp(t, [{ aheadMs: 3 * 3_600_000 }, { aheadMs: -3 * 3_600_000 }, {}])
  const { company, oauth } = simulator
  for (let round = 1; fleet.all.length > 0; round++) {
    const leader = await fleet.leader()
    const one = fleet.all.at(-1) ?? leader
    // A new leader may find that one is due, which has read some of it before the edit, and would be joined.
    await refresh(one)
    const [customer] = company.list('Customer')
    company.update('Customer', customer?.Id ?? '', { DisplayName: `Edited ${round} times` })
    company.create('Item', { Name: `Made in round ${round}` })
    oauth.expireAccessTokens()
    t.match(await refresh(one), { status: 200 })
    t.equal((await one.request('/api/test')).status, 200)
    await fleet.mustEqual()
    await leader.kill()
  }
  t.equal(oauth.chains.length, 1)
})

test('one with another secret key does not start, and changes nothing', async (t) => {
  const { simulator, database, fleet } = await setUp(t)
  const env = { ...simulator.env, ...database.env, SECRET_KEY: 'not the key of the others' }
  const death = await start({ env: { ...env, DATA_DIR: temporaryFolder(t) } })
  t.match(death, { code: 1, output: /^mrp-backend cannot start\. SECRET_KEY: / })
  await fleet.mustEqual()
  for (const one of fleet.all) t.equal((await one.request('/api/test')).status, 200)
})
