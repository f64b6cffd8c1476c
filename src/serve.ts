// Starts the service from the environment, and stops it with grace. What cannot work is said in one line.

import closeWithGrace from 'close-with-grace'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { buildApp } from './app.ts'
import { type Config, loadConfig } from './config.ts'
import { ConfigError, faultInWords, reasonOf } from './errors.ts'

/** Longest time that a stop may take, in milliseconds. */
const STOP_MS = 9_000
/** Clients that ask at least so often leave on their own when it stops. */
const DRAIN_MS = 1_000
/** A terminal's Ctrl-C and systemd signal all of `npm start`, and npm hands its own on: that is one wish, heard twice. */
const ECHO_MS = 500

let app: FastifyInstance | undefined
// Before anything else: the first process of a container hears no signal that it does not ask for.
const logger = { error: (what: unknown) => (app === undefined ? console.error(what) : app.log.error(what)) }
const wishes: ('SIGINT' | 'SIGTERM')[] = ['SIGINT', 'SIGTERM']
let stoppingSince: number | undefined
let heard: NodeJS.Signals | undefined
const options = { delay: STOP_MS, logger, skip: wishes }
const { close } = closeWithGrace(options, async ({ signal = heard, err }) => {
  stoppingSince ??= performance.now()
  if (err && app === undefined) console.error(err)
  else if (err) app?.log.fatal({ err }, 'Stopping after an unexpected error')
  else app?.log.info({ signal }, 'Stopping')
  await app?.close()
})
for (const signal of wishes) {
  process.on(signal, () => {
    if (stoppingSince === undefined) {
      heard = signal
      close()
    } else if (performance.now() - stoppingSince > ECHO_MS) {
      logger.error(`second ${signal}, exiting`)
      process.exit(1)
    }
  })
}

try {
  const advice: string[] = []
  const config = await loadConfig(process.env, undefined, (line) => advice.push(line))
  app = await buildApp(config, { logger: loggerOf(config), drainMs: DRAIN_MS })
  for (const line of advice) app.log.warn(line)
  if (config.ADMIN_API_KEY === undefined) {
    app.log.warn('ADMIN_API_KEY is not set: whoever can reach this address may do everything')
  }
  await app.listen({ port: config.PORT, host: config.HOST }).catch((error) => {
    throw new ConfigError(`PORT, HOST: cannot listen on ${config.HOST}:${config.PORT} (${reasonOf(error)}).`)
  })
} catch (error) {
  const fault = faultInWords(error)
  if (fault === undefined) throw error
  process.stderr.write(`mrp-backend cannot start. ${fault}\n`)
  process.exit(1)
}

function loggerOf({ NODE_ENV, LOG_LEVEL }: Config): FastifyServerOptions['logger'] {
  const development = NODE_ENV === 'development'
  const level = LOG_LEVEL ?? (development ? 'debug' : 'info')
  return development ? { level, transport: { target: 'pino-pretty' } } : { level }
}
