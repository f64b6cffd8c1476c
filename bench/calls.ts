// What a day costs: the reads that Intuit bills for a company of 20,000 records in which 500 edits are made, told by the
// simulator's own meter. Time is fake, the service and its requests are real.
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { findEntity } from '../simulator/entities.ts'
import { createSimulator, type Simulator } from '../simulator/simulator.ts'
import { buildApp } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import type { Clock } from '../src/services/clock.ts'
import { scratchFolder } from './processes.ts'

const MINUTE_MS = 60_000
const DAY_MINUTES = 24 * 60
const company = { customers: 7_900, vendors: 2_050, items: 10_050 }
/** 380 records that somebody saves one by one, and eight changes of fifteen records at once: 500 edits. */
const SINGLE = 380
const TOGETHER = 8
const RECORDS_TOGETHER = 15

type Print = (figure: string, measured: string, target: string, met: boolean) => void

interface Day {
  cdc: number
  webhooks: number
  all: number
  /** Changes of one entity that were made together. */
  batches: number
}

/** A clock on which every wait passes at once. */
function createFakeClock(): Clock & { advance(ms: number): void } {
  let now = Date.UTC(2026, 0, 15, 5)
  return {
    now: () => now,
    advance: (ms) => {
      now += ms
    },
    async sleep(ms, signal) {
      now += ms
      await nextTurn()
      signal?.throwIfAborted()
    },
  }
}

/** One day, minute by minute, with the same edits each time. */
async function day(env: Record<string, string>, withWebhooks: boolean): Promise<Day> {
  const clock = createFakeClock()
  const folder = scratchFolder()
  const simulator = await createSimulator({
    company,
    clock: clock.now,
    behaviour: { throttle: { perSecond: null, perMinute: null, concurrent: null } },
  })
  await simulator.listen()
  const given = { ...simulator.env, ...env, DATA_DIR: folder.path, SECRET_KEY: 'a key for benches only' }
  const app = await buildApp(await loadConfig(given, join(folder.path, 'no.env')), { clock })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  try {
    const { auth_url } = (await app.inject('/api/auth/url')).json()
    const consent = await fetch(auth_url, { redirect: 'manual' })
    const back = new URL(consent.headers.get('location') ?? '')
    await app.inject(`${back.pathname}${back.search}`)
    await app.sync.settled()
    if (withWebhooks) {
      simulator.webhooks.subscribe(`${url}/webhooks/quickbooks`)
      simulator.webhooks.hold()
    }
    simulator.meter.reset()

    const edits = editsByMinute()
    let batches = 0
    for (let minute = 0; minute < DAY_MINUTES; minute++) {
      clock.advance(MINUTE_MS)
      for (const { entity, count } of edits.get(minute) ?? []) {
        edit(simulator, entity, minute, count)
        batches++
        const events = simulator.webhooks.take()
        if (events.length > 0) await simulator.webhooks.post(events)
        await app.sync.settled()
      }
      await app.sync.refreshDue()
      await app.sync.settled()
    }
    const { reads } = await app.readStatus()
    return {
      cdc: simulator.meter.byOperation.cdc ?? 0,
      webhooks: reads.by_reason.webhook ?? 0,
      all: simulator.meter.corePlus,
      batches,
    }
  } finally {
    await app.close()
    await simulator.close()
    folder.remove()
  }
}

interface Edit {
  entity: keyof typeof names
  count: number
}
const names = { Customer: 'Notes', Vendor: 'AcctNum', Item: 'Description' } as const

/** Over ten working hours, three in five of them items. */
function editsByMinute(): Map<number, Edit[]> {
  const kinds = ['Item', 'Customer', 'Item', 'Vendor', 'Item'] as const
  const edits = new Map<number, Edit[]>()
  for (let i = 0; i < SINGLE + TOGETHER; i++) {
    const minute = 8 * 60 + ((i * 7919) % 600)
    const count = i < SINGLE ? 1 : RECORDS_TOGETHER
    edits.set(minute, [...(edits.get(minute) ?? []), { entity: kinds[i % kinds.length] ?? 'Item', count }])
  }
  return edits
}

function edit({ company }: Simulator, entity: Edit['entity'], minute: number, count: number): void {
  const type = findEntity(entity)
  if (type === undefined) throw new Error(`the simulator has no ${entity}`)
  const { rows } = company.table(type)
  for (let i = 0; i < count; i++) {
    const id = String(rows.idOf((minute * 31 + i) % rows.slots))
    company.update(entity, id, { [names[entity]]: `edited in minute ${minute}` })
  }
}

/** Prints the calls of a day: all read each hour, changes each hour, and changes with webhooks. */
export async function callsADay(print: Print): Promise<void> {
  const hourly = await day({ CACHE_REFRESH_MINUTES: '10080', FULL_SYNC_HOURS: '1' }, false)
  const changes = await day({}, false)
  const webhooks = await day({}, true)
  const once = changes.all - changes.cdc
  const perBatch = webhooks.webhooks / webhooks.batches
  const fewer = (reads: number) => hourly.all / reads

  console.log(`20,000 records, 500 edits a day in ${changes.batches} batches; reads a day:`)
  console.log(`      everything each hour                    ${hourly.all}`)
  console.log(
    `      changes each hour                       ${changes.all} (${changes.cdc} + a full pass of ${once})`,
  )
  console.log(
    `      changes each hour, and webhooks         ${webhooks.all} (${webhooks.cdc} + ${webhooks.webhooks} + a full pass of ${once})`,
  )
  print('change data capture: calls a day', String(changes.cdc), '≤ 30', changes.cdc <= 30)
  print('webhooks: reads per changed batch', perBatch.toFixed(2), '≤ 1.1', perBatch <= 1.1)
  print(
    'following by change data capture: fewer reads than everything each hour',
    `${fewer(changes.cdc).toFixed(1)} times`,
    '≥ 20 times',
    fewer(changes.cdc) >= 20,
  )
  print(
    'the same with the daily full pass',
    `${fewer(changes.all).toFixed(1)} times`,
    '≥ 20 times',
    fewer(changes.all) >= 20,
  )
}
