// The whole service, in the order in which it comes up. QuickBooks → cache → index → answer: each line needs only
// those above it, and Fastify closes them from the bottom up.

import cors from '@fastify/cors'
import Fastify, { type FastifyInstance, type FastifyServerOptions, LogController } from 'fastify'
import packageJson from '../package.json' with { type: 'json' }
import {
  apiBaseUrlOf,
  type Config,
  databaseOf,
  entitiesOf,
  hasCredentials,
  isLoopback,
  redirectUriOf,
  trustedProxyOf,
} from './config.ts'
import auth, { SESSION_COOKIE } from './plugins/auth.ts'
import cache from './plugins/cache.ts'
import consent from './plugins/consent.ts'
import database from './plugins/database.ts'
import errors, { clientErrorHandler, frameworkErrors } from './plugins/errors.ts'
import eventStreams from './plugins/event-streams.ts'
import headers from './plugins/headers.ts'
import lease from './plugins/lease.ts'
import meter from './plugins/meter.ts'
import metrics from './plugins/metrics.ts'
import openapi from './plugins/openapi.ts'
import pressure from './plugins/pressure.ts'
import problems from './plugins/problems.ts'
import qbo from './plugins/qbo.ts'
import rateLimits from './plugins/rate-limits.ts'
import replica from './plugins/replica.ts'
import searchIndexes from './plugins/search-indexes.ts'
import sessions from './plugins/sessions.ts'
import stop from './plugins/stop.ts'
import sync from './plugins/sync.ts'
import tokens, { type TokensOptions } from './plugins/tokens.ts'
import web from './plugins/web.ts'
import cacheRoutes from './routes/cache.ts'
import changeRoutes from './routes/changes.ts'
import metricsRoutes from './routes/metrics.ts'
import oauthRoutes from './routes/oauth.ts'
import recordRoutes from './routes/records.ts'
import searchRoutes from './routes/search.ts'
import sessionRoutes from './routes/sessions.ts'
import statusRoutes from './routes/status.ts'
import unchosenRoutes from './routes/unchosen.ts'
import webhookRoutes from './routes/webhooks.ts'
import { type Clock, systemClock } from './services/clock.ts'

/** What a test may replace: time, chance, patience, what is slow on purpose, and the logger. Times are milliseconds. */
export interface AppOptions {
  clock?: Clock
  /** Of what is timed by the database's own clock. */
  leaseClock?: Clock
  /** Of how long clients are kept waiting. */
  clientClock?: Clock
  /** How long the other replicas wait for one that leads and is gone. */
  leasePeriodMs?: number
  /** 0 ≤ value < 1 */
  random?: () => number
  /** Of SECRET_KEY. */
  stretch?: TokensOptions['stretch']
  /** By how much the event loop may be late before load is shed. */
  latestMs?: number
  /** Longest wait for Intuit's answer. */
  timeoutMs?: number
  /** How long a stop goes on answering, so that clients can leave. */
  drainMs?: number
  logger?: FastifyServerOptions['logger']
}

const MINUTE_MS = 60_000
const LEASE_MS = 10_000
const LATEST_MS = 250
/** No route takes more but webhooks, which have a limit of their own. */
const MOST_BODY_BYTES = 16 * 1024
const MOST_HEADER_BYTES = 16 * 1024
/** A request has to arrive in so long, and its headers in half of it. */
const REQUEST_MS = 30_000
/** What is still being answered so long after a stop began is cut off. */
const STOP_PATIENCE_MS = 5_000

/** Headers of an answer that a page of another origin may read. */
const READABLE = ['etag', 'ratelimit', 'ratelimit-policy', 'retry-after', 'x-data-age']

/**
 * Builds the service, with its cache loaded and its indexes built; it listens when the caller says so.
 * @throws ConfigError when the configuration cannot work on this machine.
 */
