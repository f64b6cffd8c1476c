import { statSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { type Cache, createCache } from '../../../src/services/cache/cache.ts'
import { openSqlite } from '../../../src/services/database/sqlite.ts'
import type { CachedRow } from '../../../src/services/entities/index.ts'
import { soleLease } from '../../../src/services/lease/lease.ts'
import { createManualClock } from '../../support/clock.ts'
import { type DatabaseKind, overDatabases, sqlite } from '../../support/databases.ts'
import { temporaryFolder } from '../../support/service.ts'

async function setUp(t: Test, kind: DatabaseKind) {
  const { db } = await kind.open(t)
  const clock = createManualClock()
  const cache = createCache({ db, lease: soleLease(db), clock })
  await cache.attempt('a', 'items')
  const rows = () => db.selectFrom('qbo_records').selectAll().where('realm', '=', 'a').orderBy('id').execute()
  return { db, clock, cache, rows }
}

const row = (
  id: string,
  lastUpdated: number,
  text = `${id} at ${lastUpdated}`,
  active = true,
): CachedRow => ({
  id,
  lastUpdated,
  active,
  json: JSON.stringify({ text }),
})

const end = { setAside: 0, asOf: 1, drift: null }
const gone = (...ids: string[]) => ids.map((id) => ({ id, at: null }))

async function listed(cache: Cache, realm: string, limit: number): Promise<string[]> {
  const all: string[] = []
  for await (const some of cache.list(realm, 'items', limit)) all.push(...some)
  return all
}

overDatabases(
  'newer wins, whatever the order, the batches and the repetitions in which rows arrive',
  async (t, kind) => {
    const { db, cache } = await setUp(t, kind)
    const arrival = fc.record({
      id: fc.constantFrom('1', '2', '3', '4'),
      lastUpdated: fc.nat(5),
      active: fc.boolean(),
    })
    let runs = 0
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(arrival, { maxLength: 6 }), { maxLength: 6 }), async (pages) => {
        const realm = `realm ${runs++}`
        await cache.attempt(realm, 'items')
        const newest = new Map<string, number>()
        let lastSeq = 0
        for (const page of pages) {
          const change = await cache.commitPage(
            realm,
            'items',
            page.map((one) => row(one.id, one.lastUpdated, '', one.active)),
          )
          for (const one of page) newest.set(one.id, Math.max(newest.get(one.id) ?? 0, one.lastUpdated))
          const stored = await db
            .selectFrom('qbo_records')
            .select(['id', 'seq'])
            .where('realm', '=', realm)
            .execute()
          for (const { id } of change.upserts) {
            const seq = stored.find((one) => one.id === id)?.seq ?? 0
            if (seq <= lastSeq) return false
          }
          lastSeq = Math.max(lastSeq, ...stored.map((one) => one.seq))
        }
        const stored = await db.selectFrom('qbo_records').selectAll().where('realm', '=', realm).execute()
        const [checkpoint] = await cache.checkpoints(realm)
        return (
          stored.length === newest.size &&
          stored.every((one) => one.last_updated === newest.get(one.id)) &&
          checkpoint?.records === stored.length &&
          checkpoint.activeRecords === stored.filter((one) => one.active === 1).length
        )
      }),
      { numRuns: 60 },
    )
  },
)

overDatabases('a page that says nothing new changes nothing and takes no seq', async (t, kind) => {
  const { cache, rows } = await setUp(t, kind)
  await cache.commitPage('a', 'items', [row('1', 10), row('2', 10)])
  const before = await rows()
  const change = await cache.commitPage('a', 'items', [row('1', 10), row('2', 9, 'older')])
  t.same(change, { upserts: [], removals: [], seq: 0 })
  t.same(await rows(), before)
})

overDatabases('a record whose balance moved within the same second is news', async (t, kind) => {
  const { cache } = await setUp(t, kind)
  await cache.commitPage('a', 'items', [row('1', 10, 'balance 1')])
  const change = await cache.commitPage('a', 'items', [row('1', 10, 'balance 2')])
  t.equal(change.upserts.length, 1)
})

overDatabases('a pass that ends removes what is gone, and counts stay true', async (t, kind) => {
  const { cache, clock, rows } = await setUp(t, kind)
  await cache.commitPage('a', 'items', [row('1', 1), row('2', 1, '', false), row('3', 1)])
  const removal = await cache.remove('a', 'items', gone('2', '9'))
  await cache.completePass('a', 'items', { setAside: 4, asOf: 77, drift: 1 })
  t.same(removal, {
    upserts: [],
    removals: ['2'],
    newer: [],
    seq: 4,
  })
  t.same(
    (await rows()).map(({ id }) => id),
    ['1', '3'],
  )
  t.match(await cache.checkpoints('a'), [
    {
      records: 2,
      activeRecords: 2,
      setAside: 4,
      lastSuccess: clock.now(),
      lastError: null,
      owesFull: false,
      completeAsOf: 77,
      lastFull: clock.now(),
      drift: 1,
    },
  ])
})

