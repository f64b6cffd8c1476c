// After a journey with faults, nothing that is secret or a customer's stands where it must not.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createLeapingClock } from '../support/clock.ts'
import { startService, startSimulator } from '../support/service.ts'

t.test(
  'no token, code, state, key, realm id or customer name is in the logs, and no token or realm id in the files',
  async (t) => {
    const clock = createLeapingClock()
    const simulator = await startSimulator(t, { clock: clock.now, behaviour: { rotation: 'always' } })
    const service = await startService(t, simulator, { clock, env: { ADMIN_API_KEY: '' } })
    const secret = new Set(['simulator-secret', simulator.company.realmId, 'a key for tests only'])
    const remember = () => {
      const connection = service.app.tokens.keeper.connection()
      if (connection) for (const token of [connection.accessToken, connection.refreshToken]) secret.add(token)
    }

    const { auth_url, state } = (await service.request('/api/auth/url')).json
    secret.add(state)
    const callback = (await fetch(auth_url, { redirect: 'manual' })).headers.get('location') ?? ''
    secret.add(new URL(callback).searchParams.get('code') ?? '')
    await service.request(`${callback}&error=x`)
    await service.connectAndFill()
    remember()
    for (const kind of [
      'unauthorized',
      'okFault',
      'html503',
      'malformed',
      'forbidden',
      'lostTokenAnswer',
    ] as const) {
      simulator.fault({ on: kind === 'lostTokenAnswer' ? 'refresh' : 'query', kind })
      clock.advance(3_600_000)
      await service.request('/api/cache/refresh', { method: 'POST' })
      remember()
    }
    await service.request('/api/test')
    for (const customer of simulator.company.list('Customer')) {
      const name = String(customer.DisplayName)
      if (name.length > 6) await service.request(`/api/search/client_names?q=${encodeURIComponent(name)}`)
    }
    await service.close()

    t.ok(secret.size >= 10, 'several tokens have come and gone')
    const log = JSON.stringify(service.log)
    for (const value of secret) t.notOk(log.includes(value), 'log')
    for (const customer of simulator.company.list('Customer')) {
      t.notOk(log.includes(JSON.stringify(customer.DisplayName).slice(1, -1)), 'log')
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
