// `npm run migrate`: brings the configured database up to date without serving from it, and says in one line what it did.

import { databaseOf, loadConfig } from './config.ts'
import { faultInWords } from './errors.ts'
import { nameOf, openDatabase } from './services/database/open.ts'

try {
  const place = databaseOf(await loadConfig(process.env))
  const { migrated, movedAside, close } = await openDatabase(place)
  await close()
  const damaged =
    movedAside === undefined ? '' : ` The one before was damaged, and was moved to ${movedAside}.`
  const done = migrated.length === 0 ? 'was up to date' : `is up to date: ${migrated.join(', ')} ran just now`
  process.stdout.write(`The database ${nameOf(place)} ${done}.${damaged}\n`)
} catch (error) {
  const fault = faultInWords(error)
  if (fault === undefined) throw error
  process.stderr.write(`The database was not brought up to date. ${fault}\n`)
  process.exit(1)
}
