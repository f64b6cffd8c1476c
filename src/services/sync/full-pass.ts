// One full pass over one entity: every record of QuickBooks is read, and what differs is repaired.
// Good data is never replaced by nothing: a record is dropped only after a complete pass did not see it, count(*) agrees
// and QuickBooks, asked for it by its id, does not know it either; and many records only after two such passes.

import { AppError } from '../../errors.ts'
import type { Cache, Checkpoint } from '../cache/cache.ts'
import { DAY_MS } from '../clock.ts'
import type { CachedRow, Entity } from '../entities/index.ts'
import type { Log } from '../log.ts'
import type { QboReader } from '../qbo/client.ts'
import type { SearchService } from '../search/search.ts'
import type { Intake } from './intake.ts'
import { countOf, readAll } from './read-all.ts'
import { incomplete, parseRows, readAgainOrGone } from './records.ts'

/** Which company is connected, by its keyed hash. @throws AppError 409 when none is, or a person must reconnect. */
export type CurrentRealm = () => string

/** What one pass needs and reports to. */
export interface PassContext {
  realm: string
  entity: Entity
  qbo: QboReader
  /** The entity's state before the pass. */
  before: Checkpoint | undefined
  /** Its changes were looked at just before: what the pass finds gone was missed. */
  isLookedAt: boolean
  /** Accept that many records are gone: an admin has confirmed it. */
  force: boolean
  signal: AbortSignal
  onProgress(fetched: number, expected: number | undefined): void
}

/** What was done to one entity, in records. */
export interface PassReport {
  records: number
  changed: number
  removed: number
  setAside: number
  /** Of a full pass: what change data capture and webhooks should have brought before. */
  drift: number | null
}

/** That an entity was read, or failed to be: in a full pass, a look for changes, or because of webhooks. */
export interface EntityRun {
  entity: string
  kind: 'full' | 'changes' | 'webhook'
  /** Of a look for changes: of all entities together, which share a read. */
  durationMs: number
  /** Why it failed; undefined when it did not. */
  error: unknown
}

/** The services that a pass moves data between. */
export interface PassDeps {
  cache: Cache
  intake: Intake
  search: SearchService
  log: Log
}

/** An answer that would drop more records than this, and more than this share of all, is not believed at once. */
const FEW = 20
const SHARE = 0.1

/** Whether so many of `cached` records can be gone without that being asked twice. */
const isPlausible = (gone: number, cached: number): boolean => gone <= FEW || gone <= cached * SHARE

/** Whether these records can be gone without QuickBooks being asked twice. */
export async function arePlausible(
  cache: Cache,
  realm: string,
  { entity, records }: Pick<Checkpoint, 'entity' | 'records'>,
  gone: readonly { id: string }[],
): Promise<boolean> {
  if (isPlausible(gone.length, records)) return true
  const ids = gone.map(({ id }) => id)
  return isPlausible(await cache.countOf(realm, entity, ids), records)
}

/**
 * Runs the pass and brings cache and index up to date.
 * @throws AppError when QuickBooks did not deliver everything; whatever was committed by then is newer data and stays.
 */
export async function fullPass(deps: PassDeps, context: PassContext): Promise<PassReport> {
  const { realm, entity, before, signal } = context
  if (before?.lastFull == null)
    return await deps.intake.fill(realm, entity.name, signal, () => run(deps, context))
  const report = await run(deps, context)
  deps.search.tidy()
  return report
}

async function run(deps: PassDeps, context: PassContext): Promise<PassReport> {
  const { cache, intake } = deps
  const { realm, entity, before, signal } = context
  // Records tell their times in whole seconds.
  const { lastFull = null, completeAsOf = null } = before ?? {}
  const known = lastFull === null || completeAsOf === null ? null : Math.floor(completeAsOf / 1000) * 1000
  let changed = 0
  let late = 0

  async function store(rows: CachedRow[], askedAfter: number): Promise<void> {
    signal.throwIfAborted()
    count((await intake.upsert(realm, entity.name, rows, askedAfter)).upserts)
  }

  function count(upserts: readonly CachedRow[]): void {
    changed += upserts.length
    if (known !== null) late += upserts.filter(({ lastUpdated }) => lastUpdated < known).length
  }

  const { begun, seen, setAside, asOf } = await enumerate(deps, context, store)
  // What came in since, by a webhook, is no older than the pages.
  const unseen: string[] = []
  for await (const ids of cache.ids(realm, entity.name, begun))
    unseen.push(...ids.filter((id) => !seen.has(id)))
  const isExpected = context.force || (await mustBePlausible(deps, context, unseen, seen.size))
  // Those that QuickBooks still has, when it is asked for them by their ids, are kept and brought up to date.
  const { upserts, gone } = await readAgainOrGone(deps, context, entity, unseen)
  count(upserts)

  signal.throwIfAborted()
  const missed = context.isLookedAt && !isExpected ? gone.length : 0
  const drift = known === null ? null : late + missed
  const { removals } = await intake.remove(realm, entity.name, gone)
  const end = { setAside, asOf: knownAsOf(completeAsOf, asOf, setAside), drift }
  await cache.completePass(realm, entity.name, end)
  return { records: seen.size, changed, removed: removals.length, setAside, drift }
}

