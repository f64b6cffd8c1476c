// A server in front of another one, whose answers a test can hold.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** See the header of this file. */
export interface Gate {
  url: string
  /** Answers wait from now on. */
  hold(): void
  /** Resolves when one waits: what was asked for is done, and whoever asked does not know. */
  holds(): Promise<void>
  release(): void
}

/** A gate before `target`, open at first and closed with the test. */
export async function createGate(t: Test, target: string): Promise<Gate> {
  let gate = Promise.resolve()
  let open = () => {}
  let waits = Promise.withResolvers<void>()
  const server = createServer(async (request, response) => {
    const { method = 'GET', url = '/', headers } = request
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { authorization = '', accept = '', 'content-type': type = '' } = headers
    const answer = await fetch(new URL(url, target), {
      ...{ method, body: Buffer.concat(chunks) },
      headers: { authorization, accept, 'content-type': type },
    })
    const body = await answer.text()
    waits.resolve()
    await gate
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(body)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    open()
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold() {
      waits = Promise.withResolvers()
      gate = new Promise((resolve) => (open = resolve))
    },
    holds: () => waits.promise,
    release: () => open(),
  }
}
