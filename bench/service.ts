// The service as `npm start` runs it, connected to a simulator; and what people type into its search.
import { join } from 'node:path'
import packageJson from '../package.json' with { type: 'json' }
import { type Server, startServer } from './processes.ts'

const root = join(import.meta.dirname, '..')
/** What `npm start` sets, and gives to Node. */
const [before = '', after = ''] = packageJson.scripts.start.split('exec node ')
const startEnv = Object.fromEntries(
  before
    .split(' ')
    .filter(Boolean)
    .map((pair) => pair.split('=')),
)
const startFlags = after.replace('src/main.ts', join(root, 'src/main.ts')).split(' ')

/** The admin's. */
export const KEY = 'bench-admin-key'

const headers = { authorization: `Bearer ${KEY}` }

/** Starts the service for the simulator at this address. What it logs goes to the file `log`, where one is named. */
export function startService(
  simulator: string,
  dataDir: string,
  env: Record<string, string> = {},
  log?: string,
): Promise<Server> {
  const own = {
    PORT: '0',
    DATA_DIR: dataDir,
    ADMIN_API_KEY: KEY,
    // More than a million searches a minute come from one address here, and nowhere else.
    SEARCH_REQUESTS_PER_MINUTE: '1000000000',
    QUICKBOOKS_CLIENT_ID: 'simulator-client',
    QUICKBOOKS_CLIENT_SECRET: 'simulator-secret',
    QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN: 'simulator-verifier-token',
    QUICKBOOKS_SANDBOX_BASE_URL: simulator,
    QUICKBOOKS_AUTHORIZE_URL: `${simulator}/connect/oauth2`,
    QUICKBOOKS_TOKEN_URL: `${simulator}/oauth2/v1/tokens/bearer`,
    QUICKBOOKS_REVOKE_URL: `${simulator}/v2/oauth2/tokens/revoke`,
  }
  return startServer(startFlags, { ...startEnv, ...own, ...env }, log)
}

/** Through the consent page of the simulator. */
export async function connect(service: Server): Promise<void> {
  const { auth_url } = (await (await fetch(`${service.url}/api/auth/url`, { headers })).json()) as {
    auth_url: string
  }
  const consent = await fetch(auth_url, { redirect: 'manual' })
  const back = new URL(consent.headers.get('location') ?? '')
  const answer = await fetch(`${service.url}${back.pathname}${back.search}`, { redirect: 'manual' })
  if (answer.status !== 302) throw new Error(`/callback answered ${answer.status}: ${await answer.text()}`)
}

/** Reads everything and waits for it. */
export async function refreshed(service: Server): Promise<void> {
  const answer = await fetch(`${service.url}/api/cache/refresh?wait=true`, { method: 'POST', headers })
  if (answer.status !== 200) throw new Error(`the refresh answered ${answer.status}: ${await answer.text()}`)
}

/**
 * What people type: beginnings of words of real names, one to eight letters, two words now and then. Without repeats,
 * `count` of them.
 */
export function keystrokes(names: readonly string[], count: number): string[] {
  const typed = new Set<string>()
  for (let i = 0; typed.size < count && i < count * 50; i++) {
    const words = (names[(i * 7919) % names.length] ?? '').split(/\s+/)
    const word = words[i % words.length] ?? ''
    const text =
      i % 5 === 0
        ? words
            .slice(0, 2)
            .join(' ')
            .slice(0, 4 + (i % 12))
        : word.slice(0, 1 + (i % 8))
    if (/\p{L}|\p{N}/u.test(text)) typed.add(text)
  }
  return [...typed]
}
