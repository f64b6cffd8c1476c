// Everything that is derived from SECRET_KEY: sealing (AES-256-GCM) and keyed hashes (HMAC-SHA-256).
// Intuit asks for tokens and realm ids to be encrypted with a key kept apart from the data
// (developer.intuit.com, Publish your app, Security requirements).

import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, scryptSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, reasonOf } from '../../errors.ts'

/** Sealing and hashing under one secret key. */
export interface Secrets {
  /** Encrypts `text`; only `open` with the same `context` reads it again. */
  seal(text: string, context: string): string
  /** @throws when the key or the context is another one, or the sealed text was changed. */
  open(sealed: string, context: string): string
  /** A keyed hash, 43 characters: stands for a value that must not be stored in clear. */
  hash(text: string): string
}

/** Derives the keys once (about 100 ms: a short SECRET_KEY shall be slow to guess). */
export function createSecrets(secretKey: string): Secrets {
  const root = scryptSync(secretKey, 'mrp-backend', 32, { N: 32768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 })
  const sealing = Buffer.from(hkdfSync('sha256', root, '', 'sealing', 32))
  const hashing = Buffer.from(hkdfSync('sha256', root, '', 'hashing', 32))

  return {
    seal(text, context) {
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', sealing, iv)
      cipher.setAAD(Buffer.from(context))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64')
    },
    open(sealed, context) {
      const bytes = Buffer.from(sealed, 'base64')
      const decipher = createDecipheriv('aes-256-gcm', sealing, bytes.subarray(0, 12), { authTagLength: 16 })
      decipher.setAAD(Buffer.from(context))
      decipher.setAuthTag(bytes.subarray(12, 28))
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
    },
    hash: (text) => createHmac('sha256', hashing).update(text).digest('base64url'),
  }
}

/** A random value that cannot be guessed: 256 bits, safe in addresses and cookies. */
export const randomToken = (): string => randomBytes(32).toString('base64url')

/**
 * The secret of an installation that sets none: made once, kept in `dataDir/secret.key` (mode 0600).
 * `created` says that it is new, so that the caller can warn. With `sealed`, data that only the former key opens is
 * there, so none is made.
 * @throws ConfigError when the file cannot be read or written.
 */
export function installedSecretKey(
  dataDir: string,
  sealed = false,
): { key: string; path: string; created: boolean } {
  const path = join(dataDir, 'secret.key')
  try {
    const key = readFileSync(path, 'utf8').trim()
    if (key.length < 8) throw new ConfigError(`${path} is damaged: restore it, or set SECRET_KEY.`)
    return { key, path, created: false }
  } catch (error) {
    if (error instanceof ConfigError) throw error
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new ConfigError(`${path} cannot be read (${reasonOf(error)}): restore it, or set SECRET_KEY.`)
    }
  }
  if (sealed) {
    throw new ConfigError(
      `SECRET_KEY is not set and ${path} is missing, but the stored QuickBooks tokens need one of them. Nothing was changed: bring it back. If it is lost, move DATA_DIR away and connect again.`,
    )
  }
  const key = randomToken()
  try {
    writeFileSync(path, `${key}\n`, { mode: 0o600, flag: 'wx', flush: true })
  } catch (error) {
    throw new ConfigError(
      `${path} cannot be written (${reasonOf(error)}): make DATA_DIR writable, or set SECRET_KEY.`,
    )
  }
  return { key, path, created: true }
}
