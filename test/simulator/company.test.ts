import fc from 'fast-check'
import t from 'tap'
import { changesSince } from '../../simulator/api/cdc.ts'
import { createBehaviour } from '../../simulator/behaviour.ts'
import { createClock } from '../../simulator/clock.ts'
import { createCompany, type Edit } from '../../simulator/company/company.ts'
import { type CompanyOptions, companyDefaults } from '../../simulator/company/seeds.ts'
import type { QboRecord } from '../../simulator/company/table.ts'
import { ENTITIES } from '../../simulator/entities.ts'
import { start } from './support.ts'

const NOW = Date.UTC(2026, 10, 23, 12)
const GENERATED = [
  'Customer',
  'Vendor',
  'Item',
  'Invoice',
  'Estimate',
  'PurchaseOrder',
  'Bill',
  'CompanyInfo',
]

function company(options: Partial<CompanyOptions> = {}) {
  return createCompany(
    { ...companyDefaults(NOW), ...options },
    createClock(() => NOW),
    () => ' (deleted)',
  )
}

t.test('the same seed makes the same company, another seed another one', async (t) => {
  const all = (seed: number) => JSON.stringify(GENERATED.map((entity) => company({ seed }).list(entity)))
  t.equal(all(1), all(1))
  t.not(all(1), all(2))
})

t.test('a record is the same whether it was read alone or in a list', async (t) => {
  const one = company()
  for (const record of company().list('Item')) t.same(one.get('Item', record.Id), record)
})

t.test('names are unique where QuickBooks wants them unique, and Ids are of one sequence', async (t) => {
  const { list } = company({ customers: 3000, vendors: 1000, items: 5000 })
  const people = [...list('Customer'), ...list('Vendor')]
  t.equal(new Set(people.map((each) => each.DisplayName)).size, 4000)
  t.equal(new Set(people.map((each) => each.Id)).size, 4000)
  const items = list('Item')
  t.equal(new Set(items.map((each) => each.Name)).size, 5000)
  const skus = items.map((each) => each.Sku).filter((sku) => sku !== undefined)
  t.equal(new Set(skus).size, skus.length)
  t.notOk(people.some((each) => /[:\t\n]/.test(String(each.DisplayName))))
})

