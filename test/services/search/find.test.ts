// The search that goes to the end of its matches, against a naive oracle and against the short way of a keystroke:
// pages fit together, filters and sorts do what they say, and changes are in there like what was built.
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { type CachedRow, entities } from '../../../src/services/entities/index.ts'
import { createSearch, type FindOptions, type SearchService } from '../../../src/services/search/search.ts'
import { batches, row, searchOver } from './helpers.ts'

const index = 'product_names'

interface Part {
  id: string
  name: string
  type: string
  category: string | null
  price: number | null
  minutes: number
  active: boolean
}

const part = (id: string, name: string, more: Partial<Part> = {}): Part => ({
  ...{ id, name, type: 'Inventory', category: null, price: null, minutes: 0, active: true },
  ...more,
})

function rowOf({ id, name, type, category, price, minutes, active }: Part): CachedRow {
  const fields = {
    Name: name,
    Type: type,
    Active: active,
    FullyQualifiedName: category === null ? name : `${category}:${name}`,
    ...(price !== null && { UnitPrice: price }),
  }
  return row(id, fields, minutes, active)
}

const searchIn = (parts: readonly Part[]) => searchOver('items', parts.map(rowOf))
const apply = (search: SearchService, parts: readonly Part[], removals: string[] = []) =>
  search.apply({ entity: 'items', upserts: parts.map(rowOf), removals })

interface Asked extends Partial<FindOptions['filter']> {
  sort?: string
  offset?: number
  limit?: number
}

function find(search: SearchService, q: string, asked: Asked = {}) {
  const { sort = 'relevance', offset = 0, limit = 1000, ...filter } = asked
  return search.find(index, q, {
    filter: { active: true, facets: {}, bounds: {}, ...filter },
    order: { by: sort.replace('-', ''), descending: sort.startsWith('-') },
    offset,
    limit,
  })
}

const idsOf = async (search: SearchService, q: string, asked: Asked = {}) =>
  (await find(search, q, asked)).ids.join(' ')

async function pagesOf(search: SearchService, q: string, size: number, asked: Asked = {}): Promise<string[]> {
  const ids: string[] = []
  for (let offset = 0; ; offset += size) {
    const page = await find(search, q, { ...asked, offset, limit: size })
    ids.push(...page.ids)
    if (offset + size >= page.totalMatches) return ids
  }
}

// What the properties are about: some parts, and any mix of changes to them.

const word = fc.constantFrom('bolt', 'bolts', 'belt', 'hex', 'Hexagon', 'zinc', '10-24', 'M94', 'élan', 'a')
const name = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(' '))
const anyPart: fc.Arbitrary<Part> = fc.record({
  id: fc.integer({ min: 1, max: 15 }).map(String),
  name,
  type: fc.constantFrom('Inventory', 'Service', 'NonInventory'),
  category: fc.constantFrom(null, 'Hardware', 'Hardware:Bolts', 'Hardware Store', 'Tools'),
  price: fc.constantFrom(null, null, 0, 1, 2.5, 2.5, 10),
  minutes: fc.integer({ min: 0, max: 4 }),
  active: fc.constantFrom(true, true, true, false),
})
const change = fc.record({
  part: anyPart,
  kind: fc.constantFrom('upsert', 'upsert', 'upsert', 'remove', 'rebuild'),
})
const changes = fc.array(change, { maxLength: 40 })
const query = fc.oneof(
  fc.constant(''),
  name,
  fc.tuple(name, fc.integer({ min: 1, max: 6 })).map(([text, length]) => text.slice(0, length)),
  fc.constantFrom('blot', 'hexx', 'hex blt', 'm9', '1024', '---'),
)
const sort = fc.constantFrom(
  ...['relevance', 'name', '-name', 'unit_price', '-unit_price', 'last_updated', '-last_updated'],
)
const active = fc.constantFrom(true, false, null)

type Change = { part: Part; kind: string }

async function follow(list: readonly Change[]): Promise<{ search: SearchService; parts: Part[] }> {
  const search = createSearch({ entities })
  const parts = new Map<string, Part>()
  for (const { part, kind } of list) {
    if (kind === 'remove') parts.delete(part.id)
    else parts.set(part.id, part)
    if (kind === 'rebuild') await search.rebuild('items', batches([...parts.values()].map(rowOf)))
    else if (kind === 'remove') await apply(search, [], [part.id])
    else await apply(search, [part])
  }
  return { search, parts: [...parts.values()] }
}

