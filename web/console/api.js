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

const PATIENCE_MS = 10_000
/** What waits for QuickBooks is answered after 25 s at the latest. */
export const LONG_MS = 40_000
/** Streams may be cut off without a word; what keeps them open is not told to scripts. */
const QUIET_MS = 15_000
const LOOK_PATIENCE_MS = 5_000
const AGAIN_MS = 5_000

/** Asks, and answers the JSON. @throws Refused, or the AbortError of `signal`. */
export async function ask(path, { method = 'GET', body, signal, patienceMs = PATIENCE_MS } = {}) {
  const patience = new AbortController()
  setTimeout(() => patience.abort(), patienceMs)
  let answer
  let json
  try {
    answer = await fetch(path, {
      method,
      signal: AbortSignal.any([patience.signal, ...(signal ? [signal] : [])]),
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    json = await answer.json().catch((error) => {
      if (!(error instanceof SyntaxError)) throw error
      return {}
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Refused(0, 'UNREACHABLE', 'The service does not answer. Try again in a moment.')
  }
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
  let next

  function open() {
    const opened = new EventSource('api/cache/status/events')
    source = opened
    later(look, QUIET_MS)
    opened.addEventListener('status', ({ data }) => {
      later(look, QUIET_MS)
      onStatus(JSON.parse(data))
    })
    opened.addEventListener('error', () => {
      // A browser does not come back by itself to one that has refused it, such as one that too many follow.
      if (opened.readyState === EventSource.CLOSED) void look(follow, AGAIN_MS)
      else onSilence()
    })
  }

  function later(what, ms) {
    clearTimeout(next)
    next = setTimeout(what, ms)
  }

  /** Asks instead of listening. */
  async function look(then = look, ms = QUIET_MS) {
    later(then, ms)
    try {
      onStatus(await ask('api/cache/status', { patienceMs: LOOK_PATIENCE_MS }))
    } catch {
      onSilence()
      later(follow, AGAIN_MS)
    }
  }

  function follow() {
    clearTimeout(next)
    source?.close()
    if (!document.hidden) open()
  }

  document.addEventListener('visibilitychange', follow)
  follow()
}
