// The status as it changes, and what went wrong lately.
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { createStatusFeed } from '../../src/services/events/status-feed.ts'
import { holdAnswers } from '../support/answers.ts'
import { createManualClock } from '../support/clock.ts'
import { type Service, startService, startSimulator } from '../support/service.ts'

/** A page that follows the status: answers the next one that fits. */
async function follow(t: Test, service: Service) {
  const leaving = new AbortController()
  t.teardown(() => leaving.abort())
  const answer = await fetch(`${service.url}/api/cache/status/events`, { signal: leaving.signal })
  t.equal(answer.headers.get('content-type'), 'text/event-stream')
  const seen: Status[] = []
  let text = ''
  const chunks = answer.body?.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]()
  return {
    seen,
    leave: () => leaving.abort(),
    async until(fits: (status: Status) => boolean): Promise<Status> {
      for (;;) {
        const end = text.indexOf('\n\n')
        if (end < 0) {
          const next = await chunks?.next()
          if (next === undefined || next.done) throw new Error('the stream ended')
          text += next.value
          continue
        }
        const data = /^event: status\ndata: (.*)$/m.exec(text.slice(0, end))?.[1]
        text = text.slice(end + 2)
        if (data === undefined) continue
        const status = JSON.parse(data)
        seen.push(status)
        if (fits(status)) return status
      }
    },
  }
}

interface Status {
  connection_status: string
  refresh: { running: boolean; progress: Record<string, { fetched: number; done: boolean }> }
  entities: Record<string, { count: number }>
  problems: { code: string; about: string; message: string; count: number }[]
}

t.test('a page sees a connection come, its data being read, and a disconnect', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  const page = await follow(t, service)
  await page.until(({ connection_status }) => connection_status === 'not_authenticated')
  const held = holdAnswers(service.app)
  await service.connect()
  await page.until(
    ({ connection_status, refresh }) => connection_status === 'authenticated_no_data' && refresh.running,
  )
  held.release()
  const full = await page.until(
    ({ connection_status, refresh }) => connection_status === 'connected' && !refresh.running,
  )
  t.equal(full.entities.items?.count, simulator.company.count('Item'))
  await service.request('/api/disconnect', { method: 'POST' })
  await page.until(({ connection_status }) => connection_status === 'not_authenticated')
})

t.test('it is read once for all pages, told when it changes, and not read when nobody looks', async (t) => {
  const service = await startService(t, undefined)
  const status = await service.app.readStatus()
  const clock = createManualClock()
  let readings = 0
  const feed = createStatusFeed({
    readStatus: async () => ({ ...status, has_valid_config: ++readings > 3 }),
    ...{ clock, log: service.app.log },
  })
  const pages = [feed.join('a'), feed.join('b')]
  const texts = ['', '']
  for (const [i, page] of pages.entries()) page.on('data', (chunk) => (texts[i] += chunk))
  await clock.advance(2_000)
  const events = (i: number) => (texts[i]?.match(/^event: status$/gm) ?? []).length
  t.same([readings, events(0), events(1)], [3, 1, 1])
  await clock.advance(1_000)
  t.same([readings, events(0), events(1)], [4, 2, 2])

  for (const page of pages) page.destroy()
  await once(pages[1] as Readable, 'close')
  await clock.advance(10_000)
  t.same([readings, clock.sleepers()], [4, 0])
  feed.join('c')
  await clock.advance(0)
  t.equal(readings, 5)
  feed.end()
})

t.test('one address cannot take all places, and is told so', async (t) => {
  const service = await startService(t, undefined)
  for (let i = 0; i < 25; i++) await follow(t, service)
  const refused = await fetch(`${service.url}/api/cache/status/events`)
  t.equal(refused.status, 503)
  t.match(await refused.json(), { code: 'TOO_MANY_LISTENERS' })
})

t.test('a stop ends the streams, and does not wait for them', async (t) => {
  const service = await startService(t, undefined)
  const page = await follow(t, service)
  await page.until(() => true)
  await service.close()
  await t.rejects(
    page.until(() => false),
    /the stream ended|terminated/,
  )
})

t.test('each kind of problem is told once, with how often it came, the latest first', async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  t.same((await service.request('/api/cache/status')).json.problems, [])
  simulator.fault({ on: 'query', entity: 'Item', kind: 'fault', code: '6190', times: Infinity })
  t.equal((await service.request('/api/cache/refresh', { method: 'POST' })).status, 502)
  t.equal((await service.request('/api/cache/refresh', { method: 'POST' })).status, 502)
  const { problems } = (await service.request('/api/cache/status')).json
  t.match(problems, [{ code: 'QBO_SUBSCRIPTION_LAPSED', about: 'items', count: 2, message: /renew it/ }])
  t.equal(problems.length, 1)
})
