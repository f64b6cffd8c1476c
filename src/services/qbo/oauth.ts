// Intuit's OAuth2 endpoints (developer.intuit.com, OAuth 2.0): exchange, refresh and revoke, each sent exactly once.
// A token request whose answer is lost may have rotated the token; repeating it is a decision for the keeper.

import { AppError, reconnectRequired } from '../../errors.ts'
import type { RawAnswer } from './faults.ts'
import { exchange, type Outside } from './http.ts'

/** What a token answer grants; lifetimes in seconds. */
export interface TokenGrant {
  accessToken: string
  refreshToken: string
  expiresIn: number
  refreshExpiresIn: number
  /** Until the consent itself ends, whatever is refreshed. Only some answers carry it. */
  hardExpiresIn: number | undefined
}

/** The endpoints and credentials of one Intuit app. */
export interface OAuthSettings {
  clientId: string | undefined
  clientSecret: string | undefined
  redirectUri: string
  authorizeUrl: string
  tokenUrl: string
  revokeUrl: string
}

/** Intuit's OAuth2, as the keeper and the connect flow use it. */
export interface OAuthClient {
  /** Where a browser goes to give its consent. @throws AppError NOT_CONFIGURED */
  authorizeUrl(state: string): string
  /** @throws AppError OAUTH_CODE_REFUSED when the code is spent, old or foreign. */
  exchangeCode(code: string): Promise<TokenGrant>
  /** @throws AppError with `retry: 'reconnect'` for `invalid_grant`; any other failure leaves the outcome unknown. */
  refresh(refreshToken: string): Promise<TokenGrant>
  /** Ends the app's access to the company; either token will do. */
  revoke(token: string): Promise<void>
}

const SCOPE = 'com.intuit.quickbooks.accounting'

/** Nothing is lost with the answer to a revocation, and a person waits for it. */
const REVOKE_MS = 15_000

/** Lifetimes for an answer without them, in seconds (developer.intuit.com, OAuth 2.0). */
const ACCESS_SECONDS = 3600
const REFRESH_SECONDS = 8_640_000

