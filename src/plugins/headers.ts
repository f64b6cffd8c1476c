// What every answer tells browsers: no page may frame it, guess its type, or take a script from it. Routes whose answers
// are kept or shown say so themselves, and win.
import fp from 'fastify-plugin'

const ANSWER = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** A year: what browsers take for lasting. Of this host only, since others are not ours. */
const HTTPS_ONLY = { 'strict-transport-security': 'max-age=31536000' }

/** `https`: browsers reach the service by https, and shall not try it otherwise. */
export default fp<{ https: boolean }>(
  async (app, { https }) => {
    const headers = https ? { ...ANSWER, ...HTTPS_ONLY } : ANSWER
    app.addHook('onRequest', (_request, reply, done) => {
      reply.headers(headers)
      done()
    })
  },
  { name: 'headers' },
)
