// Decides when QuickBooks is read, and runs at most one refresh at a time. Entities are independent: one that fails
// keeps its old data and says so, the others go on.

import { AppError, reasonOf, stopped } from '../../errors.ts'
import type { Cache, Checkpoint } from '../cache/cache.ts'
import type { Clock } from '../clock.ts'
import type { Entity } from '../entities/index.ts'
import { fullPass, type PassDeps, type PassReport } from './full-pass.ts'

/** Which company is connected, by its keyed hash. @throws AppError 409 when none is, or a person must reconnect. */
export type CurrentRealm = () => string

/** The outcome of one entity in a refresh. */
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

/** Keeps the cache following QuickBooks. */
export interface Sync {
  /** Refreshes every entity, or joins the refresh that does so already. @throws AppError 409 when not connected. */
  refresh(options?: { force?: boolean }): Promise<RefreshReport>
  /** Refreshes the entities whose time has come. Never throws: a schedule calls it. */
  refreshDue(atStart?: boolean): Promise<void>
  progress(): Progress | undefined
  /** Stops a running refresh after the page at hand, and lets none begin until `forget` or a new service. */
  stop(): Promise<void>
  /** Takes a stop back: refreshes may begin again. What a first pass left half way is made searchable. */
  resume(): Promise<void>
  /** Forgets all cached and indexed data: the company was disconnected. */
  forget(): Promise<void>
}

/** Everything that the sync works with. */
export interface SyncDeps extends PassDeps {
  entities: readonly Entity[]
  cache: Cache
  currentRealm: CurrentRealm
  clock: Clock
  /** Milliseconds between two refreshes of an entity. */
  intervalMs: number
}

/** A failed entity is tried again after this, then after twice as long, and so on up to the interval: reads are billed. */
const RETRY_MS = 5 * 60_000

interface Run {
  startedAt: number
  entities: Progress['entities']
  done: Promise<RefreshReport>
}

