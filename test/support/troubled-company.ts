// A company in a simulated QuickBooks and the service that follows it, to which anything may happen: on fake clocks, over
// real sockets, with a real database file that survives restarts.
import { deepStrictEqual, equal } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { createSimulator } from '../../simulator/simulator.ts'
import { buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { entities } from '../../src/services/entities/index.ts'
import { createSearch } from '../../src/services/search/search.ts'
import type { Action } from '../journeys/following.test.ts'
import { afterEachAnswer } from './answers.ts'
import { createLeapingClock } from './clock.ts'
import { unhurried } from './unhurried.ts'

/** See the header of this file. */
export interface Company {
  happens(action: Action): Promise<void>
  /** No more trouble: what is left to be done is done by the clock. */
  becomesQuiet(): Promise<void>
  /** @throws AssertionError naming the record that differs. */
  mustBeFollowed(): Promise<void>
  end(): Promise<void>
}

const MINUTE_MS = 60_000
const names = { Customer: 'DisplayName', Vendor: 'DisplayName', Item: 'Name' } as const

/** What a kind of document is found by, and whom it is about. */
const documents = {
  Invoice: 'CustomerRef',
  Estimate: 'CustomerRef',
  PurchaseOrder: 'VendorRef',
  Bill: 'VendorRef',
} as const

/** Answers that leave rows out, and of which nothing shows it: only a full pass can find what a look for changes missed. */
const silent = ['wrongRows', 'missingKeys']

/** How a story begins: how large the company is, and whether anything happens only after the first reading. */
export interface Beginning {
  size: 'empty' | 'small' | 'pages'
  isFilled: boolean
}

const sizes = {
  empty: { customers: 0, vendors: 0, items: 0, invoices: 0, estimates: 0, purchaseOrders: 0, bills: 0 },
  small: { customers: 14, vendors: 6, items: 16, invoices: 8, estimates: 3, purchaseOrders: 4, bills: 4 },
  pages: {
    customers: 2_100,
    vendors: 3,
    items: 1_000,
    invoices: 30,
    estimates: 0,
    purchaseOrders: 0,
    bills: 1,
  },
}

export async function createTroubledCompany({ size, isFilled }: Beginning): Promise<Company> {
  const time = createLeapingClock()
  let skew = 0
  let turnedBack = 0
  let answers = 0
  /** By the number of the answer after which it happens. */
  const planned = new Map<number, Action[]>()
  const clock = { now: () => time.now() + skew, sleep: time.sleep }
  const simulator = await createSimulator({
    clock: time.now,
    company: sizes[size],
    behaviour: {
      throttle: { perSecond: null, perMinute: null, concurrent: null },
      tokenLatencyMs: 0,
    },
  })
  await simulator.listen()
  const dataDir = mkdtempSync(join(tmpdir(), 'mrp-backend-troubled-'))
  let app = await start()
  let url = ''
  await listen()
  await connect()
  if (isFilled) await app.sync.settled()

  async function start(): Promise<FastifyInstance> {
    const config = await loadConfig(
      {
        ...simulator.env,
        DATA_DIR: dataDir,
        SECRET_KEY: 'a key for tests only',
        SYNC_ENTITIES: entities.map((one) => one.name).join(','),
      },
      join(dataDir, 'no.env'),
    )
    const app = await buildApp(config, { ...unhurried, clock })
    afterEachAnswer(app, async () => {
      answers += 1
      for (const action of planned.get(answers) ?? []) await happens(action)
    })
    return app
  }

  async function listen(): Promise<void> {
    url = await app.listen({ port: 0, host: '127.0.0.1' })
    simulator.webhooks.subscribe(`${url}/webhooks/quickbooks`)
    simulator.webhooks.hold()
  }

  async function connect(): Promise<void> {
    const { auth_url } = (await app.inject({ url: '/api/auth/url' })).json()
    const consent = await fetch(auth_url, { redirect: 'manual' })
    const back = new URL(consent.headers.get('location') ?? '')
    await app.inject({ url: `${back.pathname}${back.search}` })
  }

  async function restart(): Promise<void> {
    await app.close()
    app = await start()
    await listen()
  }

  const tick = () => app.sync.refreshDue()
  const settle = async (when: boolean) => {
    if (when) await app.sync.settled()
  }

  function recordOf(entity: string, pick: number): string | undefined {
    const records = simulator.company.list(entity)
    return records[pick % Math.max(1, records.length)]?.Id
  }

  function fieldsOf(entity: string, text: string): Parameters<typeof simulator.company.create>[1] {
    if (entity in names) return { [names[entity as keyof typeof names]]: text }
    const about = documents[entity as keyof typeof documents]
    const list = about === 'CustomerRef' ? 'Customer' : 'Vendor'
    return {
      DocNumber: text.slice(0, 21),
      TotalAmt: text.length * 1.25,
      [about]: { value: recordOf(list, text.length) ?? '1', name: text },
      CustomField: [
        { DefinitionId: '1', Name: 'P.O. Number', Type: 'StringType', StringValue: `PO ${text}` },
      ],
    }
  }

  async function happens(action: Action): Promise<void> {
    const { company, webhooks } = simulator
    switch (action.do) {
      case 'create':
        company.create(action.entity, fieldsOf(action.entity, action.text))
        return
      case 'update': {
        const id = recordOf(action.entity, action.pick)
        if (id !== undefined) company.update(action.entity, id, fieldsOf(action.entity, action.text))
        return
      }
      case 'deactivate': {
        const id = recordOf(action.entity, action.pick)
        if (id !== undefined) company.deactivate(action.entity, id)
        return
      }
      case 'remove': {
        const id = recordOf(action.entity, action.pick)
        if (id !== undefined) company.remove(action.entity, id)
        return
      }
      case 'merge': {
        const [id, into] = [recordOf(action.entity, action.pick), recordOf(action.entity, action.into)]
        if (id !== undefined && into !== undefined && id !== into) company.merge(action.entity, id, into)
        return
      }
      case 'moveBalance': {
        const id = recordOf('Customer', action.pick)
        if (id !== undefined) company.bumpBalance('Customer', id, 12.5)
        return
      }
      case 'import':
        for (let i = 0; i < (action.many ? 1_100 : 30); i++)
          company.create(action.entity, fieldsOf(action.entity, `Import ${i}`))
        return
      case 'purge':
        for (const { Id } of company.list(action.entity).filter((_, i) => i % 5 < 2))
          company.remove(action.entity, Id)
        return
      case 'fault':
        if (silent.includes(action.kind) && action.on !== 'query') return
        simulator.fault({ on: action.on, kind: action.kind, times: action.times })
        return
      case 'wait':
        time.advance(action.minutes * MINUTE_MS)
        return
      case 'skew':
        skew = action.minutes * MINUTE_MS
        return
      case 'turnBack':
        // Together less than the overlap of two looks for changes.
        if (turnedBack + action.seconds > 300) return
        turnedBack += action.seconds
        simulator.advance(-action.seconds * 1_000)
        return
      case 'webhooks': {
        const events = webhooks.take()
        if (action.how === 'double') events.push(...events)
        if (action.how === 'reverse') events.reverse()
        const half = Math.ceil(events.length / 2)
        for (const some of [events.slice(0, half), events.slice(half)])
          if (some.length > 0 && action.how !== 'lose') await webhooks.post(some, { format: action.format })
        return await settle(action.settle)
      }
      case 'tick':
        void tick()
        return await settle(action.settle)
      case 'refresh':
        await app.inject({ method: 'POST', url: '/api/cache/refresh' })
        return
      case 'between': {
        const at = answers + action.answers
        planned.set(at, [...(planned.get(at) ?? []), action.edit])
        return
      }
      case 'reconnect':
        await app.inject({ method: 'POST', url: '/api/disconnect' })
        return await connect()
      case 'restart':
        return await restart()
    }
  }

  /** Nothing failed, nothing is held back, and everything was looked at since the story ended. */
  async function isWell(): Promise<boolean> {
    const { connection_status, entities: each } = await app.readStatus()
    const all = Object.values(each)
    return (
      connection_status === 'connected' &&
      all.every(
        (one) => one.last_error === null && one.held_back_count === 0 && (one.age_seconds ?? 9_999) < 1_800,
      )
    )
  }

  async function becomesQuiet(): Promise<void> {
    simulator.clearFaults()
    planned.clear()
    simulator.webhooks.take()
    await app.sync.settled()
    for (let round = 0; round < 3 && (round < 2 || !(await isWell())); round++) {
      // An answer of the token endpoint that was lost can cost the connection; then a person connects again.
      if (app.tokens.keeper.connection()?.state !== 'connected') await connect()
      time.advance(61 * MINUTE_MS)
      await tick()
      await app.sync.settled()
    }
    if (await isWell()) return
    const { entities: each } = await app.readStatus()
    for (const [name, { last_error, held_back_count }] of Object.entries(each))
      deepStrictEqual({ name, last_error, held_back_count }, { name, last_error: null, held_back_count: 0 })
  }

  async function mustBeFollowed(): Promise<void> {
    await mustBeEqual()
    await restart()
    await mustBeEqual()

    // Nothing is left for a full pass to repair.
    time.advance(25 * 60 * MINUTE_MS)
    await tick()
    await app.sync.settled()
    for (const [name, { drift_count }] of Object.entries((await app.readStatus()).entities))
      equal(drift_count, 0, `${name}: drift`)
  }

  async function mustBeEqual(): Promise<void> {
    const realm = app.tokens.keeper.currentRealm()
    const rebuilt = createSearch({ entities })
    const { entities: counted } = await app.readStatus()
    for (const { name, qbo } of entities) {
      const cached = new Map<string, unknown>()
      for await (const rows of app.cache.batches(realm, name))
        for (const { id, json } of rows) cached.set(id, JSON.parse(json))
      const there = simulator.company.list(qbo)
      equal(cached.size, there.length, `${name}: as many as in QuickBooks`)
      equal(counted[name]?.count, there.length, `${name}: the count in the status`)
      for (const record of there)
        deepStrictEqual(cached.get(record.Id), JSON.parse(JSON.stringify(record)), `${name} ${record.Id}`)
      await rebuilt.rebuild(name, app.cache.batches(realm, name))
    }
    await app.searchIndexes.settled()
    const everything = {
      filter: { active: null, facets: {}, bounds: {} },
      order: { by: 'name', descending: false },
      ...{ offset: 0, limit: 10_000 },
    }
    for (const index of rebuilt.indexNames) {
      const [ours, theirs] = [app.searchIndexes, rebuilt]
      const expected = (await theirs.find(index, '', everything)).json
      deepStrictEqual((await ours.find(index, '', everything)).json, expected, `${index}: all there is`)
      for (const q of ['a', 'import 7', 'po', '10', expected[0]?.slice(8, 12) ?? 'x'])
        deepStrictEqual(ours.search(index, q, 20).json, theirs.search(index, q, 20).json, `${index}: ${q}`)
    }
    await rebuilt.close()
  }

  return {
    happens,
    becomesQuiet,
    mustBeFollowed,
    async end() {
      await app.close()
      await simulator.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
