// The contract as OpenAPI 3.1, made from the routes' own schemas: /openapi.json, and to read and try it: /docs.
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'

/** Nothing from elsewhere. Not `upgrade-insecure-requests`: over plain http the page would wait for https. */
const POLICY = {
  'default-src': "'self'",
  'base-uri': "'none'",
  'font-src': "'self' data:",
  'frame-ancestors': "'none'",
  'img-src': "'self' data:",
  'object-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
}

const tags = [
  { name: 'search', description: 'What autocomplete fields ask on every keystroke' },
  { name: 'cache', description: 'The local copy: its state, and its records as QuickBooks sent them' },
  { name: 'changes', description: 'For copies that follow the cache, and pages that show it' },
  { name: 'connection', description: 'The OAuth2 connection to QuickBooks' },
  { name: 'webhooks', description: 'What Intuit posts' },
  { name: 'operation', description: 'For those who run the service' },
]

/** `version` is the service's own. */
export default fp<{ version: string; publicUrl: string }>(
  async (app, { version, publicUrl }) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'mrp-backend',
          version,
          license: { name: 'MIT', identifier: 'MIT' },
          description:
            'QuickBooks Online at hand for an MRP web app: live search, cached records, the connection.',
        },
        servers: [
          {
            url: '{public_url}',
            variables: { public_url: { default: publicUrl, description: 'PUBLIC_URL of the installation' } },
          },
        ],
        tags,
        components: {
          securitySchemes: {
            key: {
              type: 'http',
              scheme: 'bearer',
              description:
                'SEARCH_API_KEY or ADMIN_API_KEY, where they are set; the README says what needs which',
            },
            signature: {
              type: 'apiKey',
              in: 'header',
              name: 'intuit-signature',
              description: 'HMAC-SHA256 of the body with the verifier token of the Intuit app, in base64',
            },
          },
        },
      },
      refResolver: {
        buildLocalReference: (json, _base, _fragment, i) =>
          typeof json.$id === 'string' ? json.$id : `def-${i}`,
      },
      transform({ schema, url, route }) {
        const access = (route.config as { access?: string } | undefined)?.access
        const scheme = access === 'signature' ? 'signature' : 'key'
        const security = access === undefined || access === 'open' ? [] : [{ [scheme]: [] }]
        const querystring = withoutDefaults(schema?.querystring)
        return { schema: { ...schema, ...(querystring && { querystring }), security }, url }
      },
    })
    const page = { config: { access: 'open' }, schema: { hide: true } } as const
    app.get('/openapi.json', page, async () => app.swagger())
    await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: POLICY })
  },
  { name: 'openapi' },
)

/** A parameter with a default is there for the route, but no client has to send it. */
function withoutDefaults(querystring: unknown): object | undefined {
  const { required, properties } = (querystring ?? {}) as {
    required?: string[]
    properties?: Record<string, { default?: unknown }>
  }
  if (required === undefined) return undefined
  return {
    ...(querystring as object),
    required: required.filter((name) => properties?.[name]?.default === undefined),
  }
}
