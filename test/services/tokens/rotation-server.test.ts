// The secret key of several replicas is replaced, beside them, where their tokens are on a server.
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { command } from '../../support/command.ts'
import { mariadb, onMariaDb } from '../../support/mariadb.ts'
import { connectAt, startService, startSimulator, temporaryFolder } from '../../support/service.ts'

const onServer = await onMariaDb(t)
const FORMER = { SECRET_KEY: 'the former secret key' }
const BOTH = { SECRET_KEY: 'the next secret key', SECRET_KEY_PREVIOUS: 'the former secret key' }
const NEXT = { SECRET_KEY: 'the next secret key' }

async function setUp(t: Test) {
  const simulator = await startSimulator(t, { behaviour: { rotation: 'always' } })
  const database = await mariadb(t)
  const cwd = temporaryFolder(t)
  const start = (env: Record<string, string>) =>
    startService(t, simulator, {
      env: { ...database.env, QUICKBOOKS_REDIRECT_URI: 'http://localhost:5002/callback', ...env },
      leasePeriodMs: 1_000,
    })
  const rotate = (env: Record<string, string>) =>
    command('rotate-key', { cwd, env: { ...database.env, ...env } })
  const stored = async () =>
    (await database.query<{ sealed: string; key_id: string }>('SELECT sealed, key_id FROM qbo_tokens'))[0]
  return { simulator, database, start, rotate, stored }
}

onServer(
  'with both keys in all replicas it is replaced beside them, and then the former opens nothing',

  async (t) => {
    const { simulator, database, start, rotate, stored } = await setUp(t)
    const first = await start(FORMER)
    t.equal(await connectAt(first.url), 302)
    await first.close()
    const replicas = [await start(BOTH), await start(BOTH)]
    const before = await stored()

    t.match(await rotate(BOTH), { code: 0, text: /1 sealed again.*SECRET_KEY_PREVIOUS is not needed/ })
    t.not((await stored())?.key_id, before?.key_id)
    t.match(await rotate(BOTH), { code: 0, text: /0 sealed again/ })
    simulator.oauth.expireAccessTokens()
    const refreshes = simulator.meter.tokenRequests
    for (const replica of replicas) t.equal((await replica.request('/api/test')).status, 200)
    t.equal(simulator.meter.tokenRequests - refreshes, 1)
    for (const replica of replicas) await replica.close()

    const sealed = await stored()
    await t.rejects(start(FORMER), { name: 'ConfigError', message: /^SECRET_KEY: .*Nothing was changed/ })
    t.same(await stored(), sealed)
    const last = await start(NEXT)
    simulator.oauth.expireAccessTokens()
    t.equal((await last.request('/api/test')).status, 200)
    t.equal((await database.query('SELECT realm FROM qbo_tokens')).length, 1)
  },
)

onServer(
  'with keys that do not fit, or a database that is not ready, it says so and changes nothing',

  async (t) => {
    const { database, start, rotate, stored } = await setUp(t)
    t.match(await rotate(BOTH), {
      code: 1,
      text: /^The key was not replaced\. DB_NAME: .*npm run migrate first/,
    })
    t.same(await database.query('SHOW TABLES'), [])
    const service = await start(FORMER)
    t.equal(await connectAt(service.url), 302)
    const sealed = await stored()
    const wrong = { ...NEXT, SECRET_KEY_PREVIOUS: 'not the former one' }
    t.match(await rotate(wrong), {
      code: 1,
      text: /^The key was not replaced\. SECRET_KEY: .*another key.*\n$/,
    })
    t.match(await rotate({}), { code: 1, text: /SECRET_KEY is missing: with DB_HOST every replica needs/ })
    t.same(await stored(), sealed)
    t.equal((await service.request('/api/test')).status, 200)
  },
)

onServer(
  'a replica that was left with the former key alone does not keep the lead from those that have the next one',

  async (t) => {
    const { start, rotate } = await setUp(t)
    const first = await start(FORMER)
    t.equal(await connectAt(first.url), 302)
    await first.close()
    const leader = await start(BOTH)
    const left = await start(FORMER)
    t.match(await rotate(BOTH), { code: 0, text: /1 sealed again/ })
    const { id } = (await leader.request('/api/cache/status')).json.replica
    await leader.close()
    const known = async () => (await left.request('/api/cache/status')).json.replica.leader
    while ((await known()) === id) await delay(20)
    t.equal(await known(), null)
    const next = await start(NEXT)
    t.equal((await next.request('/api/test')).status, 200)
  },
)