/** A sync over all entities. */
export function createSync(deps: SyncDeps): Sync {
  const { entities, cache, clock, log } = deps
  let running: Run | undefined
  let stopping = new AbortController()
  /** Failures in a row, by entity; Infinity when trying again early cannot help. */
  const failures = new Map<string, number>()

  function start(chosen: readonly Entity[], force: boolean): Run {
    stopping.signal.throwIfAborted()
    const realm = deps.currentRealm()
    const startedAt = clock.now()
    const run: Run = {
      startedAt,
      entities: chosen.map(({ name }) => ({ entity: name, fetched: 0, expected: undefined, done: false })),
      done: refreshAll(realm, chosen, force).finally(() => {
        running = undefined
      }),
    }
    running = run
    return run
  }

  async function refreshAll(
    realm: string,
    chosen: readonly Entity[],
    force: boolean,
  ): Promise<RefreshReport> {
    const startedAt = clock.now()
    const callsBefore = deps.qbo.requests()
    const before = new Map(
      (await cache.checkpoints(realm)).map((checkpoint) => [checkpoint.entity, checkpoint]),
    )
    const all = chosen.map((entity) => refreshOne(realm, entity, before.get(entity.name), force))
    await Promise.allSettled(all)
    const outcomes = await Promise.all(all)
    stopping.signal.throwIfAborted()
    const report = {
      startedAt,
      durationMs: clock.now() - startedAt,
      calls: deps.qbo.requests() - callsBefore,
      outcomes,
    }
    logReport(report)
    return report
  }

  async function refreshOne(
    realm: string,
    entity: Entity,
    before: Checkpoint | undefined,
    force: boolean,
  ): Promise<EntityOutcome> {
    const progress = () => running?.entities.find((one) => one.entity === entity.name)
    const onProgress = (fetched: number, expected: number | undefined) => {
      Object.assign(progress() ?? {}, { fetched, expected })
    }
    try {
      await cache.attempt(realm, entity.name)
      const pass = { realm, entity, before, force, signal: stopping.signal, onProgress }
      const report = await fullPass(deps, pass)
      failures.delete(entity.name)
      if (before?.lastError) log.info({ entity: entity.name }, 'QuickBooks delivers again')
      return { entity: entity.name, ...report, error: undefined }
    } catch (error) {
      stopping.signal.throwIfAborted()
      const known = toAppError(error)
      if (known.code === 'REFRESH_FAILED')
        log.error({ entity: entity.name, err: error }, 'Refresh failed unexpectedly')
      const again = known.retry === 'later' ? (failures.get(entity.name) ?? 0) + 1 : Number.POSITIVE_INFINITY
      failures.set(entity.name, again)
      await cache.failPass(realm, entity.name, known.message).catch(() => undefined)
      return {
        entity: entity.name,
        records: before?.records ?? 0,
        changed: 0,
        removed: 0,
        setAside: 0,
        error: known,
      }
    } finally {
      Object.assign(progress() ?? {}, { done: true })
    }
  }

  function logReport({ durationMs, calls, outcomes }: RefreshReport): void {
    for (const { entity, error } of outcomes) {
      if (error === undefined) continue
      const level = error.retry === 'later' ? 'warn' : 'error'
      log[level](
        { entity, code: error.code, intuitTid: error.intuitTid, reason: error.message },
        'Entity not refreshed, its old data was kept',
      )
    }
    const counts = Object.fromEntries(
      outcomes.map(({ entity, records, changed, removed, setAside, error }) => [
        entity,
        { ok: error === undefined, records, changed, removed, setAside },
      ]),
    )
    const failed = outcomes.filter(({ error }) => error !== undefined).length
    const how = failed === 0 ? 'refreshed' : failed < outcomes.length ? 'refreshed in part' : 'not refreshed'
    log.info({ durationMs, calls, ...counts }, `Cache ${how}`)
  }

  async function dueEntities(atStart: boolean): Promise<Entity[]> {
    const now = clock.now()
    const checkpoints = new Map(
      (await cache.checkpoints(deps.currentRealm())).map((one) => [one.entity, one]),
    )
    return entities.filter(({ name }) => {
      const { lastAttempt = null, lastSuccess = null } = checkpoints.get(name) ?? {}
      if (lastAttempt === null) return true
      const succeeded = lastSuccess !== null && lastSuccess >= lastAttempt
      if (!succeeded && atStart) return true
      const retryMs = RETRY_MS * 2 ** ((failures.get(name) ?? 1) - 1)
      return now - lastAttempt >= (succeeded ? deps.intervalMs : Math.min(retryMs, deps.intervalMs))
    })
  }

  return {
    async refresh({ force = false } = {}) {
      while (running !== undefined && (force || running.entities.length < entities.length)) {
        await running.done.catch(() => undefined)
      }
      return await (running ?? start(entities, force)).done
    },

    async refreshDue(atStart = false) {
      if (running !== undefined || stopping.signal.aborted) return
      try {
        const due = await dueEntities(atStart)
        if (due.length > 0 && running === undefined) await start(due, false).done
      } catch (error) {
        const quiet = error instanceof AppError && error.statusCode === 409
        if (!quiet && !stopping.signal.aborted)
          log.error({ reason: reasonOf(error) }, 'Refresh did not start')
      }
    },

    progress: () => running && { startedAt: running.startedAt, entities: running.entities },

    async stop() {
      stopping.abort(stopped())
      await running?.done.catch(() => undefined)
    },

    async resume() {
      stopping = new AbortController()
      const realm = deps.currentRealm()
      for (const { name } of entities) await deps.search.rebuild(name, cache.batches(realm, name))
    },

    async forget() {
      await this.stop()
      try {
        await cache.keepOnly()
        await deps.search.clear()
      } finally {
        stopping = new AbortController()
      }
    },
  }
}

const toAppError = (error: unknown): AppError =>
  error instanceof AppError
    ? error
    : new AppError({
        code: 'REFRESH_FAILED',
        status: 500,
        retry: 'later',
        message: 'The refresh failed unexpectedly; the log says why. The data at hand was kept.',
        cause: error,
      })
