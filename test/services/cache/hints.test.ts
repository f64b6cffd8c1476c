// What webhooks announced, while it waits in a real database file.
import { createHintQueue } from '../../../src/services/cache/hints.ts'
import { createManualClock } from '../../support/clock.ts'
import { overDatabases } from '../../support/databases.ts'

const REALM = 'the-realm'

overDatabases(
  'many posts are folded into batches of about a thousand records, each entity by itself',
  async (t, kind) => {
    const database = await kind.open(t)
    const hints = createHintQueue({ db: database.db, clock: createManualClock() })
    for (let i = 0; i < 1_500; i++)
      await hints.add(REALM, [{ entity: 'items', id: String(i % 1_200), gone: i === 7 }], 0)
    const both = ['vendors', 'customers'].map((entity) => ({ entity, id: '7', gone: false }))
    await hints.add(REALM, both, 2)
    await hints.add('another-realm', both, 0)
    t.match(await hints.status(REALM, ['items', 'vendors', 'customers']), { waiting: 1_502, ignored: 2 })
    t.match(
      await hints.status(REALM, ['items']),
      { waiting: 1_500 },
      'what is not chosen any more does not count',
    )

    const first = await hints.waiting(REALM, 'items')
    if (first === null) throw new Error('nothing waits')
    t.equal(first.ids.size, 1_000)
    t.equal(first.ids.get('7'), true, 'said to be gone once is said to be gone')
    t.equal(first.ids.get('8'), false)
    await hints.add(REALM, [{ entity: 'items', id: '7', gone: false }], 0)
    await hints.done(first.numbers)
    const rest = await hints.waiting(REALM, 'items')
    t.equal(rest?.ids.size, 500, 'all that came behind, and what came meanwhile')
    await hints.done(rest?.numbers ?? [])
    t.equal(await hints.waiting(REALM, 'items'), null)
    t.ok(await hints.isEmpty(REALM, 'items'))
    t.same([...((await hints.waiting(REALM, 'vendors'))?.ids ?? [])], [['7', false]])
  },
)

overDatabases(
  'a post that gets its place before others, and comes after them, is not taken for followed',
  async (t, kind) => {
    const { db } = await kind.open(t)
    const hints = createHintQueue({ db, clock: createManualClock() })
    await hints.add(REALM, [{ entity: 'items', id: 'first', gone: false }], 0)
    await db.updateTable('qbo_hints').set({ number: 7 }).execute()
    const waiting = await hints.waiting(REALM, 'items')
    const late = { realm: REALM, entity: 'items', hints: '[["late",false]]', received_at: 1 }
    await db
      .insertInto('qbo_hints')
      .values({ ...late, number: 6 })
      .execute()
    await hints.done(waiting?.numbers ?? [])
    t.same([...((await hints.waiting(REALM, 'items'))?.ids ?? [])], [['late', false]])
  },
)
