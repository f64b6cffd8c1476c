// Reads every record of one entity, page by page, in order. Pages behind the first are fetched ahead, as many at once
// as the limits allow, because one page after another would leave most of the allowance unused.

import { AppError } from '../../errors.ts'
import type { QboReader, QueryAnswer } from '../qbo/client.ts'
import { countStatement, PAGE_ROWS, pageStatement, type Queryable } from '../qbo/statements.ts'

/** One page as QuickBooks answered it. */
export interface Page {
  rows: unknown[]
  /** QuickBooks' time of the answer, epoch milliseconds, when it told one. */
  time: number | undefined
  /** Our own time before the page was asked for. */
  askedAt: number
  /** How many records there are in all; undefined while one page holds them. */
  expected: number | undefined
}

/** Pages fetched ahead: enough to fill the rate limit when QuickBooks takes a second for each. */
const AHEAD = 10

/**
 * Yields pages until a short one, and at least as many as `count(*)` promises. A company that fits one page costs one read.
 * @throws AppError of the first page that could not be read; no page behind it is yielded. QBO_ENDLESS when they do not end.
 */
export async function* readAll(qbo: QboReader, entity: Queryable): AsyncGenerator<Page> {
  const first = await qbo.query(entity.qbo, pageStatement(entity, 0))
  if (first.rows.length < PAGE_ROWS) {
    yield { ...first, expected: undefined }
    return
  }
  const expected = await countOf(qbo, entity)
  yield { ...first, expected }

  const stop = new AbortController()
  const ahead: Promise<QueryAnswer>[] = []
  const fetchNext = (page: number) => {
    const answer = qbo.query(entity.qbo, pageStatement(entity, page), stop.signal)
    // It is awaited in its turn; until then a failure must not count as unhandled.
    answer.catch(() => undefined)
    ahead.push(answer)
  }
  const pages = Math.ceil(expected / PAGE_ROWS)
  let fetched = 1
  try {
    for (let page = 1; ; page++) {
      while (fetched <= page || (fetched < pages && ahead.length < AHEAD)) fetchNext(fetched++)
      const answer = await ahead.shift()
      if (answer === undefined) return
      yield { ...answer, expected }
      if (page + 1 < pages) continue
      if (answer.rows.length < PAGE_ROWS) return
      if (page > 2 * pages) throw endless(entity)
    }
  } finally {
    stop.abort()
  }
}

/** `count(*)` of an entity. @throws AppError when QuickBooks answers without one. */
export const countOf = (qbo: QboReader, entity: Queryable): Promise<number> =>
  qbo.count(entity.qbo, countStatement(entity))

const endless = ({ qbo }: Queryable) =>
  new AppError({
    code: 'QBO_ENDLESS',
    status: 502,
    retry: 'later',
    message: `QuickBooks sends page after page of ${qbo}, more than twice what it counts. None was dropped; it is tried again.`,
  })
