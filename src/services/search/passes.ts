// The ways to answer a query, best first. A pass is a few steps, each of which adds hits at its tiers; the next step runs
// only while the answer is not full, so common keystrokes end after a few look-ups. A new pass is one more function and
// one more line.
import { contactKey, lineKey, pairKey, phoneEndKey, phoneStartKey } from './document.ts'
import { type Check, type Hits, type Tier, tier } from './hits.ts'
import { inCommon } from './intersect.ts'
import type { Query } from './query.ts'
import type { Run, Slots, Source } from './source.ts'

type Step = (source: Source, hits: Hits) => void

interface Pass {
  /** For an explanation. */
  name: string
  steps: (query: Query, hits: Hits) => readonly Step[]
  /** True when it looks for something else than the query as typed. */
  variant?: boolean
}

const passes: readonly Pass[] = [
  { name: 'whole field', steps: exact },
  { name: 'e-mail address', steps: email },
  { name: 'as typed', steps: (query) => spelling(query.words) },
  { name: 'closed up', steps: joined, variant: true },
  { name: 'other spelling', steps: otherSpellings, variant: true },
  { name: 'phone number', steps: phone },
  { name: 'cut in two', steps: splitWord, variant: true },
  { name: 'without "and", Inc and the like', steps: relaxed },
  { name: 'inside a part number', steps: fragment },
  { name: 'inside a word', steps: insideWord },
  { name: 'one wrong keystroke', steps: typo },
  { name: 'all words but one', steps: dropOne },
]

/** Runs the passes over all sources until the answer is full. `onPass` hears each pass before its steps. */
export function runPasses(
  query: Query,
  sources: readonly Source[],
  hits: Hits,
  onPass?: (name: string) => void,
): void {
  for (const pass of passes) {
    onPass?.(pass.name)
    hits.variant = pass.variant ?? false
    for (const step of pass.steps(query, hits)) {
      for (const source of sources) step(source, hits)
      if (hits.full()) return
    }
  }
}

/** The whole name, the whole of another field, and "fr m94s-38" for the code FRM94S38, whatever else holds its pieces. */
function exact({ words }: Query): Step[] {
  if (words.length === 0) return []
  const key = lineKey(words)
  const typed = `\n ${words.join(' ')}\n`
  const closed = `\n ${words.join('')}\n`
  const check = (text: string) =>
    text.startsWith(typed) ? tier.name : text.includes(closed) ? tier.exact : null
  return [
    (source, hits) => {
      const [names, others] = source.lists(key)
      hits.scan(source, names, check, tier.name)
      hits.take(source, others, tier.exact)
    },
  ]
}

function email(query: Query): Step[] {
  if (query.email === null) return []
  const { text, word } = query.email
  const start = `\n${text.startsWith('@') ? '' : '@'}${text}`
  const check = (candidate: string) =>
    candidate.includes(start) ? tier.exact : candidate.includes(text) ? tier.field : null
  return [(source, hits) => hits.scan(source, contacts(word, source), check, tier.exact)]
}

function spelling(words: readonly string[]): Step[] {
  if (words.length === 0) return []
  return words.length === 1 ? oneWord(words[0] as string) : manyWords(words)
}

function oneWord(word: string): Step[] {
  const inside = ` ${word}`
  const begun = (source: Source, hits: Hits, slot: 0 | 1, at: Tier) => {
    const { slots, exact } = source.starting(word)
    if (exact) hits.take(source, slots[slot], at)
    else hits.scan(source, slots[slot], phraseCheck(word), at)
  }
  return [
    (source, hits) => hits.take(source, source.whole(word)[0], tier.fieldWord),
    (source, hits) => begun(source, hits, 0, tier.field),
    (source, hits) => hits.take(source, source.whole(word)[1], tier.phraseWord),
    (source, hits) => begun(source, hits, 1, tier.phrase),
    (source, hits) => {
      const check = (text: string) => (text.includes(inside) ? tier.contact : null)
      hits.scan(source, contacts(word, source), check, tier.contact)
    },
  ]
}

