// The client as a team would use it: its example as a process, beside a service that is filled from the simulator.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createMrpClient } from '../client/index.ts'
import { startService, startSimulator } from './support/service.ts'

const root = join(import.meta.dirname, '..')
const ADMIN_API_KEY = 'an-admin-key'
const SEARCH_API_KEY = 'a-search-key'

async function example(...args: string[]) {
  const child = spawn(process.execPath, [join(root, 'client/example.ts'), ...args], {
    env: { PATH: process.env.PATH },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk))
  const [code] = await once(child, 'close')
  return { code, text }
}

t.test('the example searches, reads labels and the status, and follows what changes', async (t) => {
  const simulator = await startSimulator(t)
  const admin = { authorization: `Bearer ${ADMIN_API_KEY}` }
  const service = await startService(t, simulator)
  await service.connectAndFill()
  await service.close()
  const { dataDir } = service
  const { url, request } = await startService(t, simulator, {
    dataDir,
    env: { ADMIN_API_KEY, SEARCH_API_KEY },
  })

  const first = await example(url, ADMIN_API_KEY)
  t.equal(first.code, 0, first.text)
  t.match(first.text, /^Status: connected, 50 items$/m)
  const [, typed = '', keystrokes, shown] =
    /^Typed "(.+)": (\d) keystrokes, (\d) shown$/m.exec(first.text) ?? []
  t.equal(Number(keystrokes), typed.length)
  t.equal(shown, '1', 'what was typed over was aborted')
  t.match(first.text, new RegExp(`^  ${typed}`, 'm'))
  t.match(first.text, /^Labels: (\d) of \1 ids, 0 missing$/m)
  t.match(first.text, /^Changes: 50 records, 0 deletions$/m)

  const [, cursor = ''] = /^Cursor for the next run: (\S+)$/m.exec(first.text) ?? []
  simulator.company.create('Item', { Name: 'QX-7781', Type: 'Inventory' })
  await request('/api/cache/refresh', { method: 'POST', headers: admin })
  const next = await example(url, ADMIN_API_KEY, cursor)
  t.match(next.text, /^Changes: 1 records, 0 deletions$/m, 'only what changed meanwhile')

  const searching = await example(url, SEARCH_API_KEY)
  t.equal(searching.code, 0, searching.text)
  t.match(searching.text, /^Changes: they need ADMIN_API_KEY$/m)
  const stranger = await example(url, 'not-a-key')
  t.equal(stranger.code, 1)
  t.match(stranger.text, /^This key may not do that: send Authorization: Bearer/m, "the service's own words")
})

t.test('an answer that is no success has its code, and a fetch of the caller is used', async (t) => {
  const { url } = await startService(t, undefined)
  const asked: string[] = []
  const client = createMrpClient({
    baseUrl: url,
    fetch: (request) => {
      asked.push(new URL(request.url).pathname)
      return fetch(request)
    },
  })
  const { data, error, response } = await client.GET('/api/changes')
  t.same([data, error?.code, response.status], [undefined, 'NOT_CONNECTED', 409])
  t.same(asked, ['/api/changes'])
})

t.test('a team needs the files of client/ and openapi-fetch, and nothing else from here', async (t) => {
  for await (const file of glob('client/*.ts', { cwd: root })) {
    const text = await readFile(join(root, file), 'utf8')
    for (const [, name = ''] of text.matchAll(/from '([^']+)'/g))
      t.match(name, /^(openapi-fetch|\.\/[a-z]+(\.d)?\.ts)$/, `${file}: ${name}`)
  }
})
