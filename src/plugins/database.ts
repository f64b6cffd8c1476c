// The open database, closed after everything that writes to it.
import fp from 'fastify-plugin'
import { type Db, openDatabase } from '../services/database/database.ts'

declare module 'fastify' {
  interface FastifyInstance {
    database: Db
  }
}

/** Opens the database under `dataDir`. */
export default fp<{ dataDir: string }>(
  async (app, { dataDir }) => {
    const { db, close } = await openDatabase(dataDir)
    app.decorate('database', db)
    app.addHook('onClose', close)
  },
  { name: 'database' },
)
