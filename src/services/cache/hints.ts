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

/** Hints that wait, folded: several of one record are one. */
export interface WaitingHints {
  /** By our name of the entity and id: whether the record is said to be gone. */
  byEntity: ReadonlyMap<string, ReadonlyMap<string, boolean>>
  /** Say this to `done` when they have been followed. */
  upTo: number
}

/** The queue of all realms. */
export interface HintQueue {
  /** Keeps hints; on the disk when it resolves. `ignored` events of the same post were about something else. */
  add(realm: string, hints: readonly Hint[], ignored: number): Promise<void>
  isEmpty(realm: string): Promise<boolean>
  /** What waits, of many posts those that came first; null when nothing does. */
  waiting(realm: string): Promise<WaitingHints | null>
  /** Takes what waited away; `left` of it, which could not be followed, stays. */
  done(realm: string, upTo: number, left?: readonly Hint[]): Promise<void>
  /** Posts that wait, when this process got the last one (epoch milliseconds), and the events that it ignored. */
  status(realm: string): Promise<{ waiting: number; lastReceived: number | null; ignored: number }>
}

/** Posts that are followed together: as many as a burst of thousands of events makes. */
const POSTS = 100

/** A queue over the `qbo_hints` table. */
export function createHintQueue({ db, clock }: { db: Db; clock: Clock }): HintQueue {
  let lastReceived: number | null = null
  let allIgnored = 0

  return {
    async add(realm, hints, ignored) {
      lastReceived = clock.now()
      allIgnored += ignored
      if (hints.length === 0) return
      const row = { realm, hints: JSON.stringify(hints), received_at: lastReceived }
      await db.insertInto('qbo_hints').values(row).execute()
    },
    async isEmpty(realm) {
      const first = db.selectFrom('qbo_hints').select('number').where('realm', '=', realm).limit(1)
      return (await first.executeTakeFirst()) === undefined
    },
    async waiting(realm) {
      const rows = await db
        .selectFrom('qbo_hints')
        .select(['number', 'hints'])
        .where('realm', '=', realm)
        .orderBy('number')
        .limit(POSTS)
        .execute()
      const upTo = rows.at(-1)?.number
      if (upTo === undefined) return null
      const byEntity = new Map<string, Map<string, boolean>>()
      for (const row of rows) {
        for (const { entity, id, gone } of JSON.parse(row.hints) as Hint[]) {
          const ids = byEntity.get(entity) ?? new Map<string, boolean>()
          byEntity.set(entity, ids.set(id, gone || ids.get(id) === true))
        }
        await nextTurn()
      }
      return { byEntity, upTo }
    },
    done: (realm, upTo, left = []) =>
      db.transaction().execute(async (trx) => {
        await trx.deleteFrom('qbo_hints').where('realm', '=', realm).where('number', '<=', upTo).execute()
        if (left.length === 0) return
        const row = { realm, hints: JSON.stringify(left), received_at: clock.now() }
        await trx.insertInto('qbo_hints').values(row).execute()
      }),
    async status(realm) {
      const { count } = await db
        .selectFrom('qbo_hints')
        .select((row) => row.fn.countAll<number>().as('count'))
        .where('realm', '=', realm)
        .executeTakeFirstOrThrow()
      return { waiting: Number(count), lastReceived, ignored: allIgnored }
    },
  }
}
