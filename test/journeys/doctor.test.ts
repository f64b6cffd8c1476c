// `npm run doctor` as a process: what keeps a service from working, and what it says about it.
import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import t, { type Test } from 'tap'
import type { Simulator } from '../../simulator/simulator.ts'
import { systemClock } from '../../src/services/clock.ts'
import { command } from '../support/command.ts'
import { mariadb, onMariaDb } from '../support/mariadb.ts'
import {
  freePort,
  type Service,
  type ServiceOptions,
  startService,
  startSimulator,
  temporaryFolder,
} from '../support/service.ts'

const onServer = await onMariaDb(t)

const schemas = join(import.meta.dirname, '../fixtures/schema')
const SECRET_KEY = 'a key for tests only'
const DAY_S = 86_400

/** Runs it in a folder of its own; `lines` is what it found, by the name of the check. */
async function doctor(t: Test, env: Record<string, string>, cwd = temporaryFolder(t)) {
  const { code, text } = await command('doctor', { env, cwd })
  const [found = '', todo = ''] = text.split('\n\n')
  const lines = Object.fromEntries(
    found.split('\n').map((line) => {
      const [, level = '', name = '', text = ''] = /^. (\w+) {2,}(.+?) {2,}(.+)$/.exec(line) ?? []
      return [name, `${level}: ${text}`]
    }),
  )
  return { code, text, lines, todo }
}

/** A service that is connected and filled, and the variables of one like it. */
async function connected(
  t: Test,
  options: ServiceOptions = {},
): Promise<{ simulator: Simulator; service: Service; env: Record<string, string> }> {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, options)
  await service.connectAndFill()
  return { simulator, service, env: envOf(simulator, service) }
}

const envOf = (simulator: Simulator, { url, dataDir }: Pick<Service, 'url' | 'dataDir'>) => ({
  ...simulator.env,
  SECRET_KEY,
  DATA_DIR: dataDir,
  PORT: new URL(url).port,
  PUBLIC_URL: url,
  QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN: '',
})

/** What stands in a folder, to the byte, and when it was written. */
const contentsOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => {
      const path = join(parentPath, name)
      return [path, hash('sha256', readFileSync(path)), statSync(path).mtimeMs]
    })

t.test(
  'where all is fine it says so, beside a service that runs and when it does not, and changes nothing',
  async (t) => {
    const { simulator, service, env } = await connected(t)
    const tokenBefore = simulator.oauth.current
    const beside = await doctor(t, env)
    t.equal(beside.code, 0, beside.text)
    t.notMatch(beside.text, /^[!✗–]/m, 'nothing but ok')
    t.match(beside.todo, 'There is nothing to do.')
    t.match(beside.lines, {
      port: /^ok: .* is this service's, and it answers$/,
      database: /^ok: .*: up to date$/,
      connection: /^ok: QuickBooks is connected; the refresh token dies in 10\d days/,
      clock: /^ok: within a minute of Intuit$/,
      'client id and secret': /^ok: Intuit knows them$/,
    })
    t.equal((await service.request('/api/test')).status, 200, 'the service works on')

    await service.close()
    const stopped = contentsOf(service.dataDir)
    const alone = await doctor(t, env)
    t.equal(alone.code, 0, alone.text)
    t.match(alone.lines.port, /^ok: .* is free: the service is not running$/)
    t.same(contentsOf(service.dataDir), stopped)
    t.same(
      readdirSync(service.dataDir).filter((name) => /-(wal|shm)$/.test(name)),
      [],
    )
    t.same(simulator.oauth.current, tokenBefore, 'no token was used or renewed')
    for (const secret of [SECRET_KEY, env.QUICKBOOKS_CLIENT_SECRET ?? '', tokenBefore?.refreshToken ?? ''])
      t.notOk(`${beside.text}${alone.text}`.includes(secret), 'no secret is told')
  },
)

