// Whatever is sent: no answer is a 500, each is one that the OpenAPI document promises, nobody gets in without a key, and
// afterwards the service knows what it knew. FUZZ_RUNS=500000 for longer; FUZZ_SEED is said by a failure.
import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { createLeapingClock } from '../support/clock.ts'
import { createContract } from '../support/contract.ts'
import { type Given, hostileRequests, type OpenApi, type WireRequest } from '../support/hostile.ts'
import { type Service, startService, startSimulator } from '../support/service.ts'
import { createWire, type Wire, type WireAnswer } from '../support/wire.ts'

const runs = Number(process.env.FUZZ_RUNS ?? 20_000)
const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))
/** From here on each operation must have been reached. */
const ENOUGH = 2_000
t.setTimeout(60_000 + runs * 20)

const KEYS = { search: 'search-key-for-tests', admin: 'admin-key-for-tests' }
const asAdmin = { headers: { authorization: `Bearer ${KEYS.admin}` } }

/** What answers without a key where keys are configured. */
const OPEN =
  /^[/*]($|[\w-]+\.(html|css|js|svg)|openapi\.json|docs|callback|api\/(health|cache\/status|indexes\/status))/

/** What a search key opens besides. */
const SEARCH = /^\/api\/(search|records|events)(\/|$)/

/** Whether what answers at `path` is open to those with such a key. */
function mayPass(pass: WireRequest['pass'], path: string): boolean {
  if (pass === 'signature') return path === '/webhooks/quickbooks' || OPEN.test(path)
  return pass === 'admin' || (pass === 'search' && SEARCH.test(path)) || OPEN.test(path)
}

interface Fuzzed {
  service: Service
  wire: Wire
  /** What is known of the company: nothing of it may change. */
  knows(): Promise<unknown>
  /** Sends about so many requests. Throws at an answer that must not be, with the seed that brings it back. */
  fuzz(count: number, disconnects: boolean): Promise<void>
  /** Says how the requests spread. Fails when there is an operation that none got through to. */
  report(): void
}

/** A connected service, with keys or without. */
async function startFuzzed(t: Test, keys: typeof KEYS | undefined): Promise<Fuzzed> {
  const clock = createLeapingClock()
  const simulator = await startSimulator(t, { clock: clock.now })
  const service = await startService(t, simulator, {
    clock,
    env: {
      ...(keys && { ADMIN_API_KEY: keys.admin, SEARCH_API_KEY: keys.search }),
      ...{ TRUST_PROXY: 'true', ADMIN_REQUESTS_PER_MINUTE: '1000000' },
    },
  })
  const host = new URL(service.url).host
  const wire = createWire(Number(new URL(service.url).port))
  t.teardown(() => wire.close())
  const document = (await service.request('/openapi.json')).json as OpenApi
  const check = createContract(document)
  const admin = (path: string, method = 'GET') => service.request(path, { method, ...asAdmin })
  const tally = createTally(t)

  await connect()
  const { realmId } = simulator.company
  const known = simulator.company.list('Customer').map((customer) => String(customer.DisplayName))
  const words = known.flatMap((name) => [name, name.slice(0, 3), name.slice(0, -1)])
  const ids = Array.from({ length: 60 }, (_, i) => String(i + 1))
  const cursor = (await admin('/api/changes?limit=3')).json.cursor as string
  const { state } = (await admin('/api/auth/url')).json
  const indexes = (await admin('/api/indexes/status')).json.available_indexes as string[]
  const values: Given['values'] = {
    q: [...words, 'a', 'bolt', '216', 'fr-m'],
    ids: [...ids, ids.slice(0, 40).join()],
    indexes: [...indexes, indexes.join(), indexes.slice(1, 3).join()],
    entities: ['customers', 'vendors,items', 'customers,vendors,items'],
    cursor: [cursor, cursor.slice(0, -1), `${cursor}0`],
    'last-event-id': [cursor, `${cursor}9`],
    state: [state],
    code: ['XAB11', ''],
    realmId: [realmId, '1'],
  }

  async function connect() {
    const { json } = await admin('/api/auth/url')
    const consent = await fetch(json.auth_url, { redirect: 'manual' })
    const back = await service.request(consent.headers.get('location') ?? '')
    t.equal(back.headers.get('location'), '/')
    t.equal((await admin('/api/cache/refresh', 'POST')).status, 200)
  }

  function mustBeFine(request: WireRequest, answer: WireAnswer | undefined) {
    const { method, target, pass } = request
    tally.count(request, answer?.status)
    if (answer === undefined) {
      if (!mayBeClosed(request)) throw new Error(`${method} ${target}: closed without an answer`)
      return
    }
    const { status, contentType, body } = answer
    if (status === 500) throw new Error(`${method} ${target} → 500 ${body}`)
    const path = pathOf(target)
    if (/^[A-Z]+$/.test(method) && method !== 'HEAD') check({ method, path, status, contentType, body })
    if (method !== 'HEAD' && status >= 400) mustBeAnError(request, answer)
    if (keys !== undefined && status < 400 && method !== 'OPTIONS' && !mayPass(pass, path))
      throw new Error(`${method} ${target} → ${status} with ${pass} to let it in`)
  }

  return {
    service,
    wire,
    report: () => tally.report(document),
    async knows() {
      await service.app.sync.settled()
      const { company_id, connected_at, is_authenticated } = (await admin('/api/auth/status')).json
      const { json: copy } = await admin('/api/changes?limit=1000')
      const found = (await admin('/api/search/client_names?q=a&limit=100')).json
      return {
        ...{ company_id, connected_at, is_authenticated, found },
        // Their order is that of the changes.
        records: copy.changes
          .map(({ entity, id, record }: Record<string, unknown>) => [entity, id, record])
          .sort(),
      }
    },
    async fuzz(count, disconnects) {
      const given = {
        host,
        keys,
        verifierToken: simulator.webhooks.verifierToken,
        realmId,
        values,
        disconnects,
      }
      const requests = fc.array(hostileRequests(document, given), {
        minLength: 1,
        maxLength: 200,
        size: 'max',
      })
      for (let batch = 0, sent = 0; sent < count; batch++) {
        if (disconnects) await connect()
        // A batch has a seed of its own: given as FUZZ_SEED, it is the first.
        await fc.assert(
          fc.asyncProperty(requests, async (batch) => {
            sent += batch.length
            // All have to be over, or those of one attempt to find the smallest batch would be seen in the next.
            const answered = await Promise.allSettled(
              batch.map(async (one) => mustBeFine(one, await wire.send(one))),
            )
            const line = service.log.splice(0).find(({ level }) => level >= 50)
            for (const one of answered) if (one.status === 'rejected') throw one.reason
            if (line !== undefined) throw new Error(JSON.stringify(line))
          }),
          { numRuns: 1, seed: seed + batch },
        )
      }
    },
  }
}

/** As a router reads it: without the host that a proxy is told, and with letters that need not be encoded. */
const pathOf = (target: string): string =>
  (target.replace(/^http:\/\/[^/]+/, '').split(/[?#]/, 1)[0] ?? '').replaceAll(
    /%(6[1-9a-f]|7[0-9a])/gi,
    decodeURIComponent,
  )

/**
 * Not HTTP, or too large: then the connection is closed, and an answer may be lost with it. One to HEAD is, because it
 * has a body: what was no request had no method either.
 */
function mayBeClosed({ method, target, headers, body = '' }: WireRequest): boolean {
  const head = target.length + headers.flat().join('').length
  return (
    (method === 'HEAD' && /[^\x21-\x7e]/.test(target)) ||
    !/^[A-Z-]+$/.test(method) ||
    ['CONNECT', 'FOO'].includes(method) ||
    head > 16_000 ||
    body.length > 1_000_000
  )
}

/** Every failure has one shape, those of addresses that the document does not know, too. */
function mustBeAnError({ method, target }: WireRequest, { status, contentType, body }: WireAnswer): void {
  const where = `${method} ${target} → ${status} ${contentType} ${body}`
  if (!contentType.startsWith('application/json')) throw new Error(`${where}: not JSON`)
  const { statusCode, code, error, message } = JSON.parse(body)
  if (statusCode !== status || ![code, error, message].every((one) => typeof one === 'string' && one !== ''))
    throw new Error(`${where}: not the shape of an error`)
  if (/\n +at |node_modules|SQLITE/.test(message)) throw new Error(`${where}: says how the service is made`)
}

/** Which operations were reached, and how they answered. */
function createTally(t: Test) {
  const counts = new Map<string, Map<string, number>>()
  return {
    count({ operation }: WireRequest, status: number | undefined) {
      const of = counts.get(operation) ?? new Map<string, number>()
      counts.set(operation, of)
      const key = String(status ?? 'closed')
      of.set(key, (of.get(key) ?? 0) + 1)
    },
    report({ paths }: OpenApi) {
      let sent = 0
      for (const [operation, of] of [...counts].sort()) {
        const sum = [...of.values()].reduce((a, b) => a + b)
        sent += sum
        const each = [...of].sort().map(([status, count]) => `${status}: ${count}`)
        t.comment(`${operation}: ${sum} (${each.join(', ')})`)
      }
      t.comment(`${sent} requests`)
      if (sent < ENOUGH) return
      for (const [path, methods] of Object.entries(paths)) {
        // Nobody comes back from Intuit with a code that was made up.
        if (path === '/callback') continue
        for (const method of Object.keys(methods)) {
          const of = counts.get(`${method.toUpperCase()} ${path}`) ?? new Map<string, number>()
          t.ok(
            [...of.keys()].some((status) => status < '400'),
            `${method} ${path} was reached`,
          )
        }
      }
    },
  }
}

t.test(`no request of ${runs} is answered with a 500, let in without a key, or loses anything`, async (t) => {
  for (const [name, keys, share] of [
    ['with keys', KEYS, 0.75],
    ['without keys', undefined, 0.2],
  ] as const) {
    await t.test(name, async (t) => {
      const { fuzz, knows, report } = await startFuzzed(t, keys)
      const before = await knows()
      await fuzz(runs * share, false)
      t.same(await knows(), before)
      await fuzz(runs * 0.025, true)
      report()
    })
  }
})

const HEAD = 'Host: localhost\r\n'
/** What must not be taken for a second request. */
const SECOND = `POST /api/disconnect HTTP/1.1\r\n${HEAD}Content-Length: 0\r\n\r\n`
const post = (headers: string, body: string) =>
  `POST /webhooks/quickbooks HTTP/1.1\r\n${HEAD}${headers}\r\n\r\n${body}`

/** Bytes, and the one answer that they get. */
const NOT_HTTP: Record<string, [bytes: string, status: number]> = {
  'no request line': ['\r\n\r\n\r\n\r\nhello\r\n\r\n', 400],
  'no version, and so no host': ['GET /\r\n\r\n', 403],
  'an unknown version': [`GET / HTTP/9.9\r\n${HEAD}\r\n`, 400],
  'a request for TLS': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  'HTTP/2 without asking': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  'a space in the address': [`GET /a b HTTP/1.1\r\n${HEAD}\r\n`, 400],
  'a null in the address': [`GET /\0 HTTP/1.1\r\n${HEAD}\r\n`, 400],
  'a null in a header': [`GET / HTTP/1.1\r\n${HEAD}X: a\0b\r\n\r\n`, 400],
  'lines that end with LF': [`GET / HTTP/1.1\nHost: localhost\nX: a\n\n`, 400],
  'a folded header': [`GET / HTTP/1.1\r\n${HEAD}X: a\r\n b: c\r\n\r\n`, 400],
  'no host': ['GET / HTTP/1.1\r\n\r\n', 400],
  'a huge header': [`GET / HTTP/1.1\r\n${HEAD}X: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
  'a huge address': [`GET /${'x'.repeat(100_000)} HTTP/1.1\r\n${HEAD}\r\n`, 431],
  'thousands of headers': [`GET / HTTP/1.1\r\n${HEAD}${'X: y\r\n'.repeat(20_000)}\r\n`, 431],
  'a length and chunks': [post('Content-Length: 4\r\nTransfer-Encoding: chunked', `0\r\n\r\n${SECOND}`), 400],
  'chunks and a length': [post('Transfer-Encoding: chunked\r\nContent-Length: 4', `0\r\n\r\n${SECOND}`), 400],
  'two lengths': [post(`Content-Length: 0\r\nContent-Length: ${SECOND.length}`, SECOND), 400],
  'a length that is none': [post('Content-Length: +5', `hello${SECOND}`), 400],
  'a length below zero': [post('Content-Length: -1', SECOND), 400],
  'a length beyond all numbers': [post(`Content-Length: ${'9'.repeat(40)}`, SECOND), 400],
  'chunks by another name': [post('Transfer-Encoding: xchunked', `0\r\n\r\n${SECOND}`), 400],
  'chunks that are not last': [post('Transfer-Encoding: chunked, identity', `0\r\n\r\n${SECOND}`), 400],
  'a space before the colon': [post('Transfer-Encoding : chunked', `0\r\n\r\n${SECOND}`), 400],
  'a chunk that is no size': [post('Transfer-Encoding: chunked', `zz\r\n\r\n${SECOND}`), 400],
  'a chunk beyond all numbers': [post('Transfer-Encoding: chunked', `${'f'.repeat(17)}\r\n${SECOND}`), 400],
  'less than its length': [post('Content-Length: 100', '[]'), 401],
  'chunks without an end': [post('Transfer-Encoding: chunked', '2\r\n[]\r\n'), 401],
  'half a request line': ['GET /api/hea', 400],
  'half a header': [`GET / HTTP/1.1\r\n${HEAD}X-Ha`, 400],
}

t.test('bytes that are no request are refused once and cut off, and the service lives on', async (t) => {
  const { service, wire, knows } = await startFuzzed(t, undefined)
  const before = await knows()
  const statuses = (answer: string) =>
    [...answer.matchAll(/^HTTP\/1\.1 (\d+) /gm)].map(([, status]) => Number(status))
  for (const [name, [bytes, status]] of Object.entries(NOT_HTTP)) {
    const answer = await wire.sendBytes(Buffer.from(bytes, 'latin1'))
    // What is closed while bytes are still on their way loses its answer.
    if (answer !== '' || bytes.length < 50_000) t.same(statuses(answer), [status], name)
  }

  const requests = [
    post('Content-Type: application/json\r\nContent-Length: 2', '[]'),
    `GET /docs HTTP/1.1\r\n${HEAD}\r\n`,
  ]
  const damage = fc.record({
    request: fc.constantFrom(...requests),
    at: fc.nat(200),
    cut: fc.nat(20),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 20 }),
      fc.constantFrom('\r\n', '\r', '\n', '\0', ': ', '0').map((text) => Buffer.from(text)),
    ),
  })
  await fc.assert(
    fc.asyncProperty(damage, async ({ request, at, cut, bytes }) => {
      const whole = Buffer.from(request, 'latin1')
      const broken = Buffer.concat([whole.subarray(0, at), bytes, whole.subarray(at + cut)])
      const answer = await wire.sendBytes(broken)
      if (statuses(answer).some((status) => status >= 500)) throw new Error(answer)
    }),
    { numRuns: Math.ceil(runs / 50), seed },
  )
  t.same(
    service.log.filter(({ level }) => level >= 50),
    [],
  )
  t.same(await knows(), before)
})
