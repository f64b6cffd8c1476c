// A MariaDB of a test's own, which it may end and start again, and a way to any server that it may cut.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createConnection } from 'mysql2/promise'
import type { Test } from 'tap'
import type { Server } from './mariadb.ts'
import { freePort, temporaryFolder } from './service.ts'

/** See the header of this file. */
export interface OwnMariaDb {
  server: Server
  start(): Promise<void>
  /** As a power cut does it. */
  kill(): Promise<void>
}

/** Runs at first, and ends with the test; `settings` are arguments of its own. @throws ENOENT where MariaDB is not installed */
export async function ownMariaDb(t: Test, settings: readonly string[] = []): Promise<OwnMariaDb> {
  const folder = temporaryFolder(t)
  const data = join(folder, 'data')
  const server = { host: '127.0.0.1', port: await freePort(), user: 'root', password: '' }
  const who = process.getuid?.() === 0 ? ['--user=root'] : []
  await promisify(execFile)('mariadb-install-db', [
    ...['--no-defaults', ...who, `--datadir=${data}`],
    ...['--auth-root-authentication-method=normal', '--skip-test-db'],
  ])
  let child: ChildProcess | undefined

  async function kill(): Promise<void> {
    if (child === undefined) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    child = undefined
  }

  async function start(): Promise<void> {
    child = spawn(
      'mariadbd',
      [
        ...[
          '--no-defaults',
          ...who,
          `--datadir=${data}`,
          `--port=${server.port}`,
          '--bind-address=127.0.0.1',
        ],
        ...[`--socket=${join(folder, 's')}`, `--pid-file=${join(folder, 'pid')}`],
        ...settings,
      ],
      { stdio: 'ignore' },
    )
    for (;;) {
      const connection = await createConnection(server).catch(() => undefined)
      if (connection !== undefined) return await connection.end()
      if (child.exitCode !== null) throw new Error(`mariadbd ended with ${child.exitCode}`)
      await delay(50)
    }
  }

  t.teardown(kill)
  await start()
  return { server, start, kill }
}

/** A way to a server. */
export interface Way {
  server: Server
  /** Ends all connections. */
  cut(): void
  /** While it hangs, what is sent does not arrive, and nobody is told. Resolves when the first of it got lost. */
  hang(isHanging: boolean): Promise<void>
  /** Ends the next one that commits records, when the server has done it and before that is told. */
  loseCommit(): Promise<void>
}

/** A way to `target` that is open, and closed with the test. */
export async function wayTo(t: Test, target: Server): Promise<Way> {
  const pairs = new Set<() => void>()
  let onLost: (() => void) | undefined
  let isHanging = false
  let onDropped: (() => void) | undefined

  function join(client: Socket): void {
    const upstream = connect(target.port, target.host)
    const end = () => {
      client.destroy()
      upstream.destroy()
      pairs.delete(end)
    }
    pairs.add(end)
    let hasRecords = false
    let isLosing = false
    client.on('data', (bytes) => {
      if (isHanging) return onDropped?.()
      const text = bytes.toString('latin1')
      if (text.includes('insert into `qbo_records`')) hasRecords = true
      if (text.includes('\x03commit')) {
        isLosing = hasRecords && onLost !== undefined
        hasRecords = false
      }
      upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      if (!isLosing) return client.write(bytes)
      onLost?.()
      onLost = undefined
      end()
    })
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end)
  }

  const listener = createServer(join)
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  const cut = () => {
    for (const end of [...pairs]) end()
  }
  t.teardown(() => {
    listener.close()
    cut()
  })
  return {
    server: { ...target, host: '127.0.0.1', port: (listener.address() as AddressInfo).port },
    cut,
    hang(now) {
      isHanging = now
      return new Promise((resolve) => {
        onDropped = resolve
      })
    },
    loseCommit: () =>
      new Promise((resolve) => {
        onLost = resolve
      }),
  }
}
