// The durable copy of what QuickBooks holds: records and checkpoints, changed only together in one transaction.
// Newer wins by LastUpdatedTime, so replays and reordering do no harm; `seq` rises with every committed change.
// It does not decide what is complete or gone: the sync does, and hands it in.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import type { Db } from '../database/database.ts'
import type { CachedRow } from '../entities/index.ts'
import {
  addToCounts,
  checkpointOf,
  nextSeq,
  recordsOf,
  removeRows,
  type StoredRow,
  storedRows,
  writeRows,
} from './rows.ts'

/** What a commit changed; `upserts` are the rows that are now different, `removals` ids that are gone. */
export interface CommittedChange {
  upserts: CachedRow[]
  removals: string[]
}

/** How far an entity is. Times are epoch milliseconds. */
export interface Checkpoint {
  entity: string
  records: number
  activeRecords: number
  /** Records of the last pass that could not be read and were left out. */
  setAside: number
  lastAttempt: number | null
  lastSuccess: number | null
  /** Why the last attempt failed; null after a success. */
  lastError: string | null
  completeAsOf: number | null
}

/** What a complete pass leaves behind. */
export interface PassEnd {
  /** Ids that QuickBooks no longer has. */
  gone: string[]
  setAside: number
  /** QuickBooks' own time when the pass began, when it told one. */
  asOf: number | null
}

/** The cache of all realms; every call names the one it is about. */
export interface Cache {
  /** Begins an attempt; it stays the last one until another begins. */
  attempt(realm: string, entity: string): Promise<void>
  /** Commits one page of records. Rows older than, or equal to, what is cached change nothing. */
  commitPage(realm: string, entity: string, rows: CachedRow[]): Promise<CommittedChange>
  /** Removes what is gone and marks the pass as complete. */
  completePass(realm: string, entity: string, end: PassEnd): Promise<CommittedChange>
  /** Keeps every record and notes why the attempt failed. */
  failPass(realm: string, entity: string, error: string): Promise<void>
  /** Every cached id of an entity, in batches. */
  ids(realm: string, entity: string): AsyncIterable<string[]>
  checkpoints(realm: string): Promise<Checkpoint[]>
  /** Seconds since an entity was last complete, as far as this process has seen; null when it never was. */
  ageSeconds(entity: string): number | null
  /** All records in batches, those that changed last at the end; only those changed after `seq` when it is given. */
  batches(realm: string, entity: string, seq?: number): AsyncIterable<CachedRow[]>
  /** The `limit` most recently changed records, as QuickBooks sent them. */
  list(realm: string, entity: string, limit: number): Promise<string[]>
  /** A record as QuickBooks sent it; undefined when there is none. */
  get(realm: string, entity: string, id: string): Promise<string | undefined>
  /** Forgets every realm but this one; without it, all. Sequences stay: `seq` never goes back. */
  keepOnly(realm?: string): Promise<void>
}

/** Rows written between two turns of the event loop: about 2 ms of work. */
const SLICE_ROWS = 100
const BATCH_ROWS = 1000

