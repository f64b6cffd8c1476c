// The service as a process: how it starts, refuses to start, and stops.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import packageJson from '../../package.json' with { type: 'json' }
import { connectAt, freePort, startSimulator, temporaryFolder } from '../support/service.ts'

const main = join(import.meta.dirname, '../../src/main.ts')

/** Starts the process in a folder of its own, without the machine's environment. */
function start(t: Test, env: Record<string, string>, cwd = temporaryFolder(t)) {
  const child = spawn(process.execPath, [main], { cwd, env: { PATH: process.env.PATH, PORT: '0', ...env } })
  t.teardown(() => child.kill('SIGKILL'))
  const output = { text: '' }
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output.text += chunk))
  return { child, output }
}

async function ready(child: ChildProcess, output: { text: string }): Promise<string> {
  while (!/listening at (http[^"\s]+)/i.test(output.text)) await once(child.stdout ?? child, 'data')
  return /listening at (http[^"\s]+)/i.exec(output.text)?.[1] ?? ''
}

t.test('it starts without any configuration, serves, and stops on SIGTERM', async (t) => {
  const { child, output } = start(t, {})
  const url = await ready(child, output)
  t.match(url, /^http:\/\/127\.0\.0\.1:/)
  t.equal((await fetch(`${url}/api/cache/status`)).status, 200)
  child.kill('SIGTERM')
  t.same(await once(child, 'exit'), [0, null])
})

for (const [signal, all] of [
  ['SIGTERM', false],
  ['SIGTERM', true],
  ['SIGINT', true],
] as const) {
  // The latter is what systemd does, and Ctrl-C; npm hands its own on, so that the service hears it twice.
  t.test(`${signal} to ${all ? 'all of npm start' : 'npm alone'} stops the service with grace`, async (t) => {
    const keys = { ADMIN_API_KEY: 'an-admin-key', SEARCH_API_KEY: 'a-search-key' }
    const env = { PORT: String(await freePort()), HOST: '127.0.0.1', DATA_DIR: temporaryFolder(t), ...keys }
    const npm = spawn('npm', ['start', '--silent'], {
      cwd: join(import.meta.dirname, '../..'),
      env: { ...process.env, ...env },
      detached: true,
    })
    t.teardown(() => npm.kill('SIGKILL'))
    const output = { text: '' }
    npm.stdout.on('data', (chunk) => (output.text += chunk))
    const url = await ready(npm, output)
    const authorization = `Bearer ${keys.SEARCH_API_KEY}`
    const stream = await fetch(`${url}/api/events`, { headers: { authorization } })
    t.equal(stream.status, 200)
    const ended = once(npm, 'close')
    process.kill((all ? -1 : 1) * (npm.pid ?? Number.NaN), signal)
    t.equal(typeof (await stream.text()), 'string', 'what is under way ends as a whole')
    await ended
    t.match(output.text, '"Stopping"')
    t.notMatch(output.text, 'second')
    await t.rejects(fetch(url), 'nobody is left')
  })
}

t.test('a bad value stops the start with one line that names it', async (t) => {
  const { child, output } = start(t, { CACHE_REFRESH_MINUTES: 'often' })
  const [code] = await once(child, 'close')
  t.equal(code, 1)
  t.match(output.text, /^mrp-backend cannot start\. CACHE_REFRESH_MINUTES: "often" is not allowed.*\n$/)
})

t.test('names of the service before this one are told in the log, each once, without values', async (t) => {
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, '.env'), 'QB_CLIENT_ID=an-id-of-before\nQB_CLIENT_SECRET=a-secret-of-before\n')
  const { child, output } = start(t, {}, cwd)
  const status = await fetch(`${await ready(child, output)}/api/cache/status`)
  const { invoices_count } = (await status.json()) as { invoices_count: number }
  t.equal(invoices_count, 0, 'invoices are kept, as before')
  for (const line of [
    'QB_CLIENT_ID is deprecated: rename it QUICKBOOKS_CLIENT_ID.',
    'QB_CLIENT_SECRET is deprecated: rename it QUICKBOOKS_CLIENT_SECRET.',
    'SYNC_ENTITIES=customers,vendors,items,invoices',
  ])
    t.equal(output.text.split(line).length, 2, line)
  t.notMatch(output.text, /of-before/)
})

t.test('a second process on the same data, and a port in use, are refused with one line each', async (t) => {
  const cwd = temporaryFolder(t)
  const first = start(t, {}, cwd)
  const port = new URL(await ready(first.child, first.output)).port
  const second = start(t, {}, cwd)
  t.same(await once(second.child, 'close'), [1, null])
  t.match(second.output.text, /cannot start\. DATA_DIR: another process serves/)
  const third = start(t, { PORT: port })
  t.same(await once(third.child, 'close'), [1, null])
  t.match(
    third.output.text,
    new RegExp(`cannot start\\. PORT, HOST: cannot listen on 127\\.0\\.0\\.1:${port}`),
  )
})

t.test('NODE_ENV=development logs for people, at debug level, on a terminal or not', async (t) => {
  const { child, output } = start(t, { NODE_ENV: 'development' })
  const url = await ready(child, output)
  await fetch(`${url}/api/search/client_names?q=a`)
  while (!/DEBUG.*: Search\n(.*\n)* +index: "client_names"/.test(output.text))
    await once(child.stdout, 'data')
  t.notMatch(output.text, /"level":/)
})

t.test('pino-pretty is there in an installation without dev dependencies', async (t) => {
  t.ok('pino-pretty' in packageJson.dependencies)
})

t.test('a folder that cannot be used stops the start with one line, not with a stack trace', async (t) => {
  const { child, output } = start(t, { DATA_DIR: '/dev/null/data' })
  t.same(await once(child, 'close'), [1, null])
  t.match(output.text, /^mrp-backend cannot start\. DATA_DIR: \/dev\/null\/data cannot be written .*\n$/)
})

t.test(
  'killed or stopped in the middle of a sync, it serves what was committed, without QuickBooks, and goes on later',
  async (t) => {
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const cwd = temporaryFolder(t)
      const simulator = await startSimulator(t, {
        company: { customers: 6000, vendors: 1, items: 1 },
        behaviour: { latencyMs: 30 },
      })
      const env = { ...simulator.env, DATA_DIR: cwd }
      const first = start(t, env, cwd)
      const url = await ready(first.child, first.output)
      await connectAt(url)
      let count = 0
      while (count < 2000) count = (await json(`${url}/api/cache/status`)).customers_count
      first.child.kill(signal)
      const [code] = await once(first.child, 'exit')
      t.equal(code, signal === 'SIGTERM' ? 0 : null)

      simulator.fault({ on: 'any', kind: 'reset', times: 1000 })
      const second = start(t, env, cwd)
      const again = await ready(second.child, second.output)
      const kept = await json(`${again}/api/cache/status`)
      t.ok(kept.customers_count >= count && kept.customers_count <= 6000, signal)
      t.ok((await json(`${again}/api/search/client_names?q=a`)).total > 0, 'search answers')
      t.equal((await json(`${again}/api/auth/status`)).is_authenticated, true)
      second.child.kill('SIGTERM')
      await once(second.child, 'exit')

      simulator.clearFaults()
      const third = start(t, env, cwd)
      const last = await ready(third.child, third.output)
      const refresh = await fetch(`${last}/api/cache/refresh`, { method: 'POST' })
      t.equal(refresh.status, 200)
      t.equal((await json(`${last}/api/cache/status`)).customers_count, 6000)
      third.child.kill('SIGTERM')
      await once(third.child, 'exit')
    }
  },
)

// biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails when it is not there
const json = async (url: string): Promise<any> => (await fetch(url)).json()
