// An index that was built in one go and never changes: arrays of numbers and bytes outside of V8's heap. What happens
// to its records afterwards is written beside it (store.ts). Records are numbered by what they matter: active ones
// first, then the most recently updated, then by name; so every list is in the right order by itself.
import { firstWhere } from './arrays.ts'
import { fragmentMark } from './document.ts'
import { createKeys, type KeysData } from './keys.ts'
import { createPool, type Pool, type PoolData } from './pool.ts'
import { compareNames, idIn } from './record.ts'
import {
  type Neighbours,
  neighboursOf,
  noSlots,
  type Run,
  rarestParts,
  type Slots,
  type Source,
  type Starts,
  together,
} from './source.ts'
import { createVocabulary, type VocabularyData, type WordRange } from './vocabulary.ts'

/** Lists of numbers: list n is what `filed` holds between `ends[n - 1]` and `ends[n]`. */
export interface ListsData {
  filed: Int32Array
  ends: Int32Array
}

/** One index of a segment. */
export interface IndexData {
  /** Active records that say something in it. */
  active: number
  texts: PoolData
  keys: KeysData
  vocabulary: VocabularyData
  /**
   * Two lists (for the two slots) for each key, then for each word, then for each branch: a range of more than
   * `manyWords` words that begin alike, so that short beginnings need not gather the lists of all their words.
   */
  lists: ListsData
  /** First words of the branches, ascending, and their ends: a branch within another comes after it. */
  branches: { from: Int32Array; to: Int32Array }
  /** Three-letter parts of words without digits, and the words that hold them after their first letter. */
  parts: { keys: KeysData; lists: ListsData }
}

export interface SegmentData {
  /** The first so many records are active. */
  active: number
  /** What a search answers with. */
  jsons: PoolData
  /** The number of the record whose id is key n stands at n. */
  ids: { keys: KeysData; numbers: Int32Array }
  /** Epoch milliseconds. */
  lastUpdated: Float64Array
  /** Names to sort by, records in their order, and the place of each record in it. */
  names: { texts: PoolData; order: Int32Array; rank: Int32Array }
  /** As the entity declares them; NaN where a record has none. */
  measures: Float64Array[]
  /** As the entity declares them: a place in `values`, or -1. */
  facets: { codes: Int32Array; values: string[] }[]
  /** As the entity declares them. */
  indexes: IndexData[]
}

/** A segment, ready to be asked. */
export interface Segment {
  readonly size: number
  readonly jsons: Pool
  /** To sort by. */
  readonly names: Pool
  /** By position in `entity.indexes`. */
  readonly texts: readonly Pool[]
  readonly indexes: readonly Source[]
  /** The number of a record, or -1. */
  numberOf(id: string): number
  /** Where a name would stand among those of the segment: between two of their ranks. */
  rankOf(name: string, id: string): number
}

export function openSegment(data: SegmentData): Segment {
  const { ids, names } = data
  const findId = createKeys(ids.keys)
  const jsons = createPool(data.jsons)
  const nameTexts = createPool(names.texts)
  const texts = data.indexes.map((index) => createPool(index.texts))
  return {
    size: data.lastUpdated.length,
    jsons,
    names: nameTexts,
    texts,
    indexes: data.indexes.map((index, i) => createSegmentIndex(index, texts[i] as Pool)),
    numberOf: (id) => ids.numbers[findId(id)] ?? -1,
    rankOf(name, id) {
      const place = firstWhere(0, names.order.length, (rank) => {
        const number = names.order[rank] as number
        const other = nameTexts.text(number)
        return compareNames(other, other === name ? idIn(jsons.text(number)) : '', name, id) >= 0
      })
      return place - 0.5
    },
  }
}

/** When no more words than this begin alike, their lists are gathered at the time of the question. */
export const manyWords = 4
/** Words that one mistyped word can stand for. */
const manyNeighbours = 48
/** Words that are looked at for the ones that hold a fragment. */
const checkBudget = 4_000

function createSegmentIndex(data: IndexData, texts: Pool): Source {
  const findKey = createKeys(data.keys)
  const findPart = createKeys(data.parts.keys)
  const vocabulary = createVocabulary(data.vocabulary)
  const { filed, ends } = data.lists
  const firstWord = data.keys.prints.length / 2
  const firstBranch = firstWord + vocabulary.size
  const { from: branchFrom, to: branchTo } = data.branches

  function run(list: number): readonly Run[] {
    const from = list === 0 ? 0 : (ends[list - 1] as number)
    const to = ends[list] as number
    return from === to ? none : [{ numbers: filed, from, to }]
  }
  const slotsOf = (list: number): Slots => [run(2 * list), run(2 * list + 1)]
  const wordSlots = (word: number): Slots => slotsOf(firstWord + word)

  function rangeSlots({ from, to }: WordRange): Slots {
    if (to - from > manyWords) return slotsOf(firstBranch + branchOf(from, to))
    const all: Slots[] = []
    for (let word = from; word < to; word++) all.push(wordSlots(word))
    return all.length === 0 ? noSlots : together(all)
  }

  /** Branches are in the order of their first words, longer ones first. */
  function branchOf(from: number, to: number): number {
    return firstWhere(0, branchFrom.length, (branch) => {
      const first = branchFrom[branch] as number
      return first > from || (first === from && (branchTo[branch] as number) <= to)
    })
  }

  const lists = (key: string): Slots => {
    const number = findKey(key)
    return number < 0 ? noSlots : slotsOf(number)
  }

  return {
    inOrder: true,
    lists,
    whole(word) {
      const n = vocabulary.find(word)
      return n < 0 ? noSlots : wordSlots(n)
    },
    starting: (word): Starts => ({ slots: rangeSlots(vocabulary.starting(word)), exact: true }),
    fragments: (code) => rarestParts(code, (part) => lists(fragmentMark + part)[0]),
    containing(fragment, most) {
      const found: Run[] = []
      const { filed, ends } = data.parts.lists
      const [[words] = []] = rarestParts(fragment, (part) => {
        const list = findPart(part)
        const from = list <= 0 ? 0 : (ends[list - 1] as number)
        return list < 0 ? none : [{ numbers: filed, from, to: ends[list] as number }]
      })
      if (words === undefined) return found
      const end = Math.min(words.to, words.from + checkBudget)
      let left = most
      for (let i = words.from; i < end && left > 0; i++) {
        const word = words.numbers[i] as number
        if (!vocabulary.holds(word, fragment)) continue
        const [first, later] = wordSlots(word)
        found.push(...first, ...later)
        left--
      }
      return found
    },
    neighbours(typed) {
      const found: Record<keyof Neighbours, Slots[]> = { whole: [], begun: [], loose: [] }
      let words = 0
      for (const { from, to, length, loose } of vocabulary.similar(typed)) {
        if (words++ >= manyNeighbours) break
        // The shortest word of a range comes first, so only that one can be exactly so long.
        const hit = vocabulary.hasLength(from, length)
        if (hit) found.whole.push(wordSlots(from))
        const rest = { from: hit && to - from <= manyWords ? from + 1 : from, to }
        // A letter too many leaves a shorter beginning, which says little as well.
        found[loose || length < typed.length ? 'loose' : 'begun'].push(rangeSlots(rest))
      }
      return neighboursOf(found)
    },
    text: texts.text,
  }
}

const none: readonly Run[] = []
