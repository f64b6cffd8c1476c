// A test's hand between an answer of QuickBooks and what the service does with it.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'

/**
 * Awaits `act` after each answer to a read, before the service gets it. `asked` is the statement, or `cdc`; the list of
 * a query's rows may be changed, and each row.
 */
export function afterEachAnswer(
  app: FastifyInstance,
  act: (asked: string, rows: unknown[]) => unknown,
): void {
  const { qbo } = app
  const { reader } = qbo
  qbo.reader = (...why) => {
    const { query, count, changes } = reader(...why)
    return {
      async query(entity, statement, options) {
        const answer = await query(entity, statement, options)
        await act(statement, answer.rows)
        return answer
      },
      async count(entity, statement) {
        const answer = await count(entity, statement)
        await act(statement, [])
        return answer
      },
      async changes(entities, since) {
        const answer = await changes(entities, since)
        await act('cdc', [...answer.rows.values()].flat())
        return answer
      },
    }
  }
}

/** Keeps every answer back until `release`; `asked` resolves when there is one. */
export function holdAnswers(app: FastifyInstance): { asked: Promise<void>; release(): void } {
  const asked = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  afterEachAnswer(app, () => {
    asked.resolve()
    return released.promise
  })
  return { asked: asked.promise, release: released.resolve }
}

/**
 * Whether a read of QuickBooks is between its start and its answer. The limits count when reads arrive: a clock that
 * leaps meanwhile puts them where no network would. `stop` ends the watch.
 */
export function watchReads(): { onTheWay(): boolean; stop(): void } {
  const reads = new Set<unknown>()
  type Message = { request: { path: string } }
  const begins = (message: unknown) => {
    const { request } = message as Message
    if (request.path.startsWith('/v3/')) reads.add(request)
  }
  const ends = (message: unknown) => reads.delete((message as Message).request)
  const heard = [
    ['undici:request:create', begins],
    ['undici:request:trailers', ends],
    ['undici:request:error', ends],
  ] as const
  for (const [channel, hear] of heard) subscribe(channel, hear)
  return {
    onTheWay: () => reads.size > 0,
    stop() {
      for (const [channel, hear] of heard) unsubscribe(channel, hear)
    },
  }
}
