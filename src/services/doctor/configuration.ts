// What is configured, each thing by itself and against the others.

import { isLoopback } from '../../config.ts'
import { type Check, CONFIGURATION, fail, ok, warn } from './check.ts'
import type { Setup } from './patient.ts'

const DOTENV = '.env'

/** Of an address. */
const isHere = (hostname: string) => isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'))

export const configuration: Check = {
  name: CONFIGURATION,
  run: ({ refusal }) =>
    refusal === undefined
      ? ok('it loads')
      : fail(refusal, 'Correct the configuration as its line above says, and run this again for the rest.'),
}

export const spelling: Check = {
  name: 'spelling',
  run({ env, dotenv, variables }) {
    // The environment is full of names that are nobody's here; what stands in the file is meant for this service.
    const names = [
      ...Object.keys(dotenv),
      ...Object.keys(env).filter((name) => /^[A-Z][A-Z0-9_]*$/.test(name)),
    ]
    const strange = [...new Set(names)].filter((name) => !variables.includes(name))
    const hints = strange.flatMap((name) => {
      const meant = nearest(name.toUpperCase(), variables)
      return meant === undefined ? [] : [`${name}: did you mean ${meant}?`]
    })
    if (hints.length === 0) return ok('no variable looks like a misspelt one')
    return warn(hints.join(' '), `Correct or remove what is misspelt, it has no effect: ${hints.join(' ')}`)
  },
}

export const repetition: Check = {
  name: 'repetition',
  run: ({ repeated }) =>
    repeated.length === 0
      ? ok('no variable stands in .env twice')
      : warn(
          `more than one line of .env sets ${repeated.join(', ')}: the last one counts, even an empty one`,
          `Keep one line in .env for each of ${repeated.join(', ')}.`,
        ),
}

/** Which of `known` somebody has most likely meant; undefined when none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const letters = (one: string) => one.replaceAll('_', '')
  const missesPrefix = name.includes('_') ? known.find((one) => one.endsWith(`_${name}`)) : undefined
  const most = name.length < 8 ? 1 : 2
  const near = known
    .map((one) => ({ one, slips: slipsBetween(letters(name), letters(one)) }))
    .filter(({ slips }) => slips <= most)
    .sort((a, b) => a.slips - b.slips)
  return near[0]?.one ?? missesPrefix
}

/** Levenshtein's distance. */
function slipsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

export const formerNames: Check = {
  name: 'former names',
  run: ({ advice }) =>
    advice.length === 0
      ? ok('none is set')
      : warn(
          advice.join(' '),
          'When all else is well, do what the line of the former names says (docs/migrating-from-flask.md).',
        ),
}

export const dotenvFile: Check = {
  name: 'file .env',
  run({ outside }) {
    if (!outside.exists(DOTENV)) return ok('there is none: all comes from the environment')
    const mode = outside.modeOf(DOTENV)
    if (mode === undefined || (mode & 0o077) === 0) return ok('for its owner only')
    return warn(
      `others on this machine can read it (${mode.toString(8)}), and it may hold secrets`,
      'chmod 600 .env',
    )
  },
}

/**
 * Which QuickBooks is asked, and so whose keys it takes. Where the address is Intuit's it tells: what is called the
 * sandbox's leads to production in many a former .env (docs/migrating-from-flask.md).
 */
export function environmentOf({ config, apiUrl }: Setup): 'sandbox' | 'production' {
  const { hostname } = new URL(apiUrl)
  if (hostname === 'quickbooks.api.intuit.com') return 'production'
  return hostname === 'sandbox-quickbooks.api.intuit.com' ? 'sandbox' : config.QUICKBOOKS_ENVIRONMENT
}

export const credentials: Check = {
  name: 'credentials',
  needs: [CONFIGURATION],
  run: ({ setup }) =>
    setup.config.QUICKBOOKS_CLIENT_ID === undefined
      ? fail(
          'QUICKBOOKS_CLIENT_ID and QUICKBOOKS_CLIENT_SECRET are not set, so QuickBooks cannot be connected',
          'Set QUICKBOOKS_CLIENT_ID and QUICKBOOKS_CLIENT_SECRET to the keys of your app at developer.intuit.com.',
        )
      : ok(`of an Intuit app are set, for ${environmentOf(setup)}`),
}

export const access: Check = {
  name: 'access',
  needs: [CONFIGURATION],
  run({ setup: { config } }) {
    const { ADMIN_API_KEY, SEARCH_API_KEY, ALLOW_UNAUTHENTICATED, HOST, PUBLIC_URL } = config
    if (ADMIN_API_KEY !== undefined)
      return ok(
        SEARCH_API_KEY === undefined
          ? 'ADMIN_API_KEY is set; without SEARCH_API_KEY only its holder can search'
          : 'both keys are set',
      )
    const todo = 'Set ADMIN_API_KEY and SEARCH_API_KEY (openssl rand -base64 32).'
    if (!isHere(new URL(PUBLIC_URL).hostname))
      return warn(`no keys, so whoever reaches ${PUBLIC_URL} may do everything`, todo)
    return ALLOW_UNAUTHENTICATED
      ? warn(`no keys (ALLOW_UNAUTHENTICATED), so whoever reaches ${HOST} may do everything`, todo)
      : ok('no keys, and only this machine is listened to')
  },
}

export const addresses: Check = {
  name: 'addresses',
  needs: [CONFIGURATION],
  run({ setup: { config } }) {
    const { PUBLIC_URL, PORT, TRUST_PROXY } = config
    const { protocol, hostname, port } = new URL(PUBLIC_URL)
    const at = Number(port || (protocol === 'https:' ? 443 : 80))
    if (protocol === 'http:' && isHere(hostname) && at !== PORT)
      return warn(
        `PUBLIC_URL ${PUBLIC_URL} leads to port ${at}, but PORT is ${PORT}`,
        `Make PORT and the port of PUBLIC_URL the same, unless something hands ${at} on to ${PORT}, as a container's port mapping.`,
      )
    if (protocol === 'https:' && TRUST_PROXY === 'false')
      return warn(
        'PUBLIC_URL is https, so a proxy stands in front; without TRUST_PROXY all browsers count as one address',
        'Set TRUST_PROXY=true if one proxy of yours stands in front (docs/https.md).',
      )
    return ok(`browsers come to ${PUBLIC_URL}, port ${PORT}`)
  },
}
