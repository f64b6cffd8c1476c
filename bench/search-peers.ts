// The peers of live search on names: what one would take instead, each used as its makers advise for a search box, and
// the floor that nothing can be faster than. All of them get the same texts and answer with at most 15 records.
import uFuzzy from '@leeoniya/ufuzzy'
import Database from 'better-sqlite3'
import { Index } from 'flexsearch'
import MiniSearch from 'minisearch'

export const LIMIT = 15

/** Takes the texts in; answers with a search that says how many records it found. */
export interface Peer {
  name: string
  build: (texts: string[]) => (query: string) => number
  /** Takes milliseconds a query: it is asked a sample. */
  slow: boolean
  /** Takes minutes or much memory at a million. */
  heavy: boolean
  /** Which queries make sense to it; all when absent. */
  asks?: (query: string) => boolean
}

function flexSearch(texts: string[]) {
  const index = new Index({ tokenize: 'forward' })
  for (const [id, text] of texts.entries()) index.add(id, text)
  return (query: string) => index.search(query, LIMIT).length
}

/** All words, as one expects who types a name; else a second word would find more, not less. */
function miniSearch(texts: string[]) {
  const index = new MiniSearch<{ id: number; text: string }>({
    fields: ['text'],
    searchOptions: { prefix: true, fuzzy: 0.2, combineWith: 'AND' },
  })
  index.addAll(texts.map((text, id) => ({ id, text })))
  return (query: string) => index.search(query).slice(0, LIMIT).length
}

/** One typo a word, words in any order; it ranks up to a thousand finds, as it does by itself. */
function fuzzy(texts: string[]) {
  const haystack = uFuzzy.latinize(texts)
  const index = new uFuzzy({ intraMode: 1 })
  return (query: string) => {
    const [found, info, order] = index.search(haystack, uFuzzy.latinize(query), 1)
    const best = info && order ? order.slice(0, LIMIT).map((at) => info.idx[at] ?? 0) : found
    return best?.slice(0, LIMIT).length ?? 0
  }
}

const longWords = (query: string) => query.match(/[\p{L}\p{N}]{3,}/gu) ?? []

/** Trigrams need three letters: shorter words are left out. */
function fullText(texts: string[]) {
  const db = new Database(':memory:')
  db.exec(`CREATE VIRTUAL TABLE names USING fts5(text, tokenize = 'trigram')`)
  const insert = db.prepare('INSERT INTO names (rowid, text) VALUES (?, ?)')
  db.transaction(() => {
    for (const [id, text] of texts.entries()) insert.run(id, text)
  })()
  const search = db
    .prepare(`SELECT rowid FROM names WHERE names MATCH ? ORDER BY rank LIMIT ${LIMIT}`)
    .pluck()
  return (query: string) =>
    search.all(
      longWords(query)
        .map((word) => `"${word}"`)
        .join(' '),
    ).length
}

/** To know the best, all have to be looked at: there is no early end. */
function scan(texts: string[]) {
  const lower = texts.map((text) => text.toLowerCase())
  return (query: string) => {
    const q = query.toLowerCase()
    const found: number[] = []
    for (const [id, text] of lower.entries()) if (text.includes(q)) found.push(id)
    return found.slice(0, LIMIT).length
  }
}

/** The distinct words in order and a record of each; looks up the beginning of the first word and nothing else. */
function floor(texts: string[]) {
  const recordOf = new Map<string, number>()
  for (const [id, text] of texts.entries()) {
    for (const word of text.toLowerCase().split(/[^\p{L}\p{N}]+/u)) {
      if (word !== '' && !recordOf.has(word)) recordOf.set(word, id)
    }
  }
  const words = [...recordOf.keys()].sort()
  const records = words.map((word) => recordOf.get(word) ?? 0)
  return (query: string) => {
    const start =
      query
        .toLowerCase()
        .split(/[^\p{L}\p{N}]+/u, 2)
        .find((word) => word !== '') ?? ''
    let [low, high] = [0, words.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((words[middle] ?? '') < start) low = middle + 1
      else high = middle
    }
    const found: number[] = []
    for (let i = low; found.length < LIMIT && words[i]?.startsWith(start); i++) found.push(records[i] ?? 0)
    return found.length
  }
}

export const peers: readonly Peer[] = [
  { name: 'FlexSearch forward', build: flexSearch, slow: false, heavy: false },
  { name: 'MiniSearch prefix, fuzzy 0.2', build: miniSearch, slow: true, heavy: true },
  { name: 'uFuzzy', build: fuzzy, slow: true, heavy: true },
  {
    name: 'SQLite FTS5 trigram',
    build: fullText,
    slow: true,
    heavy: true,
    asks: (query) => longWords(query).length > 0,
  },
  { name: 'substring scan', build: scan, slow: true, heavy: false },
  { name: 'floor: sorted words', build: floor, slow: false, heavy: false },
]
