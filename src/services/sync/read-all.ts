// Reads every record of one entity, page by page, in order. Pages behind the first are fetched ahead, as many at once
// as the limits allow, because one page after another would leave most of the allowance unused.

import { AppError } from '../../errors.ts'
import { type Entity, idOf } from '../entities/index.ts'
import type { QboReader, QueryAnswer } from '../qbo/client.ts'
import { countStatement, PAGE_ROWS, pageStatement } from '../qbo/statements.ts'
import { incomplete } from './records.ts'

/** What one page brought that the page before did not. */
export interface Page {
  rows: unknown[]
  /** QuickBooks' time of the answer, epoch milliseconds, when it told one. */
  time: number | undefined
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
export async function* readAll(qbo: QboReader, entity: Entity): AsyncGenerator<Page> {
  const first = await qbo.query(entity.qbo, pageStatement(entity, 0))
  const expected = await countOf(qbo, entity)
  yield { rows: first.rows, time: first.time, expected }

  const stop = new AbortController()
  const ahead: Promise<QueryAnswer>[] = []
  const fetchNext = (page: number) => {
    const answer = qbo.query(entity.qbo, pageStatement(entity, page * NEW_ROWS), stop.signal)
    // It is awaited in its turn; until then a failure must not count as unhandled.
    answer.catch(() => undefined)
    ahead.push(answer)
  }
  const pages = 1 + Math.ceil(Math.max(0, expected - PAGE_ROWS) / NEW_ROWS)
  let { rows } = first
  let fetched = 1
  try {
    for (let page = 1; page < pages || rows.length >= PAGE_ROWS; page++) {
      if (page > 2 * pages) throw endless(entity)
      while (fetched <= page || (fetched < pages && ahead.length < AHEAD)) fetchNext(fetched++)
      const answer = await (ahead.shift() as Promise<QueryAnswer>)
      const shared = sharedRows(rows, answer.rows)
      if (shared === 0) throw incomplete(entity, page * NEW_ROWS, expected)
      rows = answer.rows
      yield { rows: rows.slice(shared), time: answer.time, expected }
    }
  } finally {
    stop.abort()
  }
}

/** How many rows at the beginning of a page stand in the one before, too. */
function sharedRows(before: readonly unknown[], rows: readonly unknown[]): number {
  const known = new Set(before.map(idOf))
  return 1 + rows.slice(0, SHARED_ROWS).findLastIndex((row) => idOf(row) !== null && known.has(idOf(row)))
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
