// A test's hand between an answer of QuickBooks and what the service does with it.
import type { FastifyInstance } from 'fastify'

/**
 * Awaits `act` after each answer to a read, before the service gets it. `asked` is the statement, or `cdc`; the rows of a
 * query may be changed.
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
        await act('cdc', [])
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
