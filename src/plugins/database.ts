// The open database, closed after everything that writes to it.
import fp from 'fastify-plugin'
import { type Db, type OpenDatabase, openDatabase } from '../services/database/database.ts'

declare module 'fastify' {
  interface FastifyInstance {
    database: Db
    /** Takes what was deleted out of the file, too. */
    shrinkDatabase: OpenDatabase['shrink']
  }
}

/** Opens the database under `dataDir`. */
export default fp<{ dataDir: string }>(
  async (app, { dataDir }) => {
    const { db, movedAside, shrink, close } = await openDatabase(dataDir)
    if (movedAside !== undefined)
      app.log.error(
        { movedAside },
        'The database was damaged and was moved aside; this one is new. Open /connect to connect QuickBooks again, and the cache fills by itself; or stop, and put a backup in its place.',
      )
    app.decorate('database', db)
    app.decorate('shrinkDatabase', shrink)
    app.addHook('onClose', close)
  },
  { name: 'database' },
)
