// Pages that listen to changes: events, each with a cursor of the delta feed as its id, so that whoever comes back hears what
// it missed.

import type { PassThrough, Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { AppError, reasonOf } from '../../errors.ts'
import { cursorOf, type Feed, type Position, timeOfCursor } from '../cache/feed.ts'
import type { Log } from '../log.ts'
import type { Announcement } from '../sync/intake.ts'
import { createStreams, send } from './streams.ts'

/** Where a listener begins: at a cursor, where a browser left that comes back by itself, or now. */
export interface Beginning {
  cursor?: string | undefined
  lastEventId?: string | undefined
  /** Of the client: no one may take the places of all. */
  address: string
}

/** All pages that listen. */
export interface Listeners {
  /**
   * A stream of events about these entities, which ends when `end` is called; destroy it to leave.
   * @throws AppError 410 for a cursor that cannot be continued, 503 when too many listen.
   */
  join(entities: readonly string[], beginning: Beginning): Promise<Readable>
  /** Tells of a change. */
  announce(change: Announcement): void
  /** Says nothing to everybody: proxies close what is silent for a minute. */
  beat(): void
  /** Ends all streams; browsers come back. */
  end(): void
}

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

interface Listener {
  stream: PassThrough
  entities: readonly string[]
  /** It has caught up. */
  isLive: boolean
  /** What happened while it caught up. */
  missed: Heard[]
}

const mostListeners = 500
const mostOfOneAddress = 250
/** A listener that missed more than this many pages of changes is told to load its list anew. */
const mostPages = 5
const catchUpLimit = 1_000

/** Nobody listens at first. `realm` names the connected company, or is '' without one. */
export function createListeners(deps: { feed: Feed; realm(): string; log: Log }): Listeners {
  const { feed, realm, log } = deps
  const streams = createStreams(mostListeners, mostOfOneAddress)
  const listeners = new Set<Listener>()
  /** When entities could be searched as a whole for the first time. */
  const wholeSince = new Map<string, number>()
  let sending = Promise.resolve()
  let catchingUp = Promise.resolve()

  /** One after the other: when the network is back, all of them come at once. */
  function catchUpInTurn(listener: Listener, cursor: string): Promise<void> {
    const done = catchingUp.then(() => catchUp(listener, cursor))
    catchingUp = done.catch(() => undefined)
    return done
  }

  /** What a listener missed since a cursor. @throws AppError 410. */
  async function catchUp({ stream, entities }: Listener, start: string): Promise<void> {
    const company = realm()
    let cursor = start
    for (let page = 0; page < mostPages && !stream.destroyed; page++) {
      await nextTurn()
      const found = await feed.readIds({ realm: company, entities, cursor, limit: catchUpLimit })
      const groups = [...Map.groupBy(found.changes, ({ entity }) => entity)]
      for (const [i, [entity, changes]] of groups.entries()) {
        // Whoever leaves between two of these must hear the page again.
        const reached = i === groups.length - 1 ? found.cursor : cursor
        write(stream, 'change', { entity, ids: changes.map(({ id }) => id), cursor: reached })
      }
      cursor = found.cursor
      if (found.more) continue
      const left = timeOfCursor(start) ?? 0
      const whole = entities.filter((entity) => (wholeSince.get(entity) ?? 0) > left)
      for (const entity of whole) write(stream, 'change', { entity, ids: [], cursor })
      return
    }
    write(stream, 'reset', { cursor: cursorOf(await feed.position(company), entities) })
  }

  async function startOver(listener: Listener, error: unknown): Promise<void> {
    if (!(error instanceof AppError) || error.statusCode !== 410) throw error
    log.warn({ code: error.code, route: '/api/events' }, 'Cursor refused')
    tell(listener, 'reset', await feed.position(realm()))
  }

  function goLive(listener: Listener): void {
    listener.isLive = true
    for (const change of listener.missed.splice(0)) hear(listener, change)
  }

  const tell = ({ stream, entities }: Listener, event: 'ready' | 'reset', position: Position) =>
    write(stream, event, { cursor: cursorOf(position, entities) })

  const hear = ({ stream, entities }: Listener, { entity, ids, position }: Heard) =>
    write(stream, 'change', { entity, ids, cursor: cursorOf(position, entities) })

  async function broadcast({ realm: of, entity, ids, seq }: Announcement): Promise<void> {
    const change = { entity, ids, position: await feed.position(of, seq) }
    if (ids.length === 0) wholeSince.set(entity, change.position.at)
    for (const listener of listeners) {
      if (!listener.entities.includes(entity)) continue
      if (listener.isLive) hear(listener, change)
      else listener.missed.push(change)
    }
  }

  /** What could not be announced must not be missed: everybody comes back and catches up. */
  function giveUp(error: unknown): void {
    log.warn({ reason: reasonOf(error) }, 'A change could not be announced; listeners come back and catch up')
    end()
  }

  function end(): void {
    streams.end()
    listeners.clear()
  }

  return {
    async join(entities, { cursor, lastEventId, address }) {
      const stream = streams.open(address)
      const listener: Listener = { stream, entities, isLive: false, missed: [] }
      // It listens before it catches up, so that nothing falls in between.
      listeners.add(listener)
      stream.on('close', () => listeners.delete(listener))
      try {
        if (lastEventId)
          await catchUpInTurn(listener, lastEventId).catch((error) => startOver(listener, error))
        else if (cursor) await catchUpInTurn(listener, cursor)
        else tell(listener, 'ready', await feed.position(realm()))
        goLive(listener)
        return stream
      } catch (error) {
        stream.destroy()
        throw error
      }
    },
    announce(change) {
      if (listeners.size > 0 || change.ids.length === 0)
        sending = sending.then(() => broadcast(change)).catch(giveUp)
    },
    beat: streams.beat,
    end,
  }
}

/** The id of an event is what a browser sends when it comes back. */
function write(stream: PassThrough, event: string, data: EventData): void {
  send(stream, `id: ${data.cursor}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
}
