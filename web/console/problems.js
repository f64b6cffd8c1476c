// What needs attention: problems that the service noted, and states that a person should know of.
import { ago, byId, element, showAs } from './dom.js'
import { count, exactly, titleOf, problems as words } from './words.js'

export function showProblems(status) {
  const items = [...standing(status), ...noted(status)]
  byId('attention').hidden = items.length === 0
  showAs('problems', items, () => items.map(line))
}

/** What is so at present. */
function standing({ replica, quickbooks, reads, entities }) {
  const items = []
  const add = (what, todo) => items.push({ what, todo })
  if (!replica.is_database_reachable) add(...words.DATABASE_FAILED)
  if (quickbooks.circuit === 'open')
    add(
      'QuickBooks does not answer at present and is left alone for a moment.',
      quickbooks.retry_at ? `It is asked again at ${exactly(quickbooks.retry_at)}.` : null,
    )
  if (reads.is_spent) add(...words.READ_BUDGET_SPENT)
  for (const [name, { held_back_count: held, set_aside_count: aside }] of Object.entries(entities)) {
    if (held > 0)
      add(
        `${titleOf(name)}: ${words.QBO_DROP_HELD_BACK[0]} (${count(held, 'record')})`,
        words.QBO_DROP_HELD_BACK[1],
      )
    if (aside > 0)
      add(
        `${titleOf(name)}: ${count(aside, 'record')} could not be read and ${aside === 1 ? 'is' : 'are'} not found by searches.`,
        'Open and save them in QuickBooks; the log says which.',
      )
  }
  return items
}

/** Whether what a problem was about has worked since then. */
export const isSolved = ({ about, last_at: at }, { entities, is_authenticated: isConnected }) =>
  about === 'connection'
    ? isConnected
    : entities[about]?.last_error === null && entities[about].last_success > at

function noted(status) {
  const { problems, entities } = status
  const shown = problems.map((problem) => {
    const [what, todo] = words[problem.code] ?? [problem.message, null]
    const solved = isSolved(problem, status)
    const many =
      problem.count > 1 ? `${count(problem.count, 'time')} since ${exactly(problem.first_at)}` : null
    return {
      what: `${titleOf(problem.about)}: ${what}`,
      todo: solved ? 'It has worked again since then.' : todo,
      at: problem.last_at,
      many,
      detail: problem.message,
      solved,
    }
  })
  // From before the start of the service.
  for (const [name, { last_error: error, last_attempt: at }] of Object.entries(entities)) {
    if (error === null || problems.some(({ about }) => about === name)) continue
    shown.push({ what: `${titleOf(name)}: could not be refreshed.`, todo: null, at, detail: error })
  }
  return shown
}

const line = ({ what, todo, at = null, many = null, detail = null, solved = false }) =>
  element(
    'li',
    { class: solved ? 'solved' : null },
    element('strong', {}, what),
    at === null
      ? null
      : element(
          'span',
          { class: 'hint' },
          ' ',
          ago(at),
          ` (${exactly(at)})`,
          many === null ? '' : `, ${many}`,
        ),
    todo === null ? null : element('p', {}, todo),
    detail === null
      ? null
      : element(
          'details',
          {},
          element('summary', {}, 'What the service said'),
          element('p', { class: 'hint' }, detail),
        ),
  )
