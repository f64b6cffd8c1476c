// All replicas are replaced one after the other, behind a balancer that knows nothing but what it is answered: nobody
// whose request was sent hears of it.
import { once } from 'node:events'
import { Agent, type IncomingMessage, request as send } from 'node:http'
import t from 'tap'
import { printEvents, signBody } from '../../simulator/notification.ts'
import { mariadb, onMariaDb } from '../support/mariadb.ts'
import { createFleet, type Replica } from '../support/replicas.ts'
import { connectAt, startSimulator } from '../support/service.ts'

const test = await onMariaDb(t)

interface Sent {
  method: string
  path: string
  body?: string
  headers?: Record<string, string>
}

/**
 * Asks one replica after the other, over connections that stay open. One that refuses a connection, or says that it is
 * the last answer on this one, is asked no more. What was sent is not sent again.
 */
function createBalancer() {
  const agent = new Agent({ keepAlive: true })
  let inUse: Replica[] = []
  let turn = 0
  const takeOut = (one: Replica) => {
    inUse = inUse.filter((other) => other !== one)
  }

  async function ask(one: Replica, { method, path, body, headers }: Sent): Promise<number> {
    const request = send(new URL(path, one.url), { agent, method, ...(headers && { headers }) })
    request.end(body)
    const [response]: [IncomingMessage] = (await once(request, 'response')) as never
    if (response.headers.connection === 'close') takeOut(one)
    response.resume()
    await once(response, 'end')
    return response.statusCode ?? 0
  }

  return {
    add: (one: Replica) => void inUse.push(one),
    async ask(sent: Sent): Promise<string> {
      for (;;) {
        const one = inUse[turn++ % inUse.length]
        if (one === undefined) return 'nobody serves'
        try {
          return String(await ask(one, sent))
        } catch (error) {
          const { code } = error as { code?: string }
          if (code !== 'ECONNREFUSED') return `${code} of ${sent.path}`
          takeOut(one)
        }
      }
    },
    close: () => agent.destroy(),
  }
}

test('a restart of all, one after the other, fails no request', async (t) => {
  const simulator = await startSimulator(t, {
    behaviour: { throttle: { perSecond: null, perMinute: null, concurrent: null } },
  })
  const fleet = createFleet(t, {
    simulator,
    database: await mariadb(t),
    settings: { leasePeriodMs: 2_000, drainMs: 1_000 },
  })
  const former = await Promise.all([fleet.start(), fleet.start(), fleet.start()])
  await fleet.connectAndFill()
  const { company, webhooks } = simulator
  webhooks.subscribe('http://127.0.0.1/webhooks/quickbooks')
  webhooks.hold()
  const balancer = createBalancer()
  t.teardown(balancer.close)
  for (const one of former) balancer.add(one)

  let isOver = false
  const answers: string[] = []
  async function search(): Promise<void> {
    while (!isOver) answers.push(await balancer.ask({ method: 'GET', path: '/api/search/part_names?q=b' }))
  }
  async function announce(): Promise<void> {
    for (let edits = 1; !isOver; edits++) {
      const [customer] = company.list('Customer')
      company.update('Customer', customer?.Id ?? '', { DisplayName: `Edited ${edits} times` })
      const body = printEvents(webhooks.take(), 'cloudEvents')
      const headers = {
        'content-type': 'application/json',
        'intuit-signature': signBody(body, webhooks.verifierToken),
      }
      answers.push(await balancer.ask({ method: 'POST', path: '/webhooks/quickbooks', body, headers }))
    }
  }
  const users = Promise.all([search(), search(), search(), announce()])
  for (const one of former) {
    await one.stop()
    balancer.add(await fleet.start())
  }
  isOver = true
  await users
  t.same([...new Set(answers)], ['200'])
  t.ok(answers.length > 500, `${answers.length} requests`)
  await fleet.mustEqual()
})

test('any of them takes what is for all', async (t) => {
  const simulator = await startSimulator(t)
  const fleet = createFleet(t, { simulator, database: await mariadb(t), settings: { leasePeriodMs: 1_000 } })
  await Promise.all([fleet.start(), fleet.start()])
  for (const one of [...fleet.all]) {
    t.equal(await connectAt(one.url), 302)
    t.equal((await one.request('/api/auth/status')).json.is_authenticated, true, 'it knows at once')
    t.equal((await one.request('/api/cache/refresh', { method: 'POST' })).status, 200)
    t.equal((await one.request('/api/test')).status, 200)
    await fleet.mustEqual()
    const { json } = await one.request('/api/disconnect', { method: 'POST' })
    t.match(json, { success: true, revoked: true })
    for (const other of fleet.all) {
      while ((await other.status()).connection_status !== 'not_authenticated');
      while ((await other.request('/api/indexes/status')).json.total_indexed_items > 0);
      t.same((await other.request('/api/search/client_names?q=a')).json.results, [])
    }
    t.equal((await one.request('/api/cache/refresh', { method: 'POST' })).status, 409)
  }
})
