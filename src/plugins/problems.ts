// What went wrong lately.
import fp from 'fastify-plugin'
import type { Clock } from '../services/clock.ts'
import { createProblems, type Problems } from '../services/problems/problems.ts'

declare module 'fastify' {
  interface FastifyInstance {
    problems: Problems
  }
}

/** None at the start. */
export default fp<{ clock: Clock }>(
  async (app, { clock }) => app.decorate('problems', createProblems({ clock })),
  { name: 'problems' },
)
