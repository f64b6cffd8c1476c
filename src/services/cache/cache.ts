// The durable copy of what QuickBooks holds: records and checkpoints, changed only together in one transaction.
// Newer wins, so replays and reordering do no harm; `seq` rises with every committed change.
// It does not decide what is complete or gone: the sync does, and hands it in.

import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Clock, DAY_MS } from '../clock.ts'
import type { Db } from '../database/database.ts'
import type { CachedRow } from '../entities/index.ts'
import type { Lease } from '../lease/lease.ts'
import {
  addToCounts,
  buryRows,
  checkpointOf,
  pageSlices,
  recordsOf,
  removedAfter,
  type StoredRow,
  storedRows,
  tombstonesOf,
  writeRows,
} from './rows.ts'

/** What a commit changed; `upserts` are the rows that are now different, `removals` ids that are gone. */
export interface CommittedChange {
  upserts: CachedRow[]
  removals: string[]
  /** The last `seq` of the change; 0 when nothing changed. */
  seq: number
}

/** What QuickBooks says of a record that is gone. */
export interface Deletion {
  id: string
  /** Epoch milliseconds; null when QuickBooks did not say when, but was asked and no longer knows the record. */
  at: number | null
}

/** What deletions did; `newer` are ids of records that were updated after they are said to have been deleted. */
export type Removal = CommittedChange & { newer: string[] }

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
  /** QuickBooks' own time of the last complete look: everything older has been seen. */
  completeAsOf: number | null
  /** End of the last complete full pass. */
  lastFull: number | null
  /** A full pass has failed since. */
  owesFull: boolean
  /** Records that the last full pass had to repair; null before the second one. */
  drift: number | null
  /** Records that the last full pass did not see, and kept because they are too many to be believed at once. */
  heldBack: number
}

/** What a complete pass leaves behind. */
export interface PassEnd {
  setAside: number
  /** QuickBooks' own time when the pass began, when it told one. */
  asOf: number | null
  drift: number | null
}

/** The cache of all realms; every call names the one it is about. */
export interface Cache {
  /** Begins an attempt; it stays the last one until another begins. */
  attempt(realm: string, entity: string): Promise<void>
  /**
   * Commits records that QuickBooks was asked for after `askedAfter`, the `sequence` of then. Rows older than, or equal to,
   * what is cached change nothing; nor do those of a record that was removed since.
   */
  commitPage(realm: string, entity: string, rows: CachedRow[], askedAfter?: number): Promise<CommittedChange>
  /**
   * Removes records, some hundred at most, unless they were updated after QuickBooks says they were deleted. Each leaves
   * a tombstone.
   */
  remove(realm: string, entity: string, deletions: readonly Deletion[]): Promise<Removal>
  /** Marks a full pass as complete, once what is gone was removed. */
  completePass(realm: string, entity: string, end: PassEnd): Promise<void>
  /**
   * Marks an entity as complete as of QuickBooks' time `asOf`; null leaves that as it was. `keepError` when the last full
   * pass has failed.
   */
  completeChanges(
    realm: string,
    entity: string,
    options: { asOf: number | null; keepError: boolean },
  ): Promise<void>
  /** Keeps every record and notes why a full pass, or a look for changes, failed. */
  failPass(realm: string, entity: string, kind: 'full' | 'changes', error: string): Promise<void>
  /** Remembers which records a full pass would have dropped, until another one or one that completes. */
  holdBack(realm: string, entity: string, ids: readonly string[]): Promise<void>
  heldBack(realm: string, entity: string): Promise<string[]>
  /** How many of these records are cached. */
  countOf(realm: string, entity: string, ids: readonly string[]): Promise<number>
  /** The `seq` of the last change of a realm; 0 before the first. */
  sequence(realm: string): Promise<number>
  /** Every cached id of an entity, in batches; only those that did not change after `seq` when it is given. */
  ids(realm: string, entity: string, seq?: number): AsyncIterable<string[]>
  checkpoints(realm: string): Promise<Checkpoint[]>
  /** Undefined for an entity of which nothing was attempted yet. */
  checkpoint(realm: string, entity: string): Promise<Checkpoint | undefined>
  /** Seconds since an entity was last complete, as far as this process has seen; null when it never was. */
  ageSeconds(entity: string): number | null
  /** Another process has completed entities, at these times; only those are complete. */
  seen(successes: ReadonlyMap<string, number>): void
  /** How many records changed after `seq`. */
  changedSince(realm: string, entity: string, seq: number): Promise<number>
  /** Ids of records that were removed after `seq`; some may have come back since. */
  removedSince(realm: string, entity: string, seq: number): Promise<string[]>
  /** All records in batches, those that changed last at the end; only those changed after `seq` when it is given. */
  batches(realm: string, entity: string, seq?: number): AsyncIterable<CachedRow[]>
  /** The `limit` records that came in last, as QuickBooks sent them, in batches. */
  list(realm: string, entity: string, limit: number): AsyncIterable<string[]>
  /** A record as QuickBooks sent it; undefined when there is none. */
  get(realm: string, entity: string, id: string): Promise<string | undefined>
  /** Ends the life of the sequence: no cursor of the delta feed is continued any more. */
  endFeed(realm: string): Promise<void>
  /**
   * Forgets every realm but this one; without it, all. Sequences stay: `seq` never goes back. Answers whether there were
   * records to forget.
   */
  keepOnly(realm?: string): Promise<boolean>
}

