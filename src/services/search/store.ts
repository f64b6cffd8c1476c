// What the search holds of one entity: its records and one index per feed. Applies changes and compacts.
import type { CachedRow, Entity, Raw } from '../entities/entity.ts'
import { buildIndex } from './build.ts'
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
  const records = createRecords()
  const indexes: FieldIndex[] = entity.indexes.map(() => createFieldIndex())
  return storeOver(entity, records, indexes)
}

/** A store built from the cache; the batches are read to their end before the indexes are made. */
export async function loadStore(
  entity: Entity,
  batches: AsyncIterable<readonly CachedRow[]>,
  slices: Slices,
): Promise<EntityStore> {
  const records = createRecords()
  const texts: string[][] = entity.indexes.map(() => [])
  for await (const batch of batches) {
    for (const row of batch) {
      const raw = row.active ? readRaw(row.json) : null
      if (raw === null) {
        records.remove(row.id)
        continue
      }
      const slot = records.put(row.id, asciiJson(entity.result(raw)), row.lastUpdated)
      entity.indexes.forEach((feed, i) => {
        const fields = feed.fields(raw)
        ;(texts[i] as string[])[slot] = fields === null ? '' : documentText(fields)
      })
      if (slices.due()) await slices.pause()
    }
  }
  const indexes: FieldIndex[] = []
  for (const bySlot of texts) {
    const index = await buildIndex(records, (slot) => bySlot[slot] ?? '', slices)
    indexes.push(index ?? createFieldIndex())
    bySlot.length = 0
  }
  return storeOver(entity, records, indexes)
}

function storeOver(entity: Entity, records: Records, indexes: FieldIndex[]): EntityStore {
  /** Records that changed while a compaction runs; null when none runs. */
  let touched: Set<number> | null = null

  /** `moved`: the record matters more or less than before, even where its words stayed the same. */
  function change(slot: number, raw: Raw | null, moved: boolean): void {
    touched?.add(slot)
    entity.indexes.forEach((feed, i) => {
      const fields = raw === null ? null : feed.fields(raw)
      const index = indexes[i] as FieldIndex
      if (!index.set(slot, fields === null ? '' : documentText(fields)) && moved) index.disturb()
    })
  }

  function remove(id: string): void {
    const slot = records.slotOf(id)
    if (slot === undefined) return
    change(slot, null, false)
    records.remove(id)
  }

  async function compactOne(i: number, slices: Slices, cancelled: () => boolean): Promise<void> {
    const old = indexes[i] as FieldIndex
    touched = new Set()
    try {
      const fresh = await buildIndex(records, old.textOfSlot, slices, cancelled)
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
    remove,
    upsert(row) {
      const raw = row.active ? readRaw(row.json) : null
      if (raw === null) return remove(row.id)
      const before = records.slotOf(row.id)
      const moved = before !== undefined && records.lastUpdatedOf(before) !== row.lastUpdated
      change(records.put(row.id, asciiJson(entity.result(raw)), row.lastUpdated), raw, moved)
    },
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
