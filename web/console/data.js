// What was read from QuickBooks: how much, how old, how far a refresh is, and what reads were spent.
import { ask, LONG_MS } from './api.js'
import { ago, byId, element, onPress, say, showAs } from './dom.js'
import { count, exactly, number, titleOf } from './words.js'

let runs = false
/** A refresh that was asked for here takes longer than its answer. */
let goesOn = false

export function showData(status, mayAct) {
  byId('data').hidden = !status.is_authenticated && status.last_updated === null
  const rows = Object.entries(status.entities).map(([name, { count, last_success, last_error }]) => {
    return { name, count, last_success, last_error, progress: status.refresh.progress[name] }
  })
  showAs('entities', rows, () => rows.map(row))
  for (const id of ['refresh', 'refresh-all']) byId(id).hidden = !mayAct || !status.is_authenticated
  showReads(status.reads)
  runs = status.refresh.running
  if (goesOn && !runs) say('refresh-result', 'The refresh has ended.')
  goesOn &&= runs
}

function row({ name, count: records, last_success: last, last_error: error, progress }) {
  const isRead = progress !== undefined && !progress.done
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, titleOf(name), isRead ? bar(name, progress) : null),
    element('td', { class: 'number' }, number.format(records)),
    element(
      'td',
      { class: error === null ? null : 'soon' },
      last === null ? 'not yet' : ago(last),
      error === null ? null : ' – not refreshed since, see above',
      last === null ? null : element('span', { class: 'hint exact' }, exactly(last)),
    ),
  )
}

function bar(name, { fetched, expected }) {
  const text =
    expected === null
      ? `${number.format(fetched)} read`
      : `${number.format(fetched)} of ${number.format(expected)} read`
  // Without a value it only says that something goes on.
  const known = expected === null ? {} : { value: Math.min(fetched, expected), max: Math.max(expected, 1) }
  return element(
    'span',
    { class: 'progress' },
    element('progress', { ...known, 'aria-label': `${titleOf(name)}: ${text}` }),
    ` ${text}`,
  )
}

const reasons = {
  full: 'for complete readings',
  changes: 'for looks for changes',
  webhook: 'for webhooks',
  admin: 'asked for here',
  test: 'to try the connection',
}

function showReads({ spent, budget, by_reason: by }) {
  const parts = Object.entries(by).map(
    ([reason, reads]) => `${number.format(reads)} ${reasons[reason] ?? reason}`,
  )
  const of = budget === null ? '' : ` of ${number.format(budget)} that you allow`
  const detail = parts.length === 0 ? '' : ` (${parts.join(', ')})`
  say('reads', `${count(spent, 'read')}${of}${detail}. Intuit counts them by the month (UTC).`)
  const meter = byId('budget')
  meter.hidden = budget === null
  if (budget === null) return
  meter.max = budget
  meter.high = budget * 0.8
  meter.value = spent
}

/** What the buttons do. */
export function listenToData() {
  onPress('refresh', 'refresh-result', () => refresh('api/cache/refresh?full=false'))
  onPress('refresh-all', 'refresh-result', () => refresh('api/cache/refresh'))
}

async function refresh(path) {
  goesOn = false
  const { entities } = await ask(path, { method: 'POST', patienceMs: LONG_MS })
  if (entities === undefined) {
    goesOn = runs
    return runs ? 'It takes longer and goes on; the table shows how far it is.' : 'The refresh has ended.'
  }
  const changes = Object.values(entities).reduce((sum, { changed, removed }) => sum + changed + removed, 0)
  return changes === 0
    ? 'Up to date: nothing had changed.'
    : `Up to date: ${count(changes, 'record')} had changed.`
}
