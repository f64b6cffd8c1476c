import fc from 'fast-check'
import t from 'tap'
import { QueryFault } from '../../simulator/query/fault.ts'
import { parseQuery } from '../../simulator/query/parse.ts'
import { start } from './support.ts'

t.test('statements in every documented spelling are understood', async (t) => {
  const cases: [string, object][] = [
    ['SELECT * FROM Customer', { select: 'all', entity: 'Customer', startPosition: 1, maxResults: 100 }],
    ['select count(*) from Item', { select: 'count', entity: 'Item' }],
    ['SELECT Id, DisplayName FROM Vendor', { select: ['Id', 'DisplayName'] }],
    [
      'SELECT * FROM Item ORDERBY Id STARTPOSITION 901 MAXRESULTS 1000',
      { startPosition: 901, maxResults: 1000 },
    ],
    [
      'SELECT * FROM Item ORDER BY Name DESC, Id ASC MAXRESULTS 5 STARTPOSITION 2',
      { startPosition: 2, maxResults: 5 },
    ],
    [
      "SELECT * FROM Customer WHERE DisplayName = 'Amy\\'s' AND Active IN (true, false)",
      {
        where: [
          { property: 'DisplayName', operator: '=', values: ["Amy's"] },
          { property: 'Active', operator: 'IN', values: ['true', 'false'] },
        ],
      },
    ],
    [
      "select * from Customer where MetaData.LastUpdatedTime>='2026-01-01T00:00:00-08:00' and Balance < '10.00'",
      {
        where: [
          { property: 'MetaData.LastUpdatedTime', operator: '>=', values: ['2026-01-01T00:00:00-08:00'] },
          { property: 'Balance', operator: '<', values: ['10.00'] },
        ],
      },
    ],
    [
      "select * from Item where Name Like '%x%'",
      { where: [{ property: 'Name', operator: 'LIKE', values: ['%x%'] }] },
    ],
    [
      'select * from Item orderby Type desc, Name',
      {
        orderBy: [
          { property: 'Type', descending: true },
          { property: 'Name', descending: false },
        ],
      },
    ],
  ]
  for (const [statement, expected] of cases) t.match(parseQuery(statement), expected, statement)
})

t.test('what the grammar does not have is refused in the words of QuickBooks', async (t) => {
  const { query } = await start(t)
  const cases: [string, string, RegExp][] = [
    ['', '4000', /Encountered "<EOF>" at line 0, column 0/],
    [
      "select * from Item where Name = 'a' or Name = 'b'",
      '4000',
      /Encountered " "or" "or "" at line 1, column 37/,
    ],
    ["select * from Item where not Name = 'a'", '4000', /Encountered " "not" "not ""/],
    [
      "select * from Item where Name != 'a'",
      '4000',
      /Lexical error at line 1, column 31\. {2}Encountered: "!" \(33\)/,
    ],
    [
      "select * from Customer where DisplayName = 'Amy's'",
      '4000',
      /Encountered " <IDENTIFIER> "s ""|Lexical error/,
    ],
    [
      "select * from Customer where DisplayName = 'D’Angelo'",
      '4000',
      /Lexical error at line 1, column 46.*u2019/,
    ],
    ["select * from Customer where DisplayName = 'open", '4000', /Lexical error.*<EOF>/],
    ['select * from Item group by Type', '4000', /<IDENTIFIER> "group/],
    ['select * from Item where Name is null', '4000', /<IDENTIFIER> "is/],
    ['select * from', '4000', /Encountered "<EOF>"/],
    ['select * from Item maxresults 1 maxresults 2', '4000', /maxresults/],
    ['select * from Item startposition 0', '4001', /value 0 is too small\. Min allowed value is 1/],
    ['select * from Item maxresults 1001', '4001', /value 1001 is too large/],
    ['select * from Widget', '4001', /Metadata not found for Entity: Widget/],
    [
      "select * from Customer where Name = 'a'",
      '4001',
      /QueryValidationError: Property Name not found for Entity Customer/,
    ],
    ['select Nickname from Vendor', '4001', /Property Nickname not found for Entity Vendor/],
    ["select * from Customer where Notes = 'a'", '4001', /property 'Notes' is not queryable/],
    ["select * from PurchaseOrder where CustomerRef = '1'", '4001', /Property CustomerRef not found/],
    ['select * from Item orderby Description', '4001', /property 'Description' is not queryable/],
    ["select * from Item where Id > '5'", '4001', /Id/],
    ["select * from Item where MetaData.LastUpdatedTime > 'yesterday'", '4001', /not a valid date/],
  ]
  for (const [statement, code, detail] of cases) {
    const { status, json } = await query(statement)
    t.equal(status, 400, statement)
    t.match(json.Fault, { type: 'ValidationFault', Error: [{ code, Detail: detail }] }, statement)
  }
})

t.test(
  'a missing statement is a missing parameter, and a POST carries the statement in its body',
  async (t) => {
    const { get, request, realm, token } = await start(t)
    t.match((await get('/query')).json, { Fault: { Error: [{ code: '2020' }] } })
    const posted = await request(`/v3/company/${realm}/query?minorversion=75`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        'content-type': 'application/text',
      },
      body: "select * from Customer where Id = '1'",
    })
    t.equal(posted.json.QueryResponse.Customer[0].Id, '1')
  },
)

