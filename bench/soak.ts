// `npm run soak`: the service in everyday use, all of it at once and for long. 2,000 searches a second by the clock, while
// records change, webhooks arrive, everything is read anew, tokens age, copies are kept, and QuickBooks fails in every way.
// No search may go wrong, and memory must not grow. Ends with 1 when either happens; Ctrl-C ends it early.
//
//   npm run soak -- [--minutes 10] [--rate 2000] [--seed 1] [--customers 10000] [--items 20000] [--vendors 2000] …
//
// Memory is judged after a fifth of the time. Nothing else should run on the machine, or latencies say how busy it was.
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createRandom, shuffle } from '../simulator/random.ts'
import { createSimulator } from '../simulator/simulator.ts'
import type { Reading } from './probe.ts'
import { type Server, scratchFolder, startServer } from './processes.ts'
import { connect, refreshed, startService } from './service.ts'
import {
  administer,
  type ClientDeps,
  createAsk,
  keepCopies,
  listen,
  probe,
  SEARCH_KEY,
} from './soak-clients.ts'
import { controlOf, type Edited, makeEdits, makeTrouble, troubles } from './soak-company.ts'
import { createDiary, createTally, floorOf, type Sample, slopeOf } from './soak-notes.ts'
import { createSearches, type Load, offerLoad } from './soak-search.ts'

const DEFAULTS = {
  ...{ minutes: 10, rate: 2_000, seed: 1, edits: 5 },
  ...{ customers: 10_000, vendors: 2_000, items: 20_000 },
  ...{ invoices: 2_000, estimates: 500, orders: 500, bills: 500 },
}
const { minutes, rate, seed, edits: editsPerSecond, ...sizes } = readOptions()
const runMs = minutes * 60_000
const WARM_UP = 0.2
const MOST_MB_A_MINUTE = 1
/** While an index is built, a thread takes 100 MB and gives them back: growth is what stays, the least of a minute. */
const FLOOR_MINUTES = 1
const LEAST_OF_RATE = 0.99
/** Records that are edited, of each kind. */
const EDITED = 300

const folder = scratchFolder()
const logFile = join(folder.path, 'service.log')
const servers: Server[] = []
const ending = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort())
let failed = true
try {
  failed = !(await soak())
} catch (error) {
  console.error(ending.signal.aborted ? 'Ended early: nothing is judged.' : error)
} finally {
  await Promise.all(servers.map((one) => one.stop()))
  if (failed && !ending.signal.aborted) console.log(`The service's log: ${logFile}`)
  else folder.remove()
}
process.exit(failed ? 1 : 0)

function readOptions(): typeof DEFAULTS {
  const options = Object.fromEntries(
    Object.entries(DEFAULTS).map(([name, value]) => [
      name,
      { type: 'string' as const, default: String(value) },
    ]),
  )
  try {
    const { values } = parseArgs({ options })
    const numbers = Object.entries(values).map(([name, text]): [string, number] => {
      const value = Number(text)
      if (!(value > 0)) throw new Error(`--${name}: ${text} is not allowed; it takes a number above 0.`)
      return [name, value]
    })
    return Object.fromEntries(numbers) as typeof DEFAULTS
  } catch (error) {
    console.error((error as Error).message)
    process.exit(1)
  }
}

async function startSimulator(): Promise<Server> {
  const args = Object.entries({ ...sizes, seed, port: 0 }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ])
  const simulator = await startServer([join(import.meta.dirname, '../simulator/main.ts'), ...args])
  servers.push(simulator)
  return simulator
}

/** The same company as in the simulator's process, to know what can be found. */
async function searchesAndEdited() {
  const { orders, ...rest } = sizes
  const { company } = await createSimulator({ company: { ...rest, purchaseOrders: orders, seed } })
  const random = createRandom(seed)
  const some = (entity: string) =>
    shuffle(
      company
        .list(entity)
        .filter((one) => one.Active === true && one.Type !== 'Category')
        .map(({ Id }) => Id)
        .slice(0, 3 * EDITED),
      random,
    ).slice(0, EDITED)
  const edited: Edited = { customers: some('Customer'), items: some('Item') }
  const all = new Set([...edited.customers, ...edited.items])
  return { searches: createSearches(company, random, all), edited }
}

