// Keeps the connection alive. The invariants that nobody else may break:
// one refresh in flight however many callers; a rotated token is committed before it is used; a request whose
// outcome is unknown is not sent again at once; `invalid_grant` becomes `reconnect_required` only after re-reading the store.

import { AppError, DatabaseError, isNotLeader, notLeader, reasonOf, reconnectRequired } from '../../errors.ts'
import { type Clock, steady } from '../clock.ts'
import type { Lease } from '../lease/lease.ts'
import type { Log } from '../log.ts'
import type { Access } from '../qbo/client.ts'
import type { OAuthClient, TokenGrant } from '../qbo/oauth.ts'
import type { Keyring } from './keyring.ts'
import type { Connection, TokenStore } from './store.ts'

/** The living connection to one company. */
export interface TokenKeeper {
  /** What is known of the connection now; undefined when there is none. */
  connection(): Readonly<Connection> | undefined
  /** Which company to work for. @throws AppError NOT_CONNECTED or RECONNECT_REQUIRED */
  currentRealm(): string
  /** A token that is good for the next minutes. @throws AppError NOT_CONNECTED, RECONNECT_REQUIRED, or why no refresh worked. */
  access(): Promise<Access>
  /** Called when QuickBooks refused `rejected`: refreshes, unless that has happened already. */
  renew(rejected: string): Promise<Access>
  /**
   * Refreshes when the access token is about to expire, where this process leads, and writes what could not be written;
   * never throws, since a schedule calls it.
   */
  check(): Promise<void>
  /** Writes what could not be written; never throws. */
  flush(): Promise<void>
  /**
   * Takes up what is stored, which another process may have changed; false when it could not, because something is under
   * way here. @throws what reading it throws
   */
  reload(): Promise<boolean>
  /** How often the connection was ended since the start. */
  disconnects(): number
  /** Takes the tokens of a consent that was begun after so many `disconnects`. @throws AppError when there was another. */
  connect(realmId: string, grant: TokenGrant, disconnects?: number): Promise<void>
  /** Forgets the connection, here and at Intuit. `revoked` says whether Intuit confirmed it. */
  disconnect(): Promise<{ revoked: boolean }>
  /** Waits for what is under way, and writes tokens that the disk refused before. */
  close(): Promise<void>
}

/** Refresh this long before an access token expires, for clocks differ and a request takes time; at half of a short life. */
const REFRESH_MARGIN_MS = 5 * 60_000
/** An access token this close to its end is not used even when a refresh failed. */
const LAST_USE_MARGIN_MS = 30_000
/** After a refresh that failed nothing is sent for so long: its outcome is unknown, and it may still be at work. */
const HOLD_OFF_MS = 60_000
/** A request of an earlier life, which ended before its answer came, may be at work for so long. */
const EARLIER_HOLD_OFF_MS = 5_000
/** A process that was paused meanwhile may still come back with it, and write what nobody else knows. */
const PAUSED_HOLD_OFF_MS = 30_000
/** Meanwhile it is looked so often whether that has happened. */
const EARLIER_LOOK_MS = 1_000

/** Everything that the keeper needs of the outside. */
export interface TokenKeeperDeps {
  store: TokenStore
  lease: Lease
  oauth: OAuthClient
  keyring: Keyring
  clock: Clock
  log: Log
  /** Hears why the tokens could not be refreshed. */
  onFailure?(error: AppError): void
  /** Milliseconds between two checks: a token that would expire before the next one is refreshed now. */
  checkIntervalMs: number
}

