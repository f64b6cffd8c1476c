/**
 * The switches of the simulator: everything that real QuickBooks does or has been seen to do, one by one. The schema is
 * the definition; the defaults are the real world as far as it is known. Read live at every request, never copied.
 */
import { type Static, Type } from '@sinclair/typebox'

const Limit = Type.Union([Type.Number({ minimum: 1 }), Type.Null()])
const Latency = Type.Union([
  Type.Number({ minimum: 0 }),
  Type.Tuple([Type.Number({ minimum: 0 }), Type.Number({ minimum: 0 })]),
])
const Chance = Type.Number({ minimum: 0, maximum: 1 })

export const ThrottleSchema = Type.Object(
  {
    /** Requests in any second, in any minute, and open at once; null switches that limit off. */
    perSecond: Limit,
    perMinute: Limit,
    concurrent: Limit,
    body: Type.Union([Type.Literal('json'), Type.Literal('xml')]),
    retryAfterSeconds: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
  },
  { additionalProperties: false },
)

export const BehaviourSchema = Type.Object(
  {
    // Consent and tokens
    consent: Type.Union([Type.Literal('auto'), Type.Literal('ask'), Type.Literal('deny')]),
    /** The company that the person chooses on the consent page; null is the simulator's own. */
    consentRealmId: Type.Union([Type.String(), Type.Null()]),
    redirectUris: Type.Union([Type.Literal('any'), Type.Array(Type.String())]),
    rotation: Type.Union([Type.Literal('daily'), Type.Literal('always'), Type.Literal('never')]),
    previousToken: Type.Union([Type.Literal('strict'), Type.Literal('grace')]),
    doubleRefreshRevokes: Type.Boolean(),
    codeReuseRevokes: Type.Boolean(),
    codeLifeSeconds: Type.Number({ minimum: 1 }),
    accessLifeSeconds: Type.Number({ minimum: 1 }),
    refreshLifeSeconds: Type.Number({ minimum: 1 }),
    refreshHardLifeSeconds: Type.Number({ minimum: 1 }),
    // Records and queries
    defaultOrder: Type.Union([Type.Literal('entity'), Type.Literal('id')]),
    activeOnly: Type.Boolean(),
    deletedSuffix: Type.String(),
    omitEmptyKeys: Type.Boolean(),
    totalCount: Type.Union([Type.Literal('listed'), Type.Literal('always'), Type.Literal('never')]),
    limitPlusOne: Type.Boolean(),
    xmlWithoutAccept: Type.Boolean(),
    // Change data capture
    cdcDays: Type.Union([Type.Number({ minimum: 1 }), Type.Null()]),
    cdcCap: Type.Integer({ minimum: 1 }),
    cdcCapScope: Type.Union([Type.Literal('request'), Type.Literal('entity')]),
    cdcEmptyGroups: Type.Boolean(),
    // Traffic
    throttle: ThrottleSchema,
    /** Milliseconds, or [least, most]; before the answer of an API call, or of a token call. */
    latencyMs: Latency,
    tokenLatencyMs: Latency,
    // Webhooks
    webhookFormat: Type.Union([Type.Literal('cloudEvents'), Type.Literal('classic')]),
    /** From an edit to the post that tells of it. */
    webhookDelayMs: Latency,
    /** Events in one post, at most. */
    webhookBatch: Type.Integer({ minimum: 1 }),
    /** The chance that an event is dropped, that it is sent twice, that the events of a post change places. */
    webhookLoss: Chance,
    webhookDoubles: Chance,
    webhookShuffle: Chance,
    /** What is waited before each further attempt, until one is answered with 2xx. */
    webhookRetrySeconds: Type.Array(Type.Number({ minimum: 0 })),
  },
  { additionalProperties: false },
)

export type Behaviour = Static<typeof BehaviourSchema>
/** As in PATCH: any of the switches, and of the throttle's own. */
export type BehaviourChange = Partial<Omit<Behaviour, 'throttle'>> & {
  throttle?: Partial<Behaviour['throttle']>
}

const DEFAULTS: Behaviour = {
  consent: 'auto',
  consentRealmId: null,
  redirectUris: 'any',
  rotation: 'daily',
  previousToken: 'strict',
  doubleRefreshRevokes: true,
  codeReuseRevokes: true,
  codeLifeSeconds: 600,
  accessLifeSeconds: 3600,
  refreshLifeSeconds: 8_726_400,
  refreshHardLifeSeconds: 157_680_000,
  defaultOrder: 'entity',
  activeOnly: true,
  deletedSuffix: ' (deleted)',
  omitEmptyKeys: true,
  totalCount: 'listed',
  limitPlusOne: false,
  xmlWithoutAccept: true,
  cdcDays: 30,
  cdcCap: 1000,
  cdcCapScope: 'request',
  cdcEmptyGroups: true,
  throttle: { perSecond: 10, perMinute: 500, concurrent: 10, body: 'json', retryAfterSeconds: null },
  latencyMs: 0,
  tokenLatencyMs: 20,
  webhookFormat: 'cloudEvents',
  webhookDelayMs: 100,
  webhookBatch: 100,
  webhookLoss: 0,
  webhookDoubles: 0,
  webhookShuffle: 0,
  webhookRetrySeconds: [10, 20, 30, 300, 1200, 7200, 14_400, 21_600],
}

export function createBehaviour(change: BehaviourChange = {}): Behaviour {
  const behaviour = structuredClone(DEFAULTS)
  changeBehaviour(behaviour, change)
  return behaviour
}

export function changeBehaviour(behaviour: Behaviour, change: BehaviourChange): void {
  const { throttle, ...rest } = change
  Object.assign(behaviour, rest)
  Object.assign(behaviour.throttle, throttle)
}

export const BehaviourChangeSchema = Type.Composite(
  [
    Type.Partial(Type.Omit(BehaviourSchema, ['throttle'])),
    Type.Partial(Type.Object({ throttle: Type.Partial(ThrottleSchema) })),
  ],
  { additionalProperties: false },
)

/** Milliseconds to wait, drawn from a latency setting. */
export function drawLatency(latency: Behaviour['latencyMs'], random: () => number): number {
  if (typeof latency === 'number') return latency
  const [least, most] = latency
  return least + random() * (most - least)
}