async function soak(): Promise<boolean> {
  const { searches, edited } = await searchesAndEdited()
  const simulator = await startSimulator()
  const control = controlOf(simulator.url)
  await control('PATCH', 'behaviour', {
    ...{ latencyMs: [30, 150], rotation: 'always', accessLifeSeconds: 60 },
    ...{ webhookLoss: 0.02, webhookDoubles: 0.1, webhookShuffle: 0.3 },
  })
  const environment = {
    SYNC_ENTITIES: 'customers,vendors,items,invoices,estimates,purchase_orders,bills',
    SECRET_KEY: 'a key for the soak only, of no worth',
    SEARCH_API_KEY: SEARCH_KEY,
    CACHE_REFRESH_MINUTES: '0.25',
    TOKEN_CHECK_MINUTES: '0.1',
  }
  const service = await startService(simulator.url, join(folder.path, 'data'), environment, logFile)
  servers.push(service)
  await connect(service)
  await refreshed(service)
  await control('POST', 'webhooks', { action: 'subscribe', url: `${service.url}/webhooks/quickbooks` })
  await service.read()
  console.log(`${rate} searches a second for ${minutes} minutes; load average before ${average()}`)

  const [errors, counts, diary] = [createTally(), createTally(), createDiary()]
  const { ask, close } = createAsk(service.url, errors)
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, ending.signal])
  const deps: ClientDeps = { url: service.url, ask, errors, counts, diary, signal }
  const planned = troubles(runMs)
  const random = createRandom(seed + 1)

  const began = performance.now()
  const { load, done } = offerLoad({ url: service.url, key: SEARCH_KEY, perSecond: rate, searches, signal })
  const { edits, done: found } = makeEdits(control, {
    ...{ perSecond: editsPerSecond, edited, troubles: planned, ask, errors, signal },
  })
  const copies = keepCopies(deps)
  const others = Promise.all([
    ...[probe(deps), administer(deps), listen(deps)],
    makeTrouble(control, { all: planned, random, diary, signal }).catch((error) => {
      if (!signal.aborted) throw error
    }),
  ])
  const readings: { at: number; reading: Reading }[] = []
  for (let second = 1; second <= runMs / 1000 && !signal.aborted; second++) {
    await delay(Math.max(0, began + second * 1000 - performance.now()), undefined, { signal })
    readings.push({ at: (performance.now() - began) / 1000, reading: await service.read() })
    if (second % 30 === 0) printProgress(second, load, readings.slice(-30))
  }
  ending.signal.throwIfAborted()
  const answered = load.answered
  const seconds = (performance.now() - began) / 1000
  over.abort()
  await Promise.all([done, others, found])
  const different = await (await copies)()
  if (different > 0) errors.add('records in a copy that was kept differ from one made anew', different)
  await close()

  const after = readings.filter(({ at }) => at >= WARM_UP * minutes * 60)
  const samples = after.map(({ at, reading }): Sample => ({ at: at / 60, value: reading.residentMb }))
  const all = slopeOf(samples)
  const { slope, error } = slopeOf(floorOf(samples, FLOOR_MINUTES))
  const taken = (await control('GET', 'faults')) as { taken: Record<string, number> }
  const posts = (await control('GET', 'webhooks')) as { sent: number; delivered: number }
  const stopping = performance.now()
  const code = await service.stop()
  const stopMs = performance.now() - stopping
  if (code !== 0) errors.add(`the service ended with ${code}`)

  const faults = createTally()
  for (const [kind, times] of Object.entries(taken.taken)) faults.add(kind, times)
  const log = logLines()
  const ms = (histogram: Load['latency'], share: number) =>
    share === 100 ? histogram.max / 1000 : histogram.percentile(share) / 1000
  const spread = (of: (share: number) => number) =>
    [50, 99, 99.9, 100].map((share) => of(share).toFixed(1)).join(' / ')
  const achieved = answered / seconds
  const mb = samples.map(({ value }) => value).sort((a, b) => a - b)
  const line = (name: string, text: unknown) => console.log(`${name.padEnd(28)} ${text}`)
  console.log()
  line('searches answered', `${load.answered} (${achieved.toFixed(1)}/s), ${load.notModified} not modified`)
  line('latency p50/99/99.9/longest', `${spread((share) => ms(load.latency, share))} ms from when it was due`)
  line('of which left here late', `${spread((share) => ms(load.late, share))} ms`)
  line('checked for truth', `${load.known} known records`)
  line('edits found', `${edits.found} of ${edits.made}`)
  const times = (histogram: Load['latency']) =>
    `${histogram.count}: ${[50, 99].map((share) => histogram.percentile(share)).join(' / ')} / ${histogram.max} ms`
  line('  in calm p50/99/longest', times(edits.calm))
  line('  in trouble p50/99/longest', times(edits.troubled))
  line('errors of search', load.errors)
  line('other errors', errors)
  line('faults that struck', `${faults.total()}: ${faults}`)
  line('webhook posts', `${posts.delivered} of ${posts.sent} taken`)
  line('other clients', counts)
  line('log of the service', log)
  line('resident memory', `${mb[0]?.toFixed(0)} to ${mb.at(-1)?.toFixed(0)} MB after warming up`)
  line('  slope of all samples', `${all.slope.toFixed(2)} ± ${all.error.toFixed(2)} MB/min`)
  line('  slope of the floor', `${slope.toFixed(2)} ± ${error.toFixed(2)} MB/min`)
  const held = after.flatMap(({ reading }) => reading.heldMb)
  line('  heap after collections', `${held.map((value) => value.toFixed(0)).join(', ') || 'none'} MB`)
  line('stop', `${stopMs.toFixed(0)} ms, exit code ${code}`)
  line('load average', average())
  printWorst(load, diary, began, readings)
  console.log()

  const wrong = load.errors.total() + errors.total()
  const verdicts = [
    verdict('error rate 0', wrong === 0, `${wrong} errors of ${load.sent} searches and all others`),
    verdict(
      `resident memory, floor grows by less than ${MOST_MB_A_MINUTE} MB/min`,
      slope < MOST_MB_A_MINUTE,
      `${slope.toFixed(2)} MB/min`,
    ),
    verdict(
      `at least ${LEAST_OF_RATE * 100} % of ${rate}/s`,
      achieved >= LEAST_OF_RATE * rate,
      `${achieved.toFixed(1)}/s`,
    ),
  ]
  return verdicts.every(Boolean)
}

