/**
 * The part of OAuth2 that happens in a browser: Intuit's consent page, which redirects back or, for a broken request, must
 * not; and the discovery document that says where everything is.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Behaviour } from '../behaviour.ts'
import { escapeXml } from '../json.ts'
import type { Grants } from './grants.ts'

export interface ConsentDeps {
  readonly clientId: string
  readonly realmId: string
  readonly companyName: string
  readonly behaviour: Behaviour
  readonly grants: Grants
}

const KNOWN_SCOPES = new Set([
  'com.intuit.quickbooks.accounting',
  'com.intuit.quickbooks.payment',
  'openid',
  'profile',
  'email',
  'phone',
  'address',
])

export const NO_STORE = { 'cache-control': 'no-cache, no-store', pragma: 'no-cache' }

function page(reply: FastifyReply, status: number, title: string, body: string): FastifyReply {
  return reply
    .code(status)
    .headers({ 'content-type': 'text/html; charset=utf-8', ...NO_STORE })
    .send(
      `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeXml(title)}</title></head><body><main><h1>${escapeXml(title)}</h1>${body}</main></body></html>`,
    )
}

function withQuery(uri: string, parameters: Record<string, string>): string {
  const url = new URL(uri)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

/** What is wrong with an authorize request that may not be redirected anywhere; undefined if nothing is. */
function brokenRequest(deps: ConsentDeps, query: Record<string, string>): string | undefined {
  if (query.client_id !== deps.clientId) return 'The client_id query parameter is missing or invalid.'
  const redirectUri = query.redirect_uri ?? ''
  const registered = deps.behaviour.redirectUris
  const known = registered === 'any' ? URL.canParse(redirectUri) : registered.includes(redirectUri)
  if (!known)
    return 'The redirect_uri query parameter value is invalid. Make sure it is listed in the Redirect URIs.'
  if (query.response_type !== 'code') return 'The response_type query parameter value is missing or invalid.'
  const scopes = (query.scope ?? '').split(' ').filter((scope) => scope !== '')
  if (scopes.length === 0 || !scopes.every((scope) => KNOWN_SCOPES.has(scope))) {
    return 'The scope query parameter value is missing or invalid.'
  }
  return query.state ? undefined : 'The state query parameter is missing.'
}

export function registerAuthorize(app: FastifyInstance, deps: ConsentDeps): void {
  app.get('/connect/oauth2', async (request, reply) => {
    const query = request.query as Record<string, string>
    const problem = brokenRequest(deps, query)
    if (problem !== undefined)
      return page(reply, 400, 'Sorry, but this app cannot connect', `<p>${problem}</p>`)
    const { redirect_uri: redirectUri = '', state = '', scope = '' } = query
    const refused = withQuery(redirectUri, { error: 'access_denied', state })
    const allow = () => {
      const realmId = deps.behaviour.consentRealmId ?? deps.realmId
      return withQuery(redirectUri, {
        code: deps.grants.authorize(realmId, scope, redirectUri),
        state,
        realmId,
      })
    }
    const { consent } = deps.behaviour
    if (consent === 'auto') return reply.headers(NO_STORE).redirect(allow(), 302)
    if (consent === 'deny') return reply.headers(NO_STORE).redirect(refused, 302)
    const link = (href: string, label: string) =>
      `<p><a role="button" href="${escapeXml(href)}">${label}</a></p>`
    const question = `<p>Let this app read and write the data of ${escapeXml(deps.companyName)}?</p>`
    return page(
      reply,
      200,
      'Connect to QuickBooks',
      question + link(allow(), 'Connect') + link(refused, 'Cancel'),
    )
  })
}

export function registerDiscovery(app: FastifyInstance): void {
  const document = async (request: FastifyRequest) => {
    const base = `${request.protocol}://${request.host}`
    return {
      issuer: `${base}/op/v1`,
      authorization_endpoint: `${base}/connect/oauth2`,
      token_endpoint: `${base}/oauth2/v1/tokens/bearer`,
      userinfo_endpoint: `${base}/v1/openid_connect/userinfo`,
      revocation_endpoint: `${base}/v2/oauth2/tokens/revoke`,
      jwks_uri: `${base}/op/v1/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      scopes_supported: ['openid', 'email', 'profile', 'address', 'phone'],
      token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
      claims_supported: ['aud', 'exp', 'iat', 'iss', 'realmid', 'sub'],
    }
  }
  app.get('/.well-known/openid_configuration', document)
  app.get('/.well-known/openid_sandbox_configuration', document)
}
