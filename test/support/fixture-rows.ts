// What stands in the databases of past schema versions (test/fixtures/schema): rows of every table, of which a version has
// the tables and columns that it knows. A new table needs rows here before its version is dumped.
import { createSecrets } from '../../src/services/tokens/secrets.ts'

type Value = string | number | null

/** What the tokens are sealed with. */
export const FIXTURE_KEY = 'the key of the fixtures'
export const REALM = 'the-realm-of-the-fixtures'
export const REALM_ID = '4711'
/** Of the sequence, from the second version on. */
export const FEED = 'f00dfeed'
export const ITEM = JSON.stringify({ Id: '1', Name: "Schraube ½\" 🔩 \\ 'x'", SyncToken: '0' })
export const RENAMED = JSON.stringify({ Id: '2', Name: 'BRK-1020-A', SyncToken: '3' })

const secrets = createSecrets(FIXTURE_KEY)
const held = { realmId: REALM_ID, accessToken: 'access-1', refreshToken: 'refresh-1' }
const times = { accessExpiresAt: 2, refreshAt: 1, refreshExpiresAt: 3, consentExpiresAt: 4, connectedAt: 1 }
const record = { realm: REALM, entity: 'items', active: 1 }

/** By table, oldest column first. */
export const fixtureRows: Record<string, Record<string, Value>[]> = {
  qbo_tokens: [
    {
      ...{ realm: REALM, sealed: secrets.seal(JSON.stringify({ ...held, ...times }), REALM) },
      ...{ state: 'connected', updated_at: 1, key_id: secrets.keyId },
    },
  ],
  qbo_oauth_states: [{ state: 'hash-1', browser: 'hash-2', expires_at: 9 }],
  qbo_oauth_codes: [{ code: 'hash-3', expires_at: 9 }],
  qbo_sessions: [{ id: 'hash-4', expires_at: 9 }],
  qbo_records: [
    { ...record, id: '1', last_updated: 10, json: ITEM, seq: 1 },
    { ...record, id: '2', last_updated: 30, json: RENAMED, seq: 3 },
  ],
  qbo_checkpoints: [
    {
      ...{ realm: REALM, entity: 'items', records: 2, active_records: 2, set_aside: 1 },
      ...{ last_attempt: 50, last_success: 60, last_error: null, complete_as_of: 40 },
      ...{ last_full: 60, drift: 0, owes_full: 0 },
    },
  ],
  qbo_sequences: [{ realm: REALM, value: 4, feed: FEED }],
  qbo_tombstones: [{ realm: REALM, entity: 'items', id: '9', seq: 4, deleted_at: 55 }],
  qbo_hints: [{ realm: REALM, entity: 'items', hints: '[["1",false],["2",true]]', received_at: 70 }],
  qbo_held_drops: [{ realm: REALM, entity: 'items', records: 1, ids: '["2"]' }],
  qbo_reads: [{ month: '2026-11', entity: 'items', reason: 'full', reads: 7 }],
  qbo_leases: [{ name: 'leader', holder: 'gone', fence: 3, expires_at: 5, report: null }],
  qbo_requests: [{ id: 'request-1', work: 'refresh', input: 'sealed', asked_at: 5 }],
}
