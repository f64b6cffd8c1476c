// One of several that serve from the same database, or the only one. Whoever holds the lease leads: it asks Intuit,
// follows QuickBooks and changes the cache. The others follow the cache, and hand over what they are asked to do.

import { ConfigError, reasonOf } from '../../errors.ts'
import type { Cache } from '../cache/cache.ts'
import { type Clock, steady } from '../clock.ts'
import type { Db } from '../database/database.ts'
import type { SharedLease } from '../lease/lease.ts'
import type { Log } from '../log.ts'
import { type LeaderReport, SILENT_MS } from '../status.ts'
import type { Announcement } from '../sync/intake.ts'
import type { Tail } from '../sync/tail.ts'
import type { TokenKeeper } from '../tokens/keeper.ts'
import { look, type Seen } from './look.ts'
import type { Requests, Work } from './requests.ts'

/** See the header of this file. */
export interface Replica {
  /** Begins; resolves when this process leads, or has caught up with who does. */
  start(): Promise<void>
  /** The same work, done by whoever leads. Its input and answer are JSON; `name` is the same in all replicas. */
  atLeader<Input, Answer>(name: string, work: Work<Input, Answer>): Work<Input, Answer>
  standing(): Standing
  /** Takes up what others have committed up to now, where the database answers. */
  look(): Promise<void>
  /** Hands the lead to another one, and follows nobody any more; what is asked is handed over until `close`. */
  stop(): Promise<void>
  close(): void
}

/** Where a replica stands among the others. */
export interface Standing {
  id: string
  isLeader: boolean
  /** Who leads, as far as this one knows. */
  leader: string | null
  /** Since when it may be behind the cache, in seconds; 0 for the one that leads. */
  lagSeconds: number
  /** Nothing was heard of the database when it was asked last. */
  isDatabaseAway: boolean
  /** What the leader last said of itself; null when this one leads, or it has not said anything yet. */
  report: LeaderReport | null
}

/** What it means to lead. */
export interface Lead {
  /** The cache is searchable as a whole and nobody else changes it. `wasAhead`: it was put back to an earlier state. */
  begin(wasAhead: boolean): Promise<void>
  /** Webhooks wait that others have kept. */
  onHints(): void
  /** Nothing of it is under way any more when it resolves. */
  end(): Promise<void>
}

/** A replica that has no others. */
export function createSoleReplica({ id, tail, lead }: Pick<ReplicaDeps, 'id' | 'tail' | 'lead'>): Replica {
  return {
    start: () => lead.begin(tail.wasAhead()),
    atLeader: (_name, work) => work,
    standing: () => ({
      ...{ id, isLeader: true, leader: id, lagSeconds: 0 },
      ...{ isDatabaseAway: false, report: null },
    }),
    look: async () => undefined,
    stop: () => lead.end(),
    close: () => undefined,
  }
}

/** Everything that a replica among others works with. */
export interface ReplicaDeps {
  id: string
  /** Names of what is kept here. */
  entities: readonly string[]
  db: Db
  lease: SharedLease
  /** How long a lease is good for, in milliseconds. */
  periodMs: number
  keeper: TokenKeeper
  cache: Cache
  tail: Tail
  requests: Requests
  lead: Lead
  /** Reads what others have counted. */
  reloadMeter(): Promise<void>
  /** For the others to read, while this one leads. */
  report(): LeaderReport
  /** Hears of what can be found otherwise now. */
  announce(change: Announcement): void
  onForgotten(): void
  clock: Clock
  log: Log
}

/** Milliseconds from the begin of one look to the next: at rest, and while something happens. */
const REST_MS = 1_000
const BUSY_MS = 250
/** It is at rest when nothing has happened for so long. */
const CALM_MS = 5_000
/** A lease is renewed so many times in a period. */
const RENEWALS = 4

