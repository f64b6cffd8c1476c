// How the process stops while it is in full use: whoever has sent a request gets its whole answer, and nothing that was
// answered is lost.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import t, { type Test } from 'tap'
import { Client } from 'undici'
import { printEvents, signBody } from '../../simulator/notification.ts'
import type { Simulator } from '../../simulator/simulator.ts'
import { connectAt, startSimulator, temporaryFolder } from '../support/service.ts'

const main = join(import.meta.dirname, '../../src/main.ts')

interface Process {
  child: ChildProcess
  url: string
  /** Resolves when the log says so. */
  logs(like: RegExp): Promise<unknown>
  /** Exit code and signal. */
  exit: Promise<unknown[]>
}

async function start(t: Test, simulator: Simulator, dataDir: string): Promise<Process> {
  const child = spawn(process.execPath, [main], {
    cwd: dataDir,
    env: { PATH: process.env.PATH, PORT: '0', ...simulator.env, DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  async function logs(like: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = like.exec(output)
      if (found !== null) return found
      if (child.exitCode !== null) throw new Error(`it ended before it logged ${like}: ${output}`)
      await Promise.race([once(child.stdout, 'data'), exit])
    }
  }
  const [, url = ''] = await logs(/listening at (http[^"\s]+)/i)
  return { child, url, logs, exit }
}

async function connectAndFill(url: string): Promise<void> {
  await connectAt(url)
  const { status } = await fetch(`${url}/api/cache/refresh`, { method: 'POST' })
  if (status !== 200) throw new Error(`the refresh answered ${status}`)
}

// biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails when it is not there
const json = async (url: string): Promise<any> => (await fetch(url)).json()

/** Answers so large that no buffer on the way holds one: it is under way for as long as its reader waits. */
const NOTES = 'Stainless, on pallets. '.repeat(1_000)
const LARGE = 1_000

async function setUp(t: Test) {
  const simulator = await startSimulator(t, {
    company: { customers: 3_000, vendors: 5, items: LARGE },
    behaviour: { throttle: { perSecond: null, perMinute: null, concurrent: null } },
  })
  for (const { Id } of simulator.company.list('Item'))
    simulator.company.update('Item', Id, { PurchaseDesc: NOTES })
  const dataDir = temporaryFolder(t)
  const service = await start(t, simulator, dataDir)
  await connectAndFill(service.url)
  return { simulator, dataDir, service }
}

type Sent = { method: 'GET' | 'POST'; path: string; body?: string; headers?: Record<string, string> }
type Got = { status: number; text: string; sent: Sent }

/**
 * One connection on which a request is sent as soon as the one before is answered, or `pauseMs` later, until an answer
 * says that it is the last one or the connection is gone before anything was sent on it. What was sent and not answered
 * as a whole is a failure.
 */
async function useConnection(
  url: string,
  next: () => Sent,
  { pauseMs = 0 } = {},
): Promise<{ got: Got[]; failures: string[] }> {
  const client = new Client(url)
  const got: Got[] = []
  const failures: string[] = []
  let isOpen = true
  client.on('disconnect', () => (isOpen = false))
  while (isOpen) {
    const sent = next()
    try {
      const { statusCode, headers, body } = await client.request(sent)
      got.push({ status: statusCode, text: await body.text(), sent })
      if (headers.connection === 'close') break
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      // Nobody listens any more, so nothing was sent.
      if (code !== 'ECONNREFUSED') failures.push(`${sent.path}: ${code} ${message}`)
      break
    }
    if (pauseMs > 0) await delay(pauseMs)
  }
  await client.destroy()
  return { got, failures }
}

/** The whole answer, read from now on only when `read` is called. */
async function download(url: string): Promise<{ read(): Promise<string> }> {
  const client = new Client(url)
  const { statusCode, body } = await client.request({ method: 'GET', path: `/api/data/items?limit=${LARGE}` })
  if (statusCode !== 200) throw new Error(`the download answered ${statusCode}`)
  return {
    async read() {
      const text = await body.text()
      await client.destroy()
      return text
    },
  }
}

t.test('stopped in full use, it answers everything that was sent, keeps it, and ends with 0', async (t) => {
  const { simulator, dataDir, service } = await setUp(t)
  const { url } = service
  const { company, webhooks, behaviour } = simulator
  const { readUntilEnd, heard } = await listen(url)

  webhooks.subscribe(`${url}/webhooks/quickbooks`)
  webhooks.hold()
  let edits = 0
  const nextEdit = (): Sent => {
    edits += 1
    const name = `ZQ-${1_000 + edits}`
    const { Id } = company.create('Item', { Name: name, Type: 'Service', Active: true })
    const events = webhooks.take().filter((one) => one.entity === 'Item' && one.id === Id)
    const body = printEvents(events, 'cloudEvents')
    const signature = signBody(body, webhooks.verifierToken)
    const headers = { 'content-type': 'application/json', 'intuit-signature': signature, 'x-name': name }
    return { method: 'POST', path: '/webhooks/quickbooks', body, headers }
  }
  const search: Sent = { method: 'GET', path: '/api/search/client_names?q=a' }
  // Pages change, each takes a while, and the stop comes in the middle of them.
  for (const { Id } of company.list('Customer').slice(0, 2_000))
    company.update('Customer', Id, { Notes: 'Edited' })
  behaviour.latencyMs = 300

  const searches = [0, 0, 0, 0, 5, 20].map((pauseMs) => useConnection(url, () => search, { pauseMs }))
  const posts = useConnection(url, nextEdit, { pauseMs: 10 })
  const slow = await download(url)
  const refresh = useConnection(url, () => ({ method: 'POST', path: '/api/cache/refresh' }))
  while (!/"customers":\{"fetched":[1-9]/.test(await (await fetch(`${url}/api/cache/status`)).text()));

  service.child.kill('SIGTERM')
  await service.logs(/"Stopping"/)
  const { items } = JSON.parse(await slow.read()) as { items: unknown[] }
  t.equal(items.length, LARGE, 'the download is whole')
  for (const [i, done] of (await Promise.all(searches)).entries()) {
    t.same(done.failures, [], `connection ${i} of a searcher`)
    const wrong = done.got.filter(({ status, text }) => status !== 200 || !text.endsWith('}'))
    t.same(
      wrong.map(({ status }) => status),
      [],
      `answers on connection ${i}`,
    )
  }
  const refreshed = await refresh
  t.same(refreshed.failures, [], 'connection of a refresh')
  t.ok(
    refreshed.got.every(({ status, text }) => status === 200 || /STOPPING/.test(JSON.parse(text).code)),
    `the refresh tells how it ended: ${refreshed.got.map(({ text }) => text)}`,
  )
  const posted = await posts
  t.same(posted.failures, [], 'connection of webhooks')
  t.same([...new Set(posted.got.map(({ status }) => status))], [200], 'every webhook is taken')
  await readUntilEnd
  t.match(heard.text, /^event: ready$/m, 'the stream of events ended as a whole')
  t.same(await service.exit, [0, null])

  countsAgree(t, dataDir)
  behaviour.latencyMs = 0
  const second = await start(t, simulator, dataDir)
  await json(`${second.url}/api/cache/status`)
  for (const { sent } of posted.got) {
    const name = sent.headers?.['x-name'] ?? ''
    await found(second.url, name)
  }
  t.pass('what webhooks announced is followed after the stop')
  second.child.kill('SIGTERM')
  t.same(await second.exit, [0, null])
})

/** A page that listens; `readUntilEnd` rejects when the stream breaks off. */
async function listen(url: string) {
  const client = new Client(url, { bodyTimeout: 0 })
  const { body } = await client.request({ method: 'GET', path: '/api/events' })
  const heard = { text: '' }
  const readUntilEnd = (async () => {
    for await (const chunk of body) heard.text += chunk
    await client.destroy()
  })()
  // It is awaited later.
  readUntilEnd.catch(() => undefined)
  return { readUntilEnd, heard }
}

async function found(url: string, name: string): Promise<void> {
  const path = `/api/search/part_numbers?q=${name}&limit=1`
  for (;;) {
    const { results } = await json(`${url}${path}`)
    if (results[0]?.name === name) return
    await delay(50)
  }
}

/** A page of records is in the file as a whole, with its count, or not at all. */
function countsAgree(t: Test, dataDir: string): void {
  const file = new SqliteDatabase(join(dataDir, 'mrp-backend.db'), { readonly: true })
  const rows = file
    .prepare(
      `SELECT entity, records, active_records,
              (SELECT count(*) FROM qbo_records r WHERE r.entity = c.entity) AS counted,
              (SELECT total(active) FROM qbo_records r WHERE r.entity = c.entity) AS counted_active
       FROM qbo_checkpoints c`,
    )
    .all() as Record<string, unknown>[]
  const sound = file.pragma('integrity_check', { simple: true })
  file.close()
  t.equal(sound, 'ok')
  t.equal(rows.length, 3)
  for (const row of rows) {
    t.equal(row.counted, row.records, `${row.entity} in the file`)
    t.equal(row.counted_active, row.active_records, `active ${row.entity} in the file`)
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`a second signal, ${signal}, ends a slow stop`, async (t) => {
    const { dataDir, simulator, service } = await setUp(t)
    const slow = await download(service.url)
    service.child.kill('SIGTERM')
    await service.logs(/"Stopping"/)
    // One that comes at once is taken for the same.
    const impatient = setInterval(() => service.child.kill(signal), 50)
    await service.logs(new RegExp(`second ${signal}`))
    clearInterval(impatient)
    t.same(await service.exit, [1, null])
    await t.rejects(slow.read(), 'nobody waits for who does not read')
    countsAgree(t, dataDir)
    const second = await start(t, simulator, dataDir)
    second.child.kill('SIGTERM')
    t.same(await second.exit, [0, null])
  })
}
