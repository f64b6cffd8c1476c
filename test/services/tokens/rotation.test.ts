// The secret key is replaced: beside a service that serves, interrupted at any point, and with a key that does not fit.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import t, { type Test } from 'tap'
import { createInstalledKey } from '../../../src/services/tokens/installed-key.ts'
import { createLeapingClock } from '../../support/clock.ts'
import { command } from '../../support/command.ts'
import { cookieOf, startService, startSimulator, temporaryFolder } from '../../support/service.ts'

const HOUR_MS = 3_600_000

const rotate = (dataDir: string, env: Record<string, string> = {}) =>
  command('rotate-key', { cwd: dataDir, env: { DATA_DIR: dataDir, ...env } })

function storedIn(dataDir: string): { sealed: string; key_id: string | null; realm: string } {
  const file = new SqliteDatabase(join(dataDir, 'mrp-backend.db'), { readonly: true })
  const row = file.prepare('SELECT sealed, key_id, realm FROM qbo_tokens').get()
  file.close()
  return row as ReturnType<typeof storedIn>
}

const INSTALLED = { SECRET_KEY: '' }

/** A connected service whose tokens rotate with each refresh. */
async function setUp(t: Test, env: Record<string, string>) {
  const clock = createLeapingClock()
  const simulator = await startSimulator(t, { clock: clock.now, behaviour: { rotation: 'always' } })
  const service = await startService(t, simulator, { clock, env })
  await service.connectAndFill()
  const restart = async (env: Record<string, string>) => {
    await service.close()
    return await startService(t, simulator, { clock, env, dataDir: service.dataDir })
  }
  return { clock, simulator, service, restart }
}

t.test('the installed key is replaced while the service runs, refreshes and connects', async (t) => {
  const { clock, service, restart } = await setUp(t, INSTALLED)
  const { dataDir } = service
  const keyFile = join(dataDir, 'secret.key')
  const [key, before] = [readFileSync(keyFile, 'utf8'), storedIn(dataDir)]
  const start = await service.request('/connect')

  const { code, text } = await rotate(dataDir)
  t.equal(code, 0, text)
  t.match(text, /^1 stored connection, 1 sealed again, key id \S{8}\. Back up .*secret\.key/)
  const after = storedIn(dataDir)
  t.not(readFileSync(keyFile, 'utf8'), key)
  t.equal(statSync(keyFile).mode & 0o777, 0o600)
  t.notOk(existsSync(`${keyFile}.previous`))
  t.not(after.key_id, before.key_id)
  t.not(after.sealed, before.sealed)
  t.equal(after.realm, before.realm, 'the company keeps its name, and its cache')

  const consent = await fetch(start.headers.get('location') ?? '', { redirect: 'manual' })
  const back = await service.request(consent.headers.get('location') ?? '', {
    headers: { cookie: cookieOf(start.headers) },
  })
  t.equal(back.headers.get('location'), '/', 'who went to Intuit before comes back')
  clock.advance(HOUR_MS)
  t.equal((await service.request('/api/test')).status, 200, 'tokens are refreshed')
  t.equal(storedIn(dataDir).key_id, after.key_id, 'and sealed with the new key')

  const again = await restart(INSTALLED)
  clock.advance(HOUR_MS)
  t.equal((await again.request('/api/test')).status, 200)
  t.equal((await again.request('/api/cache/status')).json.customers_count, 30)
})

t.test(
  'a replacement that was interrupted is finished by the next, and harms nobody meanwhile',
  async (t) => {
    const { service, restart } = await setUp(t, INSTALLED)
    const { dataDir } = service
    const former = readFileSync(join(dataDir, 'secret.key'), 'utf8')
    createInstalledKey(dataDir).replace()
    t.not(readFileSync(join(dataDir, 'secret.key'), 'utf8'), former)
    const again = await restart(INSTALLED)
    t.equal((await again.request('/api/test')).status, 200, 'the former key still opens')
    const key = readFileSync(join(dataDir, 'secret.key'), 'utf8')
    t.match(await rotate(dataDir), { code: 0, text: /1 sealed again/ })
    t.equal(readFileSync(join(dataDir, 'secret.key'), 'utf8'), key, 'no third key')
    t.notOk(existsSync(join(dataDir, 'secret.key.previous')))

    // Interrupted before the new key was there.
    writeFileSync(join(dataDir, 'secret.key.previous'), key)
    t.match(await rotate(dataDir), { code: 0, text: /1 sealed again/ })
    t.not(readFileSync(join(dataDir, 'secret.key'), 'utf8'), key)
    t.equal((await again.request('/api/test')).status, 200)
  },
)

