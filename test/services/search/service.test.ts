// Changes, builds and compaction beside each other: order is kept, nothing is lost, no half is seen.
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createEntities, entities } from '../../../src/services/entities/index.ts'
import { createSearch } from '../../../src/services/search/search.ts'
import { buildsOnThread } from '../../../src/services/search/thread.ts'
import { batches, customer, row, searchOver } from './helpers.ts'

t.test('starts empty and names its indexes', async (t) => {
  const search = createSearch({ entities: entities.slice(0, 3), clock: { now: () => 42 } })
  t.same(search.indexNames, [
    'client_names',
    'vendor_names',
    'product_names',
    'part_names',
    'part_numbers',
    'product_descriptions',
  ])
  t.same(search.search('client_names', 'a', 15), { json: [], ids: [], passes: [], total: 0 })
  t.same(search.status().client_names, { entity: 'customers', records: 0, dead: 0, lastChange: null })
  await search.apply({ entity: 'customers', upserts: [customer('1', 'A')], removals: [] })
  t.same(search.status().client_names, { entity: 'customers', records: 1, dead: 0, lastChange: 42 })
})

t.test('two feeds of one index whose results look alike are refused', async (t) => {
  const [first] = entities
  t.throws(() => createSearch({ entities: [first, { ...first, name: 'again' }] }), /client_names/)
})

t.test('answers with the ready JSON of the contract', async (t) => {
  const search = await searchOver('vendors', [row('7', { DisplayName: 'Kim' })])
  t.same(
    search.search('vendor_names', 'k', 15).json.map((json) => JSON.parse(json)),
    [
      {
        id: '7',
        type: 'vendor',
        name: 'Kim',
        active: true,
        company_name: null,
        email: null,
        phone: null,
      },
    ],
  )
})

t.test('a change of what is shown but not searched is shown, and the record matters more', async (t) => {
  const part = (price: number, minutes: number) => row('1', { Name: 'Pump', UnitPrice: price }, minutes)
  const search = await searchOver('items', [part(1, 0), row('2', { Name: 'Pump' }, 1)])
  t.same(search.search('part_names', 'pum', 15).ids, ['2', '1'])
  await search.apply({ entity: 'items', upserts: [part(2, 5)], removals: [] })
  const { ids, json } = search.search('part_names', 'pum', 15)
  t.same(ids, ['1', '2'], 'it matters more now')
  t.match(json[0], '"unit_price":2')
})

t.test('an inactive record disappears and comes back', async (t) => {
  const search = await searchOver('customers', [customer('1', 'Emily Platt')])
  await search.apply({
    entity: 'customers',
    upserts: [row('1', { DisplayName: 'Emily Platt (deleted)' }, 1, false)],
    removals: [],
  })
  t.equal(search.search('client_names', 'emily', 15).total, 0)
  await search.apply({ entity: 'customers', upserts: [customer('1', 'Emily Platt')], removals: [] })
  t.equal(search.search('client_names', 'emily', 15).total, 1)
  await search.clear()
  t.equal(search.search('client_names', 'emily', 15).total, 0)
})

t.test(
  'a rebuild answers from the old records until it is whole, and keeps the order of calls',
  async (t) => {
    const search = await searchOver('customers', [customer('old', 'Acme Old')])
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const rebuilt = search.rebuild(
      'customers',
      (async function* () {
        yield [customer('new', 'Acme New'), customer('gone', 'Acme Gone')]
        await gate
        yield [customer('new2', 'Acme Newer', {}, 1)]
      })(),
    )
    const applied = search.apply({
      entity: 'customers',
      upserts: [customer('late', 'Acme Late', {}, 2)],
      removals: ['gone'],
    })
    await setImmediate()
    t.same(search.search('client_names', 'acme', 15).ids, ['old'])
    release()
    await rebuilt
    await applied
    t.same(search.search('client_names', 'acme', 15).ids, ['late', 'new2', 'new'])
  },
)

