// What is due, by the clock and by what happened before.
import t from 'tap'
import { AppError } from '../../../src/errors.ts'
import type { Checkpoint } from '../../../src/services/cache/cache.ts'
import { entities } from '../../../src/services/entities/index.ts'
import { createSchedule } from '../../../src/services/sync/schedule.ts'
import { START } from '../../support/clock.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const [customers, vendors] = entities
const both = [customers, vendors]
const intervals = { changesMs: HOUR_MS, fullMs: 24 * HOUR_MS }

/** An entity that was read completely at `read`, and looked at since at `looked`. */
const checkpoint = (entity: string, read: number, looked = read): Checkpoint => ({
  ...{
    entity,
    records: 5,
    activeRecords: 5,
    setAside: 0,
    drift: 0,
    heldBack: 0,
    lastError: null,
    owesFull: false,
  },
  ...{ lastAttempt: looked, lastSuccess: looked, completeAsOf: looked, lastFull: read },
})
const names = (list: readonly { name: string }[]) => list.map(({ name }) => name)

t.test('one look is for all, though one entity took longer to read than another', async (t) => {
  const schedule = createSchedule(intervals)
  const checkpoints = [checkpoint('customers', START), checkpoint('vendors', START + 10 * MINUTE_MS)]
  t.same(schedule.due(both, checkpoints, START + 58 * MINUTE_MS), { changes: [], full: [] })
  const due = schedule.due(both, checkpoints, START + HOUR_MS)
  t.same(names(due.changes), ['customers', 'vendors'])
  t.same(due.full, [])
})

t.test('what QuickBooks refuses waits for an interval, what it is sorry for some minutes', async (t) => {
  const schedule = createSchedule(intervals)
  const now = START + HOUR_MS
  const checkpoints = [checkpoint('customers', START), checkpoint('vendors', START)]
  const error = (retry: 'never' | 'later') => new AppError({ code: 'X', status: 502, message: 'no', retry })
  schedule.failed('changes', 'customers', error('never'), now)
  schedule.failed('changes', 'vendors', error('later'), now)
  t.same(names(schedule.due(both, checkpoints, now + 4 * MINUTE_MS).changes), [])
  t.same(names(schedule.due(both, checkpoints, now + 5 * MINUTE_MS).changes), ['vendors'])
  t.ok(schedule.isRefused('customers'))
  schedule.failed('changes', 'vendors', error('later'), now + 5 * MINUTE_MS)
  t.same(names(schedule.due(both, checkpoints, now + 12 * MINUTE_MS).changes), [])
  t.same(names(schedule.due(both, checkpoints, now + 15 * MINUTE_MS).changes), ['vendors'])
  t.same(names(schedule.due(both, checkpoints, now + HOUR_MS).changes), ['customers', 'vendors'])
  schedule.forgive()
  t.same(names(schedule.due(both, checkpoints, now + MINUTE_MS).changes), ['customers', 'vendors'])
})

t.test('what was never read, is owed, or is too old for changes, is read as a whole', async (t) => {
  const schedule = createSchedule(intervals)
  t.same(names(schedule.due(both, [], START).full), ['customers', 'vendors'])
  const checkpoints = [checkpoint('customers', START), checkpoint('vendors', START)]
  t.same(names(schedule.due(both, checkpoints, START + MINUTE_MS).full), [])
  schedule.owe('vendors')
  t.same(names(schedule.due(both, checkpoints, START + MINUTE_MS).full), ['vendors'])
  schedule.succeeded('full', 'vendors')
  t.same(names(schedule.due(both, checkpoints, START + MINUTE_MS).full), [])
  const late = schedule.due(both, checkpoints, START + 40 * 24 * HOUR_MS)
  t.same(names(late.full), ['customers', 'vendors'])
  t.same(late.changes, [])
  const setBack = schedule.due(both, checkpoints, START - 24 * HOUR_MS)
  t.same(names(setBack.changes), ['customers', 'vendors'], 'a clock that was set back waits for nothing')
})
