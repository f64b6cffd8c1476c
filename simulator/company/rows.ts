/**
 * The rows of one entity before anything is derived from them: generated ones are built when read, edited and new ones
 * lie on top. Slots are in Id order and are never reused, so that what was computed for a slot stays about one record.
 */
import { type Fields, isFields } from '../json.ts'
import type { Source } from './seeds.ts'

/** A row without its derived names: no suffix, no FullyQualifiedName, no Active. */
export interface Row {
  readonly fields: Fields
  readonly name: string | undefined
  readonly parentId: string | undefined
  readonly syncToken: number
  readonly createdAt: number
}

export interface Change {
  readonly fields?: Fields
  readonly at: number
  /** False for what moves LastUpdatedTime alone, such as a new balance. */
  readonly countsAsEdit: boolean
}

export interface Rows {
  /** Grows with every change; whatever was computed from an older version is stale. */
  readonly version: number
  /** Slots ever used; the removed ones too. */
  readonly slots: number
  readonly live: number
  isLive(slot: number): boolean
  isActive(slot: number): boolean
  updatedAt(slot: number): number
  idOf(slot: number): number
  slotOf(id: string): number | undefined
  row(slot: number): Row
  /** Name and parent only, without building the fields of a generated row. */
  nameOf(slot: number): string | undefined
  parentOf(slot: number): string | undefined
  insert(id: number, fields: Fields, at: number): number
  change(slot: number, change: Change): void
  remove(slot: number): void
}

const REMOVED = 0
const INACTIVE = 1
const ACTIVE = 2

/** What an entity has that the generator knows nothing of: no records. */
export const EMPTY: Source = {
  count: 0,
  firstId: 1,
  fields: () => ({}),
  name: () => undefined,
  active: () => true,
  createdAt: () => 0,
  updatedAt: () => 0,
  parent: () => undefined,
}

const wholeSeconds = (ms: number) => Math.floor(ms / 1000) * 1000

/** The row after an edit. `Active` is kept apart; a ParentRef of null makes a top-level record. */
function edited(row: Row, nameProperty: string, change: Change): Row {
  const { Active, ParentRef, [nameProperty]: name, ...rest } = change.fields ?? {}
  const parentId = isFields(ParentRef)
    ? String(ParentRef.value)
    : ParentRef === null
      ? undefined
      : row.parentId
  return {
    ...row,
    fields: { ...row.fields, ...rest },
    name: name === undefined ? row.name : String(name ?? ''),
    parentId,
    syncToken: row.syncToken + (change.countsAsEdit ? 1 : 0),
  }
}

export function createRows(source: Source, nameProperty: string): Rows {
  const state: number[] = Array.from({ length: source.count }, (_, index) =>
    source.active(index) ? ACTIVE : INACTIVE,
  )
  const updated = Array.from({ length: source.count }, (_, index) => source.updatedAt(index))
  const newIds: number[] = []
  const newSlots = new Map<number, number>()
  const edits = new Map<number, Row>()
  let version = 0
  let live = source.count

  function generatedParent(slot: number): string | undefined {
    const parent = source.parent(slot)
    return parent === undefined ? undefined : String(source.firstId + parent)
  }

  function row(slot: number): Row {
    return (
      edits.get(slot) ?? {
        fields: source.fields(slot),
        name: source.name(slot),
        parentId: generatedParent(slot),
        syncToken: slot % 4,
        createdAt: source.createdAt(slot),
      }
    )
  }

  function change(slot: number, change: Change): void {
    const active = change.fields?.Active
    if (active !== undefined) state[slot] = active === false ? INACTIVE : ACTIVE
    edits.set(slot, edited(row(slot), nameProperty, change))
    updated[slot] = wholeSeconds(change.at)
    version += 1
  }

  return {
    get version() {
      return version
    },
    get slots() {
      return state.length
    },
    get live() {
      return live
    },
    isLive: (slot) => state[slot] !== REMOVED,
    isActive: (slot) => state[slot] === ACTIVE,
    updatedAt: (slot) => updated[slot] ?? 0,
    idOf: (slot) =>
      slot < source.count ? source.firstId + slot : (newIds[slot - source.count] ?? Number.NaN),
    slotOf(id) {
      const index = Number(id) - source.firstId
      const slot =
        index >= 0 && index < source.count && Number.isInteger(index) ? index : newSlots.get(Number(id))
      return slot !== undefined && state[slot] !== REMOVED ? slot : undefined
    },
    row,
    nameOf(slot) {
      const edit = edits.get(slot)
      return edit ? edit.name : source.name(slot)
    },
    parentOf(slot) {
      const edit = edits.get(slot)
      return edit ? edit.parentId : generatedParent(slot)
    },
    insert(id, fields, at) {
      const slot = state.length
      state.push(ACTIVE)
      updated.push(0)
      newIds.push(id)
      newSlots.set(id, slot)
      live += 1
      edits.set(slot, {
        fields: {},
        name: undefined,
        parentId: undefined,
        syncToken: 0,
        createdAt: wholeSeconds(at),
      })
      change(slot, { fields, at, countsAsEdit: false })
      return slot
    },
    change,
    remove(slot) {
      state[slot] = REMOVED
      edits.delete(slot)
      live -= 1
      version += 1
    },
  }
}
