import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { AppError } from '../../../src/errors.ts'
import { openSqlite } from '../../../src/services/database/sqlite.ts'
import { soleLease } from '../../../src/services/lease/lease.ts'
import type { OAuthClient, TokenGrant } from '../../../src/services/qbo/oauth.ts'
import { createTokenKeeper } from '../../../src/services/tokens/keeper.ts'
import { createKeyring } from '../../../src/services/tokens/keyring.ts'
import { createSecrets } from '../../../src/services/tokens/secrets.ts'
import { createTokenStore, type TokenStore } from '../../../src/services/tokens/store.ts'
import { createManualClock } from '../../support/clock.ts'
import { type DatabaseKind, overDatabases } from '../../support/databases.ts'
import { temporaryFolder } from '../../support/service.ts'

const quiet = { error() {}, warn() {}, info() {}, debug() {} }
const keyring = createKeyring(() => ({ key: 'a key for tests only', previous: [] }))
const secrets = keyring.current()
const HOUR_MS = 3_600_000

/** Intuit as a test directs it: each refresh waits for `answer`. */
function directedIntuit() {
  const refreshes: { token: string; resolve(grant: TokenGrant): void; reject(error: Error): void }[] = []
  const oauth: OAuthClient = {
    authorizeUrl: () => '',
    exchangeCode: () => Promise.reject(new Error('not used')),
    refresh: (token) => new Promise((resolve, reject) => refreshes.push({ token, resolve, reject })),
    revoke: async () => undefined,
  }
  return { oauth, refreshes }
}

let made = 0
const grant = (): TokenGrant => {
  made += 1
  return {
    accessToken: `access-${made}`,
    refreshToken: `refresh-${made}`,
    expiresIn: 3600,
    refreshExpiresIn: 8_726_400,
    hardExpiresIn: undefined,
  }
}

const refused = () =>
  new AppError({ code: 'RECONNECT_REQUIRED', status: 409, retry: 'reconnect', message: 'refused' })
const lost = () => new AppError({ code: 'QBO_UNREACHABLE', status: 502, retry: 'later', message: 'lost' })

async function setUp(t: Test, kind: DatabaseKind) {
  const database = await kind.open(t)
  const clock = createManualClock()
  const inner = createTokenStore({ ...database, lease: soleLease(database.db), keyring, clock })
  const lease = soleLease(database.db)
  const disk = { full: false, saves: [] as string[] }
  const store: TokenStore = {
    load: () => inner.load(),
    clear: () => inner.clear(),
    async rescue(connection, former) {
      if (disk.full) throw new Error('disk full')
      const isStored = await inner.rescue(connection, former)
      if (isStored) disk.saves.push(connection.refreshToken)
      return isStored
    },
    async reserve(connection, former) {
      if (disk.full) throw new Error('disk full')
      return await inner.reserve(connection, former)
    },
    async save(connection) {
      if (disk.full) throw new Error('disk full')
      await inner.save(connection)
      disk.saves.push(connection.refreshToken)
    },
  }
  const { oauth, refreshes } = directedIntuit()
  const keeper = await createTokenKeeper({
    store,
    lease,
    oauth,
    keyring,
    clock,
    log: quiet,
    checkIntervalMs: 300_000,
  })
  /** The refresh that the keeper has sent, once it has. */
  const sent = async (n = 1) => {
    while (refreshes.length < n) await nextTurn()
    const last = refreshes[n - 1]
    if (last === undefined) throw new Error('no refresh')
    return last
  }
  return { lease, keeper, clock, store, inner, disk, refreshes, sent, oauth }
}

overDatabases(
  'a hundred callers at the end of an access token cause one refresh and get the same new token',
  async (t, kind) => {
    const { keeper, clock, refreshes, sent } = await setUp(t, kind)
    await keeper.connect('4620816365000001', grant())
    await clock.advance(HOUR_MS)
    const callers = Array.from({ length: 100 }, () => keeper.access())
    const next = grant()
    ;(await sent()).resolve(next)
    const tokens = new Set((await Promise.all(callers)).map(({ token }) => token))
    t.same([...tokens], [next.accessToken])
    t.equal(refreshes.length, 1)
    t.equal((await keeper.access()).token, next.accessToken)
    t.equal(refreshes.length, 1, 'the new token is used without another refresh')
  },
)

