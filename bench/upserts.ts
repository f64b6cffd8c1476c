// Pages of records into MySQL or MariaDB, beside the same rows in plain bulk statements of its driver.
import { createPool } from 'mysql2/promise'
import { type Cache, createCache } from '../src/services/cache/cache.ts'
import { systemClock } from '../src/services/clock.ts'
import { openMysql } from '../src/services/database/mysql.ts'
import type { CachedRow } from '../src/services/entities/index.ts'
import { createLease } from '../src/services/lease/lease.ts'
import { type ScratchDatabase, scratchDatabase } from './mysql.ts'
import { createCompany } from './search-data.ts'

export const REALM = 'a realm for benches only'
/** In seconds. */
interface Times {
  first: number
  again: number
}

/** A cache whose process leads, and goes on leading. */
export async function leadingCache(
  database: ScratchDatabase,
): Promise<{ cache: Cache; close(): Promise<void> }> {
  const { db, close } = await openMysql(database.settings)
  const lease = createLease({ db, holder: 'bench', periodMs: 3_600_000, clock: systemClock })
  await lease.prepare()
  const [row] = await database.query('SELECT fence FROM qbo_leases')
  if (!(await lease.acquire({ holder: null, fence: Number(row?.fence), isOver: true })))
    throw new Error('somebody else leads')
  return {
    cache: createCache({ db, lease, clock: systemClock }),
    async close() {
      await lease.release()
      await close()
    },
  }
}

/** Pages of `size` customers as a refresh brings them, and the same after somebody has changed each of them. */
async function pagesOf(size: number): Promise<{ first: CachedRow[][]; again: CachedRow[][] }> {
  const first: CachedRow[][] = []
  for await (const rows of createCompany('names', size).batches())
    first.push(rows.map(({ raw: _, ...row }) => row))
  const again = first.map((rows) =>
    rows.map((row) => ({
      ...row,
      json: row.json.replace(/}$/, ',"Notes":"x"}'),
      lastUpdated: row.lastUpdated + 1000,
    })),
  )
  return { first, again }
}

async function timed(pages: CachedRow[][], commit: (rows: CachedRow[]) => Promise<unknown>): Promise<number> {
  const started = performance.now()
  for (const rows of pages) await commit(rows)
  return (performance.now() - started) / 1000
}

async function ours(pages: Awaited<ReturnType<typeof pagesOf>>): Promise<Times> {
  const database = await scratchDatabase()
  const { cache, close } = await leadingCache(database)
  await cache.attempt(REALM, 'customers')
  const commit = (rows: CachedRow[]) => cache.commitPage(REALM, 'customers', rows)
  const times = { first: await timed(pages.first, commit), again: await timed(pages.again, commit) }
  const [row] = await database.query('SELECT MAX(seq) AS seq FROM qbo_records')
  if (Number(row?.seq) !== 2 * pages.first.flat().length)
    throw new Error(`not everything was written: ${row?.seq}`)
  await close()
  await database.drop()
  return times
}

/** The same table, a page in a statement and a transaction. */
async function plainly(pages: Awaited<ReturnType<typeof pagesOf>>): Promise<Times> {
  const database = await scratchDatabase()
  const { close } = await openMysql(database.settings)
  const { tls: _, ...settings } = database.settings
  const pool = createPool({ ...settings, connectionLimit: 1 })
  let seq = 0
  const commit = (rows: CachedRow[]) =>
    pool.query(
      'INSERT INTO qbo_records (realm, entity, id, last_updated, active, json, seq) VALUES ? ON DUPLICATE KEY UPDATE last_updated = VALUES(last_updated), active = VALUES(active), json = VALUES(json), seq = VALUES(seq)',
      [
        rows.map(({ id, lastUpdated, active, json }) => [
          REALM,
          'customers',
          id,
          lastUpdated,
          active,
          json,
          ++seq,
        ]),
      ],
    )
  const times = { first: await timed(pages.first, commit), again: await timed(pages.again, commit) }
  await pool.end()
  await close()
  await database.drop()
  return times
}

export type Print = (figure: string, measured: string, target: string, met: boolean) => void

/** The median of some rounds, each in a new database, in turn with the peer. */
export async function upserts(
  print: Print,
  { size, rounds }: { size: number; rounds: number },
): Promise<void> {
  const pages = await pagesOf(size)
  const pairs: { own: Times; plain: Times }[] = []
  for (let round = 0; round < rounds; round++) {
    const plain = await plainly(pages)
    pairs.push({ plain, own: await ours(pages) })
  }
  for (const which of ['first', 'again'] as const) {
    const sorted = pairs.toSorted((a, b) => a.own[which] - b.own[which])
    const { own, plain } = sorted[rounds >> 1] as (typeof pairs)[number]
    const [seconds, peer] = [own[which], plain[which]]
    print(
      `${size.toLocaleString('en')} records upserted, ${which === 'first' ? 'new' : 'all changed'}, to plain bulk statements`,
      `${(seconds / peer).toFixed(2)} (${seconds.toFixed(2)} / ${peer.toFixed(2)} s)`,
      '≤ 4 s',
      seconds <= 4,
    )
  }
}
