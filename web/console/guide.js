// The first run: three steps from nothing to a connected company. Each is marked when it is done.
import { byId, element } from './dom.js'

export function showGuide(
  { connection_status: state, has_valid_config: isConfigured, last_updated: last, problems },
  redirectUri,
) {
  byId('guide').hidden = !['not_configured', 'not_authenticated'].includes(state) || last !== null
  mark('step-app', isConfigured)
  const areRefused = problems.some(({ code }) => code === 'OAUTH_CREDENTIALS_REFUSED')
  mark('step-credentials', isConfigured && !areRefused)
  if (redirectUri !== undefined) byId('redirect-uri').value = redirectUri
  byId('copy').hidden = redirectUri === undefined
}

function mark(id, isDone) {
  const title = byId(id).querySelector('h3')
  const tick = title.querySelector('.tick')
  if (!isDone) tick?.remove()
  else if (tick === null) title.append(element('span', { class: 'tick' }, ' – done'))
}

export function listenToGuide() {
  const button = byId('copy')
  button.addEventListener('click', async () => {
    const uri = byId('redirect-uri')
    try {
      await navigator.clipboard.writeText(uri.value)
      button.textContent = 'Copied'
    } catch {
      // Where the clipboard is not to be had, it is one key away.
      uri.select()
      button.textContent = 'Press Ctrl+C'
    }
  })
}
