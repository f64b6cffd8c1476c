// Readers of QuickBooks fields that answer null for whatever is absent, empty or of the wrong type, and the pieces of
// result schemas that entities share. They never throw: one odd record must not stop a sync or a search.
import { type TSchema, Type } from '@sinclair/typebox'
import { idOf, type Raw, type SearchFields } from './entity.ts'

/** The text in `field`, or null. Blank text counts as absent. */
export function text(raw: Raw, field: string): string | null {
  const value = raw[field]
  return typeof value === 'string' && value.trim() !== '' ? value : null
}

/** The text in `field.part`, as in PrimaryEmailAddr.Address, or null. */
export function nested(raw: Raw, field: string, part: string): string | null {
  return text(object(raw, field), part)
}

/** The finite number in `field`, or null; a number in a string is a wrong type. */
export function number(raw: Raw, field: string): number | null {
  const value = raw[field]
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/** A name without the " (deleted)" that QuickBooks appends to inactive ones; the bare name when nothing else is left. */
export function displayName(raw: Raw, field: string): string {
  const name = text(raw, field) ?? ''
  return name.replace(/\s+\(deleted\)\s*$/i, '') || name
}

/** The object in `field`, as in CustomerRef, or one without fields. */
export function object(raw: Raw, field: string): Raw {
  const value = raw[field]
  return typeof value === 'object' && value !== null ? (value as Raw) : {}
}

/**
 * A reader of the custom field whose name is one of `names`, case, spaces and punctuation aside: its text, or null. The
 * first that has a text counts.
 */
export function customField(names: readonly string[]): (raw: Raw) => string | null {
  const wanted = names.map(letters).filter((name) => name !== '')
  return ({ CustomField: all }) => {
    for (const field of Array.isArray(all) ? (all as unknown[]) : []) {
      const one = object({ field }, 'field')
      const value = wanted.includes(letters(text(one, 'Name') ?? '')) ? text(one, 'StringValue') : null
      if (value !== null) return value
    }
    return null
  }
}

/** "P.O. Number" → "ponumber". */
const letters = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '')

/** Drops what is null, so that a feed can list its fields plainly. */
export function present(values: readonly (string | null)[]): string[] {
  return values.filter((value) => value !== null)
}

/** Text or null. */
export const nullableText = (description: string) => Type.Union([Type.String(), Type.Null()], { description })

/** A number or null. */
export const nullableNumber = (description: string) =>
  Type.Union([Type.Number(), Type.Null()], { description })

/** The fields that every search result has. */
export function resultBase<T extends string>(type: T) {
  return {
    id: Type.String({ description: 'QuickBooks Id, unique within its type' }),
    type: Type.Literal(type),
    name: Type.String({ description: 'Name for display, without " (deleted)"' }),
    active: Type.Boolean(),
  } satisfies Record<string, TSchema>
}

/** What customers and vendors add to a result. */
export const contactResult = {
  company_name: nullableText('CompanyName'),
  email: nullableText('PrimaryEmailAddr'),
  phone: nullableText('PrimaryPhone'),
} satisfies Record<string, TSchema>

/** The fields of a customer's or vendor's result that are searched. */
export const contactShows = ['name', ...Object.keys(contactResult)]

/** The values of `contactResult` and the base, for a customer or vendor. */
export function contactOf<T extends string>(raw: Raw, type: T) {
  return {
    id: idOf(raw) ?? '',
    type,
    name: displayName(raw, 'DisplayName'),
    active: raw.Active !== false,
    company_name: text(raw, 'CompanyName'),
    email: nested(raw, 'PrimaryEmailAddr', 'Address'),
    phone: nested(raw, 'PrimaryPhone', 'FreeFormNumber'),
  }
}

/** The searchable words of a customer or vendor: every name it goes by, then how to reach it. Fax is left out. */
export function contactFields(raw: Raw): SearchFields {
  const person = present([text(raw, 'GivenName'), text(raw, 'FamilyName')]).join(' ')
  return {
    texts: present([
      displayName(raw, 'DisplayName'),
      text(raw, 'CompanyName'),
      text(raw, 'FullyQualifiedName'),
      person,
    ]),
    emails: present([nested(raw, 'PrimaryEmailAddr', 'Address')]),
    phones: present([
      nested(raw, 'PrimaryPhone', 'FreeFormNumber'),
      nested(raw, 'AlternatePhone', 'FreeFormNumber'),
      nested(raw, 'Mobile', 'FreeFormNumber'),
    ]),
  }
}
