// Who may act for all replicas: ask Intuit for tokens, read QuickBooks, change the cache. A lease with a fencing number
// (M. Kleppmann, How to do distributed locking, 2016), on the database's time: each write commits only while its number
// is the current one, so that a replica that was paused, and does not know that another leads by now, changes nothing.

import { sql } from 'kysely'
import { DatabaseError, notLeader } from '../../errors.ts'
import type { Clock } from '../clock.ts'
import { type Db, type Trx, transact } from '../database/database.ts'

/** What everybody needs of it who acts for all. */
export interface Lease {
  /** Whether others may serve from the same database, and lead instead of this process. */
  readonly isShared: boolean
  /** Whether this process leads. It may have been paused since it last made sure, so what cannot be fenced asks at the last moment. */
  isHeld(): boolean
  /** @throws AppError NOT_LEADER */
  mustBeHeld(): void
  /**
   * Runs `work` in one transaction, which commits only while this process leads; it may be run more than once.
   * @throws AppError NOT_LEADER
   */
  write<T>(work: (trx: Trx) => Promise<T>): Promise<T>
}

/** The lease of whoever has opened a database that only one process can open. */
export const soleLease = (db: Db): Lease => ({
  isShared: false,
  isHeld: () => true,
  mustBeHeld: () => undefined,
  write: (work) => transact(db, work),
})

/** Whether other processes want it. */
export const isSharedLease = (lease: Lease): lease is SharedLease => lease.isShared

/** The lease as it stands in the database. */
export interface LeaseRow {
  holder: string | null
  fence: number
  /** Nobody holds it any more. */
  isOver: boolean
}

/** A lease that several processes want. */
export interface SharedLease extends Lease {
  readonly isShared: true
  /** Of this process; none before it leads for the first time. */
  fence(): number | undefined
  /** Makes the row, if there is none. */
  prepare(): Promise<void>
  /** Takes the lease as it was `seen`, when it is over or this process's own; answers whether it could. */
  acquire(seen: LeaseRow): Promise<boolean>
  /** Keeps it for another period; `report` is for the others to read. */
  renew(report: string): Promise<void>
  /** Hands it to whoever wants it next. */
  release(): Promise<void>
  /** Another one leads, or that is not known. */
  lose(): void
}

/** The one row of `qbo_leases`. */
export const LEASE = 'leader'

/** Milliseconds since the epoch as the server tells them, where a statement begins. MySQL and MariaDB. */
export const serverTime = sql<number>`timestampdiff(microsecond, '1970-01-01', utc_timestamp(3)) div 1000`

/** A lease of `periodMs` over the `qbo_leases` table; `holder` names this process. */
export function createLease(deps: { db: Db; holder: string; periodMs: number; clock: Clock }): SharedLease {
  const { db, holder, periodMs, clock } = deps
  let held: { fence: number; until: Instant } | undefined
  const end = () => sql<number>`${serverTime} + ${periodMs}`

  /** By two clocks: one of them stands still while the machine sleeps, the other one can be set back. */
  const instantAfter = (ms: number): Instant => ({ told: clock.now() + ms, run: performance.now() + ms })
  const isBefore = ({ told, run }: Instant) => clock.now() < told && performance.now() < run

  function term(): { fence: number } {
    if (held === undefined || !isBefore(held.until)) throw notLeader()
    return held
  }

  const rowOf = (on: Db | Trx, fence: number) =>
    on.updateTable('qbo_leases').where('name', '=', LEASE).where('fence', '=', fence)

  function extended(fence: number, until: Instant): void {
    if (held?.fence === fence) held.until = until
  }

  return {
    isShared: true,
    fence: () => held?.fence,
    isHeld: () => held !== undefined && isBefore(held.until),
    mustBeHeld: () => void term(),

    async write(work) {
      const { fence } = term()
      let until = instantAfter(periodMs)
      try {
        const result = await transact(db, async (trx) => {
          until = instantAfter(periodMs)
          // Written, not only read: where transactions of two servers of a cluster meet, only writes are compared.
          const { numUpdatedRows } = await rowOf(trx, fence).set({ expires_at: end() }).executeTakeFirst()
          if (numUpdatedRows === 0n) throw notLeader()
          return await work(trx)
        })
        extended(fence, until)
        return result
      } catch (error) {
        // Committed or not: whoever reads it anew, as one who follows, will see.
        if (error instanceof DatabaseError && error.kind === 'unreachable') this.lose()
        throw error
      }
    },

    async prepare() {
      await db
        .insertInto('qbo_leases')
        .values({ name: LEASE, holder: null, fence: 0, expires_at: 0, report: null })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    },

    async acquire({ fence }) {
      const until = instantAfter(periodMs)
      const next = fence + 1
      const taken = await rowOf(db, fence)
        .set({ holder, fence: next, expires_at: end(), report: null })
        .where((row) => row.or([row('expires_at', '<=', serverTime), row('holder', '=', holder)]))
        .executeTakeFirst()
      if (taken.numUpdatedRows === 0n) return false
      held = { fence: next, until }
      return true
    },

    async renew(report) {
      const { fence } = term()
      const until = instantAfter(periodMs)
      const kept = await rowOf(db, fence).set({ expires_at: end(), report }).executeTakeFirst()
      if (kept.numUpdatedRows === 0n) this.lose()
      else extended(fence, until)
    },

    async release() {
      const fence = held?.fence
      held = undefined
      if (fence !== undefined) await rowOf(db, fence).set({ expires_at: 0 }).execute()
    },

    lose() {
      held = undefined
    },
  }
}

interface Instant {
  /** By the system's clock, epoch milliseconds. */
  told: number
  /** By the process's own. */
  run: number
}
