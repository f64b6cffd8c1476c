// `npm run doctor`: finds out what keeps the service from working, beside one that runs or before the first start, and
// says what to do. It changes nothing.

import packageJson from '../package.json' with { type: 'json' }
import {
  apiBaseUrlOf,
  ConfigSchema,
  databaseOf,
  loadConfig,
  parseDotenv,
  readDotenv,
  redirectUriOf,
  secretNames,
} from './config.ts'
import { ConfigError } from './errors.ts'
import { examine } from './services/doctor/check.ts'
import { checks } from './services/doctor/checks.ts'
import { theOutside } from './services/doctor/outside.ts'
import type { Patient } from './services/doctor/patient.ts'
import { reportOf } from './services/doctor/report.ts'

async function configured(env: NodeJS.ProcessEnv): Promise<Pick<Patient, 'setup' | 'refusal' | 'advice'>> {
  const advice: string[] = []
  try {
    const config = await loadConfig(env, undefined, (line) => advice.push(line))
    const setup = {
      config,
      redirectUri: redirectUriOf(config),
      apiUrl: apiBaseUrlOf(config),
      place: databaseOf(config),
    }
    return { setup, refusal: undefined, advice }
  } catch (error) {
    if (error instanceof ConfigError) return { setup: undefined, refusal: error.message, advice }
    throw error
  }
}

function written(): Pick<Patient, 'dotenv' | 'repeated'> {
  try {
    const text = readDotenv()
    const dotenv = parseDotenv(text)
    return { dotenv, repeated: Object.keys(dotenv).filter((name) => linesFor(name, text) > 1) }
  } catch {
    // Where it cannot be read, the configuration does not load either, and says so.
    return { dotenv: {}, repeated: [] }
  }
}

const linesFor = (name: string, text: string): number =>
  text.split('\n').filter(
    (line) =>
      line
        .replace(/^\s*(export\s+)?/, '')
        .split('=')[0]
        ?.trim() === name,
  ).length

const { version, engines } = packageJson
const patient = {
  env: process.env,
  ...written(),
  variables: [...Object.keys(ConfigSchema.properties), ...secretNames.map((name) => `${name}_FILE`)],
  ...(await configured(process.env)),
  version,
  node: engines.node,
}
const lines = await examine(checks, patient, theOutside)
process.stdout.write(reportOf(lines))
process.exitCode = lines.some(({ level }) => level === 'fail') ? 1 : 0
