// What went wrong lately, for the person in the shop who wants to know: each kind of problem once, with how often and when.
// It is told by the status, and forgotten at a restart; the log has all of it.

import type { AppError } from '../../errors.ts'
import type { Clock } from '../clock.ts'

/** A problem, however often it came. Times are epoch milliseconds. */
export interface Problem {
  /** Of the AppError. */
  code: string
  /** What it was about: an entity, or `connection`. */
  about: string
  /** Of the last time. */
  message: string
  count: number
  firstAt: number
  lastAt: number
}

/** The problems of this process since its start. */
export interface Problems {
  note(about: string, error: AppError): void
  /** The latest first. */
  list(): Problem[]
}

/** A person reads no more, and other replicas are told all of them with each renewal of the lead. */
const MOST = 10

/** None at first. */
export function createProblems({ clock }: { clock: Clock }): Problems {
  const problems = new Map<string, Problem>()
  return {
    note(about, { code, message }) {
      const key = `${about} ${code}`
      const lastAt = clock.now()
      const { count = 0, firstAt = lastAt } = problems.get(key) ?? {}
      // The latest stands last.
      problems.delete(key)
      problems.set(key, { code, about, message, count: count + 1, firstAt, lastAt })
      const [oldest = key] = problems.keys()
      if (problems.size > MOST) problems.delete(oldest)
    },
    list: () => [...problems.values()].reverse(),
  }
}