export async function buildApp(config: Config, options: AppOptions = {}): Promise<FastifyInstance> {
  const {
    clock = systemClock,
    leaseClock = systemClock,
    clientClock = systemClock,
    leasePeriodMs = LEASE_MS,
    random = Math.random,
    stretch,
    latestMs = LATEST_MS,
    timeoutMs = MINUTE_MS,
    drainMs = 0,
    logger = false,
  } = options
  const { version } = packageJson
  const baseUrl = apiBaseUrlOf(config)
  const redirectUri = redirectUriOf(config)
  const configured = hasCredentials(config)
  const { entities, unchosen, settings } = entitiesOf(config)
  const corsOrigins = config.CORS_ORIGINS?.split(',').map((origin) => origin.trim()) ?? []
  const ownNames = [config.PUBLIC_URL, redirectUri].map((url) => new URL(url).hostname)
  const tokenCheckIntervalMs = config.TOKEN_CHECK_MINUTES * MINUTE_MS

  const app = Fastify({
    logger,
    // Addresses carry OAuth codes and what customers are called, so requests are not logged as they come.
    logController: new LogController({ disableRequestLogging: true }),
    // One logger for all requests: what is logged of one names its route, and making a logger for each costs as much as searching.
    childLoggerFactory: (logger) => logger,
    clientErrorHandler,
    frameworkErrors,
    trustProxy: trustedProxyOf(config),
    bodyLimit: MOST_BODY_BYTES,
    requestTimeout: REQUEST_MS,
    http: {
      maxHeaderSize: MOST_HEADER_BYTES,
      headersTimeout: REQUEST_MS / 2,
      connectionsCheckingInterval: REQUEST_MS / 10,
    },
    // What comes while the service stops is answered like anything else: see plugins/stop.ts.
    return503OnClosing: false,
    // A million records take longer to load than Fastify waits for a plugin by default.
    pluginTimeout: 0,
    // Strict about numbers, Ajv would hold no bound against Infinity.
    ajv: { customOptions: { removeAdditional: false, allErrors: true, strictNumbers: false } },
    routerOptions: { maxParamLength: 200 },
  })

  try {
    await app.register(errors)
    await app.register(metrics, { entities, version, logsQueries: config.LOG_QUERIES, clock })
    await app.register(headers, { https: config.PUBLIC_URL.startsWith('https:') })
    if (corsOrigins.length > 0)
      await app.register(cors, { origin: corsOrigins, exposedHeaders: READABLE, strictPreflight: false })
    await app.register(pressure, { latestMs })
    await app.register(rateLimits, {
      searchPerMinute: config.SEARCH_REQUESTS_PER_MINUTE,
      adminPerMinute: config.ADMIN_REQUESTS_PER_MINUTE,
    })
    await app.register(openapi, { version, publicUrl: config.PUBLIC_URL })
    await app.register(web)

    await app.register(problems, { clock })
    await app.register(database, { place: databaseOf(config) })
    await app.register(lease, { periodMs: leasePeriodMs, clock: leaseClock })
    await app.register(tokens, {
      secretKey: config.SECRET_KEY,
      formerSecretKey: config.SECRET_KEY_PREVIOUS,
      dataDir: config.DATA_DIR,
      pinnedRealmId: config.QUICKBOOKS_COMPANY_ID,
      checkIntervalMs: tokenCheckIntervalMs,
      oauth: {
        clientId: config.QUICKBOOKS_CLIENT_ID,
        clientSecret: config.QUICKBOOKS_CLIENT_SECRET,
        redirectUri,
        authorizeUrl: config.QUICKBOOKS_AUTHORIZE_URL,
        tokenUrl: config.QUICKBOOKS_TOKEN_URL,
        revokeUrl: config.QUICKBOOKS_REVOKE_URL,
      },
      timeoutMs,
      stretch,
      clock,
    })
    await app.register(sessions, { adminKey: config.ADMIN_API_KEY, clock })
    await app.register(auth, {
      adminKey: config.ADMIN_API_KEY,
      searchKey: config.SEARCH_API_KEY,
      corsOrigins,
      publicOrigin: new URL(config.PUBLIC_URL).origin,
      answersTo: (name) => config.ALLOW_UNAUTHENTICATED || isLoopback(name) || ownNames.includes(name),
    })
    await app.register(meter, { clock, budget: config.QUICKBOOKS_MONTHLY_READ_BUDGET })
    await app.register(qbo, { entities, baseUrl, timeoutMs, clock, random })
    await app.register(consent, { pinnedRealmId: config.QUICKBOOKS_COMPANY_ID })
    await app.register(cache, { clock })
    await app.register(searchIndexes, {
      entities,
      settings,
      dataDir: config.DATA_DIR,
      synonymsFile: config.SEARCH_SYNONYMS_FILE,
    })
    await app.register(sync, {
      entities,
      changesIntervalMs: config.CACHE_REFRESH_MINUTES * MINUTE_MS,
      fullIntervalMs: config.FULL_SYNC_HOURS * 60 * MINUTE_MS,
      clock,
    })
    await app.register(replica, {
      entities,
      configured,
      changesIntervalMs: config.CACHE_REFRESH_MINUTES * MINUTE_MS,
      tokenCheckIntervalMs,
      leasePeriodMs,
      clock,
      leaseClock,
    })

    await app.register(eventStreams)
    await app.register(searchRoutes, { entities, unchosen, slowMs: config.SLOW_SEARCH_MS })
    await app.register(recordRoutes, { entities })
    await app.register(unchosenRoutes, { entities, unchosen })
    await app.register(cacheRoutes, { entities, version, clock: clientClock })
    await app.register(statusRoutes, { clock: clientClock })
    await app.register(changeRoutes, { entities, unchosen })
    await app.register(webhookRoutes, {
      entities,
      verifierToken: config.QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN,
    })
    await app.register(metricsRoutes, { clock })
    await app.register(oauthRoutes, {
      redirectUri,
      baseUrl,
      environment: config.QUICKBOOKS_ENVIRONMENT,
      clientId: config.QUICKBOOKS_CLIENT_ID,
      clock: clientClock,
    })
    await app.register(sessionRoutes, { cookieName: SESSION_COOKIE })
    await app.register(stop, { drainMs, patienceMs: STOP_PATIENCE_MS })
    await app.ready()
    return app
  } catch (error) {
    await app.close()
    throw error
  }
}
