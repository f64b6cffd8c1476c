// Live search by itself, in process, beside its peers on the same names and the same queries. Every engine is measured
// in a process of its own, on data made from a fixed seed (search-data.ts).
//
//   node bench/search.ts [SIZE ...] [--all] [--ways]
//
// takes the sizes given (10000, 100000 and 1000000 by default). --all measures the heavy peers at a million, too;
// --ways adds a line for every way of typing. Times are the best of three to ten rounds after one to warm up.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Session } from 'node:inspector/promises'
import { totalmem } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import packageJson from '../package.json' with { type: 'json' }
import { defaultSettings, type Entity, entities } from '../src/services/entities/index.ts'
import { items } from '../src/services/entities/items.ts'
import { buildsBySize, buildsInSlices } from '../src/services/search/builder.ts'
import { createSearch, type SearchService } from '../src/services/search/search.ts'
import { buildsOnThread } from '../src/services/search/thread.ts'
import { quantile } from './load.ts'
import {
  type Company,
  createCompany,
  type Kind,
  peerText,
  renamed,
  shortQueries,
  type Typed,
  typedQueries,
} from './search-data.ts'
import { LIMIT, type Peer, peers } from './search-peers.ts'

type Print = (figure: string, measured: string, target: string, met: boolean) => void

export interface Options {
  sizes?: readonly number[]
  /** The heavy peers at a million too. */
  all?: boolean
  /** A line for every way of typing. */
  ways?: boolean
}

const QUERIES = 2500
const SHORT_QUERIES = 600
const UPDATES = 2000
/** Rounds of queries: at least three, then more while they take no more than so long together. */
const ROUNDS = 3
const MANY_ROUNDS = 10
const ENOUGH_MS = 5000
/** Enough for the slow peers: at ten thousand records they are asked a thousand queries, from a hundred thousand on 200. */
const sampleOf = (size: number) => Math.max(200, Math.min(1000, 10_000_000 / size))

const LONGEST_PAUSE_MS = 25
const UPDATE_US = 100
/** In µs: the 50th and 99th percentile of all queries. Bytes a record: names, part numbers. */
const MILLION = { size: 1_000_000, p50: 120, p99: 5500, bytes: { names: 670, parts: 410 } }
const TARGETS = [
  { size: 10_000, p50: 15, p99: 350, bytes: null },
  { size: 100_000, p50: 40, p99: 1200, bytes: { names: 1050, parts: 720 } },
  MILLION,
]
const SHORT = { p50: 8, p99: 50 }

// ---- What a process measures and reports

interface Times {
  p50: number
  p99: number
  worst: number
  /** How many were asked, and the share of them that found anything. */
  asked: number
  answered: number
}

interface Build {
  seconds: number
  pause: Pause
  /** Heap, external and shared buffers. */
  bytes: number
  /** What the system gave to the process. */
  resident: number
}

interface Reading {
  build: Build
  typed: Times
  byWay: Record<string, Times>
  short: Times
  update: Updates
}

interface PeerReading {
  seconds: number
  typed: Times
}

/** The search under measurement, as the service makes it; a thread knows only the entities as they are. */
function makeSearch(asked: readonly Entity[]): SearchService {
  const slices = buildsInSlices()
  return createSearch({
    entities: asked,
    startBuild: asked === entities ? buildsBySize(slices, buildsOnThread(defaultSettings)) : slices,
  })
}

const feeds = {
  names: { entity: 'customers', index: 'client_names' },
  parts: { entity: 'items', index: 'part_numbers' },
} as const

/** Items without the index of their descriptions, to know what part numbers take. */
const partNumbersOnly: readonly Entity[] = [
  { ...items, indexes: items.indexes.filter(({ names }) => names.some((name) => name === 'part_numbers')) },
]

async function measureSearch(kind: Kind, size: number): Promise<Reading> {
  const company = createCompany(kind, size)
  const { entity, index } = feeds[kind]
  const typed = typedQueries(kind, company, QUERIES)
  const short = shortQueries(kind, company, SHORT_QUERIES)
  const { search, reading } = await build(kind === 'parts' ? partNumbersOnly : entities, entity, company)
  const run = (query: string) => search.search(index, query, LIMIT).total
  const times = timeQueries(typed, run)
  return {
    build: reading,
    typed: summary(times),
    byWay: Object.fromEntries(
      [...Map.groupBy(times, ({ way }) => way)].map(([way, some]) => [way, summary(some)]),
    ),
    short: summary(timeQueries(short, run)),
    update: await measureUpdates(search, kind, company),
  }
}