overDatabases('seq never goes back, even when the newest record is gone', async (t, kind) => {
  const { cache, rows } = await setUp(t, kind)
  await cache.commitPage('a', 'items', [row('1', 1), row('2', 1)])
  const highest = Math.max(...(await rows()).map(({ seq }) => seq))
  await cache.remove('a', 'items', gone('1', '2'))
  await cache.commitPage('a', 'items', [row('3', 1)])
  t.ok(((await rows())[0]?.seq ?? 0) > highest)
})

overDatabases('a failure keeps every record, and the next success forgets it', async (t, kind) => {
  const { cache, rows } = await setUp(t, kind)
  await cache.commitPage('a', 'items', [row('1', 1)])
  await cache.failPass('a', 'items', 'full', 'QuickBooks is not available')
  t.equal((await rows()).length, 1)
  t.match(await cache.checkpoints('a'), [{ lastError: 'QuickBooks is not available', lastSuccess: null }])
  await cache.completePass('a', 'items', end)
  t.match(await cache.checkpoints('a'), [{ lastError: null }])
})

overDatabases('a page whose commit fails leaves neither records nor counts behind', async (t, kind) => {
  const { cache, rows } = await setUp(t, kind)
  await cache.commitPage('a', 'items', [row('1', 1)])
  const broken = { ...row('300', 1), json: null as unknown as string }
  const page = [...Array.from({ length: 250 }, (_, i) => row(String(i), 5)), broken]
  await t.rejects(cache.commitPage('a', 'items', page))
  t.same(
    (await rows()).map(({ id }) => id),
    ['1'],
  )
  t.match(await cache.checkpoints('a'), [{ records: 1, activeRecords: 1 }])
})

overDatabases(
  'thousands of records come back whole, and so do their ids; a list begins with what changed last',
  async (t, kind) => {
    const { cache } = await setUp(t, kind)
    const all = Array.from({ length: 2500 }, (_, i) => row(String(i), i % 7))
    await cache.commitPage('a', 'items', all)
    const back: CachedRow[] = []
    for await (const batch of cache.batches('a', 'items')) back.push(...batch)
    t.equal(new Set(back.map(({ id }) => id)).size, 2500)
    const ids: string[] = []
    for await (const batch of cache.ids('a', 'items')) ids.push(...batch)
    t.equal(new Set(ids).size, 2500)
    await cache.commitPage('a', 'items', [row('7', 99)])
    const list = await listed(cache, 'a', 10)
    t.equal(list.length, 10)
    t.equal(list[0], row('7', 99).json)
  },
)

overDatabases('two companies never mix, and one can be forgotten', async (t, kind) => {
  const { cache, rows } = await setUp(t, kind)
  await cache.attempt('b', 'items')
  await cache.commitPage('a', 'items', [row('1', 1)])
  await cache.commitPage(
    'b',
    'items',
    Array.from({ length: 1500 }, (_, i) => row(String(i), 9)),
  )
  t.equal((await rows()).length, 1)
  await cache.keepOnly('a')
  t.same(await cache.checkpoints('b'), [])
  t.equal((await listed(cache, 'b', 5)).length, 0)
  t.equal((await rows()).length, 1)
  await cache.keepOnly()
  t.equal((await rows()).length, 0)
})

t.test('the database file is for its owner only, and a second process is refused', async (t) => {
  const folder = temporaryFolder(t)
  const { close } = await openSqlite(folder)
  t.teardown(close)
  t.equal(statSync(join(folder, 'mrp-backend.db')).mode & 0o777, 0o600)
  await t.rejects(openSqlite(folder), { name: 'ConfigError', message: /another process serves/ })
  await t.rejects(openSqlite(join(folder, 'mrp-backend.db', 'below-a-file')), {
    name: 'ConfigError',
    message: /^DATA_DIR: .* cannot be written/,
  })
})

overDatabases(
  'of two versions the one with more edits wins, whatever a clock of QuickBooks said',
  async (t, kind) => {
    const { cache, rows } = await setUp(t, kind)
    const version = (SyncToken: string, lastUpdated: number, Balance: number): CachedRow => ({
      ...{ id: '1', lastUpdated, active: true },
      json: JSON.stringify({ SyncToken, Balance }),
    })
    const order: [CachedRow, number][] = [
      [version('9', 100, 1), 1],
      [version('10', 50, 2), 1],
      [version('9', 200, 3), 0],
      [version('10', 50, 4), 1],
      [version('10', 40, 5), 0],
    ]
    for (const [one, news] of order)
      t.equal((await cache.commitPage('a', 'items', [one])).upserts.length, news, one.json)
    t.match(await rows(), [{ json: /"Balance":4/ }])
  },
)

