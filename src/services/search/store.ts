// What the search holds of one entity: its records and one index per feed. Applies changes and compacts.
import type { CachedRow, Entity, Raw } from '../entities/entity.ts'
import { type Builder, createBuilder } from './build.ts'
import { documentText } from './document.ts'
import { createFieldIndex, type FieldIndex } from './field-index.ts'
import { asciiJson } from './json.ts'
import { createRecords, type Records } from './records.ts'
import type { Slices } from './slices.ts'

/** Compaction starts when this share of an index is dead, and never for fewer dead entries than the minimum. */
const deadShare = 0.2
const deadMinimum = 1_000

export interface EntityStore {
  readonly records: Records
  /** By position in `entity.indexes`; compaction replaces them. */
  readonly indexes: readonly FieldIndex[]
  /** Makes one record findable as it is now, or takes it out when it is inactive. At once. */
  upsert(row: CachedRow): void
  remove(id: string): void
  /**
   * Replaces the indexes with many dead entries, and with `tidy` also those whose order of importance is loose; changes
   * may come meanwhile and are kept. Never throws half way.
   */
  compact(slices: Slices, tidy: boolean, cancelled: () => boolean): Promise<void>
}

/** An empty store of an entity. */
export function createStore(entity: Entity): EntityStore {
  return storeOver(
    entity,
    createRecords(),
    entity.indexes.map(() => createFieldIndex()),
  )
}

/** A store in the making: takes rows in any order, the last one of a record counts. */
export interface StoreBuilder {
  upsert(row: CachedRow): void
  remove(id: string): void
  /** The store, with every index built. Nothing may be changed from here on. */
  finish(slices: Slices): Promise<EntityStore>
}

export function createStoreBuilder(entity: Entity): StoreBuilder {
  const records = createRecords()
  const builders = entity.indexes.map(() => createBuilder(records))
  const file = filer(entity, records, (i, slot, text) => (builders[i] as Builder).set(slot, text))
  return {
    ...file,
    async finish(slices) {
      const indexes: FieldIndex[] = []
      for (const builder of builders) indexes.push((await builder.finish(slices)) ?? createFieldIndex())
      return storeOver(entity, records, indexes)
    },
  }
}

/** What a changed record says to the index at position `i` of `entity.indexes`; `moved`: it matters more or less now. */
type File = (i: number, slot: number, text: string, moved: boolean) => void

/** Keeps `records` up to date and hands each index the new text of a record. */
function filer(entity: Entity, records: Records, file: File): Pick<EntityStore, 'upsert' | 'remove'> {
  function remove(id: string): void {
    const slot = records.slotOf(id)
    if (slot === undefined) return
    for (let i = 0; i < entity.indexes.length; i++) file(i, slot, '', false)
    records.remove(id)
  }
  return {
    remove,
    upsert(row) {
      const raw = row.active ? (row.raw ?? readRaw(row.json)) : null
      if (raw === null) return remove(row.id)
      const before = records.slotOf(row.id)
      const moved = before !== undefined && records.lastUpdatedOf(before) !== row.lastUpdated
      const slot = records.put(row.id, asciiJson(entity.result(raw)), row.lastUpdated)
      entity.indexes.forEach((feed, i) => {
        const fields = feed.fields(raw)
        file(i, slot, fields === null ? '' : documentText(fields), moved)
      })
    },
  }
}

function storeOver(entity: Entity, records: Records, indexes: FieldIndex[]): EntityStore {
  /** Records that changed while a compaction runs; null when none runs. */
  let touched: Set<number> | null = null

  const file = filer(entity, records, (i, slot, text, moved) => {
    touched?.add(slot)
    const index = indexes[i] as FieldIndex
    if (!index.set(slot, text) && moved) index.disturb()
  })

  async function compactOne(i: number, slices: Slices, cancelled: () => boolean): Promise<void> {
    const old = indexes[i] as FieldIndex
    touched = new Set()
    try {
      const builder = createBuilder(records)
      for (const slot of Int32Array.from(records.slots())) {
        builder.set(slot, old.textOfSlot(slot))
        if (slices.due()) await slices.pause()
      }
      const fresh = await builder.finish(slices, cancelled)
      if (fresh === null) return
      for (const slot of touched) {
        // A slot that changes again during a pause goes to the end of the set and is visited again.
        touched.delete(slot)
        if (!fresh.set(slot, old.textOfSlot(slot))) fresh.disturb()
        if (slices.due()) await slices.pause()
      }
      if (!cancelled()) indexes[i] = fresh
    } finally {
      touched = null
    }
  }

  return {
    records,
    indexes,
    ...file,
    async compact(slices, tidy, cancelled) {
      for (let i = 0; i < indexes.length; i++) {
        const { dead, count, untidy } = indexes[i] as FieldIndex
        const worth = (dead >= deadMinimum && dead > count * deadShare) || (tidy && untidy)
        if (worth && !cancelled()) await compactOne(i, slices, cancelled)
      }
    },
  }
}

/** The record, or null for text that is no JSON object: such a row cannot be shown, so it is not searchable. */
function readRaw(json: string): Raw | null {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : null
  } catch {
    return null
  }
}
