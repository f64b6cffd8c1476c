// What needs attention: problems that the service noted, and states that a person should know of.
import { byId, element } from './dom.js'
import { count, exactly, fromNow, titleOf, problems as words } from './words.js'

export function showProblems(status) {
  const items = [...standing(status), ...noted(status)]
  byId('attention').hidden = items.length === 0
  byId('problems').replaceChildren(...items)
}

/** What is so at present. */
function standing({ replica, quickbooks, reads, entities }) {
  const items = []
  const add = (what, todo) => items.push(item({ what, todo }))
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

function noted({ problems, entities, is_authenticated: isConnected }) {
  const isSolved = ({ about, last_at: at }) =>
    about === 'connection'
      ? isConnected
      : entities[about]?.last_error === null && entities[about].last_success > at
  const shown = problems.map((problem) => {
    const [what, todo] = words[problem.code] ?? [problem.message, null]
    const solved = isSolved(problem)
    return item({
      what: `${titleOf(problem.about)}: ${what}`,
      todo: solved ? 'It has worked again since then.' : todo,
      when: `${fromNow(problem.last_at)}${problem.count > 1 ? `, ${count(problem.count, 'time')} since ${exactly(problem.first_at)}` : ''}`,
      detail: problem.message,
      solved,
    })
  })
  // From before the start of the service.
  for (const [name, { last_error: error, last_attempt: at }] of Object.entries(entities)) {
    if (error === null || problems.some(({ about }) => about === name)) continue
    shown.push(
      item({
        what: `${titleOf(name)}: could not be refreshed.`,
        todo: null,
        when: at && fromNow(at),
        detail: error,
      }),
    )
  }
  return shown
}

const item = ({ what, todo, when = null, detail = null, solved = false }) =>
  element(
    'li',
    { class: solved ? 'solved' : null },
    element('strong', {}, what),
    when === null ? null : element('span', { class: 'hint' }, ` ${when}`),
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
