// The sync, and what it announces.
import { EventEmitter } from 'node:events'
import fp from 'fastify-plugin'
import { AppError } from '../errors.ts'
import type { Clock } from '../services/clock.ts'
import type { Entity } from '../services/entities/index.ts'
import type { Announcement } from '../services/sync/intake.ts'
import { createSync, type Sync } from '../services/sync/sync.ts'

declare module 'fastify' {
  interface FastifyInstance {
    sync: Sync
    /** `change`: something changed and can be found. `ran`: an entity was read, or failed. `forgotten`: everything is gone. */
    announcements: EventEmitter<{ change: [Announcement]; ran: []; forgotten: [] }>
  }
}

/** Cadence in milliseconds. */
export interface SyncOptions {
  entities: readonly Entity[]
  changesIntervalMs: number
  fullIntervalMs: number
  clock: Clock
}

/** The sync; when it works is for the replica to say. */
export default fp<SyncOptions>(
  async (app, { entities, clock, ...intervals }) => {
    const { cache, hints, searchIndexes: search, qbo, meter, metrics, problems, log } = app
    const { keeper } = app.tokens
    const announcements: typeof app.announcements = new EventEmitter()
    const sync = createSync({
      ...{ entities, cache, hints, search, qbo, clock, log, ...intervals },
      currentRealm: keeper.currentRealm,
      hasBudget: meter.readings().budget !== null,
      isBudgetSpent: meter.isSpent,
      announce: (change) => announcements.emit('change', change),
      onRun(run) {
        metrics.ran(run)
        if (run.error instanceof AppError) problems.note(run.entity, run.error)
        announcements.emit('ran')
      },
      onForgotten: () => announcements.emit('forgotten'),
    })
    app.decorate('sync', sync)
    app.decorate('announcements', announcements)
  },
  { name: 'sync', dependencies: ['qbo', 'cache', 'meter', 'metrics', 'problems', 'search-indexes'] },
)
