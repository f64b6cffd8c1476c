// Starts the service as a process that can be killed at a chosen place, and reads what a dead one has left on the disk.
import { deepStrictEqual, equal } from 'node:assert/strict'
import { fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import SqliteDatabase from 'better-sqlite3'
import { bareEnv } from './command.ts'
import type { LogLine } from './service.ts'

/** Where a process kills itself: at the `nth` time that it comes there. */
export interface Place {
  /** What and when, as in `tokens: committing`; `anything` is every step there is. */
  at: string
  nth: number
}

/** What the process tells its parent. */
export type Message = { armed: true } | { listening: { url: string; refreshToken: string | null } }

/** Whether this step is at the place: `tokens: committing`, `any: committed`, `anything`. */
export function isMoment(at: string, what: string, moment: string): boolean {
  return at === 'anything' || at === `any: ${moment}` || at === `${what}: ${moment}`
}

/** A process that serves. */
export interface Running {
  url: string
  pid: number
  /** The refresh token that it found on the disk. */
  held: string | null
  log: readonly LogLine[]
  request(path: string, init?: RequestInit): Promise<Answer>
  /** From now on it dies when it comes to this place. */
  arm(place: Place): Promise<void>
  /** Resolves when it is dead, by whomever; never rejects. */
  died: Promise<Death>
  kill(): Promise<void>
  /** Resolves when a line of its log has this message, `times` times in all. */
  logged(message: string, times?: number): Promise<void>
}

/** `output` is what it wrote that is no line of the log. */
export type Death = { code: number | null; signal: NodeJS.Signals | null; output: string }

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails when it is not there
  json: any
}

const crashing = join(import.meta.dirname, 'crashing-service.ts')

export interface StartOptions {
  env: Record<string, string>
  /** Where it dies while it starts. */
  place?: Place
  /** What is started, in place of a service that dies at a place. */
  entry?: string
  /** As another user. */
  uid?: number
  /** Kills it, when nobody else has. */
  signal?: AbortSignal
}

/** Starts a process; answers how it died when it did not come to serve. */
export async function start({
  env,
  place,
  entry = crashing,
  uid,
  signal,
}: StartOptions): Promise<Running | Death> {
  const child = fork(entry, place === undefined ? [] : [JSON.stringify(place)], {
    env: { ...bareEnv(), PORT: '0', SECRET_KEY: 'a key for tests only', ...env },
    // The test runner would follow it with hooks, which cost as much as the start and write where another user may not.
    execPath: '/usr/bin/env',
    execArgv: ['-u', 'NODE_OPTIONS', process.execPath],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    ...(uid !== undefined && { uid, gid: uid }),
    ...(signal !== undefined && { signal, killSignal: 'SIGKILL' }),
  })
  // Killed by the signal: that shows in how it died.
  child.on('error', () => undefined)
  const events = new EventEmitter<{ line: [] }>()
  const log: LogLine[] = []
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null)
      createInterface(stream).on('line', (line) => {
        if (line.startsWith('{')) log.push(JSON.parse(line))
        else output += `${line}\n`
        events.emit('line')
      })
  const died = new Promise<Death>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, output }))
  })
  const told = new Promise<Message>((resolve) => {
    child.once('message', (message: Message) => resolve(message))
  })
  const first = await Promise.race([told, died])
  if ('output' in first) return first
  if (!('listening' in first)) throw new Error('It tells first that it listens')
  const { url, refreshToken } = first.listening

  return {
    url,
    pid: child.pid ?? 0,
    held: refreshToken,
    log,
    died,
    async request(path, init) {
      const answer = await fetch(new URL(path, url), { redirect: 'manual', ...init })
      const text = await answer.text()
      const isJson = answer.headers.get('content-type')?.startsWith('application/json')
      return { status: answer.status, json: isJson ? JSON.parse(text) : undefined }
    },
    async arm(place) {
      const armed = once(child, 'message')
      child.send(place)
      await Promise.race([armed, died.then(mustLive)])
    },
    async kill() {
      child.kill('SIGKILL')
      await died
    },
    async logged(message, times = 1) {
      while (log.filter(({ msg }) => msg === message).length < times)
        await Promise.race([once(events, 'line'), died.then(mustLive)])
    },
  }
}

function mustLive(death: Death): never {
  throw new Error(`The service died: ${JSON.stringify(death)}`)
}

/** As `start`, where nothing stands in the way. */
export async function mustStart(options: StartOptions): Promise<Running> {
  const started = await start(options)
  if ('url' in started) return started
  throw new Error(`The service does not start: ${JSON.stringify(started)}`)
}

/** What is on the disk. Records are JSON by id, by entity. */
export interface Kept {
  records: Record<string, Map<string, string>>
  /** Ids that webhooks announced and that are not followed yet, by entity. */
  hints: Record<string, Set<string>>
  /** Announcements that are not followed yet. */
  waiting: number
}

/**
 * Reads the files of a dead process from a copy, since looking at them would already mend them.
 * @throws AssertionError when the database is damaged, or its counts are not those of its rows.
 */
export function inspect(dataDir: string): Kept {
  const copy = mkdtempSync(join(tmpdir(), 'mrp-backend-copy-'))
  try {
    for (const name of ['mrp-backend.db', 'mrp-backend.db-wal'])
      if (existsSync(join(dataDir, name))) copyFileSync(join(dataDir, name), join(copy, name))
    return read(join(copy, 'mrp-backend.db'))
  } finally {
    rmSync(copy, { recursive: true })
  }
}

/** As `inspect`, of a process that serves: through a connection of its own that only reads. */
export const look = (dataDir: string): Kept => read(join(dataDir, 'mrp-backend.db'), { readonly: true })

interface Row {
  entity: string
  id: string
  active: number
  json: string
}

function read(path: string, options?: SqliteDatabase.Options): Kept {
  const db = new SqliteDatabase(path, options)
  try {
    deepStrictEqual(db.pragma('integrity_check'), [{ integrity_check: 'ok' }])
    const rows = db.prepare<[], Row>('SELECT entity, id, active, json FROM qbo_records').all()
    const records: Kept['records'] = {}
    const active: Record<string, number> = {}
    for (const row of rows) {
      records[row.entity] ??= new Map()
      records[row.entity]?.set(row.id, row.json)
      active[row.entity] = (active[row.entity] ?? 0) + row.active
    }
    const checkpoints = db
      .prepare<[], { entity: string; records: number; active_records: number }>(
        'SELECT entity, records, active_records FROM qbo_checkpoints',
      )
      .all()
    for (const { entity, records: counted, active_records } of checkpoints) {
      equal(counted, records[entity]?.size ?? 0, `${entity}: the count of records is that of the rows`)
      equal(active_records, active[entity] ?? 0, `${entity}: the count of active ones is that of the rows`)
    }
    const hints: Kept['hints'] = {}
    const posts = db
      .prepare<[], { entity: string; hints: string }>('SELECT entity, hints FROM qbo_hints')
      .all()
    for (const post of posts) {
      hints[post.entity] ??= new Set()
      for (const [id] of JSON.parse(post.hints) as [string, boolean][]) hints[post.entity]?.add(id)
    }
    return { records, hints, waiting: posts.length }
  } finally {
    db.close()
  }
}
