/**
 * Runs a Query over a company: finds and orders the matching slots, builds only the rows of the asked page. The slots of
 * the last statements are remembered, so that paging through a million rows costs one search; any edit of the table makes
 * them stale.
 */
import type { Company } from '../company/company.ts'
import type { QboRecord, Table } from '../company/table.ts'
import { type EntityType, findEntity } from '../entities.ts'
import { invalid } from './fault.ts'
import { candidates, compileCondition, conditions, resolve } from './match.ts'
import { orderings, sortSlots } from './order.ts'
import type { Condition, Ordering, Query } from './parse.ts'

export interface Page {
  readonly type: EntityType
  readonly rows: Partial<QboRecord>[]
  /** All rows that match, on every page. */
  readonly total: number
}

export interface QueryOptions {
  readonly activeOnly: boolean
  readonly defaultOrder: 'entity' | 'id'
  readonly limitPlusOne: boolean
}

export type QueryRunner = (query: Query, options: QueryOptions) => Page

const REMEMBERED_STATEMENTS = 6

/** Slots in order: a list, or all of the table when nothing was removed. */
interface Matches {
  readonly length: number
  slice(from: number, to: number): readonly number[]
}

function everySlot(count: number): Matches {
  return {
    length: count,
    slice: (from, to) =>
      Array.from({ length: Math.max(0, Math.min(to, count) - from) }, (_, at) => from + at),
  }
}

function search(table: Table, where: readonly Condition[], order: readonly Ordering[]): Matches {
  const tests = where.map((each) => compileCondition(table, each)).filter((test) => test !== undefined)
  const inIdOrder = order.every((each) => each.property.toLowerCase() === 'id' && !each.descending)
  const { rows } = table
  if (tests.length === 0 && inIdOrder && rows.live === rows.slots) return everySlot(rows.slots)
  const slots: number[] = []
  for (const slot of candidates(table, where)) {
    if (rows.isLive(slot) && tests.every((test) => test(slot))) slots.push(slot)
  }
  return inIdOrder ? slots : sortSlots(slots, table, order)
}

export function createQueryRunner(company: Company): QueryRunner {
  const memory = new Map<string, { readonly version: number; readonly matches: Matches }>()

  function remembered(table: Table, where: readonly Condition[], order: readonly Ordering[]): Matches {
    const key = JSON.stringify([table.type.name, where, order])
    const known = memory.get(key)
    memory.delete(key)
    const { version } = table.rows
    const matches = known?.version === version ? known.matches : search(table, where, order)
    memory.set(key, { version, matches })
    const [oldest] = memory.keys()
    if (memory.size > REMEMBERED_STATEMENTS && oldest !== undefined) memory.delete(oldest)
    return matches
  }

  return (query, options) => {
    const type = findEntity(query.entity)
    if (!type) throw invalid(`Metadata not found for Entity: ${query.entity}`)
    const table = company.table(type)
    for (const each of query.orderBy) resolve(type, each.property, 'sort')
    const where = conditions(type, query.where, options.activeOnly)
    if (query.select === 'count') return { type, rows: [], total: remembered(table, where, []).length }
    const picked =
      query.select === 'all' ? undefined : query.select.map((each) => resolve(type, each, 'select').path)
    const matches = remembered(table, where, orderings(type, query.orderBy, options.defaultOrder === 'id'))
    const first = query.startPosition - 1
    const page = matches.slice(first, first + query.maxResults + (options.limitPlusOne ? 1 : 0))
    const rows = page.map((slot) => (picked ? project(table.record(slot), picked) : table.record(slot)))
    return { type, rows, total: matches.length }
  }
}

/** A projected row keeps its identity; nested paths bring the whole top-level field. */
function project(record: QboRecord, paths: readonly string[]): Partial<QboRecord> {
  const keys = new Set(['Id', 'domain', ...paths.map((path) => path.split('.')[0] ?? path)])
  const picked = Object.fromEntries(Object.entries(record).filter(([key]) => keys.has(key)))
  return { ...picked, sparse: true }
}
