// The ways to answer a query, best first. A pass is a few steps, each of which adds hits at its tiers; the next step runs
// only while the answer is not full, so common keystrokes end after a few look-ups. A new pass is one more function and
// one more line.
import { contactMark, contactWord, lineKey, pairKey, phoneEndKey, phoneStartKey } from './document.ts'
import { type Check, type Hits, type Tier, tier, tiersInPass } from './hits.ts'
import { Common, only } from './intersect.ts'
import { isLegalForm, type Query } from './query.ts'
import { type Neighbours, noSlots, type Run, type Slots, type Source } from './source.ts'

/** One way to look. */
interface Step {
  /** The best tier that it can find. */
  best: Tier
  run: (asked: Asked, hits: Hits) => void
}

const step = (best: Tier, run: Step['run']): Step => ({ best, run })

interface Pass {
  /** For an explanation. */
  name: string
  steps: (query: Query, found: Found) => readonly Step[]
}

/** What the passes before have found, and where the next one looks. */
export type Found = Pick<Hits, 'pass' | 'count' | 'best'>

const passes: readonly Pass[] = [
  { name: 'whole field', steps: exact },
  { name: 'e-mail address', steps: email },
  { name: 'as typed', steps: ({ words }) => together(words) },
  { name: 'with another Inc or the like', steps: sameCompany },
  { name: 'words in any order', steps: ({ words }) => inAnyOrder(words) },
  { name: 'closed up', steps: joined },
  { name: 'other spelling', steps: otherSpellings },
  { name: 'cut in two', steps: splitWord },
  { name: 'word of an e-mail address', steps: contact },
  { name: 'phone number', steps: phone },
  { name: 'without "and", Inc and the like', steps: relaxed },
  { name: 'inside a part number', steps: fragment },
  { name: 'inside a word', steps: insideWord },
  { name: 'one wrong keystroke', steps: typo },
  { name: 'inside a part number, beside other words', steps: fragmentBeside },
  { name: 'all words but one', steps: dropOne },
]

/** What is forgiven begins at this tier. */
const firstForgiven = passes.findIndex(({ steps }) => steps === typo) * tiersInPass

/** The name of the pass that a hit of this tier comes from; without a query there is none. */
export const passOf = (at: Tier): string => passes[Math.floor(at / tiersInPass)]?.name ?? 'no query'

/** The steps of all passes, best first. What was found so far decides on the later ones: take one after the other. */
export function* stepsFor(query: Query, found: Found): Generator<Step> {
  for (const [place, pass] of passes.entries()) {
    found.pass = place
    yield* pass.steps(query, found)
  }
}

