// What the judge knows of a record in one index, and whether a record answers to what was typed.
import { closedUp, joined, plain, withoutAnd, withoutZeros, writtenOut } from './spelling.ts'

/** What an index is said to know of a record. */
export interface Known {
  id: string
  /** What people call it when they do not use its part number; null when there is nothing else. */
  title: string | null
  code: string | null
  /** All names and texts, except for `codes`. */
  texts: readonly string[]
  /** Names that are, or can be, a part number. */
  codes: readonly string[]
  email: string | null
  /** Digits, without an extension. */
  phone: string | null
}

export interface Entry extends Known {
  /** Every spelling of every name, in words: "| obrien tools| sara obrien|". */
  words: string
  /** The same without spaces, of names that are no path: "|obrientools|saraobrien|". */
  closed: string
}

export function entryOf(known: Known): Entry {
  const { texts, codes } = known
  const names = [...texts, ...codes].flatMap((name) => [name, withoutAnd(name)])
  const spelled = names.flatMap((name) => [plain(name), plain(writtenOut(name)), closedUp(name)])
  const paths = (name: string) => name.includes(':')
  const whole = names.filter((name) => !paths(name)).flatMap((name) => [name, writtenOut(name)])
  const numbers = codes.map(withoutZeros)
  return {
    ...known,
    words: lines([...spelled, ...codes.map(joined), ...numbers].map((line) => ` ${line}`)),
    closed: lines([...whole, ...numbers].map(joined)),
  }
}

const lines = (all: readonly string[]) => `|${[...new Set(all)].join('|')}|`

/** Whether a record is an answer. */
export type Fits = (entry: Entry) => boolean

/** A name begins with these letters, all in one word. */
export function startsWith(letters: string): Fits {
  const start = `| ${letters}`
  return (entry) => entry.words.includes(start)
}

/** A name begins with the text, spaces or none. */
export function beginsWith(text: string): Fits {
  const [words, closed] = [`| ${plain(text)}`, `|${joined(text)}`]
  return (entry) => entry.words.includes(words) || entry.closed.includes(closed)
}

/** Each of the beginnings begins a word. */
export function hasWords(...beginnings: string[]): Fits {
  const starts = beginnings.map((beginning) => ` ${beginning}`)
  return (entry) => starts.every((start) => entry.words.includes(start))
}

/** A word holds the fragment. */
export const holdsInWord =
  (fragment: string): Fits =>
  (entry) =>
    entry.words.includes(fragment)

/** A name without separators holds the fragment. */
export const holdsInName =
  (fragment: string): Fits =>
  (entry) =>
    entry.closed.includes(fragment)

/** A name is the text. */
export function isCalled(text: string): Fits {
  const line = `| ${plain(text)}|`
  return (entry) => entry.words.includes(line)
}

export const hasInEmail =
  (text: string): Fits =>
  (entry) =>
    entry.email?.includes(text) === true

/** A word of the address begins so. */
export function hasWordInEmail(beginning: string): Fits {
  const start = ` ${beginning}`
  return ({ email }) => email !== null && ` ${plain(email)}`.includes(start)
}

export const hasInPhone =
  (digits: string): Fits =>
  (entry) =>
    entry.phone?.includes(digits) === true

export const either =
  (...ways: Fits[]): Fits =>
  (entry) =>
    ways.some((fits) => fits(entry))

/** Nothing has to be forgiven: the text is there, or all its words begin words or stand in the address. */
export function fitsStrictly(text: string): Fits {
  const words = wordsToFind(text)
  return either(holdsInName(joined(text)), (entry) => words.every((fits) => fits(entry)))
}

const wordsToFind = (text: string) =>
  plain(text)
    .split(' ')
    .map((word) => either(hasWords(word), hasInEmail(word)))
