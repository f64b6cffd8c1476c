// After a journey with faults, nothing that is secret or a customer's stands where it must not.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FAULT_KINDS } from '../../simulator/faults.ts'
import { createLeapingClock } from '../support/clock.ts'
import { cookieOf, startService, startSimulator } from '../support/service.ts'

const ADMIN = 'admin-key-for-the-canary'
const SEARCH = 'search-key-for-the-canary'

t.test(
  "after a journey with every fault, what is secret or a customer's stands nowhere that it must not",
  async (t) => {
    const clock = createLeapingClock()
    const simulator = await startSimulator(t, { clock: clock.now, behaviour: { rotation: 'always' } })
    const env = {
      ADMIN_API_KEY: ADMIN,
      SEARCH_API_KEY: SEARCH,
      QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN: simulator.webhooks.verifierToken,
      SYNC_ENTITIES: 'customers,vendors,items,invoices',
    }
    const service = await startService(t, simulator, { clock, env, timeoutMs: 1_000 })
    const { realmId } = simulator.company
    const secret = new Set([
      'simulator-secret',
      realmId,
      'a key for tests only',
      ADMIN,
      SEARCH,
      env.QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN,
    ])
    const remember = () => {
      const connection = service.app.tokens.keeper.connection()
      if (connection) for (const token of [connection.accessToken, connection.refreshToken]) secret.add(token)
    }
    /** What anybody could read who may not: error answers, whoever asked. */
    const errors: string[] = []
    const ask = async (path: string, init: RequestInit = {}, key = ADMIN) => {
      const headers = { authorization: `Bearer ${key}`, ...(init.headers as Record<string, string>) }
      const answer = await service.request(path, { ...init, headers })
      if (answer.status >= 400) errors.push(answer.text)
      return answer
    }
    const refresh = () => ask('/api/cache/refresh', { method: 'POST' })

    async function connect(): Promise<void> {
      const start = await ask('/connect')
      const cookie = cookieOf(start.headers)
      secret.add(cookie.split('=')[1] ?? '')
      const consent = await fetch(start.headers.get('location') ?? '', { redirect: 'manual' })
      const callback = new URL(consent.headers.get('location') ?? '')
      for (const name of ['code', 'state']) secret.add(callback.searchParams.get(name) ?? '')
      await ask(`${callback.href}&error=x`, {}, 'no-such-key')
      await ask(callback.href, { headers: { cookie } }, 'no-such-key')
      await ask(callback.href, { headers: { cookie } }, 'no-such-key')
      remember()
    }

    const { auth_url, state } = (await ask('/api/auth/url')).json
    secret.add(state)
    const denied = (await fetch(auth_url, { redirect: 'manual' })).headers.get('location') ?? ''
    secret.add(new URL(denied).searchParams.get('code') ?? '')
    await ask(`${denied}&error=access_denied`)
    await connect()
    t.equal((await refresh()).status, 200)
    simulator.webhooks.hold()
    simulator.webhooks.subscribe(`${service.url}/webhooks/quickbooks`)

    const customers = simulator.company.list('Customer')
    for (const kind of FAULT_KINDS) {
      const isOfTokens = kind === 'lostTokenAnswer' || kind === 'invalidGrant'
      for (const on of isOfTokens ? (['refresh'] as const) : (['query', 'refresh'] as const))
        simulator.fault({ on, kind, times: 3, detail: `about ${customers[0]?.DisplayName}`, megabytes: 1 })
      clock.advance(3_600_000)
      simulator.company.update('Customer', customers[1]?.Id ?? '', { Notes: `about ${kind}` })
      await simulator.webhooks.post(simulator.webhooks.take())
      await service.app.sync.settled()
      await refresh()
      await ask('/api/test')
      simulator.clearFaults()
      remember()
      if (service.app.tokens.keeper.connection()?.state !== 'connected') await connect()
      clock.advance(3_600_000)
      await service.app.sync.refreshDue()
      await service.app.sync.settled()
      remember()
    }
    const people = customers.flatMap(({ DisplayName, CompanyName, PrimaryEmailAddr }) => [
      String(DisplayName),
      String(CompanyName ?? ''),
      String((PrimaryEmailAddr as { Address?: string } | undefined)?.Address ?? ''),
    ])
    const personal = [...new Set(people)].filter((text) => text.length > 6)
    for (const text of personal) {
      const q = encodeURIComponent(text)
      await ask(`/api/search/client_names?q=${q}`, {}, SEARCH)
      await ask(`/api/search/client_names?q=${q}&limit=0`, {}, SEARCH)
      await ask(`/api/search/no_such_index?q=${q}`, {}, SEARCH)
      await ask(`/api/records/customers?ids=${q}&nothing=${q}`, {}, SEARCH)
      await ask(`/webhooks/quickbooks`, {
        method: 'POST',
        body: text,
        headers: { 'intuit-signature': text.length.toString() },
      })
    }
    for (const value of secret) await ask(`/api/config?key=x`, {}, encodeURIComponent(value).slice(0, 2000))
    const metrics = await ask('/metrics')
    t.match(metrics.text, /mrp_quickbooks_reads_month/)
    await service.close()

    t.ok(secret.size >= 25, `${secret.size} secrets have come and gone`)
    t.ok(personal.some((text) => text.includes('@')) && personal.length > 30)
    t.ok(errors.length > 100)
    const log = JSON.stringify(service.log)
    t.ok(service.log.length > 200)
    for (const [name, text] of Object.entries({ log, errors: errors.join('\n'), metrics: metrics.text })) {
      for (const value of secret) t.notOk(text.includes(value), `${name}: a secret`)
      for (const value of personal) {
        const isThere =
          text.includes(value) ||
          text.includes(JSON.stringify(value).slice(1, -1)) ||
          text.includes(encodeURIComponent(value))
        t.notOk(isThere, `${name}: ${value}`)
      }
    }
    for (const file of filesIn(service.dataDir)) {
      const bytes = readFileSync(file)
      for (const value of secret) t.notOk(bytes.includes(value), file)
    }
  },
)

t.test("after a disconnect no customer's name can be read in any file", async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const names = simulator.company.list('Customer').map(({ DisplayName }) => String(DisplayName))
  const left = () => {
    const files = filesIn(service.dataDir).map((file) => readFileSync(file))
    return names.filter((name) => files.some((bytes) => bytes.includes(name)))
  }
  t.ok(left().length > 20)
  await service.request('/api/disconnect', { method: 'POST' })
  t.same(left(), [])
})

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
