// Vendors: like customers, but without FullyQualifiedName and without a hierarchy.
import { type Static, Type } from '@sinclair/typebox'
import { type Entity, parseRecord, type Raw } from './entity.ts'
import { contactFields, contactOf, contactResult, contactShows, resultBase } from './fields.ts'

/** One vendor as a search answers it. */
export const VendorResult = Type.Object(
  { ...resultBase('vendor'), ...contactResult },
  { $id: 'VendorResult', additionalProperties: false },
)
export type VendorResult = Static<typeof VendorResult>

export const vendors = {
  name: 'vendors',
  qbo: 'Vendor',
  type: 'vendor',
  hasActive: true,
  parse: (raw: unknown) => parseRecord(raw, 'DisplayName'),
  resultSchema: VendorResult,
  result: (raw: Raw): VendorResult => contactOf(raw, 'vendor'),
  indexes: [{ names: ['vendor_names'], fields: contactFields, shows: contactShows }],
} as const satisfies Entity
