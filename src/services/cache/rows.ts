// The statements over single rows of the cache, each inside a transaction of its caller's.

import type { Transaction } from 'kysely'
import type { Db } from '../database/database.ts'
import type { Database } from '../database/schema.ts'
import type { CachedRow } from '../entities/index.ts'

/** A transaction in progress. */
export type Trx = Transaction<Database>

/** A row as it stands in the table. */
export interface StoredRow {
  id: string
  last_updated: number
  active: number
  json: string
}

/** The records of one entity. */
export const recordsOf = (on: Db | Trx, realm: string, entity: string) =>
  on.selectFrom('qbo_records').where('realm', '=', realm).where('entity', '=', entity)

/** The checkpoint of one entity, to be changed. */
export const checkpointOf = (on: Db | Trx, realm: string, entity: string) =>
  on.updateTable('qbo_checkpoints').where('realm', '=', realm).where('entity', '=', entity)

/** What is stored of these rows, by id. */
export async function storedRows(
  trx: Trx,
  realm: string,
  entity: string,
  rows: CachedRow[],
): Promise<Map<string, StoredRow>> {
  const ids = rows.map((row) => row.id)
  const stored = await recordsOf(trx, realm, entity)
    .select(['id', 'last_updated', 'active', 'json'])
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

/** Removes records; answers which of them there were. */
export async function removeRows(trx: Trx, realm: string, entity: string, ids: string[]) {
  const removed = await recordsOf(trx, realm, entity)
    .select(['id', 'active'])
    .where('id', 'in', ids)
    .execute()
  await trx
    .deleteFrom('qbo_records')
    .where('realm', '=', realm)
    .where('entity', '=', entity)
    .where('id', 'in', ids)
    .execute()
  return removed
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
