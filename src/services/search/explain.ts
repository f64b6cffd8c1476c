// Which fields of a QuickBooks record an index reads, by the names that Intuit gives them: results do not show all.
import type { IndexFeed, Raw } from '../entities/entity.ts'

/** A text and where it stands: `Name`, or `PrimaryPhone.FreeFormNumber`. */
type Field = readonly [path: string, text: string]

/** The fields of a record whose texts can be searched in the index. */
export function searchedFields({ fields }: IndexFeed, raw: Raw): Field[] {
  const searched = Object.values(fields(raw) ?? {}).flat() as string[]
  const all = textsIn(raw)
  const texts = all.map(([, text]) => text)
  // What is no field is made of several, as is a person's name.
  const made = searched.filter((text) => !texts.includes(text)).map((text) => ` ${text} `)
  return all.filter(([, text]) => searched.includes(text) || made.some((one) => one.includes(` ${text} `)))
}

function textsIn(raw: Raw, ahead = ''): Field[] {
  return Object.entries(raw).flatMap(([name, value]): Field[] => {
    if (typeof value === 'string') return [[ahead + name, value]]
    return typeof value === 'object' && value !== null ? textsIn(value as Raw, `${ahead}${name}.`) : []
  })
}
