// What the console asks of the service. A browser that has signed in is known by a cookie that no script can read.

/** An answer that is no success: `message` is for the person. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message)
    this.status = status
    this.code = code
  }
}

const onSignedOut = new Set()

/** Calls `listener` when an answer says that this browser is not signed in any more. */
export const whenSignedOut = (listener) => onSignedOut.add(listener)

/** Asks, and answers the JSON. @throws Refused, or the AbortError of `signal`. */
export async function ask(path, { method = 'GET', body, signal } = {}) {
  let answer
  try {
    answer = await fetch(path, {
      method,
      signal,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
  } catch (error) {
    if (error.name === 'AbortError') throw error
    throw new Refused(0, 'UNREACHABLE', 'The service does not answer. Try again in a moment.')
  }
  const json = await answer.json().catch(() => ({}))
  if (answer.ok) return json
  if (answer.status === 401 && path !== 'api/session') for (const listener of onSignedOut) listener()
  throw new Refused(answer.status, json.code, json.message ?? `The service answered ${answer.status}.`)
}

/**
 * Follows the status: `onStatus` hears each one, `onSilence` when the service does not answer. Only while somebody looks:
 * a browser has six connections to a host, and tabs that are out of sight would take them from the one in sight.
 */
export function followStatus(onStatus, onSilence) {
  let source
  let again

  function open() {
    const opened = new EventSource('api/cache/status/events')
    source = opened
    opened.addEventListener('status', ({ data }) => onStatus(JSON.parse(data)))
    opened.addEventListener('error', () => {
      if (opened.readyState !== EventSource.CLOSED) return onSilence()
      // A browser does not come back by itself to one that has refused it, such as one that too many follow.
      again = setTimeout(follow, 5_000)
      ask('api/cache/status').then(onStatus, onSilence)
    })
  }

  function follow() {
    clearTimeout(again)
    source?.close()
    if (!document.hidden) open()
  }

  document.addEventListener('visibilitychange', follow)
  follow()
}
