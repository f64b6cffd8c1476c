// The lease and its fence, with two holders on one database.
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { type Clock, systemClock } from '../../../src/services/clock.ts'
import { openMysql } from '../../../src/services/database/mysql.ts'
import { createLease, LEASE, type LeaseRow, type SharedLease } from '../../../src/services/lease/lease.ts'
import { type MariaDb, mariadb, onMariaDb } from '../../support/mariadb.ts'

const test = await onMariaDb(t)

/** A holder with connections of its own, as another process has them. */
async function holderOn(t: Test, { env }: MariaDb, clock: Clock = systemClock) {
  const { db, close } = await openMysql({
    host: String(env.DB_HOST),
    port: Number(env.DB_PORT),
    user: String(env.DB_USER),
    password: String(env.DB_PASSWORD),
    database: String(env.DB_NAME),
    tls: false,
  })
  t.teardown(close)
  const lease = createLease({ db, holder: `holder-${randomUUID().slice(0, 8)}`, periodMs: 60_000, clock })
  await lease.prepare()
  return lease
}

async function seen(database: MariaDb): Promise<LeaseRow> {
  const [row] = await database.query<{ holder: string | null; fence: number; isOver: number }>(
    `SELECT holder, fence, expires_at <= timestampdiff(microsecond, '1970-01-01', utc_timestamp(3)) div 1000 AS isOver
     FROM qbo_leases WHERE name = ?`,
    [LEASE],
  )
  if (row === undefined) throw new Error('there is no lease')
  return { ...row, isOver: row.isOver === 1 }
}

const acquire = async (database: MariaDb, lease: SharedLease) => lease.acquire(await seen(database))
const endNow = (database: MariaDb) => database.query('UPDATE qbo_leases SET expires_at = 0')

const rowOf = (month: string) => ({ month, entity: 'customers', reason: 'full', reads: 1 })
const write = (lease: SharedLease, month: string) =>
  lease.write((trx) => trx.insertInto('qbo_reads').values(rowOf(month)).execute())
const written = async (database: MariaDb) =>
  (await database.query<{ month: string }>('SELECT month FROM qbo_reads ORDER BY month')).map(
    ({ month }) => month,
  )

test('a write of a former holder is refused and leaves nothing', async (t) => {
  const database = await mariadb(t)
  const former = await holderOn(t, database)
  const next = await holderOn(t, database)
  t.equal(await acquire(database, former), true)
  await write(former, '2026-01')
  t.equal(await acquire(database, next), false, 'it is not over')
  await endNow(database)
  t.equal(await acquire(database, next), true)

  t.equal(former.isHeld(), true, 'it knows nothing of it')
  await t.rejects(write(former, '2026-02'), { code: 'NOT_LEADER' })
  await write(next, '2026-03')
  t.same(await written(database), ['2026-01', '2026-03'])
  await former.renew('')
  t.equal(former.isHeld(), false)
  await former.release()
  t.equal((await seen(database)).isOver, false, 'it gives nothing away that is not its own')
})

test('of many who want it at once one has it', async (t) => {
  const database = await mariadb(t)
  const holders = [await holderOn(t, database), await holderOn(t, database), await holderOn(t, database)]
  for (let round = 1; round <= 10; round++) {
    const now = await seen(database)
    const taken = await Promise.all(holders.map((lease) => lease.acquire(now)))
    t.equal(taken.filter(Boolean).length, 1)
    t.equal((await seen(database)).fence, round)
    await endNow(database)
  }
})

test('a holder that slept knows by the clock that it is over', async (t) => {
  const database = await mariadb(t)
  let aheadMs = 0
  const lease = await holderOn(t, database, { ...systemClock, now: () => Date.now() + aheadMs })
  await acquire(database, lease)
  t.equal(lease.isHeld(), true)
  aheadMs = 61_000
  t.equal(lease.isHeld(), false)
  await t.rejects(write(lease, '2026-01'), { code: 'NOT_LEADER' })
  t.same(await written(database), [])
})

test('a holder that stands still in the middle of a write is cut off, and keeps nobody from leading', async (t) => {
  const database = await mariadb(t)
  const former = await holderOn(t, database)
  const next = await holderOn(t, database)
  await acquire(database, former)
  await endNow(database)
  const begun = Promise.withResolvers<void>()
  const stands = Promise.withResolvers<void>()
  const late = former.write(async (trx) => {
    begun.resolve()
    await stands.promise
    await trx.insertInto('qbo_reads').values(rowOf('2026-02')).execute()
  })
  await begun.promise
  // Its write has made the lease good for another minute, which is taken back with the rest of it.
  t.equal(await next.acquire({ ...(await seen(database)), isOver: true }), true)
  stands.resolve()
  await t.rejects(late)
  t.same(await written(database), [])
  t.equal(former.isHeld(), false)
})