/** Items with all their indexes, as the service has them. */
async function measureItems(size: number): Promise<Build> {
  return (await build(entities, 'items', createCompany('parts', size))).reading
}

async function build(entities: readonly Entity[], entity: string, company: Company) {
  const search = makeSearch(entities)
  const before = await memory()
  const pauses = await meterPauses()
  const started = performance.now()
  await search.rebuild(entity, company.batches())
  await search.settled()
  const seconds = (performance.now() - started) / 1000
  const pause = await pauses.longest()
  const after = await memory()
  const a = (bytes: number) => bytes / company.size
  const [bytes, resident] = [a(after.bytes - before.bytes), a(after.resident - before.resident)]
  return { search, reading: { seconds, pause, bytes, resident } }
}

/** Asking for the shared buffers takes memory of the system and throws out caches that a collection by itself leaves. */
async function memory() {
  await collect()
  const resident = process.memoryUsage.rss()
  const shared = await sharedBytes()
  await collect()
  const { heapUsed, external } = process.memoryUsage()
  return { bytes: heapUsed + external + shared, resident }
}

async function collect(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await delay(50)
  }
}

/** The buffers that threads share. V8 counts them nowhere when another thread made them, so we ask for each of them. */
async function sharedBytes(): Promise<number> {
  const session = new Session()
  session.connect()
  const { result } = await session.post('Runtime.evaluate', { expression: 'SharedArrayBuffer.prototype' })
  const { objects } = await session.post('Runtime.queryObjects', { prototypeObjectId: result.objectId ?? '' })
  const sum = await session.post('Runtime.callFunctionOn', {
    ...(objects.objectId !== undefined && { objectId: objects.objectId }),
    functionDeclaration: 'function () { return this.reduce((sum, one) => sum + one.byteLength, 0) }',
    returnByValue: true,
  })
  session.disconnect()
  return Number(sum.result.value)
}

interface Pause {
  /** The longest that the event loop was late. */
  ms: number
  /** The longest that this thread ran between two turns: much less than `ms` when it waited for a busy machine. */
  ranMs: number
}

async function meterPauses() {
  const delays = monitorEventLoopDelay({ resolution: 1 })
  const cpu = () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  let [ranMs, last] = [0, cpu()]
  const ticks = setInterval(() => {
    const now = cpu()
    ranMs = Math.max(ranMs, now - last)
    last = now
  }, 1)
  delays.enable()
  await delay(20)
  delays.reset()
  ranMs = 0
  return {
    async longest(): Promise<Pause> {
      await delay(20)
      delays.disable()
      clearInterval(ticks)
      return { ms: delays.max / 1e6, ranMs }
    },
  }
}

interface Updates {
  oneByOneUs: number
  batchUs: number
  /** What follows in the background included, on an average. */
  settledUs: number
  pause: Pause
}

/** The best of some rounds, each of other records: single calls with a turn of the event loop between, then one call. */
async function measureUpdates(search: SearchService, kind: Kind, company: Company): Promise<Updates> {
  const { entity } = feeds[kind]
  const rows = Array.from({ length: 2 * ROUNDS }, (_, round) => renamed(kind, company, UPDATES, round))
  const pauses = await meterPauses()
  const best = { oneByOneUs: Number.POSITIVE_INFINITY, batchUs: Number.POSITIVE_INFINITY }
  let settling = 0
  for (let round = 0; round < ROUNDS; round++) {
    let inCalls = 0
    for (const row of rows[2 * round] ?? []) {
      const started = performance.now()
      await search.apply({ entity, upserts: [row], removals: [] })
      inCalls += performance.now() - started
      await setImmediate()
    }
    await search.settled()
    const started = performance.now()
    await search.apply({ entity, upserts: rows[2 * round + 1] ?? [], removals: [] })
    const applied = performance.now()
    await search.settled()
    settling += performance.now() - started
    best.oneByOneUs = Math.min(best.oneByOneUs, (inCalls * 1000) / UPDATES)
    best.batchUs = Math.min(best.batchUs, ((applied - started) * 1000) / UPDATES)
  }
  return { ...best, settledUs: (settling * 1000) / UPDATES / ROUNDS, pause: await pauses.longest() }
}

