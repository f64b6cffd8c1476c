/**
 * The records of one entity as QuickBooks shows them: rows plus what follows from other rows (full names, levels) and from
 * their state (the " (deleted)" suffix). Nothing derived is stored, so nothing derived can be stale.
 */
import { pacificSeconds } from '../clock.ts'
import type { EntityType } from '../entities.ts'
import type { Fields } from '../json.ts'
import { createRows, EMPTY, type Rows } from './rows.ts'
import type { Source } from './seeds.ts'

export interface QboRecord extends Fields {
  Id: string
  SyncToken: string
  MetaData: { CreateTime: string; LastUpdatedTime: string }
}

export interface Table {
  readonly type: EntityType
  readonly rows: Rows
  record(slot: number): QboRecord
  /** The name with its suffix, and the path of names down to it; cheap, builds no record. */
  names(slot: number): Names
  childrenOf(slot: number): number[]
}

export interface Names {
  readonly name: string
  readonly full: string
  /** 0 for a top-level record. */
  readonly level: number
}

export interface TableOptions {
  readonly type: EntityType
  readonly source: Source | undefined
  /** What inactive names end in; asked at every read, so that it can be switched. */
  readonly suffix: () => string
}

/** QuickBooks allows five levels; the guard also stops a circle of parents. */
export const DEEPEST_LEVEL = 4

export function createTable({ type, source = EMPTY, suffix }: TableOptions): Table {
  const rows = createRows(source, type.nameProperty)

  function names(slot: number, depth = 0): Names {
    const bare = rows.nameOf(slot) ?? ''
    const name = type.kind !== 'name' || rows.isActive(slot) ? bare : bare + suffix()
    const parentId = depth < DEEPEST_LEVEL && type.hasFullName ? rows.parentOf(slot) : undefined
    const parentSlot = parentId === undefined ? undefined : rows.slotOf(parentId)
    if (parentSlot === undefined) return { name, full: name, level: 0 }
    const parent = names(parentSlot, depth + 1)
    return { name, full: `${parent.full}:${name}`, level: parent.level + 1 }
  }

  function addNames(record: QboRecord, slot: number): void {
    const { name, full, level } = names(slot)
    if (name !== '') record[type.nameProperty] = name
    if (type.kind !== 'name') return
    record.Active = rows.isActive(slot)
    if (type.hasFullName) record.FullyQualifiedName = full
    if (level === 0) return
    record.ParentRef = { value: rows.parentOf(slot) }
    record.Level = level
    if (type.name === 'Customer') record.Job = true
    else record.SubItem = true
  }

  function record(slot: number): QboRecord {
    const { fields, syncToken, createdAt } = rows.row(slot)
    const record: QboRecord = {
      Id: String(rows.idOf(slot)),
      SyncToken: String(syncToken),
      MetaData: {
        CreateTime: pacificSeconds(createdAt),
        LastUpdatedTime: pacificSeconds(rows.updatedAt(slot)),
      },
      domain: 'QBO',
      sparse: false,
    }
    addNames(record, slot)
    for (const key in fields) {
      const value = fields[key]
      if (value !== undefined && value !== null && !(key in record)) record[key] = value
    }
    return record
  }

  function childrenOf(slot: number): number[] {
    const id = String(rows.idOf(slot))
    const children: number[] = []
    for (let other = 0; other < rows.slots; other += 1) {
      if (rows.isLive(other) && rows.parentOf(other) === id) children.push(other)
    }
    return children
  }

  return { type, rows, record, names: (slot) => names(slot), childrenOf }
}