t.test('before the first start it says what is missing, in order, and makes nothing', async (t) => {
  const cwd = temporaryFolder(t)
  const simulator = await startSimulator(t)
  const env = {
    ...simulator.env,
    QUICKBOOKS_CLIENT_ID: '',
    QUICKBOOKS_CLIENT_SECRET: '',
    PORT: String(await freePort()),
  }
  const { code, lines, todo } = await doctor(t, env, cwd)
  t.equal(code, 1)
  t.match(lines, {
    credentials: /^fail: /,
    database: /^ok: .* is made by the first start$/,
    'client id and secret': /^skip: not looked at: mend credentials first$/,
    connection: /^warn: QuickBooks is not connected yet$/,
  })
  t.match(todo, /^What to do, in order:\n1\. Set QUICKBOOKS_CLIENT_ID.*\n2\. Start the service .*open http/)
  t.same(readdirSync(cwd), [])
})

t.test('what is not as it should be is told, with what to do', async (t) => {
  const { simulator, service, env } = await connected(t)
  await service.close()
  const nobody = await freePort()
  const scenarios: Scenario[] = [
    {
      when: 'the client secret is another one',
      env: { QUICKBOOKS_CLIENT_SECRET: 'wrong' },
      lines: { 'client id and secret': /^fail: Intuit refuses them$/ },
      todo: /the development keys of your app/,
    },
    {
      when: 'the token service answers otherwise',
      before: () => simulator.fault({ on: 'token', kind: 'html503' }),
      env: {},
      lines: {
        'client id and secret': /^fail: Intuit's token service did not answer as it should \(HTTP 5\d\d\)$/,
      },
    },
    {
      when: 'a value is not allowed',
      env: { CACHE_REFRESH_MINUTES: 'often' },
      lines: {
        configuration: /^fail: CACHE_REFRESH_MINUTES: "often" is not allowed; it takes /,
        port: /^skip: not looked at: mend configuration first$/,
        'client id and secret': /^skip: /,
      },
      todo: /^What to do, in order:\n1\. Correct the configuration[^\n]*\n$/,
    },
    {
      when: 'SECRET_KEY is another one',
      env: { SECRET_KEY: 'quite another key' },
      lines: { connection: /^fail: the stored tokens cannot be opened$/ },
      todo: /SECRET_KEY: the stored QuickBooks tokens were sealed with another key/,
    },
    {
      when: 'another company is connected',
      env: { QUICKBOOKS_COMPANY_ID: '1' },
      lines: { connection: /^fail: another company is connected/ },
    },
    {
      when: 'production is sent to localhost',
      env: {
        QUICKBOOKS_ENVIRONMENT: 'production',
        PUBLIC_URL: 'https://localhost:5002',
        TRUST_PROXY: 'true',
      },
      lines: { 'redirect URI': /^fail: .*: production keys take no localhost$/ },
      todo: /Set PUBLIC_URL to an https address with a name of your own/,
    },
    ...(
      [
        ['production', 'http://mrp.example.com', /^fail: .*: production keys take https only$/],
        ['production', 'https://192.0.2.7', /^fail: .*: production keys take no IP address$/],
        ['production', 'https://[2001:db8::7]', /^fail: .*: production keys take no IP address$/],
        ['production', 'https://mrp.example.com/base', /^ok: https:\/\/mrp\.example\.com\/base\/callback, /],
        ['sandbox', 'http://mrp.example.com', /^fail: .*: without https Intuit takes only localhost$/],
        ['sandbox', 'https://mrp.example.com', /^ok: /],
      ] as const
    ).map(([QUICKBOOKS_ENVIRONMENT, PUBLIC_URL, line]) => ({
      when: `${QUICKBOOKS_ENVIRONMENT} is sent to ${PUBLIC_URL}`,
      env: { QUICKBOOKS_ENVIRONMENT, PUBLIC_URL },
      lines: { 'redirect URI': line },
    })),
    {
      when: 'the redirect URI leads past the service',
      env: { QUICKBOOKS_REDIRECT_URI: `${service.url}/oauth` },
      lines: { 'redirect URI': /^fail: .*: this service answers at \/callback$/ },
    },
    {
      when: 'the redirect URI is on another host',
      env: { QUICKBOOKS_REDIRECT_URI: 'https://other.example.com/callback' },
      lines: { 'redirect URI': /^warn: .* is on another host than PUBLIC_URL/ },
    },
    {
      when: 'a browser is sent to another port',
      env: { PUBLIC_URL: 'http://localhost:5999' },
      lines: { addresses: /^warn: PUBLIC_URL .* leads to port 5999, but PORT is \d+$/ },
    },
    {
      when: 'any port is taken',
      env: { PORT: '0' },
      lines: { addresses: /^warn: PUBLIC_URL .* leads to port \d+, but PORT is 0$/ },
    },
    {
      when: 'a page answers where QuickBooks should',
      env: { QUICKBOOKS_SANDBOX_BASE_URL: await startPage(t) },
      lines: { API: /^warn: .* answers, but with a page \(HTTP 403\) and not as QuickBooks does$/ },
    },
    {
      when: 'Node is told of a proxy that the service does not go through',
      env: { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: `http://127.0.0.1:${nobody}` },
      lines: { 'token endpoint': /^ok: /, API: /^ok: /, 'client id and secret': /^ok: / },
    },
    {
      when: 'webhooks are on without https',
      env: { QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN: 'a-token' },
      lines: { webhooks: /^warn: on, but Intuit posts to https addresses only/ },
    },
    {
      when: "production is asked by the sandbox's name, as former .env files do",
      env: {
        ...{ QUICKBOOKS_SANDBOX_BASE_URL: '', QUICKBOOKS_CLIENT_SECRET: '' },
        ...{ QB_SANDBOX_BASE_URL: 'https://quickbooks.api.intuit.com', QB_CLIENT_SECRET: 'wrong' },
      },
      lines: {
        credentials: /^ok: .*, for production$/,
        'redirect URI': /^fail: .*: production keys take https only$/,
        'former names': /^warn: .*QB_CLIENT_SECRET is deprecated: rename it QUICKBOOKS_CLIENT_SECRET\./,
      },
      todo: /the production keys of your app[\s\S]*\d\. When all else is well, do what the line of the former names/,
    },
    {
      when: 'nobody listens where tokens are asked for',
      env: { QUICKBOOKS_TOKEN_URL: `http://127.0.0.1:${nobody}/` },
      lines: {
        'token endpoint': /^fail: 127\.0\.0\.1:\d+ refuses connections \(ECONNREFUSED\)$/,
        clock: /^skip: /,
        'client id and secret': /^skip: not looked at: mend token endpoint first$/,
      },
    },
    {
      when: 'a name is not known, and a proxy is configured that is not gone through',
      env: { QUICKBOOKS_SANDBOX_BASE_URL: 'https://nowhere.invalid', HTTPS_PROXY: 'http://proxy.invalid' },
      lines: { API: /^fail: nowhere\.invalid is not found \((ENOTFOUND|EAI_AGAIN)\)$/ },
      todo: /Mend name resolution.* HTTPS_PROXY is set, but this service goes through no proxy\./,
    },
    {
      when: 'no program may have its port',
      env: { HOST: '192.0.2.1', ALLOW_UNAUTHENTICATED: 'true' },
      lines: {
        port: /^fail: nobody can listen on 192\.0\.2\.1:\d+ \(EADDRNOTAVAIL\)$/,
        access: /^warn: no keys/,
      },
    },
  ]
  for (const { when, env: change, before, lines, todo = /^What to do|^There is nothing/ } of scenarios) {
    before?.()
    const found = await doctor(t, { ...env, ...change })
    t.match(found.lines, lines, when)
    t.match(found.todo, todo, when)
    t.equal(found.code, /^✗/m.test(found.text) ? 1 : 0, when)
  }
})