/** Loads the stored connection. @throws ConfigError when it was sealed with another key. */
export async function createTokenKeeper(deps: TokenKeeperDeps): Promise<TokenKeeper> {
  const { store, lease, oauth, keyring, clock, log } = deps
  const earlierHoldOffMs = lease.isShared ? PAUSED_HOLD_OFF_MS : EARLIER_HOLD_OFF_MS
  const steadyNow = steady(clock)
  let current = await store.load()
  /** Tokens that Intuit gave and the disk refused: saved before anything else, never refreshed over. */
  let unsaved: { connection: Connection; former: string | undefined } | undefined
  let underWay = 0
  let inFlight: Promise<void> | undefined
  let last: Promise<unknown> = Promise.resolve()
  let lastFailure: { error: unknown; until: number } | undefined
  /** The access token that QuickBooks has refused last, whatever its time says. */
  let refused: string | undefined
  let disconnects = 0
  let earlierAskedAt: number | undefined
  let earlierNoted: number | undefined
  noteEarlier(current)

  const fresh = ({ refreshAt }: Connection) => refreshAt > clock.now()
  const usable = ({ accessToken, accessExpiresAt }: Connection) =>
    accessToken !== refused && accessExpiresAt - LAST_USE_MARGIN_MS > clock.now()
  const toAccess = ({ realmId, accessToken: token }: Connection): Access => ({ realmId, token })

  async function commit(connection: Connection): Promise<void> {
    unsaved = { connection, former: current?.refreshToken }
    try {
      await store.save(connection)
    } catch (cause) {
      if (!isNotLeader(cause)) throw notWritten(cause)
      return await rescue(unsaved)
    }
    current = connection
    unsaved = undefined
  }

  /** Tokens that could not be written when they came; others may have been, since. */
  async function rescue({ connection, former }: NonNullable<typeof unsaved>): Promise<void> {
    const isStored = await store.rescue(connection, former).catch((cause) => {
      throw notWritten(cause)
    })
    current = isStored ? connection : await loadStored(connection)
    unsaved = undefined
    if (!isStored)
      log.warn({ realm: connection.realm }, 'QuickBooks tokens given up: others were stored since they came')
  }

  /**
   * A disk that takes no tokens must not cost one: then Intuit is not asked for any. Answers whether `former` is what was
   * stored.
   */
  async function mustBeWritable(connection: Connection, former?: string): Promise<boolean> {
    return await store.reserve(connection, former).catch((cause) => {
      if (isNotLeader(cause)) throw cause
      log.error({ realm: connection.realm, reason: reasonOf(cause) }, 'QuickBooks tokens cannot be written')
      throw storeFailed(
        'The database cannot be written, so Intuit was asked for nothing. The stored tokens were kept',
        cause,
      )
    })
  }

  /** Another process, or a new key, may have changed what is stored; when it cannot be read, nothing is known. */
  async function loadStored({ realm }: Connection): Promise<Connection | undefined> {
    return await store.load().catch((cause) => {
      log.error({ realm, reason: reasonOf(cause) }, 'Stored QuickBooks tokens cannot be read')
      throw storeFailed(
        'The stored QuickBooks tokens could not be read, so that none were asked for or changed',
        cause,
      )
    })
  }

  /** Refresh, connect and disconnect never overlap: the later one sees what the earlier one left. */
  function exclusive<T>(task: () => Promise<T>): Promise<T> {
    underWay += 1
    const run = last.then(task).finally(() => {
      underWay -= 1
    })
    last = run.catch(() => undefined)
    return run
  }

  /** At most one in flight; every caller waits for it. Nothing is sent when `stale` has been replaced meanwhile. */
  function refresh(stale: string): Promise<void> {
    inFlight ??= exclusive(async () => {
      if (unsaved !== undefined || current?.accessToken === stale) await refreshOnce()
    }).finally(() => {
      inFlight = undefined
    })
    return inFlight
  }

  async function refreshOnce(): Promise<void> {
    if (unsaved !== undefined) return await rescue(unsaved)
    lease.mustBeHeld()
    const before = mustBeConnected(current)
    if (await othersAreStored(before)) return
    if (lastFailure !== undefined && steadyNow() < lastFailure.until) throw lastFailure.error
    if (await earlierBroughtOthers(before)) return
    const isStill = await mustBeWritable({ ...before, refreshAskedAt: clock.now() }, before.refreshToken)
    if (!isStill && (await othersAreStored(before))) return
    let grant: TokenGrant
    try {
      grant = await oauth.refresh(before.refreshToken)
    } catch (error) {
      await refreshFailed(before, error)
      throw error
    }
    const { refreshAskedAt: _, ...rest } = before
    await commit({ ...rest, ...timesOf(grant), state: 'connected' })
    log.info({ realm: before.realm, expiresInSeconds: grant.expiresIn }, 'QuickBooks tokens refreshed')
  }

  /** When it was asked by this machine's clock: that of another one may be ahead, or behind. */
  function noteEarlier(stored: Connection | undefined): void {
    const asked = stored?.refreshAskedAt
    if (asked === undefined) earlierAskedAt = undefined
    else if (!lease.isShared) earlierAskedAt = asked
    else if (asked !== earlierNoted) earlierAskedAt = clock.now()
    earlierNoted = asked
  }

  /** Takes them up. */
  async function othersAreStored(before: Connection): Promise<boolean> {
    const stored = await loadStored(before)
    if (stored === undefined || stored.refreshToken === before.refreshToken) return false
    current = stored
    return true
  }

  /** Two requests with one token at a time would cost the connection. Answers whether the earlier one was heard of again. */
  async function earlierBroughtOthers(before: Connection): Promise<boolean> {
    if (earlierAskedAt === undefined) return false
    let left = Math.min(Math.max(earlierAskedAt + earlierHoldOffMs - clock.now(), 0), earlierHoldOffMs)
    if (left > EARLIER_HOLD_OFF_MS && usable(before)) throw earlierUnderWay(left)
    for (; left > 0; left -= EARLIER_LOOK_MS) {
      await clock.sleep(Math.min(left, EARLIER_LOOK_MS))
      lease.mustBeHeld()
      if (await othersAreStored(before)) return true
    }
    earlierAskedAt = undefined
    return false
  }

  async function refreshFailed(before: Connection, error: unknown): Promise<void> {
    if (error instanceof AppError && error.retry === 'reconnect') {
      if (await othersAreStored(before)) return
      await commit({ ...before, state: 'reconnect_required' })
      log.error(
        { realm: before.realm, intuitTid: error.intuitTid },
        'QuickBooks refused the refresh token: a person must connect again at /connect. Search goes on with the data at hand.',
      )
      deps.onFailure?.(error)
      return
    }
    lastFailure = { error, until: steadyNow() + HOLD_OFF_MS }
    const known = error instanceof AppError ? error : undefined
    if (known !== undefined) deps.onFailure?.(known)
    const level = known?.retry === 'never' ? 'error' : 'warn'
    log[level](
      { realm: before.realm, intuitTid: known?.intuitTid, reason: reasonOf(error) },
      'QuickBooks tokens not refreshed, trying again later',
    )
  }

  function timesOf(grant: TokenGrant) {
    const now = clock.now()
    return {
      accessToken: grant.accessToken,
      refreshToken: grant.refreshToken,
      accessExpiresAt: now + grant.expiresIn * 1000,
      refreshAt: now + Math.max(grant.expiresIn * 1000 - REFRESH_MARGIN_MS, (grant.expiresIn * 1000) / 2),
      refreshExpiresAt: now + grant.refreshExpiresIn * 1000,
      ...(grant.hardExpiresIn === undefined ? {} : { consentExpiresAt: now + grant.hardExpiresIn * 1000 }),
    }
  }

  async function flush(): Promise<void> {
    if (unsaved === undefined) return
    await refresh('').catch((error) =>
      log.error({ reason: reasonOf(error) }, 'QuickBooks tokens not written'),
    )
  }

  async function access(): Promise<Access> {
    if (unsaved !== undefined) await refresh('')
    const held = mustBeConnected(current)
    if (fresh(held)) return toAccess(held)
    try {
      await refresh(held.accessToken)
    } catch (error) {
      const left = mustBeConnected(current)
      if (usable(left)) return toAccess(left)
      throw error
    }
    return toAccess(mustBeConnected(current))
  }

  return {
    connection: () => current,
    currentRealm: () => mustBeConnected(current).realm,
    access,

    async renew(rejected) {
      mustBeConnected(current)
      refused = rejected
      await refresh(rejected)
      return toAccess(mustBeConnected(current))
    },

    async reload() {
      if (underWay > 0 || unsaved !== undefined) return false
      const stored = await store.load()
      if (underWay > 0) return false
      current = stored
      noteEarlier(stored)
      return true
    },

    flush,

    async check() {
      if (unsaved !== undefined) return await flush()
      if (!lease.isHeld() || current === undefined || current.state === 'reconnect_required') return
      if (current.refreshAt - deps.checkIntervalMs > clock.now()) return
      // What failed was logged where it failed.
      await refresh(current.accessToken).catch(() => undefined)
    },

    disconnects: () => disconnects,

    connect: (realmId, grant, after = disconnects) =>
      exclusive(async () => {
        if (after !== disconnects) throw disconnectedMeanwhile()
        if (current !== undefined && current.realmId !== realmId) throw otherCompany()
        // A company keeps its name, whichever key is in use by now.
        const realm = current?.realm ?? keyring.current().hash(realmId)
        const connectedAt = clock.now()
        const consentExpiresAt = connectedAt + FIVE_YEARS_MS
        await commit({ realm, realmId, consentExpiresAt, ...timesOf(grant), connectedAt, state: 'connected' })
        if (current?.refreshToken !== grant.refreshToken) throw notLeader()
        lastFailure = undefined
        log.info({ realm }, 'QuickBooks connected')
      }),

    disconnect: () =>
      exclusive(async () => {
        const former = unsaved?.connection ?? current
        if (former !== undefined && !(await mustBeWritable(former, current?.refreshToken)))
          throw changedMeanwhile()
        disconnects += 1
        if (former === undefined) return { revoked: false }
        const revoked = await revoke(former)
        await store.clear()
        current = undefined
        unsaved = undefined
        log.info({ realm: former.realm, revoked }, 'QuickBooks disconnected')
        return { revoked }
      }),

    close: () =>
      exclusive(async () => {
        if (unsaved !== undefined) await rescue(unsaved)
      }).catch((error) =>
        log.error({ reason: reasonOf(error) }, 'QuickBooks tokens not written, they are lost'),
      ),
  }

  async function revoke({ realm, refreshToken }: Connection): Promise<boolean> {
    try {
      await oauth.revoke(refreshToken)
      return true
    } catch (error) {
      // Its words are about tokens that are kept.
      const { code, intuitTid } = error as Partial<AppError>
      log.warn({ realm, code, intuitTid }, 'QuickBooks tokens not revoked at Intuit')
      return false
    }
  }
}