/** Rows written between two turns of the event loop: about 2 ms of work in a file. */
const SLICE_ROWS = 100
/** A server does the work itself, and each statement is a way to it and back. */
const SERVER_SLICE_ROWS = 1000
const BATCH_ROWS = 1000
/** Records that are handed out between two turns: an invoice can have a quarter of a megabyte. */
const LISTED_TOGETHER = 50
/** A client that was away for longer than this has to load everything anew (see feed.ts). */
export const TOMBSTONE_DAYS = 90

/** A cache over the `qbo_records`, `qbo_checkpoints` and `qbo_sequences` tables. */
export function createCache(deps: { db: Db; lease: Lease; clock: Clock }): Cache {
  const { db, lease, clock } = deps
  const successes = new Map<string, number>()
  const sliceRows = lease.isShared ? SERVER_SLICE_ROWS : SLICE_ROWS

  /** Tombstones stand in the order of their `seq`, and so of their age. */
  async function forgetTombstones(realm: string, entity: string): Promise<void> {
    const before = clock.now() - TOMBSTONE_DAYS * DAY_MS
    for (;;) {
      const oldest = await tombstonesOf(db, realm, entity)
        .select(['id', 'deleted_at'])
        .orderBy('seq')
        .limit(BATCH_ROWS)
        .execute()
      const old = oldest.filter((row) => row.deleted_at < before).map(idOfRow)
      if (old.length === 0) return
      await db
        .deleteFrom('qbo_tombstones')
        .where('realm', '=', realm)
        .where('entity', '=', entity)
        .where('id', 'in', old)
        .where('deleted_at', '<', before)
        .execute()
      await nextTurn()
    }
  }

  return {
    ageSeconds(entity) {
      const last = successes.get(entity)
      return last === undefined ? null : Math.max(0, Math.floor((clock.now() - last) / 1000))
    },

    seen(all) {
      successes.clear()
      for (const [entity, at] of all) successes.set(entity, at)
    },

    async attempt(realm, entity) {
      const fresh = { records: 0, active_records: 0, set_aside: 0 }
      const last_attempt = clock.now()
      const feed = newFeed()
      await lease.write(async (trx) => {
        await trx
          .insertInto('qbo_sequences')
          .values({ realm, value: 0, feed })
          .onConflict((conflict) => conflict.doNothing())
          .execute()
        await trx
          .updateTable('qbo_sequences')
          .set({ feed })
          .where('realm', '=', realm)
          .where('feed', 'is', null)
          .execute()
        await trx
          .insertInto('qbo_checkpoints')
          .values({ realm, entity, ...fresh, last_attempt })
          .onConflict((conflict) => conflict.columns(['realm', 'entity']).doUpdateSet({ last_attempt }))
          .execute()
      })
    },

    commitPage: (realm, entity, rows, askedAfter = 0) =>
      lease.write(async (trx) => {
        const upserts: CachedRow[] = []
        let records = 0
        let active = 0
        for (const slice of pageSlices(newestOfEach(rows), sliceRows)) {
          const stored = await storedRows(trx, realm, entity, slice.map(idOfRow))
          const unknown = slice.map(idOfRow).filter((id) => !stored.has(id))
          const gone = await removedAfter(trx, realm, entity, unknown, askedAfter)
          const news = slice.filter((row) => !gone.has(row.id) && isNews(row, stored.get(row.id), askedAfter))
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
        return { upserts, removals: [], seq: upserts.at(-1)?.seq ?? 0 }
      }),

    remove: (realm, entity, deletions) =>
      lease.write(async (trx) => {
        const stored = await storedRows(trx, realm, entity, deletions.map(idOfRow))
        const isNewer = ({ id, at }: Deletion) => at !== null && (stored.get(id)?.last_updated ?? 0) > at
        const newer = deletions.filter(isNewer).map(idOfRow)
        for (const id of newer) stored.delete(id)
        const rows = [...stored.values()]
        const seq = rows.length === 0 ? 0 : await buryRows(trx, realm, entity, rows, clock.now())
        return { upserts: [], removals: rows.map(idOfRow), newer, seq }
      }),

    async completePass(realm, entity, { setAside, asOf, drift }) {
      const now = clock.now()
      await lease.write(async (trx) => {
        await checkpointOf(trx, realm, entity)
          .set({ last_success: now, last_full: now, last_error: null, set_aside: setAside })
          .set({ complete_as_of: asOf, drift, owes_full: 0 })
          .execute()
        await trx
          .deleteFrom('qbo_held_drops')
          .where('realm', '=', realm)
          .where('entity', '=', entity)
          .execute()
      })
      successes.set(entity, now)
      await forgetTombstones(realm, entity)
    },

    async completeChanges(realm, entity, { asOf, keepError }) {
      const now = clock.now()
      await lease.write((trx) =>
        checkpointOf(trx, realm, entity)
          .set({ last_success: now })
          .set(asOf === null ? {} : { complete_as_of: asOf })
          .set(keepError ? {} : { last_error: null })
          .execute(),
      )
      successes.set(entity, now)
    },

    async failPass(realm, entity, kind, error) {
      await lease.write((trx) =>
        checkpointOf(trx, realm, entity)
          .set({ last_error: error })
          .set(kind === 'full' ? { owes_full: 1 } : {})
          .execute(),
      )
    },

    async holdBack(realm, entity, ids) {
      const held = { records: ids.length, ids: JSON.stringify(ids) }
      await lease.write((trx) =>
        trx
          .insertInto('qbo_held_drops')
          .values({ realm, entity, ...held })
          .onConflict((conflict) => conflict.columns(['realm', 'entity']).doUpdateSet(held))
          .execute(),
      )
    },

    async heldBack(realm, entity) {
      const row = await db
        .selectFrom('qbo_held_drops')
        .select('ids')
        .where('realm', '=', realm)
        .where('entity', '=', entity)
        .executeTakeFirst()
      return row === undefined ? [] : (JSON.parse(row.ids) as string[])
    },

    async countOf(realm, entity, ids) {
      let count = 0
      for (const slice of slicesOf(ids, BATCH_ROWS)) {
        const found = await recordsOf(db, realm, entity).select('id').where('id', 'in', slice).execute()
        count += found.length
      }
      return count
    },

    async sequence(realm) {
      const one = db.selectFrom('qbo_sequences').select('value').where('realm', '=', realm)
      return (await one.executeTakeFirst())?.value ?? 0
    },

    async *ids(realm, entity, seq = Number.MAX_SAFE_INTEGER) {
      let last = ''
      for (;;) {
        const rows = await recordsOf(db, realm, entity)
          .select('id')
          .where('id', '>', last)
          .where('seq', '<=', seq)
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
      const held = await db
        .selectFrom('qbo_held_drops')
        .select(['entity', 'records'])
        .where('realm', '=', realm)
        .execute()
      // Who follows is told when search shows it, too.
      if (lease.isHeld())
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
        lastFull: row.last_full,
        owesFull: row.owes_full === 1,
        drift: row.drift,
        heldBack: held.find((one) => one.entity === row.entity)?.records ?? 0,
      }))
    },

    async checkpoint(realm, entity) {
      return (await this.checkpoints(realm)).find((one) => one.entity === entity)
    },

    async changedSince(realm, entity, seq) {
      const all = recordsOf(db, realm, entity).select((row) => row.fn.countAll<number>().as('count'))
      return Number((await all.where('seq', '>', seq).executeTakeFirstOrThrow()).count)
    },

    async removedSince(realm, entity, seq) {
      const removed = tombstonesOf(db, realm, entity).select('id').where('seq', '>', seq)
      return (await removed.orderBy('seq').execute()).map(idOfRow)
    },

    async *batches(realm, entity, seq = 0) {
      const read = (after: number) =>
        recordsOf(db, realm, entity)
          .select(['id', 'json', 'active', 'last_updated', 'seq'])
          .where('seq', '>', after)
          .orderBy('seq')
          .limit(BATCH_ROWS)
          .execute()
      let reading = read(seq)
      for (;;) {
        const rows = await reading
        const last = rows.at(-1)?.seq ?? seq
        const isLast = rows.length < BATCH_ROWS
        // A server reads on while these are worked on; a file would be read in the same turn.
        if (lease.isShared && !isLast) {
          reading = read(last)
          reading.catch(() => undefined)
        }
        yield rows.map(({ id, json, active, last_updated, seq }) => ({
          id,
          json,
          active: active === 1,
          lastUpdated: last_updated,
          seq,
        }))
        if (isLast) return
        await nextTurn()
        if (!lease.isShared) reading = read(last)
      }
    },

    async *list(realm, entity, limit) {
      let before = Number.MAX_SAFE_INTEGER
      for (let left = limit; left > 0; left -= LISTED_TOGETHER) {
        const newest = recordsOf(db, realm, entity).select(['json', 'seq']).where('seq', '<', before)
        const rows = await newest.orderBy('seq', 'desc').limit(Math.min(left, LISTED_TOGETHER)).execute()
        if (rows.length > 0) yield rows.map((row) => row.json)
        if (rows.length < LISTED_TOGETHER) return
        before = rows.at(-1)?.seq ?? before
        await nextTurn()
      }
    },

    async get(realm, entity, id) {
      const one = recordsOf(db, realm, entity).select('json').where('id', '=', id)
      return (await one.executeTakeFirst())?.json
    },

    async endFeed(realm) {
      const feed = newFeed()
      await lease.write((trx) =>
        trx.updateTable('qbo_sequences').set({ feed }).where('realm', '=', realm).execute(),
      )
    },

    async keepOnly(realm = '') {
      successes.clear()
      await lease.write(async (trx) => {
        for (const table of ['qbo_checkpoints', 'qbo_held_drops', 'qbo_hints', 'qbo_tombstones'] as const)
          await trx.deleteFrom(table).where('realm', '<>', realm).execute()
        // What a client of the old life knows is worth nothing: no tombstones are left to correct it.
        await trx.updateTable('qbo_sequences').set({ feed: null }).where('realm', '<>', realm).execute()
      })
      const others = db.selectFrom('qbo_records').select('id').where('realm', '<>', realm).limit(BATCH_ROWS)
      let forgot = false
      for (let rows = await others.execute(); rows.length > 0; rows = await others.execute()) {
        const ids = rows.map((row) => row.id)
        await lease.write((trx) =>
          trx.deleteFrom('qbo_records').where('realm', '<>', realm).where('id', 'in', ids).execute(),
        )
        forgot = true
        await nextTurn()
      }
      return forgot
    },
  }
}

