// Choices, and slips of a finger, from a stream of chance that can be repeated.

export type Random = () => number

/** A whole number from `least` to `most`, both included. */
export const between = (random: Random, least: number, most: number) =>
  least + Math.floor(random() * (most - least + 1))

/** Any of them; undefined when there is none. */
export function anyOf<T>(values: readonly T[], random: Random): T | undefined {
  return values[between(random, 0, values.length - 1)]
}

/** Any of several ways to type the same. */
export const oneOf = (random: Random, ...texts: [string, ...string[]]) => anyOf(texts, random) ?? texts[0]

/** One wrong keystroke, never at the first letter; null when it changes nothing. */
export function slip(word: string, random: Random): string | null {
  const at = between(random, 1, word.length - 1)
  const [before, here, after] = [word.slice(0, at), word.charAt(at), word.slice(at + 1)]
  const key = wrongKey(here, random)
  const typed = oneOf(
    random,
    `${before}${key}${here}${after}`,
    `${before}${after}`,
    `${before}${key}${after}`,
    `${before}${after.charAt(0)}${here}${after.slice(1)}`,
  )
  return typed === word ? null : typed
}

const digits = '0123456789'
const letters = 'abcdefghijklmnopqrstuvwxyz'

/** A digit among digits, a letter among letters. */
function wrongKey(key: string, random: Random): string {
  const keys = digits.includes(key) ? digits : letters
  return keys.charAt(between(random, 0, keys.length - 1))
}
