// A simulated QuickBooks and the data of a service that is killed again and again. Each life of it begins with a look at
// what the last death has left, and ends with everything as QuickBooks has it.
import { deepStrictEqual, equal, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSimulator, type QboRecord, type WebhookEvent } from '../../simulator/simulator.ts'
import type { Deed, Seam } from '../journeys/crash.test.ts'
import { inspect, type Kept, look, mustStart, type Running } from './crashes.ts'
import { connectAt } from './service.ts'

export interface CrashingWorld {
  /** Something is done, and the process dies of it. */
  dies(seam: Seam, nth: number): Promise<void>
  /** It starts again. @throws AssertionError when that shows any loss but a token that truly never came. */
  lives(seam: Seam, loop: number): Promise<{ lost: boolean; reconnected: boolean }>
  end(): Promise<void>
}

const entities = { customers: 'Customer', items: 'Item' } as const
const names = Object.keys(entities) as (keyof typeof entities)[]

/** Records as JSON by id. */
type Company = Record<keyof typeof entities, Map<string, string>>

/** How long it is down after each death, by its own clock: a request of the life before has come to an end by then. */
const DOWN_MS = 6_000

export async function createCrashingWorld(options: {
  previousToken: 'strict' | 'grace'
  customers: number
  random: () => number
}): Promise<CrashingWorld> {
  const { previousToken, customers, random } = options
  const simulator = await createSimulator({
    company: { customers, vendors: 0, items: 30 },
    behaviour: {
      ...{ rotation: 'always', previousToken, tokenLatencyMs: 0 },
      throttle: { perSecond: null, perMinute: null, concurrent: null },
    },
  })
  await simulator.listen()
  const { company, oauth, webhooks } = simulator
  const dataDir = mkdtempSync(join(tmpdir(), 'mrp-backend-crashing-'))
  const env = {
    ...simulator.env,
    DATA_DIR: dataDir,
    SYNC_ENTITIES: names.join(','),
    // What is due by the clock is not what is about to be tried.
    CACHE_REFRESH_MINUTES: '10080',
    FULL_SYNC_HOURS: '600',
  }
  const ended = new AbortController()
  let edits = 0
  let starts = 0
  let running = await live()
  await connect()
  equal((await running.request('/api/cache/refresh', { method: 'POST' })).status, 200)
  let before = companyNow()
  let token = tokenOfIntuit()
  /** Of the life that ended: what it was told and answered with 200. */
  let announced: readonly WebhookEvent[] = []
  let unanswered: readonly WebhookEvent[] = []

  async function live(): Promise<Running> {
    starts += 1
    const clock = { CLOCK_AHEAD_MS: String(starts * DOWN_MS) }
    const service = await mustStart({ env: { ...env, ...clock }, signal: ended.signal })
    webhooks.subscribe(`${service.url}/webhooks/quickbooks`)
    webhooks.hold()
    return service
  }

  async function connect(): Promise<void> {
    equal(await connectAt(running.url), 302)
  }

  function tokenOfIntuit(): string | undefined {
    return oauth.current?.refreshToken
  }

  function companyNow(): Company {
    const of = (entity: string) =>
      new Map(company.list(entity).map((record: QboRecord) => [record.Id, JSON.stringify(record)]))
    return { customers: of(entities.customers), items: of(entities.items) }
  }

  /** Changes on all pages of each entity; what was made before is taken away. */
  function edit(): void {
    edits += 1
    for (const name of names) {
      const entity = entities[name]
      const field = name === 'items' ? 'Name' : 'DisplayName'
      const there = company.list(entity)
      // Webhooks do not tell of the records below one that was renamed.
      const parents = new Set(
        there.map(({ ParentRef }) => (ParentRef as { value: string } | undefined)?.value),
      )
      const untouched = there.slice(1).filter(({ Id }) => !parents.has(Id))
      for (const part of [untouched.slice(0, 500), untouched.slice(-20)])
        company.update(entity, part[Math.floor(random() * part.length)]?.Id ?? '', {
          [field]: `Edited ${edits} ${Math.floor(random() * 1e6)}`,
        })
      const made = there.find((record) => String(record[field]).startsWith('Made'))
      if (made !== undefined) company.remove(entity, made.Id)
      company.create(entity, { [field]: `Made ${edits}` })
    }
  }

  const deeds: Record<Deed, () => Promise<unknown>> = {
    'use a token': () => running.request('/api/test'),
    'read everything': () => running.request('/api/cache/refresh', { method: 'POST' }),
    'look for changes': () => running.request('/api/cache/refresh?full=false', { method: 'POST' }),
    async 'post webhooks'() {
      const events = webhooks.take()
      const followed = running.log.filter(({ msg }) => msg === 'Webhooks followed').length
      const status = await webhooks.post(events)
      if (status === 200) announced = events
      else unanswered = events
      await running.logged('Webhooks followed', followed + names.length)
    },
  }

  return {
    async dies({ deed, at, times }, nth) {
      announced = []
      unanswered = []
      if (deed !== 'use a token') edit()
      if (deed === 'use a token' || (deed === 'read everything' && /token|refresh/.test(at)))
        oauth.expireAccessTokens()
      if (at !== 'killed') await running.arm({ at, nth })
      const done = deeds[deed]().catch(() => undefined)
      if (at === 'killed') {
        await Promise.race([done, sleep(Math.floor(random() * times))])
        await running.kill()
      } else if (at === 'anything') {
        await Promise.race([done, running.died])
        await running.kill()
      } else {
        const death = await Promise.race([running.died, done.then(() => undefined)])
        equal((death ?? (await running.died)).signal, 'SIGKILL', 'it died where it was told to')
      }
      await done
    },

    async lives(seam, loop) {
      const kept = inspect(dataDir)
      const after = companyNow()
      mustBeWhole(kept, after)
      const isKept = new Set(announced.map(({ entity, id }) => `${entity} ${id}`))
      for (const key of isKept) {
        const [entity = '', id = ''] = key.split(' ')
        const name = names.find((one) => entities[one] === entity) ?? 'customers'
        const isFollowed = kept.records[name]?.get(id) === after[name].get(id)
        ok(isFollowed || kept.hints[name]?.has(id), `${key}: announced, answered with 200, and not forgotten`)
      }

      // QuickBooks is away: what is known is served.
      simulator.fault({ on: 'any', kind: 'reset', times: Number.POSITIVE_INFINITY })
      running = await live()
      const status = (await running.request('/api/cache/status')).json
      equal(status.connection_status, 'connected')
      for (const name of names)
        equal(status[`${name}_count`], kept.records[name]?.size, `${name} in the status`)
      await mustBeFound(kept)
      simulator.clearFaults()

      const lost = tokenMustBe(seam)
      const reconnected = await mustBeConnected(lost)

      if (unanswered.length > 0 && kept.waiting === 0) equal(await webhooks.post(unanswered), 200)
      if (unanswered.length + announced.length > 0) {
        const waiting =
          kept.waiting > 0 ? Object.keys(kept.hints).length : unanswered.length > 0 ? names.length : 0
        if (!reconnected) await running.logged('Webhooks followed', waiting)
      } else {
        const isFull = loop % 5 === 0
        const answer = await running.request(`/api/cache/refresh?full=${isFull}`, { method: 'POST' })
        equal(answer.status, 200, JSON.stringify(answer.json))
      }
      await mustBeQuickBooks(after)
      before = after
      token = tokenOfIntuit()
      return { lost, reconnected }
    },

    async end() {
      ended.abort()
      await running.died
      await simulator.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }

  /** Each record is what QuickBooks had before or after the edits; none is missing that was always there. */
  function mustBeWhole(kept: Kept, after: Company): void {
    for (const name of names) {
      const records = kept.records[name] ?? new Map<string, string>()
      for (const [id, json] of records)
        ok([before[name].get(id), after[name].get(id)].includes(json), `${name} ${id} was like this once`)
      for (const id of before[name].keys())
        ok(records.has(id) || !after[name].has(id), `${name} ${id} is still there`)
    }
  }

  async function mustBeFound({ records }: Kept): Promise<void> {
    for (const [name, index, field] of [
      ['customers', 'client_names', 'DisplayName'],
      ['items', 'product_names', 'Name'],
    ] as const) {
      const there = [...(records[name] ?? [])].map(([id, json]) => ({ id, record: JSON.parse(json) }))
      // What is not active is found when it is asked for, and a category is no product.
      const all = there.filter(({ record }) => record.Active && record.Type !== 'Category')
      const edited = all.filter(({ record }) => /^(Edited|Made)/.test(record[field]))
      for (const { id, record } of [...all.slice(0, 1), ...edited.slice(-2)]) {
        const q = encodeURIComponent(record[field])
        const { status, json } = await running.request(`/api/search/${index}?q=${q}&limit=5`)
        equal(status, 200)
        ok(
          json.results.some((hit: { id: string }) => hit.id === id),
          `${name} ${id} is found by its name, ${record[field]}: ${JSON.stringify(json)}`,
        )
      }
    }
  }

  /** Answers whether Intuit has given a token that never came to the disk. */
  function tokenMustBe({ token: expected }: Seam): boolean {
    const now = tokenOfIntuit()
    ok(
      running.held === token || running.held === now,
      'the token on the disk is the last one or the one before',
    )
    if (expected === 'same') deepStrictEqual([running.held, now], [token, token])
    if (expected === 'new') deepStrictEqual([running.held, now === token], [now, false])
    if (expected === 'lost') deepStrictEqual([running.held, now === token], [token, false])
    return running.held !== now
  }

  /** Answers whether a person had to connect again. */
  async function mustBeConnected(lost: boolean): Promise<boolean> {
    oauth.expireAccessTokens()
    const tried = await running.request('/api/test')
    const mustReconnect = lost && previousToken === 'strict'
    equal(tried.status, mustReconnect ? 409 : 200, JSON.stringify(tried.json))
    const state = mustReconnect ? 'reconnect_required' : 'connected'
    equal((await running.request('/api/cache/status')).json.connection_status, state)
    if (!mustReconnect) return false
    equal((await running.request('/api/cache/refresh', { method: 'POST' })).status, 409)
    await mustBeFound(look(dataDir))
    await connect()
    equal((await running.request('/api/test')).status, 200)
    return true
  }

  async function mustBeQuickBooks(now: Company): Promise<void> {
    const kept = look(dataDir)
    const status = (await running.request('/api/cache/status')).json
    for (const name of names) {
      const records = kept.records[name] ?? new Map()
      equal(records.size, now[name].size, `${name}: as many as in QuickBooks`)
      for (const [id, json] of now[name]) equal(records.get(id), json, `${name} ${id}`)
      equal(status[`${name}_count`], records.size)
      ok((status.entities[name].drift_count ?? 0) === 0, `${name}: nothing had to be repaired`)
    }
    await mustBeFound(kept)
  }
}
