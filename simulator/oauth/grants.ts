/**
 * Who may do what: authorization codes, and one chain of tokens per consent. A chain lives until it is revoked, its
 * refresh token dies of age, or, if so switched, somebody uses a token that rotation had already replaced.
 */
import type { Behaviour } from '../behaviour.ts'
import type { Clock } from '../clock.ts'

export interface Chain {
  readonly realmId: string
  readonly scope: string
  readonly consentedAt: number
  refreshToken: string
  refreshIssuedAt: number
  /** Replaced refresh tokens, and until when each still works. */
  readonly previous: Map<string, number>
  /** Access tokens and when each expires. */
  readonly access: Map<string, number>
  revoked: boolean
}

export interface Code {
  readonly realmId: string
  readonly scope: string
  readonly redirectUri: string
  readonly expiresAt: number
  chain: Chain | undefined
}

export interface IssuedTokens {
  readonly accessToken: string
  readonly refreshToken: string
  readonly accessLifeSeconds: number
  readonly refreshLifeSeconds: number
  readonly hardLifeSeconds: number
  readonly scope: string
}

/** The token endpoint refuses: an OAuth2 error code and Intuit's description. */
export class GrantError extends Error {
  override readonly name = 'GrantError'
  readonly error: string

  constructor(error: string, description: string) {
    super(description)
    this.error = error
  }
}

export interface Grants {
  readonly chains: readonly Chain[]
  authorize(realmId: string, scope: string, redirectUri: string): string
  exchange(code: string, redirectUri: string): IssuedTokens
  refresh(token: string): IssuedTokens
  /** A refresh with this token is being answered; a second one meanwhile is a double refresh. */
  beginRefresh(token: string): () => void
  revoke(token: string): void
  grant(realmId: string): IssuedTokens
  check(accessToken: string): { realmId: string } | 'malformed' | 'expired'
  expireAccessTokens(): void
  revokeAll(): void
  rotateNext(): void
}

const DAY_MS = 86_400_000
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

export interface GrantsOptions {
  readonly behaviour: Behaviour
  readonly clock: Clock
  readonly random: () => number
}

