// The shop's own MySQL or MariaDB, or a cluster that speaks their protocol. Several processes serve from it at a time.
// The queries and migrations are those of SQLite: what MySQL says in other words is translated here.

import {
  type ColumnNode,
  type CreateIndexNode,
  type CreateTableNode,
  type DataTypeNode,
  type InsertQueryNode,
  Kysely,
  MysqlAdapter,
  MysqlDialect,
  type MysqlPool,
  type MysqlPoolConnection,
  MysqlQueryCompiler,
  type OnConflictNode,
  OrActionNode,
  type PrimitiveValueListNode,
  ReferenceNode,
  sql,
} from 'kysely'
import { createPool, type Pool, type PoolConnection, type QueryError, type QueryValues } from 'mysql2'
import { ConfigError, DatabaseError } from '../../errors.ts'
import {
  type Db,
  fromNewer,
  isFromNewer,
  isUpToDate,
  migrate,
  type OpenDatabase,
  type Sight,
  sightOf,
} from './database.ts'
import type { Database } from './schema.ts'

/** Where the server is. */
export interface MysqlSettings {
  host: string
  port: number
  user: string
  password: string
  database: string
  /** Whether the way to it is encrypted, and its certificate checked. */
  tls: boolean
}

/** Connections of one replica. */
const CONNECTIONS = 10
const CONNECT_MS = 4_000
/** Longest wait for one that is free, made anew where need be: many that wait for a server that hangs would do so one after the other. */
const FREE_MS = 5_000
/** Longest wait for a statement, in milliseconds: what hangs for longer is given up, with its connection. */
const QUERY_MS = 30_000
/** Longest wait for another process that migrates, in seconds: less than a statement may take. */
const LOCK_S = 20
/**
 * A connection that says nothing for so long is ended by the server, and its transaction with it: that of a replica that
 * stands still, or whose machine is gone, would keep the others from what it has locked for hours, the lease first of all.
 */
const SILENCE_MS = 10_000

/**
 * Opens the database and brings its tables up to date. A statement is given up after `queryMs`.
 * @throws ConfigError when it cannot be reached or used, or comes from a newer version.
 */
export async function openMysql(settings: MysqlSettings, queryMs = QUERY_MS): Promise<OpenDatabase> {
  const db = await connect(settings, queryMs)
  return {
    migrated: await inWords(settings, db, async () => {
      const migrated = await migrate(db)
      await mustBeWritable(db)
      return migrated
    }),
    db,
    isShared: true,
    movedAside: undefined,
    makeRoom: async () => undefined,
    shrink: async () => undefined,
    close: () => db.destroy(),
  }
}

/**
 * Opens the database beside processes that may serve from it, for a short piece of work.
 * @throws ConfigError when it cannot be reached, or is not one of this version.
 */
export async function openMysqlBeside(settings: MysqlSettings): Promise<Pick<OpenDatabase, 'db' | 'close'>> {
  const db = await connect(settings)
  await inWords(settings, db, async () => {
    if (await isUpToDate(db)) return
    throw new ConfigError(
      `DB_NAME: the database ${settings.database} is not one of this version: run npm run migrate first.`,
    )
  })
  return { db, close: () => db.destroy() }
}

const RIGHTS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'ALTER', 'INDEX']

/** Changes nothing: see look.ts. @throws ConfigError when it cannot be reached or used */
export async function lookAtMysql(settings: MysqlSettings): Promise<Sight> {
  const db = await connect(settings)
  const ask = async <T>(statement: string) => (await sql.raw<T>(statement).execute(db)).rows
  return await inWords(settings, db, async () => {
    const tables = await ask<Record<string, string>>('SHOW TABLES')
    const names = tables.flatMap((row) => Object.values(row))
    const [told] = await ask<{ version: string; now: string }>(
      'SELECT VERSION() AS version, UNIX_TIMESTAMP(NOW(3)) AS now',
    )
    const [cipher] = await ask<{ Value: string }>("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    const grants = (await ask<Record<string, string>>('SHOW GRANTS')).flatMap((row) => Object.values(row))
    const sight = await sightOf(names, ask)
    await db.destroy()
    return {
      ...sight,
      server: {
        version: told?.version ?? '',
        now: Number(told?.now) * 1000,
        isEncrypted: (cipher?.Value ?? '') !== '',
        missing: missingRights(grants, settings.database),
      },
    }
  })
}

/** What lines as "GRANT SELECT, INSERT ON `mrp`.* TO …" do not say; those about single tables or roles are not counted. */
export function missingRights(grants: readonly string[], database: string): string[] {
  const granted = grants.flatMap((line) => {
    const [, rights = '', place = ''] = /^GRANT (.+?) ON (\S+)\.\* TO /.exec(line) ?? []
    const named = place.replaceAll('`', '')
    // A name is a pattern there, in which a backslash takes the meaning from what follows.
    const pattern = named
      .replace(/[.+?^${}()|[\]]/g, '\\$&')
      .replace(/\\([_%])|%|_/g, (found, plain?: string) => plain ?? (found === '%' ? '.*' : '.'))
    return named === '*' || new RegExp(`^${pattern}$`, 'i').test(database) ? rights.split(', ') : []
  })
  return granted.includes('ALL PRIVILEGES') ? [] : RIGHTS.filter((right) => !granted.includes(right))
}

async function connect(settings: MysqlSettings, queryMs = QUERY_MS): Promise<Db> {
  const { host, port, user, password, database, tls } = settings
  const pool = createPool({
    ...{ host, port, user, password, database },
    ...(tls ? { ssl: { verifyIdentity: true } } : {}),
    connectionLimit: CONNECTIONS,
    // Before the server does it. With as many idle ones allowed as there can be, mysql2 would end none.
    ...{ maxIdle: CONNECTIONS - 1, idleTimeout: SILENCE_MS / 2 },
    connectTimeout: CONNECT_MS,
    enableKeepAlive: true,
    charset: 'utf8mb4',
  })
  const compiler = new Compiler()
  const db = new Kysely<Database>({ dialect: new Dialect(carefully(pool, queryMs), compiler) })
  await inWords(settings, db, async () => {
    compiler.collation = await collationOf(db)
  })
  return db
}

/** Runs `work`; when it fails, closes the database and says why in a line for a person. */
async function inWords<T>(settings: MysqlSettings, db: Db, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await db.destroy()
    throw startFault(settings, error)
  }
}