t.test('pages give every match exactly once, in the order of one long page', async () => {
  await fc.assert(
    fc.asyncProperty(
      changes,
      query,
      sort,
      active,
      fc.integer({ min: 1, max: 6 }),
      async (list, q, sort, active, size) => {
        const { search, parts } = await follow(list)
        const { ids, totalMatches, total } = await find(search, q, { sort, active })
        same(await pagesOf(search, q, size, { sort, active }), ids)
        same([new Set(ids).size, total], [totalMatches, totalMatches])
        same(
          ids.filter((id) => !parts.some((part) => part.id === id)),
          [],
        )
      },
    ),
  )
})

t.test('what a keystroke finds is the beginning of the pages', async () => {
  await fc.assert(
    fc.asyncProperty(changes, query, fc.integer({ min: 1, max: 6 }), async (list, q, limit) => {
      const { search } = await follow(list)
      const first = q === '' ? search.suggest(index, limit) : search.search(index, q, limit)
      if (/\w/.test(q) || q === '') same(first.ids, (await find(search, q, { limit })).ids)
    }),
    { numRuns: 200 },
  )
})

t.test(
  'that is so where the second way to leave out a word, or to spell the query, is the better one',
  async (t) => {
    const rows = [part('first', 'Hexagon'), part('later', 'bolt élan bolt', { minutes: 9 })]
    const search = await searchIn(rows)
    t.same(search.search(index, 'hex élan', 2).ids, ['first', 'later'])
    t.same(search.search(index, 'hex élan', 1).ids, ['first'])
    const spelled = await searchIn([
      part('closed', 'obrien', { minutes: 1 }),
      part('open', 'o brien', { minutes: 9 }),
    ])
    for (const limit of [1, 2]) {
      t.same(spelled.search(index, "o'br", limit).ids, (await find(spelled, "o'br", { limit })).ids)
    }
  },
)

t.test('that is so after a refresh that changed sixty records, too', async (t) => {
  const search = createSearch({ entities })
  await apply(
    search,
    Array.from({ length: 60 }, (_, i) => part(String(i + 1), 'bolt', { minutes: 100 - i })),
  )
  await search.settled()
  const newest = ['1', '2', '3', '4', '5']
  t.same((await find(search, 'bolt', { limit: 5 })).ids, newest)
  t.same(search.search(index, 'bolt', 5).ids, newest, 'a keystroke')
  t.same(search.suggest(index, 5).ids, newest, 'a suggestion')
})

t.test('changes are found, sorted and counted like what was built', async () => {
  await fc.assert(
    fc.asyncProperty(changes, query, sort, fc.boolean(), async (list, q, sort, active) => {
      const { search, parts } = await follow(list)
      const built = await searchIn(parts)
      const [followed, fresh] = [
        await find(search, q, { sort, active }),
        await find(built, q, { sort, active }),
      ]
      same([followed.ids, followed.json, followed.totalMatches], [fresh.ids, fresh.json, fresh.totalMatches])
    }),
  )
})

t.test('so they are with active and inactive ones together', async (t) => {
  const parts = [
    part('active', 'bolt', { minutes: 1 }),
    part('inactive', 'bolt', { minutes: 5, active: false }),
    part('changed', 'bolt', { minutes: 3 }),
  ]
  const search = await searchIn(parts.slice(0, 2))
  await apply(search, parts.slice(2))
  const fresh = await idsOf(await searchIn(parts), 'bolt', { active: null })
  t.equal(await idsOf(search, 'bolt', { active: null }), fresh)
})

t.test('filters and sorts do what a plain loop does', async () => {
  const facets = fc.record(
    {
      item_type: fc.constantFrom('Service', 'inventory'),
      category: fc.constantFrom('hardware', 'Hardware:Bolts', 'Tools'),
    },
    { requiredKeys: [] },
  )
  const bound = fc.constantFrom(undefined, 0, 1, 2, 2.5, 20)
  await fc.assert(
    fc.asyncProperty(
      ...[changes, fc.constantFrom('', 'part'), sort, fc.boolean()],
      ...[facets, bound, bound],
      async (list, q, sort, active, facets, min, max) => {
        const { search, parts } = await follow(
          list.map(({ part, kind }) => ({ kind, part: { ...part, name: `part ${part.name}` } })),
        )
        const bounds = min === undefined && max === undefined ? {} : { unit_price: { min, max } }
        const { ids } = await find(search, q, { sort, active, facets, bounds })
        const expected = parts.filter(
          (part) =>
            part.active === active &&
            isIn(part.type, facets.item_type, '') &&
            isIn(part.category, facets.category, ':') &&
            (min === undefined || (part.price !== null && part.price >= min)) &&
            (max === undefined || (part.price !== null && part.price <= max)),
        )
        same(
          ids,
          expected.toSorted(plainOrder(sort)).map(({ id }) => id),
        )
      },
    ),
    { numRuns: 200 },
  )
})

