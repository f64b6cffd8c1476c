// The distinct words of one index by their beginnings and inner fragments, so that looking for words costs what the
// vocabulary costs, not what the company does. Serial numbers are left out: they have keys of their own.
// Words of removed records stay until the next compaction; they lead to empty lists.
import { fragmentMark, isSerial, wholeMark, wordOf } from './document.ts'
import { createPostings } from './postings.ts'

/** Words are kept together by their first letters, so many of them. */
const startLength = 3

/** Words that one query may look at. */
const checkBudget = 4_000

export interface Vocabulary {
  /** Adds the word of a term, if it has one that is new. */
  add(term: string): void
  /** Keys of words with `fragment` (three letters or more) after their first letter, at most `most`. */
  containing(fragment: string, most: number): string[]
  /** Keys of words that begin with `start`, which has more than three letters. */
  starting(start: string): string[]
  /** See `Postings.seal`. */
  seal(): Iterable<void>
}

export function createVocabulary(): Vocabulary {
  const trigrams = createPostings()
  const known = new Set<string>()
  const keys: string[] = []
  const byStart = new Map<string, string[]>()
  return {
    seal: trigrams.seal,
    starting: (start) =>
      byStart.get(start.slice(0, startLength))?.filter((key) => key.startsWith(start, wholeMark.length)) ??
      [],
    add(term) {
      const word = wordOf(term)
      if (word === null || known.has(word) || isSerial(word)) return
      known.add(word)
      const key = wholeMark + word
      const start = word.slice(0, startLength)
      const words = byStart.get(start)
      if (words === undefined) byStart.set(start, [key])
      else words.push(key)
      // Position 0 is the mark and 1 the first letter; a fragment from there is a prefix and has its own key.
      const parts: string[] = []
      for (let i = 2; i + 3 <= key.length; i++) parts.push(fragmentMark + key.slice(i, i + 3))
      if (parts.length === 0) return
      trigrams.add(keys.length, [parts])
      keys.push(key)
    },
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