/** A user that may only read is told so at the start. */
async function mustBeWritable(db: Db): Promise<void> {
  const none = sql<boolean>`1 = 0`
  await db.updateTable('qbo_requests').set({ work: '' }).where(none).execute()
  await db.deleteFrom('qbo_requests').where(none).execute()
}

/** One that tells every text from every other: upper from lower case, and with or without blanks at its end. */
async function collationOf(db: Db): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    SELECT COLLATION_NAME AS name FROM information_schema.COLLATIONS
    WHERE COLLATION_NAME IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')`.execute(db)
  const [found] = rows
  if (found === undefined) {
    throw new ConfigError(
      'DB_HOST: this server has no way of comparing texts that tells all of them apart. MariaDB from 10.2, MySQL from 8.0 and TiDB from 7.4 have one.',
    )
  }
  return found.name
}

/** What the server or the way to it refuses; anything else is a bug and stays as it is. */
function startFault({ host, port, database }: MysqlSettings, error: unknown): unknown {
  if (isFromNewer(error)) return fromNewer(`DB_NAME: the database ${database}`)
  if (!(error instanceof DatabaseError)) return error
  const denied = /ACCESS_DENIED/.test(error.code)
  if (/SSL/.test(error.code)) {
    return new ConfigError(
      `DB_TLS: the database at ${host}:${port} has no encrypted connection to offer, or no certificate that is trusted here and names ${host} (${error.message}).`,
    )
  }
  if (error.kind === 'unreachable' && !denied) {
    return new ConfigError(
      `DB_HOST, DB_PORT: no database answers at ${host}:${port} (${error.message}). Start it, or correct them.`,
    )
  }
  return new ConfigError(
    denied
      ? `DB_USER, DB_PASSWORD: the database at ${host}:${port} refuses this user (${error.message}). It needs SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER and INDEX on ${database}.`
      : `DB_NAME: the database ${database} at ${host}:${port} cannot be used (${error.message}). It has to be there: the service makes only its tables.`,
  )
}

/** What the rest of this service relies on, whatever the server's own settings are. */
const SESSION = [
  "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00'",
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  `SET SESSION wait_timeout = ${SILENCE_MS / 1000}`,
]

/**
 * A pool whose connections are not waited for too long, are set up before they are used, give up a statement that hangs,
 * never come back with a transaction that could not be ended, and fail with errors that quote nothing of what they were
 * sent: those of the driver carry whole statements.
 */
function carefully(pool: Pool, queryMs: number): MysqlPool {
  const known = new WeakMap<PoolConnection, Careful>()
  return {
    getConnection(done) {
      let isGivenUp = false
      const patience = setTimeout(
        () => {
          isGivenUp = true
          done(
            new DatabaseError('NO_FREE_CONNECTION', 'unreachable', 'NO_FREE_CONNECTION'),
            undefined as never,
          )
        },
        Math.min(queryMs, FREE_MS),
      )
      pool.getConnection((error, raw) => {
        clearTimeout(patience)
        if (isGivenUp) {
          raw?.release()
          return
        }
        if (error !== null) {
          done(faultOf(error), undefined as never)
          return
        }
        const found = known.get(raw)
        const careful = found ?? new Careful(raw, queryMs)
        known.set(raw, careful)
        setUp(careful, found === undefined ? SESSION : [], (fault) => {
          if (fault !== null) raw.destroy()
          done(fault, careful)
        })
      })
    },
    // Let go of, a connection that is lost is no loss.
    end: (done) => pool.end(() => done(null)),
  }
}

function setUp(connection: Careful, statements: readonly string[], done: (fault: unknown) => void): void {
  const [first, ...rest] = statements
  if (first === undefined) done(null)
  else connection.query(first, [], (fault) => (fault === null ? setUp(connection, rest, done) : done(fault)))
}

