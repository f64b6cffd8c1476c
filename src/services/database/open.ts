// Which kind of database it is.

import type { OpenDatabase } from './database.ts'
import type { MysqlSettings } from './mysql.ts'
import { openSqlite, openSqliteBeside } from './sqlite.ts'

/** Where the database is: on `server`, or else a file in `dataDir`. */
export interface DatabasePlace {
  dataDir: string
  server: MysqlSettings | undefined
}

/** Read only where there is a server: a start from a file is quicker without. */
const mysql = () => import('./mysql.ts')

/** Opens the database, made and brought up to date. @throws ConfigError */
export const openDatabase = async ({ dataDir, server }: DatabasePlace): Promise<OpenDatabase> =>
  server === undefined ? await openSqlite(dataDir) : await (await mysql()).openMysql(server)

/** Opens one of this version beside processes that may serve from it, for a short piece of work. @throws ConfigError */
export const openBeside = async ({
  dataDir,
  server,
}: DatabasePlace): Promise<Pick<OpenDatabase, 'db' | 'close'>> =>
  server === undefined ? await openSqliteBeside(dataDir) : await (await mysql()).openMysqlBeside(server)

/** What a person calls it. */
export const nameOf = ({ dataDir, server }: DatabasePlace): string =>
  server === undefined ? `sqlite:${dataDir}` : `mysql (${server.database} at ${server.host}:${server.port})`
