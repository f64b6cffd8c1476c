// One full pass over one entity: QuickBooks → cache (one transaction a page) → index.
// Good data is never replaced by nothing: a record is dropped only after a complete pass did not see it and
// QuickBooks, asked for it by its id, does not know it either.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { AppError } from '../../errors.ts'
import type { Cache, Checkpoint, CommittedChange } from '../cache/cache.ts'
import { BadRecord, type CachedRow, type Entity, idOf } from '../entities/index.ts'
import type { Log } from '../log.ts'
import type { QboClient } from '../qbo/client.ts'
import { idsStatement } from '../qbo/statements.ts'
import type { SearchService } from '../search/search.ts'
import { countOf, readAll } from './read-all.ts'

/** What one pass needs and reports to. */
export interface PassContext {
  realm: string
  entity: Entity
  /** The entity's state before the pass. */
  before: Checkpoint | undefined
  /** Accept that many records are gone: an admin has confirmed it. */
  force: boolean
  signal: AbortSignal
  onProgress(fetched: number, expected: number | undefined): void
}

/** What a pass did, in records. */
export interface PassReport {
  records: number
  changed: number
  removed: number
  setAside: number
}

/** The services that a pass moves data between. */
export interface PassDeps {
  qbo: QboClient
  cache: Cache
  search: SearchService
  log: Log
}

/** Ids in one `Id IN (…)` query. */
const IDS_PER_QUERY = 200
/** A pass that would drop more than this many records, and more than a tenth of all, is not believed. */
const FEW = 20
const SHARE = 0.1

/**
 * Runs the pass and brings cache and index up to date.
 * @throws AppError when QuickBooks did not deliver everything; whatever was committed by then is newer data and stays.
 */
export async function fullPass(deps: PassDeps, context: PassContext): Promise<PassReport> {
  const { search } = deps
  const { entity, before, signal } = context
  if (before !== undefined && before.records > 0) {
    const report = await run(deps, context, (change) => search.apply({ entity: entity.name, ...change }))
    search.tidy()
    return report
  }
  // The first records: built once all are there, which costs a fraction of following page by page.
  const load = search.load(entity.name)
  try {
    return await run(deps, context, load.add)
  } finally {
    if (signal.aborted) load.cancel()
    else await load.finish()
  }
}

/** Shows a committed change to search. */
type Publish = (change: CommittedChange) => Promise<void>

async function run(deps: PassDeps, context: PassContext, publish: Publish): Promise<PassReport> {
  const { cache } = deps
  const { realm, entity, before, signal } = context
  const report: PassReport = { records: 0, changed: 0, removed: 0, setAside: 0 }

  /** Commits rows and shows them to search. */
  async function store(rows: CachedRow[]): Promise<void> {
    signal.throwIfAborted()
    const change = await cache.commitPage(realm, entity.name, rows)
    report.changed += change.upserts.length
    await publish(change)
  }

  const { seen, total, setAside, asOf } = await enumerate(deps, context, store)
  const unseen: string[] = []
  for await (const ids of cache.ids(realm, entity.name)) unseen.push(...ids.filter((id) => !seen.has(id)))
  if (unseen.length > 0) await mustBeAll(deps, context, total)
  if (!context.force) mustBePlausible(entity, unseen.length, before?.records ?? 0, seen.size)
  const gone = await confirmGone(deps, context, unseen, store)

  signal.throwIfAborted()
  const end = await cache.completePass(realm, entity.name, { gone, setAside, asOf })
  await publish(end)
  return { ...report, records: seen.size, removed: end.removals.length, setAside }
}

type Store = (rows: CachedRow[]) => Promise<void>

interface Enumerated {
  seen: Set<string>
  /** Rows, those without an id included. */
  total: number
  setAside: number
  asOf: number | null
}

