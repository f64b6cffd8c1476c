/**
 * The Accounting API over HTTP. Every request passes the same gate, in this order: token, realm, throttle, planned fault,
 * latency, answer; and is metered once, when it is known how it ended.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Answer, FORBIDDEN, gatewayFault, unauthorizedText } from '../answer.ts'
import { drawLatency } from '../behaviour.ts'
import { deliver, type Outcome, sleep } from '../deliver.ts'
import type { FaultQueue, Operation } from '../faults.ts'
import type { Meter } from '../meter.ts'
import type { Grants } from '../oauth/grants.ts'
import {
  type ApiDeps,
  answerCdc,
  answerCompanyInfo,
  answerQuery,
  answerRead,
  unsupportedOperation,
} from './operations.ts'
import { throttle } from './throttle.ts'

export interface ApiRouteDeps extends ApiDeps {
  readonly grants: Grants
  readonly faults: FaultQueue
  readonly meter: Meter
  readonly random: () => number
}

/** A lone parameter; QuickBooks takes the first of several. */
export function parameter(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as Record<string, string | string[] | undefined>)[name]
  return Array.isArray(value) ? value[0] : value
}

/** The entity after FROM, read loosely, so that faults can be planned for statements that do not parse. */
function entityOf(statement: string): string[] {
  const name = /\bFROM\s+(\w+)/i.exec(statement)?.[1]
  return name === undefined ? [] : [name]
}

/** Refusal by token or realm; the detail may carry token text, as Intuit's does. */
function refuse(deps: ApiRouteDeps, request: FastifyRequest, realm: string): Answer | undefined {
  const now = deps.clock.now()
  const token = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (token === undefined) return gatewayFault(unauthorizedText(undefined), now)
  const grant = deps.grants.check(token)
  if (grant === 'malformed')
    return gatewayFault(unauthorizedText('Malformed bearer token: too short or too long'), now)
  if (grant === 'expired') return gatewayFault(unauthorizedText(`Token expired: ${token.slice(0, 24)}`), now)
  return grant.realmId === realm ? undefined : gatewayFault(FORBIDDEN, now)
}

function wantsXml(deps: ApiRouteDeps, request: FastifyRequest): boolean {
  if (!deps.behaviour.xmlWithoutAccept || parameter(request, 'format') === 'json') return false
  return !(request.headers.accept ?? '').toLowerCase().includes('json')
}

export function registerApi(app: FastifyInstance, deps: ApiRouteDeps): void {
  const { clock, behaviour, faults, meter } = deps

  async function serve(
    request: FastifyRequest,
    reply: FastifyReply,
    operation: Operation,
    work: () => Answer,
  ) {
    const { realm } = request.params as { realm: string }
    const at = clock.now()
    const refusal = refuse(deps, request, realm) ?? throttle(behaviour, meter.load(at), at)
    if (refusal?.status === 429) meter.throttledOne()
    const fault = refusal ? undefined : faults.take(operation)
    const end = refusal ? () => undefined : meter.begin(at)
    reply.raw.once('close', end)
    const latency = drawLatency(behaviour.latencyMs, deps.random)
    if (latency > 0) await sleep(latency)
    const asXml = wantsXml(deps, request)
    const outcome = await deliver({ reply, fault, asXml, now: clock.now(), work: () => refusal ?? work() })
    record(request, operation, at, outcome)
    return reply
  }

  function record(
    request: FastifyRequest,
    operation: Operation,
    at: number,
    { status, answer }: Outcome,
  ): void {
    const billed = status === 200 && typeof answer?.body === 'object' && answer.body.Fault === undefined
    const path = request.url.split('?')[0] ?? request.url
    const [entity] = operation.entities
    const entry = {
      at,
      method: request.method,
      path,
      operation: operation.name,
      status,
      statement: operation.statement,
    }
    meter.record({ ...entry, ...(entity !== undefined && { entity }) }, operation, billed)
  }

  app.addContentTypeParser(
    ['application/text', 'text/plain'],
    { parseAs: 'string' },
    async (_request: unknown, body: string) => body,
  )

  app.get('/v3/company/:realm/companyinfo/:id', (request, reply) => {
    const { id, realm } = request.params as { id: string; realm: string }
    const operation: Operation = { name: 'companyinfo', entities: ['CompanyInfo'], statement: request.url }
    return serve(request, reply, operation, () => answerCompanyInfo(deps, id, realm))
  })

  app.route({
    method: ['GET', 'POST'],
    url: '/v3/company/:realm/query',
    handler: (request, reply) => {
      const statement = typeof request.body === 'string' ? request.body : parameter(request, 'query')
      const operation: Operation = {
        name: 'query',
        entities: entityOf(statement ?? ''),
        statement: statement ?? '',
      }
      return serve(request, reply, operation, () => answerQuery(deps, statement))
    },
  })

  app.get('/v3/company/:realm/cdc', (request, reply) => {
    const entities = (parameter(request, 'entities') ?? '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
    const operation: Operation = { name: 'cdc', entities, statement: request.url }
    return serve(request, reply, operation, () =>
      answerCdc(deps, entities, parameter(request, 'changedSince')),
    )
  })

  app.get('/v3/company/:realm/:entity/:id', (request, reply) => {
    const { entity, id } = request.params as { entity: string; id: string }
    const operation: Operation = { name: 'read', entities: [entity], statement: request.url }
    return serve(request, reply, operation, () => answerRead(deps, entity, id))
  })

  app.all('/v3/*', async (request, reply) => {
    const answer = unsupportedOperation(deps, request.url.split('?')[0] ?? '')
    return reply.code(answer.status).send(answer.body)
  })
}
