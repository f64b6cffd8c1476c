// Records by their ids: labels for the values that a form has stored, those of inactive records too.
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import fp from 'fastify-plugin'
import { AppError } from '../errors.ts'
import type { Entity } from '../services/entities/index.ts'
import { resultOf, resultSchemas } from '../services/search/contract.ts'
import { asciiJson } from '../services/search/json.ts'
import { mustDecode } from '../services/search/parameters.ts'

const mostIds = 100

/** The entities that are kept here. */
export interface RecordRouteOptions {
  entities: readonly Entity[]
}

const routes: FastifyPluginAsyncTypebox<RecordRouteOptions> = async (app, { entities }) => {
  const { searchIndexes: search, cache } = app
  for (const schema of resultSchemas(entities)) app.addSchema(schema)

  app.get(
    '/api/records/:entity',
    {
      config: { access: 'search' },
      schema: {
        operationId: 'records',
        summary: 'Records by their ids',
        description: 'As search answers them, active or not: labels for the values that a form has stored.',
        tags: ['search'],
        params: Type.Object({
          entity: Type.Unsafe<string>({ type: 'string', enum: entities.map(({ name }) => name) }),
        }),
        querystring: Type.Object(
          {
            ids: Type.String({
              pattern: '\\S',
              maxLength: 8_000,
              description: `QuickBooks Ids, comma separated, at most ${mostIds}`,
            }),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object(
            {
              results: Type.Array(resultOf(entities), { description: 'In the order of the ids' }),
              missing: Type.Array(Type.String(), { description: 'Ids that no cached record has' }),
              total: Type.Integer({ description: 'Number of results' }),
            },
            { description: 'The records' },
          ),
        },
      },
    },
    (request, reply) => {
      if (request.query.ids.includes('%')) mustDecode(request.url)
      const ids = [...new Set(request.query.ids.split(',').map((id) => id.trim()))].filter(Boolean)
      if (ids.length > mostIds) throw tooMany(ids.length)
      const found = search.results(request.params.entity, ids)
      const results = found.filter((json) => json !== null)
      const missing = ids.filter((_, i) => found[i] === null)
      const age = cache.ageSeconds(request.params.entity)
      if (age !== null) reply.header('x-data-age', age)
      reply.header('cache-control', 'private, no-cache').type('application/json; charset=utf-8')
      // JSON already; the schema above describes it and is not run.
      const body = `{"results":[${results.join(',')}],"missing":${asciiJson(missing)},"total":${results.length}}`
      reply.send(body as never)
    },
  )
}

const tooMany = (count: number) =>
  new AppError({
    code: 'BAD_REQUEST',
    status: 400,
    message: `ids: ${count} were asked for, ${mostIds} is the most in one request.`,
  })

export default fp(routes, {
  name: 'record-routes',
  encapsulate: true,
  dependencies: ['search-indexes', 'cache', 'auth', 'errors'],
})