export function createGrants({ behaviour, clock, random }: GrantsOptions): Grants {
  const chains: Chain[] = []
  const codes = new Map<string, Code>()
  const refreshing = new Set<string>()
  let rotateOnce = false

  function letters(length: number): string {
    return Array.from({ length }, () => BASE64URL.charAt(Math.floor(random() * 64))).join('')
  }

  /** Five parts like a real JWE, about 1 kB; nothing inside means anything. */
  const newAccessToken = () => `eyJlbmMi${letters(60)}..${letters(22)}.${letters(880)}.${letters(22)}`
  const newRefreshToken = (now: number) =>
    `RT1-${Math.floor(random() * 200)}-H0-${Math.floor(now / 1000) + behaviour.refreshLifeSeconds}${letters(20).toLowerCase().replace(/[-_]/g, 'x')}`

  function revokeChain(chain: Chain): void {
    chain.revoked = true
    chain.access.clear()
  }

  /** `now` is the same for everything in one request, so that a fresh token has its whole life ahead. */
  function issue(chain: Chain, now: number): IssuedTokens {
    const accessToken = newAccessToken()
    for (const [token, expiresAt] of chain.access) if (expiresAt <= now) chain.access.delete(token)
    chain.access.set(accessToken, now + behaviour.accessLifeSeconds * 1000)
    const hardEnd = chain.consentedAt + behaviour.refreshHardLifeSeconds * 1000
    const rollingEnd = chain.refreshIssuedAt + behaviour.refreshLifeSeconds * 1000
    return {
      accessToken,
      refreshToken: chain.refreshToken,
      accessLifeSeconds: behaviour.accessLifeSeconds,
      refreshLifeSeconds: Math.floor((Math.min(rollingEnd, hardEnd) - now) / 1000),
      hardLifeSeconds: Math.floor((hardEnd - now) / 1000),
      scope: chain.scope,
    }
  }

  function startChain(realmId: string, scope: string, now: number): Chain {
    const chain: Chain = {
      realmId,
      scope,
      consentedAt: now,
      refreshToken: newRefreshToken(now),
      refreshIssuedAt: now,
      previous: new Map(),
      access: new Map(),
      revoked: false,
    }
    chains.push(chain)
    return chain
  }

  function rotate(chain: Chain, now: number): void {
    const due =
      behaviour.rotation === 'always' ||
      (behaviour.rotation === 'daily' && now - chain.refreshIssuedAt >= DAY_MS)
    if (!due && !rotateOnce) return
    rotateOnce = false
    chain.previous.set(chain.refreshToken, behaviour.previousToken === 'grace' ? now + DAY_MS : now)
    chain.refreshToken = newRefreshToken(now)
    chain.refreshIssuedAt = now
  }

  const invalidRefresh = () => new GrantError('invalid_grant', 'Incorrect or invalid refresh token')

  /** The chain that this refresh token may still refresh; punishes a token that is dead. */
  function refreshable(token: string, now: number): Chain {
    const chain = chains.find((each) => each.refreshToken === token || each.previous.has(token))
    if (!chain || chain.revoked) throw invalidRefresh()
    const deadAt = chain.previous.get(token)
    if (deadAt !== undefined && now >= deadAt) {
      if (behaviour.doubleRefreshRevokes) revokeChain(chain)
      throw invalidRefresh()
    }
    const rollingEnd = chain.refreshIssuedAt + behaviour.refreshLifeSeconds * 1000
    const hardEnd = chain.consentedAt + behaviour.refreshHardLifeSeconds * 1000
    if (now >= rollingEnd || now >= hardEnd) throw new GrantError('invalid_grant', 'Token invalid')
    return chain
  }

  return {
    chains,
    authorize(realmId, scope, redirectUri) {
      const code = `XAB1${letters(46)}`
      const expiresAt = clock.now() + behaviour.codeLifeSeconds * 1000
      codes.set(code, { realmId, scope, redirectUri, expiresAt, chain: undefined })
      return code
    },
    exchange(value, redirectUri) {
      const code = codes.get(value)
      if (code?.chain && behaviour.codeReuseRevokes) revokeChain(code.chain)
      const now = clock.now()
      if (!code || code.chain || now >= code.expiresAt || code.redirectUri !== redirectUri) {
        throw new GrantError('invalid_grant', 'Invalid authorization code')
      }
      code.chain = startChain(code.realmId, code.scope, now)
      return issue(code.chain, now)
    },
    refresh(token) {
      const now = clock.now()
      const chain = refreshable(token, now)
      // A grace token answers with the tokens of its successor and does not rotate again.
      if (chain.refreshToken === token) rotate(chain, now)
      return issue(chain, now)
    },
    beginRefresh(token) {
      if (refreshing.has(token)) {
        const chain = chains.find((each) => each.refreshToken === token || each.previous.has(token))
        if (chain && behaviour.doubleRefreshRevokes) revokeChain(chain)
        throw invalidRefresh()
      }
      refreshing.add(token)
      return () => {
        refreshing.delete(token)
      }
    },
    revoke(token) {
      const chain = chains.find(
        (each) => !each.revoked && (each.refreshToken === token || each.access.has(token)),
      )
      if (!chain) throw new GrantError('invalid_request', 'Token invalid')
      for (const each of chains) if (each.realmId === chain.realmId) revokeChain(each)
    },
    grant(realmId) {
      const now = clock.now()
      return issue(startChain(realmId, 'com.intuit.quickbooks.accounting', now), now)
    },
    check(accessToken) {
      if (accessToken.length < 40 || accessToken.length > 4096) return 'malformed'
      const chain = chains.find((each) => (each.access.get(accessToken) ?? 0) > clock.now())
      return chain && !chain.revoked ? { realmId: chain.realmId } : 'expired'
    },
    expireAccessTokens() {
      for (const chain of chains) chain.access.clear()
    },
    revokeAll() {
      for (const chain of chains) revokeChain(chain)
    },
    rotateNext() {
      rotateOnce = true
    },
  }
}
