// The environment: one schema, its type, and the rules that a schema cannot say.
// Every name, default and allowed value is defined here and nowhere else; the README's table is tested against it.

import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import fastifyEnv from '@fastify/env'
import { type Static, type TProperties, type TSchema, Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import { ConfigError, reasonOf } from './errors.ts'
import type { DatabasePlace } from './services/database/open.ts'
import {
  createEntities,
  defaultSettings,
  type Entity,
  type EntitySettings,
} from './services/entities/index.ts'

/** `title` says a pattern in words. What stands before an @ would be shown wherever the address is. */
const address = {
  pattern: '^https?://[^\\s/?#@]+([/?#][^\\s]*)?$',
  title: 'an address that begins with http:// or https://, without user and password',
}
/** An address that paths are appended to. */
const base = { pattern: '^https?://[^\\s/?#@]+(/[^\\s?#]*)?$', title: `${address.title}, without ? and #` }
const Url = (fallback: string, description: string, allowed = address) =>
  Type.String({ ...allowed, default: fallback, description })
/** What a client can send in a header as it is; anything else could never match. */
const Key = (description: string) =>
  Type.Optional(
    Type.String({
      pattern: '^[!-~]{8,}$',
      title: 'at least 8 letters, digits and signs of ASCII, no spaces',
      description,
    }),
  )

const settings = {
  PORT: Type.Integer({
    default: 5002,
    minimum: 0,
    maximum: 65535,
    description: 'the port to listen on; 0 takes a free one',
  }),
  HOST: Type.String({ default: '127.0.0.1', description: 'the address to listen on' }),
  PUBLIC_URL: Url(
    'http://localhost:5002',
    'the address at which browsers reach this service; with another PORT, localhost at that one',
    base,
  ),
  QUICKBOOKS_CLIENT_ID: Type.Optional(Type.String({ description: 'client id of your Intuit app' })),
  QUICKBOOKS_ENVIRONMENT: Type.Union([Type.Literal('sandbox'), Type.Literal('production')], {
    default: 'sandbox',
    description: 'which QuickBooks',
  }),
  QUICKBOOKS_SANDBOX_BASE_URL: Url(
    'https://sandbox-quickbooks.api.intuit.com',
    'API host of the sandbox',
    base,
  ),
  QUICKBOOKS_PRODUCTION_BASE_URL: Url('https://quickbooks.api.intuit.com', 'API host of production', base),
  QUICKBOOKS_AUTHORIZE_URL: Url(
    'https://appcenter.intuit.com/connect/oauth2',
    'where a browser grants access',
  ),
  QUICKBOOKS_TOKEN_URL: Url(
    'https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer',
    'where tokens are exchanged and refreshed',
  ),
  QUICKBOOKS_REVOKE_URL: Url(
    'https://developer.api.intuit.com/v2/oauth2/tokens/revoke',
    'where tokens are revoked',
  ),
  QUICKBOOKS_REDIRECT_URI: Type.Optional(
    Type.String({
      ...address,
      description: 'the redirect URI registered at Intuit; PUBLIC_URL/callback when unset',
    }),
  ),
  QUICKBOOKS_COMPANY_ID: Type.Optional(
    Type.String({
      pattern: '^[0-9]{1,32}$',
      title: 'up to 32 digits',
      description: 'the only company (realm id) that may be connected; any when unset',
    }),
  ),
  DATA_DIR: Type.String({
    default: './data',
    description:
      'folder of the database file and the generated secret; of what is kept for a quick start only, with DB_HOST',
  }),
  DB_HOST: Type.Optional(
    Type.String({
      description: 'a MySQL or MariaDB server to keep everything in, instead of a file in DATA_DIR',
    }),
  ),
  DB_PORT: Type.Integer({ default: 3306, minimum: 1, maximum: 65535, description: 'its port' }),
  DB_USER: Type.Optional(Type.String({ description: 'its user' })),
  DB_NAME: Type.Optional(
    Type.String({ description: "its database; the MRP's own will do, all tables here begin with qbo_" }),
  ),
  DB_TLS: Type.Boolean({
    default: false,
    description: 'whether the way to it is encrypted, and its certificate checked, which has to name DB_HOST',
  }),
  CACHE_REFRESH_MINUTES: Type.Number({
    default: 60,
    minimum: 0.01,
    maximum: 10080,
    description: 'minutes between two looks for what changed in QuickBooks',
  }),
  FULL_SYNC_HOURS: Type.Number({
    default: 24,
    minimum: 0.01,
    maximum: 600,
    description: 'hours between two readings of everything, which repair what the looks for changes missed',
  }),
  QUICKBOOKS_MONTHLY_READ_BUDGET: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: 'reads a month after which only webhooks and an admin make QuickBooks be read',
    }),
  ),
  TOKEN_CHECK_MINUTES: Type.Number({
    default: 5,
    minimum: 0.01,
    maximum: 1440,
    description: 'minutes between two looks at the age of the tokens',
  }),
  ALLOW_UNAUTHENTICATED: Type.Boolean({
    default: false,
    description: 'whether the network is private, so that no key is needed',
  }),
  CORS_ORIGINS: Type.Optional(
    Type.String({
      pattern: '^\\s*https?://[^\\s,/]+(\\s*,\\s*https?://[^\\s,/]+)*\\s*$',
      title:
        'origins such as https://mrp.example.com, comma separated, each without a path or a slash at its end',
      description: 'web pages that may call this service',
    }),
  ),
  TRUST_PROXY: Type.String({
    default: 'false',
    description:
      'whether a reverse proxy of yours stands in front: true, how many one behind the other, or their addresses',
  }),
  SEARCH_REQUESTS_PER_MINUTE: Type.Integer({
    default: 1_000_000,
    minimum: 1,
    description: 'searches and other open requests that one address may make in a minute',
  }),
  ADMIN_REQUESTS_PER_MINUTE: Type.Integer({
    default: 6000,
    minimum: 1,
    description: 'requests for an admin that one address, and one key, may make in a minute',
  }),
  SYNC_ENTITIES: Type.String({
    default: 'customers,vendors,items',
    description: 'what is fetched from QuickBooks, kept and searched, comma separated',
  }),
  CLIENT_PO_FIELDS: Type.String({
    default: defaultSettings.clientPoFields.join(','),
    description: "names of the custom field with the customer's purchase-order number, comma separated",
  }),
  SEARCH_SYNONYMS_FILE: Type.Optional(
    Type.String({
      description:
        'a JSON file of terms that mean the same, e.g. [["SS", "stainless"], ["1/4", ".25"]]; see docs/search.md',
    }),
  ),
  SLOW_SEARCH_MS: Type.Number({
    default: 50,
    minimum: 0,
    description: 'a search that takes longer, in milliseconds, is logged as a warning',
  }),
  LOG_LEVEL: Type.Optional(
    Type.Union(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) => Type.Literal(level)),
      { description: 'how much is logged; info, or debug when NODE_ENV is development' },
    ),
  ),
  LOG_QUERIES: Type.Boolean({
    default: false,
    description: 'whether searches that find nothing are logged with what was typed',
  }),
  NODE_ENV: Type.Optional(Type.String({ description: 'development: debug level and readable logs' })),
}

