// Prints the figures that this service promises, each as a ratio to a peer or a limit measured in the same run.
// `npm run bench` takes about four minutes, `npm run bench -- static` (or scan, sync) a part of it. Nothing else should run on the machine.
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import packageJson from '../package.json' with { type: 'json' }
import { createSimulator } from '../simulator/simulator.ts'
import { evenLoad, quantile, throughput } from './load.ts'
import { type Server, scratchFolder, startServer } from './processes.ts'

const root = join(import.meta.dirname, '..')
/** What `npm start` gives to Node. */
const startFlags = packageJson.scripts.start
  .replace('src/main.ts', join(root, 'src/main.ts'))
  .split(' ')
  .slice(1)
const KEY = 'bench-admin-key'
const SECONDS = 5
const ROUNDS = 3

interface Line {
  figure: string
  measured: string
  target: string
  met: boolean
}
const lines: Line[] = []
function print(figure: string, measured: string, target: string, met: boolean): void {
  lines.push({ figure, measured, target, met })
  console.log(`${met ? 'ok  ' : 'MISS'}  ${figure.padEnd(66)} ${measured.padEnd(34)} target ${target}`)
}

/** Connects the service to a simulator of its own and waits until its cache is full. */
async function startFilled(company: { customers: number; vendors: number; items: number }, dataDir: string) {
  const simulator = await startServer([
    ...[join(root, 'simulator/main.ts'), '--port', '0'],
    ...Object.entries(company).flatMap(([name, value]) => [`--${name}`, String(value)]),
  ])
  const service = await startService(simulator.url, dataDir)
  await connect(service)
  return { simulator, service }
}

function startService(simulator: string, dataDir: string): Promise<Server> {
  return startServer(startFlags, {
    PORT: '0',
    DATA_DIR: dataDir,
    ADMIN_API_KEY: KEY,
    QUICKBOOKS_CLIENT_ID: 'simulator-client',
    QUICKBOOKS_CLIENT_SECRET: 'simulator-secret',
    QUICKBOOKS_SANDBOX_BASE_URL: simulator,
    QUICKBOOKS_AUTHORIZE_URL: `${simulator}/connect/oauth2`,
    QUICKBOOKS_TOKEN_URL: `${simulator}/oauth2/v1/tokens/bearer`,
    QUICKBOOKS_REVOKE_URL: `${simulator}/v2/oauth2/tokens/revoke`,
  })
}

const headers = { authorization: `Bearer ${KEY}` }

async function connect(service: Server): Promise<void> {
  const { auth_url } = (await (await fetch(`${service.url}/api/auth/url`, { headers })).json()) as {
    auth_url: string
  }
  const consent = await fetch(auth_url, { redirect: 'manual' })
  const back = new URL(consent.headers.get('location') ?? '')
  const answer = await fetch(`${service.url}${back.pathname}${back.search}`, { redirect: 'manual' })
  if (answer.status !== 302) throw new Error(`/callback answered ${answer.status}: ${await answer.text()}`)
}

async function refreshed(service: Server): Promise<void> {
  const answer = await fetch(`${service.url}/api/cache/refresh`, { method: 'POST', headers })
  if (answer.status !== 200) throw new Error(`the refresh answered ${answer.status}: ${await answer.text()}`)
}

/** What people type: beginnings of words of real names, one to eight letters, two words now and then. */
async function keystrokes(customers: number, prefix: string): Promise<string[]> {
  const simulator = await createSimulator({ company: { customers, vendors: 0, items: 0 } })
  const paths: string[] = []
  for (let i = 0; i < 1000; i++) {
    const id = String(1 + ((i * 7919) % customers))
    const words = String(simulator.company.get('Customer', id)?.DisplayName ?? '').split(/\s+/)
    const word = words[i % words.length] ?? ''
    const typed = i % 5 === 0 ? words.slice(0, 2).join(' ').slice(0, 9) : word.slice(0, 1 + (i % 8))
    if (/\p{L}|\p{N}/u.test(typed)) paths.push(`${prefix}${encodeURIComponent(typed)}`)
  }
  return paths
}

async function searchOverHttp(
  customers: number,
  peerKind: string,
  target: number,
  peerName: string,
): Promise<void> {
  const folder = scratchFolder()
  const { simulator, service } = await startFilled({ customers, vendors: 0, items: 0 }, folder.path)
  await refreshed(service)
  const peer = await startServer([join(root, 'bench/peer.ts'), peerKind, String(customers)])
  const paths = await keystrokes(customers, '/api/search/client_names?q=')
  const rates: { ours: number; theirs: number }[] = []
  await throughput(service.url, paths, 2, KEY)
  await throughput(peer.url, paths, 2)
  for (let round = 0; round < ROUNDS; round++) {
    const ours = await throughput(service.url, paths, SECONDS, KEY)
    const theirs = await throughput(peer.url, paths, SECONDS)
    rates.push({ ours, theirs })
  }
  const median = rates.toSorted((a, b) => a.ours / a.theirs - b.ours / b.theirs)[ROUNDS >> 1] ?? {
    ours: 0,
    theirs: 1,
  }
  const ratio = median.ours / median.theirs
  const size = customers.toLocaleString('en')
  print(
    `search over HTTP, ${size} customers, to ${peerName}`,
    `${ratio.toFixed(2)} (${Math.round(median.ours)} / ${Math.round(median.theirs)} req/s)`,
    `≥ ${target}`,
    ratio >= target,
  )
  if (customers === 100_000) await memoryAndStart(service, simulator.url, folder.path)
  else await service.stop()
  await Promise.all([peer.stop(), simulator.stop()])
  folder.remove()
}