interface Timed extends Typed {
  us: number
  found: number
}

/** Every query by itself, its best time of some rounds: another process on the machine can only make it slower. */
function timeQueries(queries: readonly Typed[], run: (query: string) => number): Timed[] {
  const timed = queries.map((query) => ({ ...query, us: Number.POSITIVE_INFINITY, found: run(query.text) }))
  const begun = performance.now()
  for (let round = 0; round < MANY_ROUNDS; round++) {
    if (round >= ROUNDS && performance.now() - begun > ENOUGH_MS) break
    for (const query of timed) {
      const started = performance.now()
      run(query.text)
      query.us = Math.min(query.us, (performance.now() - started) * 1000)
    }
  }
  return timed
}

function summary(timed: readonly Timed[]): Times {
  const sorted = timed.map(({ us }) => us).sort((a, b) => a - b)
  return {
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    worst: sorted.at(-1) ?? Number.NaN,
    asked: timed.length,
    answered: timed.filter(({ found }) => found > 0).length / timed.length,
  }
}

function measurePeer(peer: Peer, size: number): PeerReading {
  const company = createCompany('names', size)
  const asks = peer.asks ?? (() => true)
  const queries = typedQueries('names', company, QUERIES).filter(({ text }) => asks(text))
  const texts = Array.from({ length: size }, (_, at) => peerText(company.raw(at)))
  const started = performance.now()
  const run = peer.build(texts)
  const seconds = (performance.now() - started) / 1000
  const asked = peer.slow ? queries.slice(0, sampleOf(size)) : queries
  return { seconds, typed: summary(timeQueries(asked, run)) }
}

// ---- The processes

/** What `npm start` gives to Node. */
const startFlags = packageJson.scripts.start.split(' ').filter((word) => word.startsWith('--'))

/** Runs one measurement in a process of its own; rejects when the process ends without a reading. */
async function inProcess<T>(engine: string, kind: Kind, size: number, flags: string[]): Promise<T> {
  const child = fork(import.meta.filename, ['measure', engine, kind, String(size)], {
    execArgv: ['--expose-gc', ...flags],
    env: { PATH: process.env.PATH, NODE_ENV: 'production' },
  })
  const ended = once(child, 'exit')
  const answer = once(child, 'message')
  const [reading] = await Promise.race([answer, ended.then(() => [undefined])])
  await ended
  if (reading === undefined)
    throw new Error(`the process of ${engine} ended with ${child.exitCode ?? child.signalCode}`)
  return reading as T
}

async function measure(engine: string, kind: Kind, size: number): Promise<void> {
  // A measurement does not outlive who asked for it.
  process.on('disconnect', () => process.exit())
  const peer = peers.find(({ name }) => name === engine)
  const own = () => (engine === 'items' ? measureItems(size) : measureSearch(kind, size))
  process.send?.(peer ? measurePeer(peer, size) : await own(), () => process.exit(0))
}

// ---- The report

/** Prints every figure of live search, and beside it what its peers take. All sizes take a quarter of an hour. */
export async function searchInProcess(print: Print, options: Options = {}): Promise<void> {
  const { sizes = TARGETS.map(({ size }) => size), all = false, ways = false } = options
  for (const size of sizes) {
    const names = await inProcess<Reading>('search', 'names', size, startFlags)
    report(print, 'names', size, names, null, ways)
    await reportPeers(size, names, all)
    if (size < 100_000) continue
    const parts = await inProcess<Reading>('search', 'parts', size, startFlags)
    report(print, 'parts', size, parts, await inProcess<Build>('items', 'parts', size, startFlags), ways)
  }
}

const whole = (value: number) => Math.round(value).toLocaleString('en')
const us = (value: number) => (value < 100 ? value.toFixed(1) : whole(value))
const pair = ({ p50, p99 }: { p50: number; p99: number }) => `${us(p50)} / ${us(p99)}`

