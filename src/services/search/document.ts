// One record in one index, as a single string of lines: everything that its keys are made of and that a candidate is
// checked against. Equal strings mean that nothing searchable changed. The first line is the best name.
//
//   "\n word word"   a spelling of a name: "\n " + q tests the start of a field, " " + q the start of any word
//   "\n! word word"  words of an e-mail address       "\n@kim@acme.com"  the address itself
//   "\n#5550132"     digits of a phone number         "\n%fr38m"         a part number without separators
import type { SearchFields } from '../entities/entity.ts'
import { digitsOf, fold, spellings } from './text.ts'

/** Fewer letters do not find an address: they would find every one. */
const shortestContact = 3
/** A record's words beyond this many, counted in all its lines, are not searchable. */
const maxWords = 150
/** A longer field is found by its words, but not known to be exact until its text is looked at. */
const maxLine = 64
/** Longer codes are sentences, which nobody types closed up. */
const maxCode = 48
/** With more words, or without a digit, a code is a name: its words are looked inside instead of its fragments. */
const maxCodeWords = 5

/** Slots of words: where the word stands. Lower slots come first. */
export const place = { first: 0, later: 1 } as const
/** Slots of the keys of whole lines, closed up ("~wordword"): the best name, or another field. */
export const whole = { name: 0, other: 1 } as const

/** A word of an address as it is filed; null when it is too short to look for. */
export const contactWord = (word: string): string | null =>
  word.length < shortestContact ? null : contactMark + word
/** What words of addresses begin with, so that they are not taken for words of names. It comes before digits. */
export const contactMark = '!'
/** The key of a whole field with these words. */
export const lineKey = (words: readonly string[]): string => lineMark + words.join('')
/** The key of names in which a word stands right before one that begins so; null where the first says too little. */
export function pairKey(word: string, next: string): string | null {
  return word.length < 2 ? null : pairMark + word.slice(0, 2) + next[0]
}
/** What keys begin with; no word begins so. */
const lineMark = '~'
const pairMark = '+'
export const fragmentMark = '%'
/** Keys of phone numbers: their first and last four digits; the text says whether the rest fits. */
export const phoneStartKey = (digits: string): string => `#${digits.slice(0, 4)}`
export const phoneEndKey = (digits: string): string => `$${digits.slice(-4)}`

/** The text of a record, or '' when it says nothing that can be searched. */
export function documentText(fields: SearchFields): string {
  // Arrays, not sets: V8 keeps each text that a set is asked for in one table of the whole process.
  const lines: string[] = []
  for (const code of distinct(fields.codes)) addCode(lines, code)
  for (const text of distinct(fields.texts)) addSpellings(lines, text)
  for (const email of fields.emails ?? []) addEmail(lines, email)
  for (const phone of fields.phones ?? []) {
    const digits = digitsOf(phone.replace(extension, ''))
    if (digits.length >= 4) add(lines, `#${digits}`)
    // North America's country code is left out as often as not, also when only the area code is typed.
    if (digits.length === 11 && digits.startsWith('1')) add(lines, `#${digits.slice(1)}`)
  }
  if (lines.length === 0) return ''
  // What is found on the first line is the best name: it stays empty where the record has none.
  return `${fields.codes?.[0] === '' ? '\n' : ''}\n${lines.join('\n')}\n`
}

/** As in "x23" and "ext. 23" at the end of a phone number. */
const extension = /\s*(?:x|ext|extension|#)\W*\d+\s*$/i

const distinct = (texts: readonly string[] = []) => texts.filter((text, i) => texts.indexOf(text) === i)

function add(lines: string[], line: string): void {
  if (!lines.includes(line)) lines.push(line)
}

function addSpellings(lines: string[], text: string): void {
  for (const words of spellings(text)) add(lines, ` ${words.join(' ')}`)
}

/** A code is also a text; besides, it is searchable without separators, with and without leading zeros. */
function addCode(lines: string[], code: string): void {
  const lists = spellings(code)
  const words = lists[0]
  if (!words) return
  for (const list of lists) add(lines, ` ${list.join(' ')}`)
  const joined = words.join('')
  if (joined.length > maxCode) return
  add(lines, ` ${joined}`)
  const bare = words.map((word) => word.replace(/^0+(?=.)/, ''))
  if (bare.join(' ') !== words.join(' ')) {
    add(lines, ` ${bare.join(' ')}`)
    add(lines, ` ${bare.join('')}`)
  }
  if (words.length <= maxCodeWords && /\d/.test(joined)) add(lines, `%${joined}`)
}

/** The domain is searchable by its words, without the top level that half the world shares. */
function addEmail(lines: string[], email: string): void {
  const address = fold(email).trim().slice(0, 100)
  const at = address.lastIndexOf('@')
  if (at < 1) return
  const dot = address.lastIndexOf('.')
  const words = spellings(`${address.slice(0, at)} ${address.slice(at + 1, dot > at ? dot : undefined)}`)[0]
  if (!words) return
  add(lines, `@${address.replace(/\s+/g, '')}`)
  add(lines, `${contactMark} ${words.join(' ')}`)
}

/** The lines of a text, without their ends. */
function linesOf(text: string): string[] {
  return text.slice(1, -1).split('\n')
}

/**
 * What a text is filed under, by slot: words, those of addresses with a mark before them, and keys, which begin with
 * other marks. Of several places of one term the lowest slot counts.
 */
export type Terms = readonly [first: readonly string[], later: readonly string[]]

const marks = new Set([lineMark, pairMark, fragmentMark, '#', '$'])

/** Every term of a text. */
export function documentTerms(text: string): Terms {
  const terms: [string[], string[]] = [[], []]
  let left = maxWords
  for (const [n, line] of linesOf(text).entries()) {
    const kind = line[0]
    if (kind === '#') terms[0].push(phoneStartKey(line.slice(1)), phoneEndKey(line))
    else if (kind === '%') {
      for (let i = 1; i + 3 <= line.length; i++) terms[0].push(fragmentMark + line.slice(i, i + 3))
    } else if (kind === ' ' || kind === contactMark) {
      const phrase = line.slice(line.indexOf(' ') + 1)
      const words = phrase.split(' ')
      // The name, and codes closed up: these must come first when typed whole, however many others begin so.
      if (kind === ' ' && phrase.length <= maxLine && (n === 0 || words.length === 1)) {
        terms[n === 0 ? whole.name : whole.other].push(lineKey(words))
      }
      for (const [i, word] of words.entries()) {
        if (left-- <= 0) break
        if (kind === contactMark) {
          addTerm(terms, place.first, contactMark + word)
          continue
        }
        addTerm(terms, i === 0 ? place.first : place.later, word)
        const pair = i === 0 ? null : pairKey(words[i - 1] as string, word)
        if (pair !== null) addTerm(terms, i === 1 ? place.first : place.later, pair)
      }
    }
  }
  return terms
}

/** Spellings repeat most words; asking here is cheaper than filing them again. */
function addTerm(terms: [string[], string[]], slot: 0 | 1, term: string): void {
  if (!terms[0].includes(term) && (slot === 0 || !terms[1].includes(term))) terms[slot].push(term)
}

/** Whether a term is a key, and not a word. */
export const isKey = (term: string): boolean => marks.has(term[0] as string)