/** Values that never have a default, are never printed, and may come from a file named by `NAME_FILE`. */
const secrets = {
  QUICKBOOKS_CLIENT_SECRET: Type.Optional(Type.String({ description: 'client secret of your Intuit app' })),
  QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN: Type.Optional(
    Type.String({ description: 'verifier token of your Intuit app; switches webhooks on' }),
  ),
  SECRET_KEY: Type.Optional(
    Type.String({
      minLength: 8,
      description: 'at least 8 characters, better 32 random ones; the root of all encryption',
    }),
  ),
  SECRET_KEY_PREVIOUS: Type.Optional(
    Type.String({
      minLength: 8,
      description: 'what SECRET_KEY was before; needed until npm run rotate-key has run',
    }),
  ),
  DB_PASSWORD: Type.Optional(Type.String({ description: 'password of DB_USER' })),
  ADMIN_API_KEY: Key('bearer key that may do everything'),
  SEARCH_API_KEY: Key('bearer key that may only search'),
}

/** The environment as one schema; `description` says what a value means and what is allowed. */
export const ConfigSchema = Type.Object({ ...settings, ...secrets } satisfies TProperties)

/** The checked environment. Names are those of the environment, so that code and documentation use one word. */
export type Config = Static<typeof ConfigSchema>

