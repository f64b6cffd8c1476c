// What the service runs on: Node, its port, its folder.

import { dirname, join, resolve } from 'node:path'
import { type Check, CONFIGURATION, type Finding, fail, ok, warn } from './check.ts'
import type { Reply } from './outside.ts'

export const node: Check = {
  name: 'Node',
  run({ outside, node: needed }) {
    const { nodeVersion } = outside
    const least = Number(/\d+/.exec(needed)?.[0])
    return Number.parseInt(nodeVersion, 10) >= least
      ? ok(nodeVersion)
      : fail(
          `${nodeVersion} is too old`,
          `Install Node ${least}, or start with npm, which brings it along on Linux x64.`,
        )
  },
}

/** From where a server that listens on `host` can be asked. */
const reachable = (host: string): string => {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

const HEALTH_MS = 5_000

export const port: Check = {
  name: 'port',
  needs: [CONFIGURATION],
  async run({ setup: { config }, outside, version }) {
    const { HOST: host, PORT: port } = config
    if (port === 0) return ok('0: any that is free is taken')
    const code = await outside.whyNotListen(host, port)
    if (code === undefined) return ok(`${host}:${port} is free: the service is not running`)
    if (code === 'EACCES')
      return fail(
        `${port} may not be listened on by this user`,
        'Choose a PORT from 1024 on, and put a proxy in front (docs/https.md).',
      )
    if (code !== 'EADDRINUSE')
      return fail(
        `nobody can listen on ${host}:${port} (${code})`,
        'Set HOST to an address of this machine: 127.0.0.1, or 0.0.0.0 for all it has.',
      )
    const url = `http://${reachable(host)}:${port}/api/health`
    const reply = await outside.ask({ url, timeoutMs: HEALTH_MS }).catch((error: Error) => error)
    const { version: running, message } = saidBy(reply)
    if (message !== undefined)
      return warn(`${host}:${port} is this service's, but it is not well: ${message}`, 'Look into its log.')
    if (reply instanceof Error && reply.name === 'TimeoutError')
      return fail(
        `${host}:${port} is taken, and who listens there does not answer`,
        `Find out which program listens on ${port}. If it is this service, look into its log and start it anew; else stop it, or choose another PORT.`,
      )
    if (running === undefined)
      return fail(
        `${host}:${port} is taken by another program`,
        `Stop the program that listens on ${port}, or choose another PORT.`,
      )
    return running === version
      ? ok(`${host}:${port} is this service's, and it answers`)
      : warn(
          `${host}:${port} is this service's, but version ${running}, and ${version} is installed`,
          'Start the service anew.',
        )
  },
}

/** What answers there, if it is this service: its version, or why it cannot tell its health. */
function saidBy(reply: Reply | Error): { version?: string; message?: string } {
  if (reply instanceof Error) return {}
  try {
    const { status, version, statusCode, code, message } = JSON.parse(reply.body) as Record<string, unknown>
    if (status === 'healthy' && typeof version === 'string') return { version }
    const isOurs = statusCode === reply.status && typeof code === 'string'
    return isOurs && typeof message === 'string' ? { message } : {}
  } catch {
    return {}
  }
}

const MEGABYTE = 1024 * 1024
const FULL_BYTES = 20 * MEGABYTE
const TIGHT_BYTES = 500 * MEGABYTE

export const FOLDER = 'DATA_DIR'

export const folder: Check = {
  name: FOLDER,
  needs: [CONFIGURATION],
  run({ setup: { config, place }, outside }) {
    const { DATA_DIR } = config
    const there = outside.exists(DATA_DIR)
    const nearest = nearestOf(resolve(DATA_DIR), outside.exists)
    // With a server only what makes a start quick is kept in it.
    const bad: typeof fail = place.server === undefined ? fail : warn
    const database = ['', '-wal', '-shm'].map((end) => `mrp-backend.db${end}`)
    const key = config.SECRET_KEY === undefined ? ['secret.key'] : []
    const files = [...database, 'process.lock', ...key].map((name) => join(nearest, name))
    const closed = outside.canMakeFilesIn(nearest)
      ? files.find((path) => outside.exists(path) && !outside.canWrite(path))
      : nearest
    if (closed !== undefined)
      return bad(
        `${closed} cannot be written by this user`,
        'Give DATA_DIR and what is in it to the user that runs the service, or choose another DATA_DIR.',
      )
    return spaceOf(
      outside.freeBytes(nearest),
      there ? DATA_DIR : `${DATA_DIR}, which the first start makes`,
      bad,
    )
  },
}

function spaceOf(free: number, where: string, bad: typeof fail): Finding {
  const text = `${Math.floor(free / MEGABYTE)} MB are free in ${where}`
  const todo = 'Free some space on the disk under DATA_DIR.'
  if (free < FULL_BYTES) return bad(text, todo)
  return free < TIGHT_BYTES ? warn(text, todo) : ok(text)
}

/** The folder itself, or the nearest one above it that there is. */
const nearestOf = (path: string, exists: (path: string) => boolean): string =>
  exists(path) ? path : nearestOf(dirname(path), exists)
