// The one place that touches FlexSearch: a map from keys to record numbers, by slot. We bring the keys and the slots
// (its own encoder damages part numbers); it keeps the lists, ascending inside a slot because numbers only grow.
// Its update() and remove() walk the whole map and are never called: a changed record gets a new number.
import { Index } from 'flexsearch'
import { comesBack, isKey, keysOf, type Terms } from './document.ts'

/** Record numbers, ascending. Never change it. */
export type List = readonly number[]
/** Lists by slot. Slots may be missing. */
export type Slots = readonly (List | undefined)[]

export interface Postings {
  /** Files `number`, higher than every number before it, under each key of each term, once, in its lowest slot. */
  add(number: number, terms: Terms): void
  /** What is filed under `key`. */
  lists(key: string): Slots | undefined
  /** The shortest list of the three-letter parts of `text`, each filed under `mark` + part; undefined if one has none. */
  rarest(text: string, mark?: string): Slots | undefined
  /** Ends the first filling, which is held aside since FlexSearch takes lists faster than records. In steps, for breaks. */
  seal(): Iterable<void>
}

/** FlexSearch splits its map in so many (a power of two): one map of a million keys stops the world when it grows. */
const mapBits = 8
/** Keys handed to FlexSearch at once. */
const chunkKeys = 250

/** Empty lists. `onNewTerm` hears of each word before the first record that has it, perhaps more than once. */
export function createPostings(onNewTerm: (term: string) => void = () => undefined): Postings {
  let pending: string[][] = []
  let draft: Draft | null = createDraft(onNewTerm)
  const index = new Index({
    tokenize: 'strict',
    keystore: mapBits,
    // A search passes one key; an added record brings its keys in `pending`, for they are too many to travel as text.
    // FlexSearch skips repeats, so lower slots must come first.
    encode: (text) => (text === record ? pending.flat() : [text]),
    score: (_keys, _key, position) => slotAt(pending, position),
    resolve: false,
  })
  function lists(key: string): Slots | undefined {
    if (draft !== null) return draft.get(key)
    const { result } = index.search({ query: key, resolve: false }) as unknown as { result: Slots }
    return result.length > 0 ? result : undefined
  }
  return {
    lists,
    add(number, terms) {
      if (draft !== null) {
        draft.add(number, terms)
        return
      }
      for (const list of terms) for (const term of list) if (!isKey(term)) onNewTerm(term)
      pending = terms.map((list) => list.flatMap(keysOf))
      index.add(number, record)
    },
    rarest(text, mark = '') {
      let best: Slots | undefined
      for (let i = 0; i + 3 <= text.length; i++) {
        const part = lists(mark + text.slice(i, i + 3))
        if (!part) return undefined
        if (!best || sizeOf(part) < sizeOf(best)) best = part
      }
      return best
    },
    *seal() {
      if (draft === null) return
      for (const chunk of draft.chunks()) {
        // What FlexSearch's own export would have given: its documented way to take a map whole.
        index.import('map', chunk as never)
        yield
      }
      draft = null
    },
  }
}

/** Lists by key before FlexSearch has them. */
interface Draft {
  get(key: string): Slots | undefined
  add(number: number, terms: Terms): void
  /** All keys with their lists, without the room that growing lists keep in reserve. */
  chunks(): Iterable<[string, Slots][]>
}

function createDraft(onNewTerm: (term: string) => void): Draft {
  const maps = Array.from({ length: 2 ** mapBits }, () => new Map<string, number[][]>())
  /** The lists of all keys of a term that has several: words come back often. */
  const listsOf = new Map<string, number[][][]>()
  const mapOf = (key: string) => maps[addressOf(key)] as Map<string, number[][]>

  function entry(key: string): number[][] {
    const map = mapOf(key)
    let lists = map.get(key)
    if (lists === undefined) {
      lists = []
      map.set(key, lists)
    }
    return lists
  }

  function entries(term: string): number[][][] {
    const known = listsOf.get(term)
    if (known !== undefined) return known
    onNewTerm(term)
    const lists = keysOf(term).map(entry)
    if (comesBack(term)) listsOf.set(term, lists)
    return lists
  }

  return {
    get: (key) => mapOf(key).get(key),
    add(number, terms) {
      for (let slot = 0; slot < terms.length; slot++) {
        for (const term of terms[slot] as readonly string[]) {
          if (isKey(term)) file(number, entry(term), slot)
          else for (const lists of entries(term)) file(number, lists, slot)
        }
      }
    },
    *chunks() {
      for (const map of maps) {
        let chunk: [string, Slots][] = []
        for (const [key, lists] of map) {
          chunk.push([key, lists.map((list) => list.slice())])
          if (chunk.length < chunkKeys) continue
          yield chunk
          chunk = []
        }
        yield chunk
        map.clear()
      }
    },
  }
}

function file(number: number, lists: number[][], slot: number): void {
  for (let i = 0; i < lists.length; i++) {
    const list = lists[i] as number[]
    if (list.length > 0 && list[list.length - 1] === number) return
  }
  // No holes: V8 is slow with them.
  while (lists.length <= slot) lists.push([])
  ;(lists[slot] as number[]).push(number)
}

/** Spreads keys over the maps of a draft. */
function addressOf(key: string): number {
  let hash = 0
  for (let i = 0; i < key.length; i++) hash = (hash * 33) ^ key.charCodeAt(i)
  return hash & (2 ** mapBits - 1)
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

/** Stands for "the pending record" in `add`; no key contains it. */
const record = '\u0000'
