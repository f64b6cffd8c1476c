// What is stored: the database, and in it the connection to QuickBooks.

import { ConfigError } from '../../errors.ts'
import { DAY_MS } from '../clock.ts'
import type { ServerSight } from '../database/database.ts'
import { compareVersions } from '../database/look.ts'
import { nameOf } from '../database/open.ts'
import { createInstalledKey, keysOf } from '../tokens/installed-key.ts'
import { createKeyring } from '../tokens/keyring.ts'
import { type Connection, connectionOf } from '../tokens/store.ts'
import { type Check, CONFIGURATION, type Finding, fail, ok, warn } from './check.ts'
import { FOLDER } from './machine.ts'

const DATABASE = 'database'

export const database: Check = {
  name: DATABASE,
  needs: [CONFIGURATION, FOLDER],
  async run({ setup: { place }, database }) {
    const name = nameOf(place)
    const sight = await inWords(`${name} cannot be used`, database)
    if (isFinding(sight)) return sight
    if (sight === undefined) return ok(`${name} is made by the first start`)
    const { pending, foreign } = compareVersions(sight)
    if (foreign.length > 0)
      return fail(
        `${name} was in use by a newer version of this service (${foreign.join(', ')})`,
        'Start that version, or put back a backup from before it.',
      )
    if (sight.server !== undefined) {
      const found = serverFinding(sight.server, place.server?.host ?? '')
      if (found !== undefined) return found
    }
    const done = pending.length === 0 ? 'up to date' : `the next start runs ${pending.join(', ')}`
    return ok(`${name}${sight.server === undefined ? '' : `, ${sight.server.version}`}: ${done}`)
  },
}

function serverFinding({ isEncrypted, missing, version }: ServerSight, host: string): Finding | undefined {
  if (missing.length > 0)
    return warn(
      `the server (${version}) does not show that DB_USER may ${missing.join(', ')}`,
      `Grant DB_USER ${missing.join(', ')} on the tables of DB_NAME, unless a role does.`,
    )
  if (isEncrypted || /^(localhost|::1|127\.[\d.]+)$/.test(host)) return undefined
  return warn(
    `the way to the server (${version}) is not encrypted`,
    'Set DB_TLS=true where the server has a certificate that names DB_HOST, unless the network is private.',
  )
}

const SOON_MS = 14 * DAY_MS
/** Intuit warns people so long ahead. */
const CONSENT_SOON_MS = 30 * DAY_MS

export const connection: Check = {
  name: 'connection',
  needs: [CONFIGURATION, DATABASE],
  async run({ setup: { config }, database, outside }) {
    const { SECRET_KEY, SECRET_KEY_PREVIOUS, DATA_DIR, PUBLIC_URL, QUICKBOOKS_COMPANY_ID } = config
    const connect = `Start the service if it does not run (npm start), open ${PUBLIC_URL} and press Connect.`
    const tokens = (await database())?.tokens
    if (tokens === undefined) return warn('QuickBooks is not connected yet', connect)
    const given = { secretKey: SECRET_KEY, formerSecretKey: SECRET_KEY_PREVIOUS }
    const stored = await inWords('the stored tokens cannot be opened', () =>
      connectionOf(createKeyring(keysOf(given, createInstalledKey(DATA_DIR))), tokens),
    )
    if (isFinding(stored)) return stored
    if (QUICKBOOKS_COMPANY_ID !== undefined && stored.realmId !== QUICKBOOKS_COMPANY_ID)
      return fail(
        'another company is connected than QUICKBOOKS_COMPANY_ID allows',
        'Correct QUICKBOOKS_COMPANY_ID; or start without it, disconnect (POST /api/disconnect), and connect the right company.',
      )
    return lifeOf(stored, outside.now(), connect)
  },
}

function lifeOf(stored: Connection, now: number, connect: string): Finding {
  const { state, refreshExpiresAt, consentExpiresAt } = stored
  if (state === 'reconnect_required')
    return fail('QuickBooks refused the stored tokens: a person has to connect again', connect)
  if (consentExpiresAt <= now) return fail('the consent has ended', connect)
  if (refreshExpiresAt <= now)
    return fail('the refresh token has died, because the service did not run', connect)
  const days = (until: number) => Math.floor((until - now) / DAY_MS)
  if (consentExpiresAt - now < CONSENT_SOON_MS)
    return warn(`the consent ends in ${days(consentExpiresAt)} days`, connect)
  const left = `the refresh token dies in ${days(refreshExpiresAt)} days if the service does not run until then`
  if (refreshExpiresAt - now < SOON_MS)
    return warn(left, 'Start the service, and let it run: it renews the tokens by itself.')
  return ok(`QuickBooks is connected; ${left}`)
}

/** What a person has to be told, as a finding; anything else is a bug. */
async function inWords<T>(text: string, work: () => T | Promise<T>): Promise<T | Finding> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ConfigError) return fail(text, error.message)
    throw error
  }
}

const isFinding = (value: object | undefined): value is Finding => value !== undefined && 'level' in value