overDatabases(
  'a rotated token is on the disk before anyone can use the new access token',
  async (t, kind) => {
    const { keeper, clock, disk, sent, inner } = await setUp(t, kind)
    await keeper.connect('1', grant())
    await clock.advance(HOUR_MS)
    const caller = keeper.access()
    const next = grant()
    ;(await sent()).resolve(next)
    await caller
    t.equal(disk.saves.at(-1), next.refreshToken)
    t.match(await inner.load(), { refreshToken: next.refreshToken, state: 'connected' })
  },
)

overDatabases(
  'while the disk takes nothing, Intuit is not asked for tokens that could be lost',
  async (t, kind) => {
    const { keeper, clock, disk, refreshes, sent } = await setUp(t, kind)
    await keeper.connect('1', grant())
    await clock.advance(HOUR_MS)
    disk.full = true
    await t.rejects(keeper.access(), { code: 'TOKEN_STORE_FAILED', statusCode: 503 })
    t.equal(refreshes.length, 0)
    disk.full = false
    const caller = keeper.access()
    const next = grant()
    ;(await sent()).resolve(next)
    t.equal((await caller).token, next.accessToken)
  },
)

t.test('when a save has been tried, the next one takes no more of the disk', async (t) => {
  const folder = temporaryFolder(t)
  const database = await openSqlite(folder)
  t.teardown(() => database.close())
  const clock = createManualClock()
  const inner = createTokenStore({ ...database, lease: soleLease(database.db), keyring, clock })
  const { oauth } = directedIntuit()
  const deps = { store: inner, lease: soleLease(database.db), oauth, keyring, clock, log: quiet }
  await (await createTokenKeeper({ ...deps, checkIntervalMs: 300_000 })).connect('1', grant())
  const walBytes = () => statSync(join(folder, 'mrp-backend.db-wal')).size
  const held = await inner.load()
  if (held === undefined) throw new Error('nothing was stored')
  const tried = [] as number[]
  for (let i = 0; i < 20; i++) {
    await inner.reserve(held)
    const before = walBytes()
    await inner.save({ ...held, accessToken: held.accessToken.replaceAll(/./g, 'x') })
    tried.push(walBytes() - before)
  }
  t.same(new Set(tried), new Set([0]))
})

overDatabases(
  'tokens that the disk refuses are held, never refreshed over, and written when the disk takes them',
  async (t, kind) => {
    const { keeper, clock, disk, refreshes, sent, inner } = await setUp(t, kind)
    await keeper.connect('1', grant())
    await clock.advance(HOUR_MS)
    const caller = keeper.access()
    const next = grant()
    const request = await sent()
    disk.full = true
    request.resolve(next)
    await t.rejects(caller, { code: 'TOKEN_STORE_FAILED', statusCode: 503 })
    await t.rejects(keeper.access(), { code: 'TOKEN_STORE_FAILED' })
    disk.full = false
    t.equal((await keeper.access()).token, next.accessToken)
    t.match(await inner.load(), { refreshToken: next.refreshToken })
    t.equal(refreshes.length, 1)
  },
)

overDatabases('tokens that the disk refused are written when the service stops', async (t, kind) => {
  const { keeper, clock, disk, sent, inner } = await setUp(t, kind)
  await keeper.connect('1', grant())
  await clock.advance(HOUR_MS)
  const caller = keeper.access()
  const next = grant()
  const request = await sent()
  disk.full = true
  request.resolve(next)
  await t.rejects(caller, { code: 'TOKEN_STORE_FAILED' })
  disk.full = false
  await keeper.close()
  t.match(await inner.load(), { refreshToken: next.refreshToken })
})

