// Signing in to the console: the admin key once, then a cookie for an hour. These routes are the console's own and may
// change with it, so they are not in the OpenAPI document.
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { AppError } from '../errors.ts'
import { isoOrNull } from '../services/clock.ts'
import { Time } from '../services/status.ts'

/** By which cookie browsers are known. */
export interface SessionRouteOptions {
  cookieName: string
}

const SessionAnswer = Type.Object({
  key_required: Type.Boolean({ description: 'false: no key is configured, and everybody may do everything' }),
  signed_in: Type.Boolean({ description: 'This browser may do what an admin may' }),
  expires_at: Time('When it has to sign in again'),
})

const routes: FastifyPluginAsyncTypebox<SessionRouteOptions> = async (app, { cookieName }) => {
  const { sessions } = app

  /** Whether the page came by https is for its origin to say: a proxy may not be trusted. */
  const cookieOf = ({ protocol, headers }: FastifyRequest) =>
    ({
      path: '/',
      httpOnly: true,
      sameSite: 'strict',
      secure: protocol === 'https' || headers.origin?.startsWith('https:') === true,
    }) as const

  const answer = (expiresAt: number | undefined) => ({
    key_required: sessions !== undefined,
    signed_in: sessions === undefined || expiresAt !== undefined,
    expires_at: isoOrNull(expiresAt),
  })

  const tokenOf = ({ headers }: FastifyRequest) => app.parseCookie(headers.cookie ?? '')[cookieName] ?? ''

  app.get(
    '/api/session',
    {
      config: { access: 'open' },
      schema: { hide: true, response: { 200: SessionAnswer } },
    },
    async (request) => answer(await sessions?.expiryOf(tokenOf(request))),
  )

  app.post(
    '/api/session',
    {
      config: { access: 'open', limit: 'connect' },
      schema: {
        hide: true,
        body: Type.Object(
          { key: Type.String({ maxLength: 1_000, description: 'ADMIN_API_KEY' }) },
          { additionalProperties: false },
        ),
        response: { 200: SessionAnswer },
      },
    },
    async (request, reply) => {
      if (sessions === undefined) return answer(undefined)
      if (!(await app.isAdminKey(request, reply, request.body.key))) throw wrongKey()
      const { token, expiresAt } = await sessions.begin()
      reply.setCookie(cookieName, token, { ...cookieOf(request), expires: new Date(expiresAt) })
      return answer(expiresAt)
    },
  )

  app.delete(
    '/api/session',
    {
      config: { access: 'open' },
      schema: { hide: true, response: { 200: SessionAnswer } },
    },
    async (request, reply) => {
      await sessions?.end(tokenOf(request))
      reply.clearCookie(cookieName, cookieOf(request))
      return answer(undefined)
    },
  )
}

const wrongKey = () =>
  new AppError({
    code: 'UNAUTHORIZED',
    status: 401,
    message: 'This is not the admin key: it is what ADMIN_API_KEY is set to where the service runs.',
  })

export default fp(routes, {
  name: 'session-routes',
  encapsulate: true,
  dependencies: ['sessions', 'auth', 'errors'],
})
