// The delta feed over each kind of database: a client that applies page after page ends with what the cache holds.
import fc from 'fast-check'
import type { Test } from 'tap'
import { createCache } from '../../../src/services/cache/cache.ts'
import { createFeed } from '../../../src/services/cache/feed.ts'
import { soleLease } from '../../../src/services/lease/lease.ts'
import { createManualClock } from '../../support/clock.ts'
import { type DatabaseKind, overDatabases } from '../../support/databases.ts'

const REALM = 'the-realm'
const ENTITIES = ['items', 'vendors']

async function setUp(t: Test, kind: DatabaseKind) {
  const { db } = await kind.open(t)
  const clock = createManualClock()
  const cache = createCache({ db, lease: soleLease(db), clock })
  const feed = createFeed({ db, clock })
  for (const entity of ENTITIES) await cache.attempt(REALM, entity)
  let edits = 0
  const write = (entity: string, ...ids: string[]) => {
    edits += 1
    const json = (id: string) => JSON.stringify({ id, SyncToken: String(edits) })
    const rows = ids.map((id) => ({ id, json: json(id), active: true, lastUpdated: edits }))
    return cache.commitPage(REALM, entity, rows)
  }
  const drop = (entity: string, ...ids: string[]) =>
    cache.remove(
      REALM,
      entity,
      ids.map((id) => ({ id, at: null })),
    )
  const stored = async () => {
    const rows = await db.selectFrom('qbo_records').select(['entity', 'id', 'json']).execute()
    return new Map(rows.map(({ entity, id, json }) => [`${entity} ${id}`, json]))
  }
  const read = (cursor: string | undefined, limit = 10, entities = ENTITIES) =>
    feed.read({ realm: REALM, entities, cursor, limit })
  return { clock, cache, feed, write, drop, stored, read }
}

overDatabases('a copy that applies the pages in their order equals the cache', async (t, kind) => {
  const { write, drop, stored, read } = await setUp(t, kind)
  const copy = new Map<string, string>()
  let cursor: string | undefined
  const id = fc.constantFrom('1', '2', 'a', 'A', 'é')
  const change = fc.record({
    entity: fc.constantFrom(...ENTITIES),
    ids: fc.uniqueArray(id, { minLength: 1 }),
    isGone: fc.boolean(),
  })
  const steps = fc.array(change, { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (changes, limit) => {
      for (const { entity, ids, isGone } of changes) await (isGone ? drop : write)(entity, ...ids)
      for (let more = true; more; ) {
        const page = await read(cursor, limit)
        for (const { entity, id, json } of page.changes) {
          if (json === null) copy.delete(`${entity} ${id}`)
          else copy.set(`${entity} ${id}`, json)
        }
        cursor = page.cursor
        more = page.more
      }
      t.same([...copy].sort(), [...(await stored())].sort())
    }),
    { numRuns: 25, endOnFailure: true },
  )
})

overDatabases('a page ends where it would get too large for one answer', async (t, kind) => {
  const { cache, read } = await setUp(t, kind)
  const text = 'é'.repeat(500_000)
  const rows = Array.from({ length: 10 }, (_, i) => ({
    ...{ id: String(i), lastUpdated: i, active: true },
    json: JSON.stringify({ i, text }),
  }))
  await cache.commitPage(REALM, 'items', rows)
  const page = await read(undefined, 100)
  t.match(page, { more: true, changes: [{ id: '0' }] })
  t.equal(page.changes.length, 4, 'of a megabyte each, in bytes')
  t.match(await read(page.cursor, 100), { more: true, changes: [{ id: '4' }] })
})

overDatabases(
  'a cursor of another life, other entities or long ago is told from one that goes on',
  async (t, kind) => {
    const { clock, cache, write, drop, read } = await setUp(t, kind)
    await write('items', '1', '2')
    const { cursor } = await read(undefined)
    await drop('items', '1')
    t.match(await read(cursor), { changes: [{ id: '1', json: null }] })
    const ofItems = (await read(undefined, 10, ['items'])).cursor
    const unknown = { code: 'CURSOR_UNKNOWN', statusCode: 410 }
    await t.rejects(read(ofItems), unknown)
    await t.rejects(read('nonsense'), unknown)
    await clock.advance(91 * 24 * 3_600_000)
    await t.rejects(read(cursor), unknown)
    const fresh = (await read(undefined)).cursor
    t.match(await read(fresh), { changes: [] })
    await cache.endFeed(REALM)
    await t.rejects(read(fresh), unknown)
  },
)
