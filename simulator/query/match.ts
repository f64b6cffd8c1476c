/**
 * Which slots a WHERE clause keeps: properties checked against what the entity allows, values compared by the type of the
 * property. Conditions on columns of the table never build a record.
 */
import { parseInstant } from '../clock.ts'
import type { QboRecord, Table } from '../company/table.ts'
import { type EntityType, findProperty, type PropertyType } from '../entities.ts'
import { isFields, type Json } from '../json.ts'
import { invalid } from './fault.ts'
import type { Condition } from './parse.ts'

export type SlotTest = (slot: number) => boolean
export type SortKey = string | number | undefined

/** The property under its own spelling; a 4001 fault if the entity lacks it or does not allow this use. */
export function resolve(
  type: EntityType,
  path: string,
  use: 'filter' | 'sort' | 'select',
): { path: string; type: PropertyType } {
  const found = findProperty(type, path)
  if (!found) throw invalid(`Property ${path} not found for Entity ${type.name}`)
  if (use !== 'select' && !found.property[use]) throw invalid(`property '${path}' is not queryable`)
  return { path: found.path, type: found.property.type }
}

/** A nested value; of a reference its Id. */
export function valueAt(record: QboRecord, path: string): Json | undefined {
  let value: Json | undefined = record
  for (const key of path.split('.')) {
    if (!isFields(value)) return undefined
    value = value[key]
  }
  return isFields(value) ? value.value : value
}

/** A value as it is compared: instants and numbers as numbers, text in one case. */
function comparable(value: string, type: PropertyType, path: string): string | number {
  if (type === 'number' || type === 'id') {
    const number = Number(value)
    if (value.trim() === '' || Number.isNaN(number))
      throw invalid(`value '${value}' is not valid for property ${path}`)
    return number
  }
  if (type === 'instant') {
    const instant = parseInstant(value)
    if (instant === undefined) throw invalid(`value '${value}' is not a valid date for property ${path}`)
    return instant
  }
  return type === 'date' ? value.slice(0, 10) : value.toLowerCase()
}

function stored(value: Json | undefined, type: PropertyType): SortKey {
  if (value === undefined || value === null) return undefined
  if (type === 'number' || type === 'id') return Number(value)
  if (type === 'instant') return Date.parse(String(value))
  return String(value).toLowerCase()
}

function likePattern(text: string): RegExp {
  const parts = text.split('%').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 'is')
}

function compareValues(left: SortKey, operator: Condition['operator'], right: string | number): boolean {
  if (left === undefined) return false
  switch (operator) {
    case '<':
      return left < right
    case '>':
      return left > right
    case '<=':
      return left <= right
    case '>=':
      return left >= right
    default:
      return left === right
  }
}

/** How a property is read from a slot; the columns of the table spare building the record. */
export function reader(table: Table, path: string, type: PropertyType): (slot: number) => SortKey {
  if (path === 'Id') return (slot) => table.rows.idOf(slot)
  if (path === 'Active') return (slot) => String(table.rows.isActive(slot))
  if (path === 'MetaData.LastUpdatedTime') return (slot) => table.rows.updatedAt(slot)
  if (path === table.type.nameProperty) return (slot) => table.names(slot).name.toLowerCase() || undefined
  return (slot) => stored(valueAt(table.record(slot), path), type)
}

/** Undefined for a condition that every record meets, as full loads use: `Active IN (true, false)`. */
export function compileCondition(table: Table, condition: Condition): SlotTest | undefined {
  const { path, type } = resolve(table.type, condition.property, 'filter')
  const { operator } = condition
  if (type === 'id' && operator !== '=' && operator !== 'IN')
    throw invalid(`operator ${operator} is not supported for property Id`)
  const read = reader(table, path, type)
  if (operator === 'LIKE') {
    const pattern = likePattern(condition.values[0] ?? '')
    return (slot) => {
      const value = read(slot)
      return value !== undefined && pattern.test(String(value))
    }
  }
  const wanted = condition.values.map((value) => comparable(value, type, path))
  if (operator !== 'IN') return (slot) => compareValues(read(slot), operator, wanted[0] ?? '')
  const set = new Set<SortKey>(wanted)
  if (type === 'boolean' && set.has('true') && set.has('false')) return undefined
  return (slot) => set.has(read(slot))
}

/** Name lists show active records unless the statement speaks about Active. */
export function conditions(
  type: EntityType,
  where: readonly Condition[],
  activeOnly: boolean,
): readonly Condition[] {
  const speaksOfActive = where.some((each) => each.property.toLowerCase() === 'active')
  if (type.kind !== 'name' || speaksOfActive || !activeOnly) return where
  return [...where, { property: 'Active', operator: '=', values: ['true'] }]
}

/** Slots to look at: the few that an Id condition names, or all. */
export function candidates(table: Table, where: readonly Condition[]): Iterable<number> {
  const byId = where.find((each) => each.property.toLowerCase() === 'id')
  if (!byId) return Array(table.rows.slots).keys()
  const slots = byId.values.map((id) => table.rows.slotOf(id)).filter((slot) => slot !== undefined)
  return [...new Set(slots)].sort((a, b) => a - b)
}
