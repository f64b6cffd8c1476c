// The console at `/`: static files from web/, sent with a policy that lets them load nothing from elsewhere.
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import fp from 'fastify-plugin'

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** Serves every file of web/, and nothing else, by its name. */
export default fp(
  async (app) => {
    await app.register(fastifyStatic, {
      root: join(import.meta.dirname, '../../web'),
      wildcard: false,
      setHeaders(reply) {
        reply.header('content-security-policy', POLICY)
        reply.header('x-content-type-options', 'nosniff')
        reply.header('referrer-policy', 'no-referrer')
      },
    })
  },
  { name: 'web' },
)