/** A cache over the `qbo_records`, `qbo_checkpoints` and `qbo_sequences` tables. */
export function createCache(deps: { db: Db; clock: Clock }): Cache {
  const { db, clock } = deps
  const successes = new Map<string, number>()

  return {
    ageSeconds(entity) {
      const last = successes.get(entity)
      return last === undefined ? null : Math.max(0, Math.floor((clock.now() - last) / 1000))
    },

    async attempt(realm, entity) {
      const fresh = { records: 0, active_records: 0, set_aside: 0 }
      const last_attempt = clock.now()
      await db
        .insertInto('qbo_sequences')
        .values({ realm, value: 0 })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      await db
        .insertInto('qbo_checkpoints')
        .values({ realm, entity, ...fresh, last_attempt })
        .onConflict((conflict) => conflict.columns(['realm', 'entity']).doUpdateSet({ last_attempt }))
        .execute()
    },

    commitPage: (realm, entity, rows) =>
      db.transaction().execute(async (trx) => {
        const upserts: CachedRow[] = []
        let records = 0
        let active = 0
        for (const slice of slicesOf(newestOfEach(rows), SLICE_ROWS)) {
          const stored = await storedRows(trx, realm, entity, slice)
          const news = slice.filter((row) => isNews(row, stored.get(row.id)))
          const first = news.length > 0 ? await writeRows(trx, realm, entity, news) : 0
          for (const [i, row] of news.entries()) {
            const old = stored.get(row.id)
            records += old === undefined ? 1 : 0
            active += Number(row.active) - (old?.active ?? 0)
            upserts.push({ ...row, seq: first + i })
          }
          await nextTurn()
        }
        if (upserts.length > 0) await addToCounts(trx, realm, entity, records, active)
        return { upserts, removals: [] }
      }),

    async completePass(realm, entity, { gone, setAside, asOf }) {
      const now = clock.now()
      const change = await db.transaction().execute(async (trx) => {
        const removals: string[] = []
        for (const slice of slicesOf(gone, SLICE_ROWS)) {
          const removed = await removeRows(trx, realm, entity, slice)
          removals.push(...removed.map((row) => row.id))
          await addToCounts(
            trx,
            realm,
            entity,
            -removed.length,
            -removed.reduce((sum, row) => sum + row.active, 0),
          )
          await nextTurn()
        }
        if (removals.length > 0) await nextSeq(trx, realm, removals.length)
        await checkpointOf(trx, realm, entity)
          .set({ last_success: now, last_error: null, set_aside: setAside, complete_as_of: asOf })
          .execute()
        return { upserts: [], removals }
      })
      successes.set(entity, now)
      return change
    },

    async failPass(realm, entity, error) {
      await checkpointOf(db, realm, entity).set({ last_error: error }).execute()
    },

    async *ids(realm, entity) {
      let last = ''
      for (;;) {
        const rows = await recordsOf(db, realm, entity)
          .select('id')
          .where('id', '>', last)
          .orderBy('id')
          .limit(BATCH_ROWS)
          .execute()
        yield rows.map((row) => row.id)
        if (rows.length < BATCH_ROWS) return
        last = rows.at(-1)?.id ?? last
        await nextTurn()
      }
    },

    async checkpoints(realm) {
      const rows = await db.selectFrom('qbo_checkpoints').selectAll().where('realm', '=', realm).execute()
      for (const { entity, last_success } of rows)
        if (last_success !== null) successes.set(entity, last_success)
      return rows.map((row) => ({
        entity: row.entity,
        records: row.records,
        activeRecords: row.active_records,
        setAside: row.set_aside,
        lastAttempt: row.last_attempt,
        lastSuccess: row.last_success,
        lastError: row.last_error,
        completeAsOf: row.complete_as_of,
      }))
    },

    async *batches(realm, entity, seq = 0) {
      let last = seq
      for (;;) {
        const rows = await recordsOf(db, realm, entity)
          .select(['id', 'json', 'active', 'last_updated', 'seq'])
          .where('seq', '>', last)
          .orderBy('seq')
          .limit(BATCH_ROWS)
          .execute()
        yield rows.map(({ id, json, active, last_updated, seq }) => ({
          id,
          json,
          active: active === 1,
          lastUpdated: last_updated,
          seq,
        }))
        if (rows.length < BATCH_ROWS) return
        last = rows.at(-1)?.seq ?? last
        await nextTurn()
      }
    },

    async list(realm, entity, limit) {
      const newest = recordsOf(db, realm, entity).select('json').orderBy('seq', 'desc').limit(limit)
      return (await newest.execute()).map((row) => row.json)
    },

    async get(realm, entity, id) {
      const one = recordsOf(db, realm, entity).select('json').where('id', '=', id)
      return (await one.executeTakeFirst())?.json
    },

    async keepOnly(realm = '') {
      successes.clear()
      await db.deleteFrom('qbo_checkpoints').where('realm', '<>', realm).execute()
      const others = db.selectFrom('qbo_records').select('id').where('realm', '<>', realm).limit(BATCH_ROWS)
      for (let rows = await others.execute(); rows.length > 0; rows = await others.execute()) {
        const ids = rows.map((row) => row.id)
        await db.deleteFrom('qbo_records').where('realm', '<>', realm).where('id', 'in', ids).execute()
        await nextTurn()
      }
    },
  }
}

/** LastUpdatedTime can move while SyncToken stays, and records can differ within one second: both count as news. */
const isNews = (row: CachedRow, stored: StoredRow | undefined): boolean =>
  stored === undefined ||
  row.lastUpdated > stored.last_updated ||
  (row.lastUpdated === stored.last_updated && row.json !== stored.json)

/** QuickBooks can repeat a row at the seam of two pages, and inside one. */
function newestOfEach(rows: CachedRow[]): CachedRow[] {
  const newest = new Map<string, CachedRow>()
  for (const row of rows) {
    const other = newest.get(row.id)
    if (other === undefined || row.lastUpdated >= other.lastUpdated) newest.set(row.id, row)
  }
  return [...newest.values()]
}

function* slicesOf<T>(list: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < list.length; start += size) yield list.slice(start, start + size)
}
