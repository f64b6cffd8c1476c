// States and codes of OAuth over each kind of database: each is good once.
import type { Test } from 'tap'
import { createKeyring } from '../../../src/services/tokens/keyring.ts'
import { createOAuthStates, STATE_LIFETIME_MS } from '../../../src/services/tokens/oauth-states.ts'
import { createManualClock } from '../../support/clock.ts'
import { type DatabaseKind, overDatabases } from '../../support/databases.ts'

const keyring = createKeyring(() => ({ key: 'a key for tests only', previous: [] }))
const nextKeyring = createKeyring(() => ({ key: 'the next key', previous: ['a key for tests only'] }))

async function setUp(t: Test, kind: DatabaseKind) {
  const { db } = await kind.open(t)
  const clock = createManualClock()
  return { db, clock, states: createOAuthStates({ db, keyring, clock }) }
}

/** How many of them were answered with yes. */
const yes = async (answers: Promise<boolean>[]) => (await Promise.all(answers)).filter(Boolean).length

overDatabases('a state is redeemed once, however many ask at once', async (t, kind) => {
  const { states } = await setUp(t, kind)
  const state = await states.issue()
  t.equal(await yes(Array.from({ length: 8 }, () => states.redeem(state))), 1)
  t.equal(await states.redeem(state), false)
  t.equal(await states.redeem('one that nobody was given'), false)
})

overDatabases('a state of one browser is not spent by another', async (t, kind) => {
  const { states } = await setUp(t, kind)
  const state = await states.issue('mine')
  t.equal(await states.redeem(state, 'another'), false)
  t.equal(await states.redeem(state), false)
  t.equal(await states.redeem(state, 'mine'), true)
})

overDatabases(
  'a state is good for ten minutes, and for a key that is replaced meanwhile',
  async (t, kind) => {
    const { db, clock, states } = await setUp(t, kind)
    const [first, second] = [await states.issue('mine'), await states.issue('mine')]
    await clock.advance(STATE_LIFETIME_MS - 1)
    t.equal(await createOAuthStates({ db, clock, keyring: nextKeyring }).redeem(first, 'mine'), true)
    await clock.advance(1)
    t.equal(await states.redeem(second, 'mine'), false)
  },
)

overDatabases('the table is bounded: the oldest of a thousand make room', async (t, kind) => {
  const { db, clock, states } = await setUp(t, kind)
  const oldest = await states.issue()
  await clock.advance(1)
  const waiting = Array.from({ length: 999 }, (_, i) => ({
    state: String(i),
    browser: null,
    expires_at: clock.now() + 1_000_000,
  }))
  await db.insertInto('qbo_oauth_states').values(waiting).execute()
  const newest = await states.issue()
  t.equal((await db.selectFrom('qbo_oauth_states').select('state').execute()).length, 1_000)
  t.equal(await states.redeem(oldest), false)
  t.equal(await states.redeem(newest), true)
})

overDatabases('a code is spent once, however many come with it at once', async (t, kind) => {
  const { db, clock, states } = await setUp(t, kind)
  t.equal(await yes(Array.from({ length: 8 }, () => states.spendCode('a code'))), 1)
  t.equal(await states.spendCode('a code'), false)
  t.equal(await createOAuthStates({ db, clock, keyring: nextKeyring }).spendCode('a code'), false)
  t.equal(await states.spendCode('A code'), true)
})
