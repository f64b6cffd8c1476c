// Who may call what: every route of the OpenAPI document, by every key.
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { startService, startSimulator } from '../support/service.ts'

const ADMIN = 'admin-key-for-tests'
const SEARCH = 'search-key-for-tests'
const keys = { none: undefined, wrong: 'a-wrong-key', search: SEARCH, admin: ADMIN }
const open = ['/api/cache/status', '/api/health', '/api/indexes/status', '/callback']

/** What may be asked for with a search key, as it can be asked. */
const searches: Record<string, string> = {
  '/api/search': '/api/search?q=a&indexes=client_names',
  '/api/search/{index}': '/api/search/client_names?q=a',
  '/api/records/{entity}': '/api/records/customers?ids=1',
  // The stream itself would not end.
  '/api/events': '/api/events?cursor=unknown',
}

const bearer = (key: string | undefined): RequestInit =>
  key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } }

t.test('each route answers the keys of its level and refuses all others', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, {
    env: { ADMIN_API_KEY: ADMIN, SEARCH_API_KEY: SEARCH, HOST: '0.0.0.0' },
  })
  const { paths } = (await service.request('/openapi.json')).json as {
    paths: Record<string, Record<string, object>>
  }
  const routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => [path, method.toUpperCase()] as const),
  )
  t.ok(routes.length >= 15)
  for (const [path, method] of routes) {
    // Verified by a signature, whatever the key.
    if (path.startsWith('/webhooks/')) continue
    const address = searches[path] ?? path
    const level = open.includes(path) ? 'open' : path in searches ? 'search' : 'admin'
    for (const [name, key] of Object.entries(keys)) {
      const { status, json, headers } = await service.request(address, { method, ...bearer(key) })
      const allowed = level === 'open' || name === 'admin' || (level === 'search' && name === 'search')
      if (allowed)
        t.notOk([401, 403, 429, 500].includes(status), `${method} ${path} with ${name} key: ${status}`)
      else {
        t.match(json, { statusCode: 401, code: 'UNAUTHORIZED' }, `${method} ${path} with ${name} key`)
        t.ok(headers.get('www-authenticate'))
      }
    }
  }
})

t.test('a browser can bring the admin key to /connect by HTTP Basic, and to nothing else', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, { env: { ADMIN_API_KEY: ADMIN, SEARCH_API_KEY: SEARCH } })
  const basic = (key: string) => ({ headers: { authorization: `Basic ${btoa(`anyone:${key}`)}` } })
  t.match((await service.request('/connect')).headers.get('www-authenticate'), /^Basic /)
  t.equal((await service.request('/connect', basic(ADMIN))).status, 302)
  t.equal((await service.request('/connect', basic(SEARCH))).status, 401)
  t.equal((await service.request('/api/config', basic(ADMIN))).status, 401)
})

t.test('without a search key, searching takes the admin key', async (t) => {
  const service = await startService(t, undefined, { env: { ADMIN_API_KEY: ADMIN } })
  t.equal((await service.request('/api/search/client_names?q=a')).status, 401)
  t.equal((await service.request('/api/search/client_names?q=a', bearer(ADMIN))).status, 200)
})

t.test("without keys, another site's page can do nothing through a browser on this machine", async (t) => {
  const service = await startService(t, undefined, { env: { CORS_ORIGINS: 'https://mrp.example.com' } })
  const from = (site: string, origin: string) => ({
    method: 'POST',
    headers: { 'sec-fetch-site': site, 'sec-fetch-mode': 'cors', origin },
  })
  const evil = await service.request('/api/disconnect', from('cross-site', 'https://evil.example.com'))
  t.match(evil.json, { statusCode: 403, code: 'CROSS_SITE' })
  t.equal(
    (await service.request('/api/disconnect', from('cross-site', 'https://mrp.example.com'))).status,
    200,
  )
  t.equal((await service.request('/api/disconnect', from('same-origin', service.url))).status, 200)
})