/** Whether a value is the wanted one, or below it. */
function isIn(value: string | null, wanted: string | undefined, below: string): boolean {
  const [own, other] = [value?.toLowerCase(), wanted?.toLowerCase()]
  return other === undefined || own === other || (below !== '' && own?.startsWith(other + below) === true)
}

function plainOrder(sort: string) {
  const sign = sort.startsWith('-') ? -1 : 1
  const nameOf = ({ name, id }: Part) => `${name.toLowerCase().replaceAll('é', 'e')}\0${id}`
  const byName = (a: Part, b: Part) => (nameOf(a) < nameOf(b) ? -1 : 1)
  const byPrice = (a: Part, b: Part) => {
    if (a.price === null || b.price === null) return Number(a.price === null) - Number(b.price === null)
    return sign * (a.price - b.price)
  }
  return (a: Part, b: Part): number => {
    if (sort.endsWith('name')) return sign * byName(a, b)
    if (sort.endsWith('price')) return byPrice(a, b) || byName(a, b)
    if (sort === 'relevance') return b.minutes - a.minutes || byName(a, b)
    return sign * (a.minutes - b.minutes) || byName(a, b)
  }
}

function same(found: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)]
  if (left !== right) throw new Error(`found ${left}, expected ${right}`)
}

t.test('records without a price come last in both directions, in the order of their names', async (t) => {
  const search = await searchIn([
    part('none2', 'bolt z'),
    part('ten', 'bolt m', { price: 10 }),
    part('none1', 'bolt a'),
    part('free', 'bolt y', { price: 0 }),
    part('refund', 'bolt x', { price: -1 }),
  ])
  await apply(search, [part('none3', 'bolt k'), part('two', 'bolt q', { price: 2 })])
  t.equal(await idsOf(search, 'bolt', { sort: 'unit_price' }), 'refund free two ten none1 none3 none2')
  t.equal(await idsOf(search, 'bolt', { sort: '-unit_price' }), 'ten two free refund none1 none3 none2')
  t.equal(await idsOf(search, '', { sort: 'unit_price', limit: 2, offset: 3 }), 'ten none1')
})

t.test('a price is a number: a text in its place is none', async (t) => {
  const search = await searchOver('items', [
    row('text', { Name: 'bolt', UnitPrice: '3' }),
    row('number', { Name: 'bolt', UnitPrice: 3 }),
  ])
  t.equal(await idsOf(search, 'bolt', { sort: 'unit_price' }), 'number text')
  t.equal(await idsOf(search, 'bolt', { bounds: { unit_price: { min: 0 } } }), 'number')
})

t.test('bounds include their ends, and leave out what has no price', async (t) => {
  const search = await searchIn([
    part('none', 'bolt'),
    ...[0, 1, 2.5, 2.51].map((price) => part(String(price), `bolt ${price}`, { price })),
  ])
  const between = (min?: number, max?: number) =>
    idsOf(search, 'bolt', { sort: 'unit_price', bounds: { unit_price: { min, max } } })
  t.equal(await between(1, 2.5), '1 2.5')
  t.equal(await between(1), '1 2.5 2.51')
  t.equal(await between(undefined, 1), '0 1')
  t.equal(await between(0, 0), '0')
  t.equal(await between(2, 1), '', 'nothing is above two and below one')
})

t.test('names sort without regard to case and accents, those of one name by id', async (t) => {
  const search = await searchIn([
    part('2', 'Élan'),
    part('1', 'elan'),
    part('3', 'DELTA'),
    part('4', 'Foxtrot'),
  ])
  await apply(search, [part('0', 'ÉLAN'), part('5', 'echo')])
  t.equal(await idsOf(search, '', { sort: 'name' }), '3 5 0 1 2 4')
  t.equal(await idsOf(search, '', { sort: '-name' }), '4 2 1 0 5 3')
})