/** A server that has a page for everything. */
async function startPage(t: Test): Promise<string> {
  const server = createServer((_request, response) =>
    response.writeHead(403).end('<!DOCTYPE html><html><title>Forbidden</title></html>'),
  )
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Scenario {
  when: string
  env: Record<string, string>
  before?: () => void
  lines: Record<string, RegExp>
  todo?: RegExp
}

t.test(
  'a misspelt variable is recognised, in the environment and in .env, which others may not read',
  async (t) => {
    const cwd = temporaryFolder(t)
    writeFileSync(
      join(cwd, '.env'),
      'SEARCH_APIKEY=confidential\nCLIENT_SECRET=confidential\nCOMPOSE_PROJECT_NAME=mrp\n',
    )
    chmodSync(join(cwd, '.env'), 0o644)
    const { lines, text } = await doctor(
      t,
      { QUICKBOOKS_CLIENTID: 'x', HOSTNAME: 'x', NODE_VERSION: '26' },
      cwd,
    )
    t.equal(
      lines.spelling,
      'warn: CLIENT_SECRET: did you mean QUICKBOOKS_CLIENT_SECRET? SEARCH_APIKEY: did you mean SEARCH_API_KEY? QUICKBOOKS_CLIENTID: did you mean QUICKBOOKS_CLIENT_ID?',
    )
    t.match(lines['file .env'], /^warn: others on this machine can read it \(644\)/)
    t.notMatch(text, 'confidential')
    chmodSync(join(cwd, '.env'), 0o600)
    t.equal((await doctor(t, {}, cwd)).lines['file .env'], 'ok: for its owner only')
  },
)

t.test('.env may begin with the mark that Windows sets, and must be UTF-8', async (t) => {
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, '.env'), '\uFEFFCACHE_REFRESH_MINUTES=17\r\n')
  const marked = await doctor(t, {}, cwd)
  t.match(marked.lines, { spelling: /^ok: /, webhooks: /every 17 minutes$/ })
  writeFileSync(join(cwd, '.env'), 'CACHE_REFRESH_MINUTES=17\r\n', 'utf16le')
  t.match(
    (await doctor(t, {}, cwd)).lines.configuration,
    'fail: The file .env is not in UTF-8: save it as such.',
  )
})

