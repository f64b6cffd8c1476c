// Builds a segment beside the one that answers: for the first filling and for compaction. In steps of about a
// millisecond: a thread of its own runs them in one go, any other in slices.
import { sharedCopy, sharedFloats, sharedInts, withRoom } from './arrays.ts'
import { createIndexBuilder } from './build-index.ts'
import { createNumbering } from './keys.ts'
import { createPoolWriter } from './pool.ts'
import { compareNames, type SearchRecord } from './record.ts'
import type { SegmentData } from './segment.ts'
import { type Steps, sorted } from './steps.ts'

/** How many of what a record has, as its entity declares it. */
export interface Shape {
  indexes: number
  measures: number
  facets: number
}

/** A segment in the making. */
export interface SegmentBuilder {
  /** Takes a record in; of several with one id the last counts. */
  add(record: SearchRecord): void
  remove(id: string): void
  /** Nothing may be added from here on. */
  finish(): Steps<SegmentData>
}

export function createSegmentBuilder(shape: Shape): SegmentBuilder {
  const jsons = createPoolWriter()
  const names: string[] = []
  const idTexts: string[] = []
  const indexes = Array.from({ length: shape.indexes }, createIndexBuilder)
  const measures = Array.from({ length: shape.measures }, () => new Float64Array(64))
  const facets = Array.from({ length: shape.facets }, createFacetBuilder)
  const ids = createNumbering()
  /** The last entry of each id, + 1; 0 when it was removed. */
  let entryOf = new Int32Array(64)
  let lastUpdated = new Float64Array(64)
  let active = new Uint8Array(64)

  function addColumns(entry: number, record: SearchRecord): void {
    lastUpdated = withRoom(lastUpdated, entry)
    lastUpdated[entry] = record.lastUpdated
    active = withRoom(active, entry)
    active[entry] = record.active ? 1 : 0
    for (let i = 0; i < measures.length; i++) {
      const column = withRoom(measures[i] as Float64Array<ArrayBuffer>, entry)
      column[entry] = record.measures[i] as number
      measures[i] = column
    }
    for (const [i, facet] of facets.entries()) facet.set(entry, record.facets[i] ?? null)
  }

  /** Entries by their place among all names, as numbers from 0. */
  function* rankNames(entries: Int32Array): Steps<Int32Array> {
    const order = yield* sorted(
      entries,
      (a, b) =>
        compareNames(names[a] as string, idTexts[a] as string, names[b] as string, idTexts[b] as string) < 0,
    )
    const ranks = new Int32Array(names.length)
    for (const [rank, entry] of order.entries()) ranks[entry] = rank
    return ranks
  }

  return {
    add(record) {
      const entry = names.length
      const id = ids.numberOf(record.id)
      entryOf = withRoom(entryOf, id)
      entryOf[id] = entry + 1
      names.push(record.name)
      idTexts.push(record.id)
      jsons.add(record.json)
      for (const [i, index] of indexes.entries()) index.add(record.texts[i] as string)
      addColumns(entry, record)
    },

    remove(id) {
      const known = ids.size
      const number = ids.numberOf(id)
      entryOf = withRoom(entryOf, number)
      if (number < known) entryOf[number] = 0
    },

    *finish() {
      const entries = entryOf.subarray(0, ids.size).filter((entry) => entry > 0)
      for (let i = 0; i < entries.length; i++) entries[i] = (entries[i] as number) - 1
      const ranks = yield* rankNames(entries)
      const order = yield* sorted(entries, (a, b) => {
        const byActivity = (active[b] as number) - (active[a] as number)
        if (byActivity !== 0) return byActivity < 0
        const byTime = (lastUpdated[b] as number) - (lastUpdated[a] as number)
        return byTime === 0 ? (ranks[a] as number) < (ranks[b] as number) : byTime < 0
      })
      const numberOf = new Int32Array(names.length).fill(-1)
      for (const [number, entry] of order.entries()) numberOf[entry] = number
      const inOrder = (column: Float64Array): Float64Array => {
        const copy = sharedFloats(order.length)
        for (const [number, entry] of order.entries()) copy[number] = column[entry] as number
        return copy
      }

      const nameOrder = sharedInts(order.length)
      const rank = sharedInts(order.length)
      const nameTexts = createPoolWriter()
      for (const [number, entry] of order.entries()) {
        const place = ranks[entry] as number
        rank[number] = place
        nameOrder[place] = number
        nameTexts.add(names[entry] as string)
        if (number % 1000 === 0) yield
      }
      const idNumbers = sharedInts(ids.size)
      for (let id = 0; id < ids.size; id++) {
        const entry = (entryOf[id] as number) - 1
        idNumbers[id] = entry < 0 ? -1 : (numberOf[entry] as number)
      }
      const data: SegmentData = {
        active: order.reduce((sum, entry) => sum + (active[entry] as number), 0),
        jsons: yield* jsons.finish(order),
        ids: { keys: ids.finish(), numbers: idNumbers },
        lastUpdated: inOrder(lastUpdated),
        names: {
          texts: yield* nameTexts.finish(Int32Array.from(order.keys())),
          order: nameOrder,
          rank,
        },
        measures: measures.map(inOrder),
        facets: facets.map((facet) => facet.finish(order)),
        indexes: [],
      }
      for (const index of indexes) data.indexes.push(yield* index.finish(order, data.active))
      return data
    },
  }
}

function createFacetBuilder() {
  const values: string[] = []
  const codeOf = new Map<string, number>()
  let codes = new Int32Array(64)
  return {
    set(entry: number, value: string | null): void {
      codes = withRoom(codes, entry)
      let code = value === null ? -1 : codeOf.get(value)
      if (code === undefined) {
        code = values.push(value as string) - 1
        codeOf.set(value as string, code)
      }
      codes[entry] = code
    },
    finish(order: Int32Array) {
      const inOrder = order.map((entry) => codes[entry] as number)
      return { codes: sharedCopy(inOrder, inOrder.length), values }
    },
  }
}
