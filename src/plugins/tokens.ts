// The connection to Intuit: sealed tokens, their keeper, and the consent that begins it all.
import fp from 'fastify-plugin'
import { Agent } from 'undici'
import { ConfigError } from '../errors.ts'
import type { Clock } from '../services/clock.ts'
import { createOAuthClient, type OAuthSettings } from '../services/qbo/oauth.ts'
import { type ConsentFlow, createConsentFlow } from '../services/tokens/consent.ts'
import { createTokenKeeper, type TokenKeeper } from '../services/tokens/keeper.ts'
import { createOAuthStates } from '../services/tokens/oauth-states.ts'
import { createSecrets, installedSecretKey } from '../services/tokens/secrets.ts'
import { createTokenStore, hasTokens } from '../services/tokens/store.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tokens: { keeper: TokenKeeper; consent: ConsentFlow }
  }
}

/** What the connection is made of; without `secretKey` one is kept in `dataDir`. */
export interface TokensOptions {
  secretKey: string | undefined
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
    const secrets = createSecrets(options.secretKey ?? installedKey(await hasTokens(app.database)))
    const store = createTokenStore({ db: app.database, secrets, clock })
    const keeper = await createTokenKeeper({ store, oauth, secrets, clock, log: app.log, checkIntervalMs })
    app.addHook('onClose', () => keeper.close())
    const storedRealmId = keeper.connection()?.realmId
    if (pinnedRealmId !== undefined && storedRealmId !== undefined && storedRealmId !== pinnedRealmId) {
      throw new ConfigError(
        'QUICKBOOKS_COMPANY_ID: another company is connected in DATA_DIR. Disconnect it first (POST /api/disconnect without this variable), or use another DATA_DIR.',
      )
    }
    const states = createOAuthStates({ db: app.database, secrets, clock })
    app.decorate('tokens', { keeper, consent: createConsentFlow({ states, oauth, keeper, pinnedRealmId }) })

    function installedKey(sealed: boolean): string {
      const { key, path, created } = installedSecretKey(options.dataDir, sealed)
      if (created)
        app.log.warn(
          { path },
          'SECRET_KEY is not set: made one. Back this file up, the stored tokens need it.',
        )
      return key
    }
  },
  { name: 'tokens', dependencies: ['database'] },
)
