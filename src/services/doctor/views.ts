// What several checks look at, looked at once.

import type { Sight } from '../database/database.ts'
import { lookAt } from '../database/look.ts'
import type { Outside, Reply } from './outside.ts'
import type { Patient } from './patient.ts'

export interface Views {
  /** The database; undefined where there is none yet. @throws ConfigError when it cannot be looked at */
  database(): Promise<Look | undefined>
  /** What answers at an address, or the error why nothing does. */
  visit(url: string): Promise<Reply | Error>
}

/** `at` is when it was looked at by this machine's clock. */
export type Look = Sight & { at: number }

const PATIENCE_MS = 10_000

export function createViews({ setup }: Patient, outside: Outside): Views {
  const visits = new Map<string, Promise<Reply | Error>>()
  let known: Promise<Look | undefined> | undefined

  async function look(): Promise<Look | undefined> {
    const began = outside.now()
    const sight = setup && (await lookAt(setup.place))
    return sight && { ...sight, at: (began + outside.now()) / 2 }
  }

  return {
    database() {
      known ??= look()
      return known
    },
    visit(url) {
      const visit =
        visits.get(url) ?? outside.ask({ url, timeoutMs: PATIENCE_MS }).catch((error) => error as Error)
      visits.set(url, visit)
      return visit
    },
  }
}
