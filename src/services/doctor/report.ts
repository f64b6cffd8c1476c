// What was found, for a person on a terminal, in a file or a mail: it says in words what it says in signs.

import type { Line } from './check.ts'

const SIGNS = { ok: '✓', warn: '!', fail: '✗', skip: '–' } as const

/** One line for each check, then what to do, in order. */
export function reportOf(lines: readonly Line[]): string {
  const width = Math.max(...lines.map(({ name }) => name.length))
  const found = lines.map(
    ({ level, name, text }) => `${SIGNS[level]} ${level.padEnd(4)}  ${name.padEnd(width)}  ${text}`,
  )
  const todos = [...new Set(lines.flatMap(({ todo }) => (todo === undefined ? [] : [todo])))]
  const steps =
    todos.length === 0
      ? ['There is nothing to do.']
      : ['What to do, in order:', ...todos.map((todo, i) => `${i + 1}. ${todo}`)]
  return `${[...found, '', ...steps].join('\n')}\n`
}
