// Signing in to the console: the admin key once, then a cookie that only pages of this service can use, for an hour.
import t from 'tap'
import { systemClock } from '../../src/services/clock.ts'
import { createSessions, SESSION_MS } from '../../src/services/sessions/sessions.ts'
import { createKeyring } from '../../src/services/tokens/keyring.ts'
import { createManualClock } from '../support/clock.ts'
import { overDatabases } from '../support/databases.ts'
import { cookieOf, type Service, startService, startSimulator, temporaryFolder } from '../support/service.ts'

const ADMIN = 'admin-key-for-tests'
const SEARCH = 'search-key-for-tests'
const keys = { ADMIN_API_KEY: ADMIN, SEARCH_API_KEY: SEARCH }

const signIn = (service: Service, key: string) =>
  service.request('/api/session', {
    method: 'POST',
    body: JSON.stringify({ key }),
    headers: { 'content-type': 'application/json' },
  })

t.test(
  'the admin key is exchanged for a cookie that no script can read and no other site can use',
  async (t) => {
    const service = await startService(t, undefined, { env: keys })
    t.same((await service.request('/api/session')).json, {
      key_required: true,
      signed_in: false,
      expires_at: null,
    })
    const { status, json, headers } = await signIn(service, ADMIN)
    t.equal(status, 200)
    t.match(json, { key_required: true, signed_in: true })
    const [cookie = ''] = headers.getSetCookie()
    t.match(cookie, /^mrp_session=[\w-]{43}; Path=\/; Expires=.*; HttpOnly; SameSite=Strict$/)
    t.notMatch(cookie, ADMIN)
    t.equal((await service.request('/api/session', { headers: { cookie } })).json.signed_in, true)

    for (const wrong of [SEARCH, 'a-wrong-key', '']) {
      const refused = await signIn(service, wrong)
      t.match(refused.json, { statusCode: 401, code: 'UNAUTHORIZED', message: /ADMIN_API_KEY/ })
      t.same(refused.headers.getSetCookie(), [])
    }
  },
)

t.test('whoever is signed in may do what an admin may, from pages of this service alone', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, { env: keys })
  const cookie = cookieOf((await signIn(service, ADMIN)).headers)
  const status = async (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    (await service.request(path, { method, headers: { cookie, ...headers } })).status
  t.equal(await status('/api/config'), 200)
  t.equal(await status('/connect'), 302)
  t.equal(await status('/api/search/client_names?q=a&explain=true'), 200)
  t.equal(
    await status('/api/disconnect', { origin: service.url, 'sec-fetch-site': 'same-origin' }, 'POST'),
    200,
  )
  for (const foreign of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example.com' },
    { origin: 'null' },
  ]) {
    const refused = await service.request('/api/config', { headers: { cookie, ...foreign } })
    t.match(refused.json, { statusCode: 403, code: 'CROSS_SITE', message: /proxy/ }, JSON.stringify(foreign))
    t.equal(await status('/api/disconnect', foreign, 'POST'), 403, JSON.stringify(foreign))
  }
  t.equal(
    await status('/api/config', { authorization: `Bearer ${SEARCH}` }),
    401,
    'a key that is sent counts',
  )
  t.equal(await status('/api/config', { cookie: 'mrp_session=guessed' }), 401)
})

t.test('behind https the cookie travels by https alone', async (t) => {
  const { app } = await startService(t, undefined, {
    env: { ...keys, PUBLIC_URL: 'https://mrp.example.com', TRUST_PROXY: 'true' },
  })
  const ask = async (headers: Record<string, string>) =>
    (await app.inject({ method: 'POST', url: '/api/session', payload: { key: ADMIN }, headers })).headers[
      'set-cookie'
    ]
  t.match(await ask({ host: '10.0.0.7', origin: 'https://mrp.example.com' }), /; Secure/)
  t.match(await ask({ host: '10.0.0.7', 'x-forwarded-proto': 'https' }), /; Secure/)
  t.notMatch(await ask({ host: '10.0.0.7' }), /; Secure/)
})

