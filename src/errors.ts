// The one error type that crosses layers. Its message is written for the person who reads it:
// what happened, what was kept, what to do. It never carries a token, a secret or a QuickBooks record.

/** Whether trying again can help: not at all, after a while, or only after a person reconnects QuickBooks. */
export type Retry = 'never' | 'later' | 'reconnect'

/** What an `AppError` is made of. `status` is the HTTP status that a route answers with. */
export interface AppErrorInit {
  code: string
  status: number
  message: string
  retry?: Retry
  cause?: unknown
  /** Intuit's support id of the answer that caused this, from its `intuit_tid` header. */
  intuitTid?: string | undefined
  /** Seconds after which a caller may try again, when known. */
  retryAfterSeconds?: number | undefined
}

/** An expected failure with a stable `code`; anything else that is thrown is a bug and answered as 500. */
export class AppError extends Error {
  readonly code: string
  /** Named as Fastify names it, so that its error handling picks the status up. */
  readonly statusCode: number
  readonly retry: Retry
  readonly intuitTid: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(init: AppErrorInit) {
    super(init.message, { cause: init.cause })
    this.name = 'AppError'
    this.code = init.code
    this.statusCode = init.status
    this.retry = init.retry ?? 'never'
    this.intuitTid = init.intuitTid
    this.retryAfterSeconds = init.retryAfterSeconds
  }
}

/** Intuit refused the refresh token for good. */
export const reconnectRequired = (intuitTid?: string): AppError =>
  new AppError({
    code: 'RECONNECT_REQUIRED',
    status: 409,
    retry: 'reconnect',
    message:
      'QuickBooks refused the stored tokens: open /connect in a browser to connect again. The data at hand is kept and searchable.',
    intuitTid,
  })

/** Whether the database says that its file is damaged. */
export const saysDamaged = (error: unknown): boolean =>
  /^SQLITE_(CORRUPT|NOTADB)/.test(String((error as { code?: unknown }).code))

/**
 * A database server refused, or does not answer. A `conflict` with another process is over when the transaction begins
 * again; of what was `unreachable` nobody knows whether it was done. Neither statement nor values are in it.
 */
export class DatabaseError extends Error {
  override name = 'DatabaseError'
  readonly code: string
  readonly kind: 'conflict' | 'unreachable' | 'refused'

  constructor(code: string, kind: DatabaseError['kind'], message: string) {
    super(message)
    this.code = code
    this.kind = kind
  }
}

/** What the database refused, mostly because of its disk or the way to it; undefined when `error` is something else. */
export function databaseFault(error: unknown): AppError | undefined {
  const message = databaseMessage(error)
  if (message === undefined) return undefined
  return new AppError({ code: 'DATABASE_FAILED', status: 503, retry: 'later', message, cause: error })
}

/** A server that is known not to answer at present. */
export const databaseAway = (): AppError =>
  new AppError({
    code: 'DATABASE_FAILED',
    status: 503,
    retry: 'later',
    message:
      'The database at DB_HOST does not answer at present, so nothing was begun: it is tried again, and search goes on with the data at hand. Try again in a moment.',
    retryAfterSeconds: 5,
  })

/** What went wrong in a command, for the person who gave it; undefined when it is a bug. */
export function faultInWords(error: unknown): string | undefined {
  if (error instanceof DatabaseError)
    return `The database at DB_HOST cannot be used (${error.message}); what was committed before was kept. Check it, and what DB_USER is allowed to do.`
  const known = error instanceof ConfigError || error instanceof AppError ? error : databaseFault(error)
  return known?.message
}

function databaseMessage(error: unknown): string | undefined {
  if (error instanceof DatabaseError)
    return `The database at DB_HOST cannot be used (${error.message}): it is tried again. What was there before was kept, and search goes on with the data at hand.`
  const { code } = error as { code?: unknown }
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return undefined
  return saysDamaged(error)
    ? `The database is damaged (${reasonOf(error)}): start the service anew, which moves it aside, and check the disk under DATA_DIR.`
    : `The database cannot be used (${reasonOf(error)}): check the disk under DATA_DIR. What was there before was kept.`
}

/** This process does not act for all: another replica leads, or none does at the moment. */
export const notLeader = (): AppError =>
  new AppError({
    code: 'NOT_LEADER',
    status: 503,
    retry: 'later',
    message:
      'Another replica leads by now, so this one did nothing more; what was committed before was kept. Try again in a moment.',
    retryAfterSeconds: 2,
  })

/** Whether an error says that this process does not lead. */
export const isNotLeader = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'NOT_LEADER'

/** Work was ended because the service stops, or its company is being disconnected. */
export const stopped = (): AppError =>
  new AppError({
    code: 'STOPPING',
    status: 503,
    retry: 'later',
    message: 'This was stopped; every page read so far was kept. Try again in a moment.',
  })

/** Whether an error only says that work was ended on purpose. */
export const isStop = (error: unknown): boolean => error instanceof AppError && error.code === 'STOPPING'

/** A configuration that cannot work: printed as one line at start, before anything is opened. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/** The words of an unknown thrown value, for a message; never its stack. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
