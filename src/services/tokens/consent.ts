// The way to Intuit's consent page and back: who may come back, for which company, and what is stored then.
// Nothing that a stranger sends changes the connection: every check stands before the code is exchanged.

import { AppError } from '../../errors.ts'
import type { Access } from '../qbo/client.ts'
import type { OAuthClient, TokenGrant } from '../qbo/oauth.ts'
import { otherCompany, type TokenKeeper } from './keeper.ts'
import type { OAuthStates } from './oauth-states.ts'

/** What Intuit's redirect carries, and the browser's own mark from its cookie. */
export interface ConsentReturn {
  state?: string | undefined
  code?: string | undefined
  realmId?: string | undefined
  error?: string | undefined
  browser?: string | undefined
}

/** One consent at a time, from start to stored tokens. */
export interface ConsentFlow {
  /** Intuit's address to send a person to. With `browser`, only that browser can finish. */
  start(browser?: string): Promise<{ authUrl: string; state: string }>
  /** Verifies the return and stores the tokens. @throws AppError, and then nothing was changed. */
  finish(answer: ConsentReturn): Promise<{ realmId: string; expiresIn: number }>
}

/** A flow for the one company of this deployment; `pinnedRealmId` refuses all others. */
export function createConsentFlow(deps: {
  states: OAuthStates
  oauth: OAuthClient
  keeper: TokenKeeper
  pinnedRealmId: string | undefined
  /** Asks QuickBooks for the company with tokens that are not stored yet. @throws AppError why they do not open it. */
  tryAccess(access: Access): Promise<void>
}): ConsentFlow {
  const { states, oauth, keeper } = deps

  /** Which company was chosen is told by an address that anybody can write; the tokens know. */
  async function mustOpen(realmId: string, { accessToken: token }: TokenGrant): Promise<void> {
    try {
      await deps.tryAccess({ realmId, token })
    } catch (error) {
      if (error instanceof AppError && error.code === 'QBO_FORBIDDEN') throw refusals.foreign()
      // What QuickBooks cannot say now, the first refresh will.
    }
  }

  return {
    async start(browser) {
      oauth.authorizeUrl('')
      const state = await states.issue(browser)
      return { authUrl: oauth.authorizeUrl(state), state }
    },

    async finish({ state, code, realmId, error, browser }) {
      const disconnects = keeper.disconnects()
      if (state === undefined || !(await states.redeem(state, browser))) throw refusals.state()
      if (error !== undefined) throw refusals.denied()
      if (code === undefined || realmId === undefined || !/^\d{1,32}$/.test(realmId))
        throw refusals.incomplete()
      for (const expected of [deps.pinnedRealmId, keeper.connection()?.realmId]) {
        if (expected !== undefined && expected !== realmId) throw otherCompany()
      }
      if (!(await states.spendCode(code))) throw refusals.spent()
      const grant = await oauth.exchangeCode(code)
      await mustOpen(realmId, grant)
      await keeper.connect(realmId, grant, disconnects)
      return { realmId, expiresIn: grant.expiresIn }
    },
  }
}

const refuse = (code: string, status: number, message: string) => () =>
  new AppError({ code, status, message: `${message} The connection was not changed.` })

const refusals = {
  state: refuse(
    'OAUTH_STATE_INVALID',
    400,
    'This return from Intuit is not one that was started here, in this browser, within ten minutes (state): open /connect and try again.',
  ),
  spent: refuse(
    'OAUTH_CODE_REFUSED',
    400,
    'This return from Intuit has been here before (code), and Intuit would end the connection if it were used twice: open /connect to try again.',
  ),
  foreign: refuse(
    'OAUTH_COMPANY_REFUSED',
    409,
    'What Intuit gave does not open the company that was chosen (realmId): it is for another one, or QUICKBOOKS_ENVIRONMENT does not fit the keys of your Intuit app. Check that, and open /connect again.',
  ),
  denied: refuse(
    'OAUTH_DENIED',
    400,
    'Access was not granted at Intuit (error): open /connect to try again.',
  ),
  incomplete: refuse(
    'OAUTH_RETURN_INCOMPLETE',
    400,
    'The return from Intuit lacks its code or its company (code, realmId): open /connect and try again.',
  ),
}
