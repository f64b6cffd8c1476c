// Work that only the replica that leads may do, asked for by the others through the database. What is asked and answered
// is sealed: codes of a consent are among it. Work may be begun again by another leader when the first one is gone, so it
// has to be such that this does no harm.

import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { AppError, DatabaseError, databaseFault, type Retry, reasonOf } from '../../errors.ts'
import type { Clock } from '../clock.ts'
import type { Db } from '../database/database.ts'
import { serverTime } from '../lease/lease.ts'
import type { Log } from '../log.ts'
import type { Keyring } from '../tokens/keyring.ts'
import type { Secrets } from '../tokens/secrets.ts'

/** JSON work: what it takes and answers survives `JSON.stringify`. */
export type Work<Input, Answer> = (input: Input) => Promise<Answer>

/** Requests of one replica, and its answers to those of others. */
export interface Requests {
  /** Says how work of this name is done here. */
  register<Input, Answer>(name: string, work: Work<Input, Answer>): void
  /**
   * Asks for work, and waits until it is done; calls with the same input that come meanwhile join in. `fence` is that of
   * the lease as it was last seen. @throws AppError that the work threw; 503 NO_LEADER when nobody does it
   */
  ask<Input, Answer>(name: string, input: Input, fence: () => number | undefined): Promise<Answer>
  /** Forgets what is old, and does what others wait for, in the background: for the holder of the lease with this fence. */
  serve(fence: number): Promise<void>
  /** Ends waiting. */
  stop(): void
}

/** How often it is looked for an answer, in milliseconds. */
const LOOK_MS = 100
/** Nobody is kept waiting longer than this while no replica works for them, in milliseconds. */
const PATIENCE_MS = 30_000
/** What is older than this nobody waits for any more, in milliseconds by the database's clock. */
const OLD_MS = 3_600_000

type Outcome = { answer: unknown } | { error: Known }
interface Known {
  code: string
  status: number
  message: string
  retry: Retry
  intuitTid?: string | undefined
  retryAfterSeconds?: number | undefined
}

