// Connecting and disconnecting QuickBooks, for a browser and for the MRP's own pages.
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { AppError, reasonOf } from '../errors.ts'
import { type Clock, isoOrNull, PATIENCE_MS, within } from '../services/clock.ts'
import { unreachable } from '../services/qbo/faults.ts'
import { ConnectionStatus, Time } from '../services/status.ts'
import type { ConsentReturn } from '../services/tokens/consent.ts'
import { randomToken } from '../services/tokens/secrets.ts'

/** What the routes tell about the configuration, no secret among it; and the time in which clients wait. */
export interface OAuthRouteOptions {
  redirectUri: string
  baseUrl: string
  environment: string
  clientId: string | undefined
  clock: Clock
}

const COOKIE = 'mrp_connect'
const COOKIE_SECONDS = 600

const redirect = (description: string) =>
  Type.Null({ description, headers: { location: { type: 'string', description: 'Where to' } } })

const routes: FastifyPluginAsyncTypebox<OAuthRouteOptions> = async (app, options) => {
  const { consent, problems, replica, sync, qbo, readStatus, log } = app
  const { keeper } = app.tokens
  let disconnecting: ReturnType<typeof disconnectNow> | undefined
  const finish = replica.atLeader('connect', async (answer: ConsentReturn) => {
    const done = await consent.finish(answer).catch((error) => {
      // Whoever comes back to the page later should see why.
      if (error.code === 'OAUTH_CREDENTIALS_REFUSED') problems.note('connection', error)
      throw error
    })
    void sync.refreshDue({ connected: true })
    return done
  })
  const disconnect = replica.atLeader('disconnect', async () => {
    disconnecting ??= disconnectNow().finally(() => {
      disconnecting = undefined
    })
    const done = await within(PATIENCE_MS, disconnecting, options.clock)
    if (done !== undefined) return done
    disconnecting.catch(logUndone)
    throw disconnectGoesOn()
  })
  const companyName = replica.atLeader('test', async () => {
    const over = new AbortController()
    const asked = qbo.companyName(over.signal)
    const name = await within(PATIENCE_MS, asked, options.clock)
    if (name !== undefined) return name
    asked.catch(() => undefined)
    over.abort()
    throw unreachable(undefined)
  })
  const home = new URL(options.redirectUri)
  const cookie = { path: '/', httpOnly: true, sameSite: 'lax', secure: home.protocol === 'https:' } as const

  const browserOf = ({ headers }: FastifyRequest) => app.parseCookie(headers.cookie ?? '')[COOKIE]

  // No route here takes a body: one that comes anyway, of any type or none, is dropped.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null))

  app.get(
    '/connect',
    {
      // HEAD would start, or spend, a state.
      exposeHeadRoute: false,
      config: { access: 'admin-page', limit: 'connect' },
      schema: {
        operationId: 'connect',
        summary: 'Connect QuickBooks, in a browser',
        description:
          "Sends the browser to Intuit's consent page, bound to this browser by a cookie. On another host than the redirect URI's it first goes there, so that the cookie fits the callback.",
        tags: ['connection'],
        querystring: Type.Object(
          {
            moved: Type.Optional(Type.Literal('1', { description: 'Set by the redirect to the right host' })),
          },
          { additionalProperties: false },
        ),
        response: { 302: redirect('To Intuit') },
      },
    },
    async (request, reply) => {
      if (request.host !== home.host && request.query.moved === undefined) {
        return reply.redirect(`${home.origin}/connect?moved=1`)
      }
      const browser = browserOf(request) ?? randomToken()
      const { authUrl } = await consent.start(browser)
      reply.setCookie(COOKIE, browser, { ...cookie, maxAge: COOKIE_SECONDS })
      return reply.redirect(authUrl)
    },
  )

  app.get(
    '/callback',
    {
      // HEAD would start, or spend, a state.
      exposeHeadRoute: false,
      config: { access: 'open', limit: 'connect', isAnsweredUnderPressure: true },
      schema: {
        operationId: 'callback',
        summary: 'Where Intuit sends the browser back',
        tags: ['connection'],
        querystring: Type.Object(
          {
            state: Type.Optional(Type.String({ maxLength: 512 })),
            code: Type.Optional(Type.String({ maxLength: 2048 })),
            realmId: Type.Optional(Type.String({ maxLength: 64 })),
            error: Type.Optional(Type.String({ maxLength: 512 })),
          },
          // Intuit may add parameters; what is not named here is ignored.
          { additionalProperties: true },
        ),
        response: {
          200: Type.Object(
            { message: Type.String(), company_id: Type.String(), expires_in: Type.Integer() },
            { description: 'Connected; for a client that takes JSON only' },
          ),
          302: redirect('To the page of this service, with `connect_error` where it was not connected'),
        },
      },
    },
    async (request, reply) => {
      try {
        const { state, code, realmId: company, error } = request.query
        const browser = browserOf(request)
        const { realmId, expiresIn } = await finish({ state, code, realmId: company, error, browser })
        // The cookie stays until it expires: another tab of this browser may be on its way back with a state of its own.
        if (prefers(request) !== 'json') return reply.redirect('/')
        const message = 'QuickBooks connected; the first refresh runs'
        return { message, company_id: realmId, expires_in: expiresIn }
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        log.warn({ code: error.code, intuitTid: error.intuitTid }, 'QuickBooks not connected')
        if (prefers(request) !== 'html') throw error
        return reply.redirect(`/?connect_error=${error.code}`)
      }
    },
  )

  app.get(
    '/api/auth/url',
    {
      config: { access: 'admin', errorInWords: true, limit: 'connect' },
      schema: {
        operationId: 'authUrl',
        summary: "Intuit's consent page, for the MRP's own Connect button",
        description: 'The state in it is single use and good for ten minutes; it is not bound to a browser.',
        tags: ['connection'],
        response: {
          200: Type.Object(
            { auth_url: Type.String(), state: Type.String() },
            { description: 'Where to send the browser' },
          ),
        },
      },
    },
    async () => {
      const { authUrl, state } = await consent.start()
      return { auth_url: authUrl, state }
    },
  )

  app.get(
    '/api/auth/status',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'authStatus',
        summary: 'The state of the connection',
        tags: ['connection'],
        response: {
          200: Type.Object(
            {
              connection_status: ConnectionStatus,
              is_authenticated: Type.Boolean(),
              company_id: Type.Union([Type.String(), Type.Null()]),
              connected_at: Time('When consent was given'),
              access_token_expires_at: Time('It is renewed before'),
              refresh_token_expires_at: Time(
                'When the connection dies if the service does not run until then',
              ),
              consent_expires_at: Time('When a person must connect again'),
            },
            { description: 'The connection' },
          ),
        },
      },
    },
    async () => {
      const { connection_status, is_authenticated } = await readStatus()
      const connection = keeper.connection()
      return {
        connection_status,
        is_authenticated,
        company_id: connection?.realmId ?? null,
        connected_at: isoOrNull(connection?.connectedAt),
        access_token_expires_at: isoOrNull(connection?.accessExpiresAt),
        refresh_token_expires_at: isoOrNull(connection?.refreshExpiresAt),
        consent_expires_at: isoOrNull(connection?.consentExpiresAt),
      }
    },
  )

  app.post(
    '/api/disconnect',
    {
      config: { access: 'admin', errorInWords: true },
      schema: {
        operationId: 'disconnect',
        summary: 'Disconnect QuickBooks',
        description: 'Revokes the tokens at Intuit, then forgets them and all cached data.',
        tags: ['connection'],
        response: {
          200: Type.Object(
            {
              success: Type.Boolean(),
              message: Type.String(),
              revoked: Type.Boolean({ description: 'Whether Intuit confirmed it' }),
            },
            { description: 'Forgotten' },
          ),
        },
      },
    },
    () => disconnect(null),
  )

  const logUndone = (error: unknown) => log.warn({ reason: reasonOf(error) }, 'QuickBooks not disconnected')

  /** Forgets everything; a second call meanwhile joins the first, whose answer from Intuit is the one that counts. */
  async function disconnectNow() {
    const connected = keeper.connection() !== undefined
    await sync.stop()
    const { revoked } = await keeper.disconnect().catch(async (error) => {
      await sync.resume()
      throw error
    })
    await sync.forget()
    await app.database.shrink().catch((error) => {
      log.error({ reason: reasonOf(error) }, 'What was deleted can still be read in the database file')
    })
    if (!connected) return { success: true, message: 'QuickBooks was not connected', revoked }
    const message = revoked
      ? 'QuickBooks disconnected; tokens and cached data were deleted'
      : 'Tokens and cached data were deleted, but Intuit did not confirm: remove the app in QuickBooks under Apps, My apps'
    return { success: true, message, revoked }
  }

  app.get(
    '/api/test',
    {
      config: { access: 'admin', errorInWords: true },
      schema: {
        operationId: 'testConnection',
        summary: 'Try the connection: asks QuickBooks for the company',
        tags: ['connection'],
        response: {
          200: Type.Object(
            {
              success: Type.Boolean(),
              message: Type.String(),
              company_name: Type.String(),
              company_id: Type.String(),
            },
            { description: 'QuickBooks answers' },
          ),
        },
      },
    },
    async () => {
      const company_name = await companyName(null)
      const company_id = keeper.connection()?.realmId ?? ''
      return { success: true, message: 'QuickBooks answers', company_name, company_id }
    },
  )

  app.get(
    '/api/config',
    {
      config: { access: 'admin', errorInWords: true },
      schema: {
        operationId: 'configInForce',
        summary: 'The configuration in force, without secrets',
        tags: ['connection'],
        response: {
          200: Type.Object(
            {
              company_id: Type.Union([Type.String(), Type.Null()]),
              client_id: Type.Union([Type.String(), Type.Null()], { description: 'Shortened' }),
              has_access_token: Type.Boolean(),
              has_refresh_token: Type.Boolean(),
              token_expires_at: Time('Of the access token; it is renewed before'),
              redirect_uri: Type.String(),
              base_url: Type.String(),
              environment: Type.String(),
            },
            { description: 'The configuration' },
          ),
        },
      },
    },
    async () => {
      const connection = keeper.connection()
      return {
        company_id: connection?.realmId ?? null,
        client_id: options.clientId === undefined ? null : `${options.clientId.slice(0, 6)}…`,
        has_access_token: connection !== undefined,
        has_refresh_token: connection !== undefined,
        token_expires_at: isoOrNull(connection?.accessExpiresAt),
        redirect_uri: options.redirectUri,
        base_url: options.baseUrl,
        environment: options.environment,
      }
    },
  )
}

const disconnectGoesOn = () =>
  new AppError({
    code: 'DISCONNECT_GOES_ON',
    status: 503,
    retry: 'later',
    message:
      'Disconnecting takes longer, since Intuit does not answer, and goes on: GET /api/cache/status shows when it is done. Nothing has to be repeated.',
    retryAfterSeconds: 60,
  })

/** A browser asks for HTML; a program that asks for JSON only gets JSON; anything else is redirected. */
function prefers({ headers: { accept = '' } }: FastifyRequest): 'html' | 'json' | 'any' {
  if (/text\/html/i.test(accept)) return 'html'
  return /json/i.test(accept) && !accept.includes('*/*') ? 'json' : 'any'
}

export default fp(routes, {
  name: 'oauth-routes',
  encapsulate: true,
  dependencies: ['database', 'problems', 'tokens', 'consent', 'qbo', 'replica', 'auth', 'errors'],
})
