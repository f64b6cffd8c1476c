/**
 * The simulator's own controls over HTTP, for tests and demos in other processes; the table is in README.md. Wrong input
 * gets a 4xx that says what is wrong. Not part of QuickBooks.
 */
import { type Static, Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { type BehaviourChange, BehaviourChangeSchema, changeBehaviour } from '../behaviour.ts'
import { applyEdit, type Edit, UnknownRecord } from '../company/company.ts'
import { type FaultPlan, FaultPlanSchema } from '../faults.ts'
import type { Fields } from '../json.ts'
import type { Simulator } from '../simulator.ts'

const Id = Type.String({ pattern: '^\\d+$' })
const FieldsSchema = Type.Object({}, { additionalProperties: true })
const closed = { additionalProperties: false }

/** The bodies of /records/:entity; the entity comes from the path. */
const EditSchema = Type.Union([
  Type.Object({ action: Type.Literal('create'), fields: FieldsSchema }, closed),
  Type.Object({ action: Type.Literal('update'), id: Id, fields: FieldsSchema }, closed),
  Type.Object({ action: Type.Literal('deactivate'), id: Id }, closed),
  Type.Object({ action: Type.Literal('remove'), id: Id }, closed),
  Type.Object({ action: Type.Literal('merge'), id: Id, into: Id }, closed),
  Type.Object({ action: Type.Literal('bumpBalance'), id: Id, amount: Type.Number() }, closed),
])

const OAuthSchema = Type.Object(
  {
    action: Type.Union(
      (['expireAccessTokens', 'revokeAll', 'rotateNext', 'disconnectByUser'] as const).map((name) =>
        Type.Literal(name),
      ),
    ),
  },
  closed,
)

const WebhooksSchema = Type.Union([
  Type.Object({ action: Type.Literal('subscribe'), url: Type.String() }, closed),
  Type.Object({ action: Type.Literal('unsubscribe') }, closed),
])

export function registerControl(app: FastifyInstance, simulator: Simulator): void {
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status =
      error instanceof UnknownRecord ? 404 : error instanceof SyntaxError ? 400 : (error.statusCode ?? 500)
    return reply.code(status).send({ statusCode: status, error: error.name, message: error.message })
  })

  app.get('/behaviour', async () => simulator.behaviour)
  app.patch('/behaviour', { schema: { body: BehaviourChangeSchema } }, async (request) => {
    changeBehaviour(simulator.behaviour, request.body as BehaviourChange)
    return simulator.behaviour
  })

  app.post('/faults', { schema: { body: FaultPlanSchema } }, async (request, reply) => {
    simulator.fault(request.body as FaultPlan)
    return reply.code(204).send()
  })
  app.get('/faults', async () => ({ taken: simulator.faultsTaken() }))
  app.delete('/faults', async (_request, reply) => {
    simulator.clearFaults()
    return reply.code(204).send()
  })

  app.get('/meter', async () => ({ ...simulator.meter.readings(), log: simulator.meter.log }))
  app.post('/meter/reset', async (_request, reply) => {
    simulator.meter.reset()
    return reply.code(204).send()
  })

  app.post<{ Params: { entity: string } }>(
    '/records/:entity',
    { schema: { body: EditSchema } },
    async (request, reply) => {
      const body = request.body as Static<typeof EditSchema> & { fields?: Fields }
      const record = applyEdit(simulator.company, { ...body, entity: request.params.entity } as Edit)
      return record === undefined ? reply.code(204).send() : record
    },
  )

  app.post('/advance', { schema: { body: Type.Object({ ms: Type.Number() }, closed) } }, async (request) => {
    simulator.advance((request.body as { ms: number }).ms)
    return { now: simulator.clock.now() }
  })

  app.get('/webhooks', async () => {
    const { url = null, sent, delivered, lastStatus, lastDurationMs } = simulator.webhooks
    return { url, sent, delivered, lastStatus, lastDurationMs }
  })
  app.post('/webhooks', { schema: { body: WebhooksSchema } }, async (request, reply) => {
    const body = request.body as Static<typeof WebhooksSchema>
    if (body.action === 'subscribe') simulator.webhooks.subscribe(body.url)
    else simulator.webhooks.unsubscribe()
    return reply.code(204).send()
  })

  app.get('/tokens', async () => simulator.oauth.chains.map(({ refreshToken: _secret, ...state }) => state))
  app.post('/oauth', { schema: { body: OAuthSchema } }, async (request, reply) => {
    simulator.oauth[(request.body as Static<typeof OAuthSchema>).action]()
    return reply.code(204).send()
  })
}
