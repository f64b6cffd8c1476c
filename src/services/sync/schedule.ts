// Which entities are due, for a look at their changes or for a full pass. It remembers failures of this process only:
// after a start everything that is due may be tried at once.

import type { AppError } from '../../errors.ts'
import type { Checkpoint } from '../cache/cache.ts'
import type { Entity } from '../entities/index.ts'
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
  /** Only a full pass can tell how this entity is. */
  owe(entity: string): void
  owesFull(entity: string): boolean
  /** Lets everything that failed be tried at once. */
  forgive(): void
}

/** A failed entity is tried again after this, then after twice as long, and so on up to the interval: reads are billed. */
const RETRY_MS = 5 * 60_000

/** Intervals are milliseconds between two looks for changes, and between two full passes. */
export function createSchedule(intervals: { changesMs: number; fullMs: number }): Schedule {
  const failures = new Map<string, { times: number; last: number }>()
  const owed = new Set<string>()

  /** A last time in the future was told by a clock that has been set back since. */
  const isPast = (last: number, interval: number, now: number) =>
    now - last >= interval || last - now > RETRY_MS

  function mayTry(kind: Kind, entity: string, now: number): boolean {
    const failed = failures.get(`${kind} ${entity}`)
    if (failed === undefined) return true
    return isPast(failed.last, Math.min(RETRY_MS * 2 ** (failed.times - 1), intervals.changesMs), now)
  }

  return {
    due(entities, checkpoints, now) {
      const due: Due = { changes: [], full: [] }
      for (const entity of entities) {
        const { name } = entity
        const checkpoint = checkpoints.find((one) => one.entity === name)
        const { lastFull = null, lastSuccess = null } = checkpoint ?? {}
        const followable = checkpoint !== undefined && lastFull !== null && reachesBack(checkpoint, now)
        const needsFull = !followable || owed.has(name) || isPast(lastFull, intervals.fullMs, now)
        if (needsFull && mayTry('full', name, now)) due.full.push(entity)
        const needsChanges = lastSuccess === null || isPast(lastSuccess, intervals.changesMs, now)
        if (followable && needsChanges && mayTry('changes', name, now)) due.changes.push(entity)
      }
      return due
    },
    succeeded(kind, entity) {
      failures.delete(`${kind} ${entity}`)
      if (kind === 'full') owed.delete(entity)
    },
    failed(kind, entity, error, now) {
      if (kind === 'full') owed.add(entity)
      const before = failures.get(`${kind} ${entity}`)?.times ?? 0
      // Trying again early cannot help where a person must act.
      const times = error.retry === 'later' ? before + 1 : Number.POSITIVE_INFINITY
      failures.set(`${kind} ${entity}`, { times, last: now })
    },
    owe: (entity) => void owed.add(entity),
    owesFull: (entity) => owed.has(entity),
    forgive: () => failures.clear(),
  }
}
