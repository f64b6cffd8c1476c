import t, { type Test } from 'tap'
import type { BehaviourChange } from '../../simulator/simulator.ts'
import { type Reply, type Rig, start } from './support.ts'

const REDIRECT = 'http://localhost:5002/callback'
const SCOPE = 'com.intuit.quickbooks.accounting'
const BASIC = `Basic ${Buffer.from('simulator-client:simulator-secret').toString('base64')}`
const DAY_MS = 86_400_000

interface OAuthRig extends Omit<Rig, 'token'> {
  authorize(change?: Record<string, string | undefined>): Promise<Reply>
  code(scope?: string): Promise<string>
  token(form: Record<string, string>, headers?: Record<string, string>): Promise<Reply>
  exchange(code: string): Promise<Reply>
  refresh(token: string): Promise<Reply>
  revoke(token: string): Promise<Reply>
  /** Whether an access token opens the API. */
  works(accessToken: string): Promise<boolean>
}

async function startOAuth(t: Test, behaviour: BehaviourChange = {}): Promise<OAuthRig> {
  const rig = await start(t, { behaviour })
  const { request } = rig
  const authorize = (change: Record<string, string | undefined> = {}) => {
    const parameters = {
      client_id: 'simulator-client',
      response_type: 'code',
      scope: SCOPE,
      redirect_uri: REDIRECT,
      state: 's1',
    }
    const entries = Object.entries({ ...parameters, ...change }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    )
    return request(`/connect/oauth2?${new URLSearchParams(entries)}`)
  }
  const token = (form: Record<string, string>, headers: Record<string, string> = {}) =>
    request('/oauth2/v1/tokens/bearer', {
      method: 'POST',
      headers: { authorization: BASIC, accept: 'application/json', ...headers },
      body: new URLSearchParams(form),
    })
  return Object.assign(rig, {
    authorize,
    token,
    async code(scope = SCOPE) {
      const { headers } = await authorize({ scope })
      return new URL(headers.get('location') ?? '').searchParams.get('code') ?? ''
    },
    exchange: (code: string) => token({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT }),
    refresh: (refreshToken: string) => token({ grant_type: 'refresh_token', refresh_token: refreshToken }),
    revoke: (value: string) =>
      request('/v2/oauth2/tokens/revoke', {
        method: 'POST',
        headers: { authorization: BASIC, 'content-type': 'application/json' },
        body: JSON.stringify({ token: value }),
      }),
    async works(accessToken: string) {
      const reply = await rig.get(`/companyinfo/${rig.realm}`, { authorization: `Bearer ${accessToken}` })
      return reply.status === 200
    },
  }) as unknown as OAuthRig
}

const INVALID_GRANT = { status: 400, json: { error: 'invalid_grant' } }

t.test('consent leads back with code, state and realm, or with access_denied', async (t) => {
  const { authorize, simulator } = await startOAuth(t)
  const allowed = await authorize({ state: 'a b&c' })
  t.equal(allowed.status, 302)
  const back = new URL(allowed.headers.get('location') ?? '')
  t.equal(back.origin + back.pathname, REDIRECT)
  t.same([...back.searchParams.keys()], ['code', 'state', 'realmId'])
  t.match(Object.fromEntries(back.searchParams), { state: 'a b&c', realmId: '9341453000000001' })

  simulator.behaviour.consent = 'deny'
  const denied = new URL((await authorize()).headers.get('location') ?? '')
  t.same(Object.fromEntries(denied.searchParams), { error: 'access_denied', state: 's1' })

  simulator.behaviour.consent = 'ask'
  const asked = await authorize()
  t.equal(asked.status, 200)
  const links = [...asked.text.matchAll(/href="([^"]+)">(\w+)</g)].map(([, href = '', label]) => [
    label,
    href.replaceAll('&amp;', '&'),
  ])
  t.match(links, [
    ['Connect', /^http:\/\/localhost:5002\/callback\?code=.*&realmId=/],
    ['Cancel', /\?error=access_denied&state=s1$/],
  ])

  Object.assign(simulator.behaviour, { consent: 'auto', consentRealmId: '777' })
  t.match((await authorize()).headers.get('location'), /realmId=777/, 'the person may choose another company')
})

t.test('a broken authorize request ends on an error page and is never redirected', async (t) => {
  const { authorize, simulator } = await startOAuth(t)
  const broken: [string, Record<string, string | undefined>][] = [
    ['foreign client', { client_id: 'someone' }],
    ['no response type', { response_type: undefined }],
    ['unknown scope', { scope: `${SCOPE} everything` }],
    ['no state', { state: undefined }],
    ['no redirect', { redirect_uri: undefined }],
  ]
  for (const [name, change] of broken) t.match(await authorize(change), { status: 400, text: /<h1>/ }, name)
  simulator.behaviour.redirectUris = ['http://localhost:5002/other']
  t.match(await authorize(), { status: 400, text: /redirect_uri/ }, 'not registered')
  simulator.behaviour.redirectUris = [REDIRECT]
  t.equal((await authorize()).status, 302)
})

