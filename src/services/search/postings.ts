// The one place that touches FlexSearch: a map from keys to record numbers, by slot. We bring the keys and the slots
// (its own encoder damages part numbers); it keeps the lists, ascending inside a slot because numbers only grow.
// Its update() and remove() walk the whole map and are never called: a changed record gets a new number.
import { Index } from 'flexsearch'
import { keysOf, type Terms } from './document.ts'

/** Record numbers, ascending. Never change it. */
export type List = readonly number[]
/** Lists by slot. Slots may be missing. */
export type Slots = readonly (List | undefined)[]

export interface Postings {
  /** Files `number`, higher than every number before it, under each key of each term, once, in its lowest slot. */
  add(number: number, terms: Terms): void
  /** Takes keys that it does not have yet, with their lists. */
  take(lists: [string, Slots][]): void
  /** What is filed under `key`. */
  lists(key: string): Slots | undefined
  /** The shortest list of the three-letter parts of `text`, each filed under `mark` + part; undefined if one has none. */
  rarest(text: string, mark?: string): Slots | undefined
}

/** FlexSearch splits its map in so many (a power of two): one map of a million keys stops the world when it grows. */
const mapBits = 8

/** Empty lists. */
export function createPostings(): Postings {
  let pending: string[][] = []
  const index = new Index({
    tokenize: 'strict',
    keystore: mapBits,
    // An added record brings its keys in `pending`, for they are too many to travel as text. FlexSearch skips repeats,
    // so lower slots must come first.
    encode: () => pending.flat(),
    score: (_keys, _key, position) => slotAt(pending, position),
  })
  // The map that its search() ends in. A query asks for a dozen keys, and the way there costs more than the answer.
  const { map } = index as unknown as { map: { get(key: string): Slots | undefined } }
  const lists = (key: string) => map.get(key)
  return {
    lists,
    add(number, terms) {
      pending = terms.map((list) => list.flatMap(keysOf))
      index.add(number, anyText)
    },
    // What FlexSearch's own export would have given: its documented way to take a map whole.
    take: (lists) => index.import('map', lists as never),
    rarest(text, mark = '') {
      let best: Slots | undefined
      for (let i = 0; i + 3 <= text.length; i++) {
        const part = lists(mark + text.slice(i, i + 3))
        if (!part) return undefined
        if (!best || sizeOf(part) < sizeOf(best)) best = part
      }
      return best
    },
  }
}

/** How many numbers are filed, in all slots. */
export function sizeOf(slots: Slots): number {
  let size = 0
  for (const list of slots) size += list?.length ?? 0
  return size
}

function slotAt(keys: readonly (readonly string[])[], position: number): number {
  let slot = 0
  for (let end = keys[0]?.length ?? 0; position >= end; end += keys[slot]?.length ?? 0) slot++
  return slot
}

/** What FlexSearch is given to encode: it wants a text that is not empty. */
const anyText = '-'
