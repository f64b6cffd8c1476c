// What an entity is: data that tells the sync what to ask QuickBooks for, the cache what to keep, the search what to
// index and a route what to answer. Nothing in this folder does I/O or knows another service.
// Adding an entity is one file beside this one and one line in index.ts.
import type { TObject } from '@sinclair/typebox'

/** One JSON object as QuickBooks sent it. No field can be trusted to be there or to have its documented type. */
export type Raw = Readonly<Record<string, unknown>>

/** A record that passed `parse`: what the cache needs to know about it. */
export interface ParsedRecord {
  id: string
  /** MetaData.LastUpdatedTime as epoch milliseconds; newer wins, whatever the offset it was written with. */
  lastUpdated: number
  /** A missing Active means active: QuickBooks omits fields rather than sending a default. */
  active: boolean
  raw: Raw
}

/** A record as the cache hands it out; `json` is the record as QuickBooks sent it. */
export interface CachedRow {
  id: string
  json: string
  active: boolean
  /** Epoch milliseconds. */
  lastUpdated: number
  /** Rises with every committed change; absent before the commit. */
  seq?: number
  /** What `json` says, where it is at hand: reading it again costs as much as anything else that is done with a row. */
  raw?: Raw
}

/** What one record says to one search index, best name first. Absent and empty values are left out. */
export interface SearchFields {
  /** Names and words of text, matched by the beginnings of their words. */
  texts: string[]
  /**
   * Part numbers: also matched without separators, without leading zeros and by an inner fragment. They are better names
   * than texts. Where the first is '', the record lacks its best name, and no other is as good.
   */
  codes?: string[]
  emails?: string[]
  phones?: string[]
}

/** One search index that an entity feeds. Several entities may feed one index; several names may share one index. */
export interface IndexFeed {
  /** The names under which routes offer it; they cost no memory of their own. */
  names: readonly string[]
  /** The searchable words of a record, or null when it does not belong in this index. */
  fields: (raw: Raw) => SearchFields | null
  /** The fields of a result that show what was found. */
  shows: readonly string[]
}

export interface Facet {
  /** The parameter of a search: an upper-case or accented spelling of the value fits, too. */
  parameter: string
  description: string
  of: (raw: Raw) => string | null
  /** True when a value `A:B` is also found by `A`. */
  hierarchy?: boolean
}

export interface Measure {
  /** What a search sorts by. */
  name: string
  /** The parameters that bound it. */
  min: string
  max: string
  of: (raw: Raw) => number | null
}

/** See the header of this file. `customers.ts` is the one to copy. */
export interface Entity {
  /** Plural, the word of our API and cache. */
  name: string
  /** QuickBooks' name, as in `SELECT * FROM Customer`. */
  qbo: string
  /** The `type` of its search results. */
  type: string
  /** True for name lists, whose inactive records come only with `WHERE Active IN (true,false)`. */
  hasActive: boolean
  /** Throws `BadRecord` when the record cannot be kept. */
  parse: (raw: unknown) => ParsedRecord
  /** The shape of one search result, with `$id`. */
  resultSchema: TObject
  /** One search result; never throws on a record that `parse` accepted. */
  result: (raw: Raw) => { id: string; name: string }
  indexes: readonly IndexFeed[]
  /** Texts that a search can be narrowed down by, by the name of the parameter. */
  facets?: readonly Facet[]
  /** Numbers that a search can be narrowed down and sorted by. */
  measures?: readonly Measure[]
}

/** What an installation can choose about the entities. */
export interface EntitySettings {
  /** Names of the custom field in which sales forms carry the customer's purchase-order number; see `customField`. */
  clientPoFields: readonly string[]
}

/** Where the name of an index leads: several names may lead to one place. */
export interface NamedFeed {
  entity: Entity
  feed: IndexFeed
  /** Its place in `entity.indexes`. */
  position: number
}

/**
 * The feeds of each index, by its name, in the order of the entities.
 * @throws Error when results of two feeds of one index could not be told apart: one entity feeds it twice.
 */
export function feedsByName(entities: readonly Entity[]): Map<string, NamedFeed[]> {
  const feeds = new Map<string, NamedFeed[]>()
  for (const entity of entities) {
    for (const [position, feed] of entity.indexes.entries()) {
      for (const name of feed.names) {
        const known = feeds.get(name) ?? []
        if (known.some((one) => one.entity.type === entity.type))
          throw new Error(`two feeds of ${name} have results of type ${entity.type}`)
        feeds.set(name, [...known, { entity, feed, position }])
      }
    }
  }
  return feeds
}

/** The indexes that entities which were not chosen would feed, and no chosen one does, with the names of these. */
export function indexesLeftOut(
  chosen: readonly Entity[],
  unchosen: readonly Entity[],
): Map<string, readonly string[]> {
  const known = feedsByName(chosen)
  const others = [...feedsByName(unchosen)].filter(([index]) => !known.has(index))
  return new Map(others.map(([index, feeds]) => [index, feeds.map(({ entity }) => entity.name)]))
}

/** A record that is counted and set aside. Its message names the fault and no customer data, so it may be logged. */
export class BadRecord extends Error {
  override name = 'BadRecord'
}

/**
 * Checks what every entity needs: an Id, a LastUpdatedTime that is an instant, and a name in `nameField`, where it has
 * one. Throws `BadRecord`; wrong types elsewhere are treated as absent by the readers in `fields.ts`.
 */
export function parseRecord(raw: unknown, nameField?: string): ParsedRecord {
  if (!isObject(raw)) throw new BadRecord('the record is not an object')
  const id = idOf(raw)
  if (id === null) throw new BadRecord('Id is missing or empty')
  const meta = raw.MetaData
  const updated = isObject(meta) ? meta.LastUpdatedTime : undefined
  const lastUpdated = typeof updated === 'string' ? Date.parse(updated) : Number.NaN
  if (Number.isNaN(lastUpdated)) throw new BadRecord('MetaData.LastUpdatedTime is missing or not a time')
  const name = nameField === undefined ? undefined : raw[nameField]
  if (nameField !== undefined && (typeof name !== 'string' || name.trim() === ''))
    throw new BadRecord(`${nameField} is missing or empty`)
  return { id, lastUpdated, active: raw.Active !== false, raw }
}

/** The Id of a record, which QuickBooks sends as text; null when it has none. */
export function idOf(raw: unknown): string | null {
  const id = isObject(raw) ? raw.Id : undefined
  if (typeof id === 'number' && Number.isSafeInteger(id)) return String(id)
  return typeof id === 'string' && id.trim() !== '' ? id : null
}

function isObject(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
