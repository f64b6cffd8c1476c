// The page at `/`: shows the status and follows it. Everything is set as text, so no name can become markup.

const states = {
  not_configured:
    'Set QUICKBOOKS_CLIENT_ID and QUICKBOOKS_CLIENT_SECRET in .env (from your Intuit app), then start again.',
  not_authenticated: 'Ready to connect to QuickBooks.',
  authenticated_no_data: 'Connected. The first refresh is on its way.',
  connected: 'Connected.',
  reconnect_required: 'QuickBooks asks you to connect again. Search goes on with the data at hand.',
}

const problems = {
  OAUTH_STATE_INVALID:
    'That attempt was not started in this browser, or took longer than ten minutes. Please try again.',
  OAUTH_DENIED: 'Access was not granted at Intuit. You can try again at any time.',
  OAUTH_OTHER_COMPANY: 'Another QuickBooks company was chosen than the one this service belongs to.',
  OAUTH_COMPANY_REFUSED:
    'Intuit’s answer does not open the company that was chosen. Check QUICKBOOKS_ENVIRONMENT, and try again.',
  OAUTH_CODE_REFUSED: 'Intuit’s answer was used already or came too late. Please try again.',
  OAUTH_CREDENTIALS_REFUSED: 'Intuit refuses the client id and secret. Compare them with your Intuit app.',
}

const byId = (id) => document.getElementById(id)

const problem = new URLSearchParams(location.search).get('connect_error')
if (problem !== null) {
  byId('notice').textContent =
    problems[problem] ?? 'QuickBooks could not be connected; the log says why. Please try again.'
  byId('notice').hidden = false
  history.replaceState(null, '', '/')
}

async function update() {
  try {
    const answer = await fetch('/api/cache/status')
    if (!answer.ok) throw new Error(answer.statusText)
    show(await answer.json())
  } catch {
    byId('state').textContent = 'The service does not answer; trying again.'
  }
  setTimeout(update, 3000)
}

function show(status) {
  const running = status.refresh.running ? ' A refresh is running.' : ''
  byId('state').textContent = states[status.connection_status] + running
  byId('connect').hidden = !['not_authenticated', 'reconnect_required'].includes(status.connection_status)
  byId('entities').hidden = !status.is_authenticated && status.last_updated === null
  const rows = Object.entries(status.entities).map(([name, entity]) => {
    const row = document.createElement('tr')
    const last = entity.last_success === null ? 'never' : new Date(entity.last_success).toLocaleString()
    for (const text of [name, entity.count, last, entity.last_error ?? ''])
      row.insertCell().textContent = text
    return row
  })
  byId('entities').tBodies[0].replaceChildren(...rows)
}

void update()
