// Part numbers, as people type what they read on a drawing or remember of it.
import { between, oneOf, type Random } from './chance.ts'
import { beginsWith, type Entry, either, hasWords, holdsInName } from './entry.ts'
import { bare, joined, wordsOf } from './spelling.ts'
import { type Typed, typed } from './typed.ts'

const codeOf = ({ code }: Entry) => code ?? ''

/** The segments of a part number that has several. */
function segmentsOf(entry: Entry): string[] {
  const segments = wordsOf(codeOf(entry))
  return segments.length > 1 && segments.join('').length >= 6 ? segments : []
}

export function beginningOfCode(entry: Entry, random: Random): Typed | null {
  const start = codeOf(entry).slice(0, between(random, 3, 6))
  return joined(start).length < 2 ? null : typed(oneOf(random, start, start.toLowerCase()), beginsWith)
}

/** All of it, or more than the first segment. */
export function withoutSeparators(entry: Entry, random: Random): Typed | null {
  const segments = segmentsOf(entry)
  const all = segments.join('')
  const least = Math.max(4, 1 + (segments[0] ?? '').length)
  return typed(oneOf(random, all, all.slice(0, between(random, least, all.length))), beginsWith)
}

/** Also where there are none: gx-1350-l for gx1350l. */
export function otherSeparators(entry: Entry, random: Random): Typed | null {
  const code = joined(codeOf(entry))
  const segments = wordsOf(codeOf(entry))
  const pieces = segments.length > 1 ? segments : (code.match(/[a-z]+|\d+/g) ?? [])
  const text = pieces.join(oneOf(random, ' ', '/', '.', '_', '-'))
  if (code.length < 6 || text.toLowerCase() === codeOf(entry).toLowerCase()) return null
  return typed(oneOf(random, text, text.toUpperCase()), beginsWith)
}

export function outerSegments(entry: Entry): Typed | null {
  const segments = segmentsOf(entry)
  const [first, last] = [segments[0] ?? '', bare(segments.at(-1) ?? '')]
  return first.length < 2 || last.length < 2 ? null : typed(`${first} ${last}`, () => hasWords(first, last))
}

export function fragmentOfCode(entry: Entry, random: Random): Typed | null {
  const code = joined(codeOf(entry))
  const length = between(random, 3, 5)
  if (code.length < 7) return null
  const at = between(random, 1, code.length - length)
  return typed(code.slice(at, at + length), (fragment) => either(holdsInName(fragment), hasWords(fragment)))
}
