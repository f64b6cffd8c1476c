// Several feeds of one index: they must answer like one feed that has all their records.
import { Type } from '@sinclair/typebox'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { type CachedRow, type Entity, entities, type Raw } from '../../../src/services/entities/index.ts'
import { createSearch, type FindOptions, type SearchService } from '../../../src/services/search/search.ts'
import { batches, row } from './helpers.ts'

interface Asked extends Partial<FindOptions['filter']> {
  sort?: string
  offset?: number
  limit?: number
}

function find(search: SearchService, index: string, q: string, asked: Asked = {}) {
  const { sort = 'relevance', offset = 0, limit = 1000, ...filter } = asked
  return search.find(index, q, {
    filter: { active: true, facets: {}, bounds: {}, ...filter },
    order: { by: sort.replace('-', ''), descending: sort.startsWith('-') },
    offset,
    limit,
  })
}

function same(found: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)]
  if (left !== right) throw new Error(`found ${left}, expected ${right}`)
}

// The property: records of three kinds, in three entities that feed one index, and in one entity that feeds it alone.

const text = (raw: Raw, field: string) => String(raw[field] ?? '')

const thing = (name: string, more: Partial<Entity> = {}): Entity => ({
  ...{ name, qbo: name, type: name, hasActive: true },
  parse: () => {
    throw new Error('these records are never parsed')
  },
  resultSchema: Type.Object({}, { $id: name }),
  result: (raw) => ({ id: text(raw, 'Id'), name: text(raw, 'Name'), type: text(raw, 'Kind') }),
  indexes: [
    {
      names: ['things'],
      fields: (raw) => ({ codes: [text(raw, 'Code')], texts: [text(raw, 'Name')] }),
      shows: ['name'],
    },
  ],
  facets: [{ parameter: 'colour', description: '', of: (raw) => text(raw, 'Colour') || null }],
  measures: [{ name: 'price', min: '', max: '', of: (raw) => (raw.Price as number | undefined) ?? null }],
  ...more,
})
const kinds = ['a', 'b', 'c'] as const
const apart = kinds.map((kind) => thing(kind))
const alone = thing('all')

interface Thing {
  id: number
  kind: (typeof kinds)[number]
  code: string
  name: string
  colour: string | null
  price: number | null
  minutes: number
  active: boolean
}

const idOf = ({ kind, id }: Thing) => `${kind}${id}`
const rowOf = (one: Thing): CachedRow =>
  row(
    idOf(one),
    {
      ...{ Kind: one.kind, Code: one.code, Name: one.name },
      ...(one.colour !== null && { Colour: one.colour }),
      ...(one.price !== null && { Price: one.price }),
    },
    one.minutes,
    one.active,
  )

const word = fc.constantFrom('bolt', 'bolts', 'belt', 'hex', 'Hexagon', 'zinc', 'M94', 'élan', 'a')
const name = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(' '))
const anyThing: fc.Arbitrary<Thing> = fc.record({
  id: fc.integer({ min: 1, max: 8 }),
  kind: fc.constantFrom(...kinds),
  code: fc.constantFrom('', '', '10-24', '1037', '1038', 'bolt'),
  name,
  colour: fc.constantFrom(null, 'red', 'Blue'),
  price: fc.constantFrom(null, 0, 1, 2.5),
  minutes: fc.integer({ min: 0, max: 4 }),
  active: fc.constantFrom(true, true, true, false),
})
const changes = fc.array(
  fc.record({ thing: anyThing, kind: fc.constantFrom('upsert', 'upsert', 'upsert', 'remove', 'rebuild') }),
  { maxLength: 40 },
)
const query = fc.oneof(
  fc.constant(''),
  name,
  fc.tuple(name, fc.integer({ min: 1, max: 6 })).map(([text, length]) => text.slice(0, length)),
  fc.constantFrom('blot', 'hexx', 'hex blt', 'm9', '1037', '1073', '1024', 'bolt nothing', '---'),
)
const sort = fc.constantFrom(
  ...['relevance', 'name', '-name', 'price', '-price', 'last_updated', '-last_updated'],
)

const aThing = (kind: Thing['kind'], more: Partial<Thing>): Thing => ({
  ...{ id: 1, kind, code: '', name: '', colour: null, price: null, minutes: 0, active: true },
  ...more,
})

