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

const values = readOptions()
const company = { customers: count('customers'), vendors: count('vendors'), items: count('items') }
const publicUrl = `http://localhost:${count('port', 1, 65535)}`
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
    console.error(`The demo failed: ${reasonOf(error)}`)
    process.exitCode = 1
    service.kill('SIGTERM')
  }
}
const [code] = await ended
if (code !== 0) process.exitCode = 1
await simulator.close()
rmSync(dataDir, { recursive: true, force: true })

function readOptions() {
  const options = {
    customers: { type: 'string', default: '200' },
    vendors: { type: 'string', default: '60' },
    items: { type: 'string', default: '400' },
    port: { type: 'string', default: '5002' },
    once: { type: 'boolean', default: false },
  } as const
  try {
    return parseArgs({ options }).values
  } catch (error) {
    return refuse(reasonOf(error))
  }
}

function count(name: 'customers' | 'vendors' | 'items' | 'port', min = 0, max = 1_000_000): number {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= min && value <= max) return value
  return refuse(`--${name}: ${values[name]} is not allowed; it takes a whole number from ${min} to ${max}.`)
}

function refuse(reason: string): never {
  console.error(`The demo cannot start. ${reason}`)
  process.exit(1)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** A clean environment and a folder without .env: a real company's settings must not end up in the demo. */
function startService(): ChildProcess {
  const { PATH, CORS_ORIGINS } = process.env
  return spawn(process.execPath, [join(import.meta.dirname, '../src/main.ts')], {
    cwd: dataDir,
    stdio: 'inherit',
    env: {
      ...simulator.env,
      PATH,
      // For pages of other origins, such as the examples in docs.
      ...(CORS_ORIGINS && { CORS_ORIGINS }),
      PORT: values.port,
      PUBLIC_URL: publicUrl,
      DATA_DIR: dataDir,
      LOG_LEVEL: 'error',
    },
  })
}

async function run(): Promise<void> {
  await until('the service to listen', 30_000, serviceListens)
  await connect()
  console.log('Connected to the simulated QuickBooks through its OAuth redirect. Filling the cache …')
  const started = performance.now()
  await until('the cache to be full', 30 * 60_000, cacheIsFull)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)

  const examples = await pickExamples()
  console.log(`
Cached in ${seconds} s (QuickBooks allows 10 requests a second): ${await sizes()}

Open   ${publicUrl}/        the console
       ${publicUrl}/docs    the API, to read and to try
${examples.length > 0 ? '\nTry    ' : ''}${examples.map((url) => `curl '${url}'`).join('\n       ')}
`)
  for (const url of examples) {
    const { total } = (await json(url)) as { total: number }
    if (total === 0) throw new Error(`${url} finds nothing`)
  }
  await followWebhooks()
  if (!values.once) console.log('Ctrl-C ends the demo and deletes its data.')
}

/** A part that somebody adds in QuickBooks, and how soon it is found here. */
async function followWebhooks(): Promise<void> {
  simulator.webhooks.subscribe(`${publicUrl}/webhooks/quickbooks`)
  const search = `${publicUrl}/api/search/part_numbers?q=zx4711`
  const started = performance.now()
  simulator.company.create('Item', { Name: 'ZX-4711', Type: 'NonInventory', Active: true })
  await until('a new part to be found', 10_000, async () => {
    const { total } = (await json(search)) as { total: number }
    return total > 0 || `${search} finds nothing`
  })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const fields = JSON.stringify({
    action: 'create',
    fields: { Name: 'ZX-4712', Type: 'Service', Active: true },
  })
  console.log(`A webhook brought a part that was added in QuickBooks: found after ${seconds} s. Add another one:

       curl '${simulator.url}/control/records/Item' -H 'content-type: application/json' -d '${fields}'
       curl '${publicUrl}/api/search/part_numbers?q=zx4712'
`)
}

/** Whoever answers must be our own service, and not another one on the same port: it alone has our QuickBooks. */
async function serviceListens(): Promise<true | string> {
  let config: { base_url?: string }
  try {
    const answer = await fetch(`${publicUrl}/api/config`, { signal: AbortSignal.timeout(2_000) })
    config = (await answer.json().catch(() => ({}))) as typeof config
  } catch (error) {
    const { cause = error } = error as Error
    const reason = (cause as { code?: unknown }).code ?? reasonOf(cause)
    if (reason === 'bad port') throw new Error(`--port: browsers refuse ${values.port}; try 6002.`)
    return `no answer at ${publicUrl} (${reason})`
  }
  if (config.base_url === simulator.env.QUICKBOOKS_SANDBOX_BASE_URL) return true
  throw new Error(`--port: another program answers at ${publicUrl}. Stop it, or choose another port.`)
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

async function cacheIsFull(): Promise<true | string> {
  const status = (await json(`${publicUrl}/api/cache/status`)) as Status
  const problem = Object.values(status.entities).find((entity) => entity.last_error !== null)
  if (problem) throw new Error(problem.last_error ?? '')
  return (status.last_updated !== null && !status.refresh.running) || 'the refresh is not done'
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
  return queries
    .filter(([, q]) => q !== '')
    .map(([index, q]) => `${publicUrl}/api/search/${index}?q=${encodeURIComponent(q)}&limit=3`)
}

async function json(url: string): Promise<unknown> {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`)
  return await answer.json()
}

/** Asks again and again until `done` answers true; until then it says what is missing. */
async function until(what: string, patienceMs: number, done: () => Promise<true | string>): Promise<void> {
  let missing: true | string = ''
  for (const end = Date.now() + patienceMs; Date.now() < end; await delay(200)) {
    if (service.exitCode !== null || service.signalCode !== null) throw new Error('the service ended')
    missing = await done()
    if (missing === true) return
  }
  throw new Error(`waited ${patienceMs / 1000} s for ${what}: ${missing}`)
}
