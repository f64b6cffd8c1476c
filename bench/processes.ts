// Each server under measurement runs in a process of its own, with a probe that answers for its CPU, memory and pauses.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Reading } from './probe.ts'

/** A running server. */
export interface Server {
  url: string
  pid: number
  /** What the process used since the last reading. */
  read(): Promise<Reading>
  /** Resolves to the exit code. */
  stop(): Promise<number | null>
}

/**
 * Starts a script with its arguments (Node's own first) and waits until it says where it listens. What it prints goes to
 * the file `log`, where one is named.
 */
export async function startServer(
  args: string[],
  env: Record<string, string> = {},
  log?: string,
): Promise<Server> {
  const child = spawn(process.execPath, ['--import', join(import.meta.dirname, 'probe.ts'), ...args], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // Ctrl-C is for whoever measures: it stops what it has started, and when it cannot, the probe does.
    detached: true,
  })
  if (log !== undefined) child.stdout?.pipe(createWriteStream(log))
  const url = await listening(child)
  return {
    url,
    pid: child.pid ?? 0,
    async read() {
      const answer = once(child, 'message')
      child.send('read')
      const [reading] = await answer
      return reading as Reading
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      const [code] = await exit
      return code as number | null
    },
  }
}

async function listening(child: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let output = ''
  child.stdout?.on('data', (chunk) => {
    output = (output + chunk).slice(-10_000)
    const url = /https?:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0]
    if (url !== undefined) resolve(url)
  })
  child.once('exit', () => reject(new Error(`the server ended before it listened: ${output}`)))
  return await promise
}

/** A folder for a database, and its removal. */
export function scratchFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'mrp-backend-bench-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