type Changes = readonly { thing: Thing; kind: string }[]

async function follow(list: Changes, entities: readonly Entity[]): Promise<SearchService> {
  const search = createSearch({ entities })
  const things = new Map<string, Thing>()
  for (const { thing, kind } of list) {
    const entity = entities.length === 1 ? 'all' : thing.kind
    if (kind === 'remove') things.delete(idOf(thing))
    else things.set(idOf(thing), thing)
    if (kind === 'rebuild') {
      const rows = [...things.values()].filter((one) => entity === 'all' || one.kind === entity).map(rowOf)
      await search.rebuild(entity, batches(rows))
    } else if (kind === 'remove') await search.apply({ entity, upserts: [], removals: [idOf(thing)] })
    else await search.apply({ entity, upserts: [rowOf(thing)], removals: [] })
  }
  return search
}

/** Of one feed, words had to be compared with texts, of the other not: both have to say the same. */
const notFirst: Changes = [
  { thing: aThing('c', { name: 'Hexagon bolt', minutes: 1 }), kind: 'upsert' },
  { thing: aThing('a', { name: 'Hexagon', code: 'bolt', minutes: 0 }), kind: 'upsert' },
]

t.test(
  'a keystroke finds in several feeds what it would find in one, in the same order and ways',
  async () => {
    await fc.assert(
      fc.asyncProperty(changes, query, fc.integer({ min: 1, max: 12 }), async (list, q, limit) => {
        const [several, one] = [await follow(list, apart), await follow(list, [alone])]
        const [left, right] = [several, one].map((search) =>
          q === '' ? search.suggest('things', limit) : search.search('things', q, limit),
        )
        same([left?.ids, left?.passes, left?.total], [right?.ids, right?.passes, right?.total])
      }),
      { numRuns: 400, examples: [[notFirst, 'bolts Hexagon', 1]] },
    )
  },
)

t.test('so does a search to the end, with filters, orders and pages', async () => {
  const facets = fc.record({ colour: fc.constantFrom('red', 'BLUE') }, { requiredKeys: [] })
  const bounds = fc.record({ price: fc.record({ min: fc.constantFrom(0, 1) }) }, { requiredKeys: [] })
  const active = fc.constantFrom(true, false, null)
  await fc.assert(
    fc.asyncProperty(
      ...[changes, query, sort, active, facets, bounds],
      ...[fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 9 })],
      async (list, q, sort, active, facets, bounds, offset, limit) => {
        const asked = { sort, active, facets, bounds, offset, limit }
        const [left, right] = await Promise.all(
          [apart, [alone]].map(async (entities) => find(await follow(list, entities), 'things', q, asked)),
        )
        same([left?.ids, left?.passes, left?.totalMatches], [right?.ids, right?.passes, right?.totalMatches])
      },
    ),
    { numRuns: 300 },
  )
})

t.test('pages over several feeds have no gaps and repeat nothing', async (t) => {
  const search = createSearch({ entities: apart })
  for (const kind of kinds)
    await search.rebuild(kind, batches(many.filter((one) => one.kind === kind).map(rowOf)))
  for (const sort of ['relevance', 'name', '-price', 'last_updated']) {
    const { ids, totalMatches } = await find(search, 'things', 'bolt', { sort })
    const pages: string[] = []
    for (let offset = 0; offset < totalMatches; offset += 7)
      pages.push(...(await find(search, 'things', 'bolt', { sort, offset, limit: 7 })).ids)
    t.same(pages, ids, sort)
    t.equal(new Set(pages).size, many.length, sort)
  }
  t.match(await find(search, 'things', 'bolt', { offset: many.length }), {
    total: 0,
    totalMatches: many.length,
  })
})

const many = Array.from(
  { length: 300 },
  (_, i): Thing => ({
    ...{ id: i, kind: kinds[i % 3] as 'a', code: '', name: `bolt ${i % 40}`, colour: null },
    ...{ price: i % 5 === 0 ? null : i % 7, minutes: i % 30, active: true },
  }),
)
const gone = ['a0', 'b40', 'c80']

