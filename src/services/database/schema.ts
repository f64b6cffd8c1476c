// The tables as Kysely sees them. All are prefixed `qbo_`, so that they can live inside an MRP's own database.
// Times are epoch milliseconds, booleans 0 or 1, JSON is text: the forms that every supported database keeps alike.

import type { Generated } from 'kysely'

export interface Database {
  /** The connection to one company: its tokens and realm id, sealed; `realm` is a keyed hash of the realm id. */
  qbo_tokens: {
    realm: string
    sealed: string
    /** Which secret key sealed it; null in rows of earlier versions. */
    key_id: string | null
    state: string
    updated_at: number
  }
  /** OAuth requests under way; `state` and `browser` are hashes. */
  qbo_oauth_states: { state: string; browser: string | null; expires_at: number }
  /** Authorization codes that were used; hashes. */
  qbo_oauth_codes: { code: string; expires_at: number }
  /** The durable copy: one row per record, as QuickBooks sent it. */
  qbo_records: {
    realm: string
    entity: string
    id: string
    last_updated: number
    active: number
    json: string
    seq: number
  }
  /** How far each entity is: what the last pass did, and what stands in the cache. */
  qbo_checkpoints: {
    realm: string
    entity: string
    records: number
    active_records: number
    set_aside: number
    last_attempt: number | null
    last_success: number | null
    last_error: string | null
    /** QuickBooks' own time of the last complete look: everything older has been seen. */
    complete_as_of: number | null
    last_full: number | null
    /** 1 when a full pass has failed since. */
    owes_full: Generated<number | null>
    /** Records that the last full pass found otherwise than they should have been by then; null before the second one. */
    drift: number | null
  }
  /** The last `seq` given out in a realm; it never goes back, even when the newest record is deleted. */
  qbo_sequences: {
    realm: string
    value: number
    /** Names the life of this sequence: a position in another life means nothing in this one. */
    feed: string | null
  }
  /** Records that are gone, under the `seq` at which they went. */
  qbo_tombstones: { realm: string; entity: string; id: string; seq: number; deleted_at: number }
  /** What webhooks announced and nobody has read yet: one row for each post and entity. */
  qbo_hints: { number: Generated<number>; realm: string; entity: string; hints: string; received_at: number }
  /** Ids that a full pass did not see, too many to be believed at once. */
  qbo_held_drops: { realm: string; entity: string; records: number; ids: string }
  /** Who acts for all replicas, until when by the database's own time, and what it says of itself, as JSON. */
  qbo_leases: {
    name: string
    holder: string | null
    /** Rises each time that another one takes it. */
    fence: number
    expires_at: number
    report: string | null
  }
  /** What other replicas ask the one that leads to do; `input` and `answer` are sealed. */
  qbo_requests: {
    id: string
    work: string
    input: string
    asked_at: number
    /** The fence of who is at work on it. */
    taken_by: number | null
    answer: string | null
  }
  /** Browsers that are signed in to the console; `id` is a hash. */
  qbo_sessions: { id: string; expires_at: number }
  /** Reads that Intuit bills, by month (UTC). They are the app's and not a company's, so there is no realm. */
  qbo_reads: { month: string; entity: string; reason: string; reads: number }
}
