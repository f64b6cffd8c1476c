// What changed, for an MRP that keeps a copy of its own (a delta feed) and for pages that show a list (events).
import { PassThrough } from 'node:stream'
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import fp from 'fastify-plugin'
import { AppError, reasonOf } from '../errors.ts'
import type { FeedChange } from '../services/cache/feed.ts'
import type { Entity } from '../services/entities/index.ts'
import type { Announcement } from '../services/sync/intake.ts'

const cursor = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 100,
    description: 'From an earlier answer: what came after it. Without: everything',
  }),
)
const EntityList = (names: readonly string[]) =>
  Type.Optional(
    Type.String({ minLength: 1, description: `Some of ${names.join(', ')}, comma separated; all without` }),
  )

const ChangesAnswer = Type.Object({
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
})

interface Event {
  entity: string
  ids: string[]
  cursor: string
}

/** A page that listens. */
interface Listener {
  stream: PassThrough
  entities: readonly string[]
  /** It has caught up. */
  isLive: boolean
  /** What happened while it caught up. */
  missed: Event[]
}

const mostListeners = 500
/** A listener that is so many bytes behind is dropped; it comes back with its cursor. */
const mostBehind = 1024 * 1024
/** Proxies close what is silent for a minute. */
const heartbeatMs = 20_000
const retryMs = 3_000
/** A listener that missed more than this many pages of changes is told to load its list anew. */
const mostPages = 20
const catchUpLimit = 1_000