/** Names of the variables that hold secrets, each also accepted as `NAME_FILE`. */
export const secretNames = Object.keys(secrets) as (keyof typeof secrets)[]

/** What the service before this one called its variables, and what they are called here (docs/migrating-from-flask.md). */
export const formerNames = {
  QB_CLIENT_ID: 'QUICKBOOKS_CLIENT_ID',
  QB_CLIENT_SECRET: 'QUICKBOOKS_CLIENT_SECRET',
  QB_SANDBOX_BASE_URL: 'QUICKBOOKS_SANDBOX_BASE_URL',
  QB_COMPANY_ID: 'QUICKBOOKS_COMPANY_ID',
  QB_ENVIRONMENT: 'QUICKBOOKS_ENVIRONMENT',
  QB_REDIRECT_URI: 'QUICKBOOKS_REDIRECT_URI',
  PRODUCTION_URI: 'PUBLIC_URL',
} as const satisfies Record<string, keyof Config>

/**
 * Reads and checks the environment. `env` wins over the `.env` file; an empty value counts as unset. `advise` hears a
 * line for each former name that is set, without its value.
 * @throws ConfigError naming the variable at fault and what is allowed; a secret's value is never in it.
 */
export async function loadConfig(
  env: NodeJS.ProcessEnv,
  dotenvPath = '.env',
  advise: (line: string) => void = () => undefined,
): Promise<Config> {
  const given = { ...dropEmpty(parseDotenv(readDotenv(dotenvPath))), ...dropEmpty(env) }
  readSecretFiles(given)
  const nameGiven = takeFormerNames(given, advise)
  const config = await check(given, nameGiven)
  if (given.PUBLIC_URL === undefined && config.PORT !== 0) {
    config.PUBLIC_URL = `http://localhost:${config.PORT}`
  }
  for (const name of [
    'PUBLIC_URL',
    'QUICKBOOKS_SANDBOX_BASE_URL',
    'QUICKBOOKS_PRODUCTION_BASE_URL',
  ] as const) {
    config[name] = config[name].replace(/\/+$/, '')
  }
  checkTogether(config, nameGiven)
  return config
}

/** The address that Intuit sends the browser back to; it must be registered there letter by letter. */
export const redirectUriOf = (config: Config): string =>
  config.QUICKBOOKS_REDIRECT_URI ?? `${config.PUBLIC_URL}/callback`

/** The API host of the chosen environment. */
export const apiBaseUrlOf = (config: Config): string =>
  config.QUICKBOOKS_ENVIRONMENT === 'production'
    ? config.QUICKBOOKS_PRODUCTION_BASE_URL
    : config.QUICKBOOKS_SANDBOX_BASE_URL

/** Where the data is kept. */
export function databaseOf(config: Config): DatabasePlace {
  const { DATA_DIR: dataDir, DB_HOST: host, DB_PORT: port, DB_TLS: tls } = config
  if (host === undefined) return { dataDir, server: undefined }
  const { DB_USER: user = '', DB_PASSWORD: password = '', DB_NAME: database = '' } = config
  return { dataDir, server: { host, port, user, password, database, tls } }
}

/** Whether the Intuit app's credentials are there; without them the service runs, but cannot connect. */
export const hasCredentials = (config: Config): boolean =>
  config.QUICKBOOKS_CLIENT_ID !== undefined && config.QUICKBOOKS_CLIENT_SECRET !== undefined

/**
 * The entities that are kept, in the order in which they are fetched; those that SYNC_ENTITIES leaves out; and what all
 * of them were made with. @throws ConfigError for an unknown name, or none.
 */
export function entitiesOf(config: Config) {
  const settings: EntitySettings = { clientPoFields: listed(config.CLIENT_PO_FIELDS) }
  const all: readonly Entity[] = createEntities(settings)
  const names = listed(config.SYNC_ENTITIES)
  const isNamed = ({ name }: Entity) => names.includes(name)
  if (names.length === 0 || names.some((name) => !all.some((entity) => entity.name === name))) {
    throw new ConfigError(
      `SYNC_ENTITIES: ${JSON.stringify(config.SYNC_ENTITIES)} is not allowed; it takes one or more of ${all.map(({ name }) => name).join(', ')}, comma separated.`,
    )
  }
  return { entities: all.filter(isNamed), unchosen: all.filter((entity) => !isNamed(entity)), settings }
}

const listed = (value: string): string[] =>
  value
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean)

