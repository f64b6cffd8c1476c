// What forms need from search, over real HTTP: several indexes in one call, highlights, filters and sorts, pages,
// suggestions, labels for stored values, synonyms, explanations, conditional requests and clear refusals.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Simulator } from '../../simulator/simulator.ts'
import { ConfigError } from '../../src/errors.ts'
import { createManualClock, type ManualClock } from '../support/clock.ts'
import {
  type Service,
  type ServiceOptions,
  startService,
  startSimulator,
  temporaryFolder,
} from '../support/service.ts'

const ADMIN = 'admin-key-for-tests'
const SEARCH = 'search-key-for-tests'
const keys = { ADMIN_API_KEY: ADMIN, SEARCH_API_KEY: SEARCH }
const withKey = (key: string): RequestInit => ({ headers: { authorization: `Bearer ${key}` } })

interface Hit {
  id: string
  name: string
  active: boolean
  highlights?: Record<string, [number, number][]>
  explanation?: { pass: string; fields: string[] }
}

/** Items by their order of creation, the newest last. The names of categories are paths. */
const ITEMS: Record<string, Record<string, unknown>> = {
  Hardware: { Type: 'Category' },
  'Hardware:Bolts': { Type: 'Category' },
  'Hardware Store': { Type: 'Category' },
  'Hex Bolt': { Type: 'Inventory', UnitPrice: 2.25, category: 'Hardware:Bolts', Sku: '0042-17' },
  'Bolt Cutter': { Type: 'Service', UnitPrice: 40, category: 'Hardware Store' },
  'Café Bolt': { Type: 'NonInventory', category: 'Hardware' },
  'Bolt Kit': { Type: 'Group', UnitPrice: 0 },
  'Anchor Bolt': { Type: 'NonInventory', UnitPrice: 2.25 },
  'Old Bolt': { Type: 'Inventory', UnitPrice: 3, Active: false, category: 'Hardware:Bolts' },
  'FR-M94S-38': {
    Type: 'Inventory',
    UnitPrice: 12.5,
    Description: '<b>Flange</b> & ring',
    PurchaseDesc: 'Cast',
  },
}

const CUSTOMERS: Record<string, Record<string, unknown>> = {
  'Smith Brothers': { PrimaryPhone: { FreeFormNumber: '(216) 555-0142' } },
  'Smithson Tools': { CompanyName: 'Bolt & Sons' },
  'Übermaß & Töchter': { PrimaryEmailAddr: { Address: 'kim@gears.example' } },
  '🔩 Bolt & Co': { Mobile: { FreeFormNumber: '(937) 555-0199' } },
  'Old Smith': { Active: false },
}

interface Shop extends Service {
  simulator: Simulator
  clock: ManualClock
  /** Ids by name. */
  ids: Record<string, string>
  /** The names of the results. */
  names(path: string): Promise<string[]>
  hits(path: string): Promise<Hit[]>
  refresh(): Promise<{ status: number }>
  /** A request whose answer may have no body. */
  plain(path: string, init?: RequestInit): Promise<Response>
}

/** A shop with records that a test knows, connected and filled. Time stands still unless it waits or advances. */
async function openShop(t: Test, options: ServiceOptions = {}): Promise<Shop> {
  const clock = createManualClock()
  const company = { customers: 0, vendors: 0, items: 0 }
  const simulator = await startSimulator(t, { clock: clock.now, company })
  const ids: Record<string, string> = {}
  const create = (entity: string, nameField: string, path: string, fields: Record<string, unknown>) => {
    simulator.advance(1000)
    const { category = path.includes(':') ? path.slice(0, path.lastIndexOf(':')) : undefined, ...rest } =
      fields
    const parent = category === undefined ? {} : { ParentRef: { value: ids[String(category)] } }
    const name = path.slice(path.lastIndexOf(':') + 1)
    ids[path] = simulator.company.create(entity, { [nameField]: name, ...rest, ...parent } as never).Id
  }
  for (const [path, fields] of Object.entries(ITEMS)) create('Item', 'Name', path, fields)
  for (const [path, fields] of Object.entries(CUSTOMERS)) create('Customer', 'DisplayName', path, fields)
  create('Vendor', 'DisplayName', 'Bolt Brothers', {})
  const service = await startService(t, simulator, { clock, ...options })
  await whileWaiting(clock, service.connectAndFill())
  return shopOf(service, simulator, clock, ids)
}

function shopOf(
  service: Service,
  simulator: Simulator,
  clock: ManualClock,
  ids: Record<string, string>,
): Shop {
  const hits = async (path: string) => (await service.request(path)).json.results as Hit[]
  return {
    ...{ ...service, simulator, clock, ids, hits },
    names: async (path) => (await hits(path)).map(({ name }) => name),
    refresh: () => whileWaiting(clock, service.request('/api/cache/refresh', { method: 'POST' })),
    plain: (path, init) => fetch(new URL(path, service.url), init),
  }
}

/** Lets the sleepers of a clock wake up one after the other until the work is done. */
async function whileWaiting<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  let done = false
  const finished = work.finally(() => {
    done = true
  })
  finished.catch(() => undefined)
  while (!done) await (clock.sleepers() > 0 ? clock.advance(50) : nextTurn())
  return finished
}

const part = (query: string) => `/api/search/product_names?${query}`
const client = (query: string) => `/api/search/client_names?${query}`
const encoded = encodeURIComponent

/** What is only read. */
const shop = await openShop(t)