/** A client for one Intuit app. `mayAsk` is called before each request, and throws when it must not be sent. */
export function createOAuthClient(
  settings: OAuthSettings,
  outside: Outside,
  mayAsk: () => void = () => undefined,
): OAuthClient {
  function credentials(): { id: string; basic: string } {
    const { clientId: id, clientSecret: secret } = settings
    if (id === undefined || secret === undefined) throw notConfigured()
    return { id, basic: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
  }

  /** A POST with the app's credentials, sent once. */
  async function post(
    url: string,
    body: string,
    headers: Record<string, string> & { 'content-type': string },
    timeoutMs = outside.timeoutMs,
  ): Promise<RawAnswer> {
    const authorization = credentials().basic
    mayAsk()
    try {
      return await exchange(
        { ...outside, timeoutMs },
        {
          url,
          method: 'POST',
          headers: { authorization, accept: 'application/json', ...headers },
          body,
        },
      )
    } catch (cause) {
      throw unavailable('could not be reached, or its answer was lost', undefined, cause)
    }
  }

  async function token(
    form: { grant_type: string; refresh_token?: string } & Record<string, string>,
    refused: (answer: RawAnswer) => AppError,
  ): Promise<TokenGrant> {
    const answer = await post(settings.tokenUrl, new URLSearchParams(form).toString(), {
      'content-type': 'application/x-www-form-urlencoded',
      'x-include-refresh-token-hard-expires-in': 'true',
    })
    if (answer.status !== 200) throw tokenFault(answer, refused)
    return readGrant(answer, form.refresh_token)
  }

  return {
    authorizeUrl(state) {
      const url = new URL(settings.authorizeUrl)
      url.searchParams.set('client_id', credentials().id)
      url.searchParams.set('response_type', 'code')
      url.searchParams.set('scope', SCOPE)
      url.searchParams.set('redirect_uri', settings.redirectUri)
      url.searchParams.set('state', state)
      return url.href
    },

    exchangeCode: (code) =>
      token({ grant_type: 'authorization_code', code, redirect_uri: settings.redirectUri }, codeRefused),

    refresh: (refreshToken) =>
      token({ grant_type: 'refresh_token', refresh_token: refreshToken }, refreshRefused),

    async revoke(value) {
      const body = JSON.stringify({ token: value })
      const type = { 'content-type': 'application/json' }
      const answer = await post(settings.revokeUrl, body, type, Math.min(REVOKE_MS, outside.timeoutMs))
      if (answer.status !== 200) throw tokenFault(answer, refreshRefused)
    },
  }
}

/** What is missing or odd beside the tokens must not cost them: Intuit may have rotated them already. */
function readGrant(answer: RawAnswer, formerRefreshToken?: string): TokenGrant {
  const body = parse(answer.body) as Record<string, unknown>
  const { access_token: accessToken } = body
  // Without a new refresh token the former one stays good (RFC 6749 section 6).
  const refreshToken = body.refresh_token || formerRefreshToken
  if (typeof accessToken !== 'string' || accessToken === '' || typeof refreshToken !== 'string') {
    throw new AppError({
      code: 'OAUTH_ANSWER_UNREADABLE',
      status: 502,
      retry: 'later',
      message: 'Intuit answered the token request without usable tokens. The stored tokens were kept.',
      intuitTid: answer.intuitTid,
    })
  }
  return {
    accessToken,
    refreshToken,
    expiresIn: seconds(body.expires_in) ?? ACCESS_SECONDS,
    refreshExpiresIn: seconds(body.x_refresh_token_expires_in) ?? REFRESH_SECONDS,
    hardExpiresIn: seconds(body.x_refresh_token_hard_expires_in),
  }
}

/** A lifetime, also when it was sent as text; none is believed to be longer than any of Intuit's. */
function seconds(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number) || number <= 0) return undefined
  return Math.min(number, LONGEST_LIFE_SECONDS)
}

const LONGEST_LIFE_SECONDS = 10 * 365 * 86_400

/** RFC 6749 section 5.2; `error_description` is not passed on, since it can quote what was sent. */
function tokenFault(answer: RawAnswer, refused: (answer: RawAnswer) => AppError): AppError {
  const { error } = parse(answer.body) as { error?: unknown }
  if (error === 'invalid_grant') return refused(answer)
  const { intuitTid } = answer
  if (error === 'invalid_client' || error === 'unauthorized_client') {
    return new AppError({
      code: 'OAUTH_CREDENTIALS_REFUSED',
      status: 502,
      retry: 'never',
      message:
        'Intuit refuses QUICKBOOKS_CLIENT_ID and QUICKBOOKS_CLIENT_SECRET: compare them with the keys of your Intuit app, sandbox and production have their own. The stored tokens were kept.',
      intuitTid,
    })
  }
  return unavailable(`did not answer as it should (HTTP ${answer.status})`, intuitTid)
}

const unavailable = (what: string, intuitTid?: string, cause?: unknown) =>
  new AppError({
    code: 'OAUTH_UNAVAILABLE',
    status: 502,
    retry: 'later',
    message: `Intuit's token service ${what}; it is tried again. The stored tokens and the data at hand were kept.`,
    intuitTid,
    cause,
  })

const codeRefused = ({ intuitTid }: RawAnswer) =>
  new AppError({
    code: 'OAUTH_CODE_REFUSED',
    status: 400,
    message:
      'Intuit refused the code: it was used before, or is too old. Nothing was changed: open /connect again.',
    intuitTid,
  })

const refreshRefused = ({ intuitTid }: RawAnswer) => reconnectRequired(intuitTid)

const notConfigured = () =>
  new AppError({
    code: 'NOT_CONFIGURED',
    status: 409,
    message:
      'Set QUICKBOOKS_CLIENT_ID and QUICKBOOKS_CLIENT_SECRET (from your Intuit app), then start again.',
  })

function parse(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) ?? {}
  } catch {
    return {}
  }
}
