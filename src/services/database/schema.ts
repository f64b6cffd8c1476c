// The tables as Kysely sees them. All are prefixed `qbo_`, so that they can live inside an MRP's own database.
// Times are epoch milliseconds, booleans 0 or 1, JSON is text: the forms that every supported database keeps alike.

export interface Database {
  /** The connection to one company: its tokens and realm id, sealed; `realm` is a keyed hash of the realm id. */
  qbo_tokens: { realm: string; sealed: string; state: string; updated_at: number }
  /** OAuth requests under way; `state` and `browser` are hashes. */
  qbo_oauth_states: { state: string; browser: string | null; expires_at: number }
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
    /** QuickBooks' own time when the last complete pass began: everything older has been seen. */
    complete_as_of: number | null
  }
  /** The last `seq` given out in a realm; it never goes back, even when the newest record is deleted. */
  qbo_sequences: { realm: string; value: number }
}