t.test('a line of .env that a later one makes void is told', async (t) => {
  const cwd = temporaryFolder(t)
  const lines = [
    'QUICKBOOKS_CLIENT_ID=confidential',
    'QUICKBOOKS_CLIENT_SECRET=confidential',
    '# PORT=1',
    'PORT=5002',
  ]
  const write = (more: string[]) =>
    writeFileSync(join(cwd, '.env'), [...lines, ...more, ''].join('\n'), { mode: 0o600 })
  write([' QUICKBOOKS_CLIENT_ID =', 'export QUICKBOOKS_CLIENT_SECRET= '])
  const { lines: found, todo, text } = await doctor(t, {}, cwd)
  t.equal(
    found.repetition,
    'warn: more than one line of .env sets QUICKBOOKS_CLIENT_ID, QUICKBOOKS_CLIENT_SECRET: the last one counts, even an empty one',
  )
  t.match(found.credentials, /^fail: .* are not set/)
  t.match(todo, 'Keep one line in .env for each of QUICKBOOKS_CLIENT_ID, QUICKBOOKS_CLIENT_SECRET.')
  t.notMatch(text, 'confidential')
  write([])
  t.equal((await doctor(t, {}, cwd)).lines.repetition, 'ok: no variable stands in .env twice')
})

t.test('a program that listens on the port is told from the service', async (t) => {
  for (const answer of ['{"status":"healthy"}', 'hello']) {
    const stranger = createServer((_request, response) => response.end(answer))
    await once(stranger.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => stranger.close())
    const { port } = stranger.address() as AddressInfo
    const { lines, todo } = await doctor(t, { PORT: String(port) })
    t.match(lines.port, /^fail: 127\.0\.0\.1:\d+ is taken by another program$/)
    t.match(todo, `Stop the program that listens on ${port}, or choose another PORT.`)
  }
  const unwell = createServer((_request, response) =>
    response
      .writeHead(503)
      .end('{"statusCode":503,"code":"DATABASE_FAILED","message":"It does not answer."}'),
  )
  await once(unwell.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => unwell.close())
  const { lines, todo } = await doctor(t, { PORT: String((unwell.address() as AddressInfo).port) })
  t.match(lines.port, /^warn: .* is this service's, but it is not well: It does not answer\.$/)
  t.notMatch(todo, 'Stop the program')
  const older = createServer((_request, response) => response.end('{"status":"healthy","version":"0.0.1"}'))
  await once(older.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => older.close())
  const { port } = older.address() as AddressInfo
  t.match((await doctor(t, { PORT: String(port) })).lines.port, /^warn: .* but version 0\.0\.1/)
})

t.test('a clock that is off is told, the more the worse', async (t) => {
  const { simulator, env } = await connected(t)
  for (const [ms, line] of [
    [-30_000, /^ok: within a minute of Intuit$/],
    [-90_000, /^warn: (89|90|91|92) seconds ahead of Intuit$/],
    [3_600_000, /^fail: 3[56]\d\d seconds behind Intuit$/],
  ] as const) {
    simulator.advance(ms)
    t.match((await doctor(t, env)).lines.clock, line)
    simulator.advance(-ms)
  }
})

t.test('a certificate that nobody vouches for is told', async (t) => {
  const folder = temporaryFolder(t)
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject],
    {
      stdio: 'ignore',
    },
  )
  const server = createSecureServer(
    { key: readFileSync(key), cert: readFileSync(cert) },
    (_request, response) => response.end(),
  )
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const QUICKBOOKS_SANDBOX_BASE_URL = `https://localhost:${(server.address() as AddressInfo).port}`
  const { lines, todo } = await doctor(t, { QUICKBOOKS_SANDBOX_BASE_URL })
  t.match(
    lines.API,
    /^fail: localhost:\d+ shows a certificate that is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/,
  )
  t.match(todo, 'NODE_EXTRA_CA_CERTS')
  const trusting = await doctor(t, { QUICKBOOKS_SANDBOX_BASE_URL, NODE_EXTRA_CA_CERTS: cert })
  t.match(trusting.lines.API, /^ok: localhost:\d+ answers$/)
})