t.test('a bearer key is read as HTTP writes it: any spaces before it, nothing after it', async (t) => {
  const service = await startService(t, undefined, { env: { ADMIN_API_KEY: ADMIN } })
  const status = async (authorization: string) =>
    (await service.request('/api/config', { headers: { authorization } })).status
  for (const fine of [`Bearer  ${ADMIN}`, `bearer ${ADMIN}`]) t.equal(await status(fine), 200, fine)
  for (const wrong of [`Bearer ${ADMIN} x`, `Bearer${ADMIN}`, ADMIN, 'Bearer', 'Bearer ']) {
    t.equal(await status(wrong), 401, wrong)
  }
})

t.test('without keys, a name that a stranger gave to this machine gets no answer', async (t) => {
  const env = {
    PUBLIC_URL: 'http://mrp.example.com',
    QUICKBOOKS_REDIRECT_URI: 'https://back.example.com/callback',
  }
  const service = await startService(t, undefined, { env })
  const ask = async (host: string, path: string) =>
    await service.app.inject({ url: path, headers: { host, 'x-forwarded-host': 'localhost' } })
  const paths = ['/api/search/client_names?q=a', '/api/cache/status', '/api/data/items', '/', '/docs/', '/no']
  for (const path of paths) {
    for (const host of [
      'evil.example.com:5002',
      'localhost.evil.example.com',
      '127.0.0.1.evil.example.com',
    ]) {
      t.match((await ask(host, path)).json(), { statusCode: 403, code: 'FOREIGN_HOST' }, `${host} ${path}`)
    }
    for (const host of ['localhost:5002', '127.0.0.1', '[::1]:80', 'MRP.example.com', 'back.example.com']) {
      t.not((await ask(host, path)).statusCode, 403, `${host} ${path}`)
    }
  }
  for (const opened of [{ ADMIN_API_KEY: ADMIN }, { ALLOW_UNAUTHENTICATED: 'true' }]) {
    const { app } = await startService(t, undefined, { env: { ...env, ...opened } })
    const answer = await app.inject({ url: '/api/health', headers: { host: 'anything.example.com' } })
    t.equal(answer.statusCode, 200, 'with a key, or on a private network, any name will do')
  }
})

t.test('behind a trusted proxy, our own page is the one that the browser sees', async (t) => {
  const env = { TRUST_PROXY: 'true', ALLOW_UNAUTHENTICATED: 'true', PUBLIC_URL: 'https://mrp.example.com' }
  const { app } = await startService(t, undefined, { env })
  const from = (origin: string) => ({
    url: '/api/disconnect',
    headers: { host: '10.0.0.7:5002', 'x-forwarded-host': 'mrp.example.com', origin },
  })
  t.equal((await app.inject({ ...from('https://mrp.example.com'), method: 'POST' })).statusCode, 200)
  t.match((await app.inject({ ...from('https://evil.example.com'), method: 'POST' })).json(), {
    code: 'CROSS_SITE',
  })
})

t.test('only the listed origins are told that they may read answers', async (t) => {
  const service = await startService(t, undefined, {
    env: { CORS_ORIGINS: 'https://mrp.example.com, https://b.example.com' },
  })
  const allowed = async (origin: string) =>
    (await service.request('/api/search/client_names?q=a', { headers: { origin } })).headers.get(
      'access-control-allow-origin',
    )
  t.equal(await allowed('https://b.example.com'), 'https://b.example.com')
  t.equal(await allowed('https://mrp.example.com.evil.example'), null)
  const closed = await startService(t, undefined)
  const answer = await closed.request('/api/search/client_names?q=a', {
    headers: { origin: 'https://b.example.com' },
  })
  t.equal(answer.headers.get('access-control-allow-origin'), null)
})

