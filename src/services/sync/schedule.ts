// Which entities are due, for a look at their changes or for a full pass. What failed is tried again after a while; of
// an earlier process it knows only whether a full pass is owed.

import type { AppError } from '../../errors.ts'
import type { Checkpoint } from '../cache/cache.ts'
import type { Entity } from '../entities/index.ts'
import { isOutage } from '../qbo/faults.ts'
import { reachesBack } from './changes.ts'

/** What is due. An entity can be in both: its changes first, so that the full pass shows what they missed. */
export interface Due {
  changes: Entity[]
  full: Entity[]
}

export type Kind = keyof Due

/** Decides by the clock, the checkpoints, and what happened before. */
export interface Schedule {
  due(entities: readonly Entity[], checkpoints: readonly Checkpoint[], now: number): Due
  succeeded(kind: Kind, entity: string): void
  failed(kind: Kind, entity: string, error: AppError, now: number): void
  /** Only a full pass can tell how this entity is; `after` a while, where one has just been made. */
  owe(entity: string, after?: number): void
  owesFull(entity: string): boolean
  /** Trying again would not have helped the last time. */
  isRefused(entity: string): boolean
  /** Lets everything that failed be tried at once. */
  forgive(): void
}

/**
 * A failed entity is tried again after this, then after twice as long, and so on up to the interval: reads are billed.
 * Those of an outage are not.
 */
const RETRY_MS = 5 * 60_000
const MINUTE_MS = 60_000

/** Intervals are milliseconds between two looks for changes, and between two full passes. */
export function createSchedule(intervals: { changesMs: number; fullMs: number }): Schedule {
  const failures = new Map<string, { times: number; last: number }>()
  const owed = new Set<string>()
  const recalled = new Set<string>()

  /**
   * Half a minute early counts: whoever asks each minute would otherwise find a quick minute just not over, and wait for
   * another one. A last time in the future was told by a clock that has been set back since.
   */
  const isPast = (last: number, interval: number, now: number) =>
    now - last >= interval - Math.min(interval, MINUTE_MS) / 2 || last - now > RETRY_MS

  function mayTry(kind: Kind, entity: string, now: number): boolean {
    const failed = failures.get(`${kind} ${entity}`)
    if (failed === undefined) return true
    return isPast(failed.last, Math.min(RETRY_MS * 2 ** (failed.times - 1), intervals.changesMs), now)
  }

  function owe(entity: string, after?: number, times = 1): void {
    owed.add(entity)
    if (after !== undefined) failures.set(`full ${entity}`, { times, last: after })
  }

  /** A full pass that failed before this process began is still owed. */
  function recall({ entity, owesFull, lastAttempt, heldBack, setAside }: Checkpoint): void {
    if (recalled.has(entity)) return
    recalled.add(entity)
    if (!owesFull && heldBack === 0 && setAside === 0) return
    const last = lastAttempt ?? 0
    // The opinion of a second pass is worth little right after the first; a look would ask for one, too.
    const times = heldBack > 0 ? Number.POSITIVE_INFINITY : 1
    owe(entity, last, times)
    if (heldBack > 0) failures.set(`changes ${entity}`, { times, last })
  }

  return {
    due(entities, checkpoints, now) {
      const due: Due = { changes: [], full: [] }
      let isTime = false
      for (const entity of entities) {
        const { name } = entity
        const checkpoint = checkpoints.find((one) => one.entity === name)
        const { lastFull = null, lastSuccess = null } = checkpoint ?? {}
        if (checkpoint !== undefined) recall(checkpoint)
        const followable = checkpoint !== undefined && lastFull !== null && reachesBack(checkpoint, now)
        // A clock of ours that is far ahead must not make each minute a full pass.
        const fullMs = followable ? intervals.fullMs : intervals.changesMs
        const needsFull = lastFull === null || owed.has(name) || isPast(lastFull, fullMs, now)
        if (needsFull && mayTry('full', name, now)) due.full.push(entity)
        if (!followable || !mayTry('changes', name, now)) continue
        due.changes.push(entity)
        isTime ||= lastSuccess === null || isPast(lastSuccess, intervals.changesMs, now)
      }
      // One read is for all: whoever is not quite due yet is looked at with the others.
      if (!isTime) due.changes = []
      return due
    },
    succeeded(kind, entity) {
      recalled.add(entity)
      failures.delete(`${kind} ${entity}`)
      if (kind === 'full') owed.delete(entity)
    },
    failed(kind, entity, error, now) {
      recalled.add(entity)
      if (kind === 'full') owed.add(entity)
      const before = isOutage(error) ? 0 : (failures.get(`${kind} ${entity}`)?.times ?? 0)
      // Trying again early cannot help where a person must act.
      const times = error.retry === 'later' ? before + 1 : Number.POSITIVE_INFINITY
      failures.set(`${kind} ${entity}`, { times, last: now })
    },
    owe: (entity, after) => owe(entity, after),
    owesFull: (entity) => owed.has(entity),
    isRefused: (entity) => failures.get(`changes ${entity}`)?.times === Number.POSITIVE_INFINITY,
    forgive: () => failures.clear(),
  }
}
