// What the doctor examines.

import type { Config } from '../../config.ts'
import type { DatabasePlace } from '../database/open.ts'

/** What is configured, and what follows from it. */
export interface Setup {
  config: Config
  redirectUri: string
  apiUrl: string
  place: DatabasePlace
}

/** What is examined. */
export interface Patient {
  /** The environment, and what stands in the file `.env` besides. */
  env: Readonly<Record<string, string | undefined>>
  dotenv: Readonly<Record<string, string | undefined>>
  /** Names that more than one line of the file sets. */
  repeated: readonly string[]
  /** All variables that mean something. */
  variables: readonly string[]
  /** Undefined where the configuration does not load; `refusal` says why. */
  setup: Setup | undefined
  refusal: string | undefined
  /** A line for each former name that is set. */
  advice: readonly string[]
  /** The service's own, and the Node that it needs, as in `>=26`. */
  version: string
  node: string
}