t.test('who asks too often for what an admin may is told when to come back, and searches on', async (t) => {
  const env = { ADMIN_API_KEY: ADMIN, SEARCH_API_KEY: SEARCH, ADMIN_REQUESTS_PER_MINUTE: '5' }
  const { app, request } = await startService(t, undefined, { env: { ...env, TRUST_PROXY: 'true' } })
  const from = (address: string, url = '/api/config', key = ADMIN) =>
    app.inject({ url, headers: { authorization: `Bearer ${key}`, 'x-forwarded-for': address } })
  for (let left = 4; left >= 0; left--) {
    const { statusCode, headers } = await from('192.0.2.1')
    t.equal(statusCode, 200)
    t.equal(headers['ratelimit-policy'], '"admin";q=5;w=60')
    t.match(headers.ratelimit, new RegExp(`^"admin";r=${left};t=\\d+$`))
  }
  const refused = await from('192.0.2.1')
  t.match(refused.json(), { statusCode: 429, code: 'RATE_LIMITED', message: /ask again in \d+ s/ })
  t.match(refused.headers, { 'retry-after': /^[1-9]\d?$/, ratelimit: /^"admin";r=0;t=[1-9]\d?$/ })
  t.equal((await from('192.0.2.1', '/api/search/client_names?q=a')).statusCode, 200, 'search goes on')

  t.equal((await from('192.0.2.2', '/api/config', 'a-wrong-key')).statusCode, 401, 'another address may ask')
  const other = await from('192.0.2.2')
  t.match(other.json(), { code: 'RATE_LIMITED', message: /admin-key/ }, 'but not with the same key')
  t.equal((await request('/api/cache/status')).status, 200)
})

t.test('an address in front of which the proxy has put nothing of its own cannot be feigned', async (t) => {
  const env = { ALLOW_UNAUTHENTICATED: 'true', ADMIN_REQUESTS_PER_MINUTE: '1' }
  const statuses = async (TRUST_PROXY: string, forwarded: readonly string[]) => {
    const { app } = await startService(t, undefined, { env: { ...env, TRUST_PROXY } })
    const answers = []
    for (const one of forwarded)
      answers.push(await app.inject({ url: '/api/config', headers: { 'x-forwarded-for': one } }))
    return answers.map(({ statusCode }) => statusCode)
  }
  const feigned = ['198.51.100.1, 192.0.2.1', '198.51.100.2, 192.0.2.1']
  t.same(await statuses('false', feigned), [200, 429], 'nobody is believed')
  t.same(await statuses('true', feigned), [200, 429], 'only what the proxy itself has added')
  t.same(await statuses('127.0.0.1', feigned), [200, 429])
  t.same(await statuses('10.0.0.0/8', feigned), [200, 429], 'not from an address that is no proxy')
  t.same(await statuses('2', feigned), [200, 200], 'two proxies, each of which adds whom it hears')
})

t.test('connecting is for people: a program that tries states without end is stopped', async (t) => {
  const { request } = await startService(t, undefined, { env: { ADMIN_API_KEY: ADMIN } })
  const statuses = new Map<number, number>()
  for (let i = 0; i < 130; i++) {
    const { status } = await request(`/callback?state=guess${i}&code=x&realmId=1`)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  t.equal(statuses.get(429), 10)
  t.equal((await request('/api/config', bearer(ADMIN))).status, 200)
})

t.test('a guesser of keys is not listened to for a minute, not even when the guess is right', async (t) => {
  const env = { ADMIN_API_KEY: ADMIN, SEARCH_API_KEY: SEARCH }
  const { request } = await startService(t, undefined, { env })
  const search = '/api/search/client_names?q=a'
  for (let i = 0; i < 100; i++)
    t.equal((await request(i % 2 ? search : '/api/config', bearer(`guess-number-${i}`))).status, 401)
  for (const path of [search, '/api/config']) {
    const { status, headers } = await request(path, bearer(ADMIN))
    t.match({ status, after: headers.get('retry-after') }, { status: 429, after: /^[1-9]\d?$/ }, path)
  }
  t.equal((await request(search, bearer(SEARCH))).status, 200, 'web pages have a key that is no secret')
  t.equal((await request('/api/config')).status, 401, 'without a key nothing is guessed')
})

t.test('every answer says that no page may frame it, guess its type or keep it', async (t) => {
  const service = await startService(t, undefined)
  const always = {
    'content-security-policy': /default-src 'none'|script-src 'self'/,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
  }
  for (const path of [
    '/',
    '/api/cache/status',
    '/api/search/client_names?q=a',
    '/no',
    '/api/config',
    '/docs/',
  ]) {
    const { headers } = await service.app.inject({ url: path, headers: { host: 'localhost' } })
    t.match(headers, always, path)
    t.equal(headers['strict-transport-security'], undefined)
  }
  const caching = async (path: string) => (await service.request(path)).headers.get('cache-control')
  t.equal(await caching('/api/auth/status'), 'no-store')
  t.equal(await caching('/api/search/client_names?q=a'), 'private, no-cache')
  const https = await startService(t, undefined, { env: { PUBLIC_URL: 'https://mrp.example.com' } })
  const { headers } = await https.app.inject({ url: '/no', headers: { host: 'mrp.example.com' } })
  t.match(headers['strict-transport-security'], /^max-age=\d+$/)
})

t.test('bodies and headers larger than any client needs are refused', async (t) => {
  const { request } = await startService(t, undefined)
  const large = await request('/api/cache/refresh', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify('x'.repeat(17_000)),
  })
  t.match(large.json, { statusCode: 413 })
  const headers = await request('/api/cache/status', { headers: { cookie: 'x'.repeat(17_000) } })
  t.equal(headers.status, 431)
})

