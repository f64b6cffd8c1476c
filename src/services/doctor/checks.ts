// All checks, in the order in which what they find has to be mended.

import type { Check } from './check.ts'
import {
  access,
  addresses,
  configuration,
  credentials,
  dotenvFile,
  formerNames,
  repetition,
  spelling,
} from './configuration.ts'
import { api, clock, keys, redirectUri, tokenEndpoint, webhooks } from './intuit.ts'
import { folder, node, port } from './machine.ts'
import { connection, database } from './stored.ts'

export const checks: readonly Check[] = [
  ...[node, spelling, repetition, configuration, dotenvFile, credentials, access, addresses],
  ...[port, folder, database],
  ...[redirectUri, tokenEndpoint, api, clock, keys],
  ...[connection, webhooks, formerNames],
]
