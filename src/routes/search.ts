// Live search: one keystroke, one answer. The answer is joined from JSON that was made when each record was indexed.
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import fp from 'fastify-plugin'
import { AppError } from '../errors.ts'
import { entities } from '../services/entities/index.ts'
import { asciiJson } from '../services/search/json.ts'

/** A search that takes longer than `slowMs` is logged as a warning. */
export interface SearchRouteOptions {
  slowMs: number
}

const routes: FastifyPluginAsyncTypebox<SearchRouteOptions> = async (app, { slowMs }) => {
  const { searchIndexes, log } = app
  const debug = ['debug', 'trace'].includes(log.level)
  for (const { resultSchema } of entities) app.addSchema(resultSchema)
  const Result = Type.Union(entities.map(({ resultSchema }) => Type.Ref(resultSchema.$id as string)))

  app.get(
    '/api/search/:index',
    {
      config: { access: 'search' },
      schema: {
        summary: 'Search one index',
        description:
          'Exact matches first, then beginnings of the field, then beginnings of its words. Case, accents, apostrophes and separators in part numbers do not matter. Active records only.',
        tags: ['search'],
        params: Type.Object({
          index: Type.Unsafe<string>({
            type: 'string',
            enum: searchIndexes.indexNames,
            description: 'What to search',
          }),
        }),
        querystring: Type.Object(
          {
            q: Type.String({ minLength: 1, pattern: '\\S', description: 'What the person typed so far' }),
            limit: Type.Integer({
              minimum: 1,
              maximum: 100,
              default: 15,
              description: 'Most results to return',
            }),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object(
            {
              query: Type.String({ description: 'q as it was sent' }),
              results: Type.Array(Result),
              total: Type.Integer({ description: 'Number of results returned' }),
            },
            { description: 'The best matches, best first' },
          ),
          '4xx': Type.Ref('Error'),
        },
      },
    },
    (request, reply) => {
      const { q, limit } = request.query
      // What cannot be decoded arrives as it was sent; only then, and seldom else, is there a % in it.
      if (q.includes('%') && !isDecodable(request.url)) throw undecodable()
      const started = performance.now()
      const { json, total } = searchIndexes.search(request.params.index, q, limit)
      const body = `{"query":${asciiJson(q)},"results":[${json.join(',')}],"total":${total}}`
      logDuration(request.params.index, total, performance.now() - started)
      reply.type('application/json; charset=utf-8')
      // The body is JSON already; the schema above describes it and is not run.
      ;(reply as { send(payload: string): unknown }).send(body)
    },
  )

  /** What was typed can be a customer's name, so it is not logged. */
  function logDuration(index: string, total: number, ms: number): void {
    if (ms > slowMs) log.warn({ index, total, ms }, 'Slow search')
    else if (debug) log.debug({ index, total, ms }, 'Search')
  }
}

function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url)
    return true
  } catch {
    return false
  }
}

const undecodable = () =>
  new AppError({
    code: 'BAD_REQUEST',
    status: 400,
    message: 'q: its percent-encoding is broken; encode it as encodeURIComponent does.',
  })

export default fp(routes, {
  name: 'search-routes',
  encapsulate: true,
  dependencies: ['search-indexes', 'auth', 'errors'],
})
