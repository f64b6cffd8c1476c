// Where Intuit announces changes. A post is verified, its events are kept, and it is answered: what they are about is
// read afterwards, so that Intuit, which waits three seconds, is not kept waiting for QuickBooks.
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import fp from 'fastify-plugin'
import { AppError } from '../errors.ts'
import type { Hint } from '../services/cache/hints.ts'
import type { Entity } from '../services/entities/index.ts'
import { isSigned, readEvents, WebhookPost } from '../services/qbo/webhooks.ts'

/** Without a token the route only says what is missing. */
export interface WebhookRouteOptions {
  entities: readonly Entity[]
  verifierToken: string | undefined
}

const MOST_BYTES = 1024 * 1024
/** Of all posts under way: far more than Intuit's are together, and it sends what is turned away again. */
const MOST_BYTES_AT_ONCE = 64 * MOST_BYTES
/** Anybody can post what is refused; the log must not be theirs. */
const LINES_A_MINUTE = 20

const routes: FastifyPluginAsyncTypebox<WebhookRouteOptions> = async (app, { entities, verifierToken }) => {
  const { log, replica, sync } = app
  const { keeper } = app.tokens
  const names = new Map(entities.map(({ qbo, name }) => [qbo.toLowerCase(), name]))

  // The signature is over the bytes as they came.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  let minute = 0
  let lines = 0
  app.addHook('onError', async (_request, _reply, { code, statusCode = 500 }) => {
    const now = Math.floor(performance.now() / 60_000)
    lines = now === minute ? lines + 1 : 1
    minute = now
    if (statusCode < 500 && lines <= LINES_A_MINUTE) log.warn({ code, status: statusCode }, 'Webhook refused')
  })

  // Before the body is read: anybody can send one.
  let open = 0
  app.addHook('onRequest', async (request, reply) => {
    if (verifierToken === undefined) throw switchedOff()
    if (typeof request.headers['intuit-signature'] !== 'string')
      throw unsigned('There is no header intuit-signature')
    const bytes = Math.min(Number(request.headers['content-length'] ?? MOST_BYTES), MOST_BYTES)
    if (open + bytes > MOST_BYTES_AT_ONCE) throw tooMany()
    open += bytes
    reply.raw.once('close', () => {
      open -= bytes
    })
  })

  app.post(
    '/webhooks/quickbooks',
    {
      bodyLimit: MOST_BYTES,
      // What comes is verified and read from its bytes; the schema is for the document.
      validatorCompiler: () => () => true,
      config: { access: 'signature' },
      schema: {
        operationId: 'quickbooksWebhook',
        summary: 'Where Intuit announces changes',
        description:
          'CloudEvents or classic notifications, with the signature of the verifier token in `intuit-signature`. Answered once they are kept; QuickBooks is asked for the records afterwards.',
        tags: ['webhooks'],
        body: WebhookPost,
        response: {
          200: Type.Object(
            {
              received: Type.Integer({ description: 'Events about records that are cached' }),
            },
            { description: 'Kept' },
          ),
        },
      },
    },
    async (request) => {
      const bytes: unknown = request.body
      const body = Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0)
      const signature = String(request.headers['intuit-signature'])
      if (verifierToken === undefined || !isSigned(body, signature, verifierToken))
        throw unsigned('The header intuit-signature does not fit this body')
      const { events, unread } = readEvents(body)
      if (unread > 0)
        log.warn({ unread }, 'Webhook events in no known form; the next look finds what changed')

      // It may have been connected a moment ago, by another replica.
      if (events.some(({ realmId }) => realmId !== keeper.connection()?.realmId)) await replica.look()
      const connection = keeper.connection()
      const hints = new Map<string, Hint>()
      let ignored = 0
      for (const { realmId, entity: qbo, id, gone } of events) {
        const entity = names.get(qbo)
        const key = `${entity} ${id}`
        if (realmId !== connection?.realmId || entity === undefined) ignored += 1
        else hints.set(key, { entity, id, gone: gone || hints.get(key)?.gone === true })
      }
      await sync.noticed(connection?.realm ?? '', [...hints.values()], ignored)
      return { received: hints.size }
    },
  )
}

const unsigned = (what: string) =>
  new AppError({
    code: 'SIGNATURE_INVALID',
    status: 401,
    message: `${what}: nothing was taken. Only Intuit posts here; compare QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN with the verifier token of the Intuit app.`,
  })

const tooMany = () =>
  new AppError({
    code: 'TOO_BUSY',
    status: 503,
    retry: 'later',
    message: 'Too many posts are under way: nothing of this one was taken. Send it again.',
    retryAfterSeconds: 5,
  })

const switchedOff = () =>
  new AppError({
    code: 'WEBHOOKS_OFF',
    status: 404,
    message:
      'Webhooks are switched off here: set QUICKBOOKS_WEBHOOK_VERIFIER_TOKEN to the verifier token of the Intuit app.',
  })

export default fp(routes, {
  name: 'webhook-routes',
  encapsulate: true,
  dependencies: ['tokens', 'sync', 'replica', 'auth', 'errors'],
})
