// A check finds out one thing, changes nothing, and says it in one line; what comes of it for a person is the `todo`.
// The outside is passed in: see outside.ts for the real one.

import { reasonOf } from '../../errors.ts'
import type { Outside } from './outside.ts'
import type { Patient, Setup } from './patient.ts'
import { createViews, type Views } from './views.ts'

export interface Finding {
  level: 'ok' | 'warn' | 'fail' | 'skip'
  text: string
  todo?: string
}

export const ok = (text: string): Finding => ({ level: 'ok', text })
export const skip = (text: string): Finding => ({ level: 'skip', text })
export const warn = (text: string, todo: string): Finding => ({ level: 'warn', text, todo })
export const fail = (text: string, todo: string): Finding => ({ level: 'fail', text, todo })

export interface Examination extends Patient, Views {
  /** For checks that need `CONFIGURATION`. */
  setup: Setup
  outside: Outside
}

export interface Check {
  name: string
  /** Names of checks before it without which this one tells nothing. */
  needs?: readonly string[]
  run(examination: Examination): Finding | Promise<Finding>
}

export type Line = Finding & { name: string }

/** The check that all others need that ask for `setup`. */
export const CONFIGURATION = 'configuration'

/** Runs the checks in their order. */
export async function examine(checks: readonly Check[], patient: Patient, outside: Outside): Promise<Line[]> {
  const examination = { ...patient, ...createViews(patient, outside), outside } as Examination
  const lines: Line[] = []
  const lost = new Set<string>()
  for (const { name, needs = [], run } of checks) {
    const missing = needs.find((one) => lost.has(one))
    const found =
      missing === undefined ? await tried(run, examination) : skip(`not looked at: mend ${missing} first`)
    if (found.level === 'fail' || found.level === 'skip') lost.add(name)
    lines.push({ name, ...found })
  }
  return lines
}

/** One check that goes wrong must not take the others with it. */
async function tried(run: Check['run'], examination: Examination): Promise<Finding> {
  try {
    return await run(examination)
  } catch (error) {
    return fail(`could not be looked at (${reasonOf(error)})`, 'Report this line as a bug of mrp-backend.')
  }
}
