// One of the service's commands as a process of its own, without the machine's environment.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** How a command ended, and all that it wrote. */
export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  text: string
}

/** What a command gets of this machine's environment. What Node has compiled is the same for all of them. */
export const bareEnv = () => ({
  PATH: process.env.PATH,
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
})

/** Runs `src/NAME.ts` in a folder. Kills it as soon as `isEnough` says so, asked again and again. */
export async function command(
  name: string,
  { args = [], env = {}, cwd }: { args?: string[]; env?: Record<string, string>; cwd: string },
  isEnough?: () => Promise<boolean>,
): Promise<Ended> {
  const child = spawn(process.execPath, [join(import.meta.dirname, `../../src/${name}.ts`), ...args], {
    cwd,
    env: { ...bareEnv(), ...env },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk))
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  if (isEnough !== undefined) {
    while (child.exitCode === null && !(await isEnough())) await Promise.resolve()
    child.kill('SIGKILL')
  }
  const [code, signal] = await closed
  return { code, signal, text }
}