/** The first page by name, from a search in which every step pauses; `during` runs in one of the pauses. */
async function interruptedBy(t: Test, pause: number, during: (search: SearchService) => Promise<unknown>) {
  let left = Number.POSITIVE_INFINITY
  const search = createSearch({
    entities: apart,
    yieldNow: async () => {
      if (left-- === 0) await during(search)
    },
  })
  for (const kind of kinds)
    await search.rebuild(kind, batches(many.filter((one) => one.kind === kind).map(rowOf)))
  let now = 0
  const { restore } = t.intercept(performance, 'now', { value: () => (now += 1000), configurable: true })
  left = pause
  const found = await find(search, 'things', 'bolt', { sort: 'name', limit: 40 })
  restore()
  t.ok(left < 0, `pause ${pause} came`)
  return found
}

t.test(
  'what is removed from one feed while a search runs is in no answer, and its page is full',
  async (t) => {
    for (const pause of [0, 3, 7, 8, 9]) {
      const found = await interruptedBy(t, pause, async (search) => {
        for (const id of gone) await search.apply({ entity: id[0] as string, upserts: [], removals: [id] })
      })
      t.same(
        found.ids.filter((id) => gone.includes(id)),
        [],
        `pause ${pause}`,
      )
      t.match(found, { total: 40, totalMatches: many.length - gone.length }, `pause ${pause}`)
      t.ok(found.json.every((json) => json.startsWith('{"id":')))
    }
  },
)

t.test(
  'what a feed does not have, none of its records passes, and they come last in its order',
  async (t) => {
    const [priced, plain] = [thing('a'), thing('b', { facets: [], measures: [] })]
    const search = createSearch({ entities: [priced, plain] })
    const both = many.filter(({ kind, id }) => kind !== 'c' && id < 12 && id > 0)
    for (const kind of ['a', 'b'] as const)
      await search.rebuild(kind, batches(both.filter((one) => one.kind === kind).map(rowOf)))
    const { ids } = await find(search, 'things', 'bolt', { sort: '-price' })
    t.same(ids, ['a6', 'a3', 'a9', 'b1', 'b10', 'b4', 'b7'])
    t.same((await find(search, 'things', 'bolt', { sort: 'name', bounds: { price: { min: 3 } } })).ids, [
      'a3',
      'a6',
    ])
    t.same((await find(search, 'things', 'bolt', { facets: { colour: 'red' } })).ids, [])
  },
)

t.test('the status sums the feeds up, and a change of any is one of the index', async (t) => {
  const search = createSearch({ entities: apart, clock: { now: () => 42 } })
  t.match(search.status().things, { entity: 'a,b,c', records: 0, lastChange: null })
  const generations = new Set([search.generation('things')])
  for (const kind of kinds) {
    const upserts = [rowOf({ ...(many[0] as Thing), kind })]
    await search.apply({ entity: kind, upserts, removals: [] })
    generations.add(search.generation('things'))
  }
  t.match(search.status().things, { entity: 'a,b,c', records: 3, lastChange: 42 })
  t.equal(generations.size, 4)
})

t.test('an entity that feeds one index twice is refused', async (t) => {
  const [feed] = alone.indexes
  t.throws(() => createSearch({ entities: [{ ...alone, indexes: [feed, feed] as never }] }), /things/)
})

// The customers' purchase-order numbers, from invoices and estimates.

const po = (StringValue?: string) => [
  { DefinitionId: '1', Name: 'P.O. Number', Type: 'StringType', StringValue },
]
const sale = (id: string, number: string, more: Raw = {}, minutes = 0) =>
  row(
    id,
    { DocNumber: number, CustomerRef: { value: '7', name: 'Acme Bolts' }, TotalAmt: 1500, ...more },
    minutes,
  )

async function salesOf(invoices: CachedRow[], estimates: CachedRow[]): Promise<SearchService> {
  const search = createSearch({ entities })
  await search.rebuild('invoices', batches(invoices))
  await search.rebuild('estimates', batches(estimates))
  return search
}

t.test("the customer's number comes before our own, with or without one of theirs", async (t) => {
  const search = await salesOf(
    [
      sale('1', '5512', {}, 9),
      sale('2', '5512', { CustomField: po('A-1') }, 8),
      sale('3', '77', { CustomField: po() }, 7),
    ],
    [sale('4', 'E-501', { CustomField: po('5512') })],
  )
  t.same(search.search('client_pos', '5512', 5).ids, ['4', '1', '2'])
  t.same(search.search('client_pos', '77', 5).ids, ['3'], 'one without theirs is found by ours')
  t.same(search.search('client_pos', 'a1', 5).ids, ['2'])
  t.same(
    search.search('client_pos', 'acme', 5).ids,
    ['1', '2', '3', '4'],
    'by the customer, the last changed first',
  )
})

