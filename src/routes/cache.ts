// The cache: its status, a refresh on demand, and the cached records as QuickBooks sent them.
import { Readable } from 'node:stream'
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import fp from 'fastify-plugin'
import { AppError, databaseAway, reasonOf } from '../errors.ts'
import { type Clock, isoOrNull, PATIENCE_MS, within } from '../services/clock.ts'
import type { Entity } from '../services/entities/index.ts'
import { statusSchema, Time } from '../services/status.ts'
import type { RefreshOptions, RefreshReport } from '../services/sync/sync.ts'

const RefreshAnswer = Type.Object(
  {
    message: Type.String(),
    duration_ms: Type.Integer(),
    calls: Type.Integer({ description: 'Requests sent to QuickBooks' }),
    entities: Type.Record(
      Type.String(),
      Type.Object({
        records: Type.Integer({ description: 'Records that QuickBooks has' }),
        changed: Type.Integer(),
        removed: Type.Integer(),
        set_aside: Type.Integer({ description: 'Records that could not be read' }),
      }),
    ),
  },
  { description: 'What the refresh did' },
)

/** The entities that are kept here, the service's own version, and the time in which clients wait. */
export interface CacheRouteOptions {
  entities: readonly Entity[]
  version: string
  clock: Clock
}

const routes: FastifyPluginAsyncTypebox<CacheRouteOptions> = async (app, { entities, version, clock }) => {
  const { cache, replica, searchIndexes, sync, readStatus } = app
  const { keeper } = app.tokens
  const refresh = replica.atLeader('refresh', async (options: RefreshOptions) =>
    refreshAnswer(await sync.refresh(options)),
  )
  const Status = statusSchema(entities)
  app.addSchema(Status)

  // No route here takes a body: one that comes anyway, of any type or none, is dropped.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null))

  app.get(
    '/api/cache/status',
    {
      config: { access: 'open', errorInWords: true, isAnsweredUnderPressure: true },
      schema: {
        operationId: 'cacheStatus',
        summary: 'Connection, age and size of the cache',
        description: 'The health probe of a container: 200 while the process can serve, connected or not.',
        tags: ['cache'],
        response: { 200: Type.Ref(Status) },
      },
    },
    readStatus,
  )

  app.post(
    '/api/cache/refresh',
    {
      config: { access: 'admin', errorInWords: true },
      schema: {
        operationId: 'refreshCache',
        summary: 'Refresh the cache now',
        description:
          'Runs, or joins, a refresh of all entities and answers 200 when it is done; or 202 after 25 seconds, since many clients wait for 30, and the refresh goes on.',
        tags: ['cache'],
        querystring: Type.Object(
          {
            wait: Type.Optional(
              Type.Boolean({
                description:
                  'true: answer when it is done, however long that takes; false: answer 202 at once; left out: as said above',
              }),
            ),
            force: Type.Boolean({
              default: false,
              description: 'true: accept that many records are gone in QuickBooks (see QBO_DROP_HELD_BACK)',
            }),
            full: Type.Boolean({
              default: true,
              description: 'false: only what changed since the last time, in one read where that is possible',
            }),
          },
          { additionalProperties: false },
        ),
        response: {
          200: RefreshAnswer,
          202: Type.Object({ message: Type.String() }, { description: 'The refresh runs' }),
        },
      },
    },
    async (request, reply) => {
      const { wait, ...options } = request.query
      if (wait === false) {
        keeper.currentRealm()
        if (replica.standing().isDatabaseAway) throw databaseAway()
      }
      const done = refresh(options)
      if (wait === true) return await done
      const answer = wait === false ? undefined : await within(PATIENCE_MS, done, clock)
      if (answer !== undefined) return answer
      done.catch((error) =>
        request.log.warn({ reason: reasonOf(error) }, 'A refresh that was asked for was not done'),
      )
      const state = wait === false ? 'Cache refresh started' : 'The cache refresh takes longer and goes on'
      return reply.code(202).send({ message: `${state}; GET /api/cache/status shows how far it is` })
    },
  )

  for (const { name } of entities) {
    app.get(
      `/api/data/${name}`,
      {
        config: { access: 'admin', errorInWords: true },
        schema: {
          operationId: operationId('data', name),
          summary: `Cached ${name} as QuickBooks sent them`,
          description: 'Inactive ones included, what came in last first.',
          tags: ['cache'],
          querystring: Type.Object(
            { limit: Type.Integer({ minimum: 1, maximum: 1000, default: 50 }) },
            { additionalProperties: false },
          ),
          response: {
            200: Type.Object(
              {
                [name]: Type.Array(Type.Object({}, { additionalProperties: true })),
                total: Type.Integer({ description: 'Cached records' }),
                showing: Type.Integer({ description: 'Records in this answer' }),
              },
              { description: 'The records' },
            ),
          },
        },
      },
      async (request, reply) => {
        const realm = keeper.connection()?.realm
        const total = realm === undefined ? 0 : ((await cache.checkpoint(realm, name))?.records ?? 0)
        const batches = realm === undefined ? noBatches() : cache.list(realm, name, request.query.limit)
        const answer = pieces(name, await begun(batches), total)
        reply.type('application/json; charset=utf-8')
        // JSON already; the schema above describes it and is not run.
        return reply.send(Readable.from(answer) as never)
      },
    )
  }

  app.get(
    '/api/indexes/status',
    {
      config: { access: 'open', errorInWords: true },
      schema: {
        operationId: 'indexesStatus',
        summary: 'Sizes of the search indexes',
        tags: ['search'],
        response: {
          200: Type.Object(
            {
              indexes: Type.Record(Type.String(), Type.Integer({ description: 'Records that can be found' })),
              details: Type.Record(
                Type.String(),
                Type.Object({
                  entity: Type.String(),
                  records: Type.Integer({ description: 'Records that can be found' }),
                  last_changed: Time('When the index last changed'),
                }),
              ),
              total_indexed_items: Type.Integer({ description: 'Sum over the indexes' }),
              available_indexes: Type.Array(Type.String()),
            },
            { description: 'The indexes, by their names' },
          ),
        },
      },
    },
    async () => {
      const indexes = Object.entries(searchIndexes.status())
      return {
        indexes: Object.fromEntries(indexes.map(([name, { records }]) => [name, records])),
        details: Object.fromEntries(
          indexes.map(([name, { entity, records, lastChange }]) => [
            name,
            { entity, records, last_changed: isoOrNull(lastChange) },
          ]),
        ),
        total_indexed_items: indexes.reduce((sum, [, { records }]) => sum + records, 0),
        available_indexes: [...searchIndexes.indexNames],
      }
    },
  )

  app.get(
    '/api/health',
    {
      config: { access: 'open', errorInWords: true, isAnsweredUnderPressure: true },
      schema: {
        operationId: 'health',
        summary: 'Liveness',
        tags: ['cache'],
        response: {
          200: Type.Object(
            {
              status: Type.Literal('healthy'),
              timestamp: Type.String({ format: 'date-time' }),
              version: Type.String(),
              authenticated: Type.Boolean(),
              cache_age_minutes: Type.Union([Type.Number(), Type.Null()], {
                description: 'Of the oldest entity; null before the first refresh',
              }),
            },
            { description: 'The process answers' },
          ),
        },
      },
    },
    async () => {
      const { is_authenticated, entities: each } = await readStatus()
      const ages = Object.values(each).map((one) => one.age_seconds)
      const oldest = ages.some((age) => age === null) ? null : Math.max(...(ages as number[])) / 60
      return {
        status: 'healthy' as const,
        timestamp: new Date().toISOString(),
        version,
        authenticated: is_authenticated,
        cache_age_minutes: oldest === null ? null : Math.round(oldest * 10) / 10,
      }
    },
  )
}

