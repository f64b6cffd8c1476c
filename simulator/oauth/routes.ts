/**
 * The part of OAuth2 between servers: the token endpoint (codes and refreshes) and revocation. What a grant is worth is
 * decided in grants.ts; here is only the protocol around it.
 */
import { timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Answer } from '../answer.ts'
import { drawLatency } from '../behaviour.ts'
import type { Clock } from '../clock.ts'
import { deliver, sleep } from '../deliver.ts'
import type { FaultQueue, Operation } from '../faults.ts'
import type { Fields } from '../json.ts'
import type { Meter } from '../meter.ts'
import { type ConsentDeps, NO_STORE, registerAuthorize, registerDiscovery } from './consent.ts'
import { GrantError, type IssuedTokens } from './grants.ts'

export interface OAuthDeps extends ConsentDeps {
  readonly clientSecret: string
  readonly clock: Clock
  readonly faults: FaultQueue
  readonly meter: Meter
  readonly random: () => number
}

function basicMatches(deps: OAuthDeps, request: FastifyRequest): boolean {
  const encoded = /^Basic\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const given = Buffer.from(encoded, 'base64')
  const wanted = Buffer.from(`${deps.clientId}:${deps.clientSecret}`)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

function tokenBody(issued: IssuedTokens, withHardExpiry: boolean): Fields {
  return {
    token_type: 'bearer',
    access_token: issued.accessToken,
    refresh_token: issued.refreshToken,
    expires_in: issued.accessLifeSeconds,
    x_refresh_token_expires_in: issued.refreshLifeSeconds,
    ...(issued.scope.split(' ').includes('openid') && {
      id_token: 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJzaW11bGF0b3IifQ.',
    }),
    ...(withHardExpiry && { x_refresh_token_hard_expires_in: issued.hardLifeSeconds }),
  }
}

function oauthError(status: number, error: string, description?: string): Answer {
  return { status, body: { error, error_description: description }, headers: NO_STORE }
}

function answerToken(deps: OAuthDeps, request: FastifyRequest, form: Record<string, string>): Answer {
  if (!basicMatches(deps, request)) return oauthError(401, 'invalid_client')
  const withHardExpiry = request.headers['x-include-refresh-token-hard-expires-in'] === 'true'
  try {
    switch (form.grant_type) {
      case 'authorization_code': {
        const { code, redirect_uri: redirectUri } = form
        if (!code || !redirectUri)
          return oauthError(400, 'invalid_request', 'code and redirect_uri are required')
        const issued = deps.grants.exchange(code, redirectUri)
        return { status: 200, body: tokenBody(issued, withHardExpiry), headers: NO_STORE }
      }
      case 'refresh_token': {
        if (!form.refresh_token) return oauthError(400, 'invalid_request', 'refresh_token is required')
        const issued = deps.grants.refresh(form.refresh_token)
        return { status: 200, body: tokenBody(issued, withHardExpiry), headers: NO_STORE }
      }
      case undefined:
        return oauthError(400, 'invalid_request', 'grant_type is required')
      default:
        return oauthError(400, 'unsupported_grant_type')
    }
  } catch (error) {
    if (!(error instanceof GrantError)) throw error
    return oauthError(400, error.error, error.message)
  }
}

function answerRevoke(deps: OAuthDeps, request: FastifyRequest): Answer {
  if (!basicMatches(deps, request)) return oauthError(401, 'invalid_client')
  const isJson = request.headers['content-type']?.startsWith('application/json') === true
  const { token } = (isJson && request.body !== null ? request.body : {}) as { token?: unknown }
  if (typeof token !== 'string') return oauthError(400, 'invalid_request', 'token is required')
  try {
    deps.grants.revoke(token)
    return { status: 200, body: '', headers: NO_STORE }
  } catch (error) {
    if (!(error instanceof GrantError)) throw error
    return oauthError(400, error.error, error.message)
  }
}

export function registerOAuth(app: FastifyInstance, deps: OAuthDeps): void {
  const { clock, behaviour, meter } = deps

  /** The state changes first and the answer travels later, so that a lost or overlapping answer costs what it costs. */
  async function serve(
    request: FastifyRequest,
    reply: FastifyReply,
    operation: Operation,
    work: () => Answer,
  ) {
    const at = clock.now()
    const fault = deps.faults.take(operation)
    let done: Answer | undefined
    const once = () => {
      done ??= work()
      return done
    }
    const strikesBefore = fault !== undefined && fault.kind !== 'lostTokenAnswer' && fault.kind !== 'slow'
    if (!strikesBefore) once()
    const latency = drawLatency(behaviour.tokenLatencyMs, deps.random)
    if (latency > 0) await sleep(latency)
    const { status } = await deliver({ reply, fault, asXml: false, now: clock.now(), work: once })
    const path = request.url.split('?')[0] ?? request.url
    meter.record({ at, method: request.method, path, operation: operation.name, status }, operation, false)
    return reply
  }

  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => Object.fromEntries(new URLSearchParams(body)),
  )
  registerAuthorize(app, deps)
  registerDiscovery(app)

  app.post('/oauth2/v1/tokens/bearer', async (request, reply) => {
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true
    const form = isForm ? (request.body as Record<string, string>) : {}
    const name = form.grant_type === 'refresh_token' ? 'refresh' : 'token'
    const operation: Operation = { name, entities: [], statement: request.url }
    const token = name === 'refresh' && basicMatches(deps, request) ? form.refresh_token : undefined
    if (token === undefined) return serve(request, reply, operation, () => answerToken(deps, request, form))
    return serveRefresh(request, reply, operation, form, token)
  })

  async function serveRefresh(
    request: FastifyRequest,
    reply: FastifyReply,
    operation: Operation,
    form: Record<string, string>,
    token: string,
  ) {
    let end = () => {}
    const work = () => {
      try {
        end = deps.grants.beginRefresh(token)
      } catch (error) {
        if (!(error instanceof GrantError)) throw error
        return oauthError(400, error.error, error.message)
      }
      return answerToken(deps, request, form)
    }
    try {
      return await serve(request, reply, operation, work)
    } finally {
      end()
    }
  }

  app.post('/v2/oauth2/tokens/revoke', (request, reply) => {
    const operation: Operation = { name: 'revoke', entities: [], statement: request.url }
    return serve(request, reply, operation, () => answerRevoke(deps, request))
  })
}