t.test('a category has what is in its sub-categories, and nothing of one that begins alike', async (t) => {
  const search = await searchIn([
    part('top', 'bolt', { category: 'Hardware' }),
    part('below', 'bolt', { category: 'Hardware:Bolts' }),
    part('deep', 'bolt', { category: 'Hardware:Bolts:Metric' }),
    part('alike', 'bolt', { category: 'Hardware Store' }),
    part('none', 'bolt'),
  ])
  const inside = (category: string) => idsOf(search, 'bolt', { sort: 'name', facets: { category } })
  t.equal(await inside('Hardware'), 'below deep top')
  t.equal(await inside(' hardware:BOLTS '), 'below deep')
  t.equal(await inside('Hard'), '')
  t.equal(await inside('Bolts'), '')
  t.equal(await inside('Hardware:'), '')
})

t.test('a category itself is no answer, whatever is asked for', async (t) => {
  const search = await searchIn([part('folder', 'bolts', { type: 'Category' }), part('bolt', 'bolt')])
  t.equal(await idsOf(search, ''), 'bolt')
  t.equal(await idsOf(search, 'bolt', { active: null }), 'bolt')
  t.equal(await idsOf(search, '', { facets: { item_type: 'Category' } }), '')
})

t.test('a change moves a record between filters, and a removal out of all of them', async (t) => {
  const search = await searchIn([
    part('1', 'bolt', { price: 1, category: 'Tools' }),
    part('2', 'bolt'),
    part('3', 'bolt', { active: false }),
  ])
  await apply(search, [
    part('1', 'bolt', { price: 5, category: 'Hardware', type: 'Service' }),
    part('2', 'bolt', { active: false }),
    part('3', 'bolt'),
  ])
  t.equal(await idsOf(search, 'bolt', { bounds: { unit_price: { max: 4 } } }), '')
  t.equal(await idsOf(search, 'bolt', { bounds: { unit_price: { min: 5 } } }), '1')
  t.equal(await idsOf(search, 'bolt', { facets: { category: 'Tools' } }), '')
  t.equal(await idsOf(search, 'bolt', { facets: { category: 'Hardware', item_type: 'Service' } }), '1')
  t.equal(await idsOf(search, 'bolt', { active: false }), '2')
  t.equal(await idsOf(search, 'bolt', { sort: 'name' }), '1 3')
  await apply(search, [], ['1', '2'])
  t.equal(await idsOf(search, 'bolt', { active: null }), '3')
})

t.test('a filter narrows the matches down, and brings no others in', async (t) => {
  const search = await searchIn([
    ...['a', 'b', 'c'].map((end) => part(end, `bolt ${end}`, { price: 10 })),
    part('belt', 'belt', { price: 1 }),
    part('old', 'belt', { price: 10, active: false }),
  ])
  t.equal(await idsOf(search, 'bolt', { active: null, sort: 'name' }), 'a b c')
  t.equal(await idsOf(search, 'bolt', { bounds: { unit_price: { max: 5 } } }), '')
  t.equal(await idsOf(search, 'bolt', { active: false }), '')
})

t.test('forgiven and half-fitting matches are filtered, sorted and paged like any', async (t) => {
  const search = await searchIn([
    part('cheap', 'zz bolt', { price: 1 }),
    part('dear', 'aa bolt', { price: 9 }),
    part('other', 'aa nut', { price: 5 }),
  ])
  t.equal(await idsOf(search, 'blot', { sort: 'name' }), 'dear cheap', 'one wrong keystroke')
  t.equal(await idsOf(search, 'blot', { bounds: { unit_price: { max: 2 } } }), 'cheap')
  t.equal(await idsOf(search, 'bolt copper', { sort: '-name' }), 'cheap dear', 'all words but one')
  t.same(await pagesOf(search, 'blot', 1, { sort: 'unit_price' }), ['cheap', 'dear'])
})

t.test('beyond the end there is nothing, and the matches are still counted', async (t) => {
  const search = await searchIn([part('1', 'bolt'), part('2', 'bolt')])
  for (const offset of [2, 3, 10_000_000]) {
    t.match(await find(search, 'bolt', { offset }), { ids: [], total: 0, totalMatches: 2 })
  }
  t.match(await find(search, 'nothing like it'), { ids: [], total: 0, totalMatches: 0 })
  t.match(await find(createSearch({ entities }), ''), { ids: [], total: 0, totalMatches: 0 })
})

