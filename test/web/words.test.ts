// The console has words for whatever can go wrong between the service and QuickBooks.
import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '../..')
const { problems, connectError, connectErrors, mendedByConnecting, fromNow, since } = await import(
  join(root, 'web/console/words.js')
)

/** Codes of errors in these folders of src. */
async function codesIn(pattern: string): Promise<string[]> {
  const codes = new Set<string>()
  for await (const file of glob(pattern, { cwd: root }))
    for (const [, code = ''] of readFileSync(join(root, file), 'utf8').matchAll(
      /(?:code: |refuse\(\s*)'([A-Z][A-Z_]+)'/g,
    ))
      codes.add(code)
  return [...codes]
}

t.test('each problem that the status can name says what happened and what to do', async (t) => {
  // Told to whoever asked, and never noted: what a caller did, and what a stop or a hand-over ended.
  const never = [
    'BAD_REQUEST',
    'STOPPING',
    'NOT_LEADER',
    'NOT_CONNECTED',
    'DISCONNECTED_MEANWHILE',
    'TOKENS_CHANGED',
  ]
  const codes = [
    ...(await codesIn('src/services/{qbo,sync,meter}/*.ts')),
    ...(await codesIn('src/services/tokens/{keeper,store}.ts')),
    ...(await codesIn('src/errors.ts')),
  ].filter((code) => !never.includes(code) && code !== 'OAUTH_OTHER_COMPANY')
  t.ok(codes.length > 25)
  t.ok(codes.includes('QBO_THROTTLED') && codes.includes('RECONNECT_REQUIRED'))
  for (const code of codes) {
    const [what, todo] = problems[code] ?? []
    t.match(what, /^[A-Z].*\.$/, `${code}: what happened`)
    t.match(todo, /^[A-Z].*\.$/, `${code}: what to do`)
  }
})

t.test('each refusal of a way back from Intuit has words', async (t) => {
  const codes = await codesIn('src/services/tokens/consent.ts')
  t.ok(codes.length >= 5)
  for (const code of codes.filter((one) => one !== 'OAUTH_RETURN_INCOMPLETE'))
    t.match(connectErrors[code], /\.$/, code)
})

t.test('what anybody can write into the address has no words of its own', async (t) => {
  for (const code of ['constructor', '__proto__', '<b>x</b>', ''])
    t.match(connectError(code), /^QuickBooks could not be connected/, code)
})

t.test('whoever is told to connect again finds the button', async (t) => {
  const told = Object.keys(problems).filter((code) =>
    /[Cc]onnect (again|to QuickBooks)/.test(problems[code][1]),
  )
  // With this one the connection has ended, and the button is there.
  t.same(told.filter((code) => code !== 'RECONNECT_REQUIRED').sort(), [...mendedByConnecting].sort())
})

t.test('what has been is never to come, whatever the clock says', async (t) => {
  const tomorrow = new Date(Date.now() + 1.25 * 86_400_000).toISOString()
  t.equal(fromNow(tomorrow), 'tomorrow')
  t.equal(since(tomorrow), 'just now')
})
