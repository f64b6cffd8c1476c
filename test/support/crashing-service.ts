// The service in a process of its own that kills itself where its parent says: at a step of a request to QuickBooks, as
// undici tells of them, or of a write, as SQLite is told of them. The service itself is the real one and knows nothing.
import { channel } from 'node:diagnostics_channel'
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { ConfigError } from '../../src/errors.ts'
import { systemClock } from '../../src/services/clock.ts'
import { isMoment, type Message, type Place } from './crashes.ts'
import { stretchQuickly, unhurried } from './unhurried.ts'

/** Where it dies; from the beginning when its parent says so at the start. */
let place: Place | undefined = process.argv[2] === undefined ? undefined : JSON.parse(process.argv[2])
let passed = 0
/** Intuit has answered a refresh, and what it gave is not on the disk yet. */
let hasNewTokens = false

/** What a write is about, by the first of its tables in this order. */
const tables = ['tokens', 'records', 'hints', 'checkpoints', 'sequences', 'reads', 'oauth_states']

/** The last thing that a process does that was told to die here. */
function happens(what: string, moment: string): void {
  if (place === undefined || !isMoment(place.at, what, moment)) return
  passed += 1
  if (passed === place.nth) process.kill(process.pid, 'SIGKILL')
}

process.on('message', (told: Place) => {
  place = told
  passed = 0
  tell({ armed: true })
})

// A parent that is gone tells nobody when to die.
process.on('disconnect', () => process.exit())

watchRequests()
watchWrites()
await serve()

function watchRequests(): void {
  const moments = { create: 'made', bodySent: 'sent', headers: 'head', trailers: 'answered' }
  for (const [event, moment] of Object.entries(moments))
    channel(`undici:request:${event}`).subscribe((message) => {
      const { path } = (message as { request: { path: string } }).request
      const what = /\/(query|cdc|companyinfo|bearer)\b/.exec(path)?.[1] ?? path
      if (what === 'bearer' && moment === 'answered') hasNewTokens = true
      happens(what === 'bearer' ? 'refresh' : what, moment)
    })
}

/** Kysely prepares each statement, `begin` and `commit` too, and runs it once. */
function watchWrites(): void {
  const { prepare } = SqliteDatabase.prototype
  let written: string[] | undefined

  function run<T>(sql: string, work: () => T): T {
    if (sql === 'begin') written = []
    if (sql === 'rollback') written = undefined
    const isWrite = /^(insert|update|delete|create|alter|drop)\b/i.test(sql)
    if (isWrite) written?.push(sql)
    const isCommit = sql === 'commit' || (isWrite && written === undefined)
    const name = nameOf(sql === 'commit' ? (written ?? []) : [...(written ?? []), sql])
    if (isCommit) happens(name, 'committing')
    const result = work()
    if (isCommit) written = undefined
    if (isCommit && name === 'new tokens') hasNewTokens = false
    if (isCommit || isWrite) happens(name, isCommit ? 'committed' : 'written')
    return result
  }

  SqliteDatabase.prototype.prepare = function (this: SqliteDatabase.Database, sql: string) {
    const statement = prepare.call(this, sql)
    const watched = {
      reader: statement.reader,
      all: (parameters: unknown[]) => run(sql, () => statement.all(parameters)),
      run: (parameters: unknown[]) => run(sql, () => statement.run(parameters)),
    }
    return watched as unknown as SqliteDatabase.Statement
  } as typeof prepare
}

function nameOf(writes: readonly string[]): string {
  if (writes.some((sql) => /^(create|alter|drop)/i.test(sql))) return 'tables'
  const name = tables.find((table) => writes.some((sql) => sql.includes(`"qbo_${table}"`))) ?? 'others'
  if (name === 'tokens' && hasNewTokens) return 'new tokens'
  if (name !== 'hints') return name
  return writes.some((sql) => sql.startsWith('delete')) ? 'followed hints' : 'hints'
}

async function serve(): Promise<void> {
  try {
    const config = await loadConfig(process.env, join(process.env.DATA_DIR ?? '', 'no.env'))
    // The time that it was down for.
    const aheadMs = Number(process.env.CLOCK_AHEAD_MS ?? 0)
    const clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
    const app: FastifyInstance = await buildApp(config, {
      ...unhurried,
      ...{ clock, stretch: stretchQuickly },
      logger: { level: 'info' },
    })
    const refreshToken = app.tokens.keeper.connection()?.refreshToken ?? null
    const url = await app.listen({ port: config.PORT, host: config.HOST })
    // A process that is killed leaves nothing compiled behind by itself.
    flushCompileCache()
    tell({ listening: { url, refreshToken } })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`mrp-backend cannot start. ${error.message}\n`)
    process.exit(1)
  }
}

function tell(message: Message): void {
  process.send?.(message)
}
