// One record as search knows it: what it is found by, answers with, and is ranked, filtered and sorted by.
import type { CachedRow, Entity, Raw } from '../entities/entity.ts'
import { documentText } from './document.ts'
import { asciiJson } from './json.ts'
import { fold } from './text.ts'

export interface SearchRecord {
  id: string
  active: boolean
  /** Epoch milliseconds; a more recently updated record matters more. */
  lastUpdated: number
  /** The search result, in ASCII. */
  json: string
  /** The name to sort by. */
  name: string
  /** By position in `entity.indexes`: see document.ts; '' where it is not in an index. */
  texts: readonly string[]
  /** By position in `entity.measures`; NaN for none. */
  measures: readonly number[]
  /** By position in `entity.facets`, folded. */
  facets: readonly (string | null)[]
}

/** The record of a row; null for text that is no JSON object: such a row cannot be shown, so it is not searchable. */
export function recordOf(entity: Entity, row: CachedRow): SearchRecord | null {
  const raw = row.raw ?? readRaw(row.json)
  if (raw === null) return null
  const result = entity.result(raw)
  return {
    id: row.id,
    active: row.active,
    lastUpdated: row.lastUpdated,
    json: asciiJson(result),
    name: fold(result.name),
    texts: entity.indexes.map(({ fields }) => {
      const found = fields(raw)
      return found === null ? '' : documentText(found)
    }),
    measures: (entity.measures ?? []).map(({ of }) => of(raw) ?? Number.NaN),
    facets: (entity.facets ?? []).map(({ of }) => {
      const value = of(raw)
      return value === null ? null : fold(value)
    }),
  }
}

/** Negative when `a` comes first by name. Two records of one name come in the order of their ids. */
export function compareNames(nameA: string, idA: string, nameB: string, idB: string): number {
  if (nameA !== nameB) return nameA < nameB ? -1 : 1
  return idA === idB ? 0 : idA < idB ? -1 : 1
}

/** The id in a search result; most begin with one that needs no unescaping. */
export function idIn(json: string): string {
  const [, id] = plainId.exec(json) ?? []
  return id ?? (JSON.parse(json) as { id: string }).id
}
const plainId = /^\{"id":"([^"\\]*)"/

function readRaw(json: string): Raw | null {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : null
  } catch {
    return null
  }
}