overDatabases('a token that lives for minutes is used for half of its life', async (t, kind) => {
  const { keeper, clock, refreshes, sent } = await setUp(t, kind)
  await keeper.connect('1', { ...grant(), expiresIn: 240 })
  await clock.advance(119_000)
  await keeper.access()
  t.equal(refreshes.length, 0)
  await clock.advance(1000)
  const caller = keeper.access()
  ;(await sent()).resolve(grant())
  await caller
})

overDatabases(
  'invalid_grant becomes reconnect_required, durably, and nothing more is sent',
  async (t, kind) => {
    const { keeper, clock, refreshes, sent, inner } = await setUp(t, kind)
    await keeper.connect('1', grant())
    await clock.advance(HOUR_MS)
    const caller = keeper.access()
    ;(await sent()).reject(refused())
    await t.rejects(caller, { code: 'RECONNECT_REQUIRED', statusCode: 409 })
    t.equal(keeper.connection()?.state, 'reconnect_required')
    t.equal((await inner.load())?.state, 'reconnect_required')
    await t.rejects(keeper.access(), { code: 'RECONNECT_REQUIRED' })
    await keeper.check()
    t.equal(refreshes.length, 1)
  },
)

overDatabases(
  'invalid_grant is not believed when another process has stored a newer token meanwhile',
  async (t, kind) => {
    const { keeper, clock, sent, inner } = await setUp(t, kind)
    await keeper.connect('1', grant())
    await clock.advance(HOUR_MS)
    const caller = keeper.access()
    const request = await sent()
    const connection = keeper.connection()
    if (connection === undefined) throw new Error('not connected')
    const others = {
      ...connection,
      accessToken: 'theirs',
      refreshToken: 'theirs',
      accessExpiresAt: clock.now() + HOUR_MS,
      refreshAt: clock.now() + HOUR_MS,
    }
    await inner.save(others)
    request.reject(refused())
    t.equal((await caller.catch(() => keeper.access())).token, 'theirs')
    t.equal(keeper.connection()?.state, 'connected')
  },
)

overDatabases(
  'a refresh of unknown outcome is not repeated for a minute, and a token that is still good is used',
  async (t, kind) => {
    const { keeper, clock, refreshes, sent } = await setUp(t, kind)
    const first = grant()
    await keeper.connect('1', first)
    await clock.advance(HOUR_MS - 240_000)
    const early = keeper.access()
    ;(await sent()).reject(lost())
    t.equal((await early).token, first.accessToken, 'four minutes are left')
    t.equal((await keeper.access()).token, first.accessToken)
    t.equal(refreshes.length, 1, 'within the minute nothing is sent')
    await clock.advance(61_000)
    const later = keeper.access()
    const next = grant()
    ;(await sent(2)).resolve(next)
    t.equal((await later).token, next.accessToken)
  },
)

overDatabases('a refused access token is renewed once, however many requests it hit', async (t, kind) => {
  const { keeper, refreshes, sent } = await setUp(t, kind)
  const first = grant()
  await keeper.connect('1', first)
  const callers = Array.from({ length: 20 }, () => keeper.renew(first.accessToken))
  const next = grant()
  ;(await sent()).resolve(next)
  for (const { token } of await Promise.all(callers)) t.equal(token, next.accessToken)
  t.equal((await keeper.renew(first.accessToken)).token, next.accessToken, 'a late caller gets what is there')
  t.equal(refreshes.length, 1)
})

overDatabases(
  'the periodic check refreshes what would expire before the next one, and only that',
  async (t, kind) => {
    const { keeper, clock, refreshes, sent } = await setUp(t, kind)
    await keeper.check()
    await keeper.connect('1', grant())
    await keeper.check()
    t.equal(refreshes.length, 0)
    await clock.advance(HOUR_MS - 9 * 60_000)
    const check = keeper.check()
    ;(await sent()).resolve(grant())
    await check
    t.equal(refreshes.length, 1)
  },
)

overDatabases(
  'a refresh that was under way when a person connected anew does not bring the old tokens back',
  async (t, kind) => {
    const { keeper, clock, sent, inner } = await setUp(t, kind)
    await keeper.connect('1', grant())
    await clock.advance(HOUR_MS)
    const caller = keeper.access()
    const request = await sent()
    const anew = grant()
    const connecting = keeper.connect('1', anew)
    request.resolve(grant())
    await Promise.all([caller, connecting])
    t.equal((await inner.load())?.refreshToken, anew.refreshToken)
    t.equal(keeper.connection()?.refreshToken, anew.refreshToken)
  },
)

