// Decides when QuickBooks is read, and runs at most one refresh at a time; webhooks are followed beside it. Entities are
// independent: one that fails keeps its old data and says so, the others go on.

import {
  AppError,
  DatabaseError,
  databaseFault,
  isNotLeader,
  isStop,
  reasonOf,
  stopped,
} from '../../errors.ts'
import type { Checkpoint } from '../cache/cache.ts'
import type { Hint, HintQueue } from '../cache/hints.ts'
import type { Clock } from '../clock.ts'
import type { Entity } from '../entities/index.ts'
import type { QboClient, ReadReason } from '../qbo/client.ts'
import { type Followed, followChanges } from './changes.ts'
import { createFollower } from './follow-hints.ts'
import { type CurrentRealm, type EntityRun, fullPass, type PassDeps, type PassReport } from './full-pass.ts'
import { type Announcement, createIntake } from './intake.ts'
import { createSchedule, type Due, type Kind } from './schedule.ts'

/** The outcome of one entity in a refresh: of its full pass, where there was one. */
export type EntityOutcome = PassReport & { entity: string; error: AppError | undefined }

/** What a refresh did. Times are milliseconds. */
export interface RefreshReport {
  startedAt: number
  durationMs: number
  /** Requests sent to QuickBooks meanwhile, retries included. */
  calls: number
  outcomes: EntityOutcome[]
}

/** How far a running refresh is. */
export interface Progress {
  startedAt: number
  entities: { entity: string; fetched: number; expected: number | undefined; done: boolean }[]
}

/** What an admin asks for. */
export interface RefreshOptions {
  /** Accept that many records are gone. */
  force?: boolean
  /** Read everything; otherwise only what changed, where that is known. */
  full?: boolean
}

/** Keeps the cache following QuickBooks. */
export interface Sync {
  /** Refreshes every entity, or joins a refresh that does so already. @throws AppError 409 when not connected. */
  refresh(options?: RefreshOptions): Promise<RefreshReport>
  /**
   * Does what is due: follows webhooks, changes, and full passes. `connected`: an admin has just connected QuickBooks, so
   * earlier failures and a spent budget do not count. Never throws: a schedule calls it.
   */
  refreshDue(options?: { connected?: boolean }): Promise<void>
  /** Keeps what a webhook announced, then follows it; resolves when it is kept. `ignored` events are only counted. */
  noticed(realm: string, hints: readonly Hint[], ignored: number): Promise<void>
  progress(): Progress | undefined
  /** Why an entity failed the last time, where even that could not be written. */
  unwrittenError(entity: string): string | undefined
  /** Follows webhooks that another replica has kept. */
  follow(): void
  /** Resolves when nothing runs. */
  settled(): Promise<void>
  /** Lets refreshes begin: none does before. */
  begin(): void
  /** Ends what `begin` began, after the page at hand. */
  end(): Promise<void>
  /** Stops a running refresh after the page at hand, and lets none begin until `resume` or `forget`. */
  stop(): Promise<void>
  /** Takes a stop back: refreshes may begin again. What a first pass left half way is made searchable. */
  resume(): Promise<void>
  /** Forgets all cached and indexed data: the company was disconnected. */
  forget(): Promise<void>
}

/** Everything that the sync works with. */
export interface SyncDeps extends Omit<PassDeps, 'intake'> {
  entities: readonly Entity[]
  qbo: QboClient
  hints: HintQueue
  currentRealm: CurrentRealm
  clock: Clock
  /** Milliseconds between two looks for changes. */
  changesIntervalMs: number
  /** Milliseconds between two full passes over an entity. */
  fullIntervalMs: number
  /** Whether reads by the clock can come to an end before the month does. */
  hasBudget: boolean
  /** Whether they have to wait for another month. */
  isBudgetSpent(): boolean
  /** Hears of every change that can be found; must not throw. */
  announce(change: Announcement): void
  /** Hears of every entity that was read, or failed. */
  onRun(run: EntityRun): void
  /** Hears that everything was forgotten. */
  onForgotten(): void
}

