/** Fidelity seen from outside: the published clients talk to the simulator as they talk to Intuit. */
import { createRequire } from 'node:module'
import t from 'tap'
import { start } from './support.ts'

const require = createRequire(import.meta.url)
const OAuthClient = require('intuit-oauth')
const QuickBooks = require('node-quickbooks')

const REDIRECT = 'http://localhost:5002/callback'

t.test('intuit-oauth: authorize, exchange, call, refresh, revoke', async (t) => {
  const { simulator } = await start(t, { behaviour: { rotation: 'always' } })
  const { env, url } = simulator
  const client = new OAuthClient({
    clientId: env.QUICKBOOKS_CLIENT_ID,
    clientSecret: env.QUICKBOOKS_CLIENT_SECRET,
    environment: 'sandbox',
    redirectUri: REDIRECT,
    includeRefreshTokenHardExpiresIn: true,
  })
  client.setAuthorizeURLs({
    authorizeEndpoint: env.QUICKBOOKS_AUTHORIZE_URL,
    tokenEndpoint: env.QUICKBOOKS_TOKEN_URL,
    revokeEndpoint: env.QUICKBOOKS_REVOKE_URL,
    userInfoEndpoint: `${url}/none`,
  })
  const consent = await fetch(client.authorizeUri({ scope: [OAuthClient.scopes.Accounting], state: 'st' }), {
    redirect: 'manual',
  })
  const first = (await client.createToken(consent.headers.get('location'))).json
  t.match(first, { token_type: 'bearer', expires_in: 3600, x_refresh_token_hard_expires_in: 157_680_000 })
  t.ok(client.isAccessTokenValid())
  t.match(client.getToken(), { realmId: simulator.company.realmId, state: 'st' })

  const base = `${url}/v3/company/${client.getToken().realmId}`
  const info = await client.makeApiCall({ url: `${base}/companyinfo/${client.getToken().realmId}` })
  t.equal(info.json.CompanyInfo.CompanyName, 'Kestrel Machine & Assembly')
  await t.rejects(client.makeApiCall({ url: `${base}/query?query=select` }), {
    code: '4000',
    faultType: 'ValidationFault',
    intuitTid: /^1-/,
  })
  simulator.fault({ on: 'companyinfo', kind: 'http429' })
  await t.rejects(client.makeApiCall({ url: `${base}/companyinfo/1` }), { code: 'RATE_LIMIT_EXCEEDED' })

  const second = (await client.refresh()).json
  t.not(second.refresh_token, first.refresh_token)
  await t.rejects(client.refreshUsingToken(first.refresh_token), 'the replaced token is refused')
  t.equal(
    simulator.oauth.current?.refreshToken,
    simulator.oauth.chains[0]?.refreshToken,
    'only the consented chain died',
  )

  simulator.oauth.revokeAll()
  await t.rejects(client.refreshUsingToken(second.refresh_token))
  const again = await fetch(client.authorizeUri({ scope: [OAuthClient.scopes.Accounting] }), {
    redirect: 'manual',
  })
  await client.createToken(again.headers.get('location'))
  await client.revoke()
  t.equal(simulator.oauth.current, undefined)
})

type Callback = (error: unknown, data: never) => void

t.test('node-quickbooks: find, get, count, page through and capture changes', async (t) => {
  const { simulator, token, realm } = await start(t, { company: { items: 2300 } })
  QuickBooks.V3_ENDPOINT_BASE_URL = `${simulator.url}/v3/company/`
  QuickBooks.TOKEN_URL = simulator.env.QUICKBOOKS_TOKEN_URL
  const { QUICKBOOKS_CLIENT_ID: id, QUICKBOOKS_CLIENT_SECRET: secret } = simulator.env
  const refreshToken = simulator.oauth.current?.refreshToken
  const client = new QuickBooks(id, secret, token, false, realm, true, false, null, '2.0', refreshToken)
  // biome-ignore lint/suspicious/noExplicitAny: answers of an untyped client
  const call = (method: string, ...parameters: unknown[]): Promise<any> =>
    new Promise((resolve, reject) => {
      const callback: Callback = (error, data) => (error ? reject(error) : resolve(data))
      client[method](...parameters, callback)
    })

  const awkward = simulator.company.create('Customer', { DisplayName: "Amy's 50% & Co + #1" })
  t.match(await call('findCustomers', { DisplayName: "Amy's 50% & Co + #1" }), {
    QueryResponse: { Customer: [{ Id: awkward.Id }], startPosition: 1, maxResults: 1 },
  })
  t.match(await call('getCustomer', '7'), { Id: '7' })
  t.match(await call('getCompanyInfo', realm), { CompanyName: 'Kestrel Machine & Assembly' })
  const counted = await call('findItems', { count: true })
  t.equal(
    counted.QueryResponse.totalCount,
    simulator.company.list('Item').filter((each) => each.Active).length,
  )

  const everything = await call('findItems', [
    { field: 'Active', value: [true, false], operator: 'IN' },
    { field: 'fetchAll', value: true },
    { field: 'asc', value: 'Id' },
  ])
  t.equal(everything.QueryResponse.Item.length, 2300, 'three pages')
  t.match(await call('findVendors', { limit: 2, offset: 3, asc: 'DisplayName' }), {
    QueryResponse: { Vendor: { length: 2 }, startPosition: 3 },
  })
  t.match(await call('findInvoices', [{ field: 'TotalAmt', value: 1, operator: '>' }]), {
    QueryResponse: { totalCount: 40 },
  })

  simulator.company.update('Vendor', '205', { Notes: 'x' })
  const since = new Date(simulator.clock.now() - 60_000).toISOString()
  const changes = await call('changeDataCapture', ['Customer', 'Vendor'], since)
  t.match(changes.CDCResponse[0].QueryResponse, [
    { Customer: [{ Id: awkward.Id }] },
    { Vendor: [{ Id: '205' }] },
  ])

  const failure = (promise: Promise<unknown>) => promise.catch((error: unknown) => error)
  t.match(await failure(call('findCustomers', { Name: 'x' })), {
    response: {
      data: { Fault: { Error: [{ code: '4001', Detail: /Property Name not found for Entity/ }] } },
    },
  })
  simulator.fault({ on: 'query', kind: 'okFault' })
  t.match(await failure(call('findCustomers', { limit: 1 })), { Fault: {} }, 'a fault in a 200')

  t.match(await call('refreshAccessToken'), { token_type: 'bearer' })
  t.match(await call('getVendor', '205'), { Id: '205' })
})
