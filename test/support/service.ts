// The whole service on real sockets and a real database file, beside a simulator. Every answer that a test gets through
// it is held against the OpenAPI document.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../simulator/simulator.ts'
import { type AppOptions, buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { type CheckAnswer, createContract } from './contract.ts'
import { unhurried } from './unhurried.ts'

/** A line of the log, parsed. */
export type LogLine = Record<string, unknown> & { level: number; msg: string }

export interface Service {
  app: FastifyInstance
  url: string
  dataDir: string
  log: LogLine[]
  /** A request whose answer is checked; redirects are not followed. */
  request(
    path: string,
    init?: RequestInit,
  ): Promise<{ status: number; headers: Headers; text: string; json: Json }>
  /** Through /connect, the simulator's consent page and /callback, with a browser's cookie. Answers the callback's. */
  connect(): Promise<{ status: number; location: string | null }>
  /** Connects and waits until the first refresh is done. */
  connectAndFill(): Promise<void>
  close(): Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails when it is not there
type Json = any

export interface ServiceOptions extends AppOptions {
  port?: number
  env?: Record<string, string>
  dataDir?: string
}

/** A simulator with a small company and no throttle in the way, closed with the test. */
export async function startSimulator(t: Test, options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await createSimulator({ company: { customers: 30, vendors: 12, items: 50 }, ...options })
  await simulator.listen()
  t.teardown(() => simulator.close())
  return simulator
}

/** A folder of its own, deleted with the test. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'mrp-backend-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Starts the service against `simulator` and lets it listen on a free port of loopback. */
export async function startService(
  t: Test,
  simulator: Simulator | undefined,
  options: ServiceOptions = {},
): Promise<Service> {
  const { port = await freePort(), env = {}, dataDir = temporaryFolder(t), ...appOptions } = options
  const url = `http://localhost:${port}`
  const config = await loadConfig(
    {
      PORT: String(port),
      PUBLIC_URL: url,
      DATA_DIR: dataDir,
      SECRET_KEY: 'a key for tests only',
      ...simulator?.env,
      ...env,
    },
    join(dataDir, 'no.env'),
  )
  const log: LogLine[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      log.push(JSON.parse(String(chunk)))
      done()
    },
  })
  const app = await buildApp(config, { ...unhurried, logger: { level: 'debug', stream }, ...appOptions })
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= app.close()
    return closed
  }
  t.teardown(close)
  await app.listen({ port, host: '127.0.0.1' })
  const check = createContract(app.swagger())
  const request = (path: string, init?: RequestInit) => ask(url, check, path, init)

  return {
    app,
    url,
    dataDir,
    log,
    close,
    request,
    connect: () => connect(request),
    async connectAndFill() {
      const { status, location } = await connect(request)
      if (location !== '/') throw new Error(`the callback answered ${status}, ${location}`)
      const done = await request('/api/cache/refresh?wait=true', { method: 'POST' })
      if (done.status !== 200) throw new Error(`refresh answered ${done.status}: ${done.text}`)
    },
  }
}

async function ask(url: string, check: CheckAnswer, path: string, init: RequestInit = {}) {
  const answer = await fetch(new URL(path, url), { redirect: 'manual', ...init })
  const text = await answer.text()
  const contentType = answer.headers.get('content-type') ?? ''
  check({
    method: init.method ?? 'GET',
    path: new URL(path, url).pathname,
    status: answer.status,
    contentType,
    body: text,
  })
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    json: contentType.startsWith('application/json') ? JSON.parse(text) : undefined,
  }
}

/** A browser that went to Intuit and was sent back, but has not arrived. */
export interface Visit {
  cookie: string
  callback: URL
}

/** A browser's way up to Intuit's answer, with the cookie that it has already. */
export async function goToIntuit({ request }: Pick<Service, 'request'>, cookie = ''): Promise<Visit> {
  const start = await request('/connect', { headers: { cookie } })
  return { cookie: cookieOf(start.headers), callback: await consentAt(start.headers.get('location') ?? '') }
}

/** Where Intuit sends a browser whose user consents. */
async function consentAt(address: string): Promise<URL> {
  const consent = await fetch(address, { redirect: 'manual' })
  return new URL(consent.headers.get('location') ?? '')
}

async function connect(request: Service['request']) {
  const { callback, cookie } = await goToIntuit({ request })
  const back = await request(callback.href, { headers: { cookie } })
  return { status: back.status, location: back.headers.get('location') }
}

/** Connects a service in another process as an MRP's own page does. Answers the callback's status. */
export async function connectAt(url: string): Promise<number> {
  const { auth_url } = (await (await fetch(`${url}/api/auth/url`)).json()) as { auth_url: string }
  const { pathname, search } = await consentAt(auth_url)
  return (await fetch(`${url}${pathname}${search}`, { redirect: 'manual' })).status
}

/** The cookies of an answer, as a browser would send them back. */
export const cookieOf = (headers: Headers): string =>
  headers
    .getSetCookie()
    .map((one) => one.split(';', 1)[0])
    .join('; ')

/**
 * A port that nobody listens on, to be taken soon: below those that the system gives to other tests' sockets meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const server = createServer()
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening')
    } catch {
      continue
    }
    await once(server.close(), 'close')
    return port
  }
}