t.test('conditions compare by the type of the property and ignore case', async (t) => {
  const { simulator, query } = await start(t, { company: { customers: 0, vendors: 0, items: 0 } })
  const { company } = simulator
  const ids = async (where: string) => {
    const { json } = await query(`select * from Customer where ${where} orderby Id`)
    return (json.QueryResponse.Customer ?? []).map((each: { Id: string }) => each.Id).join()
  }
  company.create('Customer', {
    DisplayName: "Amy's 100% Parts",
    Balance: 9,
    PrimaryEmailAddr: { Address: 'amy@x.example' },
  })
  company.create('Customer', { DisplayName: 'Beta (Group)', Balance: 10.5 })
  simulator.advance(60_000)
  company.create('Customer', { DisplayName: 'gamma', Balance: 100 })
  const third = company.get('Customer', '3')?.MetaData.LastUpdatedTime ?? ''
  t.equal(await ids("displayname = 'amy\\'s 100% parts'"), '1', 'text without regard to case')
  t.equal(await ids("Balance > '9.5'"), '2,3', 'numbers as numbers, not as text')
  t.equal(await ids("DisplayName like '%a'"), '3', 'like from the start to the end')
  t.equal(await ids("DisplayName like 'beta (%'"), '2', 'like takes only % as special')
  t.equal(
    await ids("PrimaryEmailAddr.Address = 'AMY@X.EXAMPLE'"),
    '1',
    'nested property; records without it do not match',
  )
  t.equal(await ids("Id in ('3', '1', '77')"), '1,3')
  const utc = new Date(third).toISOString()
  t.equal(await ids(`MetaData.LastUpdatedTime >= '${utc}'`), '3', 'an instant may be written in any zone')
  t.equal(
    await ids(`MetaData.LastUpdatedTime < '${utc.replace('.000Z', '+0000')}'`),
    '1,2',
    'offset without colon',
  )
})

t.test('without ORDERBY, name lists come by name and transactions by newest change', async (t) => {
  const { simulator, query } = await start(t)
  const { company, behaviour } = simulator
  for (const name of ['PG&E', 'Pam Seitz', '~last']) company.create('Vendor', { DisplayName: name })
  const vendors = (await query('select * from Vendor maxresults 1000')).json.QueryResponse.Vendor
  const names: string[] = vendors.map((each: { DisplayName: string }) => each.DisplayName)
  t.same(names, [...names].sort(), 'by code unit')
  t.ok(names.indexOf('PG&E') < names.indexOf('Pam Seitz'))

  const customers = (await query('select * from Customer maxresults 1000')).json.QueryResponse.Customer
  const seen = new Set<string>()
  for (const { FullyQualifiedName } of customers) {
    const parent = FullyQualifiedName.split(':').slice(0, -1).join(':')
    if (parent !== '') t.ok(seen.has(parent), `${FullyQualifiedName} comes after its parent`)
    seen.add(FullyQualifiedName)
  }

  simulator.advance(1000)
  company.update('Invoice', '7', { PrivateNote: 'called' })
  const invoices = (await query('select * from Invoice')).json.QueryResponse.Invoice
  t.equal(invoices[0].Id, '7')
  const times = invoices.map((each: { MetaData: { LastUpdatedTime: string } }) =>
    Date.parse(each.MetaData.LastUpdatedTime),
  )
  t.same(
    times,
    [...times].sort((a: number, b: number) => b - a),
  )

  behaviour.defaultOrder = 'id'
  t.equal((await query('select * from Invoice')).json.QueryResponse.Invoice[0].Id, '1', 'switchable')
})

t.test('ORDERBY Id is numeric, and pages by it cover everything once', async (t) => {
  const { query } = await start(t, { company: { items: 2500 } })
  const ids: string[] = []
  for (let first = 1; ; first += 1000) {
    const { json } = await query(
      `select * from Item where Active in (true, false) orderby Id startposition ${first} maxresults 1000`,
    )
    const rows = json.QueryResponse.Item ?? []
    ids.push(...rows.map((each: { Id: string }) => each.Id))
    if (rows.length < 1000) break
  }
  t.same(
    ids,
    Array.from({ length: 2500 }, (_, index) => String(index + 1)),
  )
  const last = await query('select * from Item where Active in (true,false) orderby Id desc maxresults 2')
  t.same(
    last.json.QueryResponse.Item.map((each: { Id: string }) => each.Id),
    ['2500', '2499'],
  )
})