/** What Fastify takes for the address of a proxy. */
function isNetwork(value: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(value)) return true
  const [address = '', bits, ...more] = value.split('/')
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  return (
    more.length === 0 && most > 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
  )
}

/**
 * Whose X-Forwarded headers are believed, in Fastify's terms: nobody's, those of so many proxies, or of these addresses.
 * Never everybody's: a client could then give itself any address.
 */
export function trustedProxyOf({ TRUST_PROXY: value }: Config) {
  if (value === 'false') return false
  const proxies = value === 'true' ? 1 : Number(value)
  return Number.isInteger(proxies) && proxies >= 1 && proxies <= 9
    ? (_address: string, hop: number) => hop < proxies
    : listed(value)
}

/** Whether only this machine can reach the given listening address. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)

type Given = Record<string, string | undefined>

/** The text of a `.env` file; empty where there is none. @throws ConfigError when it cannot be read, or not as text */
export function readDotenv(path = '.env'): string {
  let text: string
  try {
    text = readFileSync(resolve(path), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new ConfigError(`The file ${path} cannot be read (${reasonOf(error)}).`)
  }
  // As Windows' shells write it: no name in it would be known.
  if (text.includes('\0')) throw new ConfigError(`The file ${path} is not in UTF-8: save it as such.`)
  return text
}

/**
 * The variables of such a text. Node takes the next line for the value where only blanks stand after the `=`, and a byte
 * order mark, which Windows' editors write, for a part of the first name.
 */
export const parseDotenv = (text: string): Given =>
  parseEnv(text.replace(/^\uFEFF/, '').replace(/^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]+$/gm, '$1='))

function dropEmpty(given: Given): Given {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== ''))
}

function readSecretFiles(given: Given): void {
  for (const name of secretNames) {
    const path = given[`${name}_FILE`]
    if (path === undefined) continue
    if (given[name] !== undefined)
      throw new ConfigError(`${name} and ${name}_FILE are both set: keep one of them.`)
    try {
      given[name] = readFileSync(path, 'utf8').trim()
    } catch (error) {
      throw new ConfigError(`${name}_FILE: the file cannot be read (${reasonOf(error)}).`)
    }
    if (given[name] === '') throw new ConfigError(`${name}_FILE: the file is empty.`)
  }
}

/** By which name a person has set a variable, or would. */
type NameGiven = (name: string) => string

/** Takes up what only a former name says; whoever uses those had invoices, too. */
function takeFormerNames(given: Given, advise: (line: string) => void): NameGiven {
  const taken = new Map<string, string>()
  for (const [former, name] of Object.entries(formerNames)) {
    if (given[former] === undefined) continue
    if (given[name] !== undefined) {
      const other = given[`${name}_FILE`] === undefined ? name : `${name}_FILE`
      advise(`${former} is deprecated, and not read because ${other} is set: take it out.`)
      continue
    }
    given[name] = given[former]
    taken.set(name, former)
    advise(`${former} is deprecated: rename it ${name}.`)
  }
  const isFormer = [...taken.values()].some((former) => former.startsWith('QB_'))
  if (isFormer && given.SYNC_ENTITIES === undefined) {
    given.SYNC_ENTITIES = `${settings.SYNC_ENTITIES.default},invoices`
    advise(
      `Invoices are kept because a former name (QB_…) is in use: set SYNC_ENTITIES=${given.SYNC_ENTITIES} before you rename the last one, or without invoices if you do not need them.`,
    )
  }
  return (name) => taken.get(name) ?? name
}

interface SchemaFault {
  instancePath: string
  message?: string
}

/** A Fastify instance of its own, thrown away, so that the values are known before the real one is made. */
async function check(given: Given, nameGiven: NameGiven): Promise<Config> {
  const reader = Fastify()
  try {
    await reader.register(fastifyEnv, { schema: { ...ConfigSchema }, data: given, env: false })
    const config = reader.getEnvs<Config>()
    // Ajv compares only finite numbers, but makes infinite ones out of texts.
    for (const [name, value] of Object.entries(config)) {
      if (typeof value === 'number' && !Number.isFinite(value))
        throw new ConfigError(describe(name, given[name], nameGiven))
    }
    return config
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const faults = (error as { errors?: SchemaFault[] }).errors ?? []
    const names = [...new Set(faults.map((fault) => fault.instancePath.slice(1)))]
    const lines = names.map((name) => describe(name, given[name], nameGiven))
    throw new ConfigError(lines.join(' ') || reasonOf(error))
  } finally {
    await reader.close()
  }
}

