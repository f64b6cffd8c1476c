// Which parts of a field's value a query matched, for a page that paints them bold. Both are folded as in text.ts, and
// every folded letter remembers the characters that it came from: a range never splits one, whatever was typed.
import { readQuery } from './query.ts'
import { fold, spellings } from './text.ts'

/** In UTF-16 units of the value as it is stored. */
export type Range = [start: number, length: number]

const maxField = 4_000
const maxTyped = 200
const maxWords = 8
const maxWord = 40
/** Longer values are sentences, in which the digits of several words are no fragment of a code. */
const maxCode = 48
/** Fewer letters mean nothing inside a word, nor across spaces, nor with one of them wrong, nor as a phone number. */
const least = { inside: 3, across: 4, typo: 4, phone: 7 } as const

const ascii = /^[\u0020-\u007e]*$/
/** A character with what `fold` takes off or cannot stand alone; a lone surrogate is a character too. */
const clusters = /.[\p{M}\u200b-\u200f\u00ad\ufeff]*/gsu
const wordCharacter = /[\p{L}\p{N}\p{M}]/u
const separators = /[^\p{L}\p{N}\p{M}]+/u
const apostrophe = /['’‘‛`´ʼʻ′＇]/
/** The colon stands between the names of a hierarchy. */
const spaces = /[\s:]+/
const digit = /\d/

/** A folded letter or digit of a value. */
interface Letter {
  /** The characters it came from. */
  from: number
  to: number
  /** Whether a word begins here, also after an apostrophe or the dot of an abbreviation, which do not end one. */
  begins: boolean
  /** The same for all letters of a word, and of what stands between spaces. */
  word: number
  chunk: number
}

/** One way to read a value: its letters and digits closed up. */
interface View {
  text: string
  /** One for each unit of `text`. */
  letters: readonly Letter[]
}

/** Something typed in one piece. */
interface Term {
  /** Its spellings, closed up. */
  words: readonly string[]
  /** "and", Inc and the like, which a match can do without: looked for only where words begin. */
  minor: boolean
  /** Part of an e-mail address, perhaps from the middle of a word to the middle of another. */
  address: boolean
}

interface Phrasing {
  /** What stands between spaces, and its words. */
  chunks: readonly { closed: Term; parts: readonly Term[] }[]
  /** All of it, without the spaces. */
  joined: Term
  phone: string | null
}

/** The ways in which a term can stand in a value, the best first. */
const way = { begins: 0, closedUp: 1, inside: 2, none: 3 } as const
type Way = (typeof way)[keyof typeof way]

/**
 * Tells which parts of the values of one record to highlight. `typed` are the query and other phrasings of it, the best
 * first. In each value that phrasing counts which leaves the fewest words over; what is in no value of the record may
 * stand there with a wrong keystroke.
 * Ranges are ascending and apart, and keep characters and their combining marks whole. Never throws; the work grows
 * with the first 4,000 units of each value times the words typed.
 */
export function createHighlighter(typed: readonly string[]): Highlighter {
  const phrasings = typed.map(readPhrasing)
  return (values) => {
    const read = values.map(viewsOf)
    const found = phrasings.map((phrasing) => read.map((views) => findPhrasing(phrasing, views)))
    const exact = read.map((_, value) => bestOf(found.map((one) => one[value] as Found)))
    const typos = typosIn(read, found)
    return exact.map((ranges, value) => merge([...ranges, ...(typos[value] ?? [])]))
  }
}

/** The ranges of each value. */
export type Highlighter = (values: readonly string[]) => Range[][]

/** What of a phrasing stands in a value, and what does not. */
interface Found {
  ranges: readonly Range[]
  missing: readonly Term[]
}

function bestOf(found: readonly Found[]): readonly Range[] {
  const any = found.filter(({ ranges }) => ranges.length > 0)
  return any.toSorted((a, b) => a.missing.length - b.missing.length)[0]?.ranges ?? []
}

/** Of the phrasing that leaves the fewest words over in all values together, if these stand anywhere but for a keystroke. */
function typosIn(read: readonly (readonly View[])[], found: readonly (readonly Found[])[]): Range[][] {
  const misses = found.map(([first, ...others]) =>
    (first?.missing ?? []).filter((term) => others.every(({ missing }) => missing.includes(term))),
  )
  for (const missing of misses.toSorted((a, b) => a.length - b.length)) {
    const ranges = read.map((views) => findTypos(missing, views))
    if (missing.length === 0 || ranges.some((one) => one.length > 0)) return ranges
  }
  return []
}

function readPhrasing(text: string): Phrasing {
  const { words, relaxed, phone } = readQuery(text)
  const kept = relaxed.at(-1) ?? words
  const minor = words.filter((word) => !kept.includes(word))
  const read = (piece: string) => readTerm(piece, minor)
  const trimmed = text.trim().slice(0, maxTyped)
  const chunks = trimmed.split(spaces, maxWords).map((chunk) => ({
    closed: read(chunk),
    parts: chunk.split(separators, maxWords).map(read).filter(isSomething),
  }))
  return {
    chunks: chunks.filter(({ closed }) => isSomething(closed)),
    joined: readTerm(trimmed, []),
    phone,
  }
}

const isSomething = ({ words }: Term): boolean => words.length > 0

function readTerm(text: string, minor: readonly string[]): Term {
  const words = [...new Set(spellings(text).map((list) => oneSigma(list.join(''))))]
  return { words, minor: words.some((word) => minor.includes(word)), address: text.includes('@') }
}

/** The letter that sigma becomes depends on what stands beside it. */
const oneSigma = (folded: string): string => folded.replaceAll('ς', 'σ')

/** As it is, without the zeros that words begin with, and with umlauts written out; alike ones only once. */
function viewsOf(value: string): View[] {
  const text = cut(value)
  const isAscii = ascii.test(text)
  const characters = isAscii ? text : (text.match(clusters) ?? [])
  const plain = readView(characters, isAscii ? fold(text) : foldAll(characters, foldCharacter))
  const others = [withoutZeros(plain)]
  if (!isAscii) others.push(readView(characters, foldAll(characters, writeUmlaut)))
  return [plain, ...others.filter((view) => view.text !== plain.text)]
}

function cut(value: string): string {
  if (value.length <= maxField) return value
  // The last two may be cut in the middle: a character, or one of its marks and thereby the character before it.
  const whole = value.slice(0, maxField).match(clusters)?.slice(0, -2)
  return whole?.join('') ?? ''
}

function foldAll(characters: ArrayLike<string>, foldOne: (character: string) => string): string[] {
  const known = new Map<string, string>()
  return Array.from(characters, (character) => {
    const folded = known.get(character) ?? foldOne(character)
    known.set(character, folded)
    return folded
  })
}

/** With no more marks than a word can have: putting them in order takes the square of their number. */
const foldCharacter = (character: string): string =>
  apostrophe.test(character) ? "'" : fold(character.slice(0, maxWord))

function writeUmlaut(character: string): string {
  const folded = foldCharacter(character)
  return folded !== character && /^[aou]$/.test(folded)
    ? (spellings(character)[1]?.join('') ?? folded)
    : folded
}

/** Of characters and what each of them is folded to. */
function readView(characters: ArrayLike<string>, folded: ArrayLike<string>): View {
  const letters: Letter[] = []
  let text = ''
  let from = 0
  let word = 0
  let chunk = 0
  let begins = true
  /** A letter that is all of a word so far. */
  let initial = false
  for (let n = 0; n < characters.length && text.length < maxField; n++) {
    const to = from + (characters[n] as string).length
    for (const unit of folded[n] as string) {
      if (wordCharacter.test(unit)) {
        for (let i = 0; i < unit.length; i++)
          letters.push({ from, to, begins: begins && i === 0, word, chunk })
        text += unit
        initial = begins && !digit.test(unit)
        begins = false
      } else {
        if (!apostrophe.test(unit) && !(initial && unit === '.')) word++
        if (spaces.test(unit)) chunk++
        initial = false
        begins = true
      }
    }
    from = to
  }
  return { text: oneSigma(text), letters }
}

function withoutZeros(view: View): View {
  const isPadded = ({ begins, word }: Letter, i: number) =>
    begins && view.text[i] === '0' && word === view.letters[i + 1]?.word
  if (!view.letters.some(isPadded)) return view
  const letters: Letter[] = []
  let text = ''
  let begins = false
  for (const [i, letter] of view.letters.entries()) {
    begins ||= letter.begins
    if (isPadded({ ...letter, begins }, i)) continue
    letters.push({ ...letter, begins })
    text += view.text[i]
    begins = false
  }
  return { text, letters }
}

function findPhrasing({ chunks, joined, phone }: Phrasing, views: readonly View[]): Found {
  const terms = chunks.flatMap(({ closed, parts }) =>
    closed.minor || parts.length < 2 || find(closed, views).way !== way.none ? closed : parts,
  )
  const found = terms.map((term) => find(term, views))
  // "fr m94s 38" for FRM94S38.
  const whole = found.some((one) => one.way > way.closedUp)
    ? [...find(joined, views).ranges, ...findPhone(phone, views)]
    : []
  if (whole.length > 0) return { ranges: whole, missing: [] }
  return {
    ranges: found.flatMap(({ ranges }) => ranges),
    missing: terms.filter((_, i) => found[i]?.way === way.none),
  }
}

/** Wherever the term stands in the best way that there is. */
function find(term: Term, views: readonly View[]): { way: Way; ranges: Range[] } {
  let best: Way = way.none
  let ranges: Range[] = []
  for (const view of views) {
    for (const word of term.words) {
      for (let at = view.text.indexOf(word); at >= 0; at = view.text.indexOf(word, at + 1)) {
        const here = wayOf(term, word, view, at)
        if (here < best) ranges = []
        if (here <= best && here < way.none) ranges.push(rangeOf(view, at, word.length))
        if (here < best) best = here
      }
    }
  }
  return { way: best, ranges }
}

function wayOf({ minor, address }: Term, word: string, { text, letters }: View, at: number): Way {
  const first = letters[at] as Letter
  const last = letters[at + word.length - 1] as Letter
  const sameWord = first.word === last.word
  const sameChunk = first.chunk === last.chunk
  if (first.begins && sameWord) return way.begins
  if (minor) return way.none
  if (first.begins && (sameChunk || word.length >= least.across)) return way.closedUp
  if (word.length < least.inside) return way.none
  const fragment = digit.test(word) && (sameChunk || text.length <= maxCode)
  return sameWord || fragment || (address && sameChunk) ? way.inside : way.none
}

/** A number that was typed with the country code that it is stored without. */
function findPhone(phone: string | null, views: readonly View[]): Range[] {
  const stored = views.find(({ text }) => text.length >= least.phone && phone?.endsWith(text))
  return stored ? [rangeOf(stored, 0, stored.text.length)] : []
}

/** Words that begin one wrong keystroke away; if that is all of some of them, only those. */
function findTypos(terms: readonly Term[], views: readonly View[]): Range[] {
  return terms.flatMap(({ words, minor }) => {
    const whole: Range[] = []
    const begun: Range[] = []
    const typed = minor ? [] : words.filter((word) => word.length >= least.typo)
    for (const view of typed.length === 0 ? [] : views) {
      const { text, letters } = view
      let end = text.length
      for (let at = end - 1; at >= 0; at--) {
        if (letters[at]?.word !== letters[at + 1]?.word) end = at + 1
        if (!letters[at]?.begins) continue
        for (const word of typed) {
          const length = similar(word, text, at, end)
          if (length > 0) (at + length === end ? whole : begun).push(rangeOf(view, at, length))
        }
      }
    }
    return whole.length > 0 ? whole : begun
  })
}

/** How many letters between `at` and `end` a word with one wrong keystroke stands for, rather all; 0 for none. */
function similar(word: string, text: string, at: number, end: number): number {
  let same = 0
  while (same < word.length && at + same < end && word[same] === text[at + same]) same++
  const wrong = at + same
  const goesOn = (rest: number, from: number) =>
    from + word.length - rest <= end && text.startsWith(word.slice(rest), from)
  const swapped = word[same] === text[wrong + 1] && word[same + 1] === text[wrong]
  const lengths = [
    goesOn(same + 1, wrong) ? word.length - 1 : 0,
    goesOn(same + 1, wrong + 1) ? word.length : 0,
    swapped && goesOn(same + 2, wrong + 2) ? word.length : 0,
    goesOn(same, wrong + 1) ? word.length + 1 : 0,
  ]
  return lengths.includes(end - at) ? end - at : Math.max(...lengths)
}

function rangeOf({ letters }: View, at: number, length: number): Range {
  const { from } = letters[at] as Letter
  return [from, (letters[at + length - 1] as Letter).to - from]
}

function merge(ranges: readonly Range[]): Range[] {
  const merged: Range[] = []
  for (const [start, length] of ranges.toSorted(([a], [b]) => a - b)) {
    const last = merged.at(-1)
    if (last && start <= last[0] + last[1]) last[1] = Math.max(last[1], start + length - last[0])
    else merged.push([start, length])
  }
  return merged
}