t.test('one call searches several indexes, and answers in groups in the order of their names', async (t) => {
  const { json } = await shop.request(
    '/api/search?q=bolt&indexes=client_names,product_names,vendor_names&limit=2',
  )
  t.match(json, {
    query: 'bolt',
    groups: [
      { index: 'client_names', total: 2, results: [{ type: 'customer' }, { type: 'customer' }] },
      { index: 'product_names', total: 2, results: [{ type: 'item' }, { type: 'item' }] },
      { index: 'vendor_names', total: 1, results: [{ type: 'vendor', name: 'Bolt Brothers' }] },
    ],
    total: 5,
  })
  const turned = await shop.request('/api/search?q=bolt&indexes=vendor_names,client_names')
  t.match(turned.json.groups, [{ index: 'vendor_names' }, { index: 'client_names' }])
})

t.test('a group holds what the index answers by itself, highlighted if that is asked for', async (t) => {
  for (const query of [
    'q=bolt&limit=3',
    'q=smi&highlight=true',
    'suggest=true&limit=2',
    'q=blot',
    'q=---',
    'q=zzz',
  ]) {
    const { json } = await shop.request(`/api/search?indexes=client_names,part_numbers&${query}`)
    const alone = async (index: string) => ({
      index,
      ...(await shop.request(`/api/search/${index}?${query}`)).json,
    })
    for (const group of json.groups) {
      const { query: _, ...expected } = await alone(group.index)
      t.same(group, expected, `${group.index} ${query}`)
    }
  }
})

t.test('an index that is named twice, or with spaces around it, is answered once', async (t) => {
  const { json } = await shop.request(
    '/api/search?q=bolt&indexes=client_names,%20product_names%20,client_names',
  )
  t.match(json.groups, [{ index: 'client_names' }, { index: 'product_names' }])
  t.equal(json.groups.length, 2)
})

/** The highlighted parts of each field of the first result. */
async function marked(path: string): Promise<Record<string, string[]>> {
  const [hit] = await shop.hits(`${path}&highlight=true`)
  const values = hit as unknown as Record<string, string>
  const entries = Object.entries(hit?.highlights ?? {})
  return Object.fromEntries(
    entries.map(([field, ranges]) => [
      field,
      ranges.map(([at, n]) => values[field]?.slice(at, at + n) ?? ''),
    ]),
  )
}

t.test('highlights show what was meant, under folding, typos and joined part numbers', async (t) => {
  for (const [path, fields] of [
    [client('q=smith%20br'), { name: ['Smith', 'Br'] }],
    [client('q=ubermass'), { name: ['Übermaß'] }],
    [client('q=uebermass'), { name: ['Übermaß'] }],
    [client('q=TOCH'), { name: ['Töch'] }],
    [client('q=smiht%20brothers'), { name: ['Smith', 'Brothers'] }],
    [client('q=kim@gea'), { email: ['kim@gea'] }],
    [client('q=5550142'), { phone: ['555-0142'] }],
    [client('q=bolt%20sons'), { company_name: ['Bolt', 'Sons'] }],
    [part('q=frm94s38'), { name: ['FR-M94S-38'] }],
    [part('q=fr%20m94s'), { name: ['FR', 'M94S'] }],
    [part('q=94s'), { name: ['94S'] }],
    [part('q=004217'), { sku: ['0042-17'] }],
    [part('q=42-17'), { sku: ['42-17'] }],
    [part('q=cafe'), { name: ['Café'] }],
    ['/api/search/product_descriptions?q=flange', { description: ['Flange'] }],
    ['/api/search/product_descriptions?q=flnage', { description: ['Flange'] }],
  ] as const) {
    t.same(await marked(path), fields, path)
  }
})

t.test('ranges count UTF-16 units, and the value itself stays as it is, without any HTML', async (t) => {
  const [bolt] = await shop.hits(client(`q=${encoded('🔩 bolt')}&highlight=true`))
  t.match(bolt, { name: '🔩 Bolt & Co', highlights: { name: [[3, 4]] } })
  const [flange] = await shop.hits('/api/search/product_descriptions?q=flange&highlight=true')
  t.match(flange, { description: '<b>Flange</b> & ring', highlights: { description: [[3, 6]] } })
})

t.test('whatever is typed, ranges are ascending, apart and within a field that has a value', async (t) => {
  const typed = [
    'b',
    'bolt',
    'blot',
    'o',
    '42',
    '0042-17',
    'fr m94s 38',
    '🔩',
    'ß',
    "o'",
    '@',
    'kim@',
    '555',
    '---',
    'ü',
    '<b>',
  ]
  for (const q of typed) {
    for (const index of ['client_names', 'vendor_names', 'product_names', 'product_descriptions']) {
      const path = `/api/search/${index}?q=${encoded(q)}&highlight=true&active=all`
      for (const hit of await shop.hits(path)) {
        const values = hit as unknown as Record<string, string | null>
        for (const [field, ranges] of Object.entries(hit.highlights ?? { none: [] })) {
          let end = -1
          for (const [start, length] of ranges) {
            t.ok(start > end && length > 0, `${path}: ${field} of ${hit.name}`)
            end = start + length
          }
          t.ok(ranges.length > 0 && end <= (values[field] ?? '').length, `${path}: ${field} of ${hit.name}`)
        }
      }
    }
  }
})

t.test('there are highlights only where they are asked for', async (t) => {
  for (const path of [part('q=bolt'), part('q=bolt&highlight=false'), part('q=bolt&sort=name')]) {
    for (const hit of await shop.hits(path)) t.notOk('highlights' in hit, path)
  }
  for (const hit of await shop.hits(part('suggest=true&highlight=true'))) t.same(hit.highlights, {})
})

t.test('active records are found unless inactive ones are asked for, too or instead', async (t) => {
  const found = (active: string) => shop.names(part(`q=bolt&sort=name&active=${active}`))
  const active = ['Anchor Bolt', 'Bolt Cutter', 'Bolt Kit', 'Café Bolt', 'FR-M94S-38', 'Hex Bolt']
  t.same(
    await found('true'),
    active.filter((name) => name !== 'FR-M94S-38'),
  )
  t.same(await found('false'), ['Old Bolt'])
  t.same((await found('all')).toSorted(), [...(await found('true')), 'Old Bolt'].toSorted())
  t.same((await shop.names(part('q=bolt'))).toSorted(), await found('true'), 'active is the default')
  t.same(await shop.names(client('q=smith&active=false')), ['Old Smith'])
})