overDatabases(
  'a deletion removes what is not newer, leaves a tombstone, and what is newer is named',
  async (t, kind) => {
    const { cache, db, clock, rows } = await setUp(t, kind)
    await cache.commitPage('a', 'items', [row('1', 10), row('2', 20), row('3', 30)])
    const removal = await cache.remove('a', 'items', [
      { id: '1', at: 10 },
      { id: '2', at: 19 },
      { id: '3', at: null },
      { id: 'unknown', at: 99 },
    ])
    t.same(removal, { upserts: [], removals: ['1', '3'], newer: ['2'], seq: 5 })
    t.match(await rows(), [{ id: '2' }])
    t.match(await cache.checkpoints('a'), [{ records: 1, activeRecords: 1 }])
    const tombstones = await db.selectFrom('qbo_tombstones').selectAll().orderBy('seq').execute()
    t.match(tombstones, [
      { id: '1', seq: 4, deleted_at: clock.now() },
      { id: '3', seq: 5 },
    ])
  },
)

overDatabases('what was asked for before a record was removed does not bring it back', async (t, kind) => {
  const { cache, rows } = await setUp(t, kind)
  await cache.commitPage('a', 'items', [row('1', 10)])
  const before = await cache.sequence('a')
  await cache.remove('a', 'items', [{ id: '1', at: null }])
  t.equal((await cache.commitPage('a', 'items', [row('1', 11)], before)).upserts.length, 0)
  t.same(await rows(), [])
  const after = await cache.sequence('a')
  t.equal((await cache.commitPage('a', 'items', [row('1', 11)], after)).upserts.length, 1)
})

overDatabases(
  'of two versions that were edited as often the one that was asked for later wins',
  async (t, kind) => {
    const { cache } = await setUp(t, kind)
    const before = await cache.sequence('a')
    await cache.commitPage('a', 'items', [row('1', 10, 'balance 1')])
    const after = await cache.sequence('a')
    const earlier = row('1', 9, 'balance 2')
    t.equal((await cache.commitPage('a', 'items', [earlier], before)).upserts.length, 0, 'its time is older')
    t.equal(
      (await cache.commitPage('a', 'items', [earlier], after)).upserts.length,
      1,
      'whatever its time is',
    )
  },
)

overDatabases('of two versions in one answer the one with more edits wins', async (t, kind) => {
  const { cache, rows } = await setUp(t, kind)
  const version = (SyncToken: string, lastUpdated: number): CachedRow => ({
    ...{ id: '1', lastUpdated, active: true },
    json: JSON.stringify({ SyncToken }),
  })
  await cache.commitPage('a', 'items', [version('10', 50), version('9', 100)])
  t.match(await rows(), [{ json: /"10"/ }])
})

overDatabases('what is held back is kept until it is replaced or a pass completes', async (t, kind) => {
  const { cache } = await setUp(t, kind)
  await cache.holdBack('a', 'items', ['1', '2'])
  t.same(await cache.heldBack('a', 'items'), ['1', '2'])
  t.match(await cache.checkpoints('a'), [{ heldBack: 2 }])
  await cache.holdBack('a', 'items', ['3'])
  t.match(await cache.checkpoints('a'), [{ heldBack: 1 }])
  await cache.completePass('a', 'items', end)
  t.same(await cache.heldBack('a', 'items'), [])
})

overDatabases('tombstones are kept for ninety days', async (t, kind) => {
  const { cache, db, clock } = await setUp(t, kind)
  const count = async () => (await db.selectFrom('qbo_tombstones').select('id').execute()).length
  await cache.commitPage('a', 'items', [row('1', 10), row('2', 10)])
  await cache.remove('a', 'items', [{ id: '1', at: null }])
  await clock.advance(89 * 24 * 3_600_000)
  await cache.remove('a', 'items', gone('2'))
  await cache.completePass('a', 'items', end)
  t.equal(await count(), 2)
  await clock.advance(2 * 24 * 3_600_000)
  await cache.completePass('a', 'items', end)
  t.equal(await count(), 1)
})

t.test('a server gets a page in one statement, or in several of a few megabytes each', async (t) => {
  const { db } = await setUp(t, sqlite)
  const sent: number[] = []
  const watched = db.withPlugin({
    transformQuery({ node }) {
      if (node.kind === 'InsertQueryNode') {
        const values = JSON.stringify(node.values)
        if (values.includes('padding')) sent.push(values.length)
      }
      return node
    },
    transformResult: async ({ result }) => result,
  })
  const lease = { ...soleLease(watched), isShared: true }
  const cache = createCache({ db: watched, lease, clock: createManualClock() })
  const page = (count: number, chars: number) =>
    Array.from({ length: count }, (_, i) => row(`${count}-${i}`, 1, `padding${'x'.repeat(chars)}`))

  t.equal((await cache.commitPage('a', 'items', page(1000, 20))).upserts.length, 1000)
  t.equal(sent.length, 1)
  sent.length = 0
  t.equal((await cache.commitPage('a', 'items', page(100, 250_000))).upserts.length, 100)
  t.ok(sent.length > 1 && Math.max(...sent) < 4_000_000, sent.join())
  sent.length = 0
  await cache.commitPage('a', 'items', page(1, 2_000_000))
  t.equal(sent.length, 1, 'one record is never cut')
})