/** A replica among others, which neither leads nor follows before its start. */
export function createReplica(deps: ReplicaDeps): Replica {
  const { id, db, lease, keeper, cache, tail, requests, lead, clock, log } = deps
  const now = steady(clock)
  const stopping = new AbortController()
  let isLeading = false
  let seen: Seen | undefined
  let knownConnection: string | undefined
  /** Without the key of the stored connection it could only keep the lead from those that have it. */
  let mayLead = true
  let caughtUpAt = now()
  let busyUntil = now() + CALM_MS
  let isAway = false
  let beating: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined
  let askedAt: number | undefined
  let loops: Promise<unknown> = Promise.resolve()

  async function beat(): Promise<void> {
    const lookedAt = now()
    askedAt = lookedAt
    seen = await look(db, deps.entities)
    askedAt = undefined
    if (lease.fence() !== undefined && lease.fence() !== seen.lease.fence) lease.lose()
    await stepDownIfLost()
    await takeUpConnection(seen.connection)
    if (isLeading && !mayLead) await lease.release()
    await stepDownIfLost()
    if (!isLeading) await follow(seen)
    const isFree = mayLead && (seen.lease.isOver || seen.lease.holder === id)
    if (!isLeading && isFree && !stopping.signal.aborted && (await lease.acquire(seen.lease)))
      await takeOver().catch(async (error) => {
        // Another one may be able to.
        await lease.release()
        throw error
      })
    if (isLeading) {
      tail.reached(seen.seq)
      if (seen.hasHints) lead.onHints()
      const fence = lease.fence()
      if (seen.hasRequests && fence !== undefined) await requests.serve(fence)
    }
    caughtUpAt = lookedAt
  }

  async function takeUpConnection(connection: string): Promise<void> {
    void keeper.flush()
    if (connection === knownConnection) return
    busyUntil = now() + CALM_MS
    try {
      if (!(await keeper.reload())) return
      knownConnection = connection
      mayLead = true
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      // The cache can be followed all the same.
      log.error(
        { replica: id, reason: error.message },
        'The stored connection cannot be read by this replica',
      )
      knownConnection = connection
      mayLead = false
    }
  }

  async function follow({ realm, feed, seq, successes }: Seen): Promise<void> {
    const before = tail.position()
    const { announcements, forgot } = await tail.catchUp({ realm, feed, seq })
    cache.seen(successes)
    if (forgot) deps.onForgotten()
    for (const one of announcements) deps.announce(one)
    if (tail.position() !== before) busyUntil = now() + CALM_MS
  }

  /** Nobody else changes anything from here on: what is read now is how it is. */
  async function takeOver(): Promise<void> {
    const last = await look(db, deps.entities)
    // Of a connection that it does not know it would forget everything.
    if (!(await keeper.reload())) return
    knownConnection = last.connection
    await deps.reloadMeter()
    await follow(last)
    lease.mustBeHeld()
    await lead.begin(tail.wasAhead())
    tail.aheadIsTold()
    isLeading = true
    log.info({ replica: id, fence: lease.fence() }, 'This replica leads')
  }

  async function stepDownIfLost(): Promise<void> {
    if (!isLeading || lease.isHeld()) return
    isLeading = false
    await lead.end()
    log.warn({ replica: id }, 'This replica does not lead any more; it follows the one that does')
  }

  /** One after the other; who asks while one waits for its turn shares that. */
  function beatOnce(): Promise<void> {
    next ??= beating.then(() => {
      next = undefined
      return beat()
    })
    beating = next.catch(() => undefined)
    return next
  }

  async function tryBeat(): Promise<void> {
    try {
      await beatOnce()
      if (isAway) log.info({ replica: id }, 'The database answers again')
      isAway = false
    } catch (error) {
      if (!isAway)
        log.warn(
          { replica: id, reason: reasonOf(error) },
          'Other replicas cannot be followed; search goes on',
        )
      isAway = true
      // In its turn: what leading left under way must have ended before this one can lead again.
      beating = beating.then(stepDownIfLost)
      await beating
    }
  }

  async function every(intervalMs: () => number, work: () => Promise<void>): Promise<void> {
    while (!stopping.signal.aborted) {
      const startedAt = now()
      await work()
      await clock.sleep(startedAt + intervalMs() - now(), stopping.signal).catch(() => undefined)
    }
  }

  async function renew(): Promise<void> {
    if (!lease.isHeld()) return
    await lease
      .renew(JSON.stringify(deps.report()))
      .catch((error) => log.warn({ replica: id, reason: reasonOf(error) }, 'The lead could not be renewed'))
  }

  const currentFence = () => (seen === undefined || seen.lease.isOver ? undefined : seen.lease.fence)

  const looksEveryMs = () => (isLeading || now() < busyUntil ? BUSY_MS : REST_MS)

  return {
    async start() {
      await lease.prepare()
      const renewing = every(() => deps.periodMs / RENEWALS, renew)
      loops = renewing
      await beatOnce()
      loops = Promise.all([renewing, every(looksEveryMs, tryBeat)])
    },

    atLeader(name, work) {
      requests.register(name, work)
      return async (input) => {
        if (isLeading) return await work(input)
        const answer = await requests.ask(name, input, currentFence)
        // Whoever asks again here finds what was done there.
        await tryBeat()
        return answer as Awaited<ReturnType<typeof work>>
      }
    },

    standing: () => ({
      id,
      isLeader: isLeading,
      leader: isLeading ? id : seen === undefined || seen.lease.isOver ? null : seen.lease.holder,
      lagSeconds: isLeading ? 0 : Math.round(now() - caughtUpAt) / 1000,
      isDatabaseAway: isAway || (askedAt !== undefined && now() - askedAt > SILENT_MS),
      report: isLeading || !seen?.report ? null : (JSON.parse(seen.report) as LeaderReport),
    }),

    look: tryBeat,

    async stop() {
      stopping.abort()
      await loops
      await beating
      if (isLeading) await lead.end()
      isLeading = false
      await lease
        .release()
        .catch((error) => log.warn({ reason: reasonOf(error) }, 'The lead was not handed over'))
    },
    close: () => requests.stop(),
  }
}