t.test('connections that break off write nothing into the log', async (t) => {
  const service = await startService(t, undefined)
  const { port } = new URL(service.url)
  for (let i = 0; i < 50; i++) {
    const socket = connect(Number(port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write('GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n')
    socket.resetAndDestroy()
  }
  t.equal((await service.request('/api/health')).status, 200)
  t.same(
    service.log.filter(({ level }) => level >= 50),
    [],
  )
})

t.test('a page of a listed origin can read every refusal, and asks before as browsers do', async (t) => {
  const origin = 'https://mrp.example.com'
  const env = {
    ADMIN_API_KEY: ADMIN,
    SEARCH_API_KEY: SEARCH,
    CORS_ORIGINS: origin,
    ADMIN_REQUESTS_PER_MINUTE: '1',
  }
  const { app } = await startService(t, undefined, { env })
  const answers = {
    unauthorized: { url: '/api/search/client_names?q=a' },
    unknown: { url: '/no' },
    method: { url: '/api/config', method: 'DELETE' },
    admin: { url: '/api/config' },
    limited: { url: '/api/config' },
  } as const
  for (const [name, request] of Object.entries(answers)) {
    const { headers } = await app.inject({ ...request, headers: { origin } })
    t.equal(headers['access-control-allow-origin'], origin, name)
  }
  const options = await app.inject({ url: '/api/config', method: 'OPTIONS', headers: { origin } })
  t.ok(options.statusCode < 300, 'OPTIONS without a method to ask for')
})

t.test('one client cannot take the places of all who listen', async (t) => {
  const { app } = await startService(t, undefined, {
    env: { TRUST_PROXY: 'true', ALLOW_UNAUTHENTICATED: 'true' },
  })
  const url = await app.listeningOrigin
  const listen = (address: string) => fetch(`${url}/api/events`, { headers: { 'x-forwarded-for': address } })
  const one = await Promise.all(Array.from({ length: 250 }, () => listen('192.0.2.1')))
  t.ok(one.every(({ status }) => status === 200))
  t.equal((await listen('192.0.2.1')).status, 503)
  const other = await listen('192.0.2.2')
  t.equal(other.status, 200)
  for (const { body } of [...one, other]) await body?.cancel()
})

t.test('while the event loop drowns, who comes is told so at once, and probes are answered', async (t) => {
  const { request } = await startService(t, undefined, { latestMs: 250 })
  const search = () => request('/api/search/client_names?q=a')
  const blocked = new Int32Array(new SharedArrayBuffer(4))
  const step = () => Atomics.wait(blocked, 0, 0, 400)
  step()
  step()
  step()
  t.equal((await search()).status, 200, 'a long step that is over turns nobody away')

  const drowning = setInterval(step, 1)
  t.teardown(() => clearInterval(drowning))
  let answer = await search()
  while (answer.status === 200) answer = await search()
  t.match(answer, { status: 503, json: { code: 'TOO_BUSY', message: /Nothing was done/ } })
  t.equal(answer.headers.get('retry-after'), '1')
  for (const path of ['/api/cache/status', '/api/health']) t.equal((await request(path)).status, 200, path)
  const headers = { accept: 'text/html' }
  const back = await request('/callback?state=unknown', { headers })
  t.equal(back.status, 302, 'and so is who comes back from Intuit')
  clearInterval(drowning)
  while (answer.status !== 200) answer = await search()
})
