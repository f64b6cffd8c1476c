// What one replica asks of another, while the database between them fails.
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { DatabaseError } from '../../../src/errors.ts'
import { type Clock, systemClock } from '../../../src/services/clock.ts'
import type { Db } from '../../../src/services/database/database.ts'
import { openMysql } from '../../../src/services/database/mysql.ts'
import { serverTime } from '../../../src/services/lease/lease.ts'
import { createRequests } from '../../../src/services/replica/requests.ts'
import { createKeyring } from '../../../src/services/tokens/keyring.ts'
import { createSecrets } from '../../../src/services/tokens/secrets.ts'
import { type MariaDb, mariadb, onMariaDb } from '../../support/mariadb.ts'

const test = await onMariaDb(t)
const FENCE = 7
const log = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} }

async function setUp(t: Test) {
  const database = await mariadb(t)
  const { db, close } = await openMysql(database.settings)
  t.teardown(close)
  return { database, db }
}

const requestsOver = (db: Db, clock: Clock = systemClock, keys = ['a key for tests only']) => {
  const [key = '', ...previous] = keys
  return createRequests({ ...{ db, clock, log }, keyring: createKeyring(() => ({ key, previous })) })
}

/** Waits until a request is there. */
async function asked({ query }: MariaDb): Promise<void> {
  while ((await query('SELECT id FROM qbo_requests')).length === 0);
}

/** Its first update is lost, and nobody knows whether it was done. */
const losingAnUpdate = (db: Db, before: () => void): Db => {
  let isLost = false
  return new Proxy(db, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name, target)
      if (name !== 'updateTable' || isLost) return typeof found === 'function' ? found.bind(target) : found
      isLost = true
      before()
      throw new DatabaseError('ECONNRESET', 'unreachable', 'ECONNRESET')
    },
  })
}

test('what could not be taken for a moment is done all the same', async (t) => {
  const { database, db } = await setUp(t)
  let losses = 0
  const leader = requestsOver(losingAnUpdate(db, () => losses++))
  leader.register('double', async (number: number) => number * 2)
  const follower = requestsOver(db)
  const answer = follower.ask<number, number>('double', 21, () => FENCE)
  await asked(database)
  await leader.serve(FENCE).catch(() => undefined)
  await leader.serve(FENCE)
  t.equal(await answer, 42)
  t.equal(losses, 1)
})

test('what a later leader is at work on is left to it', async (t) => {
  const { database, db } = await setUp(t)
  const done: number[] = []
  const leaderOf = (fence: number) => {
    const leader = requestsOver(db)
    leader.register('note', async () => done.push(fence))
    return leader
  }
  const follower = requestsOver(db)
  const answer = follower.ask('note', null, () => FENCE)
  await asked(database)
  await database.query('UPDATE qbo_requests SET taken_by = ?', [FENCE])
  await leaderOf(FENCE - 1).serve(FENCE - 1)
  await leaderOf(FENCE).serve(FENCE)
  await answer
  t.same(done, [FENCE])
})

test('what nobody waits for any more is forgotten, by the clock of the database', async (t) => {
  const { database, db } = await setUp(t)
  const follower = requestsOver(db, { ...systemClock, now: () => 0 })
  const leader = requestsOver(db)
  leader.register('double', async (number: number) => number * 2)
  const old = { work: 'double', input: '', asked_at: sql<number>`${serverTime} - 3700000` }
  await db
    .insertInto('qbo_requests')
    .values([
      { ...old, id: 'left', answer: 'sealed' },
      { ...old, id: 'late', answer: null },
    ])
    .execute()
  const answer = follower.ask<number, number>('double', 21, () => FENCE)
  while ((await database.query('SELECT id FROM qbo_requests')).length < 3);
  await leader.serve(FENCE)
  t.equal(await answer, 42, 'of a replica whose clock is far behind')
  t.same(await database.query('SELECT id FROM qbo_requests'), [])
})

for (const [title, keys] of Object.entries({
  'a leader that has not got the new key yet': { leader: ['old'], follower: ['new', 'old'] },
  'a follower that has not got the new key yet': { leader: ['new', 'old'], follower: ['old'] },
}))
  for (const isConnected of [true, false])
    test(`while the key is replaced: ${title}, ${isConnected ? '' : 'not '}connected`, async (t) => {
      const { database, db } = await setUp(t)
      const keyOf = (text: string) => createSecrets(text).keyId
      if (isConnected)
        await database.query('INSERT INTO qbo_tokens (realm, sealed, state, updated_at, key_id) VALUES (?)', [
          ['realm', '', 'connected', 1, keyOf('old')],
        ])
      const leader = requestsOver(db, systemClock, keys.leader)
      leader.register('double', async (number: number) => number * 2)
      const answer = requestsOver(db, systemClock, keys.follower).ask<number, number>(
        'double',
        21,
        () => FENCE,
      )
      await asked(database)
      await leader.serve(FENCE)
      if (!isConnected && keys.leader.length === 1)
        await t.rejects(answer, { code: 'KEYS_DIFFER', statusCode: 503 })
      else t.equal(await answer, 42)
    })
