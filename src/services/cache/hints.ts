// What webhooks announced and nobody has read yet. Kept in the database until it was read, so that a stop in between
// loses nothing: Intuit does not send again what was answered.

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

/** Hints that wait, oldest first. */
export interface WaitingHints {
  hints: Hint[]
  /** Say this to `done` when they have been followed. */
  upTo: number
}

/** The queue of all realms. */
export interface HintQueue {
  /** Keeps hints; on the disk when it resolves. */
  add(realm: string, hints: readonly Hint[]): Promise<void>
  /** Everything that waits; null when nothing does. */
  waiting(realm: string): Promise<WaitingHints | null>
  /** Takes what waited away; `left` of it, which could not be followed, stays. */
  done(realm: string, upTo: number, left?: readonly Hint[]): Promise<void>
  /** Posts that wait, and when this process got the last one (epoch milliseconds). */
  status(realm: string): Promise<{ waiting: number; lastReceived: number | null }>
}

/** Posts that are read at once: as many as a burst of thousands of events makes. */
const POSTS = 1_000

/** A queue over the `qbo_hints` table. */
export function createHintQueue({ db, clock }: { db: Db; clock: Clock }): HintQueue {
  let lastReceived: number | null = null

  return {
    async add(realm, hints) {
      lastReceived = clock.now()
      const row = { realm, hints: JSON.stringify(hints), received_at: lastReceived }
      await db.insertInto('qbo_hints').values(row).execute()
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
      return { hints: rows.flatMap((row) => JSON.parse(row.hints) as Hint[]), upTo }
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
      return { waiting: Number(count), lastReceived }
    },
  }
}