t.test('behind a proxy that tells another host, pages at PUBLIC_URL are our own', async (t) => {
  const { app } = await startService(t, undefined, {
    env: { ...keys, PUBLIC_URL: 'https://mrp.example.com' },
  })
  const host = '10.0.0.7:5002'
  const signedIn = await app.inject({
    ...{ method: 'POST', url: '/api/session', payload: { key: ADMIN } },
    headers: { host, origin: 'https://mrp.example.com' },
  })
  const [{ name, value } = { name: '', value: '' }] = signedIn.cookies
  const ask = async (origin: string) =>
    (
      await app.inject({
        ...{ method: 'POST', url: '/api/disconnect' },
        headers: { host, origin, cookie: `${name}=${value}`, 'sec-fetch-site': 'same-origin' },
      })
    ).statusCode
  t.equal(await ask('https://mrp.example.com'), 200)
  t.equal(await ask('https://mrp.example.com.evil.example'), 403)
  t.equal(await ask('http://mrp.example.com'), 403)
})

t.test('it ends after an hour, when the person signs out, and when the key is replaced', async (t) => {
  let ahead = 0
  const clock = { ...systemClock, now: () => Date.now() + ahead }
  const dataDir = temporaryFolder(t)
  const service = await startService(t, undefined, { env: keys, clock, dataDir })
  const config = async (cookie: string, at = service) =>
    (await at.request('/api/config', { headers: { cookie } })).status
  const first = cookieOf((await signIn(service, ADMIN)).headers)
  const second = cookieOf((await signIn(service, ADMIN)).headers)
  const left = await service.request('/api/session', { method: 'DELETE', headers: { cookie: first } })
  t.match(left.headers.getSetCookie()[0], /^mrp_session=;.*Expires=Thu, 01 Jan 1970/)
  t.same([await config(first), await config(second)], [401, 200])
  await service.close()

  const restarted = await startService(t, undefined, { env: keys, clock, dataDir })
  t.equal(await config(second, restarted), 200, 'a restart signs nobody out')
  ahead = SESSION_MS
  t.equal(await config(second, restarted), 401)
  ahead = 0
  await restarted.close()

  const env = { ...keys, ADMIN_API_KEY: 'another-admin-key' }
  const rekeyed = await startService(t, undefined, { env, clock, dataDir })
  t.equal(await config(second, rekeyed), 401)
})

t.test('without keys nobody has to sign in', async (t) => {
  const service = await startService(t, undefined)
  const open = { key_required: false, signed_in: true, expires_at: null }
  t.same((await service.request('/api/session')).json, open)
  const { json, headers } = await signIn(service, 'whatever')
  t.same(json, open)
  t.same(headers.getSetCookie(), [])
  t.same((await service.request('/api/session', { method: 'DELETE' })).json, open)
})

t.test('guesses at the key are counted here as everywhere', async (t) => {
  const service = await startService(t, undefined, { env: keys })
  const statuses = []
  for (let i = 0; i < 102; i++) statuses.push((await signIn(service, `guess-${i}`)).status)
  t.equal(statuses[0], 401)
  t.equal(statuses.at(-1), 429)
  t.equal((await signIn(service, ADMIN)).status, 429, 'the next one is not even looked at')
})

overDatabases(
  'a session is good in every replica, and under a secret key that is replaced meanwhile',
  async (t, kind) => {
    const { db } = await kind.open(t)
    const clock = createManualClock()
    const before = createSessions({
      ...{ db, clock, adminKey: ADMIN },
      keyring: createKeyring(() => ({ key: 'a key for tests only', previous: [] })),
    })
    const after = createSessions({
      ...{ db, clock, adminKey: ADMIN },
      keyring: createKeyring(() => ({ key: 'the next key', previous: ['a key for tests only'] })),
    })
    const { token, expiresAt } = await before.begin()
    t.equal(expiresAt, clock.now() + SESSION_MS)
    t.equal(await after.expiryOf(token), expiresAt)
    t.notMatch(JSON.stringify(await db.selectFrom('qbo_sessions').selectAll().execute()), token)
    await clock.advance(SESSION_MS)
    t.equal(await after.expiryOf(token), undefined)
    await after.begin()
    t.equal(
      (await db.selectFrom('qbo_sessions').selectAll().execute()).length,
      1,
      'what has ended is deleted',
    )
  },
)
