// Follows what webhooks announced: asks QuickBooks for the records, as many as came together in one query for each
// entity. A hint only says where to look; what is stored is what QuickBooks answers.

import { AppError, isStop, reasonOf } from '../../errors.ts'
import type { Checkpoint } from '../cache/cache.ts'
import type { Hint, HintQueue, WaitingHints } from '../cache/hints.ts'
import { type Clock, steady } from '../clock.ts'
import type { Entity } from '../entities/index.ts'
import type { QboReader } from '../qbo/client.ts'
import { arePlausible, type CurrentRealm, type PassDeps } from './full-pass.ts'
import { readAgain, unknownNow } from './records.ts'

/** What following hints works with. */
export interface FollowerDeps extends PassDeps {
  entities: readonly Entity[]
  queue: HintQueue
  clock: Clock
  currentRealm: CurrentRealm
  reader(signal: AbortSignal): QboReader
  /** Hears of an entity of which only a full pass can tell how it is. */
  onDoubt(entity: string): void
}

/** Follows hints, one batch after the other. */
export interface Follower {
  /** Begins, unless it is at work already; what comes meanwhile is followed, too. Never throws. */
  follow(signal: AbortSignal): void
  /** Resolves when it is not at work. */
  settled(): Promise<void>
}

/** Events of one edit, and of a burst, come within this time: they are folded into one read. */
const GATHER_MS = 250

/** A follower that is not at work yet. */
export function createFollower(deps: FollowerDeps): Follower {
  const { queue, clock, log } = deps
  let working: Promise<void> | undefined
  let isCalled = false
  const waits = createWaits(clock)

  async function work(signal: AbortSignal): Promise<void> {
    try {
      while (isCalled && !signal.aborted) {
        isCalled = false
        await followAll(signal)
      }
    } catch (error) {
      const known = error instanceof AppError ? error : undefined
      // Not connected, or stopped: nobody needs to be told.
      if (signal.aborted || isStop(error) || known?.statusCode === 409) return
      log.warn(
        { code: known?.code, intuitTid: known?.intuitTid, reason: reasonOf(error) },
        'Webhooks not followed yet; they are kept and tried again',
      )
    } finally {
      // In the same turn as the last look at `isCalled`, or a call in between would be lost.
      working = undefined
    }
  }

  async function followAll(signal: AbortSignal): Promise<void> {
    const realm = deps.currentRealm()
    while (!(await queue.isEmpty(realm))) {
      await clock.sleep(GATHER_MS, signal)
      const waiting = await queue.waiting(realm)
      if (waiting !== null && !(await followBatch(deps, waits, realm, waiting, signal))) return
    }
  }

  return {
    follow(signal) {
      isCalled = true
      working ??= Promise.resolve().then(() => work(signal))
    },
    async settled() {
      await working
    },
  }
}

/** After a failure, then twice as long, and so on: an answer that cannot be used is billed like any other. */
const WAIT_MS = 60_000
const LONGEST_WAIT_MS = 3_600_000

/** Entities that failed, and when they are asked for again. */
interface Waits {
  isWaiting(entity: string): boolean
  failed(entity: string): void
  succeeded(entity: string): void
}

function createWaits(clock: Clock): Waits {
  const now = steady(clock)
  const failures = new Map<string, { times: number; until: number }>()
  return {
    isWaiting: (entity) => (failures.get(entity)?.until ?? 0) > now(),
    failed(entity) {
      const { times = 0 } = failures.get(entity) ?? {}
      failures.set(entity, {
        times: times + 1,
        until: now() + Math.min(WAIT_MS * 2 ** times, LONGEST_WAIT_MS),
      })
    },
    succeeded: (entity) => failures.delete(entity),
  }
}

/**
 * Answers false when all that is left has to wait.
 * @throws AppError when QuickBooks does not answer for an entity now; its hints stay in the queue.
 */
async function followBatch(
  deps: FollowerDeps,
  waits: Waits,
  realm: string,
  { byEntity, upTo }: WaitingHints,
  signal: AbortSignal,
): Promise<boolean> {
  const report = { announced: 0, changed: 0, removed: 0 }
  const checkpoints = await deps.cache.checkpoints(realm)
  const left: Hint[] = []
  const named: string[] = []
  let failure: unknown
  for (const entity of deps.entities) {
    const ids = byEntity.get(entity.name)
    // What was never read is about to be read as a whole.
    const checkpoint = checkpoints.find((one) => one.entity === entity.name)
    if (ids === undefined || checkpoint === undefined) continue
    const keep = () => {
      for (const [id, gone] of ids) left.push({ entity: entity.name, id, gone })
    }
    if (waits.isWaiting(entity.name)) {
      keep()
      continue
    }
    report.announced += ids.size
    named.push(entity.name)
    try {
      const done = await followEntity(deps, realm, { entity, ids, checkpoint }, signal)
      report.changed += done.changed
      report.removed += done.removed
      waits.succeeded(entity.name)
    } catch (error) {
      signal.throwIfAborted()
      if (isStop(error)) throw error
      // What QuickBooks refuses it will refuse again: the schedule goes on, and says so in the status.
      if (error instanceof AppError && error.retry === 'never') deps.onDoubt(entity.name)
      else {
        failure = error
        waits.failed(entity.name)
        keep()
      }
    }
  }
  await deps.queue.done(realm, upTo, left)
  if (report.announced > 0) deps.log.info({ ...report, entities: named }, 'Webhooks followed')
  if (failure !== undefined) throw failure
  return report.announced > 0 || left.length === 0
}

interface Announced {
  entity: Entity
  checkpoint: Checkpoint
  /** Whether each record is said to be gone, by id. */
  ids: ReadonlyMap<string, boolean>
}

async function followEntity(
  deps: FollowerDeps,
  realm: string,
  { entity, ids, checkpoint }: Announced,
  signal: AbortSignal,
): Promise<{ changed: number; removed: number }> {
  const { cache, intake, log, reader, onDoubt } = deps
  const { name } = entity
  const { upserts, missing } = await readAgain(deps, { realm, qbo: reader(signal), signal }, entity, [
    ...ids.keys(),
  ])
  const changed = upserts.length
  // One that is missing without having been announced as gone is left to change data capture.
  const deletions = unknownNow(missing.filter((id) => ids.get(id)))
  if (!(await arePlausible(cache, realm, checkpoint, deletions))) {
    log.warn(
      { entity: name, gone: deletions.length },
      'Webhooks say that many records are gone; all is read anew',
    )
    onDoubt(name)
    return { changed, removed: 0 }
  }
  return { changed, removed: (await intake.remove(realm, name, deletions)).removals.length }
}