t.test('a connection that is dead, or about to die, is told', async (t) => {
  // It was connected two days ago, by the service's own clock.
  const clock = { ...systemClock, now: () => Date.now() - 2 * DAY_S * 1000 }
  const { simulator, service, env } = await connected(t, { clock })
  for (const [change, line] of [
    [{ refreshLifeSeconds: 11.5 * DAY_S }, /^warn: the refresh token dies in 9 days/],
    [{ refreshLifeSeconds: DAY_S }, /^fail: the refresh token has died/],
    [{ refreshHardLifeSeconds: DAY_S }, /^fail: the consent has ended$/],
    [{ refreshHardLifeSeconds: 22.5 * DAY_S }, /^warn: the consent ends in 20 days$/],
  ] as const) {
    const { refreshLifeSeconds, refreshHardLifeSeconds } = simulator.behaviour
    Object.assign(simulator.behaviour, change)
    await service.connect()
    t.match((await doctor(t, env)).lines.connection, line)
    Object.assign(simulator.behaviour, { refreshLifeSeconds, refreshHardLifeSeconds })
  }
  await service.connect()
  simulator.oauth.disconnectByUser()
  await service.request('/api/test')
  const { lines, todo } = await doctor(t, env)
  t.match(lines.connection, /^fail: QuickBooks refused the stored tokens: a person has to connect again$/)
  t.match(todo, `open ${service.url} and press Connect.`)
})