/** @throws AppError when an entity failed: what QuickBooks did, what was kept, and which ones are fresh. */
function refreshAnswer({ durationMs, calls, outcomes }: RefreshReport) {
  const failed = outcomes.filter(({ error }) => error !== undefined)
  const first = failed[0]?.error
  if (first !== undefined) {
    const fresh = outcomes.filter(({ error }) => error === undefined).map(({ entity }) => entity)
    const rest = fresh.length > 0 ? ` Refreshed: ${fresh.join(', ')}.` : ''
    throw new AppError({
      code: first.code,
      status:
        [409, 503].includes(first.statusCode) && !first.code.startsWith('QBO_') ? first.statusCode : 502,
      retry: first.retry,
      message: `Not refreshed: ${failed.map(({ entity }) => entity).join(', ')}. ${first.message}${rest}`,
      intuitTid: first.intuitTid,
      retryAfterSeconds: first.retryAfterSeconds,
      cause: first,
    })
  }
  return {
    message: 'Cache refreshed successfully',
    duration_ms: durationMs,
    calls,
    entities: Object.fromEntries(
      outcomes.map(({ entity, records, changed, removed, setAside }) => [
        entity,
        { records, changed, removed, set_aside: setAside },
      ]),
    ),
  }
}

async function* noBatches(): AsyncGenerator<string[]> {}

/** The same, the first of them read: what fails before anything was sent can still be answered as what it is. */
async function begun(batches: AsyncIterable<string[]>): Promise<AsyncIterable<string[]>> {
  const rest = batches[Symbol.asyncIterator]()
  const first = await rest.next()
  return (async function* () {
    if (first.done) return
    yield first.value
    yield* { [Symbol.asyncIterator]: () => rest }
  })()
}

/** `data`, `purchase_orders` → `dataPurchaseOrders` */
const operationId = (verb: string, name: string): string =>
  [verb, ...name.split('_').map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`)].join('')

/** In pieces, between which others are answered. */
async function* pieces(
  name: string,
  batches: AsyncIterable<string[]>,
  total: number,
): AsyncGenerator<string> {
  let showing = 0
  yield `{"${name}":[`
  for await (const records of batches) {
    yield `${showing === 0 ? '' : ','}${records.join(',')}`
    showing += records.length
  }
  yield `],"total":${total},"showing":${showing}}`
}

export default fp(routes, {
  name: 'cache-routes',
  encapsulate: true,
  dependencies: ['cache', 'replica', 'search-indexes', 'auth', 'errors'],
})
