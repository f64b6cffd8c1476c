// The searches of the soak: what people type into every field of a company, sent by the clock whether or not the answers
// keep up, and what an answer has to be. A latency counts from when its request was due.
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { pick } from '../simulator/random.ts'
import type { Company } from '../simulator/simulator.ts'
import { keystrokes } from './service.ts'
import { createTally, type Tally } from './soak-notes.ts'

/** One search, and what its answer has to be. */
export interface Search {
  path: string
  q: string
  /** Whose tag is sent along, when there is one. */
  tagOf?: string
  limit: number
  groups?: number
  isHighlighted?: boolean
  /** A record that must be among the results. */
  id?: string
}

/** Different searches; of each a thousandth of the load. */
const DIFFERENT = 20_000

/** What people look for in an index. */
function lists(company: Company): Record<string, string[]> {
  const texts = (entity: string, field: string) =>
    company.list(entity).flatMap((record) => (typeof record[field] === 'string' ? [record[field]] : []))
  const customers = texts('Customer', 'DisplayName')
  const vendors = texts('Vendor', 'DisplayName')
  const items = texts('Item', 'Name')
  const invoices = texts('Invoice', 'DocNumber')
  return {
    client_names: customers,
    vendor_names: vendors,
    product_names: items,
    product_descriptions: texts('Item', 'Description'),
    part_names: items,
    part_numbers: items,
    invoices: [...invoices, ...customers.slice(0, invoices.length)],
    estimates: texts('Estimate', 'DocNumber'),
    purchase_orders: [...texts('PurchaseOrder', 'DocNumber'), ...vendors],
    bills: [...texts('Bill', 'DocNumber'), ...vendors],
    client_pos: [...invoices, ...customers.slice(0, invoices.length)],
  }
}

/** Where most people search; the others get a part of what is left. */
const BUSY = ['part_numbers', 'client_names', 'part_numbers', 'product_names', 'client_names']

/** Searches in the order in which they are sent, again and again. Records of `edited` are not counted on. */
export function createSearches(company: Company, random: () => number, edited: Set<string>): Search[] {
  const typed = Object.fromEntries(
    Object.entries(lists(company)).map(([index, texts]) => [index, keystrokes(texts, 5_000)]),
  )
  const indexes = Object.keys(typed).filter((index) => (typed[index]?.length ?? 0) > 0)
  const any = <T>(list: readonly T[]) => pick(list, Math.floor(random() * 2 ** 31))
  const known = knownRecords(company, edited)

  return Array.from({ length: DIFFERENT }, (_, i): Search => {
    const index = i % 4 === 0 ? any(indexes) : any(BUSY)
    const q = any(typed[index] ?? [])
    const path = pathOf(index, q)
    const plain = { path, q, limit: 15 }
    switch (i % 25) {
      case 0:
        return any(known)
      case 1:
      case 2: {
        const wrong = withTypo(q, random)
        return { ...plain, q: wrong, path: pathOf(index, wrong) }
      }
      case 3:
      case 4: {
        const limit = any([5, 30, 100])
        return { ...plain, limit, path: `${path}&limit=${limit}` }
      }
      case 5:
      case 6:
        return { ...plain, path: `${path}&highlight=true`, isHighlighted: true }
      case 7: {
        const some = ['client_names', 'part_numbers', 'invoices']
        const many = `/api/search?q=${encodeURIComponent(q)}&indexes=${some}`
        return { ...plain, path: many, limit: some.length * 15, groups: some.length }
      }
      case 8:
      case 9:
        return { ...plain, tagOf: index }
      case 10:
        return { ...plain, path: `${path}&active=all&sort=name&offset=5` }
      default:
        return plain
    }
  })
}

const pathOf = (index: string, q: string) => `/api/search/${index}?q=${encodeURIComponent(q)}`

/** Two letters in the wrong order, where there are enough to still know what is meant. */
function withTypo(q: string, random: () => number): string {
  if (q.length < 5) return q
  const at = 1 + Math.floor(random() * (q.length - 3))
  return `${q.slice(0, at)}${q[at + 1]}${q[at]}${q.slice(at + 2)}`
}

/** Active records with a name that is theirs alone, by their whole name. */
function knownRecords(company: Company, edited: Set<string>): Search[] {
  const all = [
    ...company.list('Customer').map((one) => ({ one, name: one.DisplayName, index: 'client_names' })),
    ...company.list('Item').map((one) => ({ one, name: one.Name, index: 'part_numbers' })),
  ].filter(({ one }) => one.Active === true && one.Type !== 'Category')
  const key = (index: string, name: unknown) =>
    `${index} ${String(name)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}]/gu, '')}`
  const seen = new Map<string, number>()
  for (const { index, name } of all) seen.set(key(index, name), (seen.get(key(index, name)) ?? 0) + 1)
  return all
    .filter(({ one, index, name }) => seen.get(key(index, name)) === 1 && !edited.has(one.Id))
    .map(({ one, name, index }) => {
      const q = String(name)
      return { path: pathOf(index, q), q, limit: 15, id: one.Id }
    })
}

