// The ways to answer a query, best first. Each pass adds hits at its tiers and the next one runs only while the answer
// is not full, so common keystrokes end after a few look-ups. A new pass is one more function and one more line.
import {
  contactKey,
  lineKey,
  pairKey,
  phoneEndKey,
  phoneStartKey,
  place,
  prefixKey,
  whole,
  wholeKey,
} from './document.ts'
import type { Starts } from './field-index.ts'
import { type Hits, type Tier, tier } from './hits.ts'
import { inCommon } from './intersect.ts'
import type { List, Slots } from './postings.ts'
import type { Query } from './query.ts'

interface Pass {
  run: (query: Query, hits: Hits) => void
  /** True when it looks for something else than the query as typed. */
  variant?: boolean
}

const passes: readonly Pass[] = [
  { run: exact },
  { run: email },
  { run: (query, hits) => spelling(query.words, hits) },
  { run: joined, variant: true },
  { run: otherSpellings, variant: true },
  { run: phone },
  { run: splitWord, variant: true },
  { run: relaxed },
  { run: fragment },
  { run: insideWord },
]

/** Runs the passes until the answer is full. */
export function runPasses(query: Query, hits: Hits): void {
  for (const pass of passes) {
    hits.variant = pass.variant ?? false
    pass.run(query, hits)
    if (hits.full()) return
  }
}

/** The whole name, the whole of another field, and "fr m94s-38" for the code FRM94S38, whatever else holds its pieces. */
function exact({ words }: Query, hits: Hits): void {
  const lists = hits.index.lists(lineKey(words))
  const typed = `\n ${words.join(' ')}\n`
  const closed = `\n ${words.join('')}\n`
  const check = (text: string) =>
    text.startsWith(typed) ? tier.name : text.includes(closed) ? tier.exact : null
  hits.scan(lists?.[whole.name], check, tier.name)
  hits.take(lists?.[whole.other], tier.exact)
}

function email(query: Query, hits: Hits): void {
  if (query.email === null) return
  const { text, word } = query.email
  const start = `\n${text.startsWith('@') ? '' : '@'}${text}`
  const check = (candidate: string) =>
    candidate.includes(start) ? tier.exact : candidate.includes(text) ? tier.field : null
  for (const list of contacts(word, hits)) hits.scan(list, check, tier.exact)
}

function spelling(words: readonly string[], hits: Hits): void {
  if (words.length === 1) oneWord(words[0] as string, hits)
  else if (words.length > 1) allWords(words, hits)
}

function oneWord(word: string, hits: Hits): void {
  const key = wholeKey(word)
  const wholes = key === null ? undefined : hits.index.lists(key)
  hits.take(wholes?.[place.first], tier.fieldWord)
  if (hits.full()) return
  const starts = hits.index.starting(word)
  const check = starts.exact ? null : phraseCheck(word)
  const add = (lists: List[], at: Tier) => {
    for (const list of lists) {
      if (check === null) hits.take(list, at)
      else hits.scan(list, check, at)
    }
  }
  add(starts.first, tier.field)
  if (hits.full()) return
  hits.take(wholes?.[place.later], tier.phraseWord)
  add(starts.later, tier.phrase)
  if (hits.full()) return
  const inside = ` ${word}`
  for (const list of contacts(word, hits)) {
    hits.scan(list, (text) => (text.includes(inside) ? tier.contact : null), tier.contact)
  }
}

/** The addresses with a word that begins so, and perhaps others. */
function contacts(word: string, { index }: Hits): Slots {
  const key = contactKey(word)
  return (key === null ? undefined : index.lists(key)) ?? []
}

const allOf = ({ first, later }: Starts, contacts: Slots): Slots => [...first, ...later, ...contacts]

/** Where one word of several leads: to all records that may hold it, and to those that begin a field with it. */
interface Word {
  first: Slots
  all: Slots
}

/** More lists than this are more work to ask than the one of the first letters. */
const manyLists = 12

function starting(word: string, hits: Hits): Word | undefined {
  const starts = hits.index.starting(word)
  const all = allOf(starts, contacts(word, hits))
  if (all.length <= manyLists) return all.length === 0 ? undefined : { first: starts.first, all }
  const lists = hits.index.lists(prefixKey(word)) ?? []
  return { first: [lists[place.first]], all: [...lists, ...contacts(word, hits)] }
}

function holding(word: string, hits: Hits): Word | undefined {
  const key = wholeKey(word)
  const lists = key === null ? undefined : hits.index.lists(key)
  return lists && { first: [lists[place.first]], all: [...lists, ...contacts(word, hits)] }
}

/** The words as typed come before the same words anywhere. */
function allWords(words: readonly string[], hits: Hits): void {
  phrase(words, hits)
  if (hits.full()) return
  candidates(
    words.map((word) => starting(word, hits)),
    hits,
    wordsCheck(words),
    [tier.firstWord, tier.allWords],
  )
}

/** All words next to each other, the last one perhaps only begun: whole first, for those are rarer and better. */
function phrase(words: readonly string[], hits: Hits): void {
  const ahead = words.slice(0, -1).map((word) => (wholeKey(word) === null ? starting : holding)(word, hits))
  const pairs: Word[] = []
  for (const [i, word] of words.slice(0, -1).entries()) {
    const key = pairKey(word, words[i + 1] as string)
    if (key === null) continue
    const lists = hits.index.lists(key)
    if (lists === undefined) return
    pairs.push({ first: [lists[place.first]], all: lists })
  }
  const last = words.at(-1) as string
  const check = phraseCheck(words.join(' '))
  const whole = holding(last, hits)
  if (whole) candidates([...ahead, whole, ...pairs], hits, check, [tier.fieldWord, tier.phraseWord])
  if (hits.full()) return
  // A pair whose second word is one letter says as much as the list of all words that begin so, which is long.
  const begun = last.length === 1 && pairs.length === ahead.length ? [] : [starting(last, hits)]
  candidates([...ahead, ...begun, ...pairs], hits, check, [tier.field, tier.phrase])
}

