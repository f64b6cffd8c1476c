// Which kind of database it is.

import type { OpenDatabase } from './database.ts'
import { type MysqlSettings, openMysql, openMysqlBeside } from './mysql.ts'
import { openSqlite, openSqliteBeside } from './sqlite.ts'

/** Where the database is: on `server`, or else a file in `dataDir`. */
export interface DatabasePlace {
  dataDir: string
  server: MysqlSettings | undefined
}

/** Opens the database, made and brought up to date. @throws ConfigError */
export const openDatabase = ({ dataDir, server }: DatabasePlace): Promise<OpenDatabase> =>
  server === undefined ? openSqlite(dataDir) : openMysql(server)

/** Opens one of this version beside processes that may serve from it, for a short piece of work. @throws ConfigError */
export const openBeside = ({
  dataDir,
  server,
}: DatabasePlace): Promise<Pick<OpenDatabase, 'db' | 'close'>> =>
  server === undefined ? openSqliteBeside(dataDir) : openMysqlBeside(server)

/** What a person calls it. */
export const nameOf = ({ dataDir, server }: DatabasePlace): string =>
  server === undefined ? `sqlite:${dataDir}` : `mysql (${server.database} at ${server.host}:${server.port})`
