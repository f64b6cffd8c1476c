// The console: follows the status, and lets an admin act. What a person may do is decided by the service, never here.
import { ask, followStatus, whenSignedOut } from './api.js'
import { listenToConnection, showConnection, showSilence } from './connection.js'
import { listenToData, showData } from './data.js'
import { byId, focusOn, notify, say, updateTimes } from './dom.js'
import { listenToGuide, showGuide } from './guide.js'
import { showProblems } from './problems.js'
import { forgetSearch, listenToSearch, lookAtIndexes } from './search.js'
import { connectError } from './words.js'

/** Undefined until the service has said who this browser is. */
let session
let status
/** What only an admin is told: the company, and the redirect URI. */
let account
let config
let knownState
let nextLook

/** The clock of this machine may be wrong, and must not make it ask without end. */
const SOONEST_LOOK_MS = 60_000
const AGAIN_MS = 5_000

function show() {
  if (status === undefined) return
  const focused = document.activeElement
  const mayAct = session?.signed_in === true
  byId('sign-in').hidden = session === undefined || mayAct
  byId('sign-out').hidden = !mayAct || !session.key_required
  byId('search').hidden = !mayAct || status.last_updated === null
  if (byId('search').hidden) forgetSearch()
  showGuide(status, config?.redirect_uri)
  showConnection(status, account, mayAct)
  showProblems(status)
  showData(status, mayAct)
  // What had the focus may be gone.
  if (!focused.checkVisibility()) focusOn('q', 'connect', 'key', 'sign-out')
}

/** Who this browser is may have changed: in another tab, with time, or because the service has other keys. */
async function lookAgain() {
  clearTimeout(nextLook)
  try {
    const next = await ask('api/session')
    if (session?.signed_in && !next.signed_in) return signedOut(next)
    if (session?.signed_in === false && next.signed_in) notify('')
    session = next
    await Promise.all([lookAtAccount(), lookAtIndexes()])
    if (session.expires_at === null) return
    const left = Date.parse(session.expires_at) - Date.now()
    nextLook = setTimeout(lookAgain, Math.max(left, SOONEST_LOOK_MS))
  } catch {
    // Its database may be away, or too much is asked of it.
    nextLook = setTimeout(lookAgain, AGAIN_MS)
  }
}

async function lookAtAccount() {
  ;[account, config] = session?.signed_in
    ? await Promise.all([ask('api/auth/status'), ask('api/config')])
    : [undefined, undefined]
  show()
}

function signedOut(next) {
  session = next
  notify('This browser is not signed in any more. Sign in again to go on.')
  void lookAtAccount()
  byId('key').focus()
}

function onStatus(next) {
  const wasSilent = status === undefined
  if (wasSilent || (next.is_authenticated && !status.is_authenticated)) forgetResults()
  status = next
  show()
  if (wasSilent || next.connection_status !== knownState) void lookAgain()
  knownState = next.connection_status
}

/** What a button said of the service, or of a connection, that was another one. */
function forgetResults() {
  for (const id of ['connection-result', 'refresh-result']) say(id, '')
}

function onSilence() {
  status = undefined
  showSilence()
  byId('state').dataset.state = 'silent'
  say('state', 'The service does not answer; trying again')
}

byId('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault()
  const key = byId('key')
  try {
    session = await ask('api/session', { method: 'POST', body: { key: key.value.trim() } })
    notify('')
    key.value = ''
    show()
    await lookAgain()
  } catch (error) {
    notify(error.message)
    key.focus()
  }
})

byId('sign-out').addEventListener('click', async () => {
  try {
    session = await ask('api/session', { method: 'DELETE' })
    await lookAtAccount()
  } catch (error) {
    notify(`You are still signed in. ${error.message}`)
  }
})

whenSignedOut(() => signedOut({ ...session, signed_in: false }))

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void lookAgain()
})

const problem = new URLSearchParams(location.search).get('connect_error')
if (problem !== null) {
  notify(connectError(problem))
  history.replaceState(null, '', location.pathname)
}

listenToConnection(() => void lookAgain())
listenToData()
listenToGuide()
listenToSearch()
followStatus(onStatus, onSilence)
// Ages grow while nothing happens.
setInterval(updateTimes, 15_000)
