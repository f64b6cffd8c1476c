// What stands at Intuit, or has to: the redirect URI, the way there, its clock, the credentials, webhooks.

import { isIP } from 'node:net'
import { AppError } from '../../errors.ts'
import { createOAuthClient } from '../qbo/oauth.ts'
import { type Check, CONFIGURATION, type Examination, type Finding, fail, ok, skip, warn } from './check.ts'
import { environmentOf } from './configuration.ts'
import { reachOf } from './network.ts'
import type { Reply } from './outside.ts'

/** Intuit's rules (developer.intuit.com, Set redirect URIs), then our own. */
export const redirectUri: Check = {
  name: 'redirect URI',
  needs: [CONFIGURATION],
  run({ setup }) {
    const { config, redirectUri: uri } = setup
    const { hostname, host, protocol, pathname } = new URL(uri)
    const own = new URL(config.PUBLIC_URL)
    const isProduction = environmentOf(setup) === 'production'
    const name = config.QUICKBOOKS_REDIRECT_URI === undefined ? 'PUBLIC_URL' : 'QUICKBOOKS_REDIRECT_URI'
    const https = `Set ${name} to an https address with a name of your own, enter its /callback among the redirect URIs of the production keys, and put HTTPS in front (docs/https.md).`
    const isAddress = isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
    const isLocal = /(^|\.)localhost\.?$/.test(hostname)
    if (isProduction && protocol !== 'https:') return fail(`${uri}: production keys take https only`, https)
    if (isProduction && isLocal) return fail(`${uri}: production keys take no localhost`, https)
    if (isProduction && isAddress) return fail(`${uri}: production keys take no IP address`, https)
    if (protocol !== 'https:' && hostname !== 'localhost')
      return fail(
        `${uri}: without https Intuit takes only localhost`,
        `Set ${name} to an https address, or to one at http://localhost.`,
      )
    const path = `${own.pathname.replace(/\/$/, '')}/callback`
    if (pathname !== path)
      return fail(
        `${uri}: this service answers at ${path}`,
        `Let QUICKBOOKS_REDIRECT_URI end with ${path}, here and in the Intuit app, or unset it.`,
      )
    if (host !== own.host)
      return warn(
        `${uri} is on another host than PUBLIC_URL, and browsers keep a cookie for one of them only`,
        `Make both the same, or see to it that ${host} leads to this service as well.`,
      )
    return ok(`${uri}, which has to stand letter by letter in the Intuit app`)
  },
}

const proxyIn = ({ env }: Examination): string | undefined =>
  ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].find((name) => env[name])

const TOKEN_ENDPOINT = 'token endpoint'

export const tokenEndpoint: Check = {
  name: TOKEN_ENDPOINT,
  needs: [CONFIGURATION],
  async run(examination) {
    const url = examination.setup.config.QUICKBOOKS_TOKEN_URL
    return reachOf("Intuit's token service", url, await examination.visit(url), proxyIn(examination))
  },
}

export const api: Check = {
  name: 'API',
  needs: [CONFIGURATION],
  async run(examination) {
    const { apiUrl } = examination.setup
    // Without a token it is refused, in the words of the API.
    const visit = await examination.visit(`${apiUrl}/v3/company/0/companyinfo/0`)
    const found = reachOf('QuickBooks', apiUrl, visit, proxyIn(examination))
    if (found.level !== 'ok' || visit instanceof Error || isOfAnApi(visit)) return found
    return warn(
      `${new URL(apiUrl).host} answers, but with a page (HTTP ${visit.status}) and not as QuickBooks does`,
      'Check the address, which only tests and proxies have to set, and what stands between this machine and it.',
    )
  },
}

const isOfAnApi = ({ status, body }: Reply): boolean =>
  (status < 300 || status >= 400) && !/^\s*<(!doctype\s+)?html/i.test(body)

const OFF_MS = 60_000
const WRONG_MS = 5 * 60_000

