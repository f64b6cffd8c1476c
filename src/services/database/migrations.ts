// Every change of the tables, oldest first. A migration that has landed is never edited: add the next one.

import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Migrations by name; they run in the order of their names. */
export const migrations: Record<string, Migration> = {
  '0001-connection-and-cache': { up: createTables },
  '0002-following': { up: createFollowing },
  '0003-trust': { up: createTrust },
  '0004-replicas': { up: createReplicas },
  '0005-sessions': { up: createSessions },
}

async function createTables(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createTable('qbo_tokens')
    .addColumn('realm', 'varchar(64)', (column) => column.primaryKey())
    .addColumn('sealed', 'text', (column) => column.notNull())
    .addColumn('state', 'varchar(32)', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createTable('qbo_oauth_states')
    .addColumn('state', 'varchar(64)', (column) => column.primaryKey())
    .addColumn('browser', 'varchar(64)')
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createTable('qbo_records')
    .addColumn('realm', 'varchar(64)', (column) => column.notNull())
    .addColumn('entity', 'varchar(32)', (column) => column.notNull())
    .addColumn('id', 'varchar(64)', (column) => column.notNull())
    .addColumn('last_updated', 'bigint', (column) => column.notNull())
    .addColumn('active', 'smallint', (column) => column.notNull())
    .addColumn('json', 'text', (column) => column.notNull())
    .addColumn('seq', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('qbo_records_pk', ['realm', 'entity', 'id'])
    .execute()
  // New rows stand at its end. An index by last_updated would be written all over, and cost three times the rest.
  await schema.createIndex('qbo_records_seq').on('qbo_records').columns(['realm', 'entity', 'seq']).execute()
  await schema
    .createTable('qbo_checkpoints')
    .addColumn('realm', 'varchar(64)', (column) => column.notNull())
    .addColumn('entity', 'varchar(32)', (column) => column.notNull())
    .addColumn('records', 'integer', (column) => column.notNull())
    .addColumn('active_records', 'integer', (column) => column.notNull())
    .addColumn('set_aside', 'integer', (column) => column.notNull())
    .addColumn('last_attempt', 'bigint')
    .addColumn('last_success', 'bigint')
    .addColumn('last_error', 'text')
    .addColumn('complete_as_of', 'bigint')
    .addPrimaryKeyConstraint('qbo_checkpoints_pk', ['realm', 'entity'])
    .execute()
  await schema
    .createTable('qbo_sequences')
    .addColumn('realm', 'varchar(64)', (column) => column.primaryKey())
    .addColumn('value', 'bigint', (column) => column.notNull())
    .execute()
}

/** Each step also works where an interrupted start of an earlier version, which had no transaction around it, has done it. */
async function createFollowing(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createTable('qbo_tombstones')
    .ifNotExists()
    .addColumn('realm', 'varchar(64)', (column) => column.notNull())
    .addColumn('entity', 'varchar(32)', (column) => column.notNull())
    .addColumn('id', 'varchar(64)', (column) => column.notNull())
    .addColumn('seq', 'bigint', (column) => column.notNull())
    .addColumn('deleted_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('qbo_tombstones_pk', ['realm', 'entity', 'id'])
    .execute()
  await schema
    .createIndex('qbo_tombstones_seq')
    .ifNotExists()
    .on('qbo_tombstones')
    .columns(['realm', 'entity', 'seq'])
    .execute()
  await schema
    .createTable('qbo_hints')
    .ifNotExists()
    .addColumn('number', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('realm', 'varchar(64)', (column) => column.notNull())
    .addColumn('entity', 'varchar(32)', (column) => column.notNull())
    .addColumn('hints', 'text', (column) => column.notNull())
    .addColumn('received_at', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createIndex('qbo_hints_next')
    .ifNotExists()
    .on('qbo_hints')
    .columns(['realm', 'entity', 'number'])
    .execute()
  await schema
    .createTable('qbo_held_drops')
    .ifNotExists()
    .addColumn('realm', 'varchar(64)', (column) => column.notNull())
    .addColumn('entity', 'varchar(32)', (column) => column.notNull())
    .addColumn('records', 'integer', (column) => column.notNull())
    .addColumn('ids', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('qbo_held_drops_pk', ['realm', 'entity'])
    .execute()
  await schema
    .createTable('qbo_reads')
    .ifNotExists()
    .addColumn('month', 'varchar(7)', (column) => column.notNull())
    .addColumn('entity', 'varchar(32)', (column) => column.notNull())
    .addColumn('reason', 'varchar(16)', (column) => column.notNull())
    .addColumn('reads', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('qbo_reads_pk', ['month', 'entity', 'reason'])
    .execute()
  await addColumn(db, 'qbo_checkpoints', 'last_full', 'bigint')
  await addColumn(db, 'qbo_checkpoints', 'drift', 'integer')
  await addColumn(db, 'qbo_checkpoints', 'owes_full', 'integer')
  await addColumn(db, 'qbo_sequences', 'feed', 'varchar(32)')
  // Every pass was a full one until here.
  await sql`UPDATE qbo_checkpoints SET last_full = last_success`.execute(db)
}

async function createTrust(db: Kysely<unknown>): Promise<void> {
  await addColumn(db, 'qbo_tokens', 'key_id', 'varchar(32)')
  await db.schema
    .createTable('qbo_oauth_codes')
    .ifNotExists()
    .addColumn('code', 'varchar(64)', (column) => column.primaryKey())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
}

async function createReplicas(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('qbo_leases')
    .ifNotExists()
    .addColumn('name', 'varchar(32)', (column) => column.primaryKey())
    .addColumn('holder', 'varchar(64)')
    .addColumn('fence', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('report', 'text')
    .execute()
  await db.schema
    .createTable('qbo_requests')
    .ifNotExists()
    .addColumn('id', 'varchar(36)', (column) => column.primaryKey())
    .addColumn('work', 'varchar(32)', (column) => column.notNull())
    .addColumn('input', 'text', (column) => column.notNull())
    .addColumn('asked_at', 'bigint', (column) => column.notNull())
    .addColumn('taken_by', 'bigint')
    .addColumn('answer', 'text')
    .execute()
}

async function createSessions({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('qbo_sessions')
    .ifNotExists()
    .addColumn('id', 'varchar(64)', (column) => column.primaryKey())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
}

async function addColumn(
  db: Kysely<unknown>,
  table: string,
  column: string,
  type: 'bigint' | 'integer' | 'varchar(32)',
): Promise<void> {
  const tables = await db.introspection.getTables()
  const columns = tables.find(({ name }) => name === table)?.columns ?? []
  if (columns.some(({ name }) => name === column)) return
  await db.schema.alterTable(table).addColumn(column, type).execute()
}
