// What changed since a client last asked, in the order in which it was committed: records as they are now, and
// tombstones. A client that applies one page after the other ends with exactly what the cache holds.

import { sql } from 'kysely'
import { AppError } from '../../errors.ts'
import { type Clock, DAY_MS } from '../clock.ts'
import type { Db } from '../database/database.ts'
import { TOMBSTONE_DAYS } from './cache.ts'
import { recordsOf, tombstonesOf } from './rows.ts'

/** Which record changed, or is gone. */
export interface ChangedId {
  seq: number
  entity: string
  id: string
}

/** One change: the record as QuickBooks sent it, or null for one that is gone. */
export interface FeedChange extends ChangedId {
  json: string | null
}

/** Some changes, oldest first. */
export interface FeedPage<T extends ChangedId = FeedChange> {
  changes: T[]
  /** Where the next page begins. */
  cursor: string
  /** Whether there are changes behind this page already. */
  more: boolean
}

/** Which changes are asked for. */
export interface FeedQuery {
  realm: string
  entities: readonly string[]
  /** From an earlier answer about these entities; undefined begins with every record that there is. */
  cursor: string | undefined
  limit: number
}

/** The delta feed of one company. */
export interface Feed {
  /** @throws AppError 410 CURSOR_UNKNOWN when the cursor is not from this feed, or too old to be continued. */
  read(query: FeedQuery): Promise<FeedPage>
  /** The same without the records, which are most of the work. */
  readIds(query: FeedQuery): Promise<FeedPage<ChangedId>>
  /** Where a commit with this `seq` ends; without one, where everything so far does. */
  position(realm: string, seq?: number): Promise<Position>
  /** Where the cache of this company ends now. */
  end(realm: string | undefined): Promise<CacheEnd>
}

/** What a cache holds: whose records, in which life of their sequence, up to which `seq`. */
export interface CacheEnd {
  /** Undefined when no company is connected. */
  realm: string | undefined
  /** Null before anything was read. */
  feed: string | null
  seq: number
}

/** The life of the sequence, a `seq`, and when it was handed out: tombstones are kept for so long. */
export interface Position {
  feed: string
  seq: number
  at: number
}

/** An id, and how large its record is. */
type Sized = ChangedId & { bytes: number }

/** A page ends here, though it could have more changes: nobody else is answered while it is made. */
const MOST_BYTES = 4 * 1024 * 1024

