// A connection and its cache are moved from one database to another, in both directions, and ended at every write.
import t, { type Test } from 'tap'
import { createCache } from '../../../src/services/cache/cache.ts'
import { createFeed } from '../../../src/services/cache/feed.ts'
import { createHintQueue } from '../../../src/services/cache/hints.ts'
import { copyStore, type Side } from '../../../src/services/copy/copy.ts'
import { soleLease } from '../../../src/services/lease/lease.ts'
import { createKeyring, type Keyring } from '../../../src/services/tokens/keyring.ts'
import { type Connection, createTokenStore } from '../../../src/services/tokens/store.ts'
import { createManualClock } from '../../support/clock.ts'
import { type DatabaseKind, mariaDb, sqlite } from '../../support/databases.ts'

const clock = createManualClock()
const oldKeys = createKeyring(() => ({ key: 'the key of the source', previous: [] }))
const newKeys = createKeyring(() => ({ key: 'the key of the target', previous: [] }))

const connection: Connection = {
  ...{ realm: 'the-realm', realmId: '4711', state: 'connected' },
  ...{ accessToken: 'access-1', refreshToken: 'refresh-1' },
  ...{ accessExpiresAt: 1_000, refreshAt: 900, refreshExpiresAt: 9_000 },
  ...{ consentExpiresAt: 90_000, connectedAt: 5, refreshAskedAt: 7 },
}

async function sideOf(t: Test, kind: DatabaseKind, keyring: Keyring): Promise<Side> {
  const { db } = await kind.open(t)
  return { name: kind.name, db, lease: soleLease(db), keyring, close: async () => undefined }
}

const storeOf = ({ db, lease, keyring }: Side) =>
  createTokenStore({ db, lease, keyring, clock, makeRoom: async () => undefined })

/** Something in every table; more records than fit a batch. */
async function fill(side: Side): Promise<void> {
  const { realm } = connection
  const cache = createCache({ ...side, clock })
  for (const entity of ['items', 'vendors']) {
    await cache.attempt(realm, entity)
    const page = Array.from({ length: 450 }, (_, i) => ({
      ...{ id: String(i), lastUpdated: i, active: i % 3 > 0 },
      json: JSON.stringify({ Id: String(i), Name: `🔩 \\ "${entity}" ${i}` }),
    }))
    await cache.commitPage(realm, entity, page)
    await cache.completePass(realm, entity, { setAside: 1, asOf: 12, drift: 2 })
  }
  await cache.remove(realm, 'items', [
    { id: '7', at: null },
    { id: '8', at: null },
  ])
  await cache.holdBack(realm, 'vendors', ['1', '2'])
  await cache.failPass(realm, 'vendors', 'full', 'it did not answer')
  const hints = createHintQueue({ db: side.db, clock })
  for (const id of ['3', '4']) await hints.add(realm, [{ entity: 'items', id, gone: id === '4' }], 0)
  const reads = { month: '2026-11', entity: 'items', reason: 'full', reads: 7 }
  await side.db.insertInto('qbo_reads').values(reads).execute()
  await storeOf(side).save(connection)
}

/** Everything that a move keeps. */
async function contentsOf({ db }: Side) {
  const hints = await db.selectFrom('qbo_hints').selectAll().orderBy('number').execute()
  const rows = async (table: 'qbo_records' | 'qbo_tombstones') =>
    (await db.selectFrom(table).selectAll().orderBy('seq').execute()).map((row) => ({ ...row }))
  const rest = async (table: 'qbo_checkpoints' | 'qbo_held_drops') =>
    (await db.selectFrom(table).selectAll().orderBy('entity').execute()).map((row) => ({ ...row }))
  return {
    records: await rows('qbo_records'),
    tombstones: await rows('qbo_tombstones'),
    checkpoints: await rest('qbo_checkpoints'),
    held: await rest('qbo_held_drops'),
    hints: hints.map(({ number: _, ...row }) => ({ ...row })),
    sequences: (await db.selectFrom('qbo_sequences').selectAll().execute()).map((row) => ({ ...row })),
    reads: (await db.selectFrom('qbo_reads').selectAll().execute()).map((row) => ({ ...row })),
  }
}

const directions: [DatabaseKind, DatabaseKind][] = [
  [sqlite, mariaDb],
  [mariaDb, sqlite],
]

function inBothDirections(title: string, body: (t: Test, source: Side, target: Side) => Promise<void>): void {
  for (const [from, to] of directions)
    t.test(`${title}, from ${from.name} to ${to.name}`, { skip: mariaDb.skip ?? false }, async (t) => {
      await body(t, await sideOf(t, from, oldKeys), await sideOf(t, to, newKeys))
    })
}

inBothDirections('everything is there, sealed with the key of there', async (t, source, target) => {
  await fill(source)
  const before = await contentsOf(source)
  t.equal(before.records.length, 898)
  const feed = createFeed({ db: source.db, clock })
  const query = { realm: connection.realm, entities: ['items'], limit: 1_000 }
  const { cursor } = await feed.read({ ...query, cursor: undefined })

  const outcome = await copyStore(source, target, clock)
  t.same(outcome, { kind: 'moved', records: 898, tombstones: 2, hints: 2 })
  t.same(await contentsOf(target), before)
  t.same(await storeOf(target).load(), connection)
  t.equal(await storeOf(source).load(), undefined)

  const cache = createCache({ ...target, clock })
  await cache.remove(connection.realm, 'items', [{ id: '9', at: null }])
  const next = await createFeed({ db: target.db, clock }).read({ ...query, cursor })
  t.match(next, { changes: [{ id: '9', json: null }], more: false }, 'cursors go on')
  t.same(await copyStore(source, target, clock), { kind: 'nothing' })
})

