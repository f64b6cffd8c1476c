// Words, and beginnings and pieces of words.
import { anyOf, between, oneOf, type Random } from './chance.ts'
import {
  beginsWith,
  type Entry,
  either,
  hasWordInEmail,
  hasWords,
  holdsInWord,
  isCalled,
  startsWith,
} from './entry.ts'
import { fold, joined, wordsOf } from './spelling.ts'
import { lettersOf, type Type, type Typed, titleWords, typed } from './typed.ts'

export function beginning(length: number): Type {
  return (entry) => {
    const start = titleWords(entry)[0]?.slice(0, length)
    return start?.length === length ? typed(start, startsWith) : null
  }
}

export function laterWord(entry: Entry, random: Random): Typed | null {
  const word = anyOf(titleWords(entry).slice(1), random) ?? ''
  return word.length < 4 ? null : typed(word.slice(0, between(random, 3, 6)), hasWords)
}

/** The beginnings of two words. */
function twoWords(entry: Entry, random: Random): [earlier: string, later: string] | null {
  const words = titleWords(entry).filter((word) => word.length >= 3)
  const at = between(random, 0, words.length - 2)
  const [earlier, later] = [words[at], anyOf(words.slice(at + 1), random)]
  if (earlier === undefined || later === undefined) return null
  const a = earlier.slice(0, between(random, 3, 4))
  const b = later.slice(0, between(random, 3, 4))
  // One word could be meant by both.
  return a.startsWith(b) || b.startsWith(a) ? null : [a, b]
}

export function wordsInOrder(entry: Entry, random: Random): Typed | null {
  const words = twoWords(entry, random)
  return words && typed(words.join(' '), () => hasWords(...words))
}

export function wordsOutOfOrder(entry: Entry, random: Random): Typed | null {
  const words = twoWords(entry, random)
  return words && typed(words.toReversed().join(' '), () => hasWords(...words))
}

export function middleOfWord(entry: Entry, random: Random): Typed | null {
  const word = anyOf(lettersOf(entry, 5), random) ?? ''
  const at = between(random, 1, word.length - 3)
  return typed(word.slice(at, at + between(random, 3, 5)), (fragment) =>
    either(holdsInWord(fragment), hasWordInEmail(fragment)),
  )
}

export function fullName({ title, code }: Entry): Typed | null {
  return typed(title ?? code, isCalled)
}

/** The person or the company behind a customer or vendor, in any order of two words. */
export function otherName({ title, texts }: Entry, random: Random): Typed | null {
  const others = texts.filter((text) => text !== title)
  const [first = '', second = ''] = wordsOf(anyOf(others, random) ?? '')
  if (first.length < 3 || second.length < 3) return null
  return typed(oneOf(random, `${first} ${second}`, `${second} ${first}`), () => hasWords(first, second))
}

export function otherCase({ title }: Entry, random: Random): Typed | null {
  const start = fold(title ?? '').slice(0, between(random, 6, 11))
  if (joined(start).length < 4) return null
  const mixed = [...start].map((c, i) => (i % 2 === 0 ? c : c.toUpperCase())).join('')
  return typed(oneOf(random, start.toUpperCase(), mixed), beginsWith)
}

export function extraSpaces(entry: Entry, random: Random): Typed | null {
  const [first = '', second = ''] = titleWords(entry)
  if (first.length < 2 || second.length < 2) return null
  const start = second.slice(0, between(random, 2, 4))
  const text = oneOf(random, `  ${first} ${start}`, `${first} ${start}  `, ` ${first}   ${start} `)
  return typed(text, () => hasWords(first, start))
}
