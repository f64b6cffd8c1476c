// The demo as a process: what it refuses, and that it works with a company that has nothing to search.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../support/service.ts'

const script = join(import.meta.dirname, '../../scripts/demo.ts')

async function demo(t: Test, ...options: string[]) {
  const child = spawn(process.execPath, [script, '--once', ...options])
  t.teardown(() => child.kill('SIGTERM'))
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk))
  const [code] = await once(child, 'close')
  return { code, text }
}

t.test('an option that cannot work is refused with one line that names it', async (t) => {
  for (const [options, line] of [
    [['--foo'], /^The demo cannot start\. Unknown option '--foo'.*\n$/],
    [['--port', '0'], /^The demo cannot start\. --port: 0 is not allowed.* from 1 to 65535\.\n$/],
    [['--items', 'many'], /^The demo cannot start\. --items: many is not allowed.*\n$/],
    [['--port', '6000'], /^The demo failed: --port: browsers refuse 6000; try 6002\.\n$/],
  ] as const) {
    const { code, text } = await demo(t, ...options)
    t.equal(code, 1)
    t.match(text, line)
  }
})

t.test('whoever holds the port already is left alone', async (t) => {
  const asked: string[] = []
  const foreign = createServer(({ url = '' }, response) => {
    asked.push(url)
    response.end('{"status":"healthy"}')
  })
  foreign.listen(0, '127.0.0.1')
  await once(foreign, 'listening')
  t.teardown(() => foreign.close())
  const { port } = foreign.address() as AddressInfo
  const { code, text } = await demo(t, '--port', String(port))
  t.equal(code, 1)
  t.match(text, /^The demo failed: --port: another program answers|cannot listen/m)
  t.notOk(asked.includes('/connect'))
})

t.test('a company without anything to search is shown without searches', async (t) => {
  const port = String(await freePort())
  const { code, text } = await demo(
    t,
    ...['--port', port, '--customers', '0', '--items', '0', '--vendors', '1'],
  )
  t.equal(code, 0, text)
  t.match(text, /0 customers, 1 vendors, 0 items/)
  t.notMatch(text, /Try/)
})
