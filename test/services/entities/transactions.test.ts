// What invoices, estimates and purchase orders make of QuickBooks' records, the odd ones included.
import { Value } from '@sinclair/typebox/value'
import t from 'tap'
import {
  BadRecord,
  createEntities,
  defaultSettings,
  type Entity,
} from '../../../src/services/entities/index.ts'

const meta = { MetaData: { LastUpdatedTime: '2026-04-08T13:15:36-07:00' } }
const [, , , invoices, estimates, purchaseOrders] = createEntities(defaultSettings)

const invoice = {
  ...{ Id: '130', DocNumber: '1037', TxnDate: '2026-04-08', DueDate: '2026-05-08', ...meta },
  CustomerRef: { value: '24', name: 'Sonnenschein Family Store' },
  CustomField: [
    { DefinitionId: '2', Name: 'Crew #', Type: 'StringType', StringValue: '7' },
    { DefinitionId: '1', Name: 'P.O. Number', Type: 'StringType', StringValue: 'PO-5512' },
  ],
  Line: [{ Id: '1', Amount: 275, DetailType: 'SalesItemLineDetail' }],
  TotalAmt: 362.07,
  Balance: 0,
}

t.test('results have the fields of the contract', async (t) => {
  t.same(invoices.result(invoice), {
    ...{ id: '130', type: 'invoice', name: '1037', active: true, doc_number: '1037' },
    ...{ customer_id: '24', customer_name: 'Sonnenschein Family Store' },
    ...{ date: '2026-04-08', due_date: '2026-05-08', total: 362.07, balance: 0, po_number: 'PO-5512' },
  })
  t.same(estimates.result({ ...invoice, TxnStatus: 'Pending' }), {
    ...{ id: '130', type: 'estimate', name: '1037', active: true, doc_number: '1037' },
    ...{ customer_id: '24', customer_name: 'Sonnenschein Family Store' },
    ...{ date: '2026-04-08', due_date: '2026-05-08', total: 362.07, status: 'Pending', po_number: 'PO-5512' },
  })
  const { CustomerRef: VendorRef, ...order } = invoice
  t.same(purchaseOrders.result({ ...order, VendorRef, POStatus: 'Open' }), {
    ...{ id: '130', type: 'purchase_order', name: '1037', active: true, doc_number: '1037' },
    ...{ vendor_id: '24', vendor_name: 'Sonnenschein Family Store' },
    ...{ date: '2026-04-08', due_date: '2026-05-08', total: 362.07, status: 'Open' },
  })
})

t.test('one without a number is called by its kind and Id, and the rest is null', async (t) => {
  const bare = { Id: '154', ...meta }
  t.match(invoices.result(bare), { name: 'Invoice 154', doc_number: null, total: null, po_number: null })
  t.match(estimates.result({ ...bare, DocNumber: '  ' }), {
    name: 'Estimate 154',
    doc_number: null,
    status: null,
  })
  t.match(purchaseOrders.result(bare), { name: 'Purchase order 154', vendor_id: null, vendor_name: null })
})

t.test('they are kept without a name and are never inactive', async (t) => {
  for (const entity of [invoices, estimates, purchaseOrders]) {
    t.match(entity.parse({ Id: '1', Active: false, ...meta }), { id: '1', active: true })
    t.throws(() => entity.parse({ DocNumber: '1037', ...meta }), BadRecord, 'an Id is needed all the same')
    t.equal(entity.hasActive, false)
  }
  t.same(invoices.parse(invoice).raw, invoice, 'with their lines')
})

t.test('odd records never throw, and wrong types count as absent', async (t) => {
  const odd = [
    null,
    5,
    'text',
    '',
    [],
    {},
    [null],
    [[]],
    ['x'],
    [{ Name: 5 }],
    { value: 7, name: [] },
    true,
    Number.NaN,
  ]
  for (const value of odd) {
    const raw = {
      ...{ Id: '1', DocNumber: [value], TxnDate: { value }, DueDate: 3, ...meta },
      ...{ CustomerRef: value, VendorRef: value, CustomField: value, Line: value },
      ...{ TotalAmt: String(value), Balance: value, POStatus: [value], TxnStatus: { value } },
    }
    for (const entity of [invoices, estimates, purchaseOrders] as Entity[]) {
      const result = entity.result(entity.parse(raw).raw)
      t.ok(Value.Check(entity.resultSchema, result), `${entity.name} with ${JSON.stringify(value)}`)
      for (const feed of entity.indexes) t.doesNotThrow(() => feed.fields(raw))
      for (const facet of entity.facets ?? []) t.doesNotThrow(() => facet.of(raw))
    }
  }
})

const poNumber = (Name: unknown, names = defaultSettings.clientPoFields, StringValue: unknown = 'PO-5512') =>
  createEntities({ clientPoFields: names })[3].result({
    ...invoice,
    CustomField: [{ DefinitionId: '1', Name, Type: 'StringType', StringValue }],
  }).po_number

t.test("the custom field with the customer's order number goes by many names", async (t) => {
  for (const name of [
    ...['P.O. Number', 'PO Number', 'PO #', 'P.O. #', 'PO No.', 'po-number', ' PO  NUMBER ', 'P.O.'],
    ...['Purchase Order', 'Purchase Order Number', 'Purchase Order #', 'purchase order no'],
    ...['Customer PO', 'Customer PO #', 'Customer P.O. Number', 'CUSTOMER PO NO.'],
  ]) {
    t.equal(poNumber(name), 'PO-5512', name)
  }
  for (const name of ['Crew #', 'P', '#', '', 'Post', 'PO Date', 'Order', null, 5]) {
    t.equal(poNumber(name), null, String(name))
  }
})

t.test('an installation can name it otherwise; names without a letter mean nothing', async (t) => {
  t.equal(poNumber('Bestell-Nr.', ['bestellnr']), 'PO-5512')
  t.equal(poNumber('P.O. Number', ['bestellnr']), null)
  t.equal(poNumber('---', ['#', '']), null)
})

t.test('a field without a value leaves room for the next one', async (t) => {
  for (const empty of [null, '', '  ', 5]) t.equal(poNumber('PO', undefined, empty), null)
  const CustomField = [
    { DefinitionId: '1', Name: 'P.O. Number', Type: 'StringType' },
    { DefinitionId: '3', Name: 'Customer PO', Type: 'StringType', StringValue: '4500017' },
  ]
  t.equal(invoices.result({ ...invoice, CustomField }).po_number, '4500017')
})
