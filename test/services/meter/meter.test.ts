// The meter of billed reads over a real database file.
import type { Test } from 'tap'
import { createReadMeter, type MeterReadings } from '../../../src/services/meter/meter.ts'
import { createManualClock } from '../../support/clock.ts'
import { type DatabaseKind, overDatabases } from '../../support/databases.ts'

const HOUR_MS = 3_600_000

async function setUp(t: Test, kind: DatabaseKind, budget: number | null = null) {
  const { db } = await kind.open(t)
  let now = Date.UTC(2026, 10, 30, 23)
  const clock = { ...createManualClock(), now: () => now }
  const told: string[] = []
  const write = (level: string) => (_fields: object, message: string) =>
    void told.push(`${level}: ${message}`)
  const log = { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') }
  const create = () => createReadMeter({ db, clock, log, budget })
  const goTo = (hours: number) => {
    now = Date.UTC(2026, 10, 30, 23) + hours * HOUR_MS
  }
  return { create, goTo, told }
}

overDatabases(
  'a clock that is set back over the edge of a month forgets nothing that was spent',
  async (t, kind) => {
    const { create, goTo } = await setUp(t, kind, 3)
    const meter = await create()
    for (let i = 0; i < 3; i++) meter.count('items', 'full')
    t.ok(meter.isSpent())
    goTo(2)
    t.match(meter.readings(), { month: '2026-12', spent: 0, reads: [] })
    t.notOk(meter.isSpent())
    meter.count('items', 'full')
    goTo(0)
    t.match(meter.readings(), { month: '2026-11', spent: 3 })
    t.throws(meter.mustNotBeSpent, { code: 'READ_BUDGET_SPENT', message: /kept/ })
    await meter.close()
  },
)

overDatabases('a start with a spent budget says so, and goes on counting', async (t, kind) => {
  const { create, told } = await setUp(t, kind, 10)
  const meter = await create()
  for (let i = 0; i < 7; i++) meter.count('items', 'full')
  t.same(told, [])
  meter.count('all', 'changes')
  t.match(told, [/^warn: Four fifths/])
  for (let i = 0; i < 5; i++) meter.count('items', 'webhook')
  t.match(told.slice(1), [/^error: The monthly read budget is spent/])
  await meter.close()
  const again = await create()
  t.equal(told.length, 3, 'said again at a start')
  const sorted = ({ reads, ...rest }: MeterReadings) => ({
    ...rest,
    reads: reads.toSorted((one, other) => (one.reason < other.reason ? -1 : 1)),
  })
  t.same(sorted(again.readings()), sorted(meter.readings()))
  again.count('items', 'webhook')
  t.match(again.readings(), { spent: 14 })
  t.equal(told.length, 3)
  await again.close()
})
