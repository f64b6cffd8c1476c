// One wrong keystroke: a key too many, one missing, another one, or two in the wrong order.
import { anyOf, between, oneOf, type Random, slip } from './chance.ts'
import { beginsWith, type Entry, hasWords } from './entry.ts'
import { joined } from './spelling.ts'
import { lettersOf, type Typed, titleWords, typed } from './typed.ts'

export function slipInWord(entry: Entry, random: Random): Typed | null {
  const word = anyOf(lettersOf(entry, 5), random)
  return word === undefined ? null : typed(slip(word, random), () => hasWords(word))
}

export function slipInTwoWords(entry: Entry, random: Random): Typed | null {
  const word = anyOf(lettersOf(entry, 5), random)
  if (word === undefined) return null
  const others = titleWords(entry).filter((one) => !one.startsWith(word) && !word.startsWith(one))
  const other = anyOf(
    others.filter((one) => one.length > 2),
    random,
  )
  const mistyped = slip(word, random)
  if (other === undefined || mistyped === null) return null
  return typed(oneOf(random, `${other} ${mistyped}`, `${mistyped} ${other}`), () => hasWords(word, other))
}

export function slipInBeginning(entry: Entry, random: Random): Typed | null {
  const start = anyOf(lettersOf(entry, 7), random)?.slice(0, between(random, 5, 7))
  return start === undefined ? null : typed(slip(start, random), () => hasWords(start))
}

export function slipInCode({ code }: Entry, random: Random): Typed | null {
  const text = joined(code ?? '')
  return text.length < 7 ? null : typed(slip(text, random), () => beginsWith(text))
}
