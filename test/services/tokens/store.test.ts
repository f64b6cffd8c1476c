// The sealed connection over each kind of database.
import type { Test } from 'tap'
import { soleLease } from '../../../src/services/lease/lease.ts'
import { createKeyring } from '../../../src/services/tokens/keyring.ts'
import { type Connection, createTokenStore, hasTokens } from '../../../src/services/tokens/store.ts'
import { createManualClock } from '../../support/clock.ts'
import { type DatabaseKind, overDatabases } from '../../support/databases.ts'

const connection: Connection = {
  ...{ realm: 'the-realm', realmId: '4711', state: 'connected' },
  ...{ accessToken: 'access-1', refreshToken: 'refresh-1' },
  ...{ accessExpiresAt: 2, refreshAt: 1, refreshExpiresAt: 3, consentExpiresAt: 4, connectedAt: 1 },
}

async function setUp(t: Test, kind: DatabaseKind) {
  const { db, makeRoom } = await kind.open(t)
  const storeWith = (key: string) => {
    const keyring = createKeyring(() => ({ key, previous: [] }))
    return createTokenStore({ db, lease: soleLease(db), keyring, clock: createManualClock(), makeRoom })
  }
  return { db, storeWith, store: storeWith('a key for tests only') }
}

overDatabases('what was saved is there, sealed, and gone when it is cleared', async (t, kind) => {
  const { db, store, storeWith } = await setUp(t, kind)
  t.equal(await store.load(), undefined)
  await store.save(connection)
  t.same(await store.load(), connection)
  const expired: Connection = { ...connection, state: 'reconnect_required' }
  await store.reserve(expired)
  t.same(await store.load(), expired)
  const rows = await db.selectFrom('qbo_tokens').selectAll().execute()
  t.equal(rows.length, 1)
  t.notMatch(JSON.stringify(rows), /4711|access-1|refresh-1/)
  const message = /^SECRET_KEY: .*another key/
  await t.rejects(storeWith('another key').load(), { name: 'ConfigError', message })
  await store.clear()
  t.equal(await hasTokens(db), false)
})

overDatabases('another company takes the place of the one before', async (t, kind) => {
  const { store } = await setUp(t, kind)
  await store.save(connection)
  const other = { ...connection, realm: 'The-Realm', realmId: '4712' }
  await store.save(other)
  t.same(await store.load(), other)
})

overDatabases('tokens are rescued only where those are stored that they came of', async (t, kind) => {
  const { store } = await setUp(t, kind)
  const next = { ...connection, refreshToken: 'refresh-2' }
  const last = { ...connection, refreshToken: 'refresh-3' }
  t.equal(await store.rescue(next, 'refresh-1'), false, 'nothing is stored any more')
  t.equal(await store.load(), undefined)
  t.equal(await store.rescue(connection, undefined), true, 'the first of a consent')
  t.equal(await store.rescue(next, 'refresh-1'), true)
  t.equal(await store.rescue(next, 'refresh-1'), true, 'once more')
  t.equal(await store.rescue(last, 'refresh-1'), false, 'others were stored since')
  t.match(await store.load(), { refreshToken: 'refresh-2' })
})