t.test('a configured key is replaced with both at hand, and then the former one opens nothing', async (t) => {
  const former = { SECRET_KEY: 'the former secret key' }
  const both = { SECRET_KEY: 'the next secret key', SECRET_KEY_PREVIOUS: 'the former secret key' }
  const { clock, service, restart } = await setUp(t, former)
  const { dataDir } = service
  const again = await restart(both)
  const before = storedIn(dataDir)
  t.match(await rotate(dataDir, both), { code: 0, text: /1 sealed again.*SECRET_KEY_PREVIOUS is not needed/ })
  t.not(storedIn(dataDir).key_id, before.key_id)
  t.match(await rotate(dataDir, both), { code: 0, text: /0 sealed again/ })
  clock.advance(HOUR_MS)
  t.equal((await again.request('/api/test')).status, 200)
  await again.close()
  const wrong = {
    name: 'ConfigError',
    message: /^SECRET_KEY: .*sealed with another key\. Nothing was changed/,
  }
  const sealed = storedIn(dataDir)
  await t.rejects(startService(t, undefined, { env: former, dataDir }), wrong)
  t.same(storedIn(dataDir), sealed)
  const last = await startService(t, undefined, { env: { SECRET_KEY: both.SECRET_KEY }, dataDir })
  t.equal((await last.request('/api/auth/status')).json.is_authenticated, true)
})

t.test('a service that lacks the new key asks Intuit for nothing, and loses nothing', async (t) => {
  const former = { SECRET_KEY: 'the former secret key' }
  const both = { SECRET_KEY: 'the next secret key', SECRET_KEY_PREVIOUS: 'the former secret key' }
  const { clock, simulator, service, restart } = await setUp(t, former)
  t.match(await rotate(service.dataDir, both), { code: 0 })
  const sealed = storedIn(service.dataDir)
  const before = simulator.meter.tokenRequests
  t.equal((await service.request('/api/test')).status, 200, 'the access token at hand is good')
  clock.advance(2 * HOUR_MS)
  t.match((await service.request('/api/test')).json, { statusCode: 503, code: 'TOKEN_STORE_FAILED' })
  t.equal(simulator.meter.tokenRequests, before)
  t.same(storedIn(service.dataDir), sealed)
  const again = await restart({ SECRET_KEY: both.SECRET_KEY })
  t.equal((await again.request('/api/test')).status, 200)
})

t.test('with keys that do not fit, or nothing to replace, it says so and changes nothing', async (t) => {
  const { service } = await setUp(t, { SECRET_KEY: 'the former secret key' })
  const sealed = storedIn(service.dataDir)
  const wrong = { SECRET_KEY: 'the next secret key', SECRET_KEY_PREVIOUS: 'not the former one' }
  t.match(await rotate(service.dataDir, wrong), {
    code: 1,
    text: /^The key was not replaced\. SECRET_KEY: .*another key.*\n$/,
  })
  t.match(await rotate(service.dataDir), { code: 1, text: /SECRET_KEY is not set and .* is missing/ })
  t.same(storedIn(service.dataDir), sealed)
  t.equal((await service.request('/api/test')).status, 200)
  t.match(await rotate(temporaryFolder(t)), { code: 1, text: /there is no database in/ })
})

t.test('a secret key is made once, kept from other users, and refused when damaged', async (t) => {
  const installed = createInstalledKey(temporaryFolder(t))
  t.throws(installed.read, { name: 'ConfigError', message: /^SECRET_KEY is not set.*Nothing was changed/ })
  t.equal(installed.make(), true)
  const { key } = installed.read()
  t.equal(installed.make(), false)
  t.equal(installed.read().key, key)
  t.equal(statSync(installed.path).mode & 0o777, 0o600)
  writeFileSync(installed.path, '')
  t.throws(installed.read, { name: 'ConfigError', message: /is damaged/ })
})
