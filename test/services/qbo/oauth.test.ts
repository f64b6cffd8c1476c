// Intuit's token answers, as they are documented and as they may come all the same: no oddity may cost a rotated token.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { Agent } from 'undici'
import { createOAuthClient } from '../../../src/services/qbo/oauth.ts'

/** A token endpoint that answers with `body`. */
async function answering(t: Test, status: number, body: string | Buffer, headers = {}) {
  const server = createServer((_request, response) => response.writeHead(status, headers).end(body))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const dispatcher = new Agent()
  t.teardown(async () => {
    await dispatcher.destroy()
    server.close()
  })
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  const urls = { authorizeUrl: url, tokenUrl: url, revokeUrl: url, redirectUri: `${url}/callback` }
  return createOAuthClient(
    { clientId: 'id', clientSecret: 'secret', ...urls },
    { dispatcher, timeoutMs: 30_000 },
  )
}

const tokens = {
  access_token: 'A',
  refresh_token: 'R',
  expires_in: 3600,
  x_refresh_token_expires_in: 8_726_400,
}

t.test('whatever stands beside the tokens, they are taken', async (t) => {
  const { expires_in: _e, x_refresh_token_expires_in: _x, ...bare } = tokens
  const { refresh_token: _r, ...unrotated } = tokens
  const json = JSON.stringify
  const odd: Record<string, [string | Buffer, object]> = {
    'as documented': [json(tokens), { expiresIn: 3600, refreshExpiresIn: 8_726_400, refreshToken: 'R' }],
    'no lifetimes': [json(bare), { expiresIn: 3600, refreshExpiresIn: 8_640_000 }],
    'lifetimes as text': [json({ ...tokens, expires_in: '1800' }), { expiresIn: 1800 }],
    'a lifetime beyond all reason': [json({ ...tokens, expires_in: 1e306 }), { expiresIn: 315_360_000 }],
    'a lifetime of nothing': [json({ ...tokens, expires_in: 0 }), { expiresIn: 3600 }],
    'no end of the consent': [
      json({ ...tokens, x_refresh_token_hard_expires_in: null }),
      { hardExpiresIn: undefined },
    ],
    'no new refresh token': [json(unrotated), { accessToken: 'A', refreshToken: 'former' }],
    'a byte order mark': [`\uFEFF${json(tokens)}`, { refreshToken: 'R' }],
  }
  for (const [name, [body, expected]] of Object.entries(odd)) {
    t.match(await (await answering(t, 200, body)).refresh('former'), expected, name)
  }
  const zipped = await answering(t, 200, gzipSync(json(tokens)), { 'content-encoding': 'gzip' })
  t.match(await zipped.refresh('former'), { refreshToken: 'R' }, 'compressed')
})

t.test('an answer without tokens is an error that keeps the stored ones', async (t) => {
  for (const body of [
    '',
    '{}',
    'null',
    '[]',
    '<html>',
    '{"access_token":5,"refresh_token":"R"}',
    '{"access_token":"A"',
  ]) {
    const oauth = await answering(t, 200, body)
    await t.rejects(oauth.refresh('former'), { code: 'OAUTH_ANSWER_UNREADABLE', message: /kept/ }, body)
  }
})

t.test('a small answer that inflates beyond all bounds is refused', async (t) => {
  const bomb = gzipSync(Buffer.alloc(65 * 1024 * 1024))
  const oauth = await answering(t, 200, bomb, { 'content-encoding': 'gzip' })
  await t.rejects(oauth.refresh('former'), { code: 'OAUTH_UNAVAILABLE' })
})
