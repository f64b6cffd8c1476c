// A disk that takes nothing more, a folder that may only be read, and a lock that somebody holds: what goes on, what is
// said, and that nothing is lost when it is over.
import { spawnSync } from 'node:child_process'
import { accessSync, chmodSync, chownSync, constants, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { QboRecord } from '../../simulator/simulator.ts'
import { look, mustStart, type Running, type StartOptions, start } from '../support/crashes.ts'
import { connectAt, startSimulator, temporaryFolder } from '../support/service.ts'

/** How a disk gets full, and empty again. */
interface Way {
  skip: string | false
  dataDir(t: Test): string
  fill(service: Running): void
  free(service: Running): void
}

/** Only the limit that the process runs into, which it may have raised again without any privilege. */
const limitFiles = ({ pid }: Running, bytes: string) => {
  const { status, stderr } = spawnSync('prlimit', [`--pid=${pid}`, `--fsize=${bytes}:`])
  if (status !== 0) throw new Error(String(stderr))
}

/** A folder on a small file system of its own, as `mount -t tmpfs -o size=8m` makes one. */
const small = process.env.SMALL_DISK ?? ''

const ways: Record<string, Way> = {
  'no file may grow': {
    skip: spawnSync('prlimit', ['--version']).status !== 0 && 'there is no prlimit',
    dataDir: temporaryFolder,
    fill: (service) => limitFiles(service, '1'),
    free: (service) => limitFiles(service, 'unlimited'),
  },
  'the disk is full': {
    skip: small === '' && 'SMALL_DISK names no folder on a small disk',
    dataDir(t) {
      const folder = join(small, 'data')
      t.teardown(() => rmSync(folder, { recursive: true, force: true }))
      return folder
    },
    fill() {
      // In the end page by page: SQLite needs no more.
      for (const bytes of [65_536, 4_096, 1])
        for (let written = true; written; )
          try {
            writeFileSync(join(small, 'filler'), Buffer.alloc(bytes), { flag: 'a' })
          } catch {
            written = false
          }
    },
    free: () => rmSync(join(small, 'filler')),
  },
}

for (const [name, way] of Object.entries(ways))
  t.test(
    `${name}: search goes on, no token is asked for, no webhook is taken, and it heals`,
    { skip: way.skip },
    async (t) => {
      const simulator = await startSimulator(t, { behaviour: { rotation: 'always' } })
      const { company, meter, oauth, webhooks } = simulator
      const dataDir = way.dataDir(t)
      const service = await mustStart({ env: { ...simulator.env, DATA_DIR: dataDir } })
      t.teardown(() => service.kill())
      const refresh = () => service.request('/api/cache/refresh', { method: 'POST' })
      await connectAt(service.url)
      t.equal((await refresh()).status, 200)
      webhooks.subscribe(`${service.url}/webhooks/quickbooks`)
      webhooks.hold()
      const former = company.list('Customer').find((record) => record.Active) as QboRecord
      company.update('Customer', former.Id, { DisplayName: 'Renamed while the disk was full' })
      company.create('Item', { Name: 'Made while the disk was full' })
      const events = webhooks.take()

      way.fill(service)
      const counts = (await service.request('/api/cache/status')).json
      for (const query of ['', '?full=false']) {
        const refused = await service.request(`/api/cache/refresh${query}`, { method: 'POST' })
        t.ok(refused.status >= 500)
        t.match(refused.json, { code: 'DATABASE_FAILED', message: /disk under DATA_DIR.* kept/ })
      }

      t.not(await webhooks.post(events), 200, 'Intuit is not told that its post was kept')

      const asked = meter.tokenRequests
      oauth.expireAccessTokens()
      const tried = await service.request('/api/test')
      t.match(tried, { status: 503, json: { code: 'TOKEN_STORE_FAILED', message: /DATA_DIR/ } })
      t.equal(meter.tokenRequests, asked, 'Intuit was asked for no token')
      await service.logged('QuickBooks tokens cannot be written')
      await service.logged('Entity not refreshed, its old data was kept')

      const q = encodeURIComponent(String(former.DisplayName))
      const found = await service.request(`/api/search/client_names?q=${q}`)
      t.equal(found.json.results[0]?.id, former.Id, 'what was known is found')
      const status = (await service.request('/api/cache/status')).json
      t.equal(status.connection_status, 'connected')
      t.same(status.customers_count, counts.customers_count)

      way.free(service)
      const followed = service.logged('Webhooks followed', 2)
      t.equal(await webhooks.post(events), 200, 'the post that Intuit sends again is taken')
      await followed
      t.equal((await service.request('/api/test')).status, 200, 'the connection lives')
      t.equal((await refresh()).status, 200)
      const { records } = look(dataDir)
      for (const [entity, qbo] of Object.entries({ customers: 'Customer', vendors: 'Vendor', items: 'Item' }))
        t.same(
          records[entity],
          new Map(company.list(qbo).map((record) => [record.Id, JSON.stringify(record)])),
          `${entity} are those of QuickBooks`,
        )
    },
  )

const NOBODY = 65534
const isRoot = process.getuid?.() === 0

/** Root may write everything, so the service runs as one who is not. */
function asNobody(t: Test, mode: number): StartOptions & { env: { DATA_DIR: string } } {
  const folder = temporaryFolder(t)
  const dataDir = join(folder, 'data')
  mkdirSync(dataDir, { mode })
  chmodSync(folder, 0o755)
  t.teardown(() => chmodSync(dataDir, 0o700))
  if (!isRoot) return { env: { DATA_DIR: dataDir } }
  chownSync(dataDir, NOBODY, NOBODY)
  return { env: { DATA_DIR: dataDir }, uid: NOBODY }
}

/** Whether others than root may read the code. */
function isReadable(): boolean {
  const probe = spawnSync(process.execPath, ['-e', ''], {
    cwd: import.meta.dirname,
    ...(isRoot && { uid: NOBODY, gid: NOBODY }),
  })
  accessSync(import.meta.dirname, constants.R_OK)
  return probe.status === 0
}

t.test(
  'where nothing may be written, the process ends with one line that names the folder',
  { skip: !isReadable() && 'the code can only be read by root' },
  async (t) => {
    const allowed = await mustStart(asNobody(t, 0o755))
    await allowed.kill()
    const options = asNobody(t, 0o555)
    const { DATA_DIR: dataDir } = options.env
    t.match(await start(options), {
      code: 1,
      output: new RegExp(`^mrp-backend cannot start\\. DATA_DIR: ${dataDir} cannot be written.*\n$`),
    })
  },
)

t.test(
  'of five that start at once exactly one serves, and its place is free once it is killed',
  async (t) => {
    const dataDir = temporaryFolder(t)
    for (let round = 0; round < 2; round++) {
      const all = await Promise.all(Array.from({ length: 5 }, () => start({ env: { DATA_DIR: dataDir } })))
      const serving = all.filter((one) => 'url' in one)
      const refused = all.filter((one) => 'output' in one)
      t.equal(serving.length, 1)
      for (const one of refused)
        t.match(one, {
          code: 1,
          output: /^mrp-backend cannot start\. DATA_DIR: another process serves from .*\n$/,
        })
      for (const one of serving) await one.kill()
    }
    const next = await mustStart({ env: { DATA_DIR: dataDir } })
    t.equal((await next.request('/api/cache/status')).status, 200)
    await next.kill()
  },
)