/** `items`: what the whole entity takes, of which part numbers are one index. */
function report(
  print: Print,
  kind: Kind,
  size: number,
  reading: Reading,
  items: Build | null,
  ways: boolean,
): void {
  const { build, typed, short, update } = reading
  const target = TARGETS.find((one) => size <= one.size) ?? MILLION
  const what = `search of ${whole(size)} ${kind === 'names' ? 'names' : 'part numbers'}`
  const within = (times: Times, limits: { p50: number; p99: number }, which: string) =>
    print(
      `${what}: ${which}, p50 / p99`,
      `${pair(times)} µs (worst ${us(times.worst)})`,
      `≤ ${whole(limits.p50)} / ${whole(limits.p99)} µs`,
      times.p50 <= limits.p50 && times.p99 <= limits.p99,
    )
  const atMost = (figure: string, value: number, limit: number, unit: string, text: string) =>
    print(`${what}: ${figure}`, `${us(value)} ${unit} (${text})`, `≤ ${whole(limit)} ${unit}`, value <= limit)

  within(typed, target, 'all ways of typing')
  within(short, SHORT, 'one to three letters')
  if (ways)
    for (const [way, times] of Object.entries(reading.byWay)) note(`${way.padEnd(28)} ${described(times)}`)
  atMost(
    'an update',
    update.batchUs,
    UPDATE_US,
    'µs',
    `one by one ${us(update.oneByOneUs)}, until settled ${us(update.settledUs)}`,
  )
  const bytes = `resident ${whole(build.resident)}${items ? `, with descriptions ${whole(items.bytes)}` : ''}`
  if (target.bytes) atMost('a record', build.bytes, target.bytes[kind], 'bytes', bytes)
  else note(`${what}: a record ${whole(build.bytes)} bytes (${bytes})`)
  const built = items ?? build
  const noPause = (when: string, { ms, ranMs }: Pause, text: string) =>
    atMost(`longest pause while ${when}`, ms, LONGEST_PAUSE_MS, 'ms', `ran at most ${us(ranMs)}, ${text}`)
  noPause('built', built.pause, `in ${built.seconds.toFixed(1)} s`)
  noPause('updated', update.pause, `${whole(2 * ROUNDS * UPDATES)} updates`)
}

const note = (text: string) => console.log(`      ${text}`)

const described = (times: Times) =>
  `${us(times.p50).padStart(9)} / ${us(times.p99).padStart(9)} µs   ${whole(times.answered * 100).padStart(3)}% found something, ${whole(times.asked)} asked`

async function reportPeers(size: number, ours: Reading, all: boolean): Promise<void> {
  const flags = [`--max-old-space-size=${Math.floor((totalmem() / 2 ** 20) * 0.7)}`]
  note(`peers on the same ${whole(size)} names, p50 / p99:`)
  note(peerLine('live search', { seconds: ours.build.seconds, typed: ours.typed }))
  for (const { name, heavy } of peers) {
    if (heavy && size >= 1_000_000 && !all) {
      note(`${name.padEnd(28)} left out at this size without --all`)
      continue
    }
    try {
      note(peerLine(name, await inProcess<PeerReading>(name, 'names', size, flags)))
    } catch (error) {
      note(`${name.padEnd(28)} failed: ${(error as Error).message}`)
    }
  }
}

const peerLine = (name: string, { seconds, typed }: PeerReading) =>
  `${name.padEnd(28)} ${described(typed)}, built in ${seconds.toFixed(1)} s`

async function main([first = '', ...rest]: string[]): Promise<void> {
  if (first === 'measure') {
    const [engine = '', kind, size] = rest
    return measure(engine, kind === 'parts' ? 'parts' : 'names', Number(size))
  }
  const given = [first, ...rest]
  const sizes = given.filter((word) => /^\d+$/.test(word)).map(Number)
  const print: Print = (figure, measured, target, met) =>
    console.log(`${met ? 'ok  ' : 'MISS'}  ${figure.padEnd(66)} ${measured.padEnd(34)} target ${target}`)
  await searchInProcess(print, {
    ...(sizes.length > 0 && { sizes }),
    all: given.includes('--all'),
    ways: given.includes('--ways'),
  })
}

if (import.meta.main) await main(process.argv.slice(2))