const routes: FastifyPluginAsyncTypebox<{ entities: readonly Entity[] }> = async (app, { entities }) => {
  const { feed, log } = app
  const { keeper } = app.tokens
  const names = entities.map(({ name }) => name)
  const listeners = new Set<Listener>()

  app.addHook('onError', async (request, _reply, { code, statusCode = 500 }) => {
    if (statusCode === 410) log.warn({ code, route: request.routeOptions.url }, 'Cursor refused')
  })

  app.get(
    '/api/changes',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'What changed since a cursor',
        description:
          'Records and deletions in the order in which they were cached. Without a cursor it begins with all records; apply page after page, keep the last cursor, and the copy stays equal. 410 when a cursor cannot be continued.',
        tags: ['changes'],
        querystring: Type.Object(
          {
            cursor,
            entities: EntityList(names),
            limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
          },
          { additionalProperties: false },
        ),
        response: { 200: ChangesAnswer, '4xx': Type.Ref('Error') },
      },
    },
    async (request, reply) => {
      const { cursor, limit } = request.query
      const page = await feed.read({
        realm: realmOf(),
        entities: chosen(request.query.entities),
        cursor,
        limit,
      })
      const changes = page.changes.map(
        ({ entity, id, json }) =>
          `{"entity":"${entity}","id":${JSON.stringify(id)},"deleted":${json === null},"record":${json}}`,
      )
      const body = `{"changes":[${changes.join(',')}],"cursor":"${page.cursor}","has_more":${page.more}}`
      reply.header('cache-control', 'private, no-cache').type('application/json; charset=utf-8')
      // JSON already; the schema above describes it and is not run.
      return (reply as { send(payload: string): unknown }).send(body)
    },
  )

  app.get(
    '/api/events',
    {
      config: { access: 'search' },
      schema: {
        summary: 'Changes as they happen, as server-sent events',
        description:
          'Events `change` with {entity, ids, cursor}, sent when search shows them. With a cursor, or the header Last-Event-ID that a browser sends when it comes back, it begins with what was missed; 410 when that is too long ago.',
        tags: ['changes'],
        querystring: Type.Object({ cursor, entities: EntityList(names) }, { additionalProperties: false }),
        headers: Type.Object({ 'last-event-id': Type.Optional(Type.String({ maxLength: 100 })) }),
        response: {
          200: {
            description: 'A stream that stays open',
            content: { 'text/event-stream': { schema: Type.String() } },
          },
          '4xx': Type.Ref('Error'),
          '5xx': Type.Ref('Error'),
        },
      },
    },
    async (request, reply) => {
      if (listeners.size >= mostListeners) throw tooManyListeners()
      const start = request.headers['last-event-id'] || request.query.cursor
      const listener: Listener = {
        stream: new PassThrough(),
        entities: chosen(request.query.entities),
        isLive: false,
        missed: [],
      }
      // It listens before it catches up, so that nothing falls in between.
      listeners.add(listener)
      listener.stream.on('close', () => listeners.delete(listener))
      try {
        listener.stream.write(`retry: ${retryMs}\n\n`)
        await catchUp(listener, start)
      } catch (error) {
        listener.stream.destroy()
        throw error
      }
      return reply
        .header('cache-control', 'no-cache, no-transform')
        .header('x-accel-buffering', 'no')
        .type('text/event-stream')
        .send(listener.stream)
    },
  )

  /** What a listener missed since `start`; without one it only learns where it stands. */
  async function catchUp(listener: Listener, start: string | undefined): Promise<void> {
    const realm = realmOf()
    let cursor = start
    for (let page = 0; cursor !== undefined; page++) {
      const found = await feed.read({ realm, entities: listener.entities, cursor, limit: catchUpLimit })
      for (const [entity, ids] of idsByEntity(found.changes))
        send(listener, 'change', { entity, ids, cursor: found.cursor })
      cursor = found.more && page < mostPages ? found.cursor : undefined
      if (found.more && cursor === undefined) send(listener, 'reset', { cursor: await feed.cursor(realm) })
    }
    if (start === undefined) send(listener, 'ready', { cursor: await feed.cursor(realm) })
    listener.isLive = true
    for (const change of listener.missed.splice(0)) send(listener, 'change', change)
  }

  let sending = Promise.resolve()
  app.announcements.on('change', (change) => {
    if (listeners.size > 0) sending = sending.then(() => broadcast(change)).catch(giveUp)
  })
  // A cursor means nothing for another company: whoever comes back with one is told so.
  app.announcements.on('forgotten', endAll)

  async function broadcast({ realm, entity, ids, seq }: Announcement): Promise<void> {
    const change = { entity, ids, cursor: await feed.cursor(realm, seq) }
    for (const listener of listeners) {
      if (!listener.entities.includes(entity)) continue
      if (listener.isLive) send(listener, 'change', change)
      else listener.missed.push(change)
    }
  }

  /** What could not be announced must not be missed: everybody comes back and catches up. */
  function giveUp(error: unknown): void {
    log.warn({ reason: reasonOf(error) }, 'A change could not be announced; listeners come back and catch up')
    endAll()
  }

  function endAll(): void {
    for (const { stream } of listeners) stream.end()
    listeners.clear()
  }

  const heartbeat = setInterval(() => {
    for (const listener of listeners) write(listener, ':\n\n')
  }, heartbeatMs)
  app.addHook('preClose', async () => {
    clearInterval(heartbeat)
    endAll()
  })

  const realmOf = () => keeper.connection()?.realm ?? ''

  function chosen(list: string | undefined): readonly string[] {
    if (list === undefined) return names
    const asked = [...new Set(list.split(',').map((name) => name.trim()))]
    if (asked.every((name) => names.includes(name))) return asked
    const message = `entities: must be some of ${names.join(', ')}, comma separated.`
    throw new AppError({ code: 'BAD_REQUEST', status: 400, message })
  }
}

/** Server-sent events (WHATWG HTML, section 9.2); the id is what a browser sends when it comes back. */
function send(listener: Listener, event: string, data: Event | { cursor: string }): void {
  write(listener, `id: ${data.cursor}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
}

function write({ stream }: Listener, text: string): void {
  if (stream.writableLength > mostBehind) stream.destroy()
  else stream.write(text)
}

function idsByEntity(changes: readonly FeedChange[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const { entity, id } of changes) {
    const ids = found.get(entity)
    if (ids === undefined) found.set(entity, [id])
    else ids.push(id)
  }
  return found
}

const tooManyListeners = () =>
  new AppError({
    code: 'TOO_MANY_LISTENERS',
    status: 503,
    message: `${mostListeners} pages listen already, which is the most: close some, or ask /api/changes now and then.`,
    retryAfterSeconds: 60,
  })

export default fp(routes, {
  name: 'change-routes',
  encapsulate: true,
  dependencies: ['cache', 'sync', 'tokens', 'auth', 'errors'],
})
