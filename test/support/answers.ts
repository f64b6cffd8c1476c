// A test's hand between an answer of QuickBooks and what the service does with it.
import type { FastifyInstance } from 'fastify'

/** Awaits `act` after each answer to a read, before the service gets it; `asked` is the statement, or `cdc`. */
export function afterEachAnswer(app: FastifyInstance, act: (asked: string) => unknown): void {
  const { qbo } = app
  const { reader } = qbo
  qbo.reader = (...why) => {
    const { query, count, changes } = reader(...why)
    const then = async <T>(asked: string, answering: Promise<T>): Promise<T> => {
      const answer = await answering
      await act(asked)
      return answer
    }
    return {
      query: (entity, statement, signal) => then(statement, query(entity, statement, signal)),
      count: (entity, statement) => then(statement, count(entity, statement)),
      changes: (entities, since) => then('cdc', changes(entities, since)),
    }
  }
}
