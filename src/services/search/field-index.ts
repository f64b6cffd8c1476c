// One search index: numbered texts over FlexSearch. A changed record leaves a tombstone and comes back under a new,
// higher number, so a change costs the same at every size. Numbers below `base` were filed most important first; those
// from `base` on came later, in the order of the changes. Compaction (build.ts) makes a new one without tombstones.
import {
  documentTerms,
  fragmentMark,
  isSerial,
  place,
  prefixKey,
  wholeMark,
  wordsOfTerms,
} from './document.ts'
import { withRoom } from './ints.ts'
import { createPostings, type List, type Postings, type Slots } from './postings.ts'
import { createVocabulary, type Vocabulary } from './vocabulary.ts'

const none = -1
/** When more words begin alike, the list of their first letters is less work than all of theirs. */
const manyWords = 64
/** With more than this share filed since the first build, importance is only roughly kept. */
const looseShare = 0.2

/** The records with a word of a name that begins so, by where it stands. Lists may repeat a record. */
export interface Starts {
  first: List[]
  later: List[]
  /** False when the lists hold others too, so that each text must be looked at. */
  exact: boolean
}

export interface FieldIndex {
  readonly base: number
  /** Numbers given out, dead ones included. */
  readonly count: number
  readonly live: number
  readonly dead: number
  lists(key: string): Slots | undefined
  /** Where to find names with a word that begins with `word`. */
  starting(word: string): Starts
  /** The shortest of the lists of a part number's fragment. */
  fragments(code: string): Slots | undefined
  /** Keys of words that hold `fragment` inside. */
  wordsWith(fragment: string, most: number): string[]
  /** The text of a number; '' when dead. */
  text(number: number): string
  /** The record of a number, or -1 when dead. */
  slot(number: number): number
  /** The current text of a record, '' when it is not in this index. */
  textOfSlot(slot: number): string
  /** Makes `text` what the record is found by; '' takes it out. No work when nothing changed: answers false. */
  set(slot: number, text: string): boolean
  /** Says that a record matters more or less than when it was filed, so that lists are a little out of order. */
  disturb(): void
  /** True when lists are in order of importance. */
  readonly ordered: boolean
  /** True when so much was filed out of order that a new build is worth it. */
  readonly untidy: boolean
}

/** What an index begins with: `slots` and `texts` of the numbers from 0, most important first, filed in the others. */
export interface FirstFilling {
  postings: Postings
  vocabulary: Vocabulary
  slots: Int32Array<ArrayBuffer>
  texts: string[]
}

/** An empty index, or one with a first filling. */
export function createFieldIndex(filling?: FirstFilling): FieldIndex {
  const { postings, vocabulary, texts } = filling ?? emptyFilling()
  let slots = filling?.slots ?? new Int32Array(64)
  let numbers = new Int32Array(64).fill(none)
  for (let number = 0; number < texts.length; number++) {
    const slot = slots[number] as number
    numbers = withRoom(numbers, slot, none)
    numbers[slot] = number
  }
  const base = texts.length
  let dead = 0
  let ordered = true

  const numberOf = (slot: number): number => (slot < numbers.length ? (numbers[slot] as number) : none)
  const textOfSlot = (slot: number): string => texts[numberOf(slot)] ?? ''

  function bury(slot: number): void {
    const number = numberOf(slot)
    if (number === none) return
    texts[number] = ''
    slots[number] = none
    numbers[slot] = none
    dead++
  }

  function starting(word: string): Starts {
    const key = prefixKey(word)
    const sources: Slots[] = []
    if (key === word || isSerial(word)) sources.push(postings.lists(key) ?? [])
    else {
      // Four letters can also begin a serial number, which has a key of four characters.
      if (word.length === 4) sources.push(postings.lists(word) ?? [])
      const words = vocabulary.starting(word)
      if (words.length > manyWords) return { ...slotsOf(postings.lists(key) ?? []), exact: false }
      for (const whole of words) sources.push(postings.lists(whole) ?? [])
    }
    return { ...slotsOf(...sources), exact: key === word || !isSerial(word) }
  }

  return {
    base,
    get count() {
      return texts.length
    },
    get live() {
      return texts.length - dead
    },
    get dead() {
      return dead
    },
    lists: postings.lists,
    starting,
    fragments: (code) => postings.rarest(code, fragmentMark),
    wordsWith: vocabulary.containing,
    text: (number) => texts[number] as string,
    slot: (number) => slots[number] as number,
    textOfSlot,
    set(slot, text) {
      if (textOfSlot(slot) === text) return false
      bury(slot)
      if (text === '') return true
      const number = texts.length
      texts.push(text)
      slots = withRoom(slots, number)
      slots[number] = slot
      numbers = withRoom(numbers, slot, none)
      numbers[slot] = number
      const terms = documentTerms(text)
      for (const word of new Set(wordsOfTerms(terms.flat()))) {
        if (postings.lists(wholeMark + word) === undefined) vocabulary.add(word)
      }
      postings.add(number, terms)
      return true
    },
    get ordered() {
      return ordered && base === texts.length
    },
    disturb() {
      ordered = false
    },
    get untidy() {
      return texts.length - base > texts.length * looseShare
    },
  }
}

function slotsOf(...sources: Slots[]): Pick<Starts, 'first' | 'later'> {
  const at = (slot: number) => sources.map((slots) => slots[slot]).filter((list) => list !== undefined)
  return { first: at(place.first), later: at(place.later) }
}

const emptyFilling = () => ({
  postings: createPostings(),
  vocabulary: createVocabulary(),
  texts: [] as string[],
})
