// The way to Intuit's consent page and back.
import fp from 'fastify-plugin'
import { type ConsentFlow, createConsentFlow } from '../services/tokens/consent.ts'

declare module 'fastify' {
  interface FastifyInstance {
    consent: ConsentFlow
  }
}

/** `pinnedRealmId`: the only company that may be connected. */
export default fp<{ pinnedRealmId: string | undefined }>(
  async (app, { pinnedRealmId }) => {
    const { tryAccess } = app.qbo
    app.decorate('consent', createConsentFlow({ ...app.tokens, tryAccess, pinnedRealmId }))
  },
  { name: 'consent', dependencies: ['tokens', 'qbo'] },
)
