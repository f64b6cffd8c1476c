/**
 * The order of an answer: by ORDERBY, or without it by the habits of QuickBooks. Ties keep the order of Ids, and a missing
 * value comes first.
 */
import type { Table } from '../company/table.ts'
import type { EntityType } from '../entities.ts'
import { reader, resolve, type SortKey, valueAt } from './match.ts'
import type { Ordering } from './parse.ts'

function compareKeys(left: SortKey, right: SortKey): number {
  if (left === right) return 0
  if (left === undefined) return -1
  if (right === undefined) return 1
  return left < right ? -1 : 1
}

/** Children come right after their parent, so ':' sorts before everything; other text sorts by code unit. */
function nameKey(name: string): SortKey {
  return name === '' ? undefined : name.replaceAll(':', '\u0001')
}

function sortReader(table: Table, property: string): (slot: number) => SortKey {
  const { path, type } = resolve(table.type, property, 'sort')
  if (path === table.type.nameProperty) return (slot) => nameKey(table.names(slot).name)
  if (path === 'FullyQualifiedName') return (slot) => nameKey(table.names(slot).full)
  if (type !== 'text') return reader(table, path, type)
  return (slot) => {
    const value = valueAt(table.record(slot), path)
    return value === undefined || value === null ? undefined : String(value)
  }
}

export function sortSlots(slots: number[], table: Table, orderings: readonly Ordering[]): number[] {
  const levels = orderings.map(({ property, descending }) => {
    const read = sortReader(table, property)
    return { keys: new Map(slots.map((slot) => [slot, read(slot)])), sign: descending ? -1 : 1 }
  })
  return slots.sort((a, b) => {
    for (const { keys, sign } of levels) {
      const order = compareKeys(keys.get(a), keys.get(b))
      if (order !== 0) return order * sign
    }
    return a - b
  })
}

/** Without ORDERBY: name lists by name, transactions by newest change. */
export function orderings(
  type: EntityType,
  orderBy: readonly Ordering[],
  byId: boolean,
): readonly Ordering[] {
  if (orderBy.length > 0) return orderBy
  if (byId || type.kind === 'single') return []
  if (type.kind === 'transaction') return [{ property: 'MetaData.LastUpdatedTime', descending: true }]
  return [
    { property: type.name === 'Customer' ? 'FullyQualifiedName' : type.nameProperty, descending: false },
  ]
}