t.test('a code buys the documented token answer', async (t) => {
  const { code, exchange, token, works } = await startOAuth(t)
  const { json, headers } = await exchange(await code())
  t.same(Object.keys(json), [
    'token_type',
    'access_token',
    'refresh_token',
    'expires_in',
    'x_refresh_token_expires_in',
  ])
  t.match(json, {
    token_type: 'bearer',
    expires_in: 3600,
    x_refresh_token_expires_in: 8_726_400,
    refresh_token: /^RT1-/,
  })
  t.ok(json.access_token.length > 900, 'about a kilobyte')
  t.match(headers.get('cache-control'), 'no-store')
  t.ok(headers.get('intuit_tid'))
  t.ok(await works(json.access_token))
  const form = {
    grant_type: 'authorization_code',
    code: await code(`${SCOPE} openid`),
    redirect_uri: REDIRECT,
  }
  const more = await token(form, { 'x-include-refresh-token-hard-expires-in': 'true' })
  t.match(more.json, { x_refresh_token_hard_expires_in: 157_680_000, id_token: String })
})

t.test('the token endpoint refuses by the book', async (t) => {
  const { code, exchange, token, simulator, revoke, request } = await startOAuth(t)
  const wrong = { authorization: `Basic ${Buffer.from('simulator-client:wrong').toString('base64')}` }
  t.match(await token({ grant_type: 'refresh_token', refresh_token: 'x' }, wrong), {
    status: 401,
    json: { error: 'invalid_client' },
  })
  t.match(await exchange('bogus'), {
    status: 400,
    json: { error: 'invalid_grant', error_description: 'Invalid authorization code' },
  })
  t.match(await token({ grant_type: 'client_credentials' }), {
    status: 400,
    json: { error: 'unsupported_grant_type' },
  })
  t.match(await token({}), { status: 400, json: { error: 'invalid_request' } })
  t.match(await token({ grant_type: 'refresh_token' }), { status: 400, json: { error: 'invalid_request' } })
  t.match(await revoke('unknown'), { status: 400 })
  const form = await request('/v2/oauth2/tokens/revoke', {
    method: 'POST',
    headers: { authorization: BASIC },
    body: new URLSearchParams({ token: simulator.oauth.current?.refreshToken ?? '' }),
  })
  t.equal(form.status, 400, 'revocation takes JSON only')
  const late = await code()
  simulator.advance(600_000)
  t.match(await exchange(late), INVALID_GRANT, 'codes live ten minutes')
  const other = await code()
  t.match(
    await token({ grant_type: 'authorization_code', code: other, redirect_uri: `${REDIRECT}2` }),
    INVALID_GRANT,
  )
})

t.test('a code used twice takes the first tokens with it', async (t) => {
  const { code, exchange, works, simulator } = await startOAuth(t)
  const value = await code()
  const first = (await exchange(value)).json
  t.match(await exchange(value), INVALID_GRANT)
  t.notOk(await works(first.access_token))
  simulator.behaviour.codeReuseRevokes = false
  const again = await code()
  const second = (await exchange(again)).json
  t.match(await exchange(again), INVALID_GRANT)
  t.ok(await works(second.access_token))
})

t.test('the refresh token stays the same for a day, then is replaced', async (t) => {
  const { refresh, simulator } = await startOAuth(t)
  const start = simulator.oauth.current?.refreshToken ?? ''
  const same = await refresh(start)
  t.equal(same.json.refresh_token, start)
  simulator.advance(DAY_MS)
  const replaced = (await refresh(start)).json
  t.not(replaced.refresh_token, start)
  t.equal(replaced.x_refresh_token_expires_in, 8_726_400)
  t.match(await refresh(start), INVALID_GRANT, 'the old one is dead at once')
  t.match(await refresh(replaced.refresh_token), INVALID_GRANT, 'and its use has revoked the new one')
})

t.test('in grace mode the replaced token works for another day', async (t) => {
  const { refresh, simulator } = await startOAuth(t, { previousToken: 'grace', rotation: 'always' })
  const old = simulator.oauth.current?.refreshToken ?? ''
  const next = (await refresh(old)).json.refresh_token
  t.not(next, old)
  t.equal((await refresh(old)).json.refresh_token, next, 'and answers with its successor')
  simulator.advance(DAY_MS)
  t.match(await refresh(old), INVALID_GRANT)
})

