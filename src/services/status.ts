// What the service knows about itself: the connection, how old each entity is, and what runs. One source for the
// status route, the health line in the log and the page.

import { type Static, Type } from '@sinclair/typebox'
import { DatabaseError } from '../errors.ts'
import type { Cache, Checkpoint } from './cache/cache.ts'
import type { HintQueue, HintStatus } from './cache/hints.ts'
import { type Clock, isoOrNull } from './clock.ts'
import type { Entity } from './entities/index.ts'
import type { MeterReadings, ReadMeter } from './meter/meter.ts'
import type { Problem, Problems } from './problems/problems.ts'
import type { CircuitState } from './qbo/breaker.ts'
import type { QboClient } from './qbo/client.ts'
import type { Standing } from './replica/replica.ts'
import type { Progress, Sync } from './sync/sync.ts'
import type { TokenKeeper } from './tokens/keeper.ts'

/** A time in an answer. */
export const Time = (description: string) =>
  Type.Union([Type.String({ format: 'date-time' }), Type.Null()], {
    description: `${description}, ISO 8601 or null`,
  })

/** The states of the connection, in the order in which a new installation passes them. */
export const ConnectionStatus = Type.Union(
  [
    Type.Literal('not_configured'),
    Type.Literal('not_authenticated'),
    Type.Literal('authenticated_no_data'),
    Type.Literal('connected'),
    Type.Literal('reconnect_required'),
  ],
  {
    description:
      'not_configured → not_authenticated → authenticated_no_data → connected; reconnect_required when a person must act',
  },
)

const EntityStatus = Type.Object({
  count: Type.Integer({ description: 'Cached records, inactive ones included' }),
  active_count: Type.Integer(),
  set_aside_count: Type.Integer({ description: 'Records of the last refresh that could not be read' }),
  last_success: Time('End of the last complete refresh'),
  last_attempt: Time('Begin of the last refresh'),
  last_full_sync: Time('End of the last complete reading of everything'),
  drift_count: Type.Union([Type.Integer(), Type.Null()], {
    description:
      'Records that it had to repair, because no look for changes and no webhook had brought them; null before the second one',
  }),
  held_back_count: Type.Integer({
    description:
      'Records that QuickBooks no longer shows and that were kept, because they are too many; dropped when the next full reading agrees, or with POST /api/cache/refresh?force=true',
  }),
  last_error: Type.Union([Type.String(), Type.Null()], {
    description: 'Why the last attempt failed; null after a success',
  }),
  age_seconds: Type.Union([Type.Integer(), Type.Null()], { description: 'Seconds since the last success' }),
})

const RefreshStatus = Type.Object({
  running: Type.Boolean(),
  started_at: Time('Begin of the running refresh'),
  progress: Type.Record(
    Type.String(),
    Type.Object({
      fetched: Type.Integer(),
      expected: Type.Union([Type.Integer(), Type.Null()], { description: 'null until known' }),
      done: Type.Boolean(),
    }),
    { description: 'Records read so far, by entity' },
  ),
})

const ReadsStatus = Type.Object(
  {
    month: Type.String({ description: 'In UTC' }),
    spent: Type.Integer(),
    budget: Type.Union([Type.Integer(), Type.Null()], { description: 'null: unlimited' }),
    is_spent: Type.Boolean({
      description: 'true: until the month ends only webhooks and an admin make QuickBooks be read',
    }),
    by_entity: Type.Record(Type.String(), Type.Integer(), {
      description: '`all`: looks for changes, which are for all entities; `company`: tries of the connection',
    }),
    by_reason: Type.Record(Type.String(), Type.Integer(), {
      description:
        '`full` and `changes` by the clock; `webhook`; `admin`: asked for, or first after connecting; `test`',
    }),
  },
  { description: 'Reads of QuickBooks that Intuit bills, this month' },
)

const QuickBooksStatus = Type.Object(
  {
    circuit: Type.Union([Type.Literal('closed'), Type.Literal('open'), Type.Literal('half_open')], {
      description:
        'closed: it answers. open: it did not answer several times and is left alone. half_open: one request finds out',
    }),
    retry_at: Time(
      'Until when nothing is asked by the clock, because it did not answer or asked to wait; null when it is not waited for',
    ),
  },
  { description: 'Whether QuickBooks answers at all' },
)

const ReplicaStatus = Type.Object(
  {
    id: Type.String({ description: 'Names this process' }),
    role: Type.Union([Type.Literal('leader'), Type.Literal('follower')], {
      description: 'leader: it asks Intuit and follows QuickBooks for all. follower: it follows the cache',
    }),
    leader: Type.Union([Type.String(), Type.Null()], {
      description: 'Who leads, as far as this one knows; null for a moment, until another one does',
    }),
    lag_seconds: Type.Number({
      description: 'Since when this one may be behind the cache; about a second at most while all is well',
    }),
    is_database_reachable: Type.Boolean({
      description: 'false: what is told here of the cache is what was known before',
    }),
  },
  { description: 'This process among those that serve from the same database' },
)

