// `npm run copy-store -- --from sqlite:DIR --to mysql`, or the other way round: moves the connection and the cache while
// nobody serves from either. `mysql` is what DB_* say. Tokens are sealed with SECRET_KEY where they go.

import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Config, databaseOf, loadConfig } from './config.ts'
import { ConfigError, faultInWords, reasonOf } from './errors.ts'
import { systemClock } from './services/clock.ts'
import { copyStore, type Outcome } from './services/copy/copy.ts'
import { hold } from './services/copy/hold.ts'
import { type DatabasePlace, nameOf } from './services/database/open.ts'
import { mustBeThere } from './services/database/sqlite.ts'
import { createInstalledKey } from './services/tokens/installed-key.ts'
import { createKeyring, type Keyring } from './services/tokens/keyring.ts'

const USAGE = 'npm run copy-store -- --from sqlite:DIR --to mysql, or --from mysql --to sqlite:DIR'

try {
  const { from, to } = given()
  const config = await loadConfig(process.env)
  const [source, target] = [placeOf(from, config), placeOf(to, config)]
  const outcome = await copied(config, source, target)
  process.stdout.write(`${told(outcome, nameOf(source), nameOf(target))}\n`)
  if (outcome.kind === 'unfinished') process.exitCode = 1
} catch (error) {
  const fault = faultInWords(error)
  if (fault === undefined) throw error
  process.stderr.write(`The store was not copied. ${fault}\n`)
  process.exit(1)
}

function given(): { from: string; to: string } {
  try {
    const { from = '', to = '' } = parseArgs({
      options: { from: { type: 'string' }, to: { type: 'string' } },
    }).values
    const kinds = [from, to].map((one) => (/^sqlite:./.test(one) ? 'sqlite' : one)).sort()
    if (kinds.join(' ') === 'mysql sqlite') return { from, to }
  } catch (error) {
    throw new ConfigError(`${reasonOf(error)} Usage: ${USAGE}.`)
  }
  throw new ConfigError(`Usage: ${USAGE}.`)
}

function placeOf(side: string, config: Config): DatabasePlace {
  if (side !== 'mysql') return { dataDir: side.slice('sqlite:'.length), server: undefined }
  const place = databaseOf(config)
  if (place.server === undefined)
    throw new ConfigError('DB_HOST is missing: mysql is the server that it names.')
  return place
}

async function copied(config: Config, from: DatabasePlace, to: DatabasePlace): Promise<Outcome> {
  if (from.server === undefined) mustBeThere(from.dataDir)
  const source = await hold(from, systemClock)
  try {
    const target = await hold(to, systemClock)
    try {
      return await copyStore(
        { ...source, keyring: keyringOf(config, from) },
        { ...target, keyring: keyringOf(config, undefined) },
        systemClock,
      )
    } finally {
      await target.close().catch(leftOpen(target.name))
    }
  } finally {
    await source.close().catch(leftOpen(source.name))
  }
}

/** What was copied stays so. */
function leftOpen(name: string) {
  return (error: unknown) => {
    process.stderr.write(
      `${name} could not be let go of (${reasonOf(error)}); it is free again in a minute.\n`,
    )
  }
}

/** What is sealed with the key that a folder has of its own can be opened where it comes from, and nowhere else. */
function keyringOf(config: Config, source: DatabasePlace | undefined): Keyring {
  // With DB_HOST there is always one.
  const { SECRET_KEY: key = '', SECRET_KEY_PREVIOUS: former } = config
  const previous = former === undefined ? [] : [former]
  if (source !== undefined && source.server === undefined) {
    const installed = createInstalledKey(source.dataDir)
    if (existsSync(installed.path)) {
      const own = installed.read()
      previous.push(own.key, ...own.previous)
    }
  }
  return createKeyring(() => ({ key, previous }))
}

function told(outcome: Outcome, source: string, target: string): string {
  if (outcome.kind === 'nothing')
    return `There was nothing to do: ${target} is connected to QuickBooks, and ${source} is not any more.`
  if (outcome.kind === 'finished')
    return `The connection had been moved to ${target} before: it is deleted in ${source} now.`
  if (outcome.kind === 'unfinished')
    return `The connection is in ${target} now, and could not be deleted in ${source} (${outcome.reason}). Do not start a service there: run the same command again, which finishes it.`
  const { records, tombstones, hints } = outcome
  return `Moved the QuickBooks connection from ${source} to ${target}, and copied ${records} records, ${tombstones} deletions and ${hints} waiting webhooks. Start the service there; what is left in ${source} has no connection any more.`
}