t.test('rotation can be forced, or switched off', async (t) => {
  const { refresh, simulator } = await startOAuth(t, { rotation: 'never', doubleRefreshRevokes: false })
  const first = simulator.oauth.current?.refreshToken ?? ''
  simulator.advance(5 * DAY_MS)
  t.equal((await refresh(first)).json.refresh_token, first)
  simulator.oauth.rotateNext()
  const second = (await refresh(first)).json.refresh_token
  t.not(second, first)
  t.match(await refresh(first), INVALID_GRANT)
  t.equal((await refresh(second)).status, 200, 'without the double-refresh rule the chain survives')
})

t.test('of two refreshes at once the second fails, and may take the chain with it', async (t) => {
  for (const revokes of [true, false]) {
    const { refresh, works, simulator } = await startOAuth(t, {
      tokenLatencyMs: 50,
      doubleRefreshRevokes: revokes,
    })
    const value = simulator.oauth.current?.refreshToken ?? ''
    const replies = await Promise.all([refresh(value), refresh(value)])
    t.same(replies.map((reply) => reply.status).sort(), [200, 400])
    const winner = replies.find((reply) => reply.status === 200)
    t.equal(await works(winner?.json.access_token), !revokes)
    t.equal((await refresh(value)).status, revokes ? 400 : 200)
  }
})

t.test('refresh tokens die of age: rolling, and five years after consent whatever happens', async (t) => {
  const { refresh, simulator } = await startOAuth(t, { rotation: 'always' })
  let token = simulator.oauth.current?.refreshToken ?? ''
  for (let day = 0; day < 1825; day += 100) {
    const reply = await refresh(token)
    t.equal(reply.status, 200)
    token = reply.json.refresh_token
    simulator.advance(100 * DAY_MS)
  }
  t.match(await refresh(token), INVALID_GRANT, 'hard end')
  const fresh = simulator.oauth.connect().refreshToken
  simulator.advance(102 * DAY_MS)
  t.match(await refresh(fresh), INVALID_GRANT, 'unused for 101 days')
})

t.test('revoking either token ends the connection, and so does the user in QuickBooks', async (t) => {
  for (const which of ['accessToken', 'refreshToken'] as const) {
    const { revoke, works, refresh, simulator } = await startOAuth(t)
    const tokens = simulator.oauth.connect()
    const reply = await revoke(tokens[which])
    t.match(reply, { status: 200, text: '' })
    t.notOk(await works(tokens.accessToken))
    t.match(await refresh(tokens.refreshToken), INVALID_GRANT)
  }
  const { refresh, simulator, works } = await startOAuth(t)
  const tokens = simulator.oauth.connect()
  simulator.oauth.expireAccessTokens()
  t.notOk(await works(tokens.accessToken))
  t.equal((await refresh(tokens.refreshToken)).status, 200)
  simulator.oauth.disconnectByUser()
  t.match(await refresh(tokens.refreshToken), INVALID_GRANT)
  t.equal(simulator.oauth.current, undefined)
})

t.test('a lost token answer has still rotated the token', async (t) => {
  const { refresh, simulator } = await startOAuth(t, { rotation: 'always' })
  const value = simulator.oauth.current?.refreshToken ?? ''
  simulator.fault({ on: 'refresh', kind: 'lostTokenAnswer' })
  await t.rejects(refresh(value))
  t.not(simulator.oauth.current?.refreshToken, value)
  t.match(await refresh(value), INVALID_GRANT)

  const before = simulator.oauth.connect().refreshToken
  simulator.fault({ on: 'refresh', kind: 'lostBefore' })
  await t.rejects(refresh(before))
  t.equal((await refresh(before)).status, 200, 'lost before it arrived: nothing happened')
})

t.test('the discovery document names the endpoints that work here', async (t) => {
  const { request, simulator } = await startOAuth(t)
  const { json } = await request('/.well-known/openid_configuration')
  t.match(json, {
    authorization_endpoint: simulator.env.QUICKBOOKS_AUTHORIZE_URL,
    token_endpoint: simulator.env.QUICKBOOKS_TOKEN_URL,
    revocation_endpoint: simulator.env.QUICKBOOKS_REVOKE_URL,
  })
})

t.test('a fresh token has its whole life ahead, however the clock runs', async (t) => {
  let ticks = 0
  const { simulator, request } = await start(t, {
    clock: () => 1_790_000_000_000 + ticks++ * 7,
    behaviour: { rotation: 'always' },
  })
  const refresh_token = simulator.oauth.current?.refreshToken ?? ''
  const { json } = await request('/oauth2/v1/tokens/bearer', {
    method: 'POST',
    headers: { authorization: BASIC },
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token }),
  })
  t.match(json, { expires_in: 3600, x_refresh_token_expires_in: 8_726_400 })
})
