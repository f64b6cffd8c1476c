// What changed, for an MRP that keeps a copy of its own (a delta feed) and for pages that show a list (events).
import { PassThrough } from 'node:stream'
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import fp from 'fastify-plugin'
import { AppError, reasonOf } from '../errors.ts'
import { cursorOf, type FeedChange, type Position } from '../services/cache/feed.ts'
import type { Entity } from '../services/entities/index.ts'
import { notChosen } from '../services/search/parameters.ts'
import type { Announcement } from '../services/sync/intake.ts'

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

/** A change, and where a listener stands that has heard of it. */
interface Heard {
  entity: string
  ids: string[]
  position: Position
}

interface EventData {
  entity?: string
  ids?: readonly string[]
  cursor: string
}

/** A page that listens. */
interface Listener {
  stream: PassThrough
  entities: readonly string[]
  /** It has caught up. */
  isLive: boolean
  /** What happened while it caught up. */
  missed: Heard[]
}

/** The entities that are kept here, and those that there would be. */
export interface ChangeRouteOptions {
  entities: readonly Entity[]
  unchosen: readonly Entity[]
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

const routes: FastifyPluginAsyncTypebox<ChangeRouteOptions> = async (app, { entities, unchosen }) => {
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
            cursor: Cursor('everything'),
            entities: EntityList(names),
            limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
          },
          { additionalProperties: false },
        ),
        response: { 200: ChangesAnswer, '4xx': Type.Ref('Error'), '5xx': Type.Ref('Error') },
      },
    },
    async (request, reply) => {
      const { cursor, limit } = request.query
      const realm = keeper.connection()?.realm
      // Whoever takes nothing for everything that there is, would empty a copy.
      if (realm === undefined) throw notConnected()
      const asked = chosen(request.query.entities)
      const page = await feed.read({ realm, entities: asked, cursor: cursor || undefined, limit })
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
      // HEAD would listen and never leave.
      exposeHeadRoute: false,
      config: { access: 'search' },
      schema: {
        summary: 'Changes as they happen, as server-sent events',
        description:
          'First an event `ready` with {cursor}, then `change` with {entity, ids, cursor} for each change, when search shows it (of an entity that is read for the first time, when it is cached). With a cursor, or the header Last-Event-ID that a browser sends when it comes back, it begins with what was missed. `reset` with {cursor} says that this cannot be told any more: load everything anew. A parameter `cursor` that cannot be continued is refused with 410, because a browser does not come back after that.',
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
          '4xx': Type.Ref('Error'),
          '5xx': Type.Ref('Error'),
        },
      },
    },
    async (request, reply) => {
      if (listeners.size >= mostListeners) throw tooManyListeners()
      const returning = request.headers['last-event-id']
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
        if (returning) await catchUp(listener, returning).catch((error) => startOver(listener, error))
        else if (request.query.cursor) await catchUp(listener, request.query.cursor)
        else tell(listener, 'ready', await feed.position(realmOf()))
        goLive(listener)
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

  /** What a listener missed since a cursor. @throws AppError 410. */
  async function catchUp({ stream, entities }: Listener, start: string): Promise<void> {
    const realm = realmOf()
    let cursor = start
    for (let page = 0; page < mostPages; page++) {
      const found = await feed.read({ realm, entities, cursor, limit: catchUpLimit })
      const changes = [...idsByEntity(found.changes)]
      for (const [i, [entity, ids]] of changes.entries()) {
        // Whoever leaves between two of these must hear the page again.
        const reached = i === changes.length - 1 ? found.cursor : cursor
        write(stream, 'change', { entity, ids, cursor: reached })
      }
      if (!found.more) return
      cursor = found.cursor
    }
    write(stream, 'reset', { cursor: cursorOf(await feed.position(realm), entities) })
  }

  async function startOver(listener: Listener, error: unknown): Promise<void> {
    if (!(error instanceof AppError) || error.statusCode !== 410) throw error
    log.warn({ code: error.code, route: '/api/events' }, 'Cursor refused')
    tell(listener, 'reset', await feed.position(realmOf()))
  }

  function goLive(listener: Listener): void {
    listener.isLive = true
    for (const change of listener.missed.splice(0)) hear(listener, change)
  }

  const tell = ({ stream, entities }: Listener, event: 'ready' | 'reset', position: Position) =>
    write(stream, event, { cursor: cursorOf(position, entities) })

  const hear = ({ stream, entities }: Listener, { entity, ids, position }: Heard) =>
    write(stream, 'change', { entity, ids, cursor: cursorOf(position, entities) })

  let sending = Promise.resolve()
  app.announcements.on('change', (change) => {
    if (listeners.size > 0) sending = sending.then(() => broadcast(change)).catch(giveUp)
  })
  // A cursor means nothing for another company: whoever comes back with one is told so.
  app.announcements.on('forgotten', endAll)

  async function broadcast({ realm, entity, ids, seq }: Announcement): Promise<void> {
    const change = { entity, ids, position: await feed.position(realm, seq) }
    for (const listener of listeners) {
      if (!listener.entities.includes(entity)) continue
      if (listener.isLive) hear(listener, change)
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
    for (const { stream } of listeners) send(stream, ':\n\n')
  }, heartbeatMs)
  app.addHook('preClose', async () => {
    clearInterval(heartbeat)
    endAll()
  })

  const realmOf = () => keeper.connection()?.realm ?? ''

  function chosen(list = ''): readonly string[] {
    const asked = [...new Set(list.split(',').map((name) => name.trim()))].filter(Boolean)
    const foreign = asked.find((name) => !names.includes(name))
    if (foreign === undefined) return asked.length === 0 ? names : asked
    if (unchosen.some(({ name }) => name === foreign)) throw notChosen(foreign, [foreign])
    const message = `entities: must be some of ${names.join(', ')}, comma separated.`
    throw new AppError({ code: 'BAD_REQUEST', status: 400, message })
  }
}

/** A server-sent event (WHATWG HTML, section 9.2); its id is what a browser sends when it comes back. */
function write(stream: PassThrough, event: string, data: EventData): void {
  send(stream, `id: ${data.cursor}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
}

function send(stream: PassThrough, text: string): void {
  if (stream.writableLength > mostBehind) stream.destroy()
  else if (!stream.writableEnded) stream.write(text)
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

const notConnected = () =>
  new AppError({
    code: 'NOT_CONNECTED',
    status: 409,
    message: 'QuickBooks is not connected, so there is nothing to follow: keep what you have, and ask again.',
  })

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