async function memoryAndStart(service: Server, simulator: string, dataDir: string): Promise<void> {
  const { residentMb } = await service.read()
  print(
    'resident memory, 100,000 customers, after sync and load',
    `${Math.round(residentMb)} MB`,
    '≤ 450 MB',
    residentMb <= 450,
  )
  await service.stop()
  const started = performance.now()
  const again = await startService(simulator, dataDir)
  await fetch(`${again.url}/api/search/client_names?q=a`, { headers })
  const seconds = (performance.now() - started) / 1000
  print(
    'start to first answer, 100,000 records in the cache',
    `${seconds.toFixed(1)} s`,
    '≤ 10 s',
    seconds <= 10,
  )
  const fresh = await again.read()
  print(
    'resident memory, 100,000 customers, after a start',
    `${Math.round(fresh.residentMb)} MB`,
    '≤ 450 MB',
    fresh.residentMb <= 450,
  )
  await again.stop()
}

interface Status {
  entities: Record<string, { last_attempt: string; last_success: string }>
}

/** 100,000 items come in for the first time, then all are read again, while 200 people a second search. */
async function fullSync(): Promise<void> {
  const folder = scratchFolder()
  const company = { customers: 10_000, vendors: 0, items: 100_000 }
  const { simulator, service } = await startFilled(company, folder.path)
  const clients = await keystrokes(company.customers, '/api/search/client_names?q=')
  await syncUnderLoad('first', service, simulator.url, clients)
  await syncUnderLoad('repeated', service, simulator.url, clients)
  await Promise.all([service.stop(), simulator.stop()])
  folder.remove()
}

async function syncUnderLoad(
  which: string,
  service: Server,
  simulator: string,
  paths: string[],
): Promise<void> {
  const meter = async () =>
    (await (await fetch(`${simulator}/control/meter`)).json()) as {
      requests: number
      tokenRequests: number
      throttled: number
    }
  const before = which === 'first' ? { requests: 0, tokenRequests: 0 } : await meter()
  await service.read()
  let done = false
  const started = performance.now()
  const sync = refreshed(service).then(() => {
    done = true
    return (performance.now() - started) / 1000
  })
  const during = await evenLoad(service.url, paths, 200, () => done, KEY)
  const searchable = await sync
  const used = await service.read()
  await delay(5000)
  const calm = performance.now() + 10_000
  const rest = await evenLoad(service.url, paths, 200, () => performance.now() > calm, KEY)
  await service.read()

  const after = await meter()
  const sent = after.requests - after.tokenRequests - (before.requests - before.tokenRequests)
  const least = (sent - 10) / 10
  const status = (await (await fetch(`${service.url}/api/cache/status`)).json()) as Status
  const spans = Object.values(status.entities).map(
    (one) => Date.parse(one.last_success) - Date.parse(one.last_attempt),
  )
  const cached = Math.max(...spans) / 1000
  const name = `${which} sync of 110,000 records`
  print(
    `${name}: until cached, to the least that 10 req/s allow`,
    `${(cached / least).toFixed(2)} (${cached.toFixed(1)} s, ${sent} requests, ${after.throttled} refused)`,
    '≤ 1.2',
    cached / least <= 1.2,
  )
  print(
    `${name}: until searchable too`,
    `${(searchable / least).toFixed(2)} (${searchable.toFixed(1)} s)`,
    '≤ 1.2',
    searchable / least <= 1.2,
  )
  print(`${name}: CPU, searches included`, `${used.cpuSeconds.toFixed(1)} s`, '≤ 30 s', used.cpuSeconds <= 30)
  const [p99During, p99Rest] = [quantile(during, 0.99), quantile(rest, 0.99)]
  print(
    `${name}: search p99 at 200 req/s, to p99 at rest`,
    `${(p99During / p99Rest).toFixed(1)} (${p99During.toFixed(1)} / ${p99Rest.toFixed(1)} ms)`,
    '≤ 5',
    p99During / p99Rest <= 5,
  )
  print(
    `${name}: longest pause`,
    `${Math.round(used.longestPauseMs)} ms`,
    '≤ 100 ms',
    used.longestPauseMs <= 100,
  )
}

const parts: Record<string, () => Promise<void>> = {
  static: () => searchOverHttp(10_000, 'static', 0.7, 'a route that always sends the same 15 results'),
  scan: () => searchOverHttp(100_000, 'scan', 6, 'a substring scan in a plain loop'),
  sync: fullSync,
}
const asked = process.argv.slice(2)
const unknown = asked.find((part) => !Object.hasOwn(parts, part))
if (unknown !== undefined) {
  console.error(`${unknown}: there is no such part; there are ${Object.keys(parts).join(', ')}.`)
  process.exit(1)
}
for (const [name, run] of Object.entries(parts)) if (asked.length === 0 || asked.includes(name)) await run()
const missed = lines.filter(({ met }) => !met).length
console.log(`\n${lines.length - missed} of ${lines.length} targets met`)
