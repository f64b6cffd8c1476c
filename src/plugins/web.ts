// The console at `/`: static files from web/, sent with a policy that lets them load nothing from elsewhere. The autocomplete
// element among them is there for pages of other origins, too: a script without any data in it.
import { basename, join } from 'node:path'
import fastifyStatic from '@fastify/static'
import fp from 'fastify-plugin'

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
const FOR_EVERYBODY = 'qbo-autocomplete.js'

/** Serves every file of web/, and nothing else, by its name. */
export default fp(
  async (app) => {
    await app.register(fastifyStatic, {
      root: join(import.meta.dirname, '../../web'),
      wildcard: false,
      setHeaders(reply, path) {
        reply.header('content-security-policy', POLICY)
        reply.header('x-content-type-options', 'nosniff')
        reply.header('referrer-policy', 'no-referrer')
        if (basename(path) !== FOR_EVERYBODY) return
        reply.header('cross-origin-resource-policy', 'cross-origin')
        reply.header('access-control-allow-origin', '*')
      },
    })
  },
  { name: 'web' },
)
