// The connection to Intuit: sealed tokens and their keeper, and what a consent needs of them.
import fp from 'fastify-plugin'
import { Agent } from 'undici'
import { ConfigError } from '../errors.ts'
import type { Clock } from '../services/clock.ts'
import { createOAuthClient, type OAuthClient, type OAuthSettings } from '../services/qbo/oauth.ts'
import { createInstalledKey, type GivenKeys, keysOf } from '../services/tokens/installed-key.ts'
import { createTokenKeeper, type TokenKeeper } from '../services/tokens/keeper.ts'
import { createKeyring } from '../services/tokens/keyring.ts'
import { createOAuthStates, type OAuthStates } from '../services/tokens/oauth-states.ts'
import { createTokenStore, hasTokens } from '../services/tokens/store.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tokens: { keeper: TokenKeeper; oauth: OAuthClient; states: OAuthStates }
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
}

/** Loads the stored connection. @throws ConfigError when SECRET_KEY does not open it. */
export default fp<TokensOptions>(
  async (app, options) => {
    const { clock, checkIntervalMs, pinnedRealmId, timeoutMs } = options
    const dispatcher = new Agent({ connections: 2 })
    app.addHook('onClose', () => dispatcher.close())

    const oauth = createOAuthClient(options.oauth, { dispatcher, timeoutMs })
    const installed = createInstalledKey(options.dataDir)
    if (options.secretKey === undefined && !(await hasTokens(app.database)) && installed.make())
      app.log.warn(
        { path: installed.path },
        'SECRET_KEY is not set: made one. Back this file up, the stored tokens need it.',
      )
    const keyring = createKeyring(keysOf(options, installed))
    const store = createTokenStore({ db: app.database, keyring, clock })
    const keeper = await createTokenKeeper({ store, oauth, keyring, clock, log: app.log, checkIntervalMs })
    app.addHook('onClose', () => keeper.close())
    const storedRealmId = keeper.connection()?.realmId
    if (pinnedRealmId !== undefined && storedRealmId !== undefined && storedRealmId !== pinnedRealmId) {
      throw new ConfigError(
        'QUICKBOOKS_COMPANY_ID: another company is connected in DATA_DIR. Disconnect it first (POST /api/disconnect without this variable), or use another DATA_DIR.',
      )
    }
    const states = createOAuthStates({ db: app.database, keyring, clock })
    app.decorate('tokens', { keeper, oauth, states })
  },
  { name: 'tokens', dependencies: ['database'] },
)