/** A feed over the `qbo_records` and `qbo_tombstones` tables. */
export function createFeed({ db, clock }: { db: Db; clock: Clock }): Feed {
  async function endOf(realm: string): Promise<CacheEnd> {
    const row = await db
      .selectFrom('qbo_sequences')
      .select(['value', 'feed'])
      .where('realm', '=', realm)
      .executeTakeFirst()
    return { realm, feed: row?.feed ?? null, seq: row?.value ?? 0 }
  }

  async function now(realm: string): Promise<Position> {
    const { feed, seq } = await endOf(realm)
    return { feed: feed ?? NEW, seq, at: clock.now() }
  }

  function positionIn(cursor: string, { feed, seq, at }: Position, entities: readonly string[]): Position {
    const found = readCursor(cursor)
    // The first records may have come since a cursor was handed out for an empty feed.
    const known = found !== null && (found.feed === feed || (found.feed === NEW && found.seq === 0))
    if (!known || found.seq > seq || at - found.at > TOMBSTONE_DAYS * DAY_MS) throw unknownCursor()
    // Of another entity its client has nothing that could be continued.
    if (!entities.every((entity) => found.entities.includes(entity))) throw unknownCursor()
    return found
  }

  /** The first behind `after`, of what there is and what is gone. */
  async function idsOf(realm: string, entity: string, after: number, limit: number): Promise<Sized[]> {
    const columns = ['seq', 'entity', 'id'] as const
    const bytes = sql<number>`octet_length(json)`.as('bytes')
    const records = recordsOf(db, realm, entity)
      .select([...columns, bytes])
      .where('seq', '>', after)
    const tombstones = tombstonesOf(db, realm, entity).select(columns).where('seq', '>', after)
    const gone = await tombstones.orderBy('seq').limit(limit).execute()
    return [
      ...(await records.orderBy('seq').limit(limit).execute()),
      ...gone.map((one) => ({ ...one, bytes: 0 })),
    ]
  }

  /** The ids of a page whose records have no more than so many bytes, and between which numbers it lies. */
  async function find({ realm, entities, cursor, limit }: FeedQuery, mostBytes = Number.POSITIVE_INFINITY) {
    // Asked for first: what is committed meanwhile belongs to the next page.
    const end = await now(realm)
    const start = cursor === undefined ? { ...end, seq: 0 } : positionIn(cursor, end, entities)
    const found: Sized[] = []
    for (const entity of entities) found.push(...(await idsOf(realm, entity, start.seq, limit + 1)))
    const ids = inOrder(found.filter(({ seq }) => seq <= end.seq))
    let bytes = 0
    const tooLarge = ids.findIndex((one) => {
      bytes += one.bytes
      return bytes > mostBytes
    })
    const last = tooLarge < 0 ? limit : Math.min(limit, Math.max(1, tooLarge))
    const more = ids.length > last
    const changes = ids.slice(0, last)
    const seq = more ? (changes.at(-1)?.seq ?? 0) : end.seq
    // Until a client has caught up, its tombstones have to be as old as what it began with.
    const reached = cursorOf({ ...end, seq, at: more ? start.at : end.at }, entities)
    return { after: start.seq, upTo: seq, page: { changes, more, cursor: reached } }
  }

  async function changesOf(
    realm: string,
    entity: string,
    after: number,
    upTo: number,
  ): Promise<FeedChange[]> {
    const records = await recordsOf(db, realm, entity)
      .select(['seq', 'entity', 'id', 'json'])
      .where('seq', '>', after)
      .where('seq', '<=', upTo)
      .execute()
    const tombstones = await tombstonesOf(db, realm, entity)
      .select(['seq', 'entity', 'id'])
      .where('seq', '>', after)
      .where('seq', '<=', upTo)
      .execute()
    return [...records, ...tombstones.map((one) => ({ ...one, json: null }))]
  }

  return {
    async read(query) {
      const { after, upTo, page } = await find(query, MOST_BYTES)
      const changes: FeedChange[] = []
      for (const entity of query.entities)
        changes.push(...(await changesOf(query.realm, entity, after, upTo)))
      return { ...page, changes: inOrder(changes) }
    },
    readIds: async (query) => (await find(query)).page,
    end: async (realm) => (realm === undefined ? { realm, feed: null, seq: 0 } : await endOf(realm)),
    async position(realm, seq) {
      const end = await now(realm)
      return { ...end, seq: seq ?? end.seq }
    },
  }
}

const inOrder = <T extends ChangedId>(changes: T[]): T[] => changes.sort((one, other) => one.seq - other.seq)

/** The feed of a company of which nothing was read yet. */
const NEW = '0'

/** A cursor for a client that has everything of these entities up to a position. */
export const cursorOf = ({ feed, seq, at }: Position, entities: readonly string[]): string =>
  `${feed}-${seq.toString(36)}-${at.toString(36)}-${entities.join('.')}`

/** When a cursor was handed out, in epoch milliseconds; null for what is none. */
export const timeOfCursor = (cursor: string): number | null => readCursor(cursor)?.at ?? null

const CURSOR = /^([0-9a-f]{1,8})-([0-9a-z]{1,11})-([0-9a-z]{1,10})-([a-z_.]+)$/

function readCursor(cursor: string): (Position & { entities: string[] }) | null {
  const [, feed = '', seq = '', at = '', entities = ''] = CURSOR.exec(cursor) ?? []
  if (feed === '') return null
  const numbers = { seq: Number.parseInt(seq, 36), at: Number.parseInt(at, 36) }
  return { feed, ...numbers, entities: entities.split('.') }
}

const unknownCursor = () =>
  new AppError({
    code: 'CURSOR_UNKNOWN',
    status: 410,
    message: `This cursor cannot be continued: it is not from this service, was for other entities, is older than ${TOMBSTONE_DAYS} days, or a company was connected anew since. Begin again without a cursor, and replace all that you have by what comes.`,
  })
