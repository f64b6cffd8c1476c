// A database of its own on the MySQL or MariaDB server that TEST_DB_HOST, TEST_DB_PORT, TEST_DB_USER and
// TEST_DB_PASSWORD name, as in tests: root without a password at 127.0.0.1:3306, unless told otherwise. Its user must be one who may make databases and users.
import { randomBytes } from 'node:crypto'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import type { MysqlSettings } from '../src/services/database/mysql.ts'

/** A database, and whoever uses it by its own name and password. */
export interface ScratchDatabase {
  settings: MysqlSettings
  /** As the service's variables say it. */
  env: Record<string, string>
  /** Statements of this user so far, counted by the server itself. MariaDB only. */
  statements(): Promise<number>
  /** One statement, whose rows it answers. */
  query(statement: string, values?: unknown[]): Promise<RowDataPacket[]>
  drop(): Promise<void>
}

/** Makes a database, with a user who may use this one alone. */
export async function scratchDatabase(): Promise<ScratchDatabase> {
  const host = process.env.TEST_DB_HOST ?? '127.0.0.1'
  const port = Number(process.env.TEST_DB_PORT ?? 3306)
  const user = process.env.TEST_DB_USER ?? 'root'
  const connection = await createConnection({
    host,
    port,
    user,
    password: process.env.TEST_DB_PASSWORD ?? '',
  })
  const name = `mrp_bench_${randomBytes(4).toString('hex')}`
  const settings = { host, port, user: name, password: name, database: name, tls: false }
  await connection.query(`CREATE DATABASE ${name}`)
  await connection.query(`CREATE USER ${name}@'%' IDENTIFIED BY '${name}'`)
  await connection.query(`GRANT ALL ON ${name}.* TO ${name}@'%'`)
  const [[before]] = await connection.query<RowDataPacket[]>('SELECT @@GLOBAL.userstat AS userstat')
  await connection.query('SET GLOBAL userstat = 1')
  await connection.query(`USE ${name}`)
  const query = async (statement: string, values: unknown[] = []) =>
    (await connection.query<RowDataPacket[]>(statement, values))[0]

  return {
    settings,
    env: { DB_HOST: host, DB_PORT: String(port), DB_USER: name, DB_PASSWORD: name, DB_NAME: name },
    query,
    async statements() {
      const counted = 'SELECT_COMMANDS + UPDATE_COMMANDS + OTHER_COMMANDS AS count'
      const [row] = await query(`SELECT ${counted} FROM information_schema.USER_STATISTICS WHERE USER = ?`, [
        name,
      ])
      return Number(row?.count ?? 0)
    },
    async drop() {
      await connection.query('SET GLOBAL userstat = ?', [before?.userstat])
      await connection.query(`DROP DATABASE ${name}`)
      await connection.query(`DROP USER ${name}@'%'`)
      await connection.end()
    },
  }
}