t.test('a new segment changes no page: what was on the second stays there', async (t) => {
  const old = Array.from({ length: 400 }, (_, i) =>
    part(`o${i}`, `bolt ${i % 7}`, { minutes: i % 50, price: i % 9 }),
  )
  const search = await searchIn(old)
  const changed = old.slice(0, 150).map((part, i) => ({ ...part, minutes: 100 - (i % 60), price: i % 5 }))
  await apply(search, changed)
  for (const sort of ['relevance', 'name', '-unit_price', 'last_updated']) {
    const before = await find(search, 'bolt', { sort, offset: 20, limit: 20 })
    search.tidy()
    await search.settled()
    t.equal(search.status()[index]?.dead, 0, 'there is a new segment')
    t.same((await find(search, 'bolt', { sort, offset: 20, limit: 20 })).ids, before.ids, sort)
    await apply(
      search,
      changed.map((part) => ({ ...part, minutes: part.minutes + 1 })),
    )
  }
})

// A search that goes to the end lets others run: at each of its pauses something else may have happened.

const many = Array.from({ length: 1100 }, (_, i) =>
  part(String(i), `bolt ${i}`, { minutes: i % 90, price: i % 7 }),
)
const onFirstPage = ['0', '1', '10', '100']
/** While records are looked at, and while they are sorted. */
const pauses = [0, 1, 3, 30]

/** The first page by name, from a search in which every step pauses; `during` runs in one of the pauses. */
async function interruptedBy(t: Test, pause: number, during: (search: SearchService) => Promise<unknown>) {
  let left = Number.POSITIVE_INFINITY
  const search = createSearch({
    entities,
    yieldNow: async () => {
      if (left-- === 0) await during(search)
    },
  })
  await search.rebuild('items', batches(many.map(rowOf)))
  let now = 0
  const { restore } = t.intercept(performance, 'now', { value: () => (now += 1000), configurable: true })
  left = pause
  const found = await find(search, 'bolt', { sort: 'name', limit: 40 })
  restore()
  t.ok(left < 0, `pause ${pause} came`)
  const missing = onFirstPage.filter((id) => !found.ids.includes(id))
  const unknown = found.ids.filter((_, i, ids) => search.results('items', ids)[i] === null)
  return { found, missing, unknown }
}

t.test('what is removed while a search runs is in no answer', async (t) => {
  for (const pause of pauses) {
    const { found, unknown } = await interruptedBy(t, pause, (search) => apply(search, [], onFirstPage))
    t.same(unknown, [])
    t.ok(found.json.every((json) => json.startsWith('{"id":')))
  }
})

t.test('the page is full all the same, and what was removed is not counted', async (t) => {
  for (const pause of pauses) {
    const { found } = await interruptedBy(t, pause, (search) => apply(search, [], onFirstPage))
    t.match(found, { total: 40, totalMatches: many.length - onFirstPage.length }, `pause ${pause}`)
  }
})

t.test('what is changed while a search runs is in the answer, as it was or as it is', async (t) => {
  const changed = onFirstPage.map((id) => part(id, `bolt ${id}`, { price: 99 }))
  for (const pause of pauses) {
    const { missing } = await interruptedBy(t, pause, (search) => apply(search, changed))
    t.same(missing, [], `pause ${pause}`)
  }
})

t.test('an index that is built anew while a search runs does not mix into its answer', async (t) => {
  const search = await searchIn(many)
  const { ids } = await find(search, 'bolt', { sort: 'name', limit: 40 })
  for (const pause of pauses) {
    const { found } = await interruptedBy(t, pause, (search) =>
      search.rebuild('items', batches(many.toReversed().map(rowOf))),
    )
    t.same(found.ids, ids, `pause ${pause}`)
  }
})

t.test(
  'what is removed after an index was built anew, or is forgotten, is in no answer either',
  async (t) => {
    for (const pause of [0, 30]) {
      const removed = await interruptedBy(t, pause, async (search) => {
        await search.rebuild('items', batches(many.map(rowOf)))
        await apply(search, [], onFirstPage)
      })
      t.same(removed.unknown, [], `pause ${pause}`)
      t.same(
        (await interruptedBy(t, pause, (search) => search.clear())).unknown,
        [],
        'the company is disconnected',
      )
    }
  },
)
