// The main job with nothing else installed: a simulated QuickBooks, the service, the real OAuth redirect between them,
// and a full cache. `--once` ends after trying the printed examples, with a failure when one of them finds nothing.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createSimulator } from '../simulator/simulator.ts'

const { values } = parseArgs({
  options: {
    customers: { type: 'string', default: '200' },
    vendors: { type: 'string', default: '60' },
    items: { type: 'string', default: '400' },
    port: { type: 'string', default: '5002' },
    once: { type: 'boolean', default: false },
  },
})

const company = { customers: count('customers'), vendors: count('vendors'), items: count('items') }
const publicUrl = `http://localhost:${count('port')}`
const dataDir = mkdtempSync(join(tmpdir(), 'mrp-backend-demo-'))
const simulator = await createSimulator({ company })
await simulator.listen()
const service = startService()
const ended = once(service, 'exit')
// Ctrl-C reaches the service too; this process only waits for it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => service.kill(signal))

try {
  await run()
  if (values.once) service.kill('SIGTERM')
} catch (error) {
  if (service.exitCode === null && service.signalCode === null) {
    console.error(`The demo failed: ${error instanceof Error ? error.message : error}`)
    process.exitCode = 1
    service.kill('SIGTERM')
  }
}
const [code] = await ended
if (code !== 0) process.exitCode = 1
await simulator.close()
rmSync(dataDir, { recursive: true, force: true })

function count(name: 'customers' | 'vendors' | 'items' | 'port'): number {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= 0) return value
  console.error(`--${name}: ${values[name]} is not allowed; it takes a whole number.`)
  process.exit(1)
}

/** A clean environment and a folder without .env: a real company's settings must not end up in the demo. */
function startService(): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, '../src/main.ts')], {
    cwd: dataDir,
    stdio: 'inherit',
    env: {
      ...simulator.env,
      PATH: process.env.PATH,
      PORT: values.port,
      PUBLIC_URL: publicUrl,
      DATA_DIR: dataDir,
      ALLOW_UNAUTHENTICATED: 'true',
      LOG_LEVEL: 'error',
    },
  })
}

async function run(): Promise<void> {
  await until('the service to listen', () =>
    fetch(`${publicUrl}/api/health`).then(
      (answer) => answer.ok,
      () => false,
    ),
  )
  await connect()
  console.log('Connected to the simulated QuickBooks through its OAuth redirect. Filling the cache …')
  const started = performance.now()
  await until('the cache to be full', cacheIsFull)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)

  const examples = await pickExamples()
  console.log(`
Cached in ${seconds} s (QuickBooks allows 10 requests a second): ${await sizes()}

Open   ${publicUrl}/        the status page
       ${publicUrl}/docs    the API, to read and to try

Try    ${examples.map((url) => `curl '${url}'`).join('\n       ')}
`)
  for (const url of examples) {
    const { total } = (await json(url)) as { total: number }
    if (total === 0) throw new Error(`${url} finds nothing`)
  }
  if (!values.once) console.log('Ctrl-C ends the demo and deletes its data.')
}

/** What a browser does: /connect, Intuit's page, and back with the cookie. */
async function connect(): Promise<void> {
  const start = await fetch(`${publicUrl}/connect`, { redirect: 'manual' })
  const cookie = start.headers
    .getSetCookie()
    .map((one) => one.split(';', 1)[0])
    .join('; ')
  const consent = await fetch(start.headers.get('location') ?? '', { redirect: 'manual' })
  const back = await fetch(consent.headers.get('location') ?? '', { redirect: 'manual', headers: { cookie } })
  if (back.status !== 302) throw new Error(`/callback answered ${back.status}: ${await back.text()}`)
}

interface Status {
  last_updated: string | null
  refresh: { running: boolean }
  entities: Record<string, { count: number; last_error: string | null }>
}

async function cacheIsFull(): Promise<boolean> {
  const status = (await json(`${publicUrl}/api/cache/status`)) as Status
  const problem = Object.values(status.entities).find((entity) => entity.last_error !== null)
  if (problem) throw new Error(problem.last_error ?? '')
  return status.last_updated !== null && !status.refresh.running
}

async function sizes(): Promise<string> {
  const { entities } = (await json(`${publicUrl}/api/cache/status`)) as Status
  return Object.entries(entities)
    .map(([name, entity]) => `${entity.count} ${name}`)
    .join(', ')
}

/** Searches that fit this company: a customer by a beginning, a part number typed without its separators. */
async function pickExamples(): Promise<string[]> {
  const { customers } = (await json(`${publicUrl}/api/data/customers?limit=1000`)) as {
    customers: { DisplayName: string; Active: boolean }[]
  }
  const { items } = (await json(`${publicUrl}/api/data/items?limit=1000`)) as {
    items: { Name: string; Type: string; Active: boolean }[]
  }
  const name = customers.find((one) => one.Active && /^[a-z]{5}/i.test(one.DisplayName))?.DisplayName ?? ''
  const part = items.find(
    (one) => one.Active && one.Type !== 'Category' && /^[A-Z]+-\d+-?\w*$/.test(one.Name),
  )?.Name
  const word =
    items.find((one) => one.Active && one.Type !== 'Category' && /^[a-z]{4}/i.test(one.Name))?.Name ?? ''
  const queries = [
    ['client_names', name.slice(0, 5).toLowerCase()],
    ['part_numbers', (part ?? word).replaceAll(/[^a-z0-9]/gi, '').toLowerCase()],
    ['product_names', word.slice(0, 4).toLowerCase()],
  ] as const
  return queries.map(([index, q]) => `${publicUrl}/api/search/${index}?q=${encodeURIComponent(q)}&limit=3`)
}

async function json(url: string): Promise<unknown> {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`)
  return await answer.json()
}

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30 * 60_000; Date.now() < end; await delay(200)) {
    if (service.exitCode !== null) throw new Error('the service ended')
    if (await done()) return
  }
  throw new Error(`waited half an hour for ${what}`)
}