inBothDirections(
  'a move that ends at any write, done or not, is completed by the next',
  async (t, source, target) => {
    await fill(source)
    const before = await contentsOf(source)
    const states = new Set<string>()
    for (const isDone of [false, true]) {
      for (let nth = 1; ; nth++) {
        const [from, to] = endingAt(nth, isDone, source, target)
        const first = await copyStore(from, to, clock).catch((error: Error) => error)
        const end = first instanceof Error ? 'failed' : first.kind
        if (end !== 'failed' && end !== 'unfinished') break
        if (end === 'unfinished')
          t.same(await storeOf(target).load(), connection, 'says where the tokens are')
        const tokens = [await storeOf(source).load(), await storeOf(target).load()]
        states.add(tokens.map((one) => (one === undefined ? '-' : 'tokens')).join(' '))
        t.ok(
          tokens.some((one) => one !== undefined),
          'never without tokens',
        )
        await copyStore(source, target, clock)
        t.same(await contentsOf(target), before, `ended ${isDone ? 'after' : 'before'} write ${nth}`)
        t.same(await storeOf(target).load(), connection)
        t.equal(await storeOf(source).load(), undefined)
        await storeOf(target).clear()
        await storeOf(source).save(connection)
      }
      await storeOf(target).clear()
      await storeOf(source).save(connection)
    }
    t.same([...states].sort(), ['- tokens', 'tokens -', 'tokens tokens'], 'each of the ways to end was tried')
  },
)

/** Both as they are, until the `nth` write to one of them; it fails, before or after it is done. */
function endingAt(nth: number, isDone: boolean, source: Side, target: Side): [Side, Side] {
  let writes = 0
  const ending = (side: Side): Side => ({
    ...side,
    lease: {
      ...side.lease,
      async write(work) {
        writes += 1
        if (writes === nth && !isDone) throw new Error('ended')
        const result = await side.lease.write(work)
        if (writes === nth) throw new Error('ended')
        return result
      },
    },
  })
  return [ending(source), ending(target)]
}

inBothDirections(
  'what the target has of its own is kept, and so is the source',
  async (t, source, target) => {
    await fill(source)
    const before = await contentsOf(source)
    const refused = async (message: RegExp) => {
      const there = await contentsOf(target)
      await t.rejects(copyStore(source, target, clock), { name: 'ConfigError', message })
      t.same(await contentsOf(target), there)
      t.same(await contentsOf(source), before)
      t.same(await storeOf(source).load(), connection)
    }
    const other = createCache({ ...target, clock })
    await other.attempt('other-realm', 'items')
    await refused(/^--to: .* holds records of another company/)
    await target.db.deleteFrom('qbo_checkpoints').execute()
    await storeOf(target).save({ ...connection, realm: 'other-realm', realmId: '4712' })
    await refused(/^--to: .* is connected to another company/)
    await storeOf(target).save({ ...connection, connectedAt: 6 })
    await refused(/^--to: .* is connected to the same company by a consent of its own/)
    const locked = { ...source, keyring: newKeys }
    await t.rejects(copyStore(locked, target, clock), { name: 'ConfigError', message: /^SECRET_KEY: / })
  },
)

inBothDirections('of one chain of tokens at both ends the newer end is kept', async (t, source, target) => {
  await fill(source)
  // Ended between the two ends, then the source was started again, and has refreshed.
  await storeOf(target).save(connection)
  const refreshed = { ...connection, refreshToken: 'refresh-2', accessExpiresAt: 2_000 }
  await storeOf(source).save(refreshed)
  t.match(await copyStore(source, target, clock), { kind: 'moved', records: 898 })
  t.match(await storeOf(target).load(), { refreshToken: 'refresh-2' })
  // The target was, and has.
  await storeOf(source).save(connection)
  t.same(await copyStore(source, target, clock), { kind: 'finished' })
  t.match(await storeOf(target).load(), { refreshToken: 'refresh-2' })
  t.equal(await storeOf(source).load(), undefined)
})

inBothDirections(
  'tokens that come to the source while it is copied are those that move',
  async (t, source, target) => {
    await fill(source)
    const last = { ...connection, refreshToken: 'refresh-2' }
    let writes = 0
    const lease: Side['lease'] = {
      ...target.lease,
      async write(work) {
        writes += 1
        if (writes === 5) t.equal(await storeOf(source).rescue(last, 'refresh-1'), true)
        return await target.lease.write(work)
      },
    }
    t.match(await copyStore(source, { ...target, lease }, clock), { kind: 'moved' })
    t.same(await storeOf(target).load(), last)
    t.equal(await storeOf(source).load(), undefined)
  },
)

inBothDirections('where nothing is connected nothing is moved', async (t, source, target) => {
  await t.rejects(copyStore(source, target, clock), {
    name: 'ConfigError',
    message: /^--from: QuickBooks is not connected/,
  })
})
