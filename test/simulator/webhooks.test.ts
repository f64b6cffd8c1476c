import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { SimulatorOptions } from '../../simulator/simulator.ts'
import { start } from './support.ts'

const TOKEN = 'simulator-verifier-token'
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/

interface Post {
  readonly text: string
  readonly signed: boolean
  // biome-ignore lint/suspicious/noExplicitAny: tests look into foreign JSON
  readonly json: any
}

/** Ids of records, from CloudEvents. */
const idsOf = ({ json }: Post): string[] =>
  json.map(({ intuitentityid }: { intuitentityid: string }) => intuitentityid)

/** The app's endpoint: checks signatures over the raw bytes and answers as `answer` says. */
async function listen(t: Test) {
  const receiver = {
    url: '',
    posts: [] as Post[],
    answer: (response: ServerResponse): unknown => response.end(),
    /** The records that each post told of. */
    ids: (): string[][] => receiver.posts.map(idsOf),
  }
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const signature = createHmac('sha256', TOKEN).update(body).digest('base64')
    const text = body.toString()
    const signed = request.headers['intuit-signature'] === signature
    t.match(request, { method: 'POST', headers: { 'content-type': 'application/json' } })
    receiver.posts.push({ text, signed, json: JSON.parse(text) })
    receiver.answer(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`
  return receiver
}

/** A simulator whose posts go to a receiver at once. */
async function subscribed(t: Test, behaviour: SimulatorOptions['behaviour'] = {}) {
  const receiver = await listen(t)
  const rig = await start(t, { behaviour: { webhookDelayMs: 0, webhookRetrySeconds: [0, 0], ...behaviour } })
  const { webhooks, company } = rig.simulator
  webhooks.subscribe(receiver.url)
  const edit = (...ids: string[]) => {
    for (const id of ids) company.update('Customer', id, { Notes: 'n' })
  }
  return { ...rig, receiver, webhooks, company, edit }
}

const answerWith = (status: number) => (response: ServerResponse) => response.writeHead(status).end()

t.test('edits arrive together in one signed post of CloudEvents', async (t) => {
  const { simulator, request, receiver, webhooks, company, realm } = await subscribed(t)
  t.equal(simulator.env.QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN, TOKEN)
  const at = Date.UTC(2026, 4, 5, 12, 0, 0, 7)
  simulator.advance(at - simulator.clock.now())
  const { Id } = company.create('Item', { Name: 'new' })
  company.bulk([
    { action: 'deactivate', entity: 'Customer', id: '1' },
    { action: 'merge', entity: 'Vendor', id: '202', into: '203' },
    { action: 'remove', entity: 'PurchaseOrder', id: company.list('PurchaseOrder')[0]?.Id ?? '' },
  ])
  await webhooks.settled()
  const [post] = receiver.posts
  t.equal(post?.signed, true)
  t.match(post?.json, [
    {
      specversion: '1.0',
      id: UUID,
      source: /^intuit\../,
      type: 'qbo.item.created.v1',
      datacontenttype: 'application/json',
      time: /^2026-05-05T12:00:00\.\d{9}Z$/,
      intuitentityid: Id,
      intuitaccountid: realm,
      data: {},
    },
    { type: 'qbo.customer.updated.v1', intuitentityid: '1' },
    { type: 'qbo.vendor.merged.v1', intuitentityid: '203', data: { deletedid: '202' } },
    { type: 'qbo.purchaseorder.deleted.v1' },
  ])
  t.equal(new Set(post?.json.map((event: { id: string }) => event.id)).size, 4)
  await request('/control/records/Customer', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ action: 'bumpBalance', id: '9', amount: 5 }),
  })
  await webhooks.settled()
  t.match(receiver.posts[1]?.json, [{ type: 'qbo.customer.updated.v1', intuitentityid: '9' }])
  t.match(webhooks, { sent: 2, delivered: 2, lastStatus: 200, lastDurationMs: Number })
})

t.test('the classic format groups events by company', async (t) => {
  const { receiver, webhooks, company, realm } = await subscribed(t, { webhookFormat: 'classic' })
  webhooks.hold()
  company.update('Customer', '1', {})
  company.merge('Vendor', '202', '203')
  const [first, second] = webhooks.take()
  if (!first || !second) throw new Error('two events were held')
  t.equal(await webhooks.post([first, { ...second, realmId: '77' }, first]), 200)
  const customer = {
    name: 'Customer',
    id: '1',
    operation: 'Update',
    lastUpdated: new Date(first.at).toISOString(),
  }
  const vendor = {
    name: 'Vendor',
    id: '203',
    operation: 'Merge',
    lastUpdated: new Date(second.at).toISOString(),
    deletedId: '202',
  }
  t.same(receiver.posts[0]?.json, {
    eventNotifications: [
      { realmId: realm, dataChangeEvent: { entities: [customer, customer] } },
      { realmId: '77', dataChangeEvent: { entities: [vendor] } },
    ],
  })
  t.equal(receiver.posts[0]?.signed, true)
})

t.test('without a subscription nothing is kept or sent', async (t) => {
  const { receiver, webhooks, edit } = await subscribed(t)
  edit('1')
  webhooks.unsubscribe()
  edit('2')
  t.same(webhooks.held, [])
  await webhooks.settled()
  await t.rejects(webhooks.post([]), /subscribe\(\) first/)
  webhooks.subscribe(receiver.url)
  edit('3')
  await webhooks.settled()
  t.same(receiver.ids(), [['3']])
  t.throws(() => webhooks.subscribe('/webhooks'), { name: 'SyntaxError', message: /"\/webhooks" is no URL/ })
  t.equal(webhooks.url, receiver.url)
})

t.test('many edits leave in full posts, one after the other', async (t) => {
  const { receiver, webhooks, edit } = await subscribed(t, { webhookBatch: 2 })
  edit('1', '2', '3', '4', '5')
  await webhooks.settled()
  t.same(receiver.ids(), [['1', '2'], ['3', '4'], ['5']])
})

t.test('what is held can be lost, doubled, reordered, forged and said of another company', async (t) => {
  const { receiver, webhooks, edit, realm } = await subscribed(t)
  webhooks.hold()
  edit('1', '2', '3')
  t.match(webhooks.held, [
    { entity: 'Customer', id: '1', operation: 'Update', realmId: realm, eventId: UUID, at: Number },
    { id: '2' },
    { id: '3' },
  ])
  await webhooks.settled()
  t.same(receiver.posts, [], 'held events do not count as waiting')
  const [, second, third] = webhooks.take()
  t.same(webhooks.held, [])
  if (!second || !third) throw new Error('three events were held')
  receiver.answer = answerWith(401)
  t.equal(await webhooks.post([third, second, third]), 401)
  t.equal(await webhooks.post([second], { signature: 'forged', realmId: '77', format: 'classic' }), 401)
  const [byHand, forged] = receiver.posts.splice(0)
  t.same(byHand && idsOf(byHand), ['3', '2', '3'])
  t.match(forged, { signed: false, json: { eventNotifications: [{ realmId: '77' }] } })
  await webhooks.settled()
  t.same(receiver.posts, [], 'such a post is not tried again')

  receiver.answer = answerWith(204)
  edit('4')
  webhooks.release()
  edit('5')
  await webhooks.settled()
  t.same(receiver.ids(), [['4'], ['5']])
})

t.test('a post is tried again until it is taken, or given up', async (t) => {
  const { receiver, webhooks, edit } = await subscribed(t)
  const answers = [500, 302, 200]
  receiver.answer = (response) =>
    response.writeHead(answers.shift() ?? 500, { location: receiver.url.replace('webhooks', 'else') }).end()
  edit('1')
  await webhooks.settled()
  t.equal(receiver.posts.length, 3)
  t.equal(new Set(receiver.posts.map((post) => post.text)).size, 1, 'with the same event')
  t.match(webhooks, { sent: 3, delivered: 1, lastStatus: 200 })
  edit('2')
  await webhooks.settled()
  t.match(webhooks, { sent: 6, delivered: 1, lastStatus: 500 })

  receiver.answer = (response) => response.socket?.destroy()
  edit('3')
  await webhooks.settled()
  t.match(webhooks, { sent: 9, delivered: 1, lastStatus: 0 })
})

t.test('a failed post keeps no later one waiting', async (t) => {
  const { receiver, webhooks, edit } = await subscribed(t, { webhookBatch: 1, webhookRetrySeconds: [3600] })
  let refusals = 1
  const taken = new Promise<void>((resolve) => {
    receiver.answer = (response) => {
      if (refusals === 0) response.on('close', resolve).end()
      else response.writeHead(500).end()
      refusals -= 1
    }
  })
  edit('1', '2')
  await taken
  t.same(receiver.ids(), [['1'], ['2']])
  webhooks.unsubscribe()
  await webhooks.settled()
  t.pass('and who unsubscribes is not asked again')
})

t.test('an answer that takes longer than three seconds is none', async (t) => {
  const { receiver, webhooks } = await subscribed(t)
  const impatience = new AbortController()
  const patience: number[] = []
  t.intercept(AbortSignal, 'timeout', {
    value: (ms: number) => {
      patience.push(ms)
      return impatience.signal
    },
  })
  receiver.answer = () => impatience.abort()
  t.equal(await webhooks.post([]), 0)
  t.same(patience, [3000])
})

t.test('chance loses, doubles and shuffles as much as it is told to', async (t) => {
  const { simulator, receiver, webhooks, edit } = await subscribed(t, { webhookLoss: 1 })
  edit('1', '2')
  await webhooks.settled()
  t.same(receiver.posts, [])
  Object.assign(simulator.behaviour, { webhookLoss: 0, webhookDoubles: 1 })
  edit('1', '2')
  await webhooks.settled()
  t.same(receiver.ids(), [['1', '1', '2', '2']])
  const [one, again] = receiver.posts[0]?.json ?? []
  t.same(one, again)
  Object.assign(simulator.behaviour, { webhookDoubles: 0, webhookShuffle: 1 })
  const ids = Array.from({ length: 50 }, (_, index) => String(index + 1))
  edit(...ids)
  await webhooks.settled()
  const [, shuffled = []] = receiver.ids()
  t.not(String(shuffled), String(ids))
  t.same(new Set(shuffled), new Set(ids))
})

t.test('closing breaks off what is on its way and forgets the rest', async (t) => {
  const { simulator, receiver, webhooks, edit } = await subscribed(t, { webhookBatch: 1 })
  const arrived = new Promise((resolve) => {
    receiver.answer = resolve
  })
  edit('1', '2')
  await arrived
  const settled = webhooks.settled()
  await simulator.close()
  await settled
  t.match(webhooks, { sent: 1, delivered: 0, lastStatus: 0, url: undefined, held: [] })
})

t.test('another process subscribes over HTTP', async (t) => {
  const { simulator, request } = await start(t, { behaviour: { webhookDelayMs: 0 } })
  const receiver = await listen(t)
  const say = (body: object) =>
    request('/control/webhooks', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const state = async () => (await request('/control/webhooks')).json
  const unused = { url: null, sent: 0, delivered: 0, lastStatus: null, lastDurationMs: null }
  t.same(await state(), unused)
  t.equal((await say({ action: 'subscribe', url: receiver.url })).status, 204)
  simulator.company.update('Customer', '1', {})
  await simulator.webhooks.settled()
  t.match(await state(), {
    url: receiver.url,
    sent: 1,
    delivered: 1,
    lastStatus: 200,
    lastDurationMs: Number,
  })
  t.equal((await say({ action: 'unsubscribe' })).status, 204)
  t.match(await state(), { url: null, sent: 1 })
  t.match(await say({ action: 'subscribe', url: 'nowhere' }), {
    status: 400,
    json: { message: /"nowhere" is no URL/ },
  })
  t.match(await say({ action: 'subscribe' }), { status: 400, json: { message: /url/ } })
})
