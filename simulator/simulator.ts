/**
 * A local QuickBooks Online: Intuit's OAuth2, one company's Accounting API, and the means to make both misbehave. Puts the
 * parts together and holds no rules of its own. Imports nothing from the service that it stands in for.
 */
import Fastify, { type FastifyInstance, type FastifyPluginCallback } from 'fastify'
import { registerApi } from './api/routes.ts'
import { type Behaviour, type BehaviourChange, createBehaviour } from './behaviour.ts'
import { type Clock, createClock } from './clock.ts'
import { type Company, createCompany } from './company/company.ts'
import { type CompanyOptions, companyDefaults } from './company/seeds.ts'
import { registerControl } from './control/routes.ts'
import { createFaultQueue, type FaultKind, type FaultPlan } from './faults.ts'
import { createMeter, type Meter } from './meter.ts'
import { createOAuthControl, type OAuthControl } from './oauth/control.ts'
import { createGrants } from './oauth/grants.ts'
import { registerOAuth } from './oauth/routes.ts'
import { createQueryRunner } from './query/run.ts'
import { createRandom, hexOf } from './random.ts'
import { createWebhooks, type Webhooks } from './webhooks.ts'

export type { Behaviour, BehaviourChange } from './behaviour.ts'
export type { Company, Edit, EditEvent } from './company/company.ts'
export type { CompanyOptions } from './company/seeds.ts'
export type { QboRecord } from './company/table.ts'
export type { FaultKind, FaultPlan } from './faults.ts'
export type { LoggedRequest, Meter, MeterReadings } from './meter.ts'
export type { WebhookEvent } from './notification.ts'
export type { OAuthControl } from './oauth/control.ts'
export type { PostOptions, WebhookCounters, Webhooks } from './webhooks.ts'

export interface SimulatorOptions {
  readonly company?: Partial<CompanyOptions>
  readonly behaviour?: BehaviourChange
  readonly clientId?: string
  readonly clientSecret?: string
  /** What webhooks are signed with. */
  readonly webhookVerifierToken?: string
  /** Epoch ms; `advance` adds to it. */
  readonly clock?: () => number
  readonly random?: () => number
  readonly logger?: boolean
}

export interface Simulator {
  /** Resolves to the base URL. Port 0, the default, takes any free port. */
  listen(options?: { port?: number; host?: string }): Promise<string>
  close(): Promise<void>
  readonly url: string
  /** The variables that point the service at this simulator. Throws before `listen`. */
  readonly env: Record<string, string>
  readonly company: Company
  readonly behaviour: Behaviour
  readonly meter: Meter
  readonly oauth: OAuthControl
  readonly webhooks: Webhooks
  readonly clock: Clock
  /** Negative: the clock was set back. */
  advance(ms: number): void
  fault(plan: FaultPlan): void
  /** How often each kind has struck. */
  faultsTaken(): Partial<Record<FaultKind, number>>
  clearFaults(): void
}

/** Where things are, as the service's variables say it. */
function addresses(url: string): Record<string, string> {
  return {
    QUICKBOOKS_ENVIRONMENT: 'sandbox',
    QUICKBOOKS_SANDBOX_BASE_URL: url,
    QUICKBOOKS_PRODUCTION_BASE_URL: url,
    QUICKBOOKS_AUTHORIZE_URL: `${url}/connect/oauth2`,
    QUICKBOOKS_TOKEN_URL: `${url}/oauth2/v1/tokens/bearer`,
    QUICKBOOKS_REVOKE_URL: `${url}/v2/oauth2/tokens/revoke`,
  }
}

/** Headers that every answer of Intuit carries, faults too. */
function addIntuitHeaders(app: FastifyInstance, clock: Clock, random: () => number): void {
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({
      intuit_tid: `1-${hexOf(random, 8)}-${hexOf(random, 24)}`,
      date: new Date(clock.now()).toUTCString(),
      'qbo-version': '1993.155',
      'service-time': `total=${20 + Math.floor(random() * 80)}, db=${5 + Math.floor(random() * 15)}`,
      'cache-control': 'max-age=0, no-cache, no-store, must-revalidate, private',
    })
  })
}

export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const clock = createClock(options.clock ?? Date.now)
  const companyOptions: CompanyOptions = { ...companyDefaults(clock.now()), ...options.company }
  const random = options.random ?? createRandom(companyOptions.seed)
  const behaviour = createBehaviour(options.behaviour)
  const clientId = options.clientId ?? 'simulator-client'
  const clientSecret = options.clientSecret ?? 'simulator-secret'
  const company = createCompany(companyOptions, clock, () => behaviour.deletedSuffix)
  const faults = createFaultQueue()
  const meter = createMeter()
  const grants = createGrants({ behaviour, clock, random })
  const oauth = createOAuthControl(grants, clock, company.realmId)
  const verifierToken = options.webhookVerifierToken ?? 'simulator-verifier-token'
  const webhooks = createWebhooks({ behaviour, company, random, verifierToken })
  let url = ''

  const app = Fastify({
    logger: options.logger ?? false,
    forceCloseConnections: true,
    // Unknown keys must be refused, not dropped: a mistyped switch would silently test nothing.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: true } },
    routerOptions: { maxParamLength: 500 },
  })
  addIntuitHeaders(app, clock, random)
  const shared = { behaviour, clock, grants, faults, meter, random }
  const { realmId } = company
  registerOAuth(app, { ...shared, clientId, clientSecret, realmId, companyName: companyOptions.companyName })
  registerApi(app, { ...shared, company, runQuery: createQueryRunner(company) })

  const simulator: Simulator = {
    async listen({ port = 0, host = '127.0.0.1' } = {}) {
      url = await app.listen({ port, host })
      return url
    },
    async close() {
      await webhooks.close()
      await app.close()
    },
    get url() {
      return url
    },
    get env() {
      if (url === '') throw new Error('The simulator has no address before listen()')
      return {
        QUICKBOOKS_CLIENT_ID: clientId,
        QUICKBOOKS_CLIENT_SECRET: clientSecret,
        QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN: verifierToken,
        ...addresses(url),
      }
    },
    company,
    behaviour,
    meter,
    oauth,
    webhooks,
    clock,
    advance: (ms) => clock.advance(ms),
    fault: (plan) => faults.add(plan),
    faultsTaken: () => faults.taken(),
    clearFaults: () => faults.clear(),
  }
  const control: FastifyPluginCallback = (scope, _options, done) => {
    registerControl(scope, simulator)
    done()
  }
  await app.register(control, { prefix: '/control' })
  return simulator
}
