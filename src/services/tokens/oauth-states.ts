// The `state` of an OAuth request (RFC 6749 section 10.12): random, single use, ten minutes, bound to the browser that
// asked when there is one; and the codes that came back with one. Only hashes are stored.

import type { Clock } from '../clock.ts'
import type { Db } from '../database/database.ts'
import type { Keyring } from './keyring.ts'
import { randomToken } from './secrets.ts'

/** How long a person may take at Intuit's page, in milliseconds. */
export const STATE_LIFETIME_MS = 10 * 60_000

/** Long after Intuit has forgotten it, in milliseconds. */
const CODE_LIFETIME_MS = 24 * 3_600_000

/** Requests under way that keep their row: more than any shop starts, few enough to bound the table. */
const MAX_PENDING = 1000

/** Issues and redeems states. */
export interface OAuthStates {
  /** A new state; with `browser`, only that browser can redeem it. */
  issue(browser?: string): Promise<string>
  /** Whether the state is known, fresh and of this browser. It is spent by being asked for. */
  redeem(state: string, browser?: string): Promise<boolean>
  /**
   * Whether an authorization code is seen here for the first time. Intuit ends the connection that came of a code when it
   * is used again (RFC 6749 section 4.1.2).
   */
  spendCode(code: string): Promise<boolean>
}

/** States in the `qbo_oauth_states` table, so that a restart between leaving and coming back does no harm. */
export function createOAuthStates(deps: { db: Db; keyring: Keyring; clock: Clock }): OAuthStates {
  const { db, keyring, clock } = deps
  /** With each key: it may have been replaced since. */
  const hashes = (text: string) => keyring.all().map((secrets) => secrets.hash(text))

  return {
    async issue(browser) {
      const state = randomToken()
      const secrets = keyring.current()
      const expires_at = clock.now() + STATE_LIFETIME_MS
      await db.deleteFrom('qbo_oauth_states').where('expires_at', '<=', clock.now()).execute()
      const tooMany = await db
        .selectFrom('qbo_oauth_states')
        .select('state')
        .orderBy('expires_at', 'desc')
        .offset(MAX_PENDING - 1)
        .limit(MAX_PENDING)
        .execute()
      if (tooMany.length > 0) {
        const states = tooMany.map((row) => row.state)
        await db.deleteFrom('qbo_oauth_states').where('state', 'in', states).execute()
      }
      await db
        .insertInto('qbo_oauth_states')
        .values({
          state: secrets.hash(state),
          browser: browser === undefined ? null : secrets.hash(browser),
          expires_at,
        })
        .execute()
      return state
    },

    async redeem(state, browser) {
      // The row is deleted by a statement that also names the browser: a stranger's try does not spend it.
      const mine = browser === undefined ? [] : hashes(browser)
      const spent = await db
        .deleteFrom('qbo_oauth_states')
        .where('state', 'in', hashes(state))
        .where('expires_at', '>', clock.now())
        .where((row) => row.or([row('browser', 'is', null), row('browser', 'in', mine)]))
        .executeTakeFirst()
      return spent.numDeletedRows === 1n
    },

    async spendCode(code) {
      await db.deleteFrom('qbo_oauth_codes').where('expires_at', '<=', clock.now()).execute()
      const seen = await db
        .selectFrom('qbo_oauth_codes')
        .select('code')
        .where('code', 'in', hashes(code))
        .executeTakeFirst()
      if (seen !== undefined) return false
      const inserted = await db
        .insertInto('qbo_oauth_codes')
        .values({ code: keyring.current().hash(code), expires_at: clock.now() + CODE_LIFETIME_MS })
        .onConflict((conflict) => conflict.column('code').doNothing())
        .executeTakeFirst()
      return inserted.numInsertedOrUpdatedRows === 1n
    },
  }
}