t.test('items are narrowed down by type, category with what is below it, and price', async (t) => {
  for (const [query, names] of [
    ['item_type=NonInventory', ['Anchor Bolt', 'Café Bolt']],
    ['item_type=noninventory', ['Anchor Bolt', 'Café Bolt']],
    ['item_type=Unheard', []],
    ['category=Hardware', ['Café Bolt', 'Hex Bolt']],
    ['category=hardware:bolts', ['Hex Bolt']],
    ['category=Hardware%20Store', ['Bolt Cutter']],
    ['category=Hard', []],
    ['category=Bolts', []],
    ['min_price=2.25', ['Anchor Bolt', 'Bolt Cutter', 'Hex Bolt']],
    ['max_price=2.25', ['Anchor Bolt', 'Bolt Kit', 'Hex Bolt']],
    ['min_price=0&max_price=0', ['Bolt Kit']],
    ['min_price=-5&max_price=2', ['Bolt Kit']],
    ['min_price=3&max_price=2', []],
    ['item_type=Inventory&category=Hardware&max_price=10', ['Hex Bolt']],
    ['item_type=Inventory&category=Hardware&active=all', ['Hex Bolt', 'Old Bolt']],
  ] as const) {
    const { json } = await shop.request(part(`q=bolt&sort=name&${query}`))
    t.same(
      json.results.map(({ name }: Hit) => name),
      names,
      query,
    )
    t.match(json, { total: names.length, total_matches: names.length })
  }
})

t.test('matches sort by name, price and time, either way; records without a price come last', async (t) => {
  for (const [sort, names] of [
    ['name', ['Anchor Bolt', 'Bolt Cutter', 'Bolt Kit', 'Café Bolt', 'Hex Bolt']],
    ['-name', ['Hex Bolt', 'Café Bolt', 'Bolt Kit', 'Bolt Cutter', 'Anchor Bolt']],
    ['unit_price', ['Bolt Kit', 'Anchor Bolt', 'Hex Bolt', 'Bolt Cutter', 'Café Bolt']],
    ['-unit_price', ['Bolt Cutter', 'Anchor Bolt', 'Hex Bolt', 'Bolt Kit', 'Café Bolt']],
    ['last_updated', ['Hex Bolt', 'Bolt Cutter', 'Café Bolt', 'Bolt Kit', 'Anchor Bolt']],
    ['-last_updated', ['Anchor Bolt', 'Bolt Kit', 'Café Bolt', 'Bolt Cutter', 'Hex Bolt']],
    ['relevance', await shop.names(part('q=bolt'))],
  ] as const) {
    t.same(await shop.names(part(`q=bolt&sort=${sort}`)), names, sort)
  }
  t.same(
    await shop.names(part('q=blot&sort=name')),
    await shop.names(part('q=bolt&sort=name')),
    'with a wrong keystroke, too',
  )
  t.same(await shop.names(client('q=smith&sort=-name')), ['Smithson Tools', 'Smith Brothers'])
})

t.test('with an offset, a form pages to the end of the matches', async (t) => {
  const simulator = await startSimulator(t, { company: { customers: 120, vendors: 0, items: 1 } })
  const service = await startService(t, simulator)
  await service.connectAndFill()
  for (const query of ['q=s', 'q=ma', 'suggest=true', 'q=s&sort=-name', 'q=s&active=all&sort=last_updated']) {
    const page = async (offset: number, limit: number) =>
      (await service.request(client(`${query}&offset=${offset}&limit=${limit}`))).json
    const { total_matches, results } = await page(0, 100)
    const ids: string[] = []
    for (let offset = 0; offset < total_matches; offset += 7) {
      const { results, ...counts } = await page(offset, 7)
      t.match(counts, { total: Math.min(7, total_matches - offset), total_matches })
      ids.push(...results.map(({ id }: Hit) => id))
    }
    t.equal(new Set(ids).size, total_matches, `${query}: each match once`)
    t.same(
      ids.slice(0, 100),
      results.map(({ id }: Hit) => id),
      `${query}: in the order of one long page`,
    )
    t.ok(total_matches > 1, query)
    const first = (await service.request(client(`${query}&limit=9`))).json.results
    t.same(
      first.map(({ id }: Hit) => id),
      ids.slice(0, 9),
      `${query}: the first page without an offset`,
    )
  }
})

t.test('beyond the end there is nothing, and the matches are still counted', async (t) => {
  for (const offset of [5, 6, 10_000_000]) {
    const { status, json } = await shop.request(part(`q=bolt&offset=${offset}`))
    t.same([status, json], [200, { query: 'bolt', results: [], total: 0, total_matches: 5 }])
  }
})

t.test('all matches are counted where a form asks for more than the best ones', async (t) => {
  for (const query of ['offset=0', 'sort=relevance', 'active=true', 'min_price=-1&sort=name']) {
    t.ok('total_matches' in (await shop.request(part(`q=bolt&limit=1&${query}`))).json, query)
  }
  for (const query of ['', '&highlight=true', '&suggest=true', '&limit=1']) {
    t.notOk('total_matches' in (await shop.request(part(`q=bolt${query}`))).json, query)
  }
})

