// The records of one entity that can be found: what a hit answers with and how much it matters. A record has a slot, a
// small number that its search indexes know it by; slots of removed records are used again.

export interface Records {
  /** Slots in use and free, together: the length that arrays by slot need. */
  readonly capacity: number
  readonly size: number
  slotOf(id: string): number | undefined
  idOf(slot: number): string
  /** The ready JSON of the record's search result. */
  jsonOf(slot: number): string
  /** Epoch milliseconds; a more recently updated record matters more. */
  lastUpdatedOf(slot: number): number
  /** Adds or replaces; answers with the slot. */
  put(id: string, json: string, lastUpdated: number): number
  remove(id: string): void
  slots(): Iterable<number>
}

export function createRecords(): Records {
  const slotById = new Map<string, number>()
  const ids: string[] = []
  const jsons: string[] = []
  const free: number[] = []
  let updated = new Float64Array(64)
  return {
    get capacity() {
      return ids.length
    },
    get size() {
      return slotById.size
    },
    slotOf: (id) => slotById.get(id),
    idOf: (slot) => ids[slot] as string,
    jsonOf: (slot) => jsons[slot] as string,
    lastUpdatedOf: (slot) => updated[slot] as number,
    put(id, json, lastUpdated) {
      const slot = slotById.get(id) ?? free.pop() ?? ids.length
      if (slot >= updated.length) {
        const bigger = new Float64Array(updated.length * 2)
        bigger.set(updated)
        updated = bigger
      }
      slotById.set(id, slot)
      ids[slot] = id
      jsons[slot] = json
      updated[slot] = lastUpdated
      return slot
    },
    remove(id) {
      const slot = slotById.get(id)
      if (slot === undefined) return
      slotById.delete(id)
      ids[slot] = ''
      jsons[slot] = ''
      free.push(slot)
    },
    slots: () => slotById.values(),
  }
}
