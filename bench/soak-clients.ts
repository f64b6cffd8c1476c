// Everybody else who uses the service during the soak: monitors, an MRP that keeps a copy, pages that listen, an admin
// who refreshes and downloads.
import { setTimeout as delay } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { KEY } from './service.ts'
import type { Diary, Tally } from './soak-notes.ts'

export const SEARCH_KEY = 'soak-search-key'

export interface AskOptions {
  method?: 'GET' | 'POST'
  as?: 'admin' | 'search'
  /** Other statuses than 200 that are right. */
  also?: readonly number[]
}

/** The JSON of an answer, or its text as `text`; undefined when it was none that is right, which is counted. */
export type Ask = (path: string, options?: AskOptions) => Promise<Record<string, unknown> | undefined>

/** Asks over connections of its own, so that nothing waits for a search or makes one wait. */
export function createAsk(url: string, errors: Tally): { ask: Ask; close(): Promise<void> } {
  const dispatcher = new Agent({ connections: 32, headersTimeout: 300_000 })
  return {
    close: () => dispatcher.close(),
    async ask(path, { method = 'GET', as = 'admin', also = [] } = {}) {
      const route = path.split('?')[0]
      try {
        const headers = { authorization: `Bearer ${as === 'admin' ? KEY : SEARCH_KEY}` }
        const answer = await request(url + path, { method, dispatcher, headers })
        const text = await answer.body.text()
        const isRight = answer.statusCode === 200 || also.includes(answer.statusCode)
        if (!isRight) errors.add(`${route} answered ${answer.statusCode}`)
        if (!isRight) return undefined
        const isJson = String(answer.headers['content-type']).startsWith('application/json')
        return isJson ? { ...JSON.parse(text), status: answer.statusCode } : { text }
      } catch (error) {
        errors.add(`${route}: ${(error as { code?: string }).code ?? String(error)}`)
        return undefined
      }
    },
  }
}

export interface ClientDeps {
  url: string
  ask: Ask
  errors: Tally
  /** What was done, by its kind. */
  counts: Tally
  diary: Diary
  signal: AbortSignal
}

/** Does it again and again until the end of the soak. */
async function every(ms: number, signal: AbortSignal, work: () => Promise<unknown>): Promise<void> {
  while (!signal.aborted) {
    await work()
    await delay(ms, undefined, { signal }).catch(() => undefined)
  }
}

/** A monitor's probes. The connection must never be lost. */
export async function probe({ ask, errors, counts, signal }: ClientDeps): Promise<void> {
  const statuses = every(1_000, signal, async () => {
    const status = await ask('/api/cache/status')
    if (status !== undefined && status.connection_status !== 'connected')
      errors.add(`status ${status.connection_status}`)
    counts.add('looks at the status')
  })
  const healths = every(2_000, signal, () => ask('/api/health'))
  const metrics = every(5_000, signal, async () => {
    const answer = await ask('/metrics')
    if (answer !== undefined && !String(answer.text).includes('mrp_')) errors.add('/metrics without figures')
    counts.add('looks at the metrics')
  })
  await Promise.all([statuses, healths, metrics])
}

/** An admin who reads everything anew each while, and looks at the cached parts. */
export async function administer({ ask, counts, diary, signal }: ClientDeps): Promise<void> {
  let turn = 0
  const refreshes = every(10_000, signal, async () => {
    const what = turn % 2 === 0 ? 'full refresh' : 'look for changes'
    // What QuickBooks refuses is answered with 502, and 503 where there are no tokens for it.
    const path = `/api/cache/refresh?full=${turn % 2 === 0}`
    const answer = await diary.during(what, ask(path, { method: 'POST', also: [502, 503] }))
    counts.add(`${what} (${answer?.status ?? 'failed'})`)
    turn += 1
  })
  const downloads = every(30_000, signal, async () => {
    const answer = ask('/api/data/items?limit=1000')
    const { items } = ((await diary.during('download', answer)) ?? {}) as { items?: unknown[] }
    if (items !== undefined) counts.add('downloads')
  })
  await Promise.all([refreshes, downloads])
}

interface Change {
  entity: string
  id: string
  deleted: boolean
  record: { SyncToken?: string } | null
}

/** By entity and id the version of each record. */
type Copy = Map<string, string>

/** Reads on from a cursor to the end of the feed, and writes it into the copy. */
async function readFeed(ask: Ask, copy: Copy, cursor: string, limit: number): Promise<string> {
  for (let from = cursor; ; ) {
    const page = (await ask(`/api/changes?limit=${limit}&cursor=${encodeURIComponent(from)}`)) as
      | { changes: Change[]; cursor: string; has_more: boolean }
      | undefined
    if (page === undefined) return from
    for (const { entity, id, deleted, record } of page.changes) {
      if (deleted) copy.delete(`${entity} ${id}`)
      else copy.set(`${entity} ${id}`, String(record?.SyncToken))
    }
    from = page.cursor
    if (!page.has_more) return from
  }
}

/**
 * An MRP that keeps its copy equal, and another one that begins anew each while. Resolves to a last look: how many
 * records of the copy that was kept differ from one made anew.
 */
export async function keepCopies({ ask, counts, diary, signal }: ClientDeps): Promise<() => Promise<number>> {
  const copy: Copy = new Map()
  let cursor = ''
  const follower = every(1_000, signal, async () => {
    cursor = await readFeed(ask, copy, cursor, 500)
    counts.add('looks at the feed')
  })
  const beginner = every(60_000, signal, async () => {
    await delay(20_000, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    await diary.during('copy of everything', readFeed(ask, new Map(), '', 200))
    counts.add('copies of everything')
  })
  await Promise.all([follower, beginner])
  return async () => {
    const anew: Copy = new Map()
    const end = await readFeed(ask, anew, '', 1000)
    await Promise.all([readFeed(ask, copy, cursor, 500), readFeed(ask, anew, end, 500)])
    const keys = new Set([...copy.keys(), ...anew.keys()])
    return [...keys].filter((key) => copy.get(key) !== anew.get(key)).length
  }
}

/** A page that listens from begin to end, and others that come and go. */
export async function listen({ url, errors, counts, signal }: ClientDeps): Promise<void> {
  const dispatcher = new Agent({ bodyTimeout: 60_000 })
  async function stream(until: AbortSignal): Promise<void> {
    try {
      const headers = { authorization: `Bearer ${SEARCH_KEY}` }
      const { statusCode, body } = await request(`${url}/api/events`, { dispatcher, headers, signal: until })
      if (statusCode !== 200) return errors.add(`/api/events answered ${statusCode}`)
      for await (const chunk of body)
        counts.add('events heard', String(chunk).match(/^event: change$/gm)?.length ?? 0)
      errors.add('/api/events ended')
    } catch (error) {
      if (!until.aborted) errors.add(`/api/events: ${(error as { code?: string }).code ?? String(error)}`)
    }
  }
  const visitors = every(0, signal, () => stream(AbortSignal.any([signal, AbortSignal.timeout(10_000)])))
  await Promise.all([stream(signal), visitors])
  await dispatcher.close()
}
