// The records that changed since a segment was built, in FlexSearch: the part of an index that grows by single records.
// It stays small, for a new segment takes it in (store.ts). We bring the keys and the slots, because FlexSearch's own
// encoder damages part numbers; it keeps the lists, ascending because numbers only grow. Its update() and remove() walk
// the whole map and are never called: a changed record gets a new number.
import { Index } from 'flexsearch'
import { contactMark, documentTerms, fragmentMark, isKey } from './document.ts'
import {
  type Neighbours,
  neighboursOf,
  noSlots,
  type Run,
  rarestParts,
  type Slots,
  type Source,
} from './source.ts'
import { oneEditFrom } from './typo.ts'

export interface Recent extends Source {
  /** Files a text under `number`, higher than every number before it. */
  add(number: number, text: string): void
}

/** Beginnings of words that have keys; of others the text says whether the rest fits. A key costs as much as a look. */
const prefixLengths = [1, 2, 4]
/** What the keys of whole words begin with; no word begins so. */
const wholeMark = '='
/** FlexSearch splits its map in so many (a power of two): one big map stops the world when it grows. */
const mapBits = 8
/** Words that one mistyped word can stand for, and words that are looked at for them. */
const manyNeighbours = 48
const checkBudget = 20_000

/** Nothing yet; numbers begin with `first`. */
export function createRecent(first: number): Recent {
  const texts: string[] = []
  const words: string[] = []
  let pending: [string[], string[]] = [[], []]
  const index = new Index({
    tokenize: 'strict',
    keystore: mapBits,
    // The keys are too many to travel as text. FlexSearch skips repeats, so lower slots must come first.
    encode: () => pending.flat(),
    score: (_keys, _key, position) => (position < pending[0].length ? 0 : 1),
  })
  // The map that its search() ends in. A query asks for a dozen keys, and the way there costs more than the answer.
  const { map } = index as unknown as { map: { get(key: string): (number[] | undefined)[] | undefined } }

  function lists(key: string): Slots {
    const found = map.get(key)
    return found === undefined ? noSlots : [runOf(found[0]), runOf(found[1])]
  }
  const whole = (word: string) => lists(wholeMark + word)

  function keysOf(term: string): string[] {
    if (isKey(term)) return [term]
    if (map.get(wholeMark + term) === undefined) words.push(term)
    const keys = [wholeMark + term]
    // An address is not asked for by less.
    if (term[0] === contactMark) keys.push(term.slice(0, 4))
    else for (const n of prefixLengths) if (n <= term.length) keys.push(term.slice(0, n))
    return keys
  }

  return {
    inOrder: false,
    lists,
    whole,
    starting(word) {
      const length = prefixLengths.findLast((n) => n <= word.length) ?? 1
      return { slots: lists(word.slice(0, length)), exact: word.length === length }
    },
    fragments: (code) => rarestParts(code, (part) => lists(fragmentMark + part)[0]),
    containing(fragment, most) {
      const found: Run[] = []
      let left = most
      for (let i = 0; i < Math.min(words.length, checkBudget) && left > 0; i++) {
        const word = words[i] as string
        if (word[0] === contactMark || !word.includes(fragment, 1)) continue
        const [first, later] = whole(word)
        found.push(...first, ...later)
        left--
      }
      return found
    },
    neighbours(typed) {
      const found: Record<keyof Neighbours, Slots[]> = { whole: [], begun: [], loose: [] }
      let left = manyNeighbours
      for (let i = 0; i < Math.min(words.length, checkBudget) && left > 0; i++) {
        const word = words[i] as string
        const edit = word[0] === contactMark ? null : oneEditFrom(typed, word)
        if (edit === null) continue
        found[edit].push(whole(word))
        left--
      }
      return neighboursOf(found)
    },
    text: (number) => texts[number - first] ?? '',
    add(number, text) {
      while (texts.length < number - first) texts.push('')
      texts.push(text)
      if (text === '') return
      const [firsts, laters] = documentTerms(text)
      pending = [firsts.flatMap(keysOf), laters.flatMap(keysOf)]
      index.add(number, anyText)
    },
  }
}

function runOf(list: number[] | undefined): readonly Run[] {
  return list === undefined || list.length === 0 ? [] : [{ numbers: list, from: 0, to: list.length }]
}

/** What FlexSearch is given to encode: it wants a text that is not empty. */
const anyText = '-'