t.test('what one feed has as it was typed, the other does not forgive a keystroke for', async (t) => {
  const search = await salesOf([sale('1', '1037')], [sale('2', '1038', {}, 5)])
  t.same(search.search('client_pos', '1037', 5).ids, ['1'])
  t.same(search.search('client_pos', '1073', 5).ids, ['1', '2'], 'where none has it, both do')
  t.same((await find(search, 'client_pos', '1037')).ids, ['1'])
})

t.test('an amount is found as people type it, the whole one first', async (t) => {
  const amounts = [1500, 1500.5, 15000, 150, 1234.5, 1234.05, 0.99, -20, 1234567.89]
  const search = await salesOf(
    amounts.map((TotalAmt, i) => sale(String(TotalAmt), `INV${i}`, { TotalAmt }, i)),
    [],
  )
  const found = (q: string) => search.search('invoices', q, 9).ids
  for (const q of ['1234.50', '1,234.50', '$1,234.50', '$ 1,234.50', '1 234.50', '1.234,50', '1234.5'])
    t.equal(found(q)[0], '1234.5', q)
  t.same(found('1,234.5').slice(0, 2), ['1234567.89', '1234.5'], 'both begin so')
  t.equal(found('1500.00')[0], '1500')
  t.equal(found('1,500.00')[0], '1500')
  for (const q of ['1500', '$1500', '1,500', '$1,500']) {
    t.same(found(q).slice(0, 2), ['1500.5', '1500'], `${q}: the last changed first`)
    t.notMatch(found(q), ['15000'], q)
  }
  t.equal(found('15000')[0], '15000', 'not the cents of 150.00')
  t.equal(found('1234.05')[0], '1234.05')
  t.equal(found('0.99')[0], '0.99')
  t.equal(found('-20.00')[0], '-20')
  t.equal(found('1,234,567.89')[0], '1234567.89')
  t.equal(found('1234567.89')[0], '1234567.89')
})

t.test('a number that is an amount, too, is the number first', async (t) => {
  const search = await salesOf(
    [sale('1', '77', { TotalAmt: 1500 }, 9), sale('2', '1500', { TotalAmt: 3 })],
    [],
  )
  t.same(search.search('invoices', '1500', 5).ids, ['2', '1'])
})

t.test("a customer's number is found however people say that it is one, and nothing beside it", async (t) => {
  const stored = ['KD-58132/22', 'BE39264', '11235', 'PO-70891', '47119', 'PO 47115', 'PO47114', '4500-A']
  const filler = Array.from({ length: 60 }, (_, i) =>
    sale(`f${i}`, `${9000 + i}`, { CustomField: po(`PO-${2000 + i}`) }),
  )
  const search = await salesOf(
    [...filler, ...stored.map((number, i) => sale(number, `${1001 + i}`, { CustomField: po(number) }))],
    [],
  )
  const asked: Record<string, string[]> = {
    'KD-58132/22': [
      '58132',
      'PO 58132',
      'PO#58132',
      'po-58132',
      'P.O. 58132',
      'purchase order 58132',
      'acme 58132',
    ],
    BE39264: ['39264', 'PO 39264', 'P.O. 39264', 'PO BE39264', 'acme 39264'],
    '11235': ['PO 11235', 'PO11235', 'PO#11235', 'po: 11235', 'acme po 11235'],
    'PO-70891': ['70891', 'PO70891', 'PO 70891', 'po-70891'],
    '47119': ['47119', 'PO 47119', 'PO47119'],
    '4500-A': ['PO 4500', 'PO 4500a', 'PO 4500-A'],
  }
  for (const [number, queries] of Object.entries(asked))
    for (const q of queries) t.same(search.search('client_pos', q, 15).ids, [number], q)
  const own = { '1002': ['1002', 'INV 1002', 'INV1002', 'inv-1002', 'Invoice 1002', 'invoice #1002'] }
  for (const q of own['1002']) t.same(search.search('invoices', q, 15).ids, ['BE39264'], q)
  t.same(search.search('client_pos', 'INV1004', 15).ids, ['PO-70891'], 'and by our own number, too')
})
