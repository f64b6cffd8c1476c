/**
 * Planned failures: which request they hit, how often, and what happens to it. A plan is taken by the first request that
 * fits, in the order of planning. What each kind does is in deliver.ts; this file only keeps the queue.
 */
import { type Static, Type } from '@sinclair/typebox'

const Operation = Type.Union(
  (['query', 'cdc', 'read', 'companyinfo', 'token', 'refresh', 'revoke'] as const).map((name) =>
    Type.Literal(name),
  ),
)
export type OperationName = Static<typeof Operation>

export const FAULT_KINDS = [
  'http429',
  'html502',
  'html503',
  'html504',
  'xmlFault',
  'fault',
  'okFault',
  'unauthorized',
  'forbidden',
  'invalidGrant',
  'redirect',
  'malformed',
  'empty',
  'truncated',
  'cut',
  'reset',
  'lostBefore',
  'lostTokenAnswer',
  'hang',
  'slow',
  'huge',
  'missingKeys',
  'wrongRows',
  'badRecord',
] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

export const FaultPlanSchema = Type.Object(
  {
    /** `token` is the exchange of a code, `refresh` the refresh of a token. */
    on: Type.Union([Operation, Type.Literal('any')]),
    kind: Type.Union(FAULT_KINDS.map((kind) => Type.Literal(kind))),
    entity: Type.Optional(Type.String()),
    /** Regular expression, case-insensitive, that the statement (or path) must contain. */
    match: Type.Optional(Type.String({ maxLength: 500 })),
    /** How many requests it hits; default 1. Over HTTP, null stands for Infinity. */
    times: Type.Optional(Type.Union([Type.Number({ minimum: 1 }), Type.Null()])),
    /** How many fitting requests it lets pass first. */
    skip: Type.Optional(Type.Integer({ minimum: 0 })),
    // What the kinds read
    status: Type.Optional(Type.Integer({ minimum: 200, maximum: 599 })),
    code: Type.Optional(Type.String()),
    message: Type.Optional(Type.String()),
    detail: Type.Optional(Type.String()),
    type: Type.Optional(Type.String()),
    body: Type.Optional(Type.Union([Type.Literal('json'), Type.Literal('xml')])),
    retryAfterSeconds: Type.Optional(Type.Union([Type.Number({ minimum: 0 }), Type.String()])),
    delayMs: Type.Optional(Type.Number({ minimum: 0 })),
    megabytes: Type.Optional(Type.Number({ minimum: 0 })),
    rows: Type.Optional(Type.Integer({ minimum: 0 })),
    record: Type.Optional(
      Type.Union(
        (['noId', 'nullMetaData', 'numericName', 'notAnObject'] as const).map((shape) => Type.Literal(shape)),
      ),
    ),
    location: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
)
export type FaultPlan = Static<typeof FaultPlanSchema>

/** What a request is about, as far as plans and the meter care. */
export interface Operation {
  readonly name: OperationName
  /** One of them, or several for change data capture. */
  readonly entities: readonly string[]
  /** The query statement, else the path. */
  readonly statement: string
}

export interface FaultQueue {
  add(plan: FaultPlan): void
  take(operation: Operation): FaultPlan | undefined
  /** How often each kind was taken. */
  taken(): Partial<Record<FaultKind, number>>
  clear(): void
}

interface Planned {
  readonly plan: FaultPlan
  readonly match: RegExp | undefined
  skip: number
  left: number
}

function fits({ plan, match }: Planned, operation: Operation): boolean {
  if (plan.on !== 'any' && plan.on !== operation.name) return false
  const entity = plan.entity?.toLowerCase()
  if (entity !== undefined && !operation.entities.some((each) => each.toLowerCase() === entity)) return false
  return match === undefined || match.test(operation.statement)
}

/** Throws a SyntaxError for a `match` that is no regular expression. */
export function createFaultQueue(): FaultQueue {
  let queue: Planned[] = []
  const taken: Partial<Record<FaultKind, number>> = {}
  return {
    add(plan) {
      const match = plan.match === undefined ? undefined : new RegExp(plan.match, 'i')
      const left = plan.times === null ? Number.POSITIVE_INFINITY : (plan.times ?? 1)
      queue.push({ plan, match, skip: plan.skip ?? 0, left })
    },
    take(operation) {
      for (const planned of queue) {
        if (!fits(planned, operation)) continue
        if (planned.skip > 0) {
          planned.skip -= 1
          continue
        }
        planned.left -= 1
        if (planned.left <= 0) queue = queue.filter((each) => each !== planned)
        const { kind } = planned.plan
        taken[kind] = (taken[kind] ?? 0) + 1
        return planned.plan
      }
      return undefined
    },
    taken: () => ({ ...taken }),
    clear() {
      queue = []
    },
  }
}
