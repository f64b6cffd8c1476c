// A shop grows: what the service keeps moves from its file to a server and back, and the service goes on there.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { command } from '../support/command.ts'
import { mustStart } from '../support/crashes.ts'
import { mariadb, onMariaDb } from '../support/mariadb.ts'
import { CALLBACK, createFleet } from '../support/replicas.ts'
import { connectAt, startService, startSimulator, temporaryFolder } from '../support/service.ts'

const onServer = await onMariaDb(t)
/** Of the server; the folder has one of its own. */
const SECRET_KEY = 'the key of the server'
const GROW = ['--to', 'mysql', '--from']
const SHRINK = ['--from', 'mysql', '--to']

async function setUp(t: Test, company = { customers: 30, vendors: 12, items: 50 }) {
  const simulator = await startSimulator(t, { company, behaviour: { rotation: 'always' } })
  const database = await mariadb(t)
  const dataDir = temporaryFolder(t)
  const alone = (folder: string, env: Record<string, string>) =>
    startService(t, simulator, { dataDir: folder, env: { QUICKBOOKS_REDIRECT_URI: CALLBACK, ...env } })
  const fleet = createFleet(t, {
    ...{ simulator, database },
    settings: { leasePeriodMs: 1_000 },
    env: { SECRET_KEY },
  })
  const copy = (args: string[], isEnough?: () => Promise<boolean>) =>
    command('copy-store', { args, env: { ...database.env, SECRET_KEY }, cwd: temporaryFolder(t) }, isEnough)
  return { simulator, database, dataDir, alone, fleet, copy }
}

onServer(
  'the service goes on on the server, refreshes with the moved token, and moves back',

  async (t) => {
    const { simulator, database, dataDir, alone, fleet, copy } = await setUp(t)
    const first = await alone(dataDir, { SECRET_KEY: '' })
    t.equal(await connectAt(first.url), 302)
    t.equal((await first.request('/api/cache/refresh', { method: 'POST' })).status, 200)
    const { cursor } = (await first.request('/api/changes?entities=items&limit=1000')).json
    const served = await copy([...GROW, `sqlite:${dataDir}`])
    t.match(served, {
      code: 1,
      text: /^The store was not copied\. DATA_DIR: another process serves[^\n]*\n$/,
    })
    await first.close()

    const moved = await copy([...GROW, `sqlite:${dataDir}`])
    t.match(moved, {
      code: 0,
      text: /^Moved the QuickBooks connection .* copied 92 records, 0 deletions[^\n]*\n$/,
    })
    t.match(await copy([...GROW, `sqlite:${dataDir}`]), { code: 0, text: /^There was nothing to do/ })

    const { refreshes, reads } = { refreshes: simulator.meter.tokenRequests, reads: simulator.meter.corePlus }
    const replica = await fleet.start()
    await fleet.leader()
    await fleet.mustEqual()
    t.equal(simulator.meter.corePlus, reads, 'nothing was read from QuickBooks')
    simulator.oauth.expireAccessTokens()
    t.equal((await replica.request('/api/test')).status, 200)
    t.equal(simulator.meter.tokenRequests - refreshes, 1)
    const since = await replica.request(`/api/changes?entities=items&limit=1000&cursor=${cursor}`)
    t.match(
      since,
      { status: 200, json: { changes: [], has_more: false } },
      'a client goes on from its cursor',
    )

    const back = temporaryFolder(t)
    const led = await copy([...SHRINK, `sqlite:${back}`])
    t.match(led, { code: 1, text: /^The store was not copied\. DB_HOST: .* serves from mysql[^\n]*\n$/ })
    await replica.stop()
    t.match(await copy([...SHRINK, `sqlite:${back}`]), { code: 0, text: /copied 92 records/ })
    t.same(await database.query('SELECT realm FROM qbo_tokens'), [])
    const last = await alone(back, { SECRET_KEY })
    simulator.oauth.expireAccessTokens()
    t.equal((await last.request('/api/test')).status, 200)
    t.match((await last.request('/api/auth/status')).json, { is_authenticated: true })
    t.equal((await last.request('/api/data/items?limit=100')).json.total, 50)
  },
)

