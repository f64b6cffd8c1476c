// Words and abbreviations that mean the same in a shop: SS and stainless, 1/4 and .25. They are found in what was typed,
// as whole words, and each other way to say it is searched for as well.
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { fold } from './text.ts'

/** Other phrasings of a text, without the text itself. */
export type Synonyms = (text: string) => string[]

const Term = Type.String({ minLength: 1, maxLength: 100, pattern: '\\S' })
/** Groups of terms that mean the same, or terms with what each may stand for. */
const SynonymsFile = Type.Union([
  Type.Array(Type.Array(Term)),
  Type.Record(Type.String(), Type.Union([Term, Type.Array(Term)])),
])

/** More phrasings than this are more than a person means. */
const mostPhrasings = 8

/** Reads the content of a synonyms file. @throws Error that says what is wrong with it. */
export function readSynonyms(content: string): Synonyms {
  const value: unknown = JSON.parse(content)
  if (!Value.Check(SynonymsFile, value)) {
    const { path = '', message = '' } = Value.Errors(SynonymsFile, value).First() ?? {}
    throw new Error(
      `a list of lists of terms, as in [["SS", "stainless"], ["1/4", ".25"]], was expected: ${path} ${message}`,
    )
  }
  const groups = Array.isArray(value)
    ? value
    : Object.entries(value).map(([term, others]) => [term, others].flat())
  const others = new Map<string, string[]>()
  for (const group of groups) {
    const terms = [...new Set(group.map(plain))]
    for (const term of terms) {
      others.set(term, [...(others.get(term) ?? []), ...terms.filter((one) => one !== term)])
    }
  }
  return (text) => phrasings(plain(text), others)
}

const plain = (text: string) => fold(text).replace(/\s+/g, ' ').trim()

function phrasings(text: string, others: ReadonlyMap<string, readonly string[]>): string[] {
  const found = new Set([text])
  for (const phrasing of found) {
    for (const [term, rest] of others) {
      const at = wholeWord(phrasing, term)
      if (at < 0) continue
      for (const other of rest) {
        if (found.size > mostPhrasings) break
        found.add(phrasing.slice(0, at) + other + phrasing.slice(at + term.length))
      }
    }
  }
  found.delete(text)
  return [...found]
}

/** A letter, a digit, or what belongs to a number: .25 is not in 1.25, and 1/4 is not in 1/43. */
const belongs = /[\p{L}\p{N}\p{M}]/u

/** Where a term stands as a word of its own, or -1. */
function wholeWord(text: string, term: string): number {
  for (let at = text.indexOf(term); at >= 0; at = text.indexOf(term, at + 1)) {
    const before = text[at - 1] ?? ' '
    const after = text[at + term.length] ?? ' '
    if (!belongs.test(before) && before !== '.' && before !== '/' && !belongs.test(after)) return at
  }
  return -1
}