/** The addresses with a word that begins so, and perhaps others. */
function contacts(word: string, source: Source): readonly Run[] {
  const key = contactKey(word)
  return key === null ? [] : source.lists(key).flat()
}

/** Where one word of several leads: to all records that may hold it, and to those that begin a field with it. */
interface Word {
  first: readonly Run[]
  all: readonly Run[]
}

const named = ([first, later]: Slots): Word => ({ first, all: [...first, ...later] })
const reached = ({ first, all }: Word, contacts: readonly Run[]): Word => ({
  first,
  all: contacts.length === 0 ? all : [...all, ...contacts],
})
const starting = (word: string, source: Source): Word =>
  reached(named(source.starting(word).slots), contacts(word, source))
const holding = (word: string, source: Source): Word =>
  reached(named(source.whole(word)), contacts(word, source))

/** The words next to each other come before the same words anywhere. */
function manyWords(words: readonly string[]): Step[] {
  return [
    ...phrase(words),
    (source, hits) => {
      const all = words.map((word) => starting(word, source))
      candidates(all, source, hits, wordsCheck(words), [tier.firstWord, tier.allWords])
    },
  ]
}

/** All words next to each other, the last one perhaps only begun: whole first, for those are rarer and better. */
function phrase(words: readonly string[]): Step[] {
  const last = words.at(-1) as string
  const keys = words.slice(0, -1).map((word, i) => pairKey(word, words[i + 1] as string))
  const check = phraseCheck(words.join(' '))
  const ahead = (source: Source) => [
    ...words.slice(0, -1).map((word) => holding(word, source)),
    ...keys.filter((key) => key !== null).map((key) => named(source.lists(key))),
  ]
  return [
    (source, hits) =>
      candidates([...ahead(source), holding(last, source)], source, hits, check, [
        tier.fieldWord,
        tier.phraseWord,
      ]),
    (source, hits) => {
      // A pair whose second word is one letter says as much as the list of all words that begin so, which is long.
      const begun = last.length === 1 && keys.at(-1) !== null ? [] : [starting(last, source)]
      candidates([...ahead(source), ...begun], source, hits, check, [tier.field, tier.phrase])
    },
  ]
}

/**
 * Scans what all words have in common; nothing when one of them is missing. Records that begin a field with the first
 * word come first; `best` are the best tiers that may be left among those and among the others.
 */
function candidates(
  words: readonly Word[],
  source: Source,
  hits: Hits,
  check: Check,
  best: readonly [begun: Tier, inside: Tier],
): void {
  if (words.some(({ all }) => all.length === 0)) return
  const [{ first, all }, ...others] = words as [Word, ...Word[]]
  const rest = others.map((word) => word.all)
  if (first.length > 0) {
    const begun = inCommon([first, ...rest])
    hits.scan(source, begun.runs, check, best[0], begun.holds)
    if (hits.full()) return
  }
  const later = all.filter((run) => !first.includes(run))
  if (later.length === 0) return
  const inside = inCommon([later, ...rest])
  hits.scan(source, inside.runs, check, best[1], inside.holds)
}

function joined(query: Query): Step[] {
  return query.words.length > 1 ? oneWord(query.joined) : []
}

function otherSpellings(query: Query): Step[] {
  return query.otherSpellings.flatMap(spelling)
}