const newFeed = () => randomUUID().slice(0, 8)

const idOfRow = ({ id }: { id: string }) => id

/**
 * SyncToken rises with every edit, LastUpdatedTime also with what is no edit, such as a new balance; and records can
 * differ within one second. So the token decides, where it tells a difference. Otherwise what was asked for after the
 * stored row had come is news, whatever the times say: QuickBooks' clock can go back. Else the time decides.
 */
function isNews(row: CachedRow, stored: StoredRow | undefined, askedAfter: number): boolean {
  if (stored === undefined) return true
  if (row.json === stored.json) return row.lastUpdated > stored.last_updated
  return isNewer(row, stored, stored.seq <= askedAfter || row.lastUpdated >= stored.last_updated)
}

/** `isLater` decides where the tokens tell no difference, or there are none. */
function isNewer(row: { json: string }, other: { json: string }, isLater: boolean): boolean {
  const edits = syncTokenOf(row.json) - syncTokenOf(other.json) || 0
  return edits > 0 || (edits === 0 && isLater)
}

/** A stored record that the disk has damaged has none: it is replaced by the next that comes. */
function syncTokenOf(json: string): number {
  try {
    return Number((JSON.parse(json) as { SyncToken?: unknown }).SyncToken)
  } catch {
    return Number.NaN
  }
}

/** QuickBooks can repeat a row at the seam of two pages, and inside one. */
function newestOfEach(rows: CachedRow[]): CachedRow[] {
  const newest = new Map<string, CachedRow>()
  for (const row of rows) {
    const other = newest.get(row.id)
    if (other === undefined || isNewer(row, other, row.lastUpdated >= other.lastUpdated))
      newest.set(row.id, row)
  }
  return [...newest.values()]
}

function* slicesOf<T>(list: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < list.length; start += size) yield list.slice(start, start + size)
}