/** Runs the passes over all sources until the answer is full. In plain loops: a generator takes a tenth of the time. */
export function runPasses(query: Query, sources: readonly Source[], hits: Hits): void {
  const all = sources.map((source) => new Asked(source))
  for (let place = 0; place < passes.length; place++) {
    hits.pass = place
    if (hits.full(tier.name)) return
    for (const { best, run } of (passes[place] as Pass).steps(query, hits)) {
      // A later step of the pass may be better: several spellings each begin with their best.
      if (hits.full(best)) continue
      for (const asked of all) run(asked, hits)
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
    step(tier.name, ({ source }, hits) => {
      const [names, others] = source.lists(key)
      hits.scan(source, only(names), check, tier.name)
      hits.take(source, others, tier.exact)
    }),
  ]
}

function email(query: Query): Step[] {
  if (query.email === null) return []
  const { text, words } = query.email
  // "@acme" is a domain; anything else may be the beginning of an address.
  const best = text.startsWith('@') ? tier.field : tier.exact
  const start = `\n@${text}`
  // Each address stands behind a mark that is an @ as well: "@kim" is no domain in "@kim@acme.com".
  const check = (candidate: string) => {
    if (candidate.includes(start)) return tier.exact
    for (let at = candidate.indexOf(text); at >= 0; at = candidate.indexOf(text, at + 1)) {
      if (candidate[at - 1] !== '\n') return tier.field
    }
    return null
  }
  return [
    step(best, (asked, hits) => {
      // An @ says that an address is meant, so words too short to look for otherwise count, too.
      const common = new Common(words.map((word) => asked.source.starting(contactMark + word).slots[0]))
      hits.scan(asked.source, common, check, best)
    }),
  ]
}

/** The words next to each other. */
function together(words: readonly string[]): Step[] {
  if (words.length === 0) return []
  return words.length === 1 ? oneWord(words[0] as string) : phrase(words)
}

function oneWord(word: string): Step[] {
  const begun = (slot: 'first' | 'later', at: Tier) =>
    step(at, (asked, hits) => {
      const known = asked.begun(word)
      if (known.exact) hits.take(asked.source, known[slot], at)
      else hits.scan(asked.source, only(known[slot]), phraseCheck(word), at)
    })
  const whole = (slot: 'first' | 'later', at: Tier) =>
    step(at, (asked, hits) => hits.take(asked.source, asked.whole(word)[slot], at))
  return [
    whole('first', tier.fieldWord),
    begun('first', tier.field),
    whole('later', tier.phraseWord),
    begun('later', tier.phrase),
  ]
}

/** All words next to each other, the last one perhaps only begun: whole first, for those are rarer and better. */
function phrase(words: readonly string[]): Step[] {
  const last = words.at(-1) as string
  const check = () => phraseCheck(words.join(' '))
  const ahead: Part[] = words.slice(0, -1).map((word) => (asked) => asked.whole(word))
  const pairs: Part[] = []
  for (const [i, word] of words.slice(0, -1).entries()) {
    const key = pairKey(word, words[i + 1] as string)
    if (key !== null) pairs.push(({ source }) => wordOf(source.lists(key)))
  }
  // A pair whose second word is one letter says as much as the list of all words that begin so, which is long.
  const begun: Part[] =
    last.length === 1 && pairs.length === ahead.length ? [] : [(asked) => asked.begun(last)]
  return [
    candidates(
      [...ahead, (asked) => asked.whole(last), ...pairs],
      [tier.fieldWord, tier.phraseWord],
      check,
      true,
    ),
    candidates([...ahead, ...begun, ...pairs], [tier.field, tier.phrase], check, true),
  ]
}

/** One word has no other order. */
const inAnyOrder = (words: readonly string[]): Step[] => (words.length > 1 ? [anywhere(words)] : [])

/** All words in the names, in any order. */
function anywhere(words: readonly string[]): Step {
  const parts = words.map(beginning)
  return candidates(parts, [tier.firstWord, tier.allWords], () => namesCheck(words))
}

const beginning =
  (word: string): Part =>
  (asked) =>
    asked.begun(word)

/** In a name or an address. */
const beginningAnywhere =
  (word: string): Part =>
  (asked) =>
    asked.starting(word)

/** All words, at least one of them in an e-mail address. */
function withAddress(words: readonly string[]): Step {
  return step(tier.address, (asked, hits) => {
    if (!has(asked, words)) return
    const all = words.map((word) => asked.starting(word))
    const check = wordsCheck(words, tier.address)
    for (const [i, word] of words.entries()) {
      const contacts = asked.contacts(word)
      if (contacts.all.length === 0) continue
      const parts = all.with(i, contacts)
      const needed = parts.every(({ exact }) => exact) ? null : check
      hits.scan(asked.source, new Common(parts.map(({ all }) => all)), needed, tier.address)
    }
  })
}

/** The same name, with another legal form or none: before the same words in any order. */
function sameCompany({ relaxed }: Query): Step[] {
  return relaxed.map((words) => {
    const start = `\n ${words.join(' ')}`
    const check = (text: string) => {
      for (let at = text.indexOf(start); at >= 0; at = text.indexOf(start, at + 1)) {
        const rest = text.slice(at + start.length, text.indexOf('\n', at + 1))
        if (rest === '') return tier.exact
        if (rest[0] === ' ' && rest.slice(1).split(' ').every(isLegalForm)) return tier.fieldWord
      }
      return null
    }
    return step(tier.exact, (asked, hits) => {
      const [first, ...others] = words.map((word) => asked.whole(word)) as [Word, ...Word[]]
      const common = new Common([first.first, ...others.map(({ all }) => all)])
      hits.scan(asked.source, common, check, tier.exact)
    })
  })
}

/** Where one word of several leads. */
interface Word {
  /** To the records that begin a field with it, and to the others. */
  first: readonly Run[]
  later: readonly Run[]
  /** Both. */
  all: readonly Run[]
  /** False when there are others among them, so that each text must be looked at. */
  exact: boolean
}

/** One of the things that a record must have. */
type Part = (asked: Asked) => Word

const wordOf = ([first, later]: Slots, exact = true): Word => ({
  first,
  later,
  all: first.length === 0 ? later : later.length === 0 ? first : [...first, ...later],
  exact,
})
const nothing = wordOf(noSlots)

/** A source that remembers what it was asked for in this query: passes ask for the same words again and again. */
export class Asked {
  readonly source: Source
  // Lists and not maps: there are few words, and V8 keeps each text that a map is asked for.
  private readonly words: string[] = []
  private readonly known: Known[] = []

  constructor(source: Source) {
    this.source = source
  }

  /** The records with a word of a name that begins so. */
  begun(word: string): Word {
    const known = this.of(word)
    known.begun ??= this.find(word)
    return known.begun
  }

  /** The records with exactly this word in a name. */
  whole(word: string): Word {
    const known = this.of(word)
    known.whole ??= wordOf(this.source.whole(word))
    return known.whole
  }

  neighbours(word: string): Neighbours {
    const known = this.of(word)
    known.neighbours ??= this.source.neighbours(word)
    return known.neighbours
  }

  /** The addresses with a word that begins so. */
  contacts(word: string): Word {
    const known = this.of(word)
    if (known.contacts === null) {
      const marked = contactWord(word)
      known.contacts = marked === null ? nothing : this.find(marked)
    }
    return known.contacts
  }

  /** The records with a word, or an address with a word, that begins so. */
  starting(word: string): Word {
    const known = this.of(word)
    known.starting ??= either(this.begun(word), this.contacts(word))
    return known.starting
  }

  private find(word: string): Word {
    const { slots, exact } = this.source.starting(word)
    return wordOf(slots, exact)
  }

  private of(word: string): Known {
    const at = this.words.indexOf(word)
    if (at >= 0) return this.known[at] as Known
    const known: Known = { begun: null, whole: null, neighbours: null, contacts: null, starting: null }
    this.words.push(word)
    this.known.push(known)
    return known
  }
}

interface Known {
  begun: Word | null
  whole: Word | null
  neighbours: Neighbours | null
  contacts: Word | null
  starting: Word | null
}

const either = (a: Word, b: Word): Word =>
  b.all.length === 0 ? a : { ...a, all: [...a.all, ...b.all], exact: a.exact && b.exact }

/**
 * What has all parts: first the records that begin a field with the first one, then the others. `best` are the best
 * tiers among both; where texts need no check they are those of all hits. Texts need it when a part is not exact, and
 * when `always`. A check must not tell more than the lists do, or the tier of a record would depend on the others.
 */
function candidates(
  parts: readonly Part[],
  best: readonly [begun: Tier, inside: Tier],
  checkFor: (at: Tier) => Check,
  always = false,
): Step {
  return step(best[0], (asked, hits) => {
    const words: Word[] = []
    for (const part of parts) {
      const word = part(asked)
      if (word.all.length === 0) return
      words.push(word)
    }
    const { first, later } = words[0] as Word
    const isChecked = always || words.some(({ exact }) => !exact)
    const all = words.map((word) => word.all)
    const scan = (runs: readonly Run[], at: Tier) =>
      hits.scan(asked.source, new Common(all.with(0, runs)), isChecked ? checkFor(at) : null, at)
    if (first.length > 0) {
      scan(first, best[0])
      if (hits.full(best[1])) return
    }
    if (later.length > 0) scan(later, best[1])
  })
}

function joined(query: Query): Step[] {
  return query.words.length > 1 ? oneWord(query.joined) : []
}

function otherSpellings(query: Query): Step[] {
  return query.otherSpellings.flatMap((words) => [...together(words), ...inAnyOrder(words)])
}

/** "nextdoor" for "Next Door": a cut where the left half is a whole word of some record. */
function splitWord(query: Query): Step[] {
  const word = query.words.length === 1 ? (query.words[0] as string) : ''
  if (word.length < 2 * shortestHalf) return []
  return [
    step(tier.fieldWord, (asked, hits) => {
      for (let cut = shortestHalf; cut <= word.length - shortestHalf; cut++) {
        const left = word.slice(0, cut)
        const holders = wordOf(asked.source.whole(left))
        if (holders.all.length === 0) continue
        const right = word.slice(cut)
        const check = () => phraseCheck(`${left} ${right}`)
        const parts: Part[] = [() => holders, beginning(right)]
        candidates(parts, [tier.fieldWord, tier.phraseWord], check, true).run(asked, hits)
      }
    }),
  ]
}

const shortestHalf = 2

function contact({ words }: Query): Step[] {
  return words.length === 0 ? [] : [withAddress(words)]
}

function phone(query: Query): Step[] {
  const digits = query.phone
  if (digits === null) return []
  const check = (text: string) => (hasPhone(text, digits) ? tier.allWords : null)
  return [phoneEndKey(digits), phoneStartKey(digits)].map((key) =>
    step(tier.allWords, ({ source }, hits) =>
      hits.scan(source, only(source.lists(key).flat()), check, tier.allWords),
    ),
  )
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

function relaxed(query: Query): Step[] {
  return query.relaxed.flatMap(scattered)
}

const scattered = (words: readonly string[]) => [anywhere(words), withAddress(words)]

const hasDigit = /\d/

function fragment({ joined }: Query): Step[] {
  return insideCode(joined, [])
}

/** For a query that finds nothing that was not forgiven. */
function fragmentBeside({ words }: Query, found: Found): Step[] {
  if (words.length < 2 || (found.count > 0 && found.best < firstForgiven)) return []
  return words.flatMap((word, i) => insideCode(word, words.toSpliced(i, 1)))
}

/** The rarest three characters of the fragment lead to the candidates. Letters alone are a word. */
function insideCode(code: string, others: readonly string[]): Step[] {
  if (code.length < 3 || !hasDigit.test(code)) return []
  const names = namesCheck(others)
  const check = (text: string) =>
    text.indexOf(code, text.indexOf('\n%')) > 0 && (others.length === 0 || names(text) !== null)
      ? tier.allWords
      : null
  return [
    step(tier.allWords, (asked, hits) => {
      const { source } = asked
      const beside = others.map((word) => asked.begun(word).all)
      if (beside.some(({ length }) => length === 0)) return
      hits.scan(source, new Common([...source.fragments(code), ...beside]), check, tier.allWords)
    }),
  ]
}

/** "wheel" for "Flywheel": the words that hold it lead to their records. Not in addresses: "ail" is in every gmail. */
function insideWord(query: Query): Step[] {
  if (query.words.length !== 1 || query.joined.length < 3) return []
  return [
    step(tier.allWords, ({ source }, hits) => {
      hits.take(source, source.containing(query.joined, mostWords), tier.allWords)
    }),
  ]
}

/** Words that a fragment is looked for in. */
const mostWords = 64
/** With so many strict hits nothing is forgiven: what was typed was meant. Several words that all fit are no accident. */
const enoughStrict = (words: readonly string[]) => (words.length === 1 ? 3 : 1)
/** Shorter words are not forgiven: too many others are one keystroke away. */
const shortestForgiven = 4

/**
 * One word is not what was typed, but one keystroke away from it; all others are as typed. Not when the query is a whole
 * field of some record: then it was meant.
 */
function typo({ words, joined }: Query, found: Found): Step[] {
  if (found.count >= enoughStrict(words) || found.best < tiersInPass) return []
  const steps = words.flatMap((word, i) =>
    word.length < shortestForgiven ? [] : forgiving(word, words.toSpliced(i, 1)),
  )
  if (words.length > 1 && joined.length >= shortestForgiven && hasDigit.test(joined))
    steps.push(...forgiving(joined, []))
  return steps
}

function forgiving(word: string, others: readonly string[]): Step[] {
  const ways = [
    ['whole', tier.fieldWord, tier.field],
    ['begun', tier.phraseWord, tier.phrase],
    ['loose', tier.firstWord, tier.allWords],
  ] as const
  return ways.map(([way, begun, inside]) =>
    candidates(
      [
        (asked) => (has(asked, others) ? wordOf(asked.neighbours(word)[way]) : nothing),
        ...others.map(beginningAnywhere),
      ],
      [begun, inside],
      (at) => wordsCheck(others, at),
    ),
  )
}

/** Cheaper to know than the neighbours of a word. */
const has = (asked: Asked, words: readonly string[]): boolean =>
  words.every((word) => asked.starting(word).all.length > 0)

/** For a query that finds nothing else. */
function dropOne({ words }: Query, found: Found): Step[] {
  return found.count > 0 || words.length < 2 ? [] : words.flatMap((_, i) => scattered(words.toSpliced(i, 1)))
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
function wordsCheck(words: readonly string[], at: Tier): Check {
  const starts = words.map((word) => ` ${word}`)
  return (text) => {
    for (const start of starts) if (!text.includes(start)) return null
    return at
  }
}

/** The same in names alone; their lines come before those of addresses. */
function namesCheck(words: readonly string[]): Check {
  const check = wordsCheck(words, tier.allWords)
  const first = `\n ${words[0]}`
  return (text) => {
    const end = text.indexOf(`\n${contactMark}`)
    const names = end < 0 ? text : text.slice(0, end)
    const found = check(names)
    return found !== null && names.includes(first) ? tier.firstWord : found
  }
}