function describe(name: string, value: string | undefined, nameGiven: NameGiven): string {
  const schema = ConfigSchema.properties[name as keyof Config]
  const isSecret = (secretNames as string[]).includes(name) || value?.includes('@')
  const shown = isSecret ? 'the value given' : JSON.stringify(value)
  return `${nameGiven(name)}: ${shown} is not allowed; it takes ${allowedBy(schema)} (${schema.description}).`
}

/** What a variable's schema allows, in words. */
function allowedBy(schema: TSchema): string {
  if (schema.anyOf) return schema.anyOf.map((option: TSchema) => option.const).join(', ')
  if (schema.type === 'boolean') return 'true or false'
  if (schema.type === 'string') return schema.title ?? 'a text'
  return `${schema.type === 'integer' ? 'a whole number' : 'a number'} from ${schema.minimum} to ${schema.maximum ?? 'any'}`
}

function checkTogether(config: Config, nameGiven: NameGiven): void {
  for (const [name, value] of Object.entries(config)) {
    if (/_UR[LI]$/.test(name) && !URL.canParse(String(value))) {
      throw new ConfigError(
        `${nameGiven(name)}: ${JSON.stringify(value)} is not a valid address (http://… or https://…).`,
      )
    }
  }
  entitiesOf(config)
  if (config.DB_HOST === undefined) {
    const alone = (['DB_USER', 'DB_PASSWORD', 'DB_NAME'] as const).find((name) => config[name] !== undefined)
    if (alone !== undefined)
      throw new ConfigError(
        `DB_HOST is missing: ${alone} needs it. Without both, a file in DATA_DIR is used.`,
      )
  } else {
    const missing = (['DB_USER', 'DB_NAME'] as const).find((name) => config[name] === undefined)
    if (missing !== undefined) throw new ConfigError(`${missing} is missing: DB_HOST needs it.`)
    if (config.SECRET_KEY === undefined) {
      throw new ConfigError(
        'SECRET_KEY is missing: with DB_HOST every replica needs the same one, so none is made up. Take at least 32 random characters (openssl rand -base64 32), and keep them apart from the database.',
      )
    }
  }
  const proxies = trustedProxyOf(config)
  if (Array.isArray(proxies) && (proxies.length === 0 || !proxies.every(isNetwork))) {
    throw new ConfigError(
      `TRUST_PROXY: ${JSON.stringify(config.TRUST_PROXY)} is not allowed; it takes true or false, a number from 1 to 9, or addresses and networks of proxies as 10.0.0.7, 10.0.0.0/8, loopback or uniquelocal, comma separated.`,
    )
  }
  const { QUICKBOOKS_CLIENT_ID: id, QUICKBOOKS_CLIENT_SECRET: secret } = config
  if ((id === undefined) !== (secret === undefined)) {
    const [missing, present] = id === undefined ? ['ID', 'SECRET'] : ['SECRET', 'ID']
    throw new ConfigError(
      `QUICKBOOKS_CLIENT_${missing} is missing: ${nameGiven(`QUICKBOOKS_CLIENT_${present}`)} needs it.`,
    )
  }
  if (config.ADMIN_API_KEY === undefined && config.SEARCH_API_KEY !== undefined) {
    throw new ConfigError(
      'ADMIN_API_KEY is not set, but SEARCH_API_KEY is: nobody could connect QuickBooks. Set both.',
    )
  }
  if (config.ADMIN_API_KEY !== undefined && config.ADMIN_API_KEY === config.SEARCH_API_KEY) {
    throw new ConfigError(
      'SEARCH_API_KEY: it must differ from ADMIN_API_KEY, or web pages could do everything.',
    )
  }
  if (config.ADMIN_API_KEY === undefined && !config.ALLOW_UNAUTHENTICATED && !isLoopback(config.HOST)) {
    throw new ConfigError(
      `ADMIN_API_KEY is not set and HOST ${config.HOST} can be reached from other machines: set ADMIN_API_KEY and SEARCH_API_KEY, or ALLOW_UNAUTHENTICATED=true if the network is private.`,
    )
  }
}
