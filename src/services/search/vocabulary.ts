// The distinct words of one index by their beginnings and inner fragments, so that looking for words costs what the
// vocabulary costs, not what the company does. Serial numbers are left out: they have keys of their own. So are words
// with a digit where it is about fragments: those of part numbers have keys of their own, too.
// Words of removed records stay until the next compaction; they lead to empty lists.
import { fragmentMark, isSerial, wholeMark } from './document.ts'
import { createDraft } from './draft.ts'
import { createPostings } from './postings.ts'

/** Words are kept together by their first letters, so many of them. */
const startLength = 3

const digit = /\d/

/** Words that one query may look at. */
const checkBudget = 4_000

export interface Vocabulary {
  /** Adds a word that is new. */
  add(word: string): void
  /** Adds new words to an empty vocabulary, in steps for breaks. */
  fill(words: Iterable<string>): Iterable<void>
  /** Keys of words with `fragment` (three letters or more) after their first letter, at most `most`. */
  containing(fragment: string, most: number): string[]
  /** Keys of words that begin with `start`, which has more than three letters. */
  starting(start: string): string[]
}

export function createVocabulary(): Vocabulary {
  const trigrams = createPostings()
  const keys: string[] = []
  const byStart = new Map<string, string[]>()

  /** Answers with the fragments that the word is to be filed under as the next number; none when none leads to it. */
  function take(word: string): string[] {
    if (isSerial(word)) return []
    const key = wholeMark + word
    const start = word.slice(0, startLength)
    const words = byStart.get(start)
    if (words === undefined) byStart.set(start, [key])
    else words.push(key)
    if (digit.test(word)) return []
    // Position 0 is the mark and 1 the first letter; a fragment from there is a prefix and has its own key.
    const parts: string[] = []
    for (let i = 2; i + 3 <= key.length; i++) parts.push(fragmentMark + key.slice(i, i + 3))
    if (parts.length > 0) keys.push(key)
    return parts
  }

  return {
    add(word) {
      const parts = take(word)
      if (parts.length > 0) trigrams.add(keys.length - 1, [parts])
    },
    *fill(words) {
      const draft = createDraft()
      for (const word of words) {
        const parts = take(word)
        if (parts.length > 0) draft.add([parts])
        yield
      }
      for (const chunk of draft.lists(Int32Array.from(keys.keys()))) {
        trigrams.take(chunk)
        yield
      }
    },
    starting: (start) =>
      byStart.get(start.slice(0, startLength))?.filter((key) => key.startsWith(start, wholeMark.length)) ??
      [],
    containing(fragment, most) {
      const found: string[] = []
      let budget = checkBudget
      for (const number of trigrams.rarest(fragment, fragmentMark)?.[0] ?? []) {
        const key = keys[number] as string
        if (key.includes(fragment, 2)) found.push(key)
        if (--budget === 0 || found.length >= most) break
      }
      return found
    },
  }
}
