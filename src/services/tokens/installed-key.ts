// The secret key of an installation that configures none: `secret.key` in DATA_DIR, for its owner only. While it is being
// replaced the former one stands beside it.

import {
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { ConfigError, reasonOf } from '../../errors.ts'
import type { KeyTexts } from './keyring.ts'
import { randomToken } from './secrets.ts'

/** See the header of this file. */
export interface InstalledKey {
  path: string
  /** @throws ConfigError when the file is missing, damaged or cannot be read. */
  read(): KeyTexts
  /** Makes the first key, unless there is one; answers whether it did. @throws ConfigError when it cannot be written. */
  make(): boolean
  /** Puts a new key in its place and keeps the former one, unless that has been begun already. */
  replace(): void
  /** Forgets the former key: nothing is sealed with it any more. */
  forgetFormer(): void
}

/** The key in `dataDir`. */
export function createInstalledKey(dataDir: string): InstalledKey {
  const path = join(dataDir, 'secret.key')
  const formerPath = `${path}.previous`

  function readFile(path: string): string | undefined {
    let key: string
    try {
      key = readFileSync(path, 'utf8').trim()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw new ConfigError(`${path} cannot be read (${reasonOf(error)}): restore it, or set SECRET_KEY.`)
    }
    if (key.length < 8) throw new ConfigError(`${path} is damaged: restore it, or set SECRET_KEY.`)
    return key
  }

  /** A file that is there is whole, and on the disk. */
  function writeFile(path: string, key: string): void {
    const draft = `${path}.new`
    try {
      rmSync(draft, { force: true })
      writeFileSync(draft, `${key}\n`, { mode: 0o600, flag: 'wx', flush: true })
      // Whoever replaces it may be root, and must not take it from the service.
      const { uid, gid } = statSync(dataDir)
      if (process.getuid?.() === 0) chownSync(draft, uid, gid)
      renameSync(draft, path)
      const folder = openSync(dataDir, 'r')
      fsyncSync(folder)
      closeSync(folder)
    } catch (error) {
      throw new ConfigError(
        `${path} cannot be written (${reasonOf(error)}): make DATA_DIR writable, or set SECRET_KEY.`,
      )
    }
  }

  function read(): KeyTexts {
    const key = readFile(path)
    const former = readFile(formerPath)
    if (key === undefined) {
      throw new ConfigError(
        `SECRET_KEY is not set and ${path} is missing, but the stored QuickBooks tokens need one of them. Nothing was changed: bring it back. If it is lost, move DATA_DIR away and connect again.`,
      )
    }
    return { key, previous: former === undefined ? [] : [former] }
  }

  return {
    path,
    read,
    make() {
      if (readFile(path) !== undefined) return false
      writeFile(path, randomToken())
      return true
    },
    replace() {
      const { key, previous } = read()
      if (previous.some((one) => one !== key)) return
      writeFile(formerPath, key)
      writeFile(path, randomToken())
    },
    forgetFormer() {
      rmSync(formerPath, { force: true })
    },
  }
}

/** Keys that were configured: `secretKey` instead of the installed one, and what it was before. */
export interface GivenKeys {
  secretKey: string | undefined
  formerSecretKey: string | undefined
}

/** How the keys are read that are in force. */
export const keysOf =
  ({ secretKey, formerSecretKey }: GivenKeys, installed: InstalledKey) =>
  (): KeyTexts => {
    const { key, previous } = secretKey === undefined ? installed.read() : { key: secretKey, previous: [] }
    return { key, previous: formerSecretKey === undefined ? previous : [...previous, formerSecretKey] }
  }
