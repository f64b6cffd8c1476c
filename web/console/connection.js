// The connection to QuickBooks: its state, how long it lasts, and what a person can do about it.
import { ask, LONG_MS } from './api.js'
import { byId, element, fromNowOn, onPress, say, showAs } from './dom.js'
import { isSolved } from './problems.js'
import { dayOf, daysUntil, exactly, mendedByConnecting, states } from './words.js'

/** Days before an end at which a person should know. */
const SOON = { token: 14, consent: 60 }

/** `mayAct`: this browser may do what an admin may. */
export function showConnection(status, account, mayAct) {
  const state = status.connection_status
  const [word, words] = states[state]
  byId('state').dataset.state = state
  say('state', word)
  say('connection-words', words)
  const { refresh_token_expires_at: token, consent_expires_at: consent } = status
  const isAlive = state !== 'reconnect_required'
  showAs('connection', [isAlive, token, consent, account], () => facts(isAlive, token, consent, account))
  const isAsked = status.problems.some(
    (one) => mendedByConnecting.includes(one.code) && !isSolved(one, status),
  )
  const canConnect = state === 'not_authenticated' || !isAlive || (status.is_authenticated && isAsked)
  byId('connect').hidden = !mayAct || !canConnect
  byId('connect').textContent = isAlive ? 'Connect to QuickBooks' : 'Reconnect to QuickBooks'
  byId('test').hidden = !mayAct || !status.is_authenticated
  byId('disconnect').hidden = !mayAct || ['not_configured', 'not_authenticated'].includes(state)
}

/** While the service does not answer. */
export const showSilence = () => say('connection-words', 'What stands here is what the service said last.')

function facts(isAlive, token, consent, account) {
  if (token === null) return []
  return [
    ...(account?.company_id ? fact('Company id', [account.company_id]) : []),
    ...(account?.connected_at ? fact('Connected since', [exactly(account.connected_at)]) : []),
    // What has ended ends no more.
    ...(isAlive ? ends(token, consent) : []),
  ]
}

function ends(token, consent) {
  return [
    ...fact(
      'Would end by itself',
      [`${dayOf(token)} (`, fromNowOn(token), '), if the service never ran until then'],
      daysUntil(token) < SOON.token,
    ),
    ...fact(
      'You agree again by',
      [`${dayOf(consent)} (`, fromNowOn(consent), '): Intuit asks every five years'],
      daysUntil(consent) < SOON.consent,
    ),
  ]
}

const fact = (name, parts, isSoon = false) => [
  element('dt', {}, name),
  element('dd', { class: isSoon ? 'soon' : null }, ...parts),
]

/** What the buttons do. `changed` is called when the connection is another one. */
export function listenToConnection(changed) {
  onPress('test', 'connection-result', async () => {
    const { company_name: name } = await ask('api/test', { patienceMs: LONG_MS })
    return `QuickBooks answers: ${name}.`
  })
  onPress('disconnect', 'connection-result', async () => {
    if (!(await confirmed())) return ''
    const { message } = await ask('api/disconnect', { method: 'POST', patienceMs: LONG_MS })
    changed()
    return `${message}.`
  })
}

function confirmed() {
  const dialog = byId('confirm')
  dialog.returnValue = 'no'
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true })
  })
}
