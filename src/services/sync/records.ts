// Records on their way from QuickBooks into the form of the cache, and the records behind a list of ids.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { AppError } from '../../errors.ts'
import type { Cache, Deletion } from '../cache/cache.ts'
import { BadRecord, type CachedRow, type Entity, idOf } from '../entities/index.ts'
import type { QboReader } from '../qbo/client.ts'
import { isDivisible } from '../qbo/faults.ts'
import { idsCountStatement, idsStatement, PAGE_ROWS } from '../qbo/statements.ts'
import { inHalves, refusals } from './halves.ts'
import type { Intake } from './intake.ts'

/** Rows of one answer, parsed. */
export interface ParsedRows {
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
export async function parseRows(entity: Entity, raws: readonly unknown[]): Promise<ParsedRows> {
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

/** What QuickBooks answered about some ids. */
interface Asked {
  parsed: ParsedRows
  /** Ids that QuickBooks does not know; none when a row came without its id, since it may be any of them. */
  missing: string[]
}

/** Asks for records by their ids, a thousand in one query. @throws AppError when QuickBooks has no usable answer. */
async function* readByIds(qbo: QboReader, entity: Entity, ids: readonly string[]): AsyncGenerator<Asked> {
  const refused = refusals()
  const ask = (some: readonly string[]) =>
    qbo.query(entity.qbo, idsStatement(entity, some), { divisible: some.length > 1 })
  for (let start = 0; start < ids.length; start += PAGE_ROWS) {
    const page = ids.slice(start, start + PAGE_ROWS)
    for await (const { some, answer } of inHalves(page, ask, isShorterBetter, refused)) {
      if (answer === undefined) {
        const reason = 'QuickBooks cannot process it'
        yield { parsed: { rows: [], ids: [...some], setAside: 1, reason }, missing: [] }
        continue
      }
      const parsed = await parseRows(entity, answer.rows)
      const known = new Set(parsed.ids)
      const unclear = parsed.ids.length < answer.rows.length
      yield { parsed, missing: unclear ? [] : some.filter((id) => !known.has(id)) }
    }
  }
}

/** Also a list of ids that is too long is rejected. */
const isShorterBetter = (error: unknown): boolean =>
  isDivisible(error) || (error instanceof AppError && error.code === 'QBO_REJECTED')

/** Where records go. */
interface Into {
  cache: Cache
  intake: Intake
}

/** Whose records are read, and how. */
interface From {
  realm: string
  qbo: QboReader
  signal: AbortSignal
}

/** Brings records up to date by their ids; answers what changed, and which of them QuickBooks did not answer. */
export async function readAgain(
  { cache, intake }: Into,
  { realm, qbo, signal }: From,
  entity: Entity,
  ids: readonly string[],
): Promise<{ upserts: CachedRow[]; missing: string[] }> {
  const found: { upserts: CachedRow[]; missing: string[] } = { upserts: [], missing: [] }
  const askedAfter = await cache.sequence(realm)
  for await (const { parsed, missing } of readByIds(qbo, entity, ids)) {
    signal.throwIfAborted()
    const { upserts } = await intake.upsert(realm, entity.name, parsed.rows, askedAfter)
    found.upserts.push(...upserts)
    found.missing.push(...missing)
  }
  return found
}

/**
 * The same, held against a count: an answer that was cut short looks like one about records that are gone.
 * @throws AppError QBO_INCOMPLETE when QuickBooks counts some of the missing ones.
 */
export async function readAgainOrGone(
  deps: Into,
  context: From,
  entity: Entity,
  ids: readonly string[],
): Promise<{ upserts: CachedRow[]; gone: Deletion[] }> {
  const { upserts, missing } = await readAgain(deps, context, entity, ids)
  for (let start = 0; start < missing.length; start += PAGE_ROWS) {
    const some = missing.slice(start, start + PAGE_ROWS)
    const count = await context.qbo.count(entity.qbo, idsCountStatement(entity, some))
    if (count > 0) throw incomplete(`QuickBooks sent none of ${count} ${entity.name}.`)
  }
  return { upserts, gone: unknownNow(missing) }
}

/** An answer that was cut short; `what` is a sentence. */
export const incomplete = (what: string): AppError =>
  new AppError({
    code: 'QBO_INCOMPLETE',
    status: 502,
    retry: 'later',
    message: `${what} None was dropped; it is tried again.`,
  })

/** The deletions of records that QuickBooks was asked for and does not know. */
export const unknownNow = (ids: readonly string[]): Deletion[] => ids.map((id) => ({ id, at: null }))
