// The delta feed and the events: a copy that follows them equals the cache.
import fc from 'fast-check'
import t from 'tap'
import { createLeapingClock } from '../support/clock.ts'
import { type Service, startService, startSimulator } from '../support/service.ts'

interface Change {
  entity: string
  id: string
  deleted: boolean
  record: unknown
}
interface Page {
  changes: Change[]
  cursor: string
  has_more: boolean
}

const pageAt = async (service: Service, query: string): Promise<Page> =>
  (await service.request(`/api/changes?${query}`)).json

/** What a client does: applies page after page, and keeps the cursor. */
async function follow(service: Service, copy: Map<string, unknown>, start?: string, limit = 7) {
  let cursor = start
  for (;;) {
    const page = await pageAt(service, `limit=${limit}${cursor === undefined ? '' : `&cursor=${cursor}`}`)
    t.ok(page.changes.length <= limit)
    for (const { entity, id, deleted, record } of page.changes) {
      if (deleted) copy.delete(`${entity} ${id}`)
      else copy.set(`${entity} ${id}`, record)
    }
    cursor = page.cursor
    if (!page.has_more) return cursor
  }
}

async function cached(service: Service): Promise<Map<string, unknown>> {
  const all = new Map<string, unknown>()
  for (const entity of ['customers', 'vendors', 'items']) {
    const { json } = await service.request(`/api/data/${entity}?limit=1000`)
    for (const record of json[entity]) all.set(`${entity} ${record.Id}`, record)
  }
  return all
}

const sorted = (map: Map<string, unknown>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))

t.test('a copy that follows the feed equals the cache, whatever happens between two pages', async (t) => {
  const simulator = await startSimulator(t, { company: { customers: 9, vendors: 4, items: 9 } })
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const copy = new Map<string, unknown>()
  let cursor = await follow(service, copy)
  t.same(sorted(copy), sorted(await cached(service)))

  const { company } = simulator
  const edit = fc.record({
    entity: fc.constantFrom('Customer', 'Vendor', 'Item'),
    gone: fc.boolean(),
    at: fc.nat(20),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { maxLength: 8 }), async (edits) => {
      for (const { entity, gone, at } of edits) {
        const id = company.list(entity)[at]?.Id
        const name = { [entity === 'Item' ? 'Name' : 'DisplayName']: `Edit ${at}` }
        if (id === undefined) company.create(entity, { ...name, Active: true })
        else if (gone) company.remove(entity, id)
        else company.update(entity, id, name)
      }
      await service.request('/api/cache/refresh?force=true', { method: 'POST' })
      cursor = await follow(service, copy, cursor, 1 + edits.length)
      t.strictSame(sorted(copy), sorted(await cached(service)))
    }),
    { numRuns: 15 },
  )
  t.match(await pageAt(service, `cursor=${cursor}`), { changes: [], has_more: false })
})

t.test('a page of large records ends early, and the next one goes on', async (t) => {
  const simulator = await startSimulator(t, { company: { customers: 6, vendors: 1, items: 1 } })
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const start = await pageAt(service, 'limit=1000')
  for (let i = 1; i <= 6; i++)
    simulator.company.update('Customer', String(i), { Notes: 'x'.repeat(i === 4 ? 5_000_000 : 1_500_000) })
  await service.request('/api/cache/refresh', { method: 'POST' })
  const sizes: number[] = []
  const ids: string[] = []
  for (let page = { ...start, has_more: true }; page.has_more; ) {
    page = await pageAt(service, `limit=1000&cursor=${page.cursor}`)
    sizes.push(page.changes.length)
    ids.push(...page.changes.map(({ id }) => id))
  }
  t.same(ids.toSorted(), ['1', '2', '3', '4', '5', '6'])
  t.ok(sizes.length >= 3 && sizes.every((size) => size >= 1 && size <= 2), sizes.join())
})

