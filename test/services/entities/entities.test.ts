// What each entity makes of QuickBooks' records, the odd ones included.
import { Value } from '@sinclair/typebox/value'
import t from 'tap'
import { BadRecord, entities } from '../../../src/services/entities/index.ts'

const meta = { MetaData: { LastUpdatedTime: '2026-04-08T13:15:36-07:00' } }
const [customers, vendors, items] = entities

t.test('parse reads id, instant and active, and keeps the record', async (t) => {
  const raw = { Id: '8', DisplayName: 'Sasha', Active: false, ...meta }
  t.same(customers.parse(raw), { id: '8', lastUpdated: Date.UTC(2026, 3, 8, 20, 15, 36), active: false, raw })
  t.equal(vendors.parse({ Id: '8', DisplayName: 'x', ...meta }).active, true, 'a missing Active means active')
  t.equal(items.parse({ Id: '8', Name: 'x', ...meta }).id, '8')
  t.equal(items.parse({ Id: 8, Name: 'x', ...meta }).id, '8', 'a number is as good')
  t.equal(items.result({ Id: 8, Name: 'x', ...meta }).id, '8')
})

t.test('records that cannot be kept are refused without quoting them', async (t) => {
  const secret = 'Canary Customer'
  const good = { Id: '1', DisplayName: secret, ...meta }
  const bad: unknown[] = [
    null,
    [],
    secret,
    { ...good, Id: undefined },
    { ...good, Id: 7.5 },
    { ...good, Id: ' ' },
    { ...good, MetaData: undefined },
    { ...good, MetaData: secret },
    { ...good, MetaData: { LastUpdatedTime: secret } },
    { ...good, DisplayName: 12 },
    { ...good, DisplayName: '  ' },
    { Id: '1', Name: secret, ...meta },
  ]
  for (const raw of bad) {
    try {
      customers.parse(raw)
      t.fail(`accepted ${JSON.stringify(raw)}`)
    } catch (error) {
      t.ok(error instanceof BadRecord)
      t.notMatch(String(error), secret)
    }
  }
  t.throws(() => items.parse({ Id: '1', DisplayName: 'x', ...meta }), BadRecord, 'an item needs Name')
})

t.test('wrong types in optional fields count as absent', async (t) => {
  const odd = { Id: '1', DisplayName: 'x', Name: 'x', ...meta }
  for (const value of [null, 5, 'text', [], {}, { Address: 5, FreeFormNumber: {} }, true]) {
    const raw = {
      ...odd,
      CompanyName: [value],
      PrimaryEmailAddr: value,
      PrimaryPhone: value,
      Mobile: value,
      GivenName: { value },
      FullyQualifiedName: 3,
      Sku: [value],
      UnitPrice: String(value),
      Description: { value },
      Type: 9,
    }
    for (const entity of entities) {
      const result = entity.result(entity.parse(raw).raw)
      t.ok(Value.Check(entity.resultSchema, result), `${entity.name} with ${JSON.stringify(value)}`)
      for (const feed of entity.indexes) t.doesNotThrow(() => feed.fields(raw))
    }
  }
})

t.test('results have the fields of the contract, null where QuickBooks has nothing', async (t) => {
  t.same(customers.result({ Id: '1', DisplayName: 'Emily Platt (deleted)', Active: false, ...meta }), {
    id: '1',
    type: 'customer',
    name: 'Emily Platt',
    active: false,
    company_name: null,
    email: null,
    phone: null,
  })
  t.same(
    vendors.result({
      Id: '2',
      DisplayName: 'Vendor Corporation (Deleted)',
      CompanyName: 'VC',
      PrimaryEmailAddr: { Address: 'a@b.c' },
      PrimaryPhone: { FreeFormNumber: '(650) 555-9912' },
      ...meta,
    }),
    {
      id: '2',
      type: 'vendor',
      name: 'Vendor Corporation',
      active: true,
      company_name: 'VC',
      email: 'a@b.c',
      phone: '(650) 555-9912',
    },
  )
  t.same(items.result({ Id: '3', Name: 'Pump', Type: 'Inventory', UnitPrice: 0, Sku: 'P-1', ...meta }), {
    id: '3',
    type: 'item',
    name: 'Pump',
    active: true,
    item_type: 'Inventory',
    sku: 'P-1',
    unit_price: 0,
    description: null,
  })
})

t.test('a category is cached but is in no search index', async (t) => {
  const raw = items.parse({ Id: '29', Name: 'Trees', Type: 'Category', ...meta }).raw
  for (const feed of items.indexes) t.equal(feed.fields(raw), null)
})

t.test('names, types and result schemas are unique, and no entity feeds an index twice', async (t) => {
  for (const values of [
    entities.map((e) => e.name),
    entities.map((e) => e.type),
    entities.map((e) => e.resultSchema.$id),
    ...entities.map((e) => e.indexes.flatMap((feed) => [...feed.names])),
  ]) {
    t.equal(new Set<unknown>(values).size, values.length)
  }
})