/** Reads all pages; when fewer came than QuickBooks says there are, reads them all once more. */
async function enumerate(deps: PassDeps, context: PassContext, store: Store): Promise<Enumerated> {
  const { entity, before, signal } = context
  for (let attempt = 1; ; attempt++) {
    const seen = new Set<string>()
    let nameless = 0
    let setAside = 0
    let reason: string | undefined
    let expected: number | undefined
    let asOf: number | null = null
    for await (const page of readAll(deps.qbo, entity, signal)) {
      const parsed = await parseRows(entity, page.rows)
      for (const id of parsed.ids) seen.add(id)
      nameless += page.rows.length - parsed.ids.length
      setAside += parsed.setAside
      reason ??= parsed.reason
      await store(parsed.rows)
      expected = page.expected
      asOf ??= page.time ?? null
      context.onProgress(seen.size + nameless, expected)
    }
    const total = seen.size + nameless
    const complete = total === (expected ?? before?.records)
    const count = complete ? total : await countOf(deps.qbo, entity, signal)
    if (total >= count) {
      if (setAside > 0)
        deps.log.warn({ entity: entity.name, setAside, reason }, 'Records set aside: they cannot be read')
      if (setAside * 2 > total) throw unreadableRecords(entity, setAside, total)
      return { seen, total, setAside, asOf }
    }
    if (attempt === 2) throw incomplete(entity, total, count)
    deps.log.warn(
      { entity: entity.name, received: total, count },
      'QuickBooks sent fewer records than it has, reading again',
    )
  }
}

interface ParsedRows {
  rows: CachedRow[]
  /** Ids of all rows that have one, bad ones included. */
  ids: string[]
  setAside: number
  /** Why the first one was set aside. */
  reason: string | undefined
}

/** Rows parsed between two turns of the event loop: about 1 ms of work. */
const SLICE_ROWS = 100

/** Records in the form of the cache; a bad one is counted and set aside, and what is cached of it stays. */
async function parseRows(entity: Entity, raws: unknown[]): Promise<ParsedRows> {
  const parsed: ParsedRows = { rows: [], ids: [], setAside: 0, reason: undefined }
  for (const [i, raw] of raws.entries()) {
    if (i % SLICE_ROWS === 0) await nextTurn()
    const id = idOf(raw)
    if (id !== null) parsed.ids.push(id)
    try {
      const record = entity.parse(raw)
      parsed.rows.push({ ...record, json: JSON.stringify(raw) })
    } catch (error) {
      if (!(error instanceof BadRecord)) throw error
      parsed.setAside += 1
      parsed.reason ??= error.message
    }
  }
  return parsed
}

/** Asks for each unseen record by id; those that QuickBooks still has are kept and brought up to date. */
async function confirmGone(
  { qbo }: PassDeps,
  { entity, signal }: PassContext,
  unseen: string[],
  store: Store,
): Promise<string[]> {
  const gone = new Set(unseen)
  for (let start = 0; start < unseen.length; start += IDS_PER_QUERY) {
    const ids = unseen.slice(start, start + IDS_PER_QUERY)
    const { rows } = await qbo.query(entity.qbo, idsStatement(entity, ids), signal)
    const alive = await parseRows(entity, rows)
    // A row without an id may be any of them.
    const unclear = alive.ids.length < rows.length
    for (const id of unclear ? ids : alive.ids) gone.delete(id)
    await store(alive.rows)
  }
  return [...gone]
}

/** Records seem gone: what was read must be all that there is, or an answer cut short would pass for a deletion. */
async function mustBeAll(deps: PassDeps, { entity, signal }: PassContext, total: number): Promise<void> {
  const count = await countOf(deps.qbo, entity, signal)
  if (total < count) throw incomplete(entity, total, count)
}

function mustBePlausible(entity: Entity, unseen: number, cached: number, seen: number): void {
  const nothingLeft = seen === 0 && unseen > 0
  const tooMany = unseen > FEW && unseen > cached * SHARE
  if (!nothingLeft && !tooMany) return
  throw new AppError({
    code: 'QBO_DROP_HELD_BACK',
    status: 502,
    retry: 'never',
    message: `QuickBooks no longer shows ${unseen} of ${cached} ${entity.name}. That is more than is likely, so all were kept. If they are truly gone, confirm with POST /api/cache/refresh?force=true.`,
  })
}

const incomplete = (entity: Entity, received: number, count: number) =>
  new AppError({
    code: 'QBO_INCOMPLETE',
    status: 502,
    retry: 'later',
    message: `QuickBooks sent ${received} of ${count} ${entity.name}. None was dropped; it is tried again.`,
  })

const unreadableRecords = (entity: Entity, setAside: number, total: number) =>
  new AppError({
    code: 'QBO_RECORDS_UNREADABLE',
    status: 502,
    retry: 'never',
    message: `${setAside} of ${total} ${entity.name} that QuickBooks sent cannot be read; the log says why. What was cached of them was kept.`,
  })