t.test('what is wrong with the folder and the file in it is told', async (t) => {
  const { service, env } = await connected(t)
  await service.close()
  const path = join(service.dataDir, 'mrp-backend.db')
  const bytes = readFileSync(path)
  writeFileSync(path, Buffer.concat([bytes.subarray(0, 4096), Buffer.alloc(bytes.length - 4096, 7)]))
  const damaged = await doctor(t, env)
  t.match(damaged.lines, {
    database: /^fail: .* cannot be used$/,
    connection: /^skip: .* mend database first$/,
  })
  t.match(damaged.todo, /is damaged \(.*\)\. Stop the service and put a backup in its place/)
  t.ok(readFileSync(path).includes(Buffer.alloc(1000, 7)), 'it is left as it is')

  const earlier = temporaryFolder(t)
  const database = new SqliteDatabase(join(earlier, 'mrp-backend.db'))
  database.exec(readFileSync(join(schemas, '0003-trust.sqlite.sql'), 'utf8'))
  t.match(
    (await doctor(t, { ...env, DATA_DIR: earlier })).lines.database,
    /: the next start runs 0004-replicas, 0005-sessions/,
  )
  database.exec("INSERT INTO qbo_migrations (name, timestamp) VALUES ('9999-to-come', '')")
  database.close()
  const newer = await doctor(t, { ...env, DATA_DIR: earlier })
  t.match(newer.lines.database, /^fail: .* was in use by a newer version of this service \(9999-to-come\)$/)

  const file = join(temporaryFolder(t), 'a-file')
  writeFileSync(file, '')
  t.match(
    (await doctor(t, { ...env, DATA_DIR: join(file, 'data') })).lines.DATA_DIR,
    /^fail: .* cannot be written/,
  )
  mkdirSync(join(service.dataDir, 'empty'))
  t.match((await doctor(t, { ...env, DATA_DIR: join(service.dataDir, 'empty') })).lines, {
    DATA_DIR: /^ok: \d+ MB are free/,
    connection: /^warn: QuickBooks is not connected yet$/,
  })
})

onServer('a server is looked at as it is: new, in use, refusing, or not there', async (t) => {
  const simulator = await startSimulator(t)
  const { env: database, name, query } = await mariadb(t)
  const base = { ...simulator.env, ...database, SECRET_KEY, PORT: String(await freePort()) }
  const fresh = await doctor(t, base)
  t.match(fresh.lines, {
    database: /^ok: mysql \(mrp_test_.*\), .*MariaDB.*: the next start runs 0001-connection-and-cache, /,
    clock: /^ok: within a minute of (Intuit and the database server|the database server and Intuit)$/,
  })
  t.same(await query('SHOW TABLES'), [], 'nothing was made')

  const service = await startService(t, simulator, { env: database })
  await service.connectAndFill()
  const used = await doctor(t, { ...base, ...envOf(simulator, service) })
  t.equal(used.code, 0, used.text)
  t.match(used.lines, { database: /: up to date$/, connection: /^ok: / })

  const refused = await doctor(t, { ...base, DB_USER: 'nobody-here', DB_PASSWORD: 'confidential' })
  t.match(refused.lines, { database: /^fail: mysql .* cannot be used$/, connection: /^skip: / })
  t.match(refused.todo, /DB_USER, DB_PASSWORD: the database at .* refuses this user/)
  t.notMatch(refused.text, 'confidential')
  const away = await doctor(t, { ...base, DB_PORT: String(await freePort()) })
  t.match(away.todo, /DB_HOST, DB_PORT: no database answers at /)

  const { user } = await readerOf(t, query, name)
  const reading = await doctor(t, { ...base, DB_USER: user, DB_PASSWORD: 'a-password' })
  t.match(
    reading.lines.database,
    /does not show that DB_USER may INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX$/,
  )
})

/** A user that may only read; made, and dropped, on the server for tests. */
async function readerOf(t: Test, query: <T>(statement: string) => Promise<T[]>, name: string) {
  const user = `${name.slice(-8)}_reader`
  await query(`CREATE USER '${user}'@'%' IDENTIFIED BY 'a-password'`)
  t.teardown(() => query(`DROP USER IF EXISTS '${user}'@'%'`).catch(() => undefined))
  await query(`GRANT SELECT ON \`${name.replaceAll('_', '\\_')}\`.* TO '${user}'@'%'`)
  return { user }
}
