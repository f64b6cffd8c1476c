// Several processes of the service on one database, beside one simulator: who leads, who sees what, and what happens to
// a process that is stopped, woken or killed.
import { deepStrictEqual, equal, ok } from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import type { QboRecord, Simulator } from '../../simulator/simulator.ts'
import type { Clock } from '../../src/services/clock.ts'
import { type Answer, mustStart, type Running } from './crashes.ts'
import type { MariaDb } from './mariadb.ts'
import { connectAt, temporaryFolder } from './service.ts'

/** What a test may replace in a replica. Times are milliseconds. */
export interface ReplicaSettings {
  leasePeriodMs: number
  /** How long a stop goes on answering. */
  drainMs?: number
  /** Its clock goes wrong by so much. */
  aheadMs?: number
  fast?: FastClock
}

/** From `base` on, both as `Date.now()` tells it, `speed` times as fast. */
export interface FastClock {
  base: number
  speed: number
}

/** Processes with the same settings agree about the time. */
export const fastClock = ({ base, speed }: FastClock): Clock => ({
  now: () => Math.floor(base + (Date.now() - base) * speed),
  async sleep(ms, signal) {
    try {
      await delay(Math.max(0, ms) / speed, undefined, signal ? { signal } : {})
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
})

/** One process among several. */
export interface Replica extends Running {
  /** Stands still, with everything that it has open. */
  pause(): void
  wake(): void
  /** As a service manager stops it; resolves when it has ended. */
  stop(): Promise<void>
  /** The status; undefined when it does not answer soon. */
  status(): Promise<Answer['json'] | undefined>
}

/** See the header of this file. */
export interface Fleet {
  /** Those that were started and have not ended, stopped ones too. */
  readonly all: readonly Replica[]
  start(options?: {
    settings?: Partial<ReplicaSettings>
    env?: Record<string, string>
    dataDir?: string
  }): Promise<Replica>
  /** Waits until one of them leads and those that answer know of no other; answers it. */
  leader(among?: readonly Replica[]): Promise<Replica>
  /** Those that follow it. */
  followers(): Promise<Replica[]>
  /** Connects through one of them, and waits until everything has been read. */
  connectAndFill(): Promise<void>
  /** Waits until all of them show exactly what the simulator has. @throws AssertionError how one of them differs */
  mustEqual(patienceMs?: number): Promise<void>
}

export interface FleetOptions {
  simulator: Simulator
  database: MariaDb
  settings: ReplicaSettings
  env?: Record<string, string>
}

const entry = join(import.meta.dirname, 'replica-service.ts')
/** A replica that is stopped answers nothing. */
const ANSWER_MS = 2_000

/** What the consent comes back to. No process of a test listens there: `connectAt` goes on at the right one. */
export const CALLBACK = 'http://localhost:5002/callback'

/** Nobody serves at first. All that were started end with the test. */
export function createFleet(t: Test, { simulator, database, settings, env = {} }: FleetOptions): Fleet {
  const all: Replica[] = []

  async function start(options: Parameters<Fleet['start']>[0] = {}): Promise<Replica> {
    const running = await mustStart({
      entry,
      env: {
        ...simulator.env,
        ...database.env,
        QUICKBOOKS_REDIRECT_URI: CALLBACK,
        DATA_DIR: options.dataDir ?? temporaryFolder(t),
        // What is due by the clock is not what is about to be tried.
        CACHE_REFRESH_MINUTES: '10080',
        FULL_SYNC_HOURS: '600',
        ...env,
        ...options.env,
        REPLICA: JSON.stringify({ ...settings, ...options.settings }),
      },
    })
    t.teardown(() => running.kill())
    const replica: Replica = {
      ...running,
      pause: () => void process.kill(running.pid, 'SIGSTOP'),
      wake: () => void process.kill(running.pid, 'SIGCONT'),
      async stop() {
        process.kill(running.pid, 'SIGTERM')
        await running.died
      },
      async status() {
        const asked = running.request('/api/cache/status', { signal: AbortSignal.timeout(ANSWER_MS) })
        return (await asked.catch(() => undefined))?.json
      },
    }
    all.push(replica)
    void running.died.then(() => all.splice(all.indexOf(replica), 1))
    return replica
  }

  async function leader(among: readonly Replica[] = all): Promise<Replica> {
    for (;;) {
      const told = await Promise.all(
        among.map(async (one) => ({ one, replica: (await one.status())?.replica })),
      )
      const [leads, ...others] = told.filter(({ replica }) => replica?.role === 'leader')
      const known = told.filter(({ replica }) => replica !== undefined)
      if (leads && others.length === 0 && known.every(({ replica }) => replica.leader === leads.replica.id))
        return leads.one
      await delay(50)
    }
  }

  return {
    all,
    start,
    leader,
    async followers() {
      const leads = await leader()
      return all.filter((one) => one !== leads)
    },
    async connectAndFill() {
      const [first] = all
      equal(await connectAt(first?.url ?? ''), 302)
      const filled = await first?.request('/api/cache/refresh?wait=true', { method: 'POST' })
      equal(filled?.status, 200, JSON.stringify(filled?.json))
      await this.mustEqual()
    },
    async mustEqual(patienceMs = 20_000) {
      const end = performance.now() + patienceMs
      for (const replica of all) {
        for (;;) {
          try {
            await mustShow(replica, simulator)
            break
          } catch (error) {
            if (performance.now() > end) throw error
            await delay(100)
          }
        }
      }
    },
  }
}

const shown = [
  { entity: 'Customer', name: 'customers', index: 'client_names', field: 'DisplayName' },
  { entity: 'Vendor', name: 'vendors', index: 'vendor_names', field: 'DisplayName' },
  { entity: 'Item', name: 'items', index: 'product_names', field: 'Name' },
] as const

/** QuickBooks adds to the names of what is not active any more; nobody wants to see that. */
const nameOf = (record: QboRecord, field: string) => String(record[field]).replace(/ \(deleted\)$/, '')

/** For companies of some hundred records. */
async function mustShow({ url, request }: Replica, { company }: Simulator): Promise<void> {
  for (const { entity, name, index, field } of shown) {
    const there = company.list(entity)
    const { json } = await request(`/api/data/${name}?limit=1000`)
    const byId = (records: readonly QboRecord[]) =>
      new Map(records.map((record) => [record.Id, JSON.parse(JSON.stringify(record))]))
    deepStrictEqual(byId(json[name]), byId(there), `${url}: ${name} are those of QuickBooks`)
    equal(json.total, there.length, `${url}: ${name} are counted`)
    const labels = new Map<string, string>()
    for (let first = 0; first < there.length; first += 100) {
      const ids = there.slice(first, first + 100).map(({ Id }) => Id)
      const { results, missing } = (await request(`/api/records/${name}?ids=${ids}`)).json
      deepStrictEqual(missing, [], `${url}: ${name} that search does not know`)
      for (const one of results) labels.set(one.id, one.name)
    }
    for (const record of there)
      equal(labels.get(record.Id), nameOf(record, field), `${url}: ${name} ${record.Id}`)
    const { indexes } = (await request('/api/indexes/status')).json
    const found = there.filter(({ Active, Type }) => Active && Type !== 'Category')
    ok(indexes[index] >= found.length, `${url}: ${index} has all`)
    const isThere = new Set(there.map(({ Id }) => Id))
    for (const record of found.slice(-20)) {
      const q = encodeURIComponent(String(record[field]))
      const { results } = (await request(`/api/search/${index}?q=${q}&limit=100`)).json
      ok(
        results.some(({ id }: { id: string }) => id === record.Id),
        `${url}: ${name} ${record.Id} is found`,
      )
      for (const { id } of results) ok(isThere.has(id), `${url}: ${name} ${id} is gone, and is found`)
    }
  }
}