t.test('a rebuild that fails leaves the old records', async (t) => {
  const search = await searchOver('customers', [customer('old', 'Acme')])
  await t.rejects(
    search.rebuild(
      'customers',
      (async function* () {
        yield [customer('new', 'Acme')]
        throw new Error('the database went away')
      })(),
    ),
    /went away/,
  )
  t.same(search.search('client_names', 'acme', 15).ids, ['old'])
})

t.test('compaction drops the dead and keeps changes that come while it runs', async (t) => {
  const count = 3_000
  let during: (() => void) | null = null
  const search = createSearch({
    entities,
    yieldNow: async () => {
      await setImmediate()
      during?.()
    },
  })
  const named = (word: string, from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => customer(`${from + i}`, `${word} ${from + i}`, {}, from + i))
  await search.rebuild('customers', batches(named('Before', 0, count)))
  const late: Promise<void>[] = []
  let calls = 0
  during = () => {
    const i = calls++
    if (i >= 50) return
    late.push(
      search.apply({
        entity: 'customers',
        upserts: [customer(`${i}`, `During ${i}`), customer(`n${i}`, `Fresh ${i}`)],
        removals: [`${count - 1 - i}`],
      }),
    )
  }
  await search.apply({ entity: 'customers', upserts: named('After', 0, 2_000), removals: [] })
  await search.settled()
  during = null
  await Promise.all(late)
  await search.settled()
  const n = late.length
  t.ok(n > 0, 'changes came in between')
  const found = (word: string) => search.search('client_names', word, count).total
  t.equal(found('before'), 1_000 - Math.min(n, 1_000))
  t.equal(found('during'), n)
  t.equal(found('fresh'), n)
  t.equal(found('after'), 2_000 - n)
  t.equal(search.status().client_names?.records, count)
  t.ok((search.status().client_names?.dead ?? 0) < 1_000, 'the dead are gone')
})

t.test('ranks long lists by recency, also after changes', async (t) => {
  const rows = Array.from({ length: 500 }, (_, i) => customer(`${i}`, `Acme ${i}`, {}, (i * 37) % 500))
  const search = await searchOver('customers', rows)
  await search.apply({
    entity: 'customers',
    upserts: [customer('7', 'Acme Seven', {}, 1_000), customer('8', 'Acme Eight', {}, 1_001)],
    removals: [],
  })
  const byRecency = () => rows.toSorted((a, b) => b.lastUpdated - a.lastUpdated).map(({ id }) => id)
  const expected = ['8', '7', ...byRecency().filter((id) => id !== '7' && id !== '8')]
  t.same(search.search('client_names', 'ac', 15).ids, expected.slice(0, 15))
})

t.test('a record that only matters more now moves up', async (t) => {
  const rows = Array.from({ length: 500 }, (_, i) => customer(`${i}`, `Acme ${i}`, {}, 500 - i))
  const search = await searchOver('customers', rows)
  await search.apply({
    entity: 'customers',
    upserts: [customer('30', 'Acme 30', { Balance: 5 }, 1_000)],
    removals: [],
  })
  t.same(search.search('client_names', 'ac', 3).ids, ['30', '0', '1'])
})

t.test(
  'after many changes, tidy brings the more important first, though it is asked for in the same breath',
  async (t) => {
    const search = createSearch({ entities })
    const rows = Array.from({ length: 300 }, (_, i) => customer(String(i), `Pump ${i}`, {}, (i * 7) % 300))
    await search.apply({ entity: 'customers', upserts: rows, removals: [] })
    search.tidy()
    await search.settled()
    const newest = rows.toSorted((a, b) => b.lastUpdated - a.lastUpdated).map(({ id }) => id)
    t.same(search.search('client_names', 'pump', 15).ids, newest.slice(0, 15))
  },
)

t.test('a thread builds with the settings of the installation', async (t) => {
  const settings = { clientPoFields: ['Bestellnummer'] }
  const search = createSearch({ entities: createEntities(settings), startBuild: buildsOnThread(settings) })
  const CustomField = [{ DefinitionId: '1', Name: 'Bestellnummer', StringValue: '4500017' }]
  await search.rebuild('invoices', batches([row('1', { DocNumber: '1037', CustomField })]))
  t.match(search.search('client_pos', '4500017', 5).json, [/"po_number":"4500017"/])
  await search.close()
})