function average(): string {
  return loadavg()
    .map((one) => one.toFixed(1))
    .join(' ')
}

function verdict(what: string, isMet: boolean, measured: string): boolean {
  console.log(`${isMet ? 'PASS' : 'FAIL'}  ${what} (${measured})`)
  return isMet
}

function printProgress(second: number, load: Load, last: readonly { reading: Reading }[]): void {
  const mean = (of: (reading: Reading) => number) =>
    last.reduce((sum, { reading }) => sum + of(reading), 0) / last.length
  const { recent } = load
  const [p50, p99] = [50, 99].map((share) => (recent.percentile(share) / 1000).toFixed(1))
  const memory = [mean((one) => one.residentMb), mean((one) => one.heapMb), mean((one) => one.heapTotalMb)]
  console.log(
    [
      `${String(second).padStart(4)} s`,
      `p50 ${p50}, p99 ${p99}, longest ${(recent.max / 1000).toFixed(0)} ms`,
      `resident ${memory.map((one) => one.toFixed(0)).join(', heap ')}, outside ${mean((one) => one.outsideMb).toFixed(0)} MB`,
      `CPU ${(100 * mean((one) => one.cpuSeconds)).toFixed(0)} %`,
      `load ${average().split(' ')[0]}`,
      `errors ${load.errors.total()}`,
    ].join('; '),
  )
  recent.reset()
}

/** The slowest seconds, and what was under way in them. */
function printWorst(
  load: Load,
  diary: ReturnType<typeof createDiary>,
  began: number,
  readings: { reading: Reading }[],
) {
  const slowest = load.worst
    .map((ms, second) => ({ ms, second }))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, 8)
  for (const { ms, second } of slowest) {
    const from = began + second * 1000
    const pause = readings[second]?.reading.longestPauseMs ?? 0
    const under = diary.between(from, from + 1000 + ms).join(', ') || 'nothing else'
    console.log(
      `  slow at ${second} s: ${ms.toFixed(0)} ms, longest pause of the service ${pause.toFixed(0)} ms; ${under}`,
    )
  }
}

/** How often each message of each level stands in the service's log. */
function logLines(): string {
  const lines = createTally()
  for (const line of readFileSync(logFile, 'utf8').split('\n').filter(Boolean)) {
    const { level, msg } = JSON.parse(line) as { level: number; msg: string }
    lines.add(`${level >= 50 ? 'ERROR ' : level >= 40 ? 'warn ' : ''}“${msg}”`)
  }
  return String(lines)
}
