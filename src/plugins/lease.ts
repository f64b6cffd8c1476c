// Who may act for all replicas.
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import fp from 'fastify-plugin'
import type { Clock } from '../services/clock.ts'
import { createLease, type Lease, soleLease } from '../services/lease/lease.ts'

declare module 'fastify' {
  interface FastifyInstance {
    lease: Lease
    /** Names this process among the replicas. */
    replicaId: string
  }
}

/** `periodMs`: how long others wait for one that is gone. */
export default fp<{ periodMs: number; clock: Clock }>(
  async (app, { periodMs, clock }) => {
    const { db, isShared } = app.database
    const holder = `${hostname().slice(0, 40)}-${randomUUID().slice(0, 8)}`
    app.decorate('replicaId', holder)
    app.decorate('lease', isShared ? createLease({ db, holder, periodMs, clock }) : soleLease(db))
  },
  { name: 'lease', dependencies: ['database'] },
)
