// Builds an index beside the one that answers, in slices: for a start from the cache and for compaction. The records
// are filed most important first, so that ties come out right from the lists themselves.
import { createFieldIndex, type FieldIndex } from './field-index.ts'
import { compareSlots } from './hits.ts'
import type { Records } from './records.ts'
import { type Slices, sortInSlices } from './slices.ts'

/**
 * A new index of what `textOf` says of each slot ('' = not in this index). `textOf` may change meanwhile: the caller
 * brings the changed slots up to date afterwards. Answers null when `cancelled` turns true.
 */
export async function buildIndex(
  records: Records,
  textOf: (slot: number) => string,
  slices: Slices,
  cancelled: () => boolean = () => false,
): Promise<FieldIndex | null> {
  const order = await sortInSlices(
    Int32Array.from(records.slots()),
    (a, b) => compareSlots(records, a, b, textOf(a), textOf(b)) < 0,
    slices,
  )
  const index = createFieldIndex()
  for (const slot of order) {
    index.set(slot, textOf(slot))
    if (slices.due()) {
      await slices.pause()
      if (cancelled()) return null
    }
  }
  for (const _ of index.seal()) if (slices.due()) await slices.pause()
  return index
}
