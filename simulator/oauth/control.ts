/**
 * What a test may see and force in the token world: the state of the company's tokens, a connection without a browser,
 * and the ways in which a connection dies from outside.
 */
import type { Clock } from '../clock.ts'
import type { Chain, Grants } from './grants.ts'

export interface ChainState {
  readonly realmId: string
  readonly revoked: boolean
  readonly refreshToken: string
  readonly refreshIssuedAt: number
  /** Refresh tokens that rotation has replaced. */
  readonly replaced: number
  /** Access tokens that are valid now. */
  readonly validAccessTokens: number
}

export interface OAuthControl {
  /** One per consent, oldest first. */
  readonly chains: readonly ChainState[]
  /** The newest chain that is not revoked. */
  readonly current: ChainState | undefined
  /** Tokens as if somebody had consented; for tests that do not care how. */
  connect(realmId?: string): { accessToken: string; refreshToken: string; realmId: string }
  expireAccessTokens(): void
  revokeAll(): void
  /** The next refresh rotates, whatever the rotation is set to. */
  rotateNext(): void
  /** The user disconnects inside QuickBooks: everything dies, nobody is told. */
  disconnectByUser(): void
}

function stateOf(chain: Chain, now: number): ChainState {
  return {
    realmId: chain.realmId,
    revoked: chain.revoked,
    refreshToken: chain.refreshToken,
    refreshIssuedAt: chain.refreshIssuedAt,
    replaced: chain.previous.size,
    validAccessTokens: [...chain.access.values()].filter((expiresAt) => expiresAt > now).length,
  }
}

export function createOAuthControl(grants: Grants, clock: Clock, realmId: string): OAuthControl {
  const states = () => grants.chains.map((chain) => stateOf(chain, clock.now()))
  return {
    get chains() {
      return states()
    },
    get current() {
      return states().findLast((chain) => !chain.revoked)
    },
    connect(realm = realmId) {
      const { accessToken, refreshToken } = grants.grant(realm)
      return { accessToken, refreshToken, realmId: realm }
    },
    expireAccessTokens: () => grants.expireAccessTokens(),
    revokeAll: () => grants.revokeAll(),
    rotateNext: () => grants.rotateNext(),
    disconnectByUser: () => grants.revokeAll(),
  }
}
