// What changed, for an MRP that keeps a copy of its own (a delta feed) and for pages that show a list (events).
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import fp from 'fastify-plugin'
import { AppError } from '../errors.ts'
import type { Entity } from '../services/entities/index.ts'
import { createListeners } from '../services/events/listeners.ts'
import { notChosen } from '../services/search/parameters.ts'

const mostCursor = 300
const Cursor = (without: string) =>
  Type.Optional(
    Type.String({
      maxLength: mostCursor,
      description: `From an earlier answer about the same entities, or more of them: what came after it. Without: ${without}`,
    }),
  )
const EntityList = (names: readonly string[]) =>
  Type.Optional(Type.String({ description: `Some of ${names.join(', ')}, comma separated; all without` }))

const ChangesAnswer = Type.Object(
  {
    changes: Type.Array(
      Type.Object({
        entity: Type.String(),
        id: Type.String(),
        deleted: Type.Boolean(),
        record: Type.Union([Type.Object({}, { additionalProperties: true }), Type.Null()], {
          description: 'As QuickBooks sent it; null when it was deleted',
        }),
      }),
      { description: 'Oldest change first; each record once, as it is now' },
    ),
    cursor: Type.String({ description: 'Keep it, and ask with it next time' }),
    has_more: Type.Boolean({ description: 'There are more changes already: ask again at once' }),
  },
  { description: 'One page' },
)

/** The entities that are kept here, and those that there would be. */
export interface ChangeRouteOptions {
  entities: readonly Entity[]
  unchosen: readonly Entity[]
}

const routes: FastifyPluginAsyncTypebox<ChangeRouteOptions> = async (app, { entities, unchosen }) => {
  const { cache, feed, log } = app
  const { keeper } = app.tokens
  const names = entities.map(({ name }) => name)
  const listeners = createListeners({ feed, log, realm: () => keeper.connection()?.realm ?? '' })

  app.addHook('onError', async (request, _reply, { code, statusCode = 500 }) => {
    if (statusCode === 410) log.warn({ code, route: request.routeOptions.url }, 'Cursor refused')
  })

  app.get(
    '/api/changes',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'changes',
        summary: 'What changed since a cursor',
        description:
          'Records and deletions in the order in which they were cached. Without a cursor it begins with all records, or answers 503 until all have been read once; apply page after page, keep the last cursor, and the copy stays equal. A page of large records has fewer than `limit`. 410 when a cursor cannot be continued.',
        tags: ['changes'],
        querystring: Type.Object(
          {
            cursor: Cursor('everything'),
            entities: EntityList(names),
            limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
          },
          { additionalProperties: false },
        ),
        response: { 200: ChangesAnswer },
      },
    },
    async (request, reply) => {
      const { cursor, limit } = request.query
      const realm = keeper.connection()?.realm
      // Whoever takes nothing for everything that there is, would empty a copy.
      if (realm === undefined) throw notConnected()
      const asked = chosen(request.query.entities)
      if (!cursor) await mustBeRead(realm, asked)
      const page = await feed.read({ realm, entities: asked, cursor: cursor || undefined, limit })
      const changes = page.changes.map(
        ({ entity, id, json }) =>
          `{"entity":"${entity}","id":${JSON.stringify(id)},"deleted":${json === null},"record":${json}}`,
      )
      const body = `{"changes":[${changes.join(',')}],"cursor":"${page.cursor}","has_more":${page.more}}`
      reply.type('application/json; charset=utf-8')
      // JSON already; the schema above describes it and is not run.
      return reply.send(body as never)
    },
  )

  app.get(
    '/api/events',
    {
      // HEAD would listen and never leave.
      exposeHeadRoute: false,
      config: { access: 'search', isAnsweredUnderPressure: true },
      schema: {
        operationId: 'events',
        summary: 'Changes as they happen, as server-sent events',
        description:
          'First an event `ready` with {cursor}, then `change` with {entity, ids, cursor} for each change, when search shows it. Of an entity that is read for the first time, when it is cached; and once more, without ids, when search shows it as a whole. With a cursor, or the header Last-Event-ID that a browser sends when it comes back, it begins with what was missed. `reset` with {cursor} says that this cannot be told any more: load everything anew. A parameter `cursor` that cannot be continued is refused with 410, because a browser does not come back after that.',
        tags: ['changes'],
        querystring: Type.Object(
          { cursor: Cursor('only what happens from now on'), entities: EntityList(names) },
          { additionalProperties: false },
        ),
        headers: Type.Object({ 'last-event-id': Type.Optional(Type.String({ maxLength: mostCursor })) }),
        response: {
          200: {
            description: 'A stream that stays open',
            content: { 'text/event-stream': { schema: Type.String() } },
          },
        },
      },
    },
    async (request, reply) => {
      const { entities: list, cursor } = request.query
      const lastEventId = request.headers['last-event-id']
      const stream = await listeners.join(chosen(list), { cursor, lastEventId, address: request.ip })
      return reply.sendEvents(stream) as never
    },
  )

  app.announcements.on('change', listeners.announce)
  // A cursor means nothing for another company: whoever comes back with one is told so.
  app.announcements.on('forgotten', listeners.end)
  app.keepStreams(listeners)

  async function mustBeRead(realm: string, asked: readonly string[]): Promise<void> {
    const read = (await cache.checkpoints(realm)).filter(({ lastFull }) => lastFull !== null)
    const unread = asked.filter((name) => !read.some(({ entity }) => entity === name))
    if (unread.length > 0) throw notReadYet(unread)
  }

  function chosen(list = ''): readonly string[] {
    const asked = [...new Set(list.split(',').map((name) => name.trim()))].filter(Boolean)
    const foreign = asked.find((name) => !names.includes(name))
    if (foreign === undefined) return asked.length === 0 ? names : asked
    if (unchosen.some(({ name }) => name === foreign)) throw notChosen(foreign, [foreign])
    const message = `entities: must be some of ${names.join(', ')}, comma separated.`
    throw new AppError({ code: 'BAD_REQUEST', status: 400, message })
  }
}

const notConnected = () =>
  new AppError({
    code: 'NOT_CONNECTED',
    status: 409,
    message: 'QuickBooks is not connected, so there is nothing to follow: keep what you have, and ask again.',
  })

const notReadYet = (unread: readonly string[]) =>
  new AppError({
    code: 'NOT_READ_YET',
    status: 503,
    message: `Of ${unread.join(', ')} not everything was read from QuickBooks yet: keep what you have, and ask again, or for others with ?entities=. GET /api/cache/status shows how far it is.`,
    retryAfterSeconds: 10,
  })

export default fp(routes, {
  name: 'change-routes',
  encapsulate: true,
  dependencies: ['cache', 'sync', 'tokens', 'event-streams', 'auth', 'errors'],
})