/**
 * Scans what all words have in common; nothing when one of them is missing. Records that begin a field with the first
 * word come first; `best` are the best tiers that may be left among those and among the others.
 */
function candidates(
  words: readonly (Word | undefined)[],
  hits: Hits,
  check: (text: string) => Tier | null,
  best: readonly [begun: Tier, inside: Tier],
): void {
  const present = words.filter((word) => word !== undefined)
  const [first, ...others] = present
  if (first === undefined || present.length < words.length) return
  const rest = others.map(({ all }) => all)
  const begun = inCommon([first.first, ...rest])
  for (const list of begun.lists) hits.scan(list, check, best[0], begun.holds)
  if (hits.full()) return
  const inside = inCommon([first.all.filter((list) => !first.first.includes(list)), ...rest])
  for (const list of inside.lists) hits.scan(list, check, best[1], inside.holds)
}

function joined(query: Query, hits: Hits): void {
  if (query.words.length > 1) oneWord(query.joined, hits)
}

function otherSpellings(query: Query, hits: Hits): void {
  for (const words of query.otherSpellings) if (!hits.full()) spelling(words, hits)
}

function phone(query: Query, hits: Hits): void {
  const digits = query.phone
  if (digits === null) return
  const check = (text: string) => (hasPhone(text, digits) ? tier.contact : null)
  for (const list of hits.index.lists(phoneEndKey(digits)) ?? []) hits.scan(list, check, tier.contact)
  for (const list of hits.index.lists(phoneStartKey(digits)) ?? []) hits.scan(list, check, tier.contact)
}

/** By its first or last digits; a country code may be missing on either side. */
function hasPhone(text: string, digits: string): boolean {
  for (let at = text.indexOf('\n#'); at >= 0; at = text.indexOf('\n#', at + 1)) {
    const number = text.slice(at + 2, text.indexOf('\n', at + 1))
    if (number.startsWith(digits) || number.endsWith(digits)) return true
    if (number.length >= 7 && digits.endsWith(number)) return true
  }
  return false
}

/** "nextdoor" for "Next Door": a cut where the left half is a whole word of some record. */
function splitWord(query: Query, hits: Hits): void {
  const word = query.words.length === 1 ? (query.words[0] as string) : ''
  for (let cut = 2; cut <= word.length - 2; cut++) {
    const left = holding(word.slice(0, cut), hits)
    const right = left && starting(word.slice(cut), hits)
    if (!left || !right) continue
    candidates([left, right], hits, phraseCheck(`${word.slice(0, cut)} ${word.slice(cut)}`), [
      tier.fieldWord,
      tier.phraseWord,
    ])
    if (hits.full()) return
  }
}

function relaxed(query: Query, hits: Hits): void {
  for (const words of query.relaxed) {
    if (hits.full()) return
    const check = wordsCheck(words)
    const found = (text: string) => (check(text) === null ? null : tier.relaxed)
    candidates(
      words.map((word) => starting(word, hits)),
      hits,
      found,
      [tier.relaxed, tier.relaxed],
    )
  }
}

/** Inside a part number: the rarest three characters of the fragment lead to the candidates. Letters alone are a word. */
function fragment(query: Query, hits: Hits): void {
  const code = query.joined
  if (!/\d/.test(code)) return
  const check = (text: string) => (text.indexOf(code, text.indexOf('\n%')) > 0 ? tier.inner : null)
  for (const list of hits.index.fragments(code) ?? []) hits.scan(list, check, tier.inner)
}

/** "wheel" for "Flywheel": the words that hold it lead to their records. Not in addresses: "ail" is in every gmail. */
function insideWord(query: Query, hits: Hits): void {
  if (query.words.length !== 1 || query.joined.length < 3) return
  for (const key of hits.index.wordsWith(query.joined, 64)) {
    if (hits.full()) return
    const names = hits.index.lists(key) ?? []
    for (const list of names) hits.take(list, tier.inner)
  }
}

/** Where the words stand next to each other in this order, and how well. */
function phraseCheck(phrase: string): (text: string) => Tier | null {
  const inside = ` ${phrase}`
  const start = `\n ${phrase}`
  return (text) => {
    if (!text.includes(inside)) return null
    let best: Tier | null = null
    for (let at = text.indexOf(start); at >= 0; at = text.indexOf(start, at + 1)) {
      const next = text[at + start.length]
      if (next === '\n') return tier.exact
      if (next === ' ') best = tier.fieldWord
      else best ??= tier.field
    }
    if (best !== null) return best
    return text.includes(`${inside} `) || text.includes(`${inside}\n`) ? tier.phraseWord : tier.phrase
  }
}

/** All words in any order, each as the beginning of a word. */
function wordsCheck(words: readonly string[]): (text: string) => Tier | null {
  const starts = words.map((word) => ` ${word}`)
  const first = `\n${starts[0]}`
  return (text) => {
    for (const start of starts) if (!text.includes(start)) return null
    return text.includes(first) ? tier.firstWord : tier.allWords
  }
}
