// What bills make of QuickBooks' records: many have no number.
import { Value } from '@sinclair/typebox/value'
import t from 'tap'
import { bills } from '../../../src/services/entities/bills.ts'
import { createSearch } from '../../../src/services/search/search.ts'
import { batches, row } from '../search/helpers.ts'

const bill = {
  ...{ Id: '25', TxnDate: '2026-04-08', DueDate: '2026-05-08', TotalAmt: 2000, Balance: 150.5 },
  ...{ VendorRef: { value: '31', name: 'Brosnahan Insurance Agency' }, PrivateNote: 'Opening Balance' },
  MetaData: { LastUpdatedTime: '2026-04-08T13:15:36-07:00' },
}

t.test('a bill has the fields of the contract, with its number or without', async (t) => {
  const result = {
    ...{ id: '25', type: 'bill', name: 'Bill 25', active: true, doc_number: null },
    ...{ vendor_id: '31', vendor_name: 'Brosnahan Insurance Agency' },
    ...{ date: '2026-04-08', due_date: '2026-05-08', total: 2000, balance: 150.5 },
  }
  t.same(bills.result(bills.parse(bill).raw), result)
  t.same(bills.result({ ...bill, DocNumber: 'B70001' }), { ...result, name: 'B70001', doc_number: 'B70001' })
  for (const odd of [null, 5, [], {}, 'text']) {
    const raw = {
      ...bill,
      DocNumber: odd === 'text' ? null : odd,
      VendorRef: odd,
      TotalAmt: [odd],
      Balance: 'none',
    }
    t.ok(Value.Check(bills.resultSchema, bills.result(bills.parse(raw).raw)), JSON.stringify(odd))
    t.ok(bills.indexes[0].fields(raw))
  }
})

t.test('a bill is found by its number, or what it is called, by its vendor and by its amount', async (t) => {
  const search = createSearch({ entities: [bills] })
  await search.rebuild(
    'bills',
    batches([row('25', bill), row('26', { ...bill, Id: '26', DocNumber: 'B70001', TotalAmt: 3 })]),
  )
  for (const [q, ids] of [
    ['bill 25', ['25']],
    ['b70001', ['26']],
    ['70001', ['26']],
    ['2,000.00', ['25']],
    ['brosnahan', ['26', '25']],
  ] as const) {
    t.same(search.search('bills', q, 5).ids, ids, q)
  }
})
