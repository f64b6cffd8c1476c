// A query, read once: the words and spellings that the passes look for. Any string is a query; what cannot be read
// has no words and finds nothing. Bounded: 200 UTF-16 units, eight words.
import type { Synonyms } from './synonyms.ts'
import { digitsOf, fold, spellings } from './text.ts'

const maxUnits = 200
const maxWords = 8

export interface Query {
  /** The plainest spelling. */
  words: readonly string[]
  /** The words without the spaces between them. */
  joined: string
  otherSpellings: readonly (readonly string[])[]
  /** Without "and", and without Inc, LLC and the like at the end. */
  relaxed: readonly (readonly string[])[]
  /** For a query with @: what must stand in an address, and the words of that. */
  email: { text: string; words: readonly string[] } | null
  /** The digits, when the query can be a phone number. */
  phone: string | null
}

// Lists and not sets: V8 keeps each text that a set is asked for in one table of the whole process.
const conjunctions = ['and', 'und', 'et', 'y', 'e', 'en', 'og', 'och', 'n']
const legalForms =
  'inc incorporated corp corporation llc llp lp ltd limited co company plc holdings group gmbh ag kg bv nv sa sas sarl srl spa oy ab as aps pty'.split(
    ' ',
  )
/** Inc, LLC and the like. */
export const isLegalForm = (word: string): boolean => legalForms.includes(word)

const phoneLike = /^[\d\s()+./-]+$/

/** Never throws. */
export function readQuery(text: string, synonyms: Synonyms = () => []): Query {
  const trimmed = text.trim().slice(0, maxUnits)
  const lists = spellings(trimmed)
  for (const phrasing of synonyms(trimmed)) lists.push(...spellings(phrasing))
  for (const list of lists) if (list.length > maxWords) list.length = maxWords
  const [words = [], ...others] = lists
  const digits = phoneLike.test(trimmed) ? digitsOf(trimmed) : ''
  return {
    words,
    joined: words.join('').slice(0, 48),
    otherSpellings: others,
    relaxed: relax(words),
    email: readEmail(trimmed),
    phone: digits.length >= 4 ? digits : null,
  }
}

function readEmail(trimmed: string): Query['email'] {
  if (!trimmed.includes('@')) return null
  const text = fold(trimmed).replace(/\s+/g, '')
  const at = text.indexOf('@')
  const dot = text.lastIndexOf('.')
  // Behind the last dot may be the top level, which no address is filed under.
  const words = spellings(text.slice(0, dot > at ? dot : undefined).replaceAll('@', ' '))[0]
  return words === undefined ? null : { text, words: words.slice(0, maxWords) }
}

function relax(words: readonly string[]): string[][] {
  if (words.length < 2) return []
  const lists: string[][] = []
  const kept = words.filter((word) => !conjunctions.includes(word))
  if (kept.length < words.length && kept.length > 0) lists.push(kept)
  let end = kept.length
  while (end > 1 && isLegalForm(kept[end - 1] as string)) end--
  if (end < kept.length) lists.push(kept.slice(0, end))
  return lists
}
