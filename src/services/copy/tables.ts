// The cache of one company, table by table, from one database to an empty one: in batches, so that memory stays bounded,
// each in a transaction of its own that commits only while both are held.

import { pageSlices, recordsOf, tombstonesOf } from '../cache/rows.ts'
import type { Trx } from '../database/database.ts'
import type { Held } from './hold.ts'

/** How much was copied. */
export interface Copied {
  records: number
  tombstones: number
  hints: number
}

/** Rows of a batch: an invoice can have a quarter of a megabyte. */
const BATCH_ROWS = 200

/** Copies everything of `realm` but its tokens. Cursors of clients go on: `seq` and its feed are kept. */
export async function copyTables(from: Held, to: Held, realm: string): Promise<Copied> {
  await copySequence(from, to, realm)
  const copied = {
    records: await copyRecords(from, to, realm),
    tombstones: await copyTombstones(from, to, realm),
    hints: await copyHints(from, to, realm),
  }
  await copyHeldDrops(from, to, realm)
  await copyReads(from, to)
  // Last: what has no checkpoint is read anew.
  await copyCheckpoints(from, to, realm)
  return copied
}

/** Runs through what `read` finds after the `place` of the row before; answers how many there were. */
async function inBatches<Row>(
  { from, to }: { from: Held; to: Held },
  read: (after: number) => Promise<Row[]>,
  placeOf: (row: Row) => number,
  write: (trx: Trx, rows: Row[]) => Promise<void>,
): Promise<number> {
  let count = 0
  let after = 0
  for (;;) {
    const rows = await read(after)
    const last = rows.at(-1)
    if (last === undefined) return count
    // Keeps the source's lease for as long as it takes.
    if (from.lease.isShared) await from.lease.write(async () => undefined)
    await to.lease.write((trx) => write(trx, rows))
    after = placeOf(last)
    count += rows.length
  }
}

async function entitiesIn(
  { db }: Held,
  table: 'qbo_records' | 'qbo_tombstones',
  realm: string,
): Promise<string[]> {
  const rows = await db.selectFrom(table).select('entity').distinct().where('realm', '=', realm).execute()
  return rows.map(({ entity }) => entity)
}

async function copyRecords(from: Held, to: Held, realm: string): Promise<number> {
  let count = 0
  for (const entity of await entitiesIn(from, 'qbo_records', realm)) {
    const all = recordsOf(from.db, realm, entity).selectAll().orderBy('seq').limit(BATCH_ROWS)
    count += await inBatches(
      { from, to },
      (after) => all.where('seq', '>', after).execute(),
      ({ seq }) => seq,
      async (trx, rows) => {
        for (const some of pageSlices(rows, BATCH_ROWS))
          await trx.insertInto('qbo_records').values(some).execute()
      },
    )
  }
  return count
}

async function copyTombstones(from: Held, to: Held, realm: string): Promise<number> {
  let count = 0
  for (const entity of await entitiesIn(from, 'qbo_tombstones', realm)) {
    const all = tombstonesOf(from.db, realm, entity).selectAll().orderBy('seq').limit(BATCH_ROWS)
    count += await inBatches(
      { from, to },
      (after) => all.where('seq', '>', after).execute(),
      ({ seq }) => seq,
      async (trx, rows) => void (await trx.insertInto('qbo_tombstones').values(rows).execute()),
    )
  }
  return count
}

/** In their order, under new numbers. */
const copyHints = (from: Held, to: Held, realm: string): Promise<number> =>
  inBatches(
    { from, to },
    (after) =>
      from.db
        .selectFrom('qbo_hints')
        .selectAll()
        .where('realm', '=', realm)
        .where('number', '>', after)
        .orderBy('number')
        .limit(BATCH_ROWS)
        .execute(),
    ({ number }) => number,
    async (trx, rows) => {
      const values = rows.map(({ number: _, ...row }) => row)
      await trx.insertInto('qbo_hints').values(values).execute()
    },
  )

/** `seq` never goes back, at the target neither. */
async function copySequence({ db }: Held, to: Held, realm: string): Promise<void> {
  const row = await db.selectFrom('qbo_sequences').selectAll().where('realm', '=', realm).executeTakeFirst()
  if (row === undefined) return
  await to.lease.write(async (trx) => {
    const there = await trx
      .selectFrom('qbo_sequences')
      .select('value')
      .where('realm', '=', realm)
      .executeTakeFirst()
    const value = Math.max(row.value, there?.value ?? 0)
    await trx.deleteFrom('qbo_sequences').where('realm', '=', realm).execute()
    await trx
      .insertInto('qbo_sequences')
      .values({ ...row, value })
      .execute()
  })
}

async function copyHeldDrops({ db }: Held, to: Held, realm: string): Promise<void> {
  const rows = await db.selectFrom('qbo_held_drops').selectAll().where('realm', '=', realm).execute()
  if (rows.length > 0) await to.lease.write((trx) => trx.insertInto('qbo_held_drops').values(rows).execute())
}

async function copyCheckpoints({ db }: Held, to: Held, realm: string): Promise<void> {
  const rows = await db.selectFrom('qbo_checkpoints').selectAll().where('realm', '=', realm).execute()
  if (rows.length > 0) await to.lease.write((trx) => trx.insertInto('qbo_checkpoints').values(rows).execute())
}

/** Where both have counted the larger count stays: a copy that is begun again must not count twice. */
async function copyReads({ db }: Held, to: Held): Promise<void> {
  const rows = await db.selectFrom('qbo_reads').selectAll().execute()
  await to.lease.write(async (trx) => {
    for (const row of rows) {
      const same = { month: row.month, entity: row.entity, reason: row.reason }
      const there = trx.selectFrom('qbo_reads').select('reads')
      const other = await there.where((at) => at.and(same)).executeTakeFirst()
      await trx
        .deleteFrom('qbo_reads')
        .where((at) => at.and(same))
        .execute()
      const reads = Math.max(row.reads, other?.reads ?? 0)
      await trx
        .insertInto('qbo_reads')
        .values({ ...same, reads })
        .execute()
    }
  })
}
