// What invoices, estimates, purchase orders and bills have in common: a number that may be missing, a customer or a
// vendor, dates, amounts, and lines, which stay in the cache as they are. They have no Active and are never inactive.
import { type TSchema, Type } from '@sinclair/typebox'
import {
  type Facet,
  type IndexFeed,
  idOf,
  type Measure,
  type ParsedRecord,
  parseRecord,
  type Raw,
} from './entity.ts'
import {
  displayName,
  nested,
  nullableNumber,
  nullableText,
  number,
  object,
  present,
  resultBase,
  text,
} from './fields.ts'

/** What kind of transaction: the `type` of its results, what people call it, and how they shorten that. */
export interface Kind<T extends string = string> {
  type: T
  title: string
  short: string
}

/** Whom it is with: the reference to the record, and what the fields of a result begin with. */
interface Party {
  ref: string
  field: string
}
export const withCustomer: Party = { ref: 'CustomerRef', field: 'customer' }
export const withVendor: Party = { ref: 'VendorRef', field: 'vendor' }

export const parseTransaction = (raw: unknown): ParsedRecord => ({ ...parseRecord(raw), active: true })

/** The fields that every transaction's result has. */
export const transactionResult = <T extends string>({ type }: Kind<T>) =>
  ({
    ...resultBase(type),
    name: Type.String({ description: 'The number, or the kind and the Id of what has none' }),
    active: Type.Boolean({ description: 'Always true' }),
    doc_number: nullableText('DocNumber'),
    date: nullableText('TxnDate'),
    due_date: nullableText('DueDate'),
    total: nullableNumber('TotalAmt'),
  }) satisfies Record<string, TSchema>
export const customerResult = {
  customer_id: nullableText('Id of the customer'),
  customer_name: nullableText('Name of the customer, as it was when QuickBooks last changed the transaction'),
} satisfies Record<string, TSchema>
export const vendorResult = {
  vendor_id: nullableText('Id of the vendor'),
  vendor_name: nullableText('Name of the vendor, as it was when QuickBooks last changed the transaction'),
} satisfies Record<string, TSchema>

/** The values of `transactionResult`. */
export function transactionOf<T extends string>(raw: Raw, kind: Kind<T>) {
  return {
    id: idOf(raw) ?? '',
    type: kind.type,
    name: nameOf(raw, kind),
    active: true,
    doc_number: text(raw, 'DocNumber'),
    date: text(raw, 'TxnDate'),
    due_date: text(raw, 'DueDate'),
    total: number(raw, 'TotalAmt'),
  }
}
/** The values of `customerResult`. */
export const customerOf = (raw: Raw) => ({
  customer_id: partyId(raw, withCustomer),
  customer_name: partyName(raw, withCustomer),
})
/** The values of `vendorResult`. */
export const vendorOf = (raw: Raw) => ({
  vendor_id: partyId(raw, withVendor),
  vendor_name: partyName(raw, withVendor),
})

const nameOf = (raw: Raw, { title }: Kind): string => text(raw, 'DocNumber') ?? `${title} ${idOf(raw) ?? ''}`
const partyId = (raw: Raw, { ref }: Party): string | null => nested(raw, ref, 'value')
const partyName = (raw: Raw, { ref }: Party): string | null => displayName(object(raw, ref), 'name') || null

/**
 * An amount as the words that people type, with the thousands apart or not: "1234 50" and "1 234 50". Not as it is
 * written: closed up, as codes and punctuated texts are, 150.00 would be 15000.
 */
function amountTexts(amount: number | null): string[] {
  if (amount === null) return []
  const plain = amount.toFixed(2).replace('.', ' ')
  return [plain, plain.replace(/\B(?=(\d{3})+ )/g, ' ')]
}

/** A number with what it is a number of, as people say it. */
const said = (number: string | null, { title, short }: Pick<Kind, 'title' | 'short'>): string[] =>
  number === null ? [] : [`${title} ${number}`, `${short} ${number}`, `${short}${number}`]

const clientPo = { title: 'Purchase order', short: 'PO' }

/** The index of one kind of transaction: by its number, by whom it is with, by its amount. */
export const transactionFeed = (name: string, kind: Kind, party: Party): IndexFeed => ({
  names: [name],
  fields: (raw) => ({
    codes: [nameOf(raw, kind)],
    texts: [
      ...present([partyName(raw, party)]),
      ...said(text(raw, 'DocNumber'), kind),
      ...amountTexts(number(raw, 'TotalAmt')),
    ],
  }),
  shows: ['name', `${party.field}_name`, 'total'],
})

/** The index of the customers' purchase-order numbers, which several kinds of transactions feed. */
export const clientPoFeed = (kind: Kind, poNumberOf: (raw: Raw) => string | null): IndexFeed => ({
  names: ['client_pos'],
  fields: (raw) => ({
    codes: [poNumberOf(raw) ?? '', nameOf(raw, kind)],
    texts: [
      ...present([partyName(raw, withCustomer)]),
      ...said(poNumberOf(raw), clientPo),
      ...said(text(raw, 'DocNumber'), kind),
    ],
  }),
  shows: ['po_number', 'name', 'customer_name'],
})

/** Narrows a search down to one customer or vendor. */
export const partyFacet = (party: Party): Facet => ({
  parameter: `${party.field}_id`,
  description: `Id of the ${party.field}`,
  of: (raw) => partyId(raw, party),
})

/** Narrows a search down to what is open, closed, and so on. */
export const statusFacet = (field: string): Facet => ({
  parameter: 'status',
  description: 'The `status` of the results: Open or Closed purchase orders, Pending or Accepted estimates',
  of: (raw) => text(raw, field),
})

export const totalMeasure: Measure = {
  name: 'total',
  min: 'min_total',
  max: 'max_total',
  of: (raw) => number(raw, 'TotalAmt'),
}
export const balanceMeasure: Measure = {
  name: 'balance',
  min: 'min_balance',
  max: 'max_balance',
  of: (raw) => number(raw, 'Balance'),
}
