// The console: follows the status, and lets an admin act. What a person may do is decided by the service, never here.
import { ask, followStatus, whenSignedOut } from './api.js'
import { listenToConnection, showConnection } from './connection.js'
import { listenToData, showData } from './data.js'
import { byId, notify, say, updateTimes } from './dom.js'
import { listenToGuide, showGuide } from './guide.js'
import { showProblems } from './problems.js'
import { listenToSearch } from './search.js'
import { connectErrors } from './words.js'

let session = { key_required: true, signed_in: false, expires_at: null }
let status
/** What only an admin is told: the company, and the redirect URI. */
let account
let config
let knownState

function show() {
  if (status === undefined) return
  const mayAct = session.signed_in
  byId('sign-in').hidden = mayAct
  byId('sign-out').hidden = !mayAct || !session.key_required
  byId('search').hidden = !mayAct || status.last_updated === null
  showGuide(status, config?.redirect_uri)
  showConnection(status, account, mayAct)
  showProblems(status)
  showData(status, mayAct)
}

async function lookAtSession() {
  session = await ask('api/session')
  await lookAtAccount()
}

async function lookAtAccount() {
  ;[account, config] = session.signed_in
    ? await Promise.all([ask('api/auth/status'), ask('api/config')])
    : [undefined, undefined]
  show()
}

/** The service may be another one than before: started anew, with other keys. */
const lookAgain = () => lookAtSession().catch(() => undefined)

function onStatus(next) {
  const wasSilent = status === undefined
  status = next
  show()
  if (wasSilent) void lookAgain()
  else if (next.connection_status !== knownState) void lookAtAccount().catch(() => undefined)
  knownState = next.connection_status
}

function onSilence() {
  status = undefined
  byId('state').dataset.state = 'silent'
  say('state', 'The service does not answer; trying again')
}

byId('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault()
  const key = byId('key')
  try {
    session = await ask('api/session', { method: 'POST', body: { key: key.value } })
    notify('')
    key.value = ''
    await lookAtAccount()
  } catch (error) {
    notify(error.message)
    key.focus()
  }
})

byId('sign-out').addEventListener('click', async () => {
  session = await ask('api/session', { method: 'DELETE' }).catch(() => session)
  await lookAtAccount()
})

whenSignedOut(() => {
  session = { ...session, signed_in: false }
  notify('You were signed in for an hour. Sign in again to go on.')
  show()
  byId('key').focus()
})

const problem = new URLSearchParams(location.search).get('connect_error')
if (problem !== null) {
  notify(connectErrors[problem] ?? 'QuickBooks could not be connected; the log says why. Please try again.')
  history.replaceState(null, '', location.pathname)
}

listenToConnection(() => void lookAtAccount())
listenToData()
listenToGuide()
void listenToSearch()
followStatus(onStatus, onSilence)
// Ages grow while nothing happens.
setInterval(updateTimes, 15_000)
