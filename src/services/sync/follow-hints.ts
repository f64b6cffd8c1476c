// Follows what webhooks announced: asks QuickBooks for the records, as many as came together in one query for each
// entity. A hint only says where to look; what is stored is what QuickBooks answers.

import type { Checkpoint } from '../cache/cache.ts'
import type { HintQueue } from '../cache/hints.ts'
import type { Clock } from '../clock.ts'
import type { Entity } from '../entities/index.ts'
import type { QboReader } from '../qbo/client.ts'
import { arePlausible, type PassDeps } from './full-pass.ts'
import { readByIds } from './records.ts'

/** What following hints works with. */
export interface HintsContext {
  realm: string
  entities: readonly Entity[]
  qbo: QboReader
  queue: HintQueue
  clock: Clock
  signal: AbortSignal
  /** Called for an entity of which only a full pass can tell how it is. */
  onDoubt(entity: Entity): void
}

/** What one answer brought about. */
export interface HintsReport {
  /** Records announced; several announcements of one count once. */
  announced: number
  changed: number
  removed: number
}

/** Events of one edit, and of a burst, come within this time: they are folded into one read. */
const GATHER_MS = 250

/**
 * Follows all hints that wait, until none do. They leave the queue once they have been followed.
 * @throws AppError when QuickBooks does not answer; what was not followed stays in the queue.
 */
export async function followHints(deps: PassDeps, context: HintsContext): Promise<HintsReport> {
  const { realm, queue, clock, signal } = context
  const report: HintsReport = { announced: 0, changed: 0, removed: 0 }
  while ((await queue.waiting(realm)) !== null) {
    await clock.sleep(GATHER_MS, signal)
    const waiting = await queue.waiting(realm)
    if (waiting === null) break
    const checkpoints = await deps.cache.checkpoints(realm)
    for (const entity of context.entities) {
      const ids = new Map<string, boolean>()
      for (const { entity: name, id, gone } of waiting.hints)
        if (name === entity.name) ids.set(id, gone || ids.get(id) === true)
      // What was never read is about to be read as a whole.
      const checkpoint = checkpoints.find((one) => one.entity === entity.name)
      if (ids.size === 0 || checkpoint === undefined) continue
      report.announced += ids.size
      await followEntity(deps, context, { entity, ids, checkpoint }, report)
    }
    signal.throwIfAborted()
    await queue.done(realm, waiting.upTo)
  }
  return report
}

interface Announced {
  entity: Entity
  checkpoint: Checkpoint
  /** Whether each record is said to be gone, by id. */
  ids: ReadonlyMap<string, boolean>
}

async function followEntity(
  { cache, intake }: PassDeps,
  { realm, qbo, signal, onDoubt }: HintsContext,
  { entity, ids, checkpoint }: Announced,
  report: HintsReport,
): Promise<void> {
  const gone: string[] = []
  for await (const { parsed, missing, askedAt } of readByIds(qbo, entity, [...ids.keys()])) {
    signal.throwIfAborted()
    const { upserts } = await intake.upsert(realm, entity.name, parsed.rows, askedAt)
    report.changed += upserts.length
    // One that is missing without having been announced as gone is left to change data capture.
    gone.push(...missing.filter((id) => ids.get(id)))
  }
  const deletions = gone.map((id) => ({ id, at: null }))
  if (!(await arePlausible(cache, realm, checkpoint, deletions))) return onDoubt(entity)
  report.removed += (await intake.remove(realm, entity.name, deletions)).removals.length
}
