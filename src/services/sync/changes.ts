// What changed since the last look, by change data capture (developer.intuit.com, Change data capture): one read for all
// entities. The time to ask from is QuickBooks' own, less an overlap, and what comes twice changes nothing. It never
// says that an answer was cut off, so one that may have been is not trusted: then the rest is read by query.

import { AppError } from '../../errors.ts'
import type { Checkpoint, Deletion } from '../cache/cache.ts'
import { DAY_MS } from '../clock.ts'
import { type Entity, idOf } from '../entities/index.ts'
import { CHANGES_DAYS, CHANGES_LIMIT, type QboReader } from '../qbo/client.ts'
import { isDivisible } from '../qbo/faults.ts'
import { changedCountStatement, changedStatement, PAGE_ROWS } from '../qbo/statements.ts'
import { arePlausible, knownAsOf, type PassDeps } from './full-pass.ts'
import { countOf } from './read-all.ts'
import { parseRows, readAgainOrGone } from './records.ts'

/** An entity to follow, with a checkpoint to follow from. */
export interface Followed {
  entity: Entity
  checkpoint: Checkpoint & { completeAsOf: number }
}

/** What a look for changes works with. */
export interface ChangesContext {
  realm: string
  qbo: QboReader
  signal: AbortSignal
  /** Whether the last full pass over an entity has failed: then its error is not over. */
  owesFull(entity: string): boolean
  /** Whether QuickBooks refused this entity the last time. */
  isRefused(entity: string): boolean
}

/** What became of one entity: how many records, why it failed, or why only a full pass can tell. */
export type ChangesOutcome = { entity: Entity } & (
  | { report: { changed: number; removed: number; setAside: number } }
  | { error: unknown }
  | { needsFull: string }
)

/** Clocks of QuickBooks' servers differ, and a change can be visible later than its time says. */
export const OVERLAP_MS = 10 * 60_000
/** An entity that is further behind than this is asked for alone: the others have few changes to bring. */
const FAR_BEHIND_MS = DAY_MS

/** Whether change data capture still reaches back to the checkpoint, as far as our own clock knows. */
export const reachesBack = ({ completeAsOf }: Checkpoint, now: number): boolean =>
  completeAsOf !== null && now - completeAsOf < (CHANGES_DAYS - 1) * DAY_MS

/**
 * Brings the entities up to date, in one read for all but those that would spoil it for the others: what QuickBooks
 * refuses, and what is far behind. Each has its own outcome; never throws unless stopped.
 */
export async function followChanges(
  deps: PassDeps,
  context: ChangesContext,
  followed: readonly Followed[],
): Promise<ChangesOutcome[]> {
  const newest = Math.max(...followed.map(({ checkpoint }) => checkpoint.completeAsOf))
  const spoils = ({ entity, checkpoint }: Followed) =>
    context.isRefused(entity.name) || newest - checkpoint.completeAsOf > FAR_BEHIND_MS
  const together = await ask(
    deps,
    context,
    followed.filter((one) => !spoils(one)),
  )
  return [...together, ...(await oneByOne(deps, context, followed.filter(spoils)))]
}

async function ask(
  deps: PassDeps,
  context: ChangesContext,
  followed: readonly Followed[],
): Promise<ChangesOutcome[]> {
  if (followed.length === 0) return []
  const since = Math.min(...followed.map(({ checkpoint }) => checkpoint.completeAsOf)) - OVERLAP_MS
  try {
    const askedAfter = await deps.cache.sequence(context.realm)
    const { rows, time } = await context.qbo.changes(
      followed.map(({ entity }) => entity.qbo),
      since,
    )
    const total = [...rows.values()].reduce((sum, { length }) => sum + length, 0)
    if (total >= CHANGES_LIMIT && followed.length > 1) return await oneByOne(deps, context, followed)
    const taken = followed.map((one) =>
      take(deps, context, one, { since, time, askedAfter, rows: rows.get(one.entity.qbo) ?? [] }),
    )
    // None goes on by itself when another one was stopped.
    await Promise.allSettled(taken)
    return await Promise.all(taken)
  } catch (error) {
    context.signal.throwIfAborted()
    // What QuickBooks refuses for one entity, or cannot process, it refuses for all that are asked for together.
    const refused = isDivisible(error) || (error instanceof AppError && error.retry === 'never')
    if (refused && followed.length > 1) return await oneByOne(deps, context, followed)
    return followed.map(({ entity }) => (refused ? { entity, needsFull: error.code } : { entity, error }))
  }
}

async function oneByOne(
  deps: PassDeps,
  context: ChangesContext,
  followed: readonly Followed[],
): Promise<ChangesOutcome[]> {
  const outcomes: ChangesOutcome[] = []
  for (const one of followed) outcomes.push(...(await ask(deps, context, [one])))
  return outcomes
}

interface Answer {
  since: number
  rows: readonly unknown[]
  time: number | undefined
  /** The cache's `sequence` before QuickBooks was asked. */
  askedAfter: number
}

