// The meter of the reads that Intuit bills.
import fp from 'fastify-plugin'
import type { Clock } from '../services/clock.ts'
import { createReadMeter, type ReadMeter } from '../services/meter/meter.ts'

declare module 'fastify' {
  interface FastifyInstance {
    meter: ReadMeter
  }
}

/** `budget`: reads a month, or undefined for as many as it takes. */
export default fp<{ clock: Clock; budget: number | undefined }>(
  async (app, { clock, budget = null }) => {
    const meter = await createReadMeter({ db: app.database.db, clock, log: app.log, budget })
    app.decorate('meter', meter)
    app.addHook('onClose', () => meter.close())
  },
  { name: 'meter', dependencies: ['database'] },
)