interface Run {
  startedAt: number
  entities: Progress['entities']
  isFull: boolean
  /** Asked for by an admin: a month's budget does not hold for it. */
  isAdmins: boolean
  done: Promise<RefreshReport>
}

/** One refresh: whose reads they are, and whether many deletions are believed. */
interface Order extends Due {
  reason?: ReadReason
  force?: boolean
}

/** A sync over all entities, which does nothing before `begin`. */
export function createSync(deps: SyncDeps): Sync {
  const { entities, cache, search, qbo, clock, log } = deps
  const pass: PassDeps = { cache, search, log, intake: createIntake(deps) }
  const newSchedule = () => createSchedule({ changesMs: deps.changesIntervalMs, fullMs: deps.fullIntervalMs })
  const newFollower = () =>
    createFollower({
      ...{ ...pass, entities, clock, queue: deps.hints, currentRealm: deps.currentRealm, onRun: deps.onRun },
      reader: (signal) => qbo.reader('webhook', signal),
      onDoubt: (entity) => schedule.owe(entity),
    })
  let schedule = newSchedule()
  let follower = newFollower()
  /** By entity the code of the failure that the log tells of already. */
  const told = new Map<string, string>()
  const unwritten = new Map<string, string>()
  let running: Run | undefined
  let hasBegun = false
  let stopping = new AbortController()
  stopping.abort(stopped())

  function start(order: Order): Run {
    stopping.signal.throwIfAborted()
    const realm = deps.currentRealm()
    const chosen = entities.filter((one) => order.full.includes(one) || order.changes.includes(one))
    const run: Run = {
      startedAt: clock.now(),
      entities: chosen.map(({ name }) => ({ entity: name, fetched: 0, expected: undefined, done: false })),
      isFull: order.full.length === entities.length,
      isAdmins: order.reason === 'admin',
      done: refreshAll(realm, order).finally(() => {
        running = undefined
      }),
    }
    running = run
    return run
  }

  async function refreshAll(realm: string, order: Order): Promise<RefreshReport> {
    const startedAt = clock.now()
    const callsBefore = qbo.requests()
    const before = await cache.checkpoints(realm)
    const outcomes = new Map<string, EntityOutcome>()
    const full = new Set(order.full)
    for (const entity of await lookForChanges(realm, order, before, outcomes)) full.add(entity)
    const passes = [...full].map(async (entity) => {
      const isLookedAt = outcomes.get(entity.name)?.error === undefined && outcomes.has(entity.name)
      const outcome = await passOver(realm, entity, { before, isLookedAt }, order)
      outcomes.set(entity.name, outcome)
    })
    await Promise.allSettled(passes)
    await Promise.all(passes)
    stopping.signal.throwIfAborted()
    const report = {
      startedAt,
      durationMs: clock.now() - startedAt,
      calls: qbo.requests() - callsBefore,
      outcomes: entities.map(({ name }) => outcomes.get(name)).filter((one) => one !== undefined),
    }
    logReport(report)
    return report
  }

  /** Answers with the entities that need a full pass instead. */
  async function lookForChanges(
    realm: string,
    { changes, reason = 'changes' }: Order,
    before: readonly Checkpoint[],
    outcomes: Map<string, EntityOutcome>,
  ): Promise<Entity[]> {
    const startedAt = clock.now()
    const followed: Followed[] = []
    const needFull: Entity[] = []
    for (const entity of changes) {
      const checkpoint = before.find((one) => one.entity === entity.name)
      const { completeAsOf = null, lastFull = null } = checkpoint ?? {}
      if (checkpoint === undefined || completeAsOf === null || lastFull === null) needFull.push(entity)
      else followed.push({ entity, checkpoint: { ...checkpoint, completeAsOf } })
    }
    for (const { entity } of followed) await cache.attempt(realm, entity.name)
    const { signal } = stopping
    const { owesFull, isRefused } = schedule
    const context = { realm, signal, qbo: qbo.reader(reason, signal), owesFull, isRefused }
    for (const outcome of await followChanges(pass, context, followed)) {
      const { name } = outcome.entity
      if ('needsFull' in outcome) {
        log.info({ entity: name, reason: outcome.needsFull }, 'Changes are not enough, all is read anew')
        needFull.push(outcome.entity)
        continue
      }
      const { records = 0 } = (await cache.checkpoint(realm, name)) ?? {}
      const report = { records, changed: 0, removed: 0, setAside: 0, drift: null }
      if ('error' in outcome) {
        outcomes.set(name, {
          entity: name,
          ...report,
          error: await fail('changes', realm, name, outcome.error),
        })
      } else {
        outcomes.set(name, { entity: name, ...report, ...outcome.report, error: undefined })
        succeed('changes', name, before)
      }
      ran(name, 'changes', startedAt, outcomes.get(name)?.error)
      if (!needFull.includes(outcome.entity)) finished(name)
    }
    return needFull
  }

  async function passOver(
    realm: string,
    entity: Entity,
    { before, isLookedAt }: { before: readonly Checkpoint[]; isLookedAt: boolean },
    { changes, reason = 'full', force = false }: Order,
  ): Promise<EntityOutcome> {
    const { signal } = stopping
    const onProgress = (fetched: number, expected: number | undefined) => {
      Object.assign(progressOf(entity.name) ?? {}, { fetched, expected, done: false })
    }
    const startedAt = clock.now()
    // As it is after a look for changes.
    const checkpoint = await cache.checkpoint(realm, entity.name)
    try {
      await cache.attempt(realm, entity.name)
      const context = { realm, entity, before: checkpoint, isLookedAt, force, signal, onProgress }
      const report = await fullPass(pass, { ...context, qbo: qbo.reader(reason, signal) })
      succeed('full', entity.name, before)
      ran(entity.name, 'full', startedAt)
      // It may have been the answer that was broken, and not the record.
      if (report.setAside > (checkpoint?.setAside ?? 0)) schedule.owe(entity.name, clock.now())
      return { entity: entity.name, ...report, error: undefined }
    } catch (error) {
      signal.throwIfAborted()
      const known = await fail('full', realm, entity.name, error)
      ran(entity.name, 'full', startedAt, known)
      // A look that needs a full pass is no better than that.
      if (changes.includes(entity)) schedule.failed('changes', entity.name, known, clock.now())
      const records = checkpoint?.records ?? 0
      return { entity: entity.name, records, changed: 0, removed: 0, setAside: 0, drift: null, error: known }
    } finally {
      finished(entity.name)
    }
  }

  const ran = (entity: string, kind: Kind, startedAt: number, error?: AppError) =>
    deps.onRun({ entity, kind, durationMs: clock.now() - startedAt, error })

  const progressOf = (name: string) => running?.entities.find((one) => one.entity === name)
  const finished = (name: string) => Object.assign(progressOf(name) ?? {}, { done: true })

  function succeed(kind: Kind, name: string, before: readonly Checkpoint[]): void {
    schedule.succeeded(kind, name)
    unwritten.delete(name)
    if (kind === 'full') schedule.succeeded('changes', name)
    if (before.find((one) => one.entity === name)?.lastError && !schedule.owesFull(name))
      log.info({ entity: name }, 'QuickBooks delivers again')
  }

  /** A stop is no failure: it is thrown on. */
  async function fail(kind: Kind, realm: string, name: string, error: unknown): Promise<AppError> {
    if (isStop(error) || isNotLeader(error)) throw error
    const known = toAppError(error)
    if (known.code === 'REFRESH_FAILED')
      log.error({ entity: name, err: error }, 'Refresh failed unexpectedly')
    schedule.failed(kind, name, known, clock.now())
    await cache
      .failPass(realm, name, kind, known.message)
      .then(() => unwritten.delete(name))
      .catch(() => unwritten.set(name, known.message))
    return known
  }

  function logReport({ durationMs, calls, outcomes }: RefreshReport): void {
    for (const { entity, error } of outcomes) {
      const isTold = told.get(entity) === error?.code
      told.delete(entity)
      if (error === undefined) continue
      told.set(entity, error.code)
      const level = isTold ? 'info' : error.retry === 'later' ? 'warn' : 'error'
      log[level](
        { entity, code: error.code, intuitTid: error.intuitTid, reason: error.message },
        'Entity not refreshed, its old data was kept',
      )
    }
    for (const { entity, drift } of outcomes)
      if (drift) log.warn({ entity, drift }, 'A full pass repaired records that changes had not brought')
    const counts = Object.fromEntries(
      outcomes.map(({ entity, error, ...counts }) => [entity, { ok: error === undefined, ...counts }]),
    )
    const failed = outcomes.filter(({ error }) => error !== undefined).length
    const how = failed === 0 ? 'refreshed' : failed < outcomes.length ? 'refreshed in part' : 'not refreshed'
    log.info({ durationMs, calls, ...counts }, `Cache ${how}`)
  }

  /** After an end there is nothing to go on with, whoever was at it. */
  function goOn(): void {
    if (!hasBegun) return
    stopping = new AbortController()
  }

  /** Not connected, stopped, or led by another: nobody needs to be told. */
  const isQuiet = (error: unknown) =>
    stopping.signal.aborted ||
    isStop(error) ||
    isNotLeader(error) ||
    (error instanceof AppError && error.statusCode === 409)

  return {
    async refresh({ force = false, full = true } = {}) {
      while (running !== undefined && (force || !running.isFull || (deps.hasBudget && !running.isAdmins)))
        await running.done.catch(() => undefined)
      const order = full ? { full: [...entities], changes: [] } : { full: [], changes: [...entities] }
      return await (running ?? start({ ...order, force, reason: 'admin' })).done
    },

    async refreshDue({ connected = false } = {}) {
      follower.follow(stopping.signal)
      if (connected) schedule.forgive()
      if (running !== undefined || stopping.signal.aborted || (deps.isBudgetSpent() && !connected)) return
      try {
        const due = schedule.due(entities, await cache.checkpoints(deps.currentRealm()), clock.now())
        if (due.full.length + due.changes.length === 0 || running !== undefined) return
        await start(connected ? { ...due, reason: 'admin' } : due).done
      } catch (error) {
        const level = error instanceof DatabaseError ? 'warn' : 'error'
        if (!isQuiet(error)) log[level]({ reason: reasonOf(error) }, 'Refresh did not start')
      }
    },

    async noticed(realm, hints, ignored) {
      await deps.hints.add(realm, hints, ignored)
      follower.follow(stopping.signal)
    },

    follow: () => follower.follow(stopping.signal),

    begin() {
      // What happened when it led before says nothing about now.
      schedule = newSchedule()
      follower = newFollower()
      hasBegun = true
      goOn()
    },

    async end() {
      hasBegun = false
      await this.stop()
    },

    unwrittenError: (entity) => unwritten.get(entity),

    progress: () => running && { startedAt: running.startedAt, entities: running.entities },

    async settled() {
      while (running !== undefined) await running.done.catch(() => undefined)
      await follower.settled()
    },

    async stop() {
      stopping.abort(stopped())
      await running?.done.catch(() => undefined)
      await follower.settled()
    },

    async resume() {
      goOn()
      const realm = deps.currentRealm()
      for (const { name } of entities) await search.rebuild(name, cache.batches(realm, name))
    },

    async forget() {
      await this.stop()
      try {
        await cache.keepOnly()
        await search.clear()
        deps.onForgotten()
      } finally {
        goOn()
      }
    },
  }
}

const toAppError = (error: unknown): AppError =>
  error instanceof AppError
    ? error
    : (databaseFault(error) ??
      new AppError({
        code: 'REFRESH_FAILED',
        status: 500,
        retry: 'later',
        message: 'The refresh failed unexpectedly; the log says why. The data at hand was kept.',
        cause: error,
      }))
