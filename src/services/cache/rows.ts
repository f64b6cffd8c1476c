// The statements over single rows of the cache, each inside a transaction of its caller's.

import type { Db, Trx } from '../database/database.ts'
import type { CachedRow } from '../entities/index.ts'

/** A row as it stands in the table. */
export interface StoredRow {
  id: string
  last_updated: number
  active: number
  json: string
  seq: number
}

/** The JSON of one statement: in bytes, and escaped, less than the 4 MB that every server takes. */
const SLICE_CHARS = 1_000_000

/** The records of one entity. */
export const recordsOf = (on: Db | Trx, realm: string, entity: string) =>
  on.selectFrom('qbo_records').where('realm', '=', realm).where('entity', '=', entity)

/** The tombstones of one entity. */
export const tombstonesOf = (on: Db | Trx, realm: string, entity: string) =>
  on.selectFrom('qbo_tombstones').where('realm', '=', realm).where('entity', '=', entity)

/** The checkpoint of one entity, to be changed. */
export const checkpointOf = (on: Db | Trx, realm: string, entity: string) =>
  on.updateTable('qbo_checkpoints').where('realm', '=', realm).where('entity', '=', entity)

/** What is stored under these ids. */
export async function storedRows(
  trx: Trx,
  realm: string,
  entity: string,
  ids: readonly string[],
): Promise<Map<string, StoredRow>> {
  const stored = await recordsOf(trx, realm, entity)
    .select(['id', 'last_updated', 'active', 'json', 'seq'])
    .where('id', 'in', ids)
    .execute()
  return new Map(stored.map((row) => [row.id, row]))
}

/** Writes rows, each under a new `seq`; answers with that of the first, the others follow it. */
export async function writeRows(trx: Trx, realm: string, entity: string, rows: CachedRow[]): Promise<number> {
  const first = (await nextSeq(trx, realm, rows.length)) - rows.length + 1
  const values = rows.map(({ id, json, active, lastUpdated }, i) => ({
    realm,
    entity,
    id,
    last_updated: lastUpdated,
    active: Number(active),
    json,
    seq: first + i,
  }))
  await trx
    .insertInto('qbo_records')
    .values(values)
    .onConflict((conflict) =>
      conflict.columns(['realm', 'entity', 'id']).doUpdateSet(({ ref }) => ({
        last_updated: ref('excluded.last_updated'),
        active: ref('excluded.active'),
        json: ref('excluded.json'),
        seq: ref('excluded.seq'),
      })),
    )
    .execute()
  return first
}

/** Removes records that are there and leaves a tombstone for each, under a new `seq`; answers the last one. */
export async function buryRows(
  trx: Trx,
  realm: string,
  entity: string,
  rows: readonly Pick<StoredRow, 'id' | 'active'>[],
  now: number,
): Promise<number> {
  const ids = rows.map((row) => row.id)
  const last = await nextSeq(trx, realm, rows.length)
  const first = last - rows.length + 1
  await trx
    .deleteFrom('qbo_records')
    .where('realm', '=', realm)
    .where('entity', '=', entity)
    .where('id', 'in', ids)
    .execute()
  await trx
    .insertInto('qbo_tombstones')
    .values(ids.map((id, i) => ({ realm, entity, id, seq: first + i, deleted_at: now })))
    .onConflict((conflict) =>
      conflict.columns(['realm', 'entity', 'id']).doUpdateSet(({ ref }) => ({
        seq: ref('excluded.seq'),
        deleted_at: ref('excluded.deleted_at'),
      })),
    )
    .execute()
  await addToCounts(trx, realm, entity, -rows.length, -rows.reduce((sum, row) => sum + row.active, 0))
  return last
}

/** Takes `count` numbers of the realm's sequence and answers the last of them. */
export async function nextSeq(trx: Trx, realm: string, count: number): Promise<number> {
  await trx
    .updateTable('qbo_sequences')
    .set((row) => ({ value: row('value', '+', count) }))
    .where('realm', '=', realm)
    .execute()
  const { value } = await trx
    .selectFrom('qbo_sequences')
    .select('value')
    .where('realm', '=', realm)
    .executeTakeFirstOrThrow()
  return value
}

/** Which of these records were removed after `seq`. */
export async function removedAfter(
  trx: Trx,
  realm: string,
  entity: string,
  ids: readonly string[],
  seq: number,
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set()
  const removed = await tombstonesOf(trx, realm, entity)
    .select('id')
    .where('id', 'in', ids)
    .where('seq', '>', seq)
    .execute()
  return new Set(removed.map((row) => row.id))
}

/** Moves the counts of an entity's checkpoint. */
export async function addToCounts(
  trx: Trx,
  realm: string,
  entity: string,
  records: number,
  active: number,
): Promise<void> {
  await checkpointOf(trx, realm, entity)
    .set((row) => ({
      records: row('records', '+', records),
      active_records: row('active_records', '+', active),
    }))
    .execute()
}

/** Records in pieces that one statement can carry, of `mostRows` at most. */
export function* pageSlices<T extends { json: string }>(
  rows: readonly T[],
  mostRows: number,
): Generator<T[]> {
  let slice: T[] = []
  let chars = 0
  for (const row of rows) {
    if (slice.length === mostRows || (slice.length > 0 && chars + row.json.length > SLICE_CHARS)) {
      yield slice
      slice = []
      chars = 0
    }
    slice.push(row)
    chars += row.json.length
  }
  if (slice.length > 0) yield slice
}
