// `npm run rotate-key`: seals the stored tokens with a new secret key, beside a service that goes on serving.
// Without SECRET_KEY it makes the new key itself, and the service takes it up; with it, SECRET_KEY is the new one and
// SECRET_KEY_PREVIOUS the one before, and the service was started with both.

import { databaseOf, loadConfig } from './config.ts'
import { faultInWords } from './errors.ts'
import { openBeside } from './services/database/open.ts'
import { createInstalledKey, keysOf } from './services/tokens/installed-key.ts'
import { createKeyring } from './services/tokens/keyring.ts'
import { sealAgain } from './services/tokens/store.ts'

try {
  const config = await loadConfig(process.env)
  const { DATA_DIR, SECRET_KEY: secretKey, SECRET_KEY_PREVIOUS: formerSecretKey } = config
  const { db, close } = await openBeside(databaseOf(config))
  try {
    const installed = createInstalledKey(DATA_DIR)
    const isInstalled = secretKey === undefined
    const keyring = createKeyring(keysOf({ secretKey, formerSecretKey }, installed))
    const { rows, sealed } = await sealAgain(db, keyring, () => {
      if (isInstalled) installed.replace()
    })
    if (isInstalled) installed.forgetFormer()
    const done = `${rows} stored ${rows === 1 ? 'connection' : 'connections'}, ${sealed} sealed again, key id ${keyring.current().keyId}.`
    const next = isInstalled
      ? `Back up ${installed.path}: it is a new one.`
      : 'SECRET_KEY_PREVIOUS is not needed any more: take it away before the next start.'
    process.stdout.write(`${done} ${next}\n`)
  } finally {
    await close()
  }
} catch (error) {
  const fault = faultInWords(error)
  if (fault === undefined) throw error
  process.stderr.write(`The key was not replaced. ${fault}\n`)
  process.exit(1)
}
