// The first filling of an index. Entries come in any order; once their order is known, all lists are made at once,
// counted first and then filled, which takes a fraction of what growing each list by itself does.
import { isKey, keysOf, type Terms } from './document.ts'
import { withRoom } from './ints.ts'
import type { Slots } from './postings.ts'

/** Slots that terms are filed in; see `place` and `whole` in document.ts. */
const slotCount = 2
/** Keys in one step of `lists`. */
const chunkKeys = 250
/** Entries in one step of `lists`: about a millisecond. */
const chunkEntries = 250

export interface Draft {
  /** Takes in an entry; answers with its place, counted from 0. */
  add(terms: Terms): number
  /** Each term that is no key itself, once, in the order in which they first came. */
  terms(): Iterable<string>
  /**
   * All keys with their lists, in steps for breaks. Numbers in the lists are positions in `order`, which names entries
   * by their places; those that it leaves out are in no list.
   */
  lists(order: Int32Array): Iterable<[string, Slots][]>
}

export function createDraft(): Draft {
  const terms = createNumbering()
  const keys = createNumbering()
  /** The keys of term t stand in `termKeys` before `termEnds[t]`. */
  let termKeys = new Int32Array(64)
  let termEnds = new Int32Array(64)
  let keysUsed = 0
  /** What entry e holds stands in `held` before `heldEnds[e]`, lower slots first: n × slotCount + slot for term n, its
   * complement (~) for key n. */
  let held = new Int32Array(64)
  let heldEnds = new Int32Array(64)
  let heldUsed = 0
  let entries = 0

  function newTerm(term: string, number: number): void {
    for (const key of keysOf(term)) {
      termKeys = withRoom(termKeys, keysUsed)
      termKeys[keysUsed++] = keys.numberOf(key)
    }
    termEnds = withRoom(termEnds, number)
    termEnds[number] = keysUsed
  }

  /** Hands each key of an entry to `file`, once, with its lowest slot. `seen` has a place for each key. */
  function eachKey(
    entry: number,
    mark: number,
    seen: Int32Array,
    file: (key: number, slot: number) => void,
  ): void {
    const end = heldEnds[entry] as number
    for (let i = entry === 0 ? 0 : (heldEnds[entry - 1] as number); i < end; i++) {
      const item = held[i] as number
      const slot = (item < 0 ? ~item : item) % slotCount
      if (item < 0) {
        once((~item - slot) / slotCount, slot)
        continue
      }
      const term = (item - slot) / slotCount
      const last = termEnds[term] as number
      for (let k = term === 0 ? 0 : (termEnds[term - 1] as number); k < last; k++)
        once(termKeys[k] as number, slot)
    }
    function once(key: number, slot: number): void {
      if (seen[key] === mark) return
      seen[key] = mark
      file(key, slot)
    }
  }

  return {
    add(termsBySlot) {
      for (const [slot, list] of termsBySlot.entries()) {
        for (const term of list) {
          held = withRoom(held, heldUsed)
          if (isKey(term)) {
            held[heldUsed++] = ~(keys.numberOf(term) * slotCount + slot)
            continue
          }
          const known = terms.size
          const number = terms.numberOf(term)
          if (number === known) newTerm(term, number)
          held[heldUsed++] = number * slotCount + slot
        }
      }
      heldEnds = withRoom(heldEnds, entries)
      heldEnds[entries] = heldUsed
      return entries++
    },

    terms: () => terms.texts,

    *lists(order) {
      const ends = new Int32Array(keys.size * slotCount)
      const seen = new Int32Array(keys.size).fill(-1)
      const count = (key: number, slot: number) => {
        const at = key * slotCount + slot
        ends[at] = (ends[at] as number) + 1
      }
      for (let number = 0; number < order.length; number++) {
        eachKey(order[number] as number, number, seen, count)
        if (number % chunkEntries === 0) yield []
      }
      let total = 0
      for (let at = 0; at < ends.length; at++) {
        const size = ends[at] as number
        ends[at] = total
        total += size
      }
      const filed = new Int32Array(total)
      seen.fill(-1)
      let number = 0
      const fill = (key: number, slot: number) => {
        const at = key * slotCount + slot
        const end = ends[at] as number
        filed[end] = number
        ends[at] = end + 1
      }
      for (; number < order.length; number++) {
        eachKey(order[number] as number, number, seen, fill)
        if (number % chunkEntries === 0) yield []
      }
      let chunk: [string, Slots][] = []
      let start = 0
      for (let key = 0; key < keys.size; key++) {
        const slots: number[][] = []
        for (let slot = 0; slot < slotCount; slot++) {
          const end = ends[key * slotCount + slot] as number
          if (slot === 0 || end > start) slots.push(copyOf(filed, start, end))
          start = end
        }
        chunk.push([keys.texts[key] as string, slots])
        if (chunk.length < chunkKeys) continue
        yield chunk
        chunk = []
      }
      yield chunk
    },
  }
}

/** An ordinary array, which later numbers can be added to, without room in reserve. */
function copyOf(from: Int32Array, start: number, end: number): number[] {
  const list = new Array<number>(end - start)
  for (let i = start; i < end; i++) list[i - start] = from[i] as number
  return list
}

/** Numbers texts from 0 in the order in which they come. */
interface Numbering {
  readonly size: number
  readonly texts: readonly string[]
  /** The number of a text; `size` as it was before when the text is new. */
  numberOf(text: string): number
}

/**
 * A hash table with open addresses. A Map would do, but V8 looks each key up in one table of the whole process first,
 * and stops the world when a map of a million keys grows.
 */
function createNumbering(): Numbering {
  const texts: string[] = []
  let hashes = new Int32Array(64)
  let table = new Int32Array(1024).fill(-1)

  function place(hash: number, number: number): void {
    const mask = table.length - 1
    let at = hash & mask
    while ((table[at] as number) >= 0) at = (at + 1) & mask
    table[at] = number
  }

  return {
    get size() {
      return texts.length
    },
    texts,
    numberOf(text) {
      const hash = hashOf(text)
      const mask = table.length - 1
      for (let at = hash & mask; ; at = (at + 1) & mask) {
        const number = table[at] as number
        if (number < 0) break
        if (hashes[number] === hash && texts[number] === text) return number
      }
      const number = texts.push(text) - 1
      hashes = withRoom(hashes, number)
      hashes[number] = hash
      if (number * 2 > table.length) {
        table = new Int32Array(table.length * 2).fill(-1)
        for (let each = 0; each < number; each++) place(hashes[each] as number, each)
      }
      place(hash, number)
      return number
    },
  }
}

/** FNV-1a over UTF-16 units, its high bits mixed into the low ones. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash ^ (hash >>> 15)
}
