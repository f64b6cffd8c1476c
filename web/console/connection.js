// The connection to QuickBooks: its state, how long it lasts, and what a person can do about it.
import { ask } from './api.js'
import { ago, byId, element, onPress, say, showAs } from './dom.js'
import { dayOf, daysUntil, exactly, states } from './words.js'

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
  showAs('connection', [token, consent, account], () => facts(token, consent, account))
  const canConnect = ['not_authenticated', 'reconnect_required'].includes(state)
  byId('connect').hidden = !mayAct || !canConnect
  byId('connect').textContent =
    state === 'reconnect_required' ? 'Reconnect to QuickBooks' : 'Connect to QuickBooks'
  byId('test').hidden = !mayAct || !status.is_authenticated
  byId('disconnect').hidden = !mayAct || ['not_configured', 'not_authenticated'].includes(state)
}

function facts(token, consent, account) {
  if (token === null) return []
  return [
    ...(account?.company_id ? fact('Company id', [account.company_id]) : []),
    ...(account?.connected_at ? fact('Connected since', [exactly(account.connected_at)]) : []),
    ...fact(
      'Would end by itself',
      [`${dayOf(token)} (`, ago(token), '), if the service never ran until then'],
      daysUntil(token) < SOON.token,
    ),
    ...fact(
      'You agree again by',
      [`${dayOf(consent)} (`, ago(consent), '): Intuit asks every five years'],
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
    const { company_name: name } = await ask('api/test')
    return `QuickBooks answers: ${name}.`
  })
  onPress('disconnect', 'connection-result', async () => {
    if (!(await confirmed())) return ''
    const { message } = await ask('api/disconnect', { method: 'POST' })
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
