// Everything that is derived from one secret key: sealing (AES-256-GCM) and keyed hashes (HMAC-SHA-256).
// Intuit asks for tokens and realm ids to be encrypted with a key kept apart from the data
// (developer.intuit.com, Publish your app, Security requirements).

import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, scryptSync } from 'node:crypto'

/** Sealing and hashing under one secret key. */
export interface Secrets {
  /** Names the key without telling anything of it: 8 characters. */
  keyId: string
  /** Encrypts `text`; only `open` with the same `context` reads it again. */
  seal(text: string, context: string): string
  /** @throws when the key or the context is another one, or the sealed text was changed. */
  open(sealed: string, context: string): string
  /** A keyed hash, 43 characters: stands for a value that must not be stored in clear. */
  hash(text: string): string
}

/** Makes 32 bytes of a secret key. */
export type Stretch = (secretKey: string) => Buffer

/** Takes about 100 ms and 32 MB: a short SECRET_KEY shall be slow to guess. */
export const stretch: Stretch = (secretKey) =>
  scryptSync(secretKey, 'mrp-backend', 32, { N: 32768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 })

/** Derives the keys once. */
export function createSecrets(secretKey: string, stretched: Stretch = stretch): Secrets {
  const root = stretched(secretKey)
  const derived = (purpose: string, bytes = 32) => Buffer.from(hkdfSync('sha256', root, '', purpose, bytes))
  const sealing = derived('sealing')
  const hashing = derived('hashing')

  return {
    keyId: derived('key id', 6).toString('base64url'),
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