t.test('the feed can be narrowed down to some entities', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const page = await pageAt(service, 'entities=vendors,%20items&limit=1000')
  t.same(new Set(page.changes.map(({ entity }) => entity)), new Set(['vendors', 'items']))
  t.equal(page.changes.length, 62)
  simulator.company.update('Customer', '1', { Notes: 'Edited' })
  await service.request('/api/cache/refresh', { method: 'POST' })
  const next = await pageAt(service, `entities=vendors&cursor=${page.cursor}`)
  t.same(next.changes, [])
  t.same((await pageAt(service, `entities=vendors&cursor=${next.cursor}`)).changes, [])
  const wider = await service.request(`/api/changes?cursor=${next.cursor}`)
  t.equal(wider.status, 410, 'of the other entities there is nothing to be continued')
  t.match((await service.request('/api/changes?entities=invoices')).json, {
    statusCode: 404,
    message: /SYNC_ENTITIES/,
  })
  t.equal((await pageAt(service, 'entities=items,&cursor=&limit=1000')).changes.length, 50)
  t.match((await service.request('/api/changes?entities=unicorns')).json, {
    statusCode: 400,
    message: /^entities: must be some of customers, vendors, items/,
  })
})

t.test(
  'a cursor that cannot be continued is refused with 410, says what to do, and is logged once',
  async (t) => {
    const clock = createLeapingClock()
    const simulator = await startSimulator(t, { clock: clock.now })
    const service = await startService(t, simulator, { clock })
    await service.connectAndFill()
    const { cursor } = await pageAt(service, 'limit=1000')
    const [feed = '', seq = '', at = '', of = ''] = cursor.split('-')
    const unknown = {
      garbage: 'next-page-please',
      'of another life': `${feed === 'abcd1234' ? 'abcd1235' : 'abcd1234'}-${seq}-${at}-${of}`,
      'of the future': `${feed}-zzzzz-${at}-${of}`,
      'cut off': cursor.slice(0, -of.length - 1),
      'of other entities': `${feed}-${seq}-${at}-invoices.bills`,
      'older than tombstones are kept': cursor,
    }
    for (const [what, value] of Object.entries(unknown)) {
      if (value === cursor) clock.advance(91 * 24 * 3_600_000)
      for (const path of ['/api/changes', '/api/events']) {
        const before = service.log.length
        const answer = await service.request(`${path}?cursor=${value}`)
        t.match(answer.json, { statusCode: 410, code: 'CURSOR_UNKNOWN', message: /without a cursor/ }, what)
        const lines = service.log.slice(before).filter(({ level }) => level >= 40)
        t.match(lines, [{ msg: 'Cursor refused', code: 'CURSOR_UNKNOWN' }])
        t.equal(lines.length, 1)
      }
    }
  },
)

t.test('after disconnecting, an old cursor is worth nothing, not even for the same company', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  t.match((await service.request('/api/changes')).json, { statusCode: 409, message: /keep what you have/ })
  await service.connectAndFill()
  const { cursor } = await pageAt(service, 'limit=1000')
  await service.request('/api/disconnect', { method: 'POST' })
  t.equal((await service.request(`/api/changes?cursor=${cursor}`)).status, 409)
  await service.connectAndFill()
  t.equal((await service.request(`/api/changes?cursor=${cursor}`)).status, 410)
})

/** A client of server-sent events, as a browser's EventSource reads them. */
async function listen(service: Service, query = '', headers: Record<string, string> = {}) {
  const answer = await fetch(`${service.url}/api/events${query}`, { headers })
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  let text = ''
  return {
    answer,
    async next(): Promise<{ id: string; event: string; data: Record<string, unknown> } | undefined> {
      for (;;) {
        const end = text.indexOf('\n\n')
        if (end >= 0) {
          const fields = Object.fromEntries(
            text
              .slice(0, end)
              .split('\n')
              .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
          )
          text = text.slice(end + 2)
          if (fields.event !== undefined)
            return { id: fields.id ?? '', event: fields.event, data: JSON.parse(fields.data ?? '') }
          continue
        }
        const { done, value } = await reader.read()
        if (done) return undefined
        text += decoder.decode(value, { stream: true })
      }
    },
    leave: () => reader.cancel(),
  }
}