t.test('for the moment a field gets the focus there are the records that matter most', async (t) => {
  const newest = ['FR-M94S-38', 'Anchor Bolt', 'Bolt Kit', 'Café Bolt', 'Bolt Cutter', 'Hex Bolt']
  for (const query of ['suggest=true', 'q=&suggest=true', 'q=%20%20&suggest=true']) {
    t.same(await shop.names(part(query)), newest, `${query}: the last that changed first, no inactive ones`)
  }
  t.same(await shop.names(part('suggest=true&limit=2')), newest.slice(0, 2))
  t.same(
    await shop.names('/api/search/product_descriptions?suggest=true'),
    ['FR-M94S-38'],
    'with a description',
  )
  const { json } = await shop.request('/api/search?suggest=true&indexes=client_names,part_names&limit=1')
  t.match(json.groups, [{ results: [{ name: '🔩 Bolt & Co' }] }, { results: [{ name: 'FR-M94S-38' }] }])
})

t.test('suggestions are filtered, sorted and paged like matches', async (t) => {
  t.same(await shop.names(part('suggest=true&item_type=Inventory')), ['FR-M94S-38', 'Hex Bolt'])
  t.same(await shop.names(part('suggest=true&active=false')), ['Old Bolt'])
  t.same(await shop.names(part('suggest=true&active=all&sort=name&limit=3&offset=5')), [
    'Hex Bolt',
    'Old Bolt',
  ])
  t.same(await shop.names(part('suggest=true&category=Hardware&sort=-unit_price')), ['Hex Bolt', 'Café Bolt'])
  t.match((await shop.request(part('suggest=true&offset=4&limit=1'))).json, { total: 1, total_matches: 6 })
})

t.test('what was typed is searched for, suggestions or not', async (t) => {
  t.same(await shop.names(part('q=hex&suggest=true')), ['Hex Bolt'])
  t.same(await shop.names(part('q=zzzz&suggest=true')), [])
})

t.test('punctuation alone finds nothing', async (t) => {
  for (const q of ['---', '.', '🔩', '@', '%', '<>', '"']) {
    t.same(await shop.names(part(`q=${encoded(q)}`)), [], q)
  }
})

t.test('punctuation alone finds nothing on a page or in an order either', async (t) => {
  for (const query of ['offset=0', 'sort=name', 'active=all', 'item_type=Inventory']) {
    t.match((await shop.request(part(`q=---&${query}`))).json, { total: 0, total_matches: 0 }, query)
  }
})

const records = (entity: string, ids: readonly (string | undefined)[]) =>
  shop.request(`/api/records/${entity}?ids=${ids.join(',')}`)

t.test('stored ids get their labels back, inactive ones too, in the order of the ids', async (t) => {
  const { ids } = shop
  const { json } = await records('items', [ids['Old Bolt'], ids['FR-M94S-38'], ids.Hardware])
  t.match(json, {
    results: [
      { name: 'Old Bolt', active: false },
      { name: 'FR-M94S-38', active: true, unit_price: 12.5, sku: null },
      { name: 'Hardware', item_type: 'Category' },
    ],
    missing: [],
    total: 3,
  })
  t.match((await records('customers', [ids['Old Smith']])).json.results, [
    { type: 'customer', name: 'Old Smith', active: false },
  ])
  t.match((await records('vendors', [ids['Bolt Brothers']])).json.results, [
    { type: 'vendor', name: 'Bolt Brothers' },
  ])
})

t.test('a label is what search answers', async (t) => {
  const [hit] = await shop.hits(part('q=hex'))
  t.same((await records('items', [hit?.id])).json.results, [hit])
})

t.test('ids may have spaces around them, and come twice; those that there are not are named', async (t) => {
  const { ids } = shop
  const list = [
    `%20${ids['Hex Bolt']}%20`,
    ids['Hex Bolt'],
    '',
    '99999',
    'constructor',
    '%C3%9C',
    '0',
    '99999',
    '%20',
  ]
  const { json } = await records('items', list)
  t.match(json.results, [{ name: 'Hex Bolt' }])
  t.match(json, { missing: ['99999', 'constructor', 'Ü', '0'], total: 1 })
  t.equal((await records('vendors', [ids['Hex Bolt']])).json.total, 0, 'each kind of record has its own ids')
})

t.test('a hundred ids are labelled at once, one that comes often counts once', async (t) => {
  const hundred = Array.from({ length: 100 }, (_, i) => String(i + 1000))
  t.equal((await records('items', hundred)).json.missing.length, 100)
  t.equal((await records('items', [...hundred, ...hundred.slice(0, 50)])).status, 200)
})

t.test('labels follow the company', async (t) => {
  const shop = await openShop(t)
  const id = shop.ids['Hex Bolt'] ?? ''
  const label = async () => (await shop.request(`/api/records/items?ids=${id}`)).json
  shop.simulator.company.update('Item', id, { Name: 'Hexagon Bolt' })
  await shop.refresh()
  t.match(await label(), { results: [{ name: 'Hexagon Bolt', active: true }] })
  shop.simulator.company.deactivate('Item', id)
  await shop.refresh()
  t.match(await label(), { results: [{ name: 'Hexagon Bolt', active: false }] })
  t.notOk((await shop.names(part('q=hexagon'))).includes('Hexagon Bolt'), 'search no longer finds it')
  shop.simulator.company.remove('Item', id)
  await shop.refresh()
  t.match(await label(), { results: [], missing: [id] })
})

t.test('filters and sorts follow the company', async (t) => {
  const shop = await openShop(t)
  const { company } = shop.simulator
  const found = (query: string) => shop.names(part(`q=bolt&${query}`))
  shop.simulator.advance(60_000)
  company.update('Item', shop.ids['Café Bolt'] ?? '', { UnitPrice: 99, Type: 'Service' })
  company.update('Item', shop.ids['Bolt Kit'] ?? '', {
    ParentRef: { value: shop.ids['Hardware:Bolts'] ?? '' },
  })
  company.create('Item', { Name: 'Eye Bolt', Type: 'Inventory', UnitPrice: 100 })
  company.deactivate('Item', shop.ids['Bolt Cutter'] ?? '')
  await shop.refresh()
  t.same(await found('sort=-unit_price&limit=3'), ['Eye Bolt', 'Café Bolt', 'Anchor Bolt'])
  t.same(await found('item_type=Service'), ['Café Bolt'])
  t.same(await found('category=Hardware:Bolts&sort=name'), ['Bolt Kit', 'Hex Bolt'])
  t.same(await found('active=false&sort=name'), ['Bolt Cutter', 'Old Bolt'])
  t.same((await found('sort=-last_updated')).at(-1), 'Hex Bolt')
})

