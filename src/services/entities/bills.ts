// Bills: what is owed to a vendor. Many have no number.
import { type Static, Type } from '@sinclair/typebox'
import type { Entity, Raw } from './entity.ts'
import { nullableNumber, number } from './fields.ts'
import {
  balanceMeasure,
  parseTransaction,
  partyFacet,
  totalMeasure,
  transactionFeed,
  transactionOf,
  transactionResult,
  vendorOf,
  vendorResult,
  withVendor,
} from './transactions.ts'

const kind = { type: 'bill', title: 'Bill', short: 'Bill' } as const

/** One bill as a search answers it. */
export const BillResult = Type.Object(
  { ...transactionResult(kind), ...vendorResult, balance: nullableNumber('What is still owed') },
  { $id: 'BillResult', additionalProperties: false },
)
export type BillResult = Static<typeof BillResult>

export const bills = {
  name: 'bills',
  qbo: 'Bill',
  type: kind.type,
  hasActive: false,
  parse: parseTransaction,
  resultSchema: BillResult,
  result: (raw: Raw): BillResult => ({
    ...transactionOf(raw, kind),
    ...vendorOf(raw),
    balance: number(raw, 'Balance'),
  }),
  indexes: [transactionFeed('bills', kind, withVendor)],
  facets: [partyFacet(withVendor)],
  measures: [totalMeasure, balanceMeasure],
} as const satisfies Entity