t.test('the company has what makes real ones difficult', async (t) => {
  const { list } = company({ customers: 1000, items: 1000 })
  const customers = list('Customer')
  const items = list('Item')
  const names = [...customers, ...list('Vendor')].map((each) => String(each.DisplayName)).join('\n')
  for (const [what, pattern] of Object.entries({
    apostrophe: /O'Brien/,
    curly: /D’A/,
    ampersand: /Smith & Sons/,
    umlaut: /Müller/,
    cjk: /[\u4e00-\u9fff]/,
    suffix: / \(deleted\)$/m,
  })) {
    t.match(names, pattern, what)
  }
  const some = (rows: object[], test: (row: Record<string, unknown>) => boolean, what: string) => {
    const count = rows.filter((row) => test(row as Record<string, unknown>)).length
    t.ok(count > 0 && count < rows.length, `${what}: ${count} of ${rows.length}`)
  }
  some(customers, (row) => row.PrimaryEmailAddr === undefined, 'no e-mail')
  some(customers, (row) => row.PrimaryPhone === undefined, 'no phone')
  some(customers, (row) => row.Active === false, 'inactive')
  some(customers, (row) => row.Job === true && /:/.test(String(row.FullyQualifiedName)), 'jobs')
  some(customers, (row) => row.Level === 4, 'the fifth level')
  some(customers, (row) => row.CompanyName === undefined, 'people')
  some(items, (row) => row.Type === 'Category', 'categories')
  some(items, (row) => row.Type === 'Service', 'services')
  some(items, (row) => row.SubItem === true && Number(row.Level) === 2, 'items in a sub-category')
  some(items, (row) => row.Sku !== undefined, 'numbers in Sku')
  some(
    items,
    (row) => row.Sku === undefined && /^(BRK-|061-|M8x|SS-304|HX |PN#|1000-)/.test(String(row.Name)),
    'numbers in Name',
  )
  some(items, (row) => row.UnitPrice === 0, 'no price')
  const orders = list('Invoice').map((each) => JSON.stringify(each.CustomField))
  t.match(orders.join('\n'), /"Name":"P\.O\. Number","Type":"StringType","StringValue":"/)
  const references = list('PurchaseOrder').map((each) => each.VendorRef as { value: string; name: string })
  for (const { value } of references) t.ok(company({ customers: 1000, items: 1000 }).get('Vendor', value))
})

t.test('parents of active records are active, and nothing is newer than the company', async (t) => {
  const { list } = company({ customers: 500, inactiveShare: 0.5 })
  const byId = new Map(list('Customer').map((each) => [each.Id, each]))
  for (const each of byId.values()) {
    const parent = (each.ParentRef as { value: string } | undefined)?.value
    if (parent !== undefined) t.equal(byId.get(parent)?.Active, true)
  }
  for (const each of list('Item')) t.ok(Date.parse(each.MetaData.LastUpdatedTime) < NOW)
})

t.test('whatever is edited, the changes since then lead from the old records to the new ones', async (t) => {
  const behaviour = createBehaviour()
  const customer = ENTITIES.find(({ name }) => name === 'Customer')
  if (!customer) throw new Error('no Customer')
  const id = fc.integer({ min: 1, max: 30 }).map(String)
  const entity = fc.constant('Customer')
  const name = fc.string({ minLength: 1 }).map((DisplayName) => ({ DisplayName }))
  const edit: fc.Arbitrary<Edit> = fc.oneof(
    fc.record({ action: fc.constant('create' as const), entity, fields: name }),
    fc.record({ action: fc.constant('update' as const), entity, id, fields: name }),
    fc.record({ action: fc.constantFrom('deactivate' as const, 'remove' as const), entity, id }),
    fc.record({ action: fc.constant('bumpBalance' as const), entity, id, amount: fc.integer() }),
    fc.record({ action: fc.constant('merge' as const), entity, id, into: fc.constant('31') }),
  )
  fc.assert(
    fc.property(fc.array(edit), (edits) => {
      const books = company({ customers: 31, vendors: 0 })
      const copy = new Map(books.list('Customer').map((record) => [record.Id, record]))
      for (const each of edits) {
        if (!('id' in each) || books.get('Customer', each.id)) books.bulk([each])
      }
      const [group = {}] = changesSince(books, { types: [customer], since: NOW, behaviour })
      for (const record of (group.Customer ?? []) as QboRecord[]) {
        if (record.status === 'Deleted') copy.delete(record.Id)
        else copy.set(record.Id, record)
      }
      t.same([...copy.values()], books.list('Customer'))
    }),
    { numRuns: 60 },
  )
})

t.test('whoever listens hears once of each edit, in order', async (t) => {
  const books = company()
  const heard: unknown[] = []
  books.onEdit(({ at, ...rest }) => {
    t.equal(at, NOW)
    heard.push(rest)
  })
  const { Id: id } = books.create('customer', { DisplayName: 'Parent' })
  books.create('Customer', { DisplayName: 'Child', ParentRef: { value: id } })
  books.update('Customer', id, { DisplayName: 'Renamed' })
  books.bulk([
    { action: 'bumpBalance', entity: 'Customer', id, amount: 5 },
    { action: 'deactivate', entity: 'Item', id: '7' },
    { action: 'merge', entity: 'Customer', id, into: '1' },
    { action: 'remove', entity: 'Invoice', id: '3' },
  ])
  t.throws(() => books.update('Customer', id, {}), /There is no Customer/)
  t.throws(() => books.merge('Customer', '1', '1'), /no other Customer/)
  t.same(heard, [
    { entity: 'Customer', id, operation: 'Create' },
    { entity: 'Customer', id: String(Number(id) + 1), operation: 'Create' },
    { entity: 'Customer', id, operation: 'Update' },
    { entity: 'Customer', id, operation: 'Update' },
    { entity: 'Item', id: '7', operation: 'Update' },
    { entity: 'Customer', id: '1', operation: 'Merge', deletedId: id },
    { entity: 'Invoice', id: '3', operation: 'Delete' },
  ])
})

t.test('two hundred thousand records: a page at the end, counts and edits', async (t) => {
  const { simulator, query } = await start(t, {
    company: { customers: 60_000, vendors: 20_000, items: 120_000 },
  })
  const rows = (
    await query(
      'select * from Item where Active in (true,false) orderby Id startposition 119001 maxresults 1000',
    )
  ).json.QueryResponse.Item
  t.equal(rows.length, 1000)
  t.match([rows[0].Id, rows[999].Id], ['119001', '120000'])
  const size = JSON.stringify(rows).length / rows.length
  t.ok(size > 500 && size < 1300, `${Math.round(size)} bytes a record`)
  t.equal(
    (await query('select count(*) from Vendor where Active in (true, false)')).json.QueryResponse.totalCount,
    20_000,
  )

  simulator.company.remove('Item', '119002')
  simulator.company.create('Item', { Name: 'new', Type: 'NonInventory' })
  const after = (
    await query(
      'select * from Item where Active in (true,false) orderby Id startposition 119001 maxresults 1000',
    )
  ).json.QueryResponse.Item
  t.match([after[0].Id, after[1].Id, after[999].Id, after[999].Name], ['119001', '119003', '120001', 'new'])
  const byName = (await query('select * from Customer startposition 40001 maxresults 3')).json.QueryResponse
  t.equal(byName.maxResults, 3)
})