class Careful implements MysqlPoolConnection {
  readonly #raw: PoolConnection
  readonly #queryMs: number
  #isBroken = false

  constructor(raw: PoolConnection, queryMs: number) {
    this.#raw = raw
    this.#queryMs = queryMs
  }

  get config() {
    return this.#raw.config
  }

  get threadId() {
    return this.#raw.threadId ?? 0
  }

  connect(done?: (error: unknown) => void): void {
    done?.(null)
  }

  query(statement: string, values: QueryValues, done: (error: unknown, result: never) => void = () => {}) {
    this.#raw.query({ sql: statement, timeout: this.#queryMs, values }, (error, result) => {
      if (error === null) return done(null, result as never)
      const fault = faultOf(error)
      // An earlier start may have been ended after it had made it, and outside of transactions it stays.
      if (error.code === 'ER_DUP_KEYNAME' && statement.startsWith('create index'))
        return done(null, [] as never)
      if (fault.kind === 'unreachable' || statement === 'rollback') this.#isBroken = true
      done(fault, undefined as never)
    })
    return { stream: () => Promise.reject(new Error('not supported')) as never }
  }

  release(): void {
    if (this.#isBroken) this.#raw.destroy()
    else this.#raw.release()
  }

  destroy(): void {
    this.#raw.destroy()
  }
}

/** Deadlock; lock wait; record changed since it was read; TiDB's write conflicts. */
const CONFLICTS = new Set([1213, 1205, 1020, 8002, 8022, 9007])
/** It shuts down, may only be read from now on, or its node has left the cluster: another connection may be better. */
const AWAY = new Set([1053, 1077, 1079, 1047, 1290, 1792, 1836, 1927, 3100, 3101])

function faultOf(error: Partial<QueryError>): DatabaseError {
  const { code = 'UNKNOWN', errno } = error
  const isServers = /^(ER_|HA_|EE_|UNKNOWN_CODE)/.test(code)
  if (errno !== undefined && CONFLICTS.has(errno)) return new DatabaseError(code, 'conflict', code)
  if (!isServers || error.fatal || (errno !== undefined && AWAY.has(errno)))
    return new DatabaseError(code, 'unreachable', code)
  return new DatabaseError(code, 'refused', code)
}

class Dialect extends MysqlDialect {
  readonly #compiler: Compiler

  constructor(pool: MysqlPool, compiler: Compiler) {
    super({ pool })
    this.#compiler = compiler
  }

  override createQueryCompiler() {
    return this.#compiler
  }

  override createAdapter() {
    return new Adapter()
  }
}

/**
 * Other programs use Kysely on the same server, with one name for the lock of them all. Where it is not had in time the
 * migration begins without it: see `migrate`.
 */
class Adapter extends MysqlAdapter {
  readonly #name = sql`concat('qbo_', md5(database()))`

  override async acquireMigrationLock(db: Kysely<unknown>): Promise<void> {
    await sql`select get_lock(${this.#name}, ${LOCK_S})`.execute(db)
  }

  override async releaseMigrationLock(db: Kysely<unknown>): Promise<void> {
    await sql`select release_lock(${this.#name})`.execute(db)
  }
}

class Compiler extends MysqlQueryCompiler {
  collation = ''

  /** A start that was ended in between leaves tables: no transaction holds those of MySQL. */
  protected override visitCreateTable(node: CreateTableNode): void {
    super.visitCreateTable({ ...node, ifNotExists: true })
    this.append(` engine = InnoDB default charset = utf8mb4 collate = ${this.collation}`)
  }

  /** MySQL has no `if not exists` here. */
  protected override visitCreateIndex({ ifNotExists: _, ...node }: CreateIndexNode): void {
    super.visitCreateIndex(node)
  }

  /** Its `text` ends at 64 KB. */
  protected override visitDataType({ dataType }: DataTypeNode): void {
    this.append(dataType === 'text' ? 'longtext' : dataType)
  }

  protected override visitInsertQuery(node: InsertQueryNode): void {
    const ignores = node.onConflict?.doNothing === true
    super.visitInsertQuery(ignores ? { ...node, orAction: OrActionNode.create('ignore') } : node)
  }

  protected override visitOnConflict({ updates }: OnConflictNode): void {
    if (updates === undefined) return
    this.append('on duplicate key update ')
    this.compileList(updates)
  }

  /** Nothing is in an empty list, which MySQL cannot read. */
  protected override visitPrimitiveValueList(node: PrimitiveValueListNode): void {
    if (node.values.length === 0) this.append('(select null from dual where false)')
    else super.visitPrimitiveValueList(node)
  }

  /** `values(column)` is what MySQL calls `excluded.column`; its newer name MariaDB does not know. */
  protected override visitReference(node: ReferenceNode): void {
    const isExcluded = node.table?.table.identifier.name === 'excluded'
    if (isExcluded) this.append('values(')
    super.visitReference(isExcluded ? ReferenceNode.create(node.column as ColumnNode) : node)
    if (isExcluded) this.append(')')
  }
}
