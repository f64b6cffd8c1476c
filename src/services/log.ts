// What a service asks of a logger: pino's shape, so that Fastify's own fits, without knowing either.

type Write = (fields: object, message: string) => void

/** Levels: error = a person must act; warn = heals by itself; info = one line per run; debug = each step. */
export interface Log {
  error: Write
  warn: Write
  info: Write
  debug: Write
}
