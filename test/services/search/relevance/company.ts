// The companies that relevance is measured on: several of one kind that share no record, each with customers, vendors,
// and items with part numbers in the styles of several shops. The same ones on every run.
import { createCompany } from '../../../../bench/search-data.ts'
import type { CachedRow, Raw } from '../../../../src/services/entities/index.ts'
import { type Entry, entryOf, type Known } from './entry.ts'

/** What is searched, by the names that routes use. */
export type IndexName = 'client_names' | 'vendor_names' | 'product_names' | 'product_descriptions'

export interface Company {
  rows: Readonly<Record<'customers' | 'vendors' | 'items', readonly CachedRow[]>>
  entries: Readonly<Record<IndexName, readonly Entry[]>>
}

const customerCount = 2000
const vendorCount = 800
const itemCount = 1800

/** Makes so many companies. */
export function companies(count: number): Company[] {
  const contacts = customerCount + vendorCount
  const names = createCompany('names', count * contacts)
  const parts = createCompany('parts', count * itemCount)
  return Array.from({ length: count }, (_, nth) =>
    companyOf({
      customers: rowsOf(names, nth * contacts, customerCount).map(otherCharacters),
      vendors: rowsOf(names, nth * contacts + customerCount, vendorCount)
        .map(withoutPath)
        .map(otherCharacters),
      items: rowsOf(parts, nth * itemCount, itemCount).map(inProse),
    }),
  )
}

const rowsOf = (from: ReturnType<typeof createCompany>, start: number, size: number) =>
  Array.from({ length: size }, (_, i) => from.row(start + i))

function companyOf(rows: Company['rows']): Company {
  const items = rows.items.map(rawOf)
  return {
    rows,
    entries: {
      client_names: rows.customers.map(rawOf).map(contact),
      vendor_names: rows.vendors.map(rawOf).map(contact),
      product_names: items.map(item),
      product_descriptions: items.filter((raw) => text(raw, 'Description') !== null).map(description),
    },
  }
}

// ---- What the generator leaves out

const rawOf = (row: CachedRow): Raw => JSON.parse(row.json)

/** Not everybody writes & and a straight apostrophe. */
function otherCharacters(row: CachedRow, at: number): CachedRow {
  const json = at % 3 === 0 ? row.json.replaceAll("'", '’') : row.json
  return { ...row, json: at % 4 === 0 ? json.replaceAll(' & ', ' and ') : json }
}

/** QuickBooks keeps no hierarchy of vendors. */
function withoutPath(row: CachedRow): CachedRow {
  const { FullyQualifiedName, ...raw } = rawOf(row)
  return { ...row, json: JSON.stringify(raw) }
}

const prose = [
  'Water-resistant finish for all-weather use; ships with mounting hardware.',
  'Replaces the older two-piece design and is a drop-in fit for most presses.',
  "Check the customer's drawing before you order: lead time is three weeks.",
  'Machined from bar stock, de-burred and hand-finished, with a certificate of conformity.',
  'Not for food-grade lines, high-speed spindles or anti-static areas. Store dry.',
  'Made to order, non-returnable, self-aligning, with pre-greased bearings.',
]

/** A third of the descriptions are sentences, with the short one at their beginning or their end. */
function inProse(row: CachedRow, at: number): CachedRow {
  const raw = rawOf(row)
  const short = text(raw, 'Description')
  const nth = Math.floor(at / 3)
  const sentence = prose[nth % prose.length]
  if (short === null || at % 3 > 0) return row
  const Description =
    nth % (2 * prose.length) < prose.length ? `${short} ${sentence}` : `${sentence} ${short}`
  return { ...row, json: JSON.stringify({ ...raw, Description }) }
}

// ---- What each index is said to know. Entities are not asked: what they forget to hand over must show.

const nothing = { title: null, code: null, texts: [], codes: [], email: null, phone: null }

const entryFrom = (raw: Raw, known: Partial<Known>) =>
  entryOf({ ...nothing, ...known, id: text(raw, 'Id') ?? '' })

function contact(raw: Raw): Entry {
  const person = present([text(raw, 'GivenName'), text(raw, 'FamilyName')]).join(' ')
  const names = ['DisplayName', 'CompanyName', 'FullyQualifiedName'].map((field) => text(raw, field))
  const phone = text(raw.PrimaryPhone, 'FreeFormNumber')
  return entryFrom(raw, {
    title: text(raw, 'DisplayName'),
    texts: present([...names, person || null]),
    email: text(raw.PrimaryEmailAddr, 'Address'),
    phone: phone?.replace(/ x\d+$/, '').replace(/\D/g, '') ?? null,
  })
}

function item(raw: Raw): Entry {
  const [name, sku] = [text(raw, 'Name') ?? '', text(raw, 'Sku')]
  // "Drive shaft 435x72" is a title, "HX 9x35 A2" a part number.
  const isTitle = /[a-z]{3}/.test(name)
  return entryFrom(raw, {
    title: isTitle ? name : null,
    code: isTitle ? sku : name,
    texts: present([text(raw, 'FullyQualifiedName')]),
    codes: present([name, sku]),
  })
}

function description(raw: Raw): Entry {
  const title = text(raw, 'Description')
  return entryFrom(raw, { title, texts: present([title]) })
}

/** The text in a field; null when there is none. */
function text(from: unknown, field: string): string | null {
  const value = typeof from === 'object' && from !== null ? (from as Raw)[field] : undefined
  return typeof value === 'string' && value !== '' ? value : null
}

const present = (values: readonly (string | null)[]) => values.filter((value) => value !== null)
