// Replicas on one MySQL or MariaDB: what 100,000 records cost it, how soon a follower serves them and what changes, what
// it asks at rest, and what a second one adds. The bench leads by itself, so that it knows when it has committed.
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent, request } from 'undici'
import type { Cache } from '../src/services/cache/cache.ts'
import type { CachedRow } from '../src/services/entities/index.ts'
import { quantile } from './load.ts'
import { type ScratchDatabase, scratchDatabase } from './mysql.ts'
import { type Server, scratchFolder, startServer } from './processes.ts'
import { type Company, createCompany, typedQueries } from './search-data.ts'
import { connect, KEY, startService } from './service.ts'
import { leadingCache, type Print, upserts } from './upserts.ts'

const root = join(import.meta.dirname, '..')
const ENTITY = 'customers'
const headers = { authorization: `Bearer ${KEY}` }
/** A follower that has seen nothing happen for so long is at rest. */
const CALM_MS = 6_000

/** How much is measured. */
export interface Sizes {
  records: number
  /** Of everything that is measured more than once in turn with a peer. */
  rounds: number
  edits: number
  restSeconds: number
}

/** What followers of this bench share. */
interface World {
  database: ScratchDatabase
  cache: Cache
  realm: string
  company: Company
  start(dataDir: string): Promise<Server>
}

/** See the header of this file. */
export async function replicas(print: Print, sizes: Sizes): Promise<void> {
  await upserts(print, { size: sizes.records, rounds: sizes.rounds })
  const database = await scratchDatabase()
  const simulator = await startServer([
    ...[join(root, 'simulator/main.ts'), '--port', '0'],
    ...['customers', 'vendors', 'items'].flatMap((name) => [`--${name}`, '0']),
  ])
  const folder = scratchFolder()
  const start = (dataDir: string) =>
    startService(simulator.url, dataDir, {
      ...database.env,
      SECRET_KEY: 'a key for benches only, of 32 signs',
      QUICKBOOKS_REDIRECT_URI: 'http://localhost:5002/callback',
    })
  const first = await start(folder.path)
  await connect(first)
  await first.stop()
  const [row] = await database.query('SELECT realm FROM qbo_tokens')
  const realm = String(row?.realm)
  const { cache, close } = await leadingCache(database)
  const company = createCompany('names', sizes.records)
  await cache.attempt(realm, ENTITY)
  for await (const rows of company.batches()) await cache.commitPage(realm, ENTITY, rows)
  await cache.completePass(realm, ENTITY, { setAside: 0, asOf: Date.now(), drift: null })
  const world = { database, cache, realm, company, start }

  await coldStart(print, world, sizes)
  await withFollower(world, async (follower) => {
    await atRest(print, world, sizes)
    await lag(print, world, follower, sizes)
  })
  await twoToOne(print, world, sizes)
  await close()
  await Promise.all([simulator.stop(), database.drop()])
  folder.remove()
}

async function withFollower(world: World, work: (follower: Server) => Promise<void>): Promise<void> {
  const folder = scratchFolder()
  const follower = await world.start(folder.path)
  await work(follower)
  await follower.stop()
  folder.remove()
}

async function countOf(server: Server): Promise<number> {
  const answer = await fetch(`${server.url}/api/indexes/status`)
  const { indexes } = (await answer.json()) as { indexes: Record<string, number> }
  return indexes.client_names ?? 0
}

/** From starting the process until it answers a search among all of them; with nothing at hand, and with a kept index. */
async function coldStart(print: Print, world: World, { records, rounds }: Sizes): Promise<void> {
  const times: Record<'empty' | 'kept', number[]> = { empty: [], kept: [] }
  for (let round = 0; round < rounds; round++) {
    const folder = scratchFolder()
    for (const which of ['empty', 'kept'] as const) {
      const started = performance.now()
      const follower = await world.start(folder.path)
      const answer = await fetch(`${follower.url}/api/search/client_names?q=a&limit=100`, { headers })
      const { total } = (await answer.json()) as { total: number }
      times[which].push((performance.now() - started) / 1000)
      const count = await countOf(follower)
      const active = await activeOf(world)
      if (total !== 100 || count !== active) throw new Error(`${total} results among ${count} of ${active}`)
      while (!existsSync(join(folder.path, `search/${ENTITY}.index`))) await delay(100)
      await follower.stop()
    }
    folder.remove()
  }
  for (const [which, all] of Object.entries(times)) {
    const median = all.sort((a, b) => a - b)[rounds >> 1] ?? Number.NaN
    const name = which === 'empty' ? 'an empty DATA_DIR' : 'a kept index'
    const figure = `follower, start to first answer, ${records.toLocaleString('en')} records, ${name}`
    print(figure, `${median.toFixed(1)} s`, '≤ 4 s', median <= 4)
  }
}

async function activeOf({ cache, realm }: World): Promise<number> {
  return (await cache.checkpoint(realm, ENTITY))?.activeRecords ?? 0
}

