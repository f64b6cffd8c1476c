// Counts the reads that Intuit bills (Intuit App Partner Program guide, CorePlus calls: every successful read), by
// entity and reason, for the running month, and knows the budget. It decides nothing: whoever reads, asks it.

import { reasonOf } from '../../errors.ts'
import type { Clock } from '../clock.ts'
import type { Db } from '../database/database.ts'
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
  let month = monthNow()
  let reads = new Map<string, number>()
  let unwritten = new Map<string, number>()
  let writing: Promise<void> | undefined
  let spent = 0
  let warned: 'nearly' | 'spent' | undefined

  for (const row of await db.selectFrom('qbo_reads').selectAll().where('month', '=', month).execute()) {
    reads.set(`${row.entity} ${row.reason}`, row.reads)
    spent += row.reads
  }

  function turnMonth(): void {
    if (month === monthNow()) return
    month = monthNow()
    reads = new Map()
    spent = 0
    warned = undefined
  }

  function warn(): void {
    if (budget === null) return
    const used = { month, spent, budget }
    if (spent >= budget && warned !== 'spent') {
      warned = 'spent'
      log.error(
        used,
        'The monthly read budget is spent: until the month ends only webhooks and an admin make QuickBooks be read. Raise QUICKBOOKS_MONTHLY_READ_BUDGET to go on',
      )
    } else if (spent >= budget * NEARLY && warned === undefined) {
      warned = 'nearly'
      log.warn(used, 'Four fifths of the monthly read budget are spent')
    }
  }

  async function write(): Promise<void> {
    const rows = [...unwritten]
    unwritten = new Map()
    try {
      await db.transaction().execute(async (trx) => {
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
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, 'The read meter could not be written; it is tried again')
      for (const [key, added] of rows) unwritten.set(key, (unwritten.get(key) ?? 0) + added)
    }
  }

  function writeLater(): void {
    writing ??= clock
      .sleep(WRITE_AFTER_MS, closing.signal)
      .catch(() => undefined)
      .then(write)
      .finally(() => {
        writing = undefined
      })
  }

  return {
    count(entity, reason) {
      turnMonth()
      const key = `${entity} ${reason}`
      reads.set(key, (reads.get(key) ?? 0) + 1)
      unwritten.set(`${month} ${key}`, (unwritten.get(`${month} ${key}`) ?? 0) + 1)
      spent += 1
      warn()
      writeLater()
    },
    readings() {
      turnMonth()
      const rows = [...reads].map(([key, count]) => {
        const [entity = '', reason = ''] = key.split(' ')
        return { entity, reason, reads: count }
      })
      return { month, spent, budget, reads: rows }
    },
    isSpent() {
      turnMonth()
      return budget !== null && spent >= budget
    },
    async close() {
      closing.abort()
      await writing
      if (unwritten.size > 0) await write()
    },
  }
}