t.test('inactive records are hidden until asked for, and carry the suffix', async (t) => {
  const { simulator, query } = await start(t, { company: { inactiveShare: 0 } })
  const { company, behaviour } = simulator
  const active = company.create('Customer', { DisplayName: 'Emily Platt' })
  company.deactivate('Customer', active.Id)
  company.deactivate('Item', '300')
  t.same((await query(`select * from Customer where Id = '${active.Id}'`)).json.QueryResponse, {})
  const all = await query(`select * from Customer where Id = '${active.Id}' and Active in (true, false)`)
  t.match(all.json.QueryResponse.Customer, [
    { DisplayName: 'Emily Platt (deleted)', FullyQualifiedName: 'Emily Platt (deleted)', Active: false },
  ])
  t.equal(
    (await query("select * from Customer where DisplayName like '%(deleted)' and Active = false")).json
      .QueryResponse.maxResults,
    1,
  )
  t.match(company.get('Item', '300')?.Name, / \(deleted\)$/)
  t.equal((await query('select count(*) from Item')).json.QueryResponse.totalCount, company.count('Item') - 1)
  behaviour.deletedSuffix = ' (Deleted)'
  behaviour.activeOnly = false
  t.match((await query(`select * from Customer where Id = '${active.Id}'`)).json.QueryResponse.Customer[0], {
    DisplayName: 'Emily Platt (Deleted)',
  })
})

t.test('envelopes have the keys that the real ones have, and no others', async (t) => {
  const { simulator, query } = await start(t)
  const keys = async (statement: string) => Object.keys((await query(statement)).json.QueryResponse)
  t.same(await keys('select * from Customer'), ['Customer', 'startPosition', 'maxResults'])
  t.same(await keys('select * from Invoice'), ['Invoice', 'startPosition', 'maxResults', 'totalCount'])
  t.same(await keys('select * from Estimate'), ['Estimate', 'startPosition', 'maxResults'])
  t.same(await keys('select * from Employee'), [], 'nothing at all for no rows')
  t.same(await keys("select count(*) from Item where Type = 'Category'"), ['totalCount'])
  const page = (await query('select * from customer startposition 3 maxresults 5')).json
  t.match(page, {
    QueryResponse: { startPosition: 3, maxResults: 5 },
    time: /^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}-0[78]:00$/,
  })
  t.equal(
    (await query('select * from Item')).json.QueryResponse.Item.length,
    100,
    'a hundred rows unless asked',
  )
  simulator.behaviour.limitPlusOne = true
  t.equal((await query('select * from Item maxresults 7')).json.QueryResponse.Item.length, 8)
  simulator.behaviour.omitEmptyKeys = false
  t.same(await keys('select * from Employee'), ['Employee', 'startPosition', 'maxResults'])
  simulator.behaviour.totalCount = 'never'
  t.notOk((await keys('select * from Invoice')).includes('totalCount'))
})

t.test('a projection brings the named fields with the Id', async (t) => {
  const { query } = await start(t)
  const { json } = await query("select DisplayName from Vendor where Id = '201' and Active in (true,false)")
  t.same(Object.keys(json.QueryResponse.Vendor[0]).sort(), ['DisplayName', 'Id', 'domain', 'sparse'])
})

t.test('whatever the text, the parser answers with a query or a query fault', async (t) => {
  const words = fc.constantFrom(
    ...'SELECT * count ( ) FROM Customer WHERE Id = < >= IN LIKE AND OR ORDERBY ORDER BY ASC STARTPOSITION MAXRESULTS 0 1 7'.split(
      ' ',
    ),
    "'x'",
    "'it\\'s'",
    ',',
    "'",
    '’',
    'true',
    '\\',
  )
  const onlyFaults = (statement: string) => {
    try {
      parseQuery(statement)
    } catch (error) {
      if (!(error instanceof QueryFault)) throw error
    }
  }
  fc.assert(fc.property(fc.string({ unit: 'binary' }), onlyFaults), { numRuns: 500 })
  fc.assert(
    fc.property(fc.array(words, { maxLength: 25 }), (parts) => onlyFaults(parts.join(' '))),
    { numRuns: 1000 },
  )
  t.pass('no other exception')
})

t.test('any text in a literal comes back as it was, once quotes are escaped', async (t) => {
  const text = fc.string({ unit: 'grapheme' }).filter((value) => !/[‘’]/.test(value))
  fc.assert(
    fc.property(text, (value) => {
      const literal = value.replace(/[\\']/g, '\\$&')
      const { where } = parseQuery(`select * from Customer where DisplayName = '${literal}' maxresults 5`)
      return where[0]?.values[0] === value
    }),
  )
  t.pass('for all')
})