function phone(query: Query): Step[] {
  const digits = query.phone
  if (digits === null) return []
  const check = (text: string) => (hasPhone(text, digits) ? tier.contact : null)
  return [
    (source, hits) => {
      hits.scan(source, source.lists(phoneEndKey(digits)).flat(), check, tier.contact)
      hits.scan(source, source.lists(phoneStartKey(digits)).flat(), check, tier.contact)
    },
  ]
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
function splitWord(query: Query): Step[] {
  const word = query.words.length === 1 ? (query.words[0] as string) : ''
  const cuts: Step[] = []
  for (let cut = 2; cut <= word.length - 2; cut++) {
    const [left, right] = [word.slice(0, cut), word.slice(cut)]
    const check = phraseCheck(`${left} ${right}`)
    cuts.push((source, hits) => {
      const holders = holding(left, source)
      if (holders.all.length === 0) return
      candidates([holders, starting(right, source)], source, hits, check, [tier.fieldWord, tier.phraseWord])
    })
  }
  return cuts
}

function relaxed(query: Query): Step[] {
  return query.relaxed.map((words) => anywhere(words, tier.relaxed))
}

/** All words of a record, in any order, at one tier. */
function anywhere(words: readonly string[], at: Tier): Step {
  const check = wordsCheck(words)
  const found = (text: string) => (check(text) === null ? null : at)
  return (source, hits) =>
    candidates(
      words.map((word) => starting(word, source)),
      source,
      hits,
      found,
      [at, at],
    )
}

const hasDigit = /\d/

/** Inside a part number: the rarest three characters of the fragment lead to the candidates. Letters alone are a word. */
function fragment(query: Query): Step[] {
  const code = query.joined
  if (code.length < 3 || !hasDigit.test(code)) return []
  const check = (text: string) => (text.indexOf(code, text.indexOf('\n%')) > 0 ? tier.inner : null)
  return [(source, hits) => hits.scan(source, source.fragments(code).flat(), check, tier.inner)]
}

/** "wheel" for "Flywheel": the words that hold it lead to their records. Not in addresses: "ail" is in every gmail. */
function insideWord(query: Query): Step[] {
  if (query.words.length !== 1 || query.joined.length < 3) return []
  return [
    (source, hits) => {
      for (const slots of source.containing(query.joined, 64)) hits.take(source, slots.flat(), tier.inner)
    },
  ]
}

/** With so many strict hits nothing is forgiven: what was typed was meant. */
const enoughStrict = 3
/** Shorter words are not forgiven: too many others are one keystroke away. */
const shortestForgiven = 4

/** One word is not what was typed, but one keystroke away from it; all others are as typed. */
function typo(query: Query, hits: Hits): Step[] {
  if (hits.count >= enoughStrict) return []
  const { words } = query
  const steps = words.flatMap((word, i) =>
    word.length < shortestForgiven ? [] : [forgiving(word, words.toSpliced(i, 1))],
  )
  if (words.length > 1 && hasDigit.test(query.joined)) steps.push(forgiving(query.joined, []))
  return steps
}

function forgiving(word: string, others: readonly string[]): Step {
  const check = wordsCheck(others)
  return (source, hits) => {
    const rest = others.map((other) => starting(other, source))
    if (rest.some(({ all }) => all.length === 0)) return
    const { whole, begun, loose } = source.neighbours(word)
    for (const [slots, at] of [
      [whole, tier.typo],
      [begun, tier.typoBegun],
      [loose, tier.typoLoose],
    ] as const) {
      const { first, all } = named(slots)
      if (others.length > 0) {
        const found = (text: string) => (check(text) === null ? null : at)
        candidates([{ first, all }, ...rest], source, hits, found, [at, at])
        continue
      }
      hits.take(source, first, at)
      hits.take(source, all, at + 0.5)
    }
  }
}

/** For a query that finds nothing else. */
function dropOne({ words }: Query, hits: Hits): Step[] {
  if (hits.count > 0 || words.length < 2) return []
  return words.map((_, i) => anywhere(words.toSpliced(i, 1), tier.dropped))
}

/** Where the words stand next to each other in this order, and how well. */
function phraseCheck(phrase: string): Check {
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
function wordsCheck(words: readonly string[]): Check {
  const starts = words.map((word) => ` ${word}`)
  const first = `\n${starts[0]}`
  return (text) => {
    for (const start of starts) if (!text.includes(start)) return null
    return text.includes(first) ? tier.firstWord : tier.allWords
  }
}
