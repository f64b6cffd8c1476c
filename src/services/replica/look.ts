// What other replicas have changed, in one statement: cheap enough to be asked every second by each of them.

import { sql } from 'kysely'
import type { Db } from '../database/database.ts'
import { LEASE, type LeaseRow, serverTime } from '../lease/lease.ts'

/** The state of all, as of one moment. */
export interface Seen {
  lease: LeaseRow
  /** What the one that leads says of itself. */
  report: string | null
  /** Another one whenever the stored connection is. */
  connection: string
  realm: string | undefined
  /** Of the realm's cache. */
  feed: string | null
  seq: number
  /** When each entity was last complete, epoch milliseconds. */
  successes: ReadonlyMap<string, number>
  hasHints: boolean
  hasRequests: boolean
}

/** `entities`: those whose webhooks are followed here. @throws DatabaseError */
export async function look(db: Db, entities: readonly string[]): Promise<Seen> {
  const rows = await db
    .selectFrom('qbo_leases as l')
    .leftJoin('qbo_tokens as t', (join) => join.onTrue())
    .leftJoin('qbo_sequences as s', 's.realm', 't.realm')
    .leftJoin('qbo_checkpoints as c', 'c.realm', 't.realm')
    .select([
      'l.holder',
      'l.fence',
      'l.expires_at',
      'l.report',
      't.realm',
      't.state',
      't.key_id',
      't.updated_at',
    ])
    .select(['s.value', 's.feed', 'c.entity', 'c.last_success', serverTime.as('now')])
    .select(
      sql<number>`exists (select 1 from qbo_hints h where h.realm = t.realm and h.entity in (${sql.join(entities)}))`.as(
        'hints',
      ),
    )
    .select(sql<number>`exists (select 1 from qbo_requests r where r.answer is null)`.as('requests'))
    .where('l.name', '=', LEASE)
    .execute()
  const [first] = rows
  if (first === undefined) throw new Error('qbo_leases has lost its row')
  const successes = rows.flatMap(({ entity, last_success }) =>
    entity === null || last_success === null ? [] : [[entity, last_success] as const],
  )
  const { holder, fence, expires_at, now, report, realm, state, key_id, updated_at } = first
  return {
    lease: { holder, fence, isOver: expires_at <= now },
    report,
    connection: [realm, state, key_id, updated_at].join(' '),
    realm: realm ?? undefined,
    feed: first.feed,
    seq: first.value ?? 0,
    successes: new Map(successes),
    hasHints: first.hints === 1,
    hasRequests: first.requests === 1,
  }
}
