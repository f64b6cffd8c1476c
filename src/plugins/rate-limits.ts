// How often one address may ask, and one key. Search is generous, the rest is strict; what is left is told with each
// answer (draft-ietf-httpapi-ratelimit-headers-10). The search key has no limit of its own: it stands in web pages, and
// whoever took it from one could use it up for all.
import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { AppError, stopped } from '../errors.ts'

type Done = Parameters<FastifyRateLimitStore['incr']>[1]
type Check = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts a request with the admin key, from wherever it came. @throws AppError 429 */
    countAdminKey: Check
    /** Counts a key that there is not. @throws AppError 429 */
    countWrongKey: Check
    /** @throws AppError 429 when so many wrong keys came from there that the next one is not looked at. */
    assertFewWrongKeys: Check
  }
  interface FastifyContextConfig {
    /** Another limit than that of the route's `access`. */
    limit?: 'connect'
  }
}

/** What one address may ask. */
export interface RateLimitsOptions {
  searchPerMinute: number
  adminPerMinute: number
}

/** So many requests in each minute. */
interface Policy {
  name: string
  quota: number
}

const WINDOW_SECONDS = 60
/** More posts than Intuit sends, fewer than it takes to keep this service from its work. */
const WEBHOOKS = 60_000
/** Of people who connect a company. */
const CONNECTS = 120
/** Pages with a former key are no guessers, and a guesser gets nowhere with so few. */
const WRONG_KEYS: Policy = { name: 'wrong-keys', quota: 100 }

/** Addresses that are remembered; the one whose window began first is forgotten. */
const MOST_REMEMBERED = 10_000

/** Counts by a clock that nobody sets back: the machine's own would lock clients out for as long as it went back. */
class Windows implements FastifyRateLimitStore {
  readonly #windows = new Map<string, { count: number; end: number }>()

  child(): Windows {
    return new Windows()
  }

  incr(key: string, done: Done, windowMs: number): void {
    const now = performance.now()
    let window = this.#windows.get(key)
    if (window === undefined || window.end <= now) {
      this.#windows.delete(key)
      window = { count: 0, end: now + windowMs }
      this.#windows.set(key, window)
      const [oldest = key] = this.#windows.keys()
      if (this.#windows.size > MOST_REMEMBERED) this.#windows.delete(oldest)
    }
    window.count += 1
    done(null, { current: window.count, ttl: window.end - now })
  }

  read(key: string, done: Done): void {
    const { count, end } = this.#windows.get(key) ?? { count: 0, end: 0 }
    const ttl = end - performance.now()
    done(null, ttl > 0 ? { current: count, ttl } : { current: 0, ttl: 0 })
  }
}

/** Guards every route registered after it. */
export default fp<RateLimitsOptions>(
  async (app, { searchPerMinute, adminPerMinute }) => {
    await app.register(rateLimit, { global: false, store: Windows })
    const admin = { name: 'admin', quota: adminPerMinute }
    const limits = {
      search: limit({ name: 'search', quota: searchPerMinute }),
      webhooks: limit({ name: 'webhooks', quota: WEBHOOKS }),
      admin: limit(admin),
      connect: limit({ name: 'connect', quota: CONNECTS }),
    }
    const ofAccess = {
      open: limits.search,
      search: limits.search,
      signature: limits.webhooks,
      admin: limits.admin,
      'admin-page': limits.admin,
    }
    app.addHook('onRoute', (route) => {
      const { access = 'open', limit } = route.config ?? {}
      const check = limit === undefined ? ofAccess[access] : limits[limit]
      route.onRequest = [check, ...[route.onRequest ?? []].flat()]
    })

    app.decorate(
      'countAdminKey',
      limit({ ...admin, name: 'admin-key' }, () => 'admin'),
    )
    const wrongKeys = counter(WRONG_KEYS)
    app.decorate('countWrongKey', async (request) => void (await wrongKeys(request)))
    app.decorate('assertFewWrongKeys', async (request, reply) => {
      const counted = await wrongKeys(request, { increment: false })
      if (!counted.isAllowed && counted.remaining === 0) refuse(reply, WRONG_KEYS, counted.ttlInSeconds)
    })

    function counter({ quota }: Policy, keyGenerator?: () => string) {
      return app.createRateLimit({
        max: quota,
        timeWindow: WINDOW_SECONDS * 1000,
        ...(keyGenerator && { keyGenerator }),
      })
    }

    /** By address, and told with each answer, unless another way to tell requests apart is given. */
    function limit(policy: Policy, keyGenerator?: () => string): Check {
      const count = counter(policy, keyGenerator)
      return async (request, reply) => {
        // Its connection is gone, and with it the address.
        if (request.ip === undefined) throw stopped()
        const counted = await count(request)
        if (counted.isAllowed) return
        if (counted.isExceeded) refuse(reply, policy, counted.ttlInSeconds)
        if (keyGenerator === undefined) tell(reply, policy, counted.remaining, counted.ttlInSeconds)
      }
    }
  },
  { name: 'rate-limits', dependencies: ['errors'] },
)

function tell(reply: FastifyReply, { name, quota }: Policy, left: number, resetSeconds: number): void {
  reply.header('ratelimit-policy', `"${name}";q=${quota};w=${WINDOW_SECONDS}`)
  reply.header('ratelimit', `"${name}";r=${left};t=${resetSeconds}`)
}

function refuse(reply: FastifyReply, policy: Policy, resetSeconds: number): never {
  tell(reply, policy, 0, resetSeconds)
  throw new AppError({
    code: 'RATE_LIMITED',
    status: 429,
    retry: 'later',
    message: `Too many requests (${policy.name}): ${policy.quota} are answered in a minute. Nothing was done: ask again in ${resetSeconds} s.`,
    retryAfterSeconds: resetSeconds,
  })
}
