// Follows what webhooks announced: asks QuickBooks for the records, as many as came together in one query. Each entity is
// followed by itself, so that one that is away, or one damaged record, holds up no other. A hint only says where to look;
// what is stored is what QuickBooks answers.

import { AppError, isStop, reasonOf } from '../../errors.ts'
import type { Checkpoint } from '../cache/cache.ts'
import type { HintQueue, WaitingHints } from '../cache/hints.ts'
import { type Clock, steady } from '../clock.ts'
import type { Entity } from '../entities/index.ts'
import type { QboReader } from '../qbo/client.ts'
import { isOutage } from '../qbo/faults.ts'
import { arePlausible, type CurrentRealm, type EntityRun, type PassDeps } from './full-pass.ts'
import { readAgain, unknownNow } from './records.ts'

/** What following hints works with. */
export interface FollowerDeps extends PassDeps {
  entities: readonly Entity[]
  queue: HintQueue
  clock: Clock
  currentRealm: CurrentRealm
  reader(signal: AbortSignal): QboReader
  onRun(run: EntityRun): void
  /** Hears of an entity of which only a full pass can tell how it is. */
  onDoubt(entity: string): void
}

/** Follows hints, one batch of each entity after the other. */
export interface Follower {
  /** Begins, unless it is at work already; what comes meanwhile is followed, too. Never throws. */
  follow(signal: AbortSignal): void
  /** Resolves when it is not at work. */
  settled(): Promise<void>
}

/** Events of one edit, and of a burst, come within this time: they are folded into one read. */
const GATHER_MS = 250
/** While edits do not end, more of them are: reads are billed, and others wait for them. */
const GATHER_MORE_MS = 1_000

/** A follower that is not at work yet. */
export function createFollower(deps: FollowerDeps): Follower {
  const waits = createWaits(deps.clock)
  const loops = deps.entities.map((entity) =>
    createLoop((signal) => followOne({ ...deps, waits }, entity, signal)),
  )
  return {
    follow(signal) {
      for (const loop of loops) loop.call(signal)
    },
    async settled() {
      for (const loop of loops) await loop.settled()
    },
  }
}

/** Work that is done again when it was called meanwhile, with the signal of the last call. `work` must not throw. */
function createLoop(work: (signal: AbortSignal) => Promise<void>) {
  let next: AbortSignal | undefined
  let working: Promise<void> | undefined

  async function run(): Promise<void> {
    for (let signal = next; signal !== undefined; signal = next) {
      next = undefined
      if (!signal.aborted) await work(signal)
    }
    // In the same turn as the last look at `next`, or a call in between would be lost.
    working = undefined
  }

  return {
    call(signal: AbortSignal): void {
      next = signal
      working ??= Promise.resolve().then(run)
    },
    async settled(): Promise<void> {
      await working
    },
  }
}

type FollowDeps = FollowerDeps & { waits: Waits }

async function followOne(deps: FollowDeps, entity: Entity, signal: AbortSignal): Promise<void> {
  const { queue, waits, log } = deps
  const { name } = entity
  try {
    let gatherMs = GATHER_MS
    while (!waits.isWaiting(name)) {
      const realm = deps.currentRealm()
      if (await queue.isEmpty(realm, name)) return
      await deps.clock.sleep(gatherMs, signal)
      const waiting = await queue.waiting(realm, name)
      if (waiting !== null) await followBatch(deps, realm, entity, waiting, signal)
      gatherMs = waiting?.full ? 0 : GATHER_MORE_MS
    }
  } catch (error) {
    const known = error instanceof AppError ? error : undefined
    // Not connected, or stopped: nobody needs to be told.
    if (signal.aborted || isStop(error) || known?.statusCode === 409) return
    log.warn(
      { entity: name, code: known?.code, intuitTid: known?.intuitTid, reason: reasonOf(error) },
      'Webhooks not followed yet; they are kept and tried again',
    )
  }
}

/**
 * After a failure, then twice as long, and so on: an answer that cannot be used is billed like any other. After an outage
 * always so long.
 */
const WAIT_MS = 60_000
const LONGEST_WAIT_MS = 3_600_000

/** Entities that failed, and when they are asked for again. */
interface Waits {
  isWaiting(entity: string): boolean
  failed(entity: string, error: unknown): void
  succeeded(entity: string): void
}

function createWaits(clock: Clock): Waits {
  const now = steady(clock)
  const failures = new Map<string, { times: number; until: number }>()
  return {
    isWaiting: (entity) => (failures.get(entity)?.until ?? 0) > now(),
    failed(entity, error) {
      const times = isOutage(error) ? 0 : (failures.get(entity)?.times ?? 0)
      failures.set(entity, {
        times: times + 1,
        until: now() + Math.min(WAIT_MS * 2 ** times, LONGEST_WAIT_MS),
      })
    },
    succeeded: (entity) => failures.delete(entity),
  }
}

/** @throws AppError when QuickBooks does not answer now; the hints stay in the queue. */
async function followBatch(
  deps: FollowDeps,
  realm: string,
  entity: Entity,
  { ids, numbers }: WaitingHints,
  signal: AbortSignal,
): Promise<void> {
  const { cache, clock, queue, waits, log } = deps
  const { name } = entity
  const startedAt = clock.now()
  const ran = (error?: unknown) =>
    deps.onRun({ entity: name, kind: 'webhook', durationMs: clock.now() - startedAt, error })
  const checkpoint = await cache.checkpoint(realm, name)
  // What was never read is about to be read as a whole.
  if (checkpoint === undefined) return await queue.done(numbers)
  try {
    const report = await followEntity(deps, realm, { entity, ids, checkpoint }, signal)
    log.info({ entity: name, announced: ids.size, ...report }, 'Webhooks followed')
    ran()
  } catch (error) {
    signal.throwIfAborted()
    if (isStop(error)) throw error
    ran(error)
    if (!(error instanceof AppError) || error.retry !== 'never') {
      waits.failed(name, error)
      throw error
    }
    // What QuickBooks refuses it will refuse again: the schedule goes on, and says so in the status.
    deps.onDoubt(name)
  }
  await queue.done(numbers)
  waits.succeeded(name)
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