async function take(
  deps: PassDeps,
  context: ChangesContext,
  { entity, checkpoint }: Followed,
  { since, rows, time, askedAfter }: Answer,
): Promise<ChangesOutcome> {
  try {
    if (time !== undefined && time - since > CHANGES_DAYS * DAY_MS)
      return { entity, needsFull: 'the last look is longer ago than QuickBooks remembers changes' }
    if (time !== undefined && time < since) return { entity, needsFull: "QuickBooks' clock went back" }
    const live = rows.filter((row) => !isDeletion(row))
    const counts = await store(deps, context, entity, live, askedAfter)
    if (counts.setAside > checkpoint.setAside) return { entity, needsFull: 'a changed record cannot be read' }
    const deletions = rows.filter(isDeletion).map(deletionIn)
    if (!(await arePlausible(deps.cache, context.realm, checkpoint, deletions)))
      return { entity, needsFull: 'more records were deleted than is likely' }
    const removed = await remove(deps, context, entity, deletions)
    if (rows.length >= CHANGES_LIMIT) {
      const rest = await readSince(deps, context, entity, { since, askedAfter })
      counts.changed += rest.changed
      if (!rest.isWhole)
        return { entity, needsFull: 'more changed than one answer holds, some of it was deleted' }
    }
    if (mayHaveHidden(checkpoint, deletions) && !(await isAllThere(deps, context, entity)))
      return { entity, needsFull: 'records were deleted while everything was read' }
    context.signal.throwIfAborted()
    const asOf = knownAsOf(checkpoint.completeAsOf, time ?? null, counts.setAside)
    const keepError = context.owesFull(entity.name)
    await deps.cache.completeChanges(context.realm, entity.name, { asOf, keepError })
    return { entity, report: { ...counts, removed } }
  } catch (error) {
    context.signal.throwIfAborted()
    return isDivisible(error) ? { entity, needsFull: error.code } : { entity, error }
  }
}

async function store(
  { intake, log }: PassDeps,
  { realm, signal }: ChangesContext,
  entity: Entity,
  raws: readonly unknown[],
  askedAfter: number,
): Promise<{ changed: number; setAside: number }> {
  const { rows, setAside, reason } = await parseRows(entity, raws)
  if (setAside > 0)
    log.warn({ entity: entity.name, setAside, reason }, 'Changed records set aside: they cannot be read')
  signal.throwIfAborted()
  const { upserts } = await intake.upsert(realm, entity.name, rows, askedAfter)
  return { changed: upserts.length, setAside }
}

/** Removes what is deleted; where the record at hand is newer than that, QuickBooks is asked for it. */
async function remove(
  deps: PassDeps,
  context: ChangesContext,
  entity: Entity,
  deletions: readonly Deletion[],
): Promise<number> {
  const { intake } = deps
  const { realm, signal } = context
  signal.throwIfAborted()
  const { removals, newer } = await intake.remove(realm, entity.name, deletions)
  const { gone } = await readAgainOrGone(deps, context, entity, newer)
  return removals.length + (await intake.remove(realm, entity.name, gone)).removals.length
}

/**
 * Reads all that changed since, however much it is. Each page begins at the time at which the last one ended, so that
 * what is edited or deleted meanwhile cannot push records over a page's edge; only within one instant pages are counted.
 */
async function readSince(
  deps: PassDeps,
  context: ChangesContext,
  entity: Entity,
  { since, askedAfter }: Pick<Answer, 'since' | 'askedAfter'>,
): Promise<{ changed: number; isWhole: boolean }> {
  const { qbo } = context
  const seen = new Set<string>()
  let changed = 0
  let from = since
  let start = 0
  for (;;) {
    const { rows } = await qbo.query(entity.qbo, changedStatement(entity, from, start))
    const stored = await store(deps, context, entity, rows, askedAfter)
    if (stored.setAside > 0) return { changed, isWhole: false }
    changed += stored.changed
    for (const row of rows) seen.add(idOf(row) ?? '')
    if (rows.length < PAGE_ROWS) break
    const last = Math.max(from, ...rows.map(lastUpdatedIn))
    start = last > from ? 0 : start + PAGE_ROWS
    from = last
  }
  const isWhole =
    seen.size >= (await qbo.count(entity.qbo, changedCountStatement(entity, since))) &&
    (await isAllThere(deps, context, entity))
  return { changed, isWhole }
}

/** Nothing tells what was deleted; but with as many records there as are known here, nothing was. */
async function isAllThere(
  { cache }: PassDeps,
  { realm, qbo }: ChangesContext,
  entity: Entity,
): Promise<boolean> {
  const { records = 0, setAside = 0 } = (await cache.checkpoint(realm, entity.name)) ?? {}
  return records + setAside === (await countOf(qbo, entity))
}

/**
 * A record that is deleted after a full pass has seen it makes up for one that an answer left out, as far as numbers tell.
 * The first look after the pass knows of it.
 */
function mayHaveHidden(
  { lastFull, lastSuccess, completeAsOf }: Followed['checkpoint'],
  deletions: readonly Deletion[],
): boolean {
  return lastFull === lastSuccess && deletions.some(({ at }) => (at ?? 0) >= completeAsOf - OVERLAP_MS)
}

const fieldOf = (raw: unknown, name: string): unknown =>
  typeof raw === 'object' && raw !== null ? (raw as Record<string, unknown>)[name] : undefined

const isDeletion = (raw: unknown): boolean =>
  String(fieldOf(raw, 'status')).toLowerCase() === 'deleted' && idOf(raw) !== null

const lastUpdatedIn = (raw: unknown): number =>
  Date.parse(String(fieldOf(fieldOf(raw, 'MetaData'), 'LastUpdatedTime')))

/** A stub; without a time it counts as older than anything, so that QuickBooks is asked. */
const deletionIn = (raw: unknown): Deletion => ({ id: idOf(raw) ?? '', at: lastUpdatedIn(raw) || 0 })