export const clock: Check = {
  name: 'clock',
  needs: [CONFIGURATION],
  async run({ setup, visit, database }) {
    const reply = await visit(setup.config.QUICKBOOKS_TOKEN_URL)
    const look = await database().catch(() => undefined)
    const others = [
      { who: 'Intuit', aheadMs: reply instanceof Error ? Number.NaN : aheadOf(reply) },
      { who: 'the database server', aheadMs: look?.server ? look.at - look.server.now : Number.NaN },
    ]
    return clockFinding(others.filter(({ aheadMs }) => Number.isFinite(aheadMs)))
  },
}

/** How much this machine is ahead of who answered. Its header tells whole seconds. */
const aheadOf = ({ date, sentAt, receivedAt }: Reply): number => (sentAt + receivedAt) / 2 - date - 500

function clockFinding(others: { who: string; aheadMs: number }[]): Finding {
  const [worst] = others.sort((a, b) => Math.abs(b.aheadMs) - Math.abs(a.aheadMs))
  if (worst === undefined) return skip('not looked at: nobody answered with a time')
  const { who, aheadMs } = worst
  const off = Math.abs(aheadMs)
  const names = others.map((one) => one.who).join(' and ')
  if (off <= OFF_MS) return ok(`within a minute of ${names}`)
  const text = `${Math.round(off / 1000)} seconds ${aheadMs > 0 ? 'ahead of' : 'behind'} ${who}`
  const todo =
    'Set the clock of this machine right, and keep it so with NTP: by it tokens are renewed in time, and replicas that share a database agree on what is due.'
  return off > WRONG_MS ? fail(text, todo) : warn(text, todo)
}

/** Nobody was ever given it, so that asking for its tokens says only whether the credentials are right. */
const BOGUS_CODE = 'mrp-backend-doctor'
const PATIENCE_MS = 10_000

export const keys: Check = {
  name: 'client id and secret',
  needs: [CONFIGURATION, 'credentials', TOKEN_ENDPOINT],
  async run({ setup, outside: { dispatcher } }) {
    const { config, redirectUri } = setup
    const oauth = createOAuthClient(
      {
        clientId: config.QUICKBOOKS_CLIENT_ID,
        clientSecret: config.QUICKBOOKS_CLIENT_SECRET,
        redirectUri,
        authorizeUrl: config.QUICKBOOKS_AUTHORIZE_URL,
        tokenUrl: config.QUICKBOOKS_TOKEN_URL,
        revokeUrl: config.QUICKBOOKS_REVOKE_URL,
      },
      { dispatcher, timeoutMs: PATIENCE_MS },
    )
    try {
      await oauth.exchangeCode(BOGUS_CODE)
    } catch (error) {
      if (error instanceof AppError) return meaningOf(error, environmentOf(setup))
      throw error
    }
    return fail(
      'a code that nobody was given was taken',
      'Correct QUICKBOOKS_TOKEN_URL: it is not Intuit that answers there.',
    )
  },
}

function meaningOf({ code, message }: AppError, environment: string): Finding {
  if (code === 'OAUTH_CODE_REFUSED') return ok('Intuit knows them')
  if (code === 'OAUTH_CREDENTIALS_REFUSED')
    return fail(
      'Intuit refuses them',
      `Compare QUICKBOOKS_CLIENT_ID and QUICKBOOKS_CLIENT_SECRET with the ${environment === 'production' ? 'production' : 'development'} keys of your app at developer.intuit.com: each environment has its own.`,
    )
  return fail(
    message.split(';')[0] ?? message,
    'Run this again in a while. If it stays, correct QUICKBOOKS_TOKEN_URL, or look at status.developer.intuit.com.',
  )
}

export const webhooks: Check = {
  name: 'webhooks',
  needs: [CONFIGURATION],
  run({ setup: { config } }) {
    const { QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN, PUBLIC_URL, CACHE_REFRESH_MINUTES } = config
    if (QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN === undefined)
      return ok(`off: changes are looked for every ${CACHE_REFRESH_MINUTES} minutes`)
    const where = `${PUBLIC_URL}/webhooks/quickbooks`
    return PUBLIC_URL.startsWith('https:')
      ? ok(`on, at ${where}`)
      : warn(
          `on, but Intuit posts to https addresses only, not to ${where}`,
          'Set PUBLIC_URL to the https address at which the internet reaches this service, or unset QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN.',
        )
  },
}
