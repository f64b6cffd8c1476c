// The open database, closed after everything that writes to it.
import fp from 'fastify-plugin'
import type { OpenDatabase } from '../services/database/database.ts'
import { type DatabasePlace, openDatabase } from '../services/database/open.ts'

declare module 'fastify' {
  interface FastifyInstance {
    database: Pick<OpenDatabase, 'db' | 'isShared' | 'makeRoom' | 'shrink'>
  }
}

/** Opens the database. */
export default fp<{ place: DatabasePlace }>(
  async (app, { place }) => {
    const { movedAside, migrated: _, close, ...database } = await openDatabase(place)
    if (movedAside !== undefined)
      app.log.error(
        { movedAside },
        'The database was damaged and was moved aside; this one is new. Open /connect to connect QuickBooks again, and the cache fills by itself; or stop, and put a backup in its place.',
      )
    app.decorate('database', database)
    app.addHook('onClose', close)
  },
  { name: 'database' },
)