/**
 * As of when all is known after a reading at `time`. With records that could not be read, as before it: it may have been
 * the answer that was broken, so the next look asks for their changes again. For a day, since it may be the record.
 */
export function knownAsOf(before: number | null, time: number | null, setAside: number): number | null {
  const isHeld = setAside > 0 && before !== null && time !== null && time - before < DAY_MS
  return isHeld ? before : time
}

type Store = (rows: CachedRow[], askedAfter: number) => Promise<void>

interface Enumerated {
  /** The cache's `sequence` before the first page. */
  begun: number
  seen: Set<string>
  setAside: number
  /** QuickBooks' own time of the first page. */
  asOf: number | null
}

/** Reads all pages; when fewer came than QuickBooks says there are, reads them all once more. */
async function enumerate(deps: PassDeps, context: PassContext, store: Store): Promise<Enumerated> {
  try {
    return await enumerateOnce(deps, context, store)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'QBO_INCOMPLETE') throw error
    const { name } = context.entity
    deps.log.warn(
      { entity: name, reason: error.message },
      'QuickBooks did not send all it has, reading again',
    )
    return await enumerateOnce(deps, context, store)
  }
}

async function enumerateOnce(
  { cache, log }: PassDeps,
  { realm, entity, qbo, onProgress }: PassContext,
  store: Store,
): Promise<Enumerated> {
  const seen = new Set<string>()
  let nameless = 0
  let setAside = 0
  let reason: string | undefined
  let expected = 0
  let begun: number | undefined
  let asOf: number | null = null
  for await (const page of readAll(qbo, entity, () => cache.sequence(realm))) {
    const parsed = await parseRows(entity, page.rows)
    for (const id of parsed.ids) seen.add(id)
    nameless += page.rows.length - parsed.ids.length
    setAside += parsed.setAside
    reason ??= parsed.reason
    await store(parsed.rows, page.askedAfter)
    expected = page.expected
    begun ??= page.askedAfter
    asOf ??= page.time ?? null
    onProgress(seen.size + nameless, expected)
  }
  const total = seen.size + nameless
  const count = total === expected ? expected : await countOf(qbo, entity)
  if (total < count) throw incomplete(`QuickBooks sent ${total} of ${count} ${entity.name}.`)
  if (setAside > 0)
    log.warn({ entity: entity.name, setAside, reason }, 'Records set aside: they cannot be read')
  if (setAside * 2 > total) throw unreadableRecords(entity, setAside, total)
  return { begun: begun ?? 0, seen, setAside, asOf }
}

/**
 * Many records, or all, are gone only when the pass before this one did not see them either. Answers whether that is so.
 */
async function mustBePlausible(
  { cache, log }: PassDeps,
  { realm, entity, before }: PassContext,
  unseen: string[],
  seen: number,
): Promise<boolean> {
  const cached = before?.records ?? 0
  const all = seen === 0 && unseen.length > 0
  if (!all && isPlausible(unseen.length, cached)) return false
  const held = new Set(await cache.heldBack(realm, entity.name))
  const fresh = unseen.filter((id) => !held.has(id)).length
  if (held.size > 0 && isPlausible(fresh, cached)) {
    log.warn({ entity: entity.name, gone: unseen.length }, 'A second pass agrees that these records are gone')
    return true
  }
  await cache.holdBack(realm, entity.name, unseen)
  throw new AppError({
    code: 'QBO_DROP_HELD_BACK',
    status: 502,
    retry: 'never',
    message: `QuickBooks no longer shows ${unseen.length} of ${cached} ${entity.name}. That is more than is likely, so all were kept. They are dropped when the next full reading, by the clock or by POST /api/cache/refresh, does not find them either; with ?force=true at once.`,
  })
}

const unreadableRecords = (entity: Entity, setAside: number, total: number) =>
  new AppError({
    code: 'QBO_RECORDS_UNREADABLE',
    status: 502,
    retry: 'never',
    message: `${setAside} of ${total} ${entity.name} that QuickBooks sent cannot be read; the log says why. What was cached of them was kept.`,
  })
