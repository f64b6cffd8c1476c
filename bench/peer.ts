// The peers of the search route, behind the same server with the same validation:
// `static` always sends the same 15 results through a response schema, `scan` looks through every name for the query.
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import Fastify from 'fastify'
import { createSimulator } from '../simulator/simulator.ts'
import { customers as entity } from '../src/services/entities/customers.ts'

const [kind = 'static', count = '1000'] = process.argv.slice(2)
const simulator = await createSimulator({ company: { customers: Number(count), vendors: 0, items: 0 } })
const results = simulator.company
  .list('Customer')
  .filter(({ Active }) => Active)
  .map((customer) => entity.result(customer))
const names = results.map(({ name }) => name.toLowerCase())
const first = results.slice(0, 15)

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/api/search/:index',
    {
      schema: {
        params: Type.Object({ index: Type.Unsafe<string>({ type: 'string', enum: ['client_names'] }) }),
        querystring: Type.Object(
          {
            q: Type.String({ minLength: 1, pattern: '\\S' }),
            limit: Type.Integer({ minimum: 1, maximum: 100, default: 15 }),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({
            query: Type.String(),
            results: Type.Array(entity.resultSchema),
            total: Type.Integer(),
          }),
        },
      },
    },
    async ({ query: { q, limit } }) => {
      const found = kind === 'static' ? first : scan(q.toLowerCase(), limit)
      return { query: q, results: found, total: found.length }
    },
  )
}

/** To know the best, all have to be looked at: there is no early end. */
function scan(q: string, limit: number) {
  const found = []
  for (let i = 0; i < names.length; i++) {
    const result = results[i]
    if (result !== undefined && names[i]?.includes(q)) found.push(result)
  }
  return found.slice(0, limit)
}

const app = Fastify({ ajv: { customOptions: { removeAdditional: false, allErrors: true } } })
await app.register(routes)
console.log(await app.listen({ port: 0, host: '127.0.0.1' }))
process.on('SIGTERM', () => process.exit(0))
