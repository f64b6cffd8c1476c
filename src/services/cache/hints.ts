// What webhooks announced and nobody has read yet. Kept in the database until it was read, so that a stop in between
// loses nothing: Intuit does not send again what was answered.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import type { Db } from '../database/database.ts'

/** That a record changed in QuickBooks; whether and how is for QuickBooks to say when it is asked. */
export interface Hint {
  /** Our name of its entity. */
  entity: string
  id: string
  /** The record is said to be gone. */
  gone: boolean
}

/** Hints about one entity that wait, folded: several of one record are one. */
export interface WaitingHints {
  /** Whether the record is said to be gone, by id. */
  ids: ReadonlyMap<string, boolean>
  /** Say these to `done` when they have been followed. */
  numbers: number[]
  /** As many as are followed together: more may wait already. */
  full: boolean
}

/** The queue of all realms. Each entity has its own, so that one that cannot be read holds up no other. */
export interface HintQueue {
  /** Keeps the hints of a post; on the disk when it resolves. `ignored` events of it were about something else. */
  add(realm: string, hints: readonly Hint[], ignored: number): Promise<void>
  isEmpty(realm: string, entity: string): Promise<boolean>
  /** What waits, of many posts those that came first; null when nothing does. */
  waiting(realm: string, entity: string): Promise<WaitingHints | null>
  /** Takes what waited away. */
  done(numbers: readonly number[]): Promise<void>
  /** What waits for these entities, when this process got the last post (epoch milliseconds), and what it ignored. */
  status(realm: string, entities: readonly string[]): Promise<HintStatus>
}

/** Posts that wait, each counted for every entity that it is about, and events that were ignored. */
export interface HintStatus {
  waiting: number
  lastReceived: number | null
  ignored: number
}

/** So many records are followed together, or all that wait: one query can ask for a thousand. */
const ENOUGH = 1000
/** Posts that are looked at between two turns of the event loop. */
const POSTS = 100
const DONE_TOGETHER = 1000

/** A queue over the `qbo_hints` table: a row is what one post said about one entity. */
export function createHintQueue({ db, clock }: { db: Db; clock: Clock }): HintQueue {
  let lastReceived: number | null = null
  let allIgnored = 0

  const rowsOf = (realm: string, entity: string) =>
    db.selectFrom('qbo_hints').where('realm', '=', realm).where('entity', '=', entity)

  return {
    async add(realm, hints, ignored) {
      const receivedAt = clock.now()
      lastReceived = receivedAt
      allIgnored += ignored
      if (hints.length === 0) return
      const rows = [...Map.groupBy(hints, ({ entity }) => entity)].map(([entity, some]) => ({
        ...{ realm, entity, received_at: receivedAt },
        hints: JSON.stringify(some.map(({ id, gone }) => [id, gone])),
      }))
      await db.insertInto('qbo_hints').values(rows).execute()
    },
    async isEmpty(realm, entity) {
      return (await rowsOf(realm, entity).select('number').limit(1).executeTakeFirst()) === undefined
    },
    async waiting(realm, entity) {
      const ids = new Map<string, boolean>()
      const numbers: number[] = []
      for (;;) {
        const rows = await rowsOf(realm, entity)
          .select(['number', 'hints'])
          .where('number', '>', numbers.at(-1) ?? 0)
          .orderBy('number')
          .limit(POSTS)
          .execute()
        for (const row of rows) {
          if (ids.size >= ENOUGH) break
          for (const [id, gone] of JSON.parse(row.hints) as [string, boolean][])
            ids.set(id, gone || ids.get(id) === true)
          numbers.push(row.number)
        }
        if (rows.length < POSTS || ids.size >= ENOUGH) break
        await nextTurn()
      }
      return numbers.length === 0 ? null : { ids, numbers, full: ids.size >= ENOUGH }
    },
    async done(numbers) {
      // One by one: a post with a lower number can be committed after one with a higher.
      for (let start = 0; start < numbers.length; start += DONE_TOGETHER)
        await db
          .deleteFrom('qbo_hints')
          .where('number', 'in', numbers.slice(start, start + DONE_TOGETHER))
          .execute()
    },
    async status(realm, entities) {
      const { count } = await db
        .selectFrom('qbo_hints')
        .select((row) => row.fn.countAll<number>().as('count'))
        .where('realm', '=', realm)
        .where('entity', 'in', entities)
        .executeTakeFirstOrThrow()
      return { waiting: Number(count), lastReceived, ignored: allIgnored }
    },
  }
}
