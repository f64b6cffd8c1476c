// Reads every record of one entity, page by page, in order. Pages behind the first are fetched ahead, as many at once
// as the limits allow, because one page after another would leave most of the allowance unused.

import { AppError } from '../../errors.ts'
import { type Entity, idOf } from '../entities/index.ts'
import type { QboReader } from '../qbo/client.ts'
import { isDivisible } from '../qbo/faults.ts'
import { countStatement, PAGE_ROWS, pageStatement } from '../qbo/statements.ts'
import { inHalves } from './halves.ts'
import { incomplete } from './records.ts'

interface Answer {
  rows: unknown[]
  /** The cache's `sequence` before the page was asked for. */
  askedAfter: number
  /** QuickBooks' time of the answer, epoch milliseconds, when it told one. */
  time: number | undefined
}

/** What one page brought that the page before did not. */
export interface Page extends Answer {
  /** How many records there were in all when the first page had come. */
  expected: number
}

/** Pages fetched ahead: enough to fill the rate limit when QuickBooks takes a second for each. */
const AHEAD = 10
/**
 * Rows that a page shares with the one before. A record that is deleted meanwhile moves all behind it one place forward,
 * and without shared rows one of them over the edge of a page, where nobody would see it.
 */
const SHARED_ROWS = 10
const NEW_ROWS = PAGE_ROWS - SHARED_ROWS

/**
 * Yields pages until a short one, and at least as many as `count(*)` promises.
 * @throws AppError of the first page that could not be read; no page behind it is yielded. QBO_INCOMPLETE when records
 * stood between two pages that were in neither, QBO_ENDLESS when pages do not end.
 */
export async function* readAll(
  qbo: QboReader,
  entity: Entity,
  sequence: () => Promise<number>,
): AsyncGenerator<Page> {
  const stop = new AbortController()
  const askFor = (places: readonly number[]) =>
    qbo.query(entity.qbo, pageStatement(entity, places[0] ?? 0, places.length), {
      signal: stop.signal,
      divisible: places.length < PAGE_ROWS,
    })

  async function ask(page: number): Promise<Answer> {
    const answer: Answer = { rows: [], time: undefined, askedAfter: await sequence() }
    const places = Array.from({ length: PAGE_ROWS }, (_, i) => page * NEW_ROWS + i)
    for await (const { some, answer: part } of inHalves(places, askFor, isDivisible)) {
      // One that cannot be read even by itself has a place, but no id.
      const rows = part === undefined ? [null] : part.rows
      answer.rows.push(...(some.length < PAGE_ROWS ? rows.slice(0, some.length) : rows))
      answer.time ??= part?.time
    }
    return answer
  }
  const first = await ask(0)
  const expected = await countOf(qbo, entity)
  yield { ...first, expected }

  const ahead: Promise<Answer>[] = []
  const fetchNext = (page: number) => {
    const answer = ask(page)
    // It is awaited in its turn; until then a failure must not count as unhandled.
    answer.catch(() => undefined)
    ahead.push(answer)
  }
  const pages = 1 + Math.ceil(Math.max(0, expected - PAGE_ROWS) / NEW_ROWS)
  let { rows } = first
  let fetched = 1
  try {
    for (let page = 1; page < pages || rows.length >= PAGE_ROWS; page++) {
      if (page > 2 * pages + 1) throw endless(entity)
      while (fetched <= page || (fetched < pages && ahead.length < AHEAD)) fetchNext(fetched++)
      const answer = await (ahead.shift() as Promise<Answer>)
      const fresh = rowsBehind(rows, answer.rows)
      if (fresh === null)
        throw incomplete(
          `What QuickBooks sent of its ${expected} ${entity.name} leaves a gap between two pages.`,
        )
      rows = answer.rows
      yield { ...answer, rows: fresh, expected }
    }
  } finally {
    stop.abort()
  }
}

/** The rows of a page that the one before does not have; null when they share none. */
function rowsBehind(before: readonly unknown[], rows: readonly unknown[]): unknown[] | null {
  const places = new Map(before.map((row, place) => [idOf(row), place]))
  places.delete(null)
  let last = rows.slice(0, SHARED_ROWS).findLastIndex((row) => places.has(idOf(row)))
  if (last < 0) return null
  // Rows without an id are known by their place alone.
  const left = before.length - 1 - (places.get(idOf(rows[last])) ?? 0)
  for (const end = last + left; last < end && idOf(rows[last + 1]) === null; ) last++
  return rows.filter((row, place) => (idOf(row) === null ? place > last : !places.has(idOf(row))))
}

/** `count(*)` of an entity. @throws AppError when QuickBooks answers without one. */
export const countOf = (qbo: QboReader, entity: Entity): Promise<number> =>
  qbo.count(entity.qbo, countStatement(entity))

const endless = ({ qbo }: Entity) =>
  new AppError({
    code: 'QBO_ENDLESS',
    status: 502,
    retry: 'later',
    message: `QuickBooks sends page after page of ${qbo}, more than twice what it counts. None was dropped; it is tried again.`,
  })