onServer('what was killed in the middle is begun again and completes', async (t) => {
  const { database, dataDir, alone, fleet, copy } = await setUp(t, {
    customers: 900,
    vendors: 12,
    items: 900,
  })
  const first = await alone(dataDir, { SECRET_KEY: '' })
  await connectAt(first.url)
  t.equal((await first.request('/api/cache/refresh', { method: 'POST' })).status, 200)
  await first.close()

  const count = async () => {
    const rows = await database
      .query<{ count: number }>('SELECT count(*) AS count FROM qbo_records')
      .catch(() => [])
    return Number(rows[0]?.count ?? 0)
  }
  const killed = await copy([...GROW, `sqlite:${dataDir}`], async () => (await count()) >= 200)
  t.equal(killed.signal, 'SIGKILL')
  t.ok((await count()) < 1_812, 'it was in the middle')
  t.same(await database.query('SELECT realm FROM qbo_tokens'), [])
  t.match(await copy([...GROW, `sqlite:${dataDir}`]), {
    code: 1,
    text: /DB_HOST: copy-store-\w+ serves from .* wait for 30 seconds/,
  })
  // They are over.
  await database.query('UPDATE qbo_leases SET expires_at = 0')
  t.match(await copy([...GROW, `sqlite:${dataDir}`]), { code: 0, text: /copied 1812 records/ })
  await fleet.start()
  await fleet.leader()
  await fleet.mustEqual()
})

onServer('another company at the target, and what cannot be understood, change nothing', async (t) => {
  const { database, dataDir, alone, fleet, copy } = await setUp(t)
  const first = await alone(dataDir, { SECRET_KEY: '' })
  await connectAt(first.url)
  await first.close()
  const other = await startSimulator(t, {
    company: { realmId: '9341453000000002', customers: 3, vendors: 3, items: 3 },
  })
  const stranger = await mustStart({
    entry: join(import.meta.dirname, '../support/replica-service.ts'),
    env: {
      ...{ ...other.env, ...database.env, SECRET_KEY, QUICKBOOKS_REDIRECT_URI: CALLBACK },
      ...{ DATA_DIR: temporaryFolder(t), REPLICA: JSON.stringify({ leasePeriodMs: 1_000 }) },
    },
  })
  t.teardown(() => stranger.kill())
  t.equal(await connectAt(stranger.url), 302)
  process.kill(stranger.pid, 'SIGTERM')
  await stranger.died
  t.match(await copy([...GROW, `sqlite:${dataDir}`]), {
    code: 1,
    text: /^The store was not copied\. --to: mysql .* is connected to another company\. Nothing was changed[^\n]*\n$/,
  })
  for (const args of [
    [],
    ['--from', 'mysql', '--to', 'mysql'],
    ['--from', 'sqlite:', '--to', 'mysql'],
    ['x'],
  ])
    t.match(await copy(args), {
      code: 1,
      text: /^The store was not copied\. .*Usage: npm run copy-store[^\n]*\n$/,
    })
  const nowhere = join(dataDir, 'nowhere')
  t.match(await copy([...GROW, `sqlite:${nowhere}`]), { code: 1, text: /there is no database in/ })
  t.notOk(existsSync(nowhere))
  const alone_ = { args: [...GROW, `sqlite:${dataDir}`], env: { SECRET_KEY }, cwd: dataDir }
  t.match(await command('copy-store', alone_), { code: 1, text: /DB_HOST is missing/ })
  t.equal(fleet.all.length, 0)
  const again = await alone(dataDir, { SECRET_KEY: '' })
  t.equal((await again.request('/api/test')).status, 200, 'the source goes on')
})
