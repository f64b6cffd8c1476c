// Estimates: what was offered to a customer.
import { type Static, Type } from '@sinclair/typebox'
import type { Entity, EntitySettings, Raw } from './entity.ts'
import { customField, nullableText, text } from './fields.ts'
import {
  clientPoFeed,
  customerOf,
  customerResult,
  parseTransaction,
  partyFacet,
  statusFacet,
  totalMeasure,
  transactionFeed,
  transactionOf,
  transactionResult,
  withCustomer,
} from './transactions.ts'

const kind = { type: 'estimate', title: 'Estimate', short: 'EST' } as const

/** One estimate as a search answers it. */
export const EstimateResult = Type.Object(
  {
    ...transactionResult(kind),
    ...customerResult,
    status: nullableText('Pending, Accepted, Converted, Closed or Rejected'),
    po_number: nullableText("The customer's purchase-order number"),
  },
  { $id: 'EstimateResult', additionalProperties: false },
)
export type EstimateResult = Static<typeof EstimateResult>

export const estimates = ({ clientPoFields }: EntitySettings) => {
  const poNumberOf = customField(clientPoFields)
  return {
    name: 'estimates',
    qbo: 'Estimate',
    type: kind.type,
    hasActive: false,
    parse: parseTransaction,
    resultSchema: EstimateResult,
    result: (raw: Raw): EstimateResult => ({
      ...transactionOf(raw, kind),
      ...customerOf(raw),
      status: text(raw, 'TxnStatus'),
      po_number: poNumberOf(raw),
    }),
    indexes: [transactionFeed('estimates', kind, withCustomer), clientPoFeed(kind, poNumberOf)],
    facets: [partyFacet(withCustomer), statusFacet('TxnStatus')],
    measures: [totalMeasure],
  } as const satisfies Entity
}
