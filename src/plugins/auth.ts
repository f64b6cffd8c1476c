// Who may call what. Each route says its level in `config.access`; a route without one does not start. The admin key comes
// with the request, or its browser has signed in with it.
// Levels: open; signature (the route itself verifies one); search (SEARCH_API_KEY or ADMIN_API_KEY); admin (ADMIN_API_KEY); admin-page (admin, in a browser).
import { hash, timingSafeEqual } from 'node:crypto'
import cookies from '@fastify/cookie'
import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { AppError } from '../errors.ts'

/** What a browser that has signed in is known by. */
export const SESSION_COOKIE = 'mrp_session'

/** The level that a route asks for. `admin-page`: admin, by a browser that can only send HTTP Basic. */
export type Access = 'open' | 'signature' | 'search' | 'admin' | 'admin-page'

declare module 'fastify' {
  interface FastifyInstance {
    /** Throws 401 unless the request may do what an admin may: for an option of a route that is open to more. */
    assertAdmin(request: FastifyRequest, reply: FastifyReply): void
    /** Whether this is the admin key; guesses are counted. @throws AppError 429 */
    isAdminKey(request: FastifyRequest, reply: FastifyReply, key: string): Promise<boolean>
  }
  interface FastifyRequest {
    /** It came with the admin key, or from a browser that has signed in with it. */
    isAdmin: boolean
  }
  interface FastifyContextConfig {
    access?: Access
  }
}

/** The keys; with neither, everything is open to whoever can reach the service (see config.ts). */
export interface AuthOptions {
  adminKey: string | undefined
  searchKey: string | undefined
  /** Origins of web pages that may act without a key when none is configured. */
  corsOrigins: readonly string[]
  /** Where browsers reach the service: a proxy may tell it another host. */
  publicOrigin: string
  /** Under which host names the service answers when no key is configured. */
  answersTo: (hostname: string) => boolean
}

/** Guards every route registered after it. */
export default fp<AuthOptions>(
  async (app, { adminKey, searchKey, corsOrigins, publicOrigin, answersTo }) => {
    const admin = adminKey === undefined ? undefined : digest(adminKey)
    const search = searchKey === undefined ? undefined : digest(searchKey)
    const unprotected = admin === undefined
    // Only who asks for a cookie has it parsed: most requests are searches, which have none.
    await app.register(cookies, { hook: false })
    app.decorateRequest('isAdmin', false)
    app.decorate('assertAdmin', (request, reply) => {
      if (unprotected || request.isAdmin) return
      reply.header('www-authenticate', 'Bearer')
      throw unauthorized('admin', keyOf(request, 'admin') !== undefined)
    })
    app.decorate('isAdminKey', (request, reply, key) => isAdminKey(request, reply, digest(key)))
    if (unprotected) app.addHook('onRequest', ownHostOnly(answersTo))

    app.addHook('onRoute', (route) => {
      const access = route.config?.access
      if (access === undefined) throw new Error(`${route.method} ${route.url} has no config.access`)
      if (access === 'open' || access === 'signature') return
      if (unprotected && access === 'search') return
      const guard = unprotected ? sameSiteOnly([...corsOrigins, publicOrigin]) : bearer(access)
      // After the rate limit, which counts whoever asks.
      route.onRequest = [...[route.onRequest ?? []].flat(), guard]
    })

    function bearer(access: Access): onRequestHookHandler {
      return (request, reply, done) => {
        const given = keyOf(request, access)
        if (access === 'search' && isSame(search, given)) return done()
        adminOnly(request, reply, access, given).then(() => done(), done)
      }
    }

    async function isAdminKey(request: FastifyRequest, reply: FastifyReply, given: Buffer): Promise<boolean> {
      await app.assertFewWrongKeys(request, reply)
      if (isSame(admin, given)) return true
      if (!isSame(search, given)) await app.countWrongKey(request, reply)
      return false
    }

    async function adminOnly(
      request: FastifyRequest,
      reply: FastifyReply,
      access: Access,
      given: Buffer | undefined,
    ): Promise<void> {
      request.isAdmin =
        given === undefined ? await hasSession(request) : await isAdminKey(request, reply, given)
      if (request.isAdmin) {
        if (access !== 'search') await app.countAdminKey(request, reply)
        return
      }
      const scheme = access === 'admin-page' ? 'Basic realm="mrp-backend", charset="UTF-8"' : 'Bearer'
      reply.header('www-authenticate', scheme)
      throw unauthorized(access, given !== undefined)
    }

    /** Browsers send cookies whoever's page asks; only pages of our own may use this one. */
    async function hasSession(request: FastifyRequest): Promise<boolean> {
      const { headers } = request
      if (headers.cookie === undefined) return false
      const { [SESSION_COOKIE]: token } = app.parseCookie(headers.cookie)
      if (token === undefined || (await app.sessions?.expiryOf(token)) === undefined) return false
      const isBeside = headers['sec-fetch-site'] === 'same-site'
      if (isBeside || (isForeign(request) && headers.origin !== publicOrigin)) throw foreignPage()
      return true
    }
  },
  { name: 'auth', dependencies: ['errors', 'rate-limits', 'sessions'] },
)

