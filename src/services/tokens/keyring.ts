// The secret keys of a process: one seals, the former ones still open what they sealed. A key can be replaced while the
// process runs, so what is read from the disk can have been sealed with one that it has not seen yet.

import { createSecrets, type Secrets, type Stretch } from './secrets.ts'

/** Secret keys as they are configured or installed now. */
export interface KeyTexts {
  key: string
  /** Keys from before. */
  previous: string[]
}

/** See the header of this file. */
export interface Keyring {
  /** The key to seal with. */
  current(): Secrets
  /** The key of this id, looked for again where keys are kept when it is not known; undefined when there is none. */
  find(keyId: string): Secrets | undefined
  /** All keys that can be used, the current one first. */
  all(): Secrets[]
  /** Opens what one of them has sealed, and says which; undefined when none has. */
  open(sealed: string, context: string): { text: string; by: Secrets } | undefined
  /** Looks again where keys are kept. What was known stays known. */
  reload(): void
}

/** Opens what one of these keys has sealed, and says which; undefined when none has. */
export function openWith(
  keys: readonly Secrets[],
  sealed: string,
  context: string,
): { text: string; by: Secrets } | undefined {
  for (const by of keys) {
    try {
      return { text: by.open(sealed, context), by }
    } catch {
      // Another key may fit.
    }
  }
  return undefined
}

/** A keyring over `read`, which may answer with other keys later. @throws what the first `read` throws. */
export function createKeyring(read: () => KeyTexts, stretched?: Stretch): Keyring {
  const known = new Map<string, Secrets>()
  let current = take(read())

  function take({ key, previous }: KeyTexts): Secrets {
    for (const text of previous) secretsOf(text)
    return secretsOf(key)
  }

  function secretsOf(text: string): Secrets {
    const secrets = known.get(text) ?? createSecrets(text, stretched)
    known.set(text, secrets)
    return secrets
  }

  const byId = (keyId: string) => [...known.values()].find((one) => one.keyId === keyId)

  const all = () => [current, ...[...known.values()].filter((one) => one !== current)]

  function reload(): void {
    try {
      current = take(read())
    } catch {
      // What cannot be read now takes nothing from what is known.
    }
  }

  return {
    current: () => current,
    find(keyId) {
      if (byId(keyId) === undefined) reload()
      return byId(keyId)
    },
    all,
    open: (sealed, context) => openWith(all(), sealed, context),
    reload,
  }
}