t.test('events tell of changes once search shows them, and go on where a listener left', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const page = await listen(service, '?entities=items')
  t.match(page.answer.headers.get('content-type'), /^text\/event-stream/)
  const ready = await page.next()
  t.match(ready, { event: 'ready', data: { cursor: /./ } })

  const created = simulator.company.create('Item', { Name: 'ZQ-1', Type: 'Service', Active: true })
  simulator.company.update('Vendor', '31', { Notes: 'not listened to' })
  await service.request('/api/cache/refresh?full=false', { method: 'POST' })
  const change = await page.next()
  t.match(change, { event: 'change', data: { entity: 'items', ids: [created.Id], cursor: /./ } })
  const { json } = await service.request('/api/search/part_numbers?q=zq1')
  t.match(json.results, [{ id: created.Id }])
  await page.leave()

  simulator.company.remove('Item', created.Id)
  await service.request('/api/cache/refresh?full=false', { method: 'POST' })
  const again = await listen(service, '?entities=items', { 'last-event-id': change?.id ?? '' })
  const missed = await again.next()
  t.match(missed, { event: 'change', data: { entity: 'items', ids: [created.Id] } })
  const feed = await pageAt(service, `entities=items&cursor=${change?.id}`)
  t.match(feed.changes, [{ id: created.Id, deleted: true, record: null }])

  await service.request('/api/disconnect', { method: 'POST' })
  t.equal(await again.next(), undefined, 'the stream ends when everything is forgotten')
  t.equal((await service.request(`/api/events?cursor=${missed?.id}`)).status, 410)
})

t.test(
  'of an entity that is read for the first time, a page hears once more when it can be searched',
  async (t) => {
    const simulator = await startSimulator(t)
    const service = await startService(t, simulator)
    const page = await listen(service, '?entities=items')
    const ready = await page.next()
    await service.connect()
    const cached = await page.next()
    t.equal(new Set(cached?.data.ids as string[]).size, 50)
    const searchable = await page.next()
    t.match(searchable, { event: 'change', data: { entity: 'items', ids: [] } })
    t.ok((await service.request('/api/search/part_numbers?q=a')).json.results.length > 0)
    await page.leave()
    const late = await listen(service, '?entities=items', { 'last-event-id': cached?.id ?? '' })
    t.match((await late.next())?.data, { entity: 'items', ids: [] }, 'also whoever was away just then')
    await late.leave()
    const again = await listen(service, '?entities=items', { 'last-event-id': searchable?.id ?? '' })
    simulator.company.update('Item', '5', { Description: 'Edited' })
    await service.request('/api/cache/refresh?full=false', { method: 'POST' })
    t.match((await again.next())?.data, { ids: ['5'] }, 'and goes on from there')
    t.not(ready?.id, searchable?.id)
  },
)

t.test('whoever missed thousands of changes is told to load everything anew', async (t) => {
  const simulator = await startSimulator(t, {
    company: { customers: 1, vendors: 1, items: 5_500 },
    behaviour: { throttle: { perSecond: null, perMinute: null, concurrent: null } },
  })
  const service = await startService(t, simulator)
  const page = await listen(service, '?entities=items')
  const ready = await page.next()
  await page.leave()
  await service.connectAndFill()
  const again = await listen(service, '?entities=items', { 'last-event-id': ready?.id ?? '' })
  const events = [await again.next()]
  while (events.at(-1)?.event === 'change') events.push(await again.next())
  t.ok(events.length > 1 && events.length <= 6)
  t.match(events.at(-1), { event: 'reset' })
  const { changes } = await pageAt(service, `entities=items&cursor=${events.at(-1)?.id}`)
  t.same(changes, [], 'the cursor is where everything was')
})

t.test(
  'before everything was read once, the feed has no beginning, so that no copy is emptied by it',
  async (t) => {
    const clock = createLeapingClock()
    const simulator = await startSimulator(t, { clock: clock.now })
    const service = await startService(t, simulator, { clock })
    simulator.fault({ on: 'query', entity: 'Item', kind: 'html503', times: 99 })
    await service.connect()
    t.equal((await service.request('/api/cache/refresh', { method: 'POST' })).status, 502)
    const answer = await service.request('/api/changes')
    t.match(answer.json, { statusCode: 503, code: 'NOT_READ_YET', message: /^Of items .*keep what you have/ })
    t.ok(Number(answer.headers.get('retry-after')) > 0)
    t.equal(
      (await pageAt(service, 'entities=customers,vendors')).changes.length,
      42,
      'others can be followed',
    )
    simulator.clearFaults()
    t.equal((await service.request('/api/cache/refresh', { method: 'POST' })).status, 200)
    t.equal((await pageAt(service, 'limit=1000')).changes.length, 92)
  },
)