interface Result {
  id?: unknown
  type?: unknown
  highlights?: unknown
}

/** What is wrong with the body of an answer; undefined when nothing is. */
export function faultOf(search: Search, body: string): string | undefined {
  let answer: { query?: unknown; total?: unknown; results?: unknown; groups?: unknown }
  try {
    answer = JSON.parse(body)
  } catch {
    return 'is not JSON'
  }
  if (answer.query !== search.q) return 'is about another query'
  const groups = (search.groups === undefined ? [answer] : answer.groups) as { results?: unknown }[]
  if (!Array.isArray(groups) || groups.length !== (search.groups ?? 1)) return 'lacks a group'
  if (!groups.every(({ results }) => Array.isArray(results))) return 'lacks its results'
  const results = groups.flatMap((group) => group.results as Result[])
  if (answer.total !== results.length || results.length > search.limit)
    return 'has the wrong number of results'
  if (!results.every(({ id, type }) => typeof id === 'string' && typeof type === 'string'))
    return 'has a result without id or type'
  if (search.isHighlighted && !results.every(({ highlights }) => typeof highlights === 'object'))
    return 'lacks highlights'
  if (search.id !== undefined && !results.some(({ id }) => id === search.id)) return 'misses a known record'
  return undefined
}

/** What came of a load. Times are milliseconds, histograms count microseconds. */
export interface Load {
  sent: number
  answered: number
  notModified: number
  known: number
  errors: Tally
  latency: RecordableHistogram
  /** Of the time since it was reset. */
  recent: RecordableHistogram
  /** How late requests left here: so much of a latency is not the service's. */
  late: RecordableHistogram
  /** The longest latency of the requests that were due in each second. */
  worst: number[]
}

export interface LoadOptions {
  url: string
  key: string
  perSecond: number
  searches: readonly Search[]
  /** Ends the sending; what is under way is waited for. */
  signal: AbortSignal
}

const CONNECTIONS = 64
/** An answer later than this is an error. */
const PATIENCE_MS = 30_000

/** Begins at once; `done` resolves when every request has its answer. */
export function offerLoad(options: LoadOptions): { load: Load; done: Promise<void> } {
  const { url, perSecond, searches, signal } = options
  const pool = new Pool(url, {
    connections: CONNECTIONS,
    headersTimeout: PATIENCE_MS,
    bodyTimeout: PATIENCE_MS,
  })
  const authorization = `Bearer ${options.key}`
  const tags = new Map<string, string>()
  const open = new Set<Promise<void>>()
  const load: Load = {
    ...{ sent: 0, answered: 0, notModified: 0, known: 0 },
    errors: createTally(),
    ...{ latency: createHistogram(), recent: createHistogram(), late: createHistogram() },
    worst: [],
  }
  const started = performance.now()

  async function send(search: Search, due: number): Promise<void> {
    const tag = search.tagOf === undefined ? undefined : tags.get(search.tagOf)
    try {
      const { statusCode, headers, body } = await pool.request({
        ...{ path: search.path, method: 'GET' },
        headers: tag === undefined ? { authorization } : { authorization, 'if-none-match': tag },
      })
      const text = await body.text()
      const fault =
        statusCode === 304 && tag !== undefined
          ? text === '' || 'is 304 with a body'
          : statusCode === 200
            ? (faultOf(search, text) ?? true)
            : `is ${statusCode}`
      if (fault !== true) load.errors.add(`answer ${fault}`)
      if (statusCode === 304) load.notModified += 1
      if (search.id !== undefined) load.known += 1
      if (search.tagOf !== undefined && typeof headers.etag === 'string') tags.set(search.tagOf, headers.etag)
      load.answered += 1
    } catch (error) {
      load.errors.add(`connection ${(error as { code?: string }).code ?? String(error)}`)
    }
    const ms = performance.now() - due
    const us = Math.max(1, Math.round(ms * 1000))
    load.latency.record(us)
    load.recent.record(us)
    const second = Math.floor((due - started) / 1000)
    load.worst[second] = Math.max(load.worst[second] ?? 0, ms)
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const now = performance.now()
      const dueByNow = Math.floor(((now - started) * perSecond) / 1000)
      while (load.sent < dueByNow) {
        const due = started + (load.sent * 1000) / perSecond
        load.late.record(Math.max(1, Math.round((performance.now() - due) * 1000)))
        const answered = send(searches[load.sent % searches.length] as Search, due)
        open.add(answered)
        void answered.then(() => open.delete(answered))
        load.sent += 1
      }
      await delay(1)
    }
    await Promise.all(open)
    await pool.close()
  }
  return { load, done: run() }
}