/** In a time that says nothing about how much of a key was right. */
const isSame = (key: Buffer | undefined, given: Buffer | undefined): boolean =>
  key !== undefined && given !== undefined && timingSafeEqual(key, given)

/** The digest of the key that a request brought. */
function keyOf(request: FastifyRequest, access: Access): Buffer | undefined {
  const [, scheme = '', value = ''] =
    /^(Bearer|Basic) +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? []
  if (value === '') return undefined
  if (/^bearer$/i.test(scheme)) return digest(value)
  if (access !== 'admin-page') return undefined
  const pair = Buffer.from(value, 'base64').toString('utf8')
  return digest(pair.slice(pair.indexOf(':') + 1))
}

/**
 * A page anywhere can give its own name the address of this machine (DNS rebinding), and then counts as the same site.
 * The header is read as it came: such a page could send X-Forwarded-Host.
 */
function ownHostOnly(answersTo: AuthOptions['answersTo']): onRequestHookHandler {
  return ({ headers }, _reply, done) => {
    const name = URL.parse(`http://${headers.host}`)?.hostname.replace(/^\[(.*)\]$/, '$1')
    if (name !== undefined && answersTo(name)) return done()
    done(
      new AppError({
        code: 'FOREIGN_HOST',
        status: 403,
        message:
          'Without keys this service answers only to localhost and to the host of PUBLIC_URL: set PUBLIC_URL to the address that you use, or set ADMIN_API_KEY.',
      }),
    )
  }
}

/** Without keys a browser needs none either, so another site's page could act through it; browsers say when it does. */
function sameSiteOnly(origins: readonly string[]): onRequestHookHandler {
  return (request, _reply, done) => {
    const { headers, method } = request
    const navigation = headers['sec-fetch-mode'] === 'navigate' && method === 'GET'
    const allowed = headers.origin !== undefined && origins.includes(headers.origin)
    done(isForeign(request) && !navigation && !allowed ? crossSite() : undefined)
  }
}

/** Whether a browser says that a page of another site asks. Over plain http it leaves Sec-Fetch out, but not Origin. */
const isForeign = ({ headers, host }: FastifyRequest): boolean =>
  headers['sec-fetch-site'] === 'cross-site' ||
  (headers.origin !== undefined && URL.parse(headers.origin)?.host !== host)

const crossSite = () =>
  new AppError({
    code: 'CROSS_SITE',
    status: 403,
    message:
      'A page of another site may not do this: add its origin to CORS_ORIGINS, or set ADMIN_API_KEY and call with it.',
  })

/** For who is signed in: no setting lets another site use that. */
const foreignPage = () =>
  new AppError({
    code: 'CROSS_SITE',
    status: 403,
    message:
      'Only pages of this service may use that this browser is signed in. If this is one, the proxy in front does not tell the address that the browser has: set PUBLIC_URL to that, or let it pass on the header Host (docs/https.md).',
  })

const digest = (key: string): Buffer => hash('sha256', key, 'buffer')

const unauthorized = (access: Access, given: boolean) =>
  new AppError({
    code: 'UNAUTHORIZED',
    status: 401,
    message: `${given ? 'This key may not do that' : 'A key is needed'}: send Authorization: Bearer with ${access === 'search' ? 'SEARCH_API_KEY or ADMIN_API_KEY' : 'ADMIN_API_KEY'}.`,
  })