t.test('a page that was open before QuickBooks was connected hears of the first records', async (t) => {
  const clock = createLeapingClock()
  const simulator = await startSimulator(t, { clock: clock.now })
  const service = await startService(t, simulator, { clock })
  const page = await listen(service, '?entities=vendors')
  const ready = await page.next()
  await service.connectAndFill()
  const change = await page.next()
  t.match(change, { event: 'change', data: { entity: 'vendors' } })
  t.equal(new Set(change?.data.ids as string[]).size, 12)
  await page.leave()
  const again = await listen(service, '?entities=vendors', { 'last-event-id': ready?.id ?? '' })
  t.match((await again.next())?.data, { entity: 'vendors', ids: change?.data.ids })
  await again.leave()
})

t.test('whoever leaves in the middle of what was missed hears all of it when coming back', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const page = await listen(service)
  const ready = await page.next()
  await page.leave()
  simulator.company.update('Customer', '3', { Notes: 'Edited' })
  simulator.company.update('Item', '5', { Description: 'Edited' })
  await service.request('/api/cache/refresh?full=false', { method: 'POST' })
  let last = ready?.id ?? ''
  const heard = new Set<unknown>()
  for (let visit = 0; visit < 2; visit++) {
    const again = await listen(service, '', { 'last-event-id': last })
    const first = await again.next()
    heard.add(first?.data.entity)
    if (visit === 1) heard.add((await again.next())?.data.entity)
    last = first?.id ?? ''
    await again.leave()
  }
  t.same(heard, new Set(['customers', 'items']))
})

t.test(
  'a browser that comes back with an id that means nothing is told to load everything anew',
  async (t) => {
    const simulator = await startSimulator(t)
    const service = await startService(t, simulator)
    await service.connectAndFill()
    const page = await listen(service, '', { 'last-event-id': 'of-another-life' })
    t.match(await page.next(), { event: 'reset', data: { cursor: /./ } })
    simulator.company.update('Item', '5', { Description: 'Edited' })
    await service.request('/api/cache/refresh?full=false', { method: 'POST' })
    t.match(await page.next(), { event: 'change', data: { entity: 'items', ids: ['5'] } })
    await page.leave()
  },
)

t.test('a stop does not wait for listeners', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  const page = await listen(service)
  t.match(await page.next(), { event: 'ready' })
  await service.close()
  t.equal(await page.next(), undefined)
})

t.test('changes are announced in the order of their numbers, also while many are removed', async (t) => {
  const unlimited = { throttle: { perSecond: null, perMinute: null, concurrent: null } }
  const clock = createLeapingClock()
  const simulator = await startSimulator(t, {
    clock: clock.now,
    company: { customers: 30, vendors: 2, items: 900 },
    behaviour: unlimited,
  })
  const service = await startService(t, simulator, { clock })
  await service.connectAndFill()
  await service.app.sync.settled()
  const heard: { entity: string; seq: number }[] = []
  service.app.announcements.on('change', ({ entity, seq }) => heard.push({ entity, seq }))
  const { company, webhooks } = simulator
  for (const { Id } of company.list('Item').slice(0, 600)) company.remove('Item', Id)
  webhooks.subscribe(`${service.url}/webhooks/quickbooks`)
  webhooks.hold()
  const removing = service.request('/api/cache/refresh?force=true', { method: 'POST' })
  while (!heard.some(({ entity }) => entity === 'items')) {
    company.update('Customer', '3', { Notes: `edit ${heard.length}` })
    await webhooks.post(webhooks.take())
  }
  await removing
  await service.app.sync.settled()
  t.ok(new Set(heard.map(({ entity }) => entity)).size > 1)
  t.same(
    heard.map(({ seq }) => seq),
    heard.map(({ seq }) => seq).toSorted((a, b) => a - b),
  )
  t.ok(heard.filter(({ entity }) => entity === 'items').length >= 6, 'in steps of a hundred')
})
