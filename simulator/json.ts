/**
 * JSON and XML as QuickBooks prints them. Amounts carry two decimals ("639.00"), zero is a bare 0, prices stay as they
 * were entered; clients that compare raw text or use decimals see the real thing. Not a general serialiser.
 */

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json | undefined }
export type Fields = { [key: string]: Json | undefined }

const AMOUNTS =
  /"(Balance|BalanceWithJobs|TotalAmt|HomeTotalAmt|HomeBalance|Amount|TotalTax)":(-?\d+(?:\.\d+)?)(?=[,}])/g

/** The text of an answer. Quotes inside strings are escaped, so the pattern can only meet real keys. */
export function printJson(value: unknown): string {
  return JSON.stringify(value).replace(AMOUNTS, (_all, key: string, digits: string) =>
    Number(digits) === 0 ? `"${key}":0` : `"${key}":${Number(digits).toFixed(2)}`,
  )
}

/** Leaves out the fields without a value: QuickBooks omits them instead of sending null. */
export function compact(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  )
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const XML_ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => XML_ESCAPES[character] ?? character)
}

/** One element per key, repeated for arrays: the shape of QuickBooks' XML, which is its default without an Accept. */
export function printXml(name: string, value: Json | undefined): string {
  if (value === undefined || value === null) return ''
  if (Array.isArray(value)) return value.map((each) => printXml(name, each)).join('')
  const inner = isFields(value)
    ? Object.entries(value)
        .map(([key, each]) => printXml(key, each))
        .join('')
    : escapeXml(String(value))
  return `<${name}>${inner}</${name}>`
}
