// Statements of QuickBooks' query language (developer.intuit.com, Data queries), built in one place.
// Values go in quoted and escaped; names of entities come from our own list.

/** Rows per page: the most that QuickBooks answers to one query. */
export const PAGE_ROWS = 1000

/** What a statement needs to know of an entity. */
export interface Queryable {
  qbo: string
  /** Name lists answer only active records unless they are asked for both. */
  hasActive: boolean
}

const where = ({ hasActive }: Queryable, ...conditions: string[]): string => {
  const all = hasActive ? [...conditions, 'Active IN (true, false)'] : conditions
  return all.length === 0 ? '' : ` WHERE ${all.join(' AND ')}`
}

const quoted = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/**
 * A page, or `rows` of it, from the `start`th record on, counted from 0. Without ORDERBY an edit while paging could skip or
 * repeat rows.
 */
export const pageStatement = (entity: Queryable, start: number, rows = PAGE_ROWS): string =>
  `SELECT * FROM ${entity.qbo}${where(entity)} ORDERBY Id STARTPOSITION ${start + 1} MAXRESULTS ${rows}`

/** An instant (epoch milliseconds) in whole seconds, which is how QuickBooks keeps them; a begun second counts as whole. */
export const instant = (time: number): string => `${new Date(time).toISOString().slice(0, 19)}Z`

const since = (time: number): string => `MetaData.LastUpdatedTime >= ${quoted(instant(time))}`

/** Records that changed at `time` (epoch milliseconds) or later, oldest first, from the `start`th on, counted from 0. */
export const changedStatement = (entity: Queryable, time: number, start: number): string =>
  `SELECT * FROM ${entity.qbo}${where(entity, since(time))} ORDERBY MetaData.LastUpdatedTime STARTPOSITION ${start + 1} MAXRESULTS ${PAGE_ROWS}`

/** How many records changed at `time` (epoch milliseconds) or later. */
export const changedCountStatement = (entity: Queryable, time: number): string =>
  `SELECT count(*) FROM ${entity.qbo}${where(entity, since(time))}`

/** How many records there are. */
export const countStatement = (entity: Queryable): string =>
  `SELECT count(*) FROM ${entity.qbo}${where(entity)}`

const among = (ids: readonly string[]): string => `Id IN (${ids.map(quoted).join(', ')})`

/** The records with these ids; at most `PAGE_ROWS` of them. */
export const idsStatement = (entity: Queryable, ids: readonly string[]): string =>
  `SELECT * FROM ${entity.qbo}${where(entity, among(ids))} MAXRESULTS ${PAGE_ROWS}`

/** How many of these records there are. */
export const idsCountStatement = (entity: Queryable, ids: readonly string[]): string =>
  `SELECT count(*) FROM ${entity.qbo}${where(entity, among(ids))}`
