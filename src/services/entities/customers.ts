// Customers. QuickBooks keeps sub-customers and projects (jobs) as customers too; each is a record of its own, found
// by its own DisplayName and, through FullyQualifiedName, by its parent's. A customer has no field called Name.
import { type Static, Type } from '@sinclair/typebox'
import { type Entity, parseRecord, type Raw } from './entity.ts'
import { contactFields, contactOf, contactResult, contactShows, resultBase } from './fields.ts'

/** One customer as a search answers it. */
export const CustomerResult = Type.Object(
  { ...resultBase('customer'), ...contactResult },
  { $id: 'CustomerResult', additionalProperties: false },
)
export type CustomerResult = Static<typeof CustomerResult>

export const customers = {
  name: 'customers',
  qbo: 'Customer',
  type: 'customer',
  hasActive: true,
  parse: (raw: unknown) => parseRecord(raw, 'DisplayName'),
  resultSchema: CustomerResult,
  result: (raw: Raw): CustomerResult => contactOf(raw, 'customer'),
  indexes: [{ names: ['client_names'], fields: contactFields, shows: contactShows }],
} as const satisfies Entity