t.test('renaming a category moves what is in it', async (t) => {
  const shop = await openShop(t)
  shop.simulator.company.update('Item', shop.ids.Hardware ?? '', { Name: 'Ironware' })
  await shop.refresh()
  t.same(await shop.names(part('q=bolt&sort=name&category=Ironware')), ['Café Bolt', 'Hex Bolt'])
  t.same(await shop.names(part('q=bolt&category=Hardware')), [])
})

const SYNONYMS = '[["SS", "stainless"], ["1/4", ".25"]]'

function synonymsFile(t: Test, content: string | Buffer): string {
  const path = join(temporaryFolder(t), 'synonyms.json')
  writeFileSync(path, content)
  return path
}

t.test("a file's synonyms and abbreviations are found and highlighted", async (t) => {
  const clock = createManualClock()
  const simulator = await startSimulator(t, {
    clock: clock.now,
    company: { customers: 0, vendors: 0, items: 0 },
  })
  for (const Name of ['Stainless Rod', 'SS Nut', 'Washer .25', 'Dowel 1/4', 'Glass'])
    simulator.company.create('Item', { Name, Type: 'Inventory' })
  const env = { SEARCH_SYNONYMS_FILE: synonymsFile(t, SYNONYMS) }
  const service = await startService(t, simulator, { clock, env })
  await whileWaiting(clock, service.connectAndFill())
  const { hits, names } = shopOf(service, simulator, clock, {})
  t.same(await names(part('q=ss')), ['SS Nut', 'Stainless Rod'], 'as typed first')
  t.same(await names(part('q=STAINLESS%20nut')), ['SS Nut'])
  t.same(await names(part('q=1/4%20washer')), ['Washer .25'])
  t.same(await names(part('q=.25%20dowel')), ['Dowel 1/4'])
  t.same(await names(part('q=ss&sort=-name')), ['Stainless Rod', 'SS Nut'], 'sorted and paged, too')
  t.match(await hits(part('q=ss%20rod&highlight=true')), [{ name: 'Stainless Rod' }])
  t.match(await hits(part('q=ss&highlight=true')), [
    { highlights: { name: [[0, 2]] } },
    { highlights: { name: [[0, 9]] } },
  ])
  const { json } = await service.request('/api/search?q=ss&indexes=product_names,client_names')
  t.match(json.groups, [{ total: 2 }, { total: 0 }])
})

t.test('without such a file a word means itself', async (t) => {
  t.same(await shop.names(part('q=inox')), [])
})

