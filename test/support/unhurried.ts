// What a service under test is given other than usual. The machine is busy with other tests, which is no load to shed; and
// what a start takes longest for, a tenth of a second and more, is done once for all starts of a test.
import { createHash } from 'node:crypto'
import type { AppOptions } from '../../src/app.ts'
import { type Stretch, stretch } from '../../src/services/tokens/secrets.ts'

const known = new Map<string, Buffer>()

/** As the service does it, so that its commands can read the same folder. */
const stretchOnce: Stretch = (secretKey) => {
  const root = known.get(secretKey) ?? stretch(secretKey)
  known.set(secretKey, root)
  return root
}

/** Where processes are started again and again, and only they have to understand one another. */
export const stretchQuickly: Stretch = (secretKey) => createHash('sha256').update(secretKey).digest()

export const unhurried = {
  timeoutMs: 30_000,
  latestMs: 60_000,
  stretch: stretchOnce,
} satisfies AppOptions
