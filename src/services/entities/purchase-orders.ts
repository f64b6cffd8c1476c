// Purchase orders: what was ordered from a vendor. QuickBooks has them from the Plus plan on.
import { type Static, Type } from '@sinclair/typebox'
import type { Entity, Raw } from './entity.ts'
import { nullableText, text } from './fields.ts'
import {
  parseTransaction,
  partyFacet,
  statusFacet,
  totalMeasure,
  transactionFeed,
  transactionOf,
  transactionResult,
  vendorOf,
  vendorResult,
  withVendor,
} from './transactions.ts'

const kind = { type: 'purchase_order', title: 'Purchase order', short: 'PO' } as const

/** One purchase order as a search answers it. */
export const PurchaseOrderResult = Type.Object(
  { ...transactionResult(kind), ...vendorResult, status: nullableText('Open or Closed') },
  { $id: 'PurchaseOrderResult', additionalProperties: false },
)
export type PurchaseOrderResult = Static<typeof PurchaseOrderResult>

export const purchaseOrders = {
  name: 'purchase_orders',
  qbo: 'PurchaseOrder',
  type: kind.type,
  hasActive: false,
  parse: parseTransaction,
  resultSchema: PurchaseOrderResult,
  result: (raw: Raw): PurchaseOrderResult => ({
    ...transactionOf(raw, kind),
    ...vendorOf(raw),
    status: text(raw, 'POStatus'),
  }),
  indexes: [transactionFeed('purchase_orders', kind, withVendor)],
  facets: [partyFacet(withVendor), statusFacet('POStatus')],
  measures: [totalMeasure],
} as const satisfies Entity