/** Counted by the server, for the one user whom nobody but the follower uses meanwhile. */
async function atRest(print: Print, { database }: World, { restSeconds }: Sizes): Promise<void> {
  await delay(CALM_MS)
  const before = await database.statements()
  await delay(restSeconds * 1000)
  const perSecond = ((await database.statements()) - before) / restSeconds
  print('follower at rest, statements a second', perSecond.toFixed(2), '≤ 1', perSecond <= 1)
}

/** From the commit until a search finds it, at moments that have nothing to do with when the follower looks. */
async function lag(print: Print, world: World, follower: Server, { edits }: Sizes): Promise<void> {
  const dispatcher = new Agent({ connections: 64 })
  for (const [kind, pauseMs] of Object.entries({ 'at rest': CALM_MS, 'in a burst': 50 })) {
    await delay(CALM_MS)
    const found: Promise<number>[] = []
    for (let i = 0; i < edits; i++) {
      await delay(pauseMs + Math.random() * (pauseMs / 6))
      const name = `Zyx${kind.length}q${i}w`
      await world.cache.commitPage(world.realm, ENTITY, [customer(name)])
      found.push(untilFound(follower, name, dispatcher))
    }
    const times = (await Promise.all(found)).sort((a, b) => a - b)
    const [p50, p99, most] = [quantile(times, 0.5), quantile(times, 0.99), times.at(-1) ?? Number.NaN]
    const measured = `p50 ${p50.toFixed(0)}, p99 ${p99.toFixed(0)}, longest ${most.toFixed(0)} ms of ${edits}`
    print(`commit to found at a follower, ${kind}`, measured, '≤ 1,000 ms', most <= 1000)
  }
  await dispatcher.close()
}

function customer(name: string): CachedRow {
  const lastUpdated = Date.now()
  const json = JSON.stringify({ Id: name, SyncToken: '0', DisplayName: name, Active: true })
  return { id: name, json, active: true, lastUpdated }
}

async function untilFound(server: Server, name: string, dispatcher: Agent): Promise<number> {
  const since = performance.now()
  for (;;) {
    const url = `${server.url}/api/search/client_names?q=${name}&limit=1`
    const { body } = await request(url, { dispatcher, headers })
    const { results } = (await body.json()) as { results: { name: string }[] }
    if (results[0]?.name === name) return performance.now() - since
    if (performance.now() - since > 30_000) throw new Error(`${name} was not found within 30 s`)
    await delay(5)
  }
}

/** A replica and its clients, all on one core. */
interface Core {
  /** What it answered in `seconds`. */
  run(paths: string[], seconds: number): Promise<Work>
  stop(): Promise<unknown>
}
interface Work {
  perSecond: number
  perCpuSecond: number
}

async function startOn(core: number, world: World): Promise<Core> {
  const folder = scratchFolder()
  const server = await world.start(folder.path)
  const clients = fork(join(root, 'bench/load-process.ts'))
  for (const pid of [server.pid, clients.pid ?? 0])
    execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)])
  return {
    async run(paths, seconds) {
      await server.read()
      const answer = once(clients, 'message')
      clients.send([server.url, paths, seconds, KEY])
      const [perSecond] = (await answer) as [number]
      return { perSecond, perCpuSecond: (perSecond * seconds) / (await server.read()).cpuSeconds }
    },
    async stop() {
      clients.disconnect()
      await server.stop()
      folder.remove()
    },
  }
}

/**
 * Where there are two cores, the clients need their share of them: so each replica has a core that it shares with clients
 * of its own, one at work while the other rests, then both.
 */
async function twoToOne(print: Print, world: World, { rounds }: Sizes): Promise<void> {
  const cores = await Promise.all([0, 1].map((core) => startOn(core, world)))
  const typed = typedQueries('names', world.company, 5_000)
  const paths = typed.map(({ text }) => `/api/search/client_names?q=${encodeURIComponent(text)}`)
  const together = (seconds: number) => Promise.all(cores.map((core) => core.run(paths, seconds)))
  await together(3)
  const seen: { one: Work; two: Work }[] = []
  for (let round = 0; round < rounds; round++) {
    const alone: Work[] = []
    for (const core of cores) alone.push(await core.run(paths, 5))
    seen.push({ one: scaled(alone, 0.5), two: scaled(await together(5), 1) })
  }
  for (const [of, unit] of [
    ['perSecond', 'req/s'],
    ['perCpuSecond', 'in a second of the CPU of each'],
  ] as const) {
    seen.sort((a, b) => a.two[of] / a.one[of] - b.two[of] / b.one[of])
    const { one, two } = seen[rounds >> 1] as (typeof seen)[number]
    const ratio = two[of] / one[of]
    const measured = `${ratio.toFixed(2)} (${Math.round(two[of])} / ${Math.round(one[of])} ${unit})`
    print('search, two replicas to one, a core each', measured, '≥ 1.7', ratio >= 1.7)
  }
  await Promise.all(cores.map((core) => core.stop()))
}

const scaled = (all: Work[], by: number): Work => ({
  perSecond: by * all.reduce((sum, one) => sum + one.perSecond, 0),
  perCpuSecond: by * all.reduce((sum, one) => sum + one.perCpuSecond, 0),
})