const FIVE_YEARS_MS = 5 * 365 * 86_400_000

function mustBeConnected(connection: Connection | undefined): Connection {
  if (connection === undefined) {
    throw new AppError({
      code: 'NOT_CONNECTED',
      status: 409,
      retry: 'reconnect',
      message: 'QuickBooks is not connected: open /connect in a browser.',
    })
  }
  if (connection.state === 'reconnect_required') throw reconnectRequired()
  return connection
}

/** Another company than the one that this service belongs to was chosen at Intuit. */
export const otherCompany = () =>
  new AppError({
    code: 'OAUTH_OTHER_COMPANY',
    status: 409,
    message:
      'Another QuickBooks company was chosen than the one this service belongs to (realmId): choose that one, or disconnect it first and check QUICKBOOKS_COMPANY_ID. The connection was not changed.',
  })

const changedMeanwhile = () =>
  new AppError({
    code: 'TOKENS_CHANGED',
    status: 503,
    retry: 'later',
    message:
      'Another replica has stored new QuickBooks tokens just now, so nothing was disconnected: try again in a moment.',
    retryAfterSeconds: 2,
  })

const disconnectedMeanwhile = () =>
  new AppError({
    code: 'DISCONNECTED_MEANWHILE',
    status: 409,
    message:
      'QuickBooks was disconnected while it was being connected: open /connect again if you want it connected.',
  })

const notWritten = (cause: unknown) =>
  storeFailed(
    'The new QuickBooks tokens could not be written to the database. They are held and written as soon as it works',
    cause,
  )

const storeFailed = (what: string, cause: unknown) =>
  new AppError({
    code: 'TOKEN_STORE_FAILED',
    status: 503,
    retry: 'later',
    message: `${what}: ${cause instanceof DatabaseError ? `check the database at DB_HOST (${cause.message})` : 'check the disk under DATA_DIR'}.`,
    cause,
  })

const earlierUnderWay = (leftMs: number) =>
  new AppError({
    code: 'REFRESH_UNDER_WAY',
    status: 503,
    retry: 'later',
    message:
      'Another replica asked Intuit for new tokens and was not heard of since; as long as the present ones are good, it has a moment to come back. They were kept.',
    retryAfterSeconds: Math.ceil(leftMs / 1000),
  })
