// How text becomes comparable words. Records and queries go through the same functions, so what two spellings have in
// common is decided here and nowhere else. Everything is bounded: input, words and their length.
// Not for display: folding loses case, accents and punctuation.

/** Longest word kept, in UTF-16 units; the rest of a longer one is cut off on both sides of a comparison. */
const maxWord = 40
/** Longest piece of a record's field that is looked at. QuickBooks allows 4,000 in an item's Description. */
const maxField = 4_000
/** Text with more words than this is prose. */
const maxTitleWords = 12

const ascii = /^[\u0020-\u007e]*$/
/** Most keystrokes: one spelling, and splitting at spaces is all there is to do. */
const simple = /^[A-Za-z0-9]{1,40}(?: [A-Za-z0-9]{1,40})*$/
const apostrophes = /['’‘‛`´ʼʻ′＇]/g
const marks = /[\u0300-\u036f\u200b-\u200f\u00ad\ufeff]+/g
const letters: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ħ: 'h',
  ŧ: 't',
  ı: 'i',
  ŋ: 'n',
}
const unfoldable = /[ßæœøłđðþħŧıŋ]/g
const umlauts: Readonly<Record<string, string>> = { ä: 'ae', ö: 'oe', ü: 'ue', ø: 'oe', å: 'aa' }
const umlaut = /[äöüøå]/g
const separators = /[^\p{L}\p{N}\p{M}]+/u
const asciiSeparators = /[^a-z0-9]+/
/** The colon stands between the names of a hierarchy, which nobody types closed up. */
const separatorsInside = /[^\p{L}\p{N}\p{M}\s:]+/gu
/** What the plainest spelling closes up, and what has anything else between its letters. */
const opens = /['.]/
const punctuated = /[^a-z0-9\s:]/
/** Dots that only mark an abbreviation, as in L.L.C. or J.R. */
const abbreviation = /(?<![\p{L}\p{N}])\p{L}(?:\.\p{L})+(?![\p{L}\p{N}])/gu

/** Lower case, without accents and ligatures. Total: takes any string, lone surrogates included. */
export function fold(text: string): string {
  if (ascii.test(text)) return text.toLowerCase()
  return text
    .normalize('NFKD')
    .replace(marks, '')
    .toLowerCase()
    .replace(marks, '')
    .replace(unfoldable, (c) => letters[c] ?? c)
}

/** The words of folded text, each cut to a bounded length. */
function wordsOf(folded: string): string[] {
  const words = folded.split(ascii.test(folded) ? asciiSeparators : separators)
  const kept: string[] = []
  for (const word of words) if (word !== '') kept.push(word.length > maxWord ? word.slice(0, maxWord) : word)
  return kept
}

/**
 * The spellings of a text that people type, as word lists, the plainest first and without repeats:
 * 1. apostrophes and abbreviation dots closed up (O'Brien → obrien, L.L.C. → llc), other punctuation a space;
 * 2. umlauts written out (Müller → mueller); 3. apostrophes and dots as spaces (o brien, l l c);
 * 4. punctuated chunks closed up (A&B → ab, x-y → xy).
 * Prose is one list: the plainest, followed by the words that only the others have. Empty when the text has no letter
 * and no digit.
 */
export function spellings(text: string): string[][] {
  if (simple.test(text)) return [text.toLowerCase().split(' ')]
  const raw = text.slice(0, maxField).replace(apostrophes, "'")
  const folded = fold(raw)
  const closed = folded.replaceAll("'", '')
  const plain = wordsOf(
    closed.includes('.') ? closed.replace(abbreviation, (m) => m.replaceAll('.', '')) : closed,
  )
  if (plain.length === 0) return []
  const lists = [plain]
  const add = (words: string[]) => {
    const key = words.join(' ')
    if (words.length > 0 && !lists.some((list) => list.join(' ') === key)) lists.push(words)
  }
  const written = ascii.test(raw) ? raw : writeUmlauts(raw)
  if (written !== raw) add(closeUp(fold(written)))
  if (opens.test(folded)) add(wordsOf(folded))
  if (punctuated.test(folded)) add(closeUp(folded.replace(separatorsInside, '')))
  return plain.length > maxTitleWords ? [withNew(lists)] : lists
}

/** The first list, and after it the words that only others have: they stand inside of it, and begin nothing. */
function withNew([plain = [], ...others]: string[][]): string[] {
  const known = new Set(plain)
  return [...plain, ...others.flat().filter((word) => !known.has(word) && known.add(word))]
}

const closeUp = (folded: string): string[] => wordsOf(folded.replaceAll("'", ''))

function writeUmlauts(text: string): string {
  return text
    .normalize('NFC')
    .toLowerCase()
    .replace(umlaut, (c) => umlauts[c] ?? c)
}

/** The digits of a phone number as typed. */
export function digitsOf(text: string): string {
  return text.replace(/\D+/g, '').slice(0, maxWord)
}