const WebhooksStatus = Type.Object({
  waiting: Type.Integer({
    description: 'Posts whose records are not read yet; one about several entities counts for each',
  }),
  last_received: Time('When the last post with a right signature came, since the start'),
  ignored: Type.Integer({
    description: 'Events since the start about another company, or about what SYNC_ENTITIES does not name',
  }),
})

const ProblemStatus = Type.Object(
  {
    code: Type.String({ description: 'Stable, for programs' }),
    about: Type.String({ description: 'An entity, or `connection`' }),
    message: Type.String({ description: 'What happened the last time, what was kept, what to do' }),
    count: Type.Integer(),
    first_at: Time('When it came first since the start'),
    last_at: Time('When it came last'),
  },
  { description: 'A kind of problem, however often it came' },
)

/** The answer of `GET /api/cache/status`; one `<entity>_count` for each of `entities`. */
export const statusSchema = (entities: readonly Entity[]) =>
  Type.Object(
    {
      connection_status: ConnectionStatus,
      is_authenticated: Type.Boolean({ description: 'Tokens are at hand that QuickBooks has not refused' }),
      has_valid_config: Type.Boolean({ description: 'Client id and secret are set' }),
      last_updated: Time('The newest success of any entity'),
      ...Object.fromEntries(entities.map(({ name }) => [`${name}_count`, Type.Integer()])),
      entities: Type.Record(Type.String(), EntityStatus),
      refresh: RefreshStatus,
      quickbooks: QuickBooksStatus,
      reads: ReadsStatus,
      problems: Type.Array(ProblemStatus, {
        description: 'What went wrong since the start of the process that leads, the latest first',
      }),
      replica: ReplicaStatus,
      webhooks: WebhooksStatus,
      access_token_expires_at: Time('It is renewed before'),
      refresh_token_expires_at: Time('When the connection dies if the service does not run until then'),
      consent_expires_at: Time('When a person must connect again, five years after the last time'),
    },
    { $id: 'CacheStatus', description: 'The state of everything' },
  )

/** `statusSchema` without the counts that depend on the list of entities. */
export type Status = Static<ReturnType<typeof statusSchema>> & {
  entities: Record<string, Static<typeof EntityStatus>>
}

/** What the replica that leads says of itself, for the others to tell. */
export interface LeaderReport {
  progress: Progress | null
  circuit: CircuitState
  /** By entity: why it failed, where even that could not be written. */
  unwritten: Record<string, string>
  problems: Problem[]
}

interface ReportDeps {
  sync: Sync
  qbo: QboClient
  problems: Problems
  entities: readonly Entity[]
}

/** What this process would say if it led. */
export const reportOf = ({ sync, qbo, problems, entities }: ReportDeps): LeaderReport => ({
  problems: problems.list(),
  progress: sync.progress() ?? null,
  circuit: qbo.circuit(),
  unwritten: Object.fromEntries(
    entities.flatMap(({ name }) => {
      const error = sync.unwrittenError(name)
      return error === undefined ? [] : [[name, error]]
    }),
  ),
})

/** A database that does not answer for so long is taken for one that is away, in milliseconds. */
export const SILENT_MS = 3_000

/** Reads the status; cheap enough for a probe every second. */
export type ReadStatus = () => Promise<Status>

