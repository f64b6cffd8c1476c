/** The command of the README, as a process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'

function run(...options: string[]) {
  const child = spawn(process.execPath, ['simulator/main.ts', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { text: '' }
  child.stdout.on('data', (chunk) => {
    output.text += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.text += chunk
  })
  return { child, output }
}

t.test('the command serves until it is told to stop, and says what to put into .env', async (t) => {
  const { child, output } = run('--port', '0', '--customers', '7', '--vendors', '2', '--items', '50')
  const exited = once(child, 'exit')
  while (!output.text.includes('QUICKBOOKS_REVOKE_URL')) await once(child.stdout, 'data')
  const url = /^QUICKBOOKS_SANDBOX_BASE_URL=(.*)$/m.exec(output.text)?.[1] ?? ''
  t.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.match(output.text, /^QUICKBOOKS_ENVIRONMENT=sandbox$/m)
  t.equal((await fetch(`${url}/.well-known/openid_configuration`)).status, 200)
  child.kill('SIGTERM')
  t.same(await exited, [0, null])
})

t.test('a wrong option stops it with a line that names the option', async (t) => {
  for (const options of [
    ['--items', 'many'],
    ['--colour', 'red'],
  ]) {
    const { child, output } = run(...options)
    t.same(await once(child, 'close'), [1, null])
    t.match(output.text, options[0])
  }
})