/** The message with which the service does not start. */
async function refusal(t: Test, path: string): Promise<string> {
  try {
    await startService(t, undefined, { env: { SEARCH_SYNONYMS_FILE: path } })
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ''
}

t.test('a file that cannot be used stops the start with words that name the variable', async (t) => {
  const folder = temporaryFolder(t)
  t.match(await refusal(t, join(folder, 'not-there.json')), /^SEARCH_SYNONYMS_FILE: .*not-there\.json.*$/)
  t.match(await refusal(t, folder), /^SEARCH_SYNONYMS_FILE: .*$/, 'a folder')
  for (const content of ['', 'SS = stainless', '{"SS"', '[["SS", 304]]', '["SS", "stainless"]', 'null']) {
    t.match(await refusal(t, synonymsFile(t, content)), /^SEARCH_SYNONYMS_FILE: [^\r\n]*$/, content)
  }
  t.match(await refusal(t, synonymsFile(t, Buffer.from([0xff, 0xfe, 0x5b, 0]))), /^SEARCH_SYNONYMS_FILE: /)
})

t.test('it is one line, however the file is laid out', async (t) => {
  for (const content of [
    '[\n  ["SS", stainless]\n]\n',
    '[\n  ["SS", "stainless"],\n]\n',
    '[["SS"\r\n "x"]]',
  ]) {
    t.match(
      await refusal(t, synonymsFile(t, content)),
      /^SEARCH_SYNONYMS_FILE: [^\r\n]*$/,
      JSON.stringify(content),
    )
  }
})

t.test('an explanation says which way and which field put each hit there', async (t) => {
  const explained = async (path: string) => (await shop.hits(`${path}&explain=true`))[0] as Hit
  for (const [path, pass, fields] of [
    [client('q=smith%20brothers'), 'whole field', ['name']],
    [client('q=smith%20br'), 'as typed', ['name']],
    [client('q=kim@gea'), 'e-mail address', ['email']],
    [client('q=5550142'), 'phone number', ['phone']],
    [client('q=bolt%20sons'), 'as typed', ['company_name']],
    [client('q=smiht'), 'one wrong keystroke', ['name']],
    [client('q=brothers%20incorporated'), 'without "and", Inc and the like', ['name']],
    [client('q=brothers%20zzzz'), 'all words but one', ['name']],
    [part('q=frm94s38'), 'whole field', ['name']],
    [part('q=004217'), 'whole field', ['sku']],
    [part('q=94s'), 'inside a part number', ['name']],
    [part('q=utter'), 'inside a word', ['name']],
    [part('q=bolt%20cutter&sort=name'), 'whole field', ['name']],
  ] as const) {
    const { explanation, highlights } = await explained(path)
    t.same(explanation, { pass, fields }, path)
    t.equal(highlights, undefined)
  }
  t.match(await explained(client('q=smith&highlight=true')), {
    explanation: { pass: 'as typed', fields: ['name'] },
    highlights: { name: [[0, 5]] },
  })
  const { json } = await shop.request('/api/search?q=bolt&indexes=vendor_names&explain=true')
  t.match(json.groups[0].results, [{ explanation: { pass: 'as typed', fields: ['name'] } }])
})

t.test('an explanation names the field also where the result does not show it', async (t) => {
  for (const [path, fields] of [
    [client('q=9375550199'), ['Mobile.FreeFormNumber']],
    [part('q=hardware'), ['FullyQualifiedName']],
    ['/api/search/product_descriptions?q=cast', ['PurchaseDesc']],
    ['/api/search/product_descriptions?q=cast&sort=name', ['PurchaseDesc']],
  ] as const) {
    const hits = await shop.hits(`${path}&explain=true`)
    t.ok(hits.length > 0, path)
    for (const { explanation } of hits) t.same(explanation?.fields, fields, `${path}: ${explanation?.pass}`)
  }
})

t.test('a suggestion, and a list without a query, are not explained by something typed', async (t) => {
  for (const query of ['suggest=true', 'suggest=true&sort=name']) {
    for (const { explanation } of await shop.hits(part(`${query}&explain=true`))) {
      t.not(explanation?.pass, 'whole field', query)
    }
  }
})

t.test('explanations are for admins: with only the search key, 401', async (t) => {
  const { request } = await startService(t, undefined, { env: keys })
  const paths = [
    '/api/search/client_names?q=a',
    '/api/search/client_names?q=a&sort=name',
    '/api/search?q=a&indexes=client_names',
  ]
  for (const path of paths) {
    const explain = `${path}&explain=true`
    t.match((await request(explain, withKey(SEARCH))).json, {
      statusCode: 401,
      code: 'UNAUTHORIZED',
      message: /ADMIN_API_KEY/,
    })
    t.equal((await request(explain)).status, 401, 'without a key')
    t.equal((await request(explain, withKey(ADMIN))).status, 200)
    t.equal((await request(`${path}&explain=false`, withKey(SEARCH))).status, 200)
    const cached = { headers: { authorization: `Bearer ${SEARCH}`, 'if-none-match': '*' } }
    t.equal((await request(explain, cached)).status, 401, 'whatever the client has')
  }
})

t.test('and how to get in is said as for any 401', async (t) => {
  const { request } = await startService(t, undefined, { env: keys })
  const { headers } = await request('/api/search/client_names?q=a&explain=true', withKey(SEARCH))
  t.match(headers.get('www-authenticate'), /^Bearer/)
})

const etagOf = async (shop: Shop, path: string) => (await shop.plain(path)).headers.get('etag') ?? ''

t.test('an answer that the client has is not sent again', async (t) => {
  for (const path of [
    client('q=bolt'),
    part('q=bolt&sort=name'),
    part('suggest=true'),
    '/api/search?q=a&indexes=client_names,part_names',
  ]) {
    const tag = await etagOf(shop, path)
    t.match(tag, /^W\/"[^"]+"$/)
    for (const known of [tag, tag.slice(2), `"x", ${tag}`, `${tag}, W/"y"`, '*']) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await shop.plain(path, { method, headers: { 'if-none-match': known } })
        t.same([answer.status, await answer.text()], [304, ''], `${method} ${path} ${known}`)
        t.equal(answer.headers.get('etag'), tag)
        t.equal(answer.headers.get('cache-control'), 'private, no-cache')
        t.match(answer.headers.get('x-data-age'), /^\d+$/)
      }
    }
    for (const other of ['W/"x"', '"0"', tag.replace(/"$/, '0"'), tag.replaceAll('"', ''), '']) {
      const answer = await shop.plain(path, { headers: { 'if-none-match': other } })
      t.equal(answer.status, 200, `${path} ${other}`)
      t.ok((await answer.text()).length > 0)
    }
  }
})

t.test('a 304 says nothing about a body that it does not have', async (t) => {
  const { headers } = await shop.plain(client('q=bolt'), { headers: { 'if-none-match': '*' } })
  t.equal(headers.get('content-length'), null)
  t.equal(headers.get('content-type'), null)
})

t.test('HEAD answers like GET, without the body', async (t) => {
  for (const path of [client('q=bolt'), part('q=bolt&sort=name'), '/api/search?q=a&indexes=client_names']) {
    const [head, get] = [await shop.plain(path, { method: 'HEAD' }), await shop.plain(path)]
    t.same([head.status, await head.text()], [200, ''])
    for (const name of ['etag', 'cache-control', 'x-data-age', 'content-type', 'content-length']) {
      t.equal(head.headers.get(name), get.headers.get(name), `${path}: ${name}`)
    }
    t.equal(Number(get.headers.get('content-length')), (await get.arrayBuffer()).byteLength)
  }
  t.equal((await shop.plain(client('q='), { method: 'HEAD' })).status, 400)
})

t.test('the tag changes when a refresh changed something of the entity', async (t) => {
  const shop = await openShop(t)
  const paths = [
    client('q=bolt'),
    client('suggest=true'),
    '/api/search?q=a&indexes=vendor_names,client_names',
  ]
  for (const edit of ['create', 'update', 'deactivate', 'remove']) {
    const tags = await Promise.all(paths.map((path) => etagOf(shop, path)))
    const id = shop.ids['Smithson Tools'] ?? ''
    if (edit === 'create') shop.simulator.company.create('Customer', { DisplayName: 'Bolt Newcomer' })
    if (edit === 'update') shop.simulator.company.update('Customer', id, { DisplayName: 'Bolt Smithson' })
    if (edit === 'deactivate') shop.simulator.company.deactivate('Customer', id)
    if (edit === 'remove') shop.simulator.company.remove('Customer', id)
    await shop.refresh()
    for (const [i, path] of paths.entries()) {
      const answer = await shop.plain(path, { headers: { 'if-none-match': tags[i] ?? '' } })
      t.equal(answer.status, 200, `${edit}: ${path}`)
      t.not(answer.headers.get('etag'), tags[i])
    }
  }
  t.same(await shop.names(client('q=bolt%20newcomer')), ['Bolt Newcomer'], 'and the answer is the new one')
})

t.test(
  'the tag stays through a refresh that changed nothing, or only something of another entity',
  async (t) => {
    const shop = await openShop(t)
    const paths = [client('q=bolt'), '/api/search?q=a&indexes=client_names,vendor_names']
    const tags = await Promise.all(paths.map((path) => etagOf(shop, path)))
    await shop.refresh()
    t.same(await Promise.all(paths.map((path) => etagOf(shop, path))), tags, 'nothing changed')
    shop.simulator.company.create('Item', { Name: 'Eye Bolt', Type: 'Inventory' })
    await shop.refresh()
    t.same(await Promise.all(paths.map((path) => etagOf(shop, path))), tags, 'an item changed')
  },
)

t.test('errors have no tag, for nothing of them may be kept', async (t) => {
  const { plain } = shop
  for (const path of [
    client('q='),
    client('q=a&limit=0'),
    client('q=a&sort=unit_price'),
    '/api/search?q=a&indexes=x',
    '/api/search/x?q=a',
  ]) {
    const answer = await plain(path, { headers: { 'if-none-match': '*' } })
    t.ok(answer.status >= 400, path)
    t.equal(answer.headers.get('etag'), null, path)
  }
})

t.test('a web page of a listed origin can read the tag and the age', async (t) => {
  const { request } = await startService(t, undefined, { env: { CORS_ORIGINS: 'https://mrp.example.com' } })
  const { headers } = await request(client('q=a'), { headers: { origin: 'https://mrp.example.com' } })
  t.match(headers.get('access-control-expose-headers'), /etag.*x-data-age/i)
})

const ageOf = async ({ plain }: Shop, path: string, init?: RequestInit) =>
  (await plain(path, init)).headers.get('x-data-age')

t.test('every answer says how many seconds old its data is', async (t) => {
  const shop = await openShop(t)
  const paths = [
    client('q=bolt'),
    part('q=bolt&sort=name'),
    part('suggest=true'),
    '/api/search?q=a&indexes=part_names,client_names',
  ]
  // What the clock shows when the last entity is read is the beginning of its age.
  await shop.refresh()
  for (const path of paths) t.match(await ageOf(shop, path), /^[0-3]$/, path)
  const before = Number(await ageOf(shop, client('q=bolt')))
  await shop.clock.advance(90_000)
  t.equal(await ageOf(shop, client('q=bolt')), String(before + 90))
  t.equal(
    await ageOf(shop, client('q=bolt'), { headers: { 'if-none-match': '*' } }),
    String(before + 90),
    'a 304, too',
  )
  await shop.refresh()
  for (const path of paths)
    t.match(await ageOf(shop, path), /^[0-3]$/, `${path} after a refresh that changed nothing`)
})

t.test(
  'what could not be refreshed is older than the rest, and several indexes are as old as the oldest',
  async (t) => {
    const shop = await openShop(t)
    await shop.clock.advance(600_000)
    shop.simulator.fault({ on: 'query', entity: 'Item', kind: 'forbidden', times: 99 })
    t.equal((await shop.refresh()).status >= 400, true)
    t.ok(Number(await ageOf(shop, part('q=bolt'))) >= 600)
    t.ok(Number(await ageOf(shop, client('q=bolt'))) < 60)
    t.ok(Number(await ageOf(shop, '/api/search?q=bolt&indexes=client_names,part_names')) >= 600)
  },
)

t.test('after a start the age goes on, and after a disconnect there is none', async (t) => {
  const dataDir = temporaryFolder(t)
  const first = await openShop(t, { dataDir })
  const { simulator, clock } = first
  await first.close()
  await clock.advance(600_000)
  simulator.fault({ on: 'any', kind: 'http429', times: 999 })
  const second = shopOf(await startService(t, simulator, { clock, dataDir }), simulator, clock, first.ids)
  const age = Number(await ageOf(second, client('q=bolt')))
  t.ok(age >= 600 && age < 660, `${age} seconds`)
  t.ok((await second.names(client('q=bolt'))).length > 0)
  const tag = await etagOf(second, client('q=bolt'))
  simulator.clearFaults()
  await whileWaiting(clock, second.request('/api/disconnect', { method: 'POST' }))
  const answer = await second.plain(client('q=bolt'), { headers: { 'if-none-match': tag } })
  t.same([answer.status, answer.headers.get('x-data-age')], [200, null])
  t.match(await answer.json(), { total: 0 })
})

t.test('labels say how old they are, too', async (t) => {
  const { headers } = await shop.plain(`/api/records/items?ids=${shop.ids['Hex Bolt']}`)
  t.match(headers.get('x-data-age'), /^\d+$/)
  t.match(headers.get('cache-control'), /no-cache|no-store/)
})

t.test('before anything was read from QuickBooks, answers are empty and have no age', async (t) => {
  const { request } = await startService(t, undefined)
  for (const path of [client('q=a'), client('suggest=true'), part('q=a&sort=unit_price')]) {
    const { json, headers } = await request(path)
    t.match(json, { results: [], total: 0 })
    t.equal(headers.get('x-data-age'), null)
    t.ok(headers.get('etag'))
  }
})

t.test('bad input is a 400 that names the parameter', async (t) => {
  for (const [path, message] of [
    [client('q=a&colour=red'), /^colour: there is no such parameter/],
    [client('q=a&constructor=x'), /^constructor: there is no such parameter/],
    [client('q=a&__proto__=x'), /^__proto__: there is no such parameter/],
    [client('q=a&Active=all'), /^Active: there is no such parameter/],
    [client('suggest=false'), /^q: is required/],
    [client('q=&suggest=false'), /^q: must not be blank/],
    [client('q=%20&sort=name'), /^q: must not be blank/],
    [client('q=a&q=b'), /^q: must be string/],
    [client('q=a&suggest=maybe'), /^suggest: must be boolean/],
    [client('q=a&highlight=1'), /^highlight: must be boolean/],
    [client('q=a&highlight=true&highlight=true'), /^highlight: must be boolean/],
    [client('q=a&explain='), /^explain: must be boolean/],
    [client('q=a&limit=0'), /^limit: must be at least 1/],
    [client('q=a&limit=101'), /^limit: must be at most 100/],
    [client('q=a&limit='), /^limit: must be a whole number/],
    [client('q=a&limit=5&limit=6'), /^limit: must be a whole number/],
    [client('q=a&offset=-1'), /^offset: must be at least 0/],
    [client('q=a&offset=10000001'), /^offset: must be at most 10000000/],
    [client('q=a&offset=1.5'), /^offset: must be a whole number/],
    [client('q=a&offset=end'), /^offset: must be a whole number/],
    [client('q=a&active=maybe'), /^active: must be one of true, false, all/],
    [client('q=a&active='), /^active: must be one of/],
    [client('q=a&active=true&active=all'), /^active: /],
    [client('q=a&sort=price'), /^sort: must be one of relevance, name, -name, /],
    [client('q=a&sort=-relevance'), /^sort: must be one of/],
    [client('q=a&sort=name,unit_price'), /^sort: must be one of/],
    [client('q=a&sort=unit_price'), /^sort: .*unit_price/],
    [client('q=a&sort=-unit_price'), /^sort: .*unit_price/],
    ['/api/search/vendor_names?suggest=true&sort=unit_price', /^sort: /],
    [client('q=a&item_type=Inventory'), /^item_type: /],
    [client('suggest=true&category=Hardware'), /^category: /],
    [client('q=a&min_price=1'), /^min_price: /],
    [client('q=a&max_price=1'), /^max_price: /],
    [part('q=a&min_price=cheap'), /^min_price: must be number/],
    [part('q=a&min_price=1,50'), /^min_price: must be number/],
    [part('q=a&max_price='), /^max_price: must be number/],
    [part('q=a&max_price=NaN'), /^max_price: must be number/],
    [part('q=a&item_type='), /^item_type: /],
    [part('q=a&category=a&category=b'), /^category: must be string/],
    ['/api/search?q=a', /^indexes: is required/],
    ['/api/search?q=a&indexes=', /^indexes: /],
    ['/api/search?q=a&indexes=%20', /^indexes: /],
    ['/api/search?q=a&indexes=clients', /^indexes: must be some of client_names, /],
    ['/api/search?q=a&indexes=client_names,clients', /^indexes: /],
    ['/api/search?q=a&indexes=client_names,', /^indexes: /],
    ['/api/search?q=a&indexes=client_names&indexes=part_names', /^indexes: must be string/],
    ['/api/search?indexes=client_names', /^q: is required/],
    ['/api/search?q=%20&indexes=client_names', /^q: must not be blank/],
    ['/api/search?q=a&indexes=client_names&limit=101', /^limit: must be at most 100/],
    ['/api/search?q=a&indexes=client_names&sort=name', /^sort: there is no such parameter/],
    ['/api/search?q=50%&indexes=client_names', /^q: its percent-encoding is broken/],
    ['/api/records/items', /^ids: is required/],
    ['/api/records/items?ids=', /^ids: must not be blank/],
    ['/api/records/items?ids=%20%20', /^ids: must not be blank/],
    ['/api/records/items?ids=1&ids=2', /^ids: must be string/],
    ['/api/records/items?ids=1&limit=5', /^limit: there is no such parameter/],
    [`/api/records/items?ids=${Array.from({ length: 101 }, (_, i) => i).join(',')}`, /^ids: .*100/],
    [`/api/records/items?ids=${'1'.repeat(8001)}`, /^ids: /],
  ] as const) {
    const { json } = await shop.request(path)
    t.match(json, { statusCode: 400, code: 'BAD_REQUEST', message }, path.slice(0, 100))
  }
  t.match((await shop.request('/api/records/unicorns?ids=1')).json, {
    statusCode: 404,
    message: /^entity: must be one of/,
  })
})

t.test('a limit, an offset or a price without an end is a 400, too', async (t) => {
  for (const value of ['Infinity', '1e999']) {
    for (const [path, message] of [
      [client(`q=a&limit=${value}`), /^limit: /],
      [`/api/search?q=a&indexes=client_names&limit=${value}`, /^limit: /],
      [client(`q=a&offset=${value}`), /^offset: /],
      [part(`q=a&min_price=${value}`), /^min_price: /],
    ] as const) {
      t.match((await shop.request(path)).json, { statusCode: 400, message }, path)
    }
  }
})

t.test('a broken percent-encoding is put down to the parameter that has it', async (t) => {
  t.match((await shop.request(part('q=50%25&category=50%'))).json, {
    statusCode: 400,
    message: /^category: /,
  })
  t.match((await shop.request(part('q=a&category=50%'))).json, { statusCode: 400, message: /^category: / })
  t.match((await shop.request('/api/records/items?ids=50%')).json, { statusCode: 400, message: /^ids: / })
})

t.test('blank space that was typed is what the answer says was typed', async (t) => {
  t.equal((await shop.request(part('q=%20%20&suggest=true'))).json.query, '  ')
})
