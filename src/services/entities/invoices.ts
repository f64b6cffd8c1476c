// Invoices: what a customer owes. In many shops people look for them by the customer's own purchase-order number.
import { type Static, Type } from '@sinclair/typebox'
import type { Entity, EntitySettings, Raw } from './entity.ts'
import { customField, nullableNumber, nullableText, number } from './fields.ts'
import {
  balanceMeasure,
  clientPoFeed,
  customerOf,
  customerResult,
  parseTransaction,
  partyFacet,
  totalMeasure,
  transactionFeed,
  transactionOf,
  transactionResult,
  withCustomer,
} from './transactions.ts'

const kind = { type: 'invoice', title: 'Invoice', short: 'INV' } as const

/** One invoice as a search answers it. */
export const InvoiceResult = Type.Object(
  {
    ...transactionResult(kind),
    ...customerResult,
    balance: nullableNumber('What is still owed'),
    po_number: nullableText("The customer's purchase-order number"),
  },
  { $id: 'InvoiceResult', additionalProperties: false },
)
export type InvoiceResult = Static<typeof InvoiceResult>

export const invoices = ({ clientPoFields }: EntitySettings) => {
  const poNumberOf = customField(clientPoFields)
  return {
    name: 'invoices',
    qbo: 'Invoice',
    type: kind.type,
    hasActive: false,
    parse: parseTransaction,
    resultSchema: InvoiceResult,
    result: (raw: Raw): InvoiceResult => ({
      ...transactionOf(raw, kind),
      ...customerOf(raw),
      balance: number(raw, 'Balance'),
      po_number: poNumberOf(raw),
    }),
    indexes: [transactionFeed('invoices', kind, withCustomer), clientPoFeed(kind, poNumberOf)],
    facets: [partyFacet(withCustomer)],
    measures: [totalMeasure, balanceMeasure],
  } as const satisfies Entity
}
