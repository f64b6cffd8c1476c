// The connection to Intuit: sealed tokens and their keeper, and what a consent needs of them.
import fp from 'fastify-plugin'
import { Agent, buildConnector } from 'undici'
import { ConfigError, notLeader } from '../errors.ts'
import type { Clock } from '../services/clock.ts'
import type { Lease } from '../services/lease/lease.ts'
import { createOAuthClient, type OAuthClient, type OAuthSettings } from '../services/qbo/oauth.ts'
import { createInstalledKey, type GivenKeys, keysOf } from '../services/tokens/installed-key.ts'
import { createTokenKeeper, type TokenKeeper } from '../services/tokens/keeper.ts'
import { createKeyring, type Keyring } from '../services/tokens/keyring.ts'
import { createOAuthStates, type OAuthStates } from '../services/tokens/oauth-states.ts'
import type { Stretch } from '../services/tokens/secrets.ts'
import { createTokenStore, hasTokens } from '../services/tokens/store.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tokens: { keeper: TokenKeeper; keyring: Keyring; oauth: OAuthClient; states: OAuthStates }
  }
}

/** What the connection is made of. */
export interface TokensOptions extends GivenKeys {
  dataDir: string
  oauth: OAuthSettings
  pinnedRealmId: string | undefined
  checkIntervalMs: number
  timeoutMs: number
  clock: Clock
  /** Other than the usual one. */
  stretch: Stretch | undefined
}

/** Loads the stored connection. @throws ConfigError when SECRET_KEY does not open it. */
export default fp<TokensOptions>(
  async (app, options) => {
    const { clock, checkIntervalMs, pinnedRealmId, timeoutMs } = options
    const { lease } = app
    const { db, makeRoom } = app.database
    const dispatcher = new Agent({ connections: 2, connect: lastCheck(lease) })
    app.addHook('onClose', () => dispatcher.close())

    const oauth = createOAuthClient(options.oauth, { dispatcher, timeoutMs }, lease.mustBeHeld)
    const installed = createInstalledKey(options.dataDir)
    if (options.secretKey === undefined && !(await hasTokens(db)) && installed.make())
      app.log.warn(
        { path: installed.path },
        'SECRET_KEY is not set: made one. Back this file up, the stored tokens need it.',
      )
    const keyring = createKeyring(keysOf(options, installed), options.stretch)
    const store = createTokenStore({ db, lease, keyring, clock, makeRoom })
    const keeper = await createTokenKeeper({
      ...{ store, lease, oauth, keyring, clock, checkIntervalMs },
      onFailure: (error) => app.problems.note('connection', error),
      log: app.log,
    })
    app.addHook('onClose', () => keeper.close())
    const storedRealmId = keeper.connection()?.realmId
    if (pinnedRealmId !== undefined && storedRealmId !== undefined && storedRealmId !== pinnedRealmId) {
      throw new ConfigError(
        'QUICKBOOKS_COMPANY_ID: another company is connected in DATA_DIR. Disconnect it first (POST /api/disconnect without this variable), or use another DATA_DIR.',
      )
    }
    const states = createOAuthStates({ db, keyring, clock })
    app.decorate('tokens', { keeper, keyring, oauth, states })
  },
  { name: 'tokens', dependencies: ['database', 'lease', 'problems'] },
)

/** A connection that was begun before a pause must not carry a request after it. */
function lastCheck(lease: Lease): buildConnector.connector {
  const connect = buildConnector({})
  return (options, done) =>
    connect(options, (error, socket) => {
      if (error !== null || lease.isHeld()) return done(error as null, socket as never)
      socket?.destroy()
      done(notLeader(), null)
    })
}
