// What people leave out or write differently: accents, punctuation, company suffixes; and how they type addresses.
import { anyOf, between, oneOf, type Random } from './chance.ts'
import { beginsWith, type Entry, either, hasInEmail, hasInPhone, hasWords, holdsInWord } from './entry.ts'
import { fold, joined, withoutAnd, writtenOut } from './spelling.ts'
import { type Typed, titleWords, typed } from './typed.ts'

/** Any word of a title that has accents; '' when none has. */
function accentedWord({ title }: Entry, random: Random): string {
  const words = (title ?? '').split(/[^\p{L}\p{N}\p{M}'’]+/u)
  const accented = words.filter((word) => fold(word) !== word.toLowerCase())
  return anyOf(accented, random) ?? ''
}

/** The last letter may still be missing. */
export function withoutAccents(entry: Entry, random: Random): Typed | null {
  const text = joined(accentedWord(entry, random))
  return text.length < 4 ? null : typed(oneOf(random, text, text.slice(0, -1)), hasWords)
}

/** muel and muelle for Müller. */
export function umlautsWritten(entry: Entry, random: Random): Typed | null {
  const word = accentedWord(entry, random)
  const text = joined(writtenOut(word))
  const start = text.slice(0, between(random, 3, text.length))
  return joined(word).startsWith(start) ? null : typed(start, hasWords)
}

/** Two pieces of a title that a pattern finds, folded; null when it finds none. */
function piecesOf({ title }: Entry, pattern: RegExp): [string, string] | null {
  const [, before = '', after = ''] = pattern.exec(title ?? '') ?? []
  return before === '' ? null : [fold(before), fold(after)]
}

export function apostrophe(entry: Entry, random: Random): Typed | null {
  const pieces = piecesOf(entry, /(\p{L}+)['’](\p{L}+)/u)
  const word = pieces?.join('') ?? ''
  if (pieces === null || word.length < 4) return null
  const phrase = pieces.join(' ')
  return typed(oneOf(random, word, pieces.join("'"), pieces.join('’'), phrase), () =>
    either(hasWords(word), holdsInWord(` ${phrase}`)),
  )
}

export function otherPunctuation(entry: Entry, random: Random): Typed | null {
  const pieces = piecesOf(entry, /([\p{L}\p{N}]{2,})[-./_]([\p{L}\p{N}]{2,})/u)
  if (pieces === null) return null
  const text = pieces.join(oneOf(random, '', ' ', '-', '.', '/'))
  return typed(text, () => either(hasWords(pieces.join('')), hasWords(...pieces)))
}

/** jr for J.R., ab for A&B; perhaps the next word is begun. */
export function initials({ title }: Entry, random: Random): Typed | null {
  const [, letters = '', next = ''] = /(?<!\S)(\p{L}(?:[.&]\p{L})+)\.? (\w{0,4})/u.exec(title ?? '') ?? []
  const words = [joined(letters), next.toLowerCase()]
  const some = oneOf(random, words.join(' '), joined(letters)).trim()
  return typed(some, () => hasWords(...some.split(' ')))
}

export function ampersand(entry: Entry, random: Random): Typed | null {
  const pieces = piecesOf(entry, /([\p{L}\p{N}.'’]{2,}) (?:&|and) ([\p{L}\p{N}'’]{2,})/iu)?.map(joined)
  if (pieces === undefined) return null
  const text = pieces.join(oneOf(random, ' & ', '&', ' and ', ' '))
  return typed(text, () => hasWords(...pieces))
}

/** nextdoor for Next Door */
export function spaceMissing(entry: Entry): Typed | null {
  const [first = '', second = ''] = titleWords(entry)
  return first.length < 2 || second.length < 2 ? null : typed(first + second, beginsWith)
}

/** next door for NextDoor, and the same for names that end like Systemsoft. */
export function spaceAdded(entry: Entry): Typed | null {
  const pieces =
    piecesOf(entry, /(?<![\p{L}'’])(\p{Lu}\p{Ll}+)(\p{Lu}\p{Ll}+)/u) ??
    piecesOf(entry, /(?<![\p{L}'’])(\p{L}{3,})(tech|tron|works|soft|lab)\b/u)
  if (pieces === null) return null
  return typed(pieces.join(' '), () => either(hasWords(pieces.join('')), hasWords(...pieces)))
}

const suffix = /,? (?:inc|corp|corporation|co|company|ltd|llc|l\.l\.c|gmbh|plc|group|ab)\.?$/i
const suffixes = [
  '',
  '',
  'Inc',
  'Inc.',
  'Incorporated',
  'LLC',
  'L.L.C.',
  'Corp',
  'Corporation',
  'Co.',
  'Company',
  'Ltd',
]

/** With the same suffix, another or none. */
export function companySuffix({ title }: Entry, random: Random): Typed | null {
  const base = (title ?? '').replace(suffix, '')
  if (joined(base).length < 5) return null
  return typed(`${base} ${anyOf(suffixes, random)}`.trim(), () => beginsWith(withoutAnd(base)))
}

export function pieceOfEmail({ email }: Entry, random: Random): Typed | null {
  if (email === null) return null
  const at = email.indexOf('@')
  const domain = email.slice(at, at + between(random, 5, 11))
  const start = email.slice(0, Math.max(3, at + between(random, 0, 3)))
  return typed(oneOf(random, domain, start, email), (text) => either(hasInEmail(text), beginsWith(text)))
}

export function pieceOfPhone({ phone }: Entry, random: Random): Typed | null {
  if (phone === null) return null
  const [area, exchange, line] = [phone.slice(-10, -7), phone.slice(-7, -4), phone.slice(-4)]
  const text = oneOf(
    random,
    `(${area}) ${exchange}-${line}`,
    `${area}${exchange}`,
    `${exchange}${line}`,
    `${exchange}-${line}`,
    line,
  )
  const digits = text.replace(/\D/g, '')
  return typed(text, () => either(hasInPhone(digits), hasWords(digits)))
}
