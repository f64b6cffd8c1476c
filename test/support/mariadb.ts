// A database of its own on the MySQL or MariaDB server of this machine: TEST_DB_HOST, TEST_DB_PORT, TEST_DB_USER and
// TEST_DB_PASSWORD, by default root without a password at 127.0.0.1:3306.
import { randomUUID } from 'node:crypto'
import { type Connection, createConnection } from 'mysql2/promise'
import type { Test } from 'tap'
import type { MysqlSettings } from '../../src/services/database/mysql.ts'

/** Where a server is. */
export interface Server {
  host: string
  port: number
  user: string
  password: string
}

/** A database, empty at first and dropped with the test. */
export interface MariaDb {
  /** The service's variables. */
  env: Record<string, string>
  settings: MysqlSettings
  name: string
  query<T>(statement: string, values?: unknown[]): Promise<T[]>
}

/** The server for tests. */
export const serverOf = (env: NodeJS.ProcessEnv): Server => ({
  host: env.TEST_DB_HOST ?? '127.0.0.1',
  port: Number(env.TEST_DB_PORT ?? 3306),
  user: env.TEST_DB_USER ?? 'root',
  password: env.TEST_DB_PASSWORD ?? '',
})

/**
 * As `t.test`, where a server answers; elsewhere what is tested is skipped, and says why. With TEST_DB_REQUIRED=1 nothing
 * is skipped, so it fails.
 */
export async function onMariaDb(t: Test, env = process.env) {
  const reason = await whyNoMariaDb(env)
  return (name: string, work: (t: Test) => Promise<void>) =>
    t.test(name, reason === undefined ? {} : { skip: reason }, work)
}

/** Why nothing can be tried on a server; undefined when it can. */
export async function whyNoMariaDb(env = process.env): Promise<string | undefined> {
  try {
    await (await createConnection(serverOf(env))).end()
    return undefined
  } catch (error) {
    if (env.TEST_DB_REQUIRED === '1') return undefined
    return `no MariaDB answers (${(error as { code?: string }).code}): set TEST_DB_HOST …`
  }
}

/** Makes a database. @throws when the server does not answer */
export async function mariadb(t: Test, server = serverOf(process.env)): Promise<MariaDb> {
  const name = `mrp_test_${randomUUID().slice(0, 8)}`
  await once(server, (connection) => connection.query(`CREATE DATABASE ${name}`))
  // Dropped after everything that serves from it has ended: tap runs teardowns from the last to the first.
  t.teardown(() =>
    once(server, (connection) => connection.query(`DROP DATABASE IF EXISTS ${name}`)).catch(() => undefined),
  )
  return {
    name,
    env: databaseEnv(server, name),
    settings: { ...server, database: name, tls: false },
    query: <T>(statement: string, values: unknown[] = []) =>
      once({ ...server, database: name }, async (connection) => {
        const [rows] = await connection.query(statement, values)
        return rows as T[]
      }),
  }
}

/** The service's variables for a database. */
export const databaseEnv = (
  { host, port, user, password }: Server,
  name: string,
): Record<string, string> => ({
  DB_HOST: host,
  DB_PORT: String(port),
  DB_USER: user,
  DB_PASSWORD: password,
  DB_NAME: name,
})

/** On a connection of its own: one that waits would be cut with the others where a test cuts them. */
async function once<T>(
  server: Server & { database?: string },
  work: (on: Connection) => Promise<T>,
): Promise<T> {
  const connection = await createConnection(server)
  try {
    return await work(connection)
  } finally {
    await connection.end()
  }
}