/** Requests in the `qbo_requests` table. */
export function createRequests(deps: { db: Db; keyring: Keyring; clock: Clock; log: Log }): Requests {
  const { db, keyring, clock, log } = deps
  const works = new Map<string, Work<never, unknown>>()
  const asked = new Map<string, Promise<unknown>>()
  const served = new Set<string>()
  const stopping = new AbortController()

  const seal = (by: Secrets, value: unknown, id: string) => by.seal(JSON.stringify(value) ?? 'null', id)

  function open(sealed: string, id: string): { value: unknown; by: Secrets } {
    const opened = keyring.open(sealed, id)
    if (opened === undefined) throw keysDiffer()
    return { value: JSON.parse(opened.text), by: opened.by }
  }

  /** While a key is replaced, replicas seal with different ones; that of the stored connection is known to all of them. */
  async function commonKey(): Promise<Secrets> {
    const stored = await db.selectFrom('qbo_tokens').select('key_id').executeTakeFirst()
    const keyId = stored?.key_id
    return (keyId ? keyring.find(keyId) : undefined) ?? keyring.current()
  }
  const rowOf = (id: string) => db.selectFrom('qbo_requests').where('id', '=', id)

  async function ask(name: string, input: unknown, fence: () => number | undefined): Promise<unknown> {
    const id = randomUUID()
    const row = { id, work: name, input: seal(await commonKey(), input, id), asked_at: serverTime }
    await db.insertInto('qbo_requests').values(row).execute()
    for (let idleMs = 0; idleMs < PATIENCE_MS; idleMs += LOOK_MS) {
      await clock.sleep(LOOK_MS, stopping.signal)
      const found = await lookAt(id)
      if (found?.answer) {
        await db.deleteFrom('qbo_requests').where('id', '=', id).execute()
        return taken(open(found.answer, id).value as Outcome)
      }
      if (found !== undefined && found.taken_by !== null && found.taken_by === fence()) idleMs = 0
    }
    const left = await db
      .deleteFrom('qbo_requests')
      .where('id', '=', id)
      .where('taken_by', 'is', null)
      .executeTakeFirst()
    throw left.numDeletedRows === 1n ? noLeader() : leaderGone()
  }

  /** A database that is away for a moment is waited for like a leader. */
  async function lookAt(id: string) {
    try {
      return await rowOf(id).select(['taken_by', 'answer']).executeTakeFirst()
    } catch (error) {
      if (error instanceof DatabaseError && error.kind !== 'refused') return undefined
      throw error
    }
  }

  /** Not what the other one has given up meanwhile, or a later leader is at work on. */
  async function take(id: string, fence: number): Promise<boolean> {
    const taken = await db
      .updateTable('qbo_requests')
      .set({ taken_by: fence })
      .where('id', '=', id)
      .where((row) => row.or([row('taken_by', 'is', null), row('taken_by', '<=', fence)]))
      .executeTakeFirst()
    return taken.numUpdatedRows === 1n
  }

  async function serveOne(id: string, name: string, input: string, fence: number): Promise<void> {
    if (!(await take(id, fence))) return
    const { outcome, by } = await outcomeOf(name, id, input)
    // What ended because this one stops, or does not lead any more, is for the next.
    const isLeft = 'error' in outcome && ['STOPPING', 'NOT_LEADER'].includes(outcome.error.code)
    await db
      .updateTable('qbo_requests')
      .set(isLeft ? { taken_by: null } : { answer: seal(by, outcome, id) })
      .where('id', '=', id)
      .where('taken_by', '=', fence)
      .execute()
  }

  /** And the key that whoever asks has, too. */
  async function outcomeOf(
    name: string,
    id: string,
    input: string,
  ): Promise<{ outcome: Outcome; by: Secrets }> {
    let by = keyring.current()
    try {
      const work = works.get(name)
      // Of a newer version, in the middle of an update of all replicas.
      if (work === undefined) throw unknownWork(name)
      const opened = open(input, id)
      by = opened.by
      return { outcome: { answer: await work(opened.value as never) }, by }
    } catch (error) {
      const known = error instanceof AppError ? error : databaseFault(error)
      if (known === undefined) log.error({ err: error, work: name }, 'Unexpected error')
      return { outcome: { error: knownOf(known ?? unexpected()) }, by }
    }
  }

  return {
    register(name, work) {
      works.set(name, work as Work<never, unknown>)
    },
    ask<Input, Answer>(name: string, input: Input, fence: () => number | undefined) {
      const key = `${name} ${JSON.stringify(input)}`
      const answer =
        asked.get(key) ??
        ask(name, input, fence).finally(() => {
          asked.delete(key)
        })
      asked.set(key, answer)
      return answer as Promise<Answer>
    },
    async serve(fence) {
      await db
        .deleteFrom('qbo_requests')
        .where('asked_at', '<', sql<number>`${serverTime} - ${OLD_MS}`)
        .execute()
      const waiting = await db
        .selectFrom('qbo_requests')
        .select(['id', 'work', 'input'])
        .where('answer', 'is', null)
        .orderBy('asked_at')
        .execute()
      for (const { id, work, input } of waiting) {
        if (served.has(id)) continue
        served.add(id)
        void serveOne(id, work, input, fence)
          .catch((error) =>
            log.warn({ work, reason: reasonOf(error) }, 'An answer to another replica was lost'),
          )
          .finally(() => served.delete(id))
      }
    },
    stop: () => stopping.abort(stoppedWaiting()),
  }
}

const knownOf = ({ code, statusCode, message, retry, intuitTid, retryAfterSeconds }: AppError): Known => ({
  ...{ code, message, retry, intuitTid, retryAfterSeconds },
  status: statusCode,
})

function taken(outcome: Outcome): unknown {
  if ('error' in outcome) throw new AppError(outcome.error)
  return outcome.answer
}

const unavailable = (code: string, message: string) => () =>
  new AppError({ code, status: 503, retry: 'later', message, retryAfterSeconds: 5 })

const noLeader = unavailable(
  'NO_LEADER',
  'No replica leads at the moment, so nothing was done; search goes on with the data at hand. Try again in a moment.',
)
const leaderGone = unavailable(
  'NO_LEADER',
  'The replica that was at work on this was not heard of since; another one may finish it. GET /api/cache/status shows how it is.',
)
const stoppedWaiting = unavailable(
  'STOPPING',
  'This replica stops; what was asked for may still be done. GET /api/cache/status of another one shows how it is.',
)
const unknownWork = (name: string) =>
  new AppError({
    code: 'VERSIONS_DIFFER',
    status: 503,
    retry: 'later',
    message: `The replica that leads does not know how to ${name}: bring all replicas to one version.`,
  })
const keysDiffer = () =>
  new AppError({
    code: 'KEYS_DIFFER',
    status: 503,
    retry: 'later',
    message:
      'The replica that leads and this one have no SECRET_KEY in common: bring all replicas to one, with the former one in SECRET_KEY_PREVIOUS, and try again.',
  })
const unexpected = () =>
  new AppError({
    code: 'INTERNAL',
    status: 500,
    message: 'Something unexpected happened in the replica that leads; its log says what. No data was lost.',
  })