overDatabases(
  'what is stored can be read neither without the key nor as another company',
  async (t, kind) => {
    const { keeper, store, clock } = await setUp(t, kind)
    await keeper.connect('4620816365000001', grant())
    const sealed = secrets.seal('token', 'company a')
    t.throws(() => secrets.open(sealed, 'company b'))
    t.throws(() => createSecrets('another key of ours').open(sealed, 'company a'))
    t.throws(() => secrets.open(sealed.replace(/^../, 'zz'), 'company a'))
    t.equal(secrets.open(sealed, 'company a'), 'token')
    t.equal((await store.load())?.realmId, '4620816365000001')
    t.notMatch(
      JSON.stringify(await store.load())
        .split('"realm":')[1]
        ?.slice(0, 50),
      '4620816365000001',
    )
    t.ok(clock.now())
  },
)

overDatabases('a wrong SECRET_KEY is one clear line and destroys nothing', async (t, kind) => {
  const database = await kind.open(t)
  const clock = createManualClock()
  const store = createTokenStore({ ...database, lease: soleLease(database.db), keyring, clock })
  const { oauth } = directedIntuit()
  const keeper = await createTokenKeeper({
    store,
    lease: soleLease(database.db),
    oauth,
    keyring,
    clock,
    log: quiet,
    checkIntervalMs: 1,
  })
  await keeper.connect('1', grant())
  const stranger = createTokenStore({
    ...{ ...database, lease: soleLease(database.db), clock },
    keyring: createKeyring(() => ({ key: 'not the same key', previous: [] })),
  })
  await t.rejects(stranger.load(), { name: 'ConfigError', message: /^SECRET_KEY: .*Nothing was changed/ })
  t.ok(await store.load())
})

overDatabases(
  'a request that an earlier life did not see the end of is waited for before the next',
  async (t, kind) => {
    const { keeper, clock, inner, refreshes, sent, oauth, lease } = await setUp(t, kind)
    await keeper.connect('1', grant())
    await clock.advance(HOUR_MS)
    void keeper.access().catch(() => undefined)
    await sent()
    // It was killed here; the answer may still be on its way to nobody.
    const deps = { store: inner, lease, oauth, keyring, clock, log: quiet, checkIntervalMs: 60_000 }
    const next = await createTokenKeeper(deps)
    const caller = next.access()
    await clock.advance(4_999)
    t.equal(refreshes.length, 1)
    await clock.advance(1)
    const granted = grant()
    ;(await sent(2)).resolve(granted)
    t.equal((await caller).token, granted.accessToken)
    t.equal((await inner.load())?.refreshAskedAt, undefined, 'all is known')
    await clock.advance(HOUR_MS)
    const last = await createTokenKeeper(deps)
    void last.access().catch(() => undefined)
    await sent(3)
  },
)

overDatabases('while the disk takes nothing, nothing is revoked either', async (t, kind) => {
  const { keeper, disk, oauth } = await setUp(t, kind)
  await keeper.connect('1', grant())
  let revoked = 0
  oauth.revoke = async () => {
    revoked += 1
  }
  disk.full = true
  await t.rejects(keeper.disconnect(), { code: 'TOKEN_STORE_FAILED' })
  t.equal(revoked, 0)
  t.equal(keeper.connection()?.state, 'connected')
  disk.full = false
  t.same(await keeper.disconnect(), { revoked: true })
})

overDatabases('tokens of a consent that a disconnect came in between of are not taken', async (t, kind) => {
  const { keeper, inner } = await setUp(t, kind)
  const before = keeper.disconnects()
  await keeper.connect('1', grant(), before)
  await keeper.disconnect()
  await t.rejects(keeper.connect('1', grant(), before), { code: 'DISCONNECTED_MEANWHILE', statusCode: 409 })
  t.equal(await inner.load(), undefined)
})