/** See the header of this file. */
export function createStatusReader(
  deps: ReportDeps & {
    configured: boolean
    keeper: TokenKeeper
    cache: Cache
    hints: HintQueue
    meter: ReadMeter
    standing(): Standing
    clock: Clock
    /** Goes as the database's does. */
    leaseClock: Clock
  },
): ReadStatus {
  const { entities, keeper, cache, hints, meter, clock, leaseClock } = deps
  const names = entities.map(({ name }) => name)

  let known: Stored = { checkpoints: [], webhooks: { waiting: 0, lastReceived: null, ignored: 0 } }

  async function readStored(realm: string | undefined, isLeader: boolean): Promise<void> {
    const [checkpoints, webhooks] = await Promise.all([
      realm === undefined ? [] : cache.checkpoints(realm),
      hints.status(realm ?? '', names),
      isLeader ? undefined : meter.reload(),
    ])
    known = { checkpoints, webhooks }
  }

  /** Answers whether the server could be asked in time: without it, what was known before has to do. */
  async function isReachable(reading: Promise<void>): Promise<boolean> {
    const heard = new AbortController()
    const silence = leaseClock.sleep(SILENT_MS, heard.signal).then(
      () => false,
      () => false,
    )
    const answer = reading.then(
      () => true,
      (error) => {
        if (error instanceof DatabaseError) return false
        throw error
      },
    )
    try {
      return await Promise.race([answer, silence])
    } finally {
      heard.abort()
    }
  }

  return async () => {
    const connection = keeper.connection()
    const { id, isLeader, leader, lagSeconds, isDatabaseAway, report } = deps.standing()
    const is_database_reachable =
      !isDatabaseAway && (await isReachable(readStored(connection?.realm, isLeader)))
    const stored = known.checkpoints
    const own = reportOf(deps)
    // A leader of an earlier version does not tell of problems.
    const { progress, circuit, unwritten, problems = own.problems } = report ?? own
    const checkpoints = entities.map(({ name }) => stored.find((one) => one.entity === name) ?? unread(name))
    const lastUpdated = Math.max(...checkpoints.map((one) => one.lastSuccess ?? 0))
    const hasData = lastUpdated > 0 || checkpoints.some((one) => one.records > 0)
    const { lastReceived, ...webhooks } = known.webhooks
    const { reads, ...spent } = meter.readings()
    return {
      connection_status: connectionStatus(deps.configured, connection?.state, hasData),
      is_authenticated: connection?.state === 'connected',
      has_valid_config: deps.configured,
      last_updated: isoOrNull(lastUpdated || null),
      ...Object.fromEntries(checkpoints.map((one) => [`${one.entity}_count`, one.records])),
      entities: Object.fromEntries(
        checkpoints.map((one) => [one.entity, entityStatus(one, unwritten[one.entity], clock.now())]),
      ),
      refresh: {
        running: progress !== null,
        started_at: isoOrNull(progress?.startedAt),
        progress: Object.fromEntries(
          (progress?.entities ?? []).map(({ entity, fetched, expected = null, done }) => [
            entity,
            { fetched, expected, done },
          ]),
        ),
      },
      quickbooks: { circuit: circuit.circuit, retry_at: isoOrNull(circuit.retryAt) },
      reads: {
        ...spent,
        is_spent: meter.isSpent(),
        by_entity: sums(reads, ({ entity }) => entity),
        by_reason: sums(reads, ({ reason }) => reason),
      },
      problems: problems.map(({ firstAt, lastAt, ...problem }) => ({
        ...problem,
        first_at: isoOrNull(firstAt),
        last_at: isoOrNull(lastAt),
      })),
      replica: {
        id,
        role: isLeader ? ('leader' as const) : ('follower' as const),
        leader,
        lag_seconds: lagSeconds,
        is_database_reachable,
      },
      webhooks: { ...webhooks, last_received: isoOrNull(lastReceived) },
      access_token_expires_at: isoOrNull(connection?.accessExpiresAt),
      refresh_token_expires_at: isoOrNull(connection?.refreshExpiresAt),
      consent_expires_at: isoOrNull(connection?.consentExpiresAt),
    }
  }
}

interface Stored {
  checkpoints: Checkpoint[]
  webhooks: HintStatus
}

type Reads = MeterReadings['reads']

function sums(reads: Reads, keyOf: (one: Reads[number]) => string): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const one of reads) sums[keyOf(one)] = (sums[keyOf(one)] ?? 0) + one.reads
  return sums
}

function connectionStatus(
  configured: boolean,
  state: 'connected' | 'reconnect_required' | undefined,
  hasData: boolean,
): Static<typeof ConnectionStatus> {
  if (!configured) return 'not_configured'
  if (state === undefined) return 'not_authenticated'
  if (state === 'reconnect_required') return 'reconnect_required'
  return hasData ? 'connected' : 'authenticated_no_data'
}

const unread = (entity: string): Checkpoint => ({
  entity,
  records: 0,
  activeRecords: 0,
  setAside: 0,
  lastAttempt: null,
  lastSuccess: null,
  lastError: null,
  completeAsOf: null,
  lastFull: null,
  owesFull: false,
  drift: null,
  heldBack: 0,
})

const entityStatus = (
  one: Checkpoint,
  unwrittenError: string | undefined,
  now: number,
): Static<typeof EntityStatus> => ({
  count: one.records,
  active_count: one.activeRecords,
  set_aside_count: one.setAside,
  last_success: isoOrNull(one.lastSuccess),
  last_attempt: isoOrNull(one.lastAttempt),
  last_full_sync: isoOrNull(one.lastFull),
  drift_count: one.drift,
  held_back_count: one.heldBack,
  last_error: unwrittenError ?? one.lastError,
  age_seconds: one.lastSuccess === null ? null : Math.max(0, Math.round((now - one.lastSuccess) / 1000)),
})
