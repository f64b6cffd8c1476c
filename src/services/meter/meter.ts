// Counts the reads that Intuit bills (Intuit App Partner Program guide, CorePlus calls: every successful read), by
// entity and reason, for the running month, and knows the budget. It decides nothing: whoever reads, asks it.

import { AppError, reasonOf } from '../../errors.ts'
import type { Clock } from '../clock.ts'
import { type Db, transact } from '../database/database.ts'
import type { Log } from '../log.ts'

/** The reads of a month so far. */
export interface MeterReadings {
  /** `2026-11`, in UTC. */
  month: string
  spent: number
  /** null when unlimited. */
  budget: number | null
  reads: readonly { entity: string; reason: string; reads: number }[]
}

/** Counts for all that this service reads. */
export interface ReadMeter {
  /** One billed read; `entity` is QuickBooks' name, or `all` for a read that serves several. */
  count(entity: string, reason: string): void
  readings(): MeterReadings
  /** Whether the month's budget is spent. */
  isSpent(): boolean
  /** @throws AppError READ_BUDGET_SPENT when it is. */
  mustNotBeSpent(): void
  /** Takes up what other processes have counted. */
  reload(): Promise<void>
  /** Writes what was counted since the last time. */
  close(): Promise<void>
}

/** Counts are written together: one commit for each read would cost more than the read's own. */
const WRITE_AFTER_MS = 1_000
const NEARLY = 0.8

/** Begins with what was counted this month before. */
export async function createReadMeter(deps: {
  db: Db
  clock: Clock
  log: Log
  budget: number | null
}): Promise<ReadMeter> {
  const { db, clock, log, budget } = deps
  const monthNow = () => new Date(clock.now()).toISOString().slice(0, 7)
  const closing = new AbortController()
  /** Of each month: a clock that is set back over its edge must not forget what was spent. */
  const months = new Map<string, { reads: Map<string, number>; spent: number }>()
  let unwritten = new Map<string, number>()
  let writing: Promise<void> | undefined
  let warned = ''

  await reload()

  async function reload(): Promise<void> {
    await writing
    const stored = await db
      .selectFrom('qbo_reads')
      .selectAll()
      .orderBy('month')
      .orderBy('entity')
      .orderBy('reason')
      .execute()
    months.clear()
    for (const { month, entity, reason, reads } of stored) add(month, `${entity} ${reason}`, reads)
    for (const [key, count] of unwritten) {
      const [month = '', entity = '', reason = ''] = key.split(' ')
      add(month, `${entity} ${reason}`, count)
    }
    warn()
  }

  function ofMonth(month: string) {
    const found = months.get(month) ?? { reads: new Map<string, number>(), spent: 0 }
    months.set(month, found)
    return found
  }

  function add(month: string, key: string, count: number): void {
    const of = ofMonth(month)
    of.reads.set(key, (of.reads.get(key) ?? 0) + count)
    of.spent += count
  }

  const isSpent = () => budget !== null && ofMonth(monthNow()).spent >= budget

  function warn(): void {
    if (budget === null) return
    const month = monthNow()
    const { spent } = ofMonth(month)
    const used = { month, spent, budget }
    if (spent >= budget && warned !== `${month} spent`) {
      warned = `${month} spent`
      log.error(
        used,
        'The monthly read budget is spent: until the month ends only webhooks and an admin make QuickBooks be read. Raise QUICKBOOKS_MONTHLY_READ_BUDGET to go on',
      )
    } else if (spent >= budget * NEARLY && !warned.startsWith(month)) {
      warned = `${month} nearly`
      log.warn(used, 'Four fifths of the monthly read budget are spent')
    }
  }

  /** Answers whether it worked. */
  async function write(): Promise<boolean> {
    const rows = [...unwritten]
    unwritten = new Map()
    try {
      await transact(db, async (trx) => {
        for (const [key, added] of rows) {
          const [ofMonth = '', entity = '', reason = ''] = key.split(' ')
          await trx
            .insertInto('qbo_reads')
            .values({ month: ofMonth, entity, reason, reads: added })
            .onConflict((conflict) =>
              conflict
                .columns(['month', 'entity', 'reason'])
                .doUpdateSet((row) => ({ reads: row('qbo_reads.reads', '+', added) })),
            )
            .execute()
        }
      })
      return true
    } catch (error) {
      log.warn(
        { reason: reasonOf(error) },
        'The read meter could not be written; it is tried again with the next read',
      )
      for (const [key, added] of rows) unwritten.set(key, (unwritten.get(key) ?? 0) + added)
      return false
    }
  }

  function writeLater(): void {
    writing ??= clock
      .sleep(WRITE_AFTER_MS, closing.signal)
      .catch(() => undefined)
      .then(write)
      .then((worked) => {
        writing = undefined
        if (worked && unwritten.size > 0 && !closing.signal.aborted) writeLater()
      })
  }

  return {
    count(entity, reason) {
      const month = monthNow()
      const key = `${month} ${entity} ${reason}`
      add(month, `${entity} ${reason}`, 1)
      unwritten.set(key, (unwritten.get(key) ?? 0) + 1)
      warn()
      writeLater()
    },
    readings() {
      const month = monthNow()
      const { reads, spent } = ofMonth(month)
      const rows = [...reads].map(([key, count]) => {
        const [entity = '', reason = ''] = key.split(' ')
        return { entity, reason, reads: count }
      })
      return { month, spent, budget, reads: rows }
    },
    isSpent,
    mustNotBeSpent() {
      if (isSpent()) throw budgetSpent()
    },
    reload,
    async close() {
      closing.abort()
      await writing
      if (unwritten.size > 0) await write()
    },
  }
}

const budgetSpent = () =>
  new AppError({
    code: 'READ_BUDGET_SPENT',
    status: 503,
    retry: 'later',
    message:
      'The reads of QUICKBOOKS_MONTHLY_READ_BUDGET are spent: until the month ends only webhooks and an admin make QuickBooks be read. The data at hand was kept.',
  })
