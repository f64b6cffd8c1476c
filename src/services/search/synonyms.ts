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
const mostPhrasings = 16

/** Reads the content of a synonyms file. @throws Error that says what is wrong with it. */
export function readSynonyms(content: string): Synonyms {
  const value: unknown = JSON.parse(content.replace(/^\ufeff/, ''))
  if (!Value.Check(SynonymsFile, value)) {
    const { path = '', message = '' } = Value.Errors(SynonymsFile, value).First() ?? {}
    throw new Error(
      `a list of lists of terms, as in [["SS", "stainless"], ["1/4", ".25"]], was expected: ${path} ${message}`,
    )
  }
  const lists = Array.isArray(value)
    ? value
    : Object.entries(value).map(([term, others]) => [term, others].flat())
  const groups = lists.map((terms) => [...new Set(terms.map(plain))])
  if (groups.some((terms) => terms.includes(''))) throw new Error('a term is blank')
  return (text) => phrasings(plain(text), groups)
}

const plain = (text: string) => fold(text).replace(/\s+/g, ' ').trim()

/** Each group says one thing in another way, once: a term may stand in its own synonym. */
function phrasings(text: string, groups: readonly string[][]): string[] {
  let found = [text]
  for (const terms of groups) {
    const more: string[] = []
    for (const phrasing of found) {
      const term = terms.filter((one) => wholeWord(phrasing, one) >= 0).sort(longerFirst)[0]
      if (term === undefined) continue
      for (const other of terms) if (other !== term) more.push(replaced(phrasing, term, other))
    }
    found = [...new Set([...found, ...more])].slice(0, mostPhrasings + 1)
  }
  return found.slice(1)
}

const longerFirst = (a: string, b: string) => b.length - a.length

/** Everywhere: what is put in is not looked at again. */
function replaced(text: string, term: string, other: string): string {
  const at = wholeWord(text, term)
  if (at < 0) return text
  return text.slice(0, at) + other + replaced(text.slice(at + term.length), term, other)
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
