// Live search: one keystroke, one answer. The answer is joined from JSON that was made when each record was indexed.
// A request for no more than the best matches takes the short way; what forms need besides takes the long one.
import { randomUUID } from 'node:crypto'
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Entity, feedsByName, indexesLeftOut, type NamedFeed } from '../services/entities/index.ts'
import { createAnswers } from '../services/search/answers.ts'
import {
  type ManyQuery,
  resultSchemas,
  type SearchQuery,
  searchContract,
} from '../services/search/contract.ts'
import { searchedFields } from '../services/search/explain.ts'
import type { Highlighter, Range } from '../services/search/highlight.ts'
import { asciiJson } from '../services/search/json.ts'
import { mustDecode, namedIndexes, optionsReader, typed } from '../services/search/parameters.ts'
import type { FindOptions, FoundPage, SearchAnswer } from '../services/search/search.ts'

interface Answer {
  body: string
  total: number
}

/** About 4 KB each. */
const keptAnswers = 1_000

export interface SearchRouteOptions {
  /** The entities that are kept here, and those that there would be. */
  entities: readonly Entity[]
  unchosen: readonly Entity[]
  /** A search that takes longer is logged as a warning. */
  slowMs: number
}

const routes: FastifyPluginAsyncTypebox<SearchRouteOptions> = async (app, options) => {
  const { entities, slowMs } = options
  const { searchIndexes: search, cache, log, metrics } = app
  const contract = searchContract(entities)
  const readOptions = optionsReader(entities)
  const leftOut = indexesLeftOut(entities, options.unchosen)
  const feeds = feedsByName(entities)
  const feedsOf = (index: string) => feeds.get(index) as NamedFeed[]
  const debug = ['debug', 'trace'].includes(log.level)
  const answers = createAnswers<Answer>(keptAnswers)
  /** Another start can answer otherwise for the same data. */
  const start = randomUUID().slice(0, 8)
  for (const schema of resultSchemas(entities)) app.addSchema(schema)

  app.get(
    '/api/search/:index',
    {
      config: { access: 'search' },
      schema: {
        operationId: 'searchIndex',
        summary: 'Search one index',
        description:
          'Exact matches first, then beginnings of the field, then beginnings of its words; one wrong keystroke is forgiven where little else fits. Case, accents, apostrophes and separators in part numbers do not matter. `active`, `sort`, `offset` and the filters make the search go to the end of its matches and count them.',
        tags: ['search'],
        params: Type.Object({
          index: Type.Unsafe<string>({
            type: 'string',
            enum: search.indexNames,
            description: 'What to search',
          }),
        }),
        querystring: contract.SearchQuery,
        response: contract.searchAnswers,
      },
    },
    (request, reply) => {
      const { query, params } = request
      const q = typed(query, request.url)
      // The limit is always there, so a plain keystroke has two parameters, the other one is q.
      const plain = q !== '' && Object.keys(query).length === 2
      const options = plain ? null : optionsOf(params.index, request, reply)
      if (isCurrent(request, reply, [params.index])) return notModified(reply)
      if (!plain) return searchWithMore(params.index, q, query, options, reply)
      const started = performance.now()
      const key = `${params.index} ${query.limit} ${q}`
      const { body, total } = answers.get(key, search.generation(params.index), () =>
        bestOf(params.index, q, query.limit),
      )
      sendJson(reply, body)
      const ms = performance.now() - started
      metrics.searched(params.index, q, ms, total)
      logDuration(params.index, total, ms)
    },
  )

  function bestOf(index: string, q: string, limit: number): Answer {
    const { json, total } = search.search(index, q, limit)
    return { body: `{"query":${asciiJson(q)},"results":[${json.join(',')}],"total":${total}}`, total }
  }

  function optionsOf(
    index: string,
    request: FastifyRequest<{ Querystring: SearchQuery }>,
    reply: FastifyReply,
  ): FindOptions | null {
    mustDecode(request.url)
    if (request.query.explain === true) app.assertAdmin(request, reply)
    return readOptions(
      feedsOf(index).map(({ entity }) => entity),
      request.query,
    )
  }

  async function searchWithMore(
    index: string,
    q: string,
    query: SearchQuery,
    options: FindOptions | null,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const started = performance.now()
    const found: SearchAnswer & Partial<FoundPage> =
      options === null ? best(index, q, query.limit) : await search.find(index, q, options)
    const { total, totalMatches } = found
    const results = await resultsOf(index, q, found, query)
    const matches = totalMatches === undefined ? '' : `,"total_matches":${totalMatches}`
    sendJson(reply, `{"query":${asciiJson(query.q ?? '')},"results":[${results}],"total":${total}${matches}}`)
    const ms = performance.now() - started
    metrics.searched(index, q, ms, total, totalMatches)
    logDuration(index, total, ms)
    return reply
  }

  app.get(
    '/api/search',
    {
      config: { access: 'search' },
      schema: {
        operationId: 'searchIndexes',
        summary: 'Search several indexes',
        description: 'What a search in each of them answers, in one request.',
        tags: ['search'],
        querystring: contract.ManyQuery,
        response: contract.manyAnswers,
      },
    },
    async (request, reply) => {
      const { query } = request
      const q = typed(query, request.url)
      const indexes = namedIndexes(query.indexes, search.indexNames, leftOut)
      if (query.explain === true) app.assertAdmin(request, reply)
      if (isCurrent(request, reply, indexes)) return notModified(reply)
      const started = performance.now()
      let total = 0
      const groups: string[] = []
      for (const index of indexes) {
        const begun = performance.now()
        const found = best(index, q, query.limit)
        total += found.total
        const results = await resultsOf(index, q, found, query)
        metrics.searched(index, q, performance.now() - begun, found.total)
        groups.push(`{"index":"${index}","results":[${results}],"total":${found.total}}`)
      }
      sendJson(reply, `{"query":${asciiJson(query.q ?? '')},"groups":[${groups.join(',')}],"total":${total}}`)
      logDuration(query.indexes, total, performance.now() - started)
      return reply
    },
  )

  const best = (index: string, q: string, limit: number): SearchAnswer =>
    q === '' ? search.suggest(index, limit) : search.search(index, q, limit)

  /** The results in JSON, with their highlights and explanations where these are asked for. */
  async function resultsOf(
    index: string,
    q: string,
    found: SearchAnswer,
    { highlight = false, explain = false }: ManyQuery | SearchQuery,
  ): Promise<string> {
    // Made before anything else happens: what changes meanwhile must not mix with what was found.
    const { json, passes } = found
    if (!highlight && !explain) return json.join(',')
    const highlighter = search.highlighter(q)
    const decorated = json.map(async (result, i) => {
      const fields = JSON.parse(result) as Record<string, unknown>
      const named = feedsOf(index).find(({ entity }) => entity.type === fields.type) as NamedFeed
      const shown = named.feed.shows.map((name) => [name, asIndexed(fields[name])] as const)
      const found = highlighted(shown, highlighter)
      const more: Record<string, unknown> = {}
      if (highlight) {
        const texts = Object.entries(found).filter(([name]) => typeof fields[name] === 'string')
        more.highlights = Object.fromEntries(texts)
      }
      if (explain) {
        const names = Object.keys(found)
        const meant = names.length > 0 ? names : await hiddenFields(named, String(fields.id), highlighter)
        more.explanation = { pass: passes[i], fields: meant }
      }
      return `${result.slice(0, -1)},${JSON.stringify(more).slice(1)}`
    })
    return (await Promise.all(decorated)).join(',')
  }

  /** Where a match stands that no result shows. */
  async function hiddenFields(
    { entity, feed }: NamedFeed,
    id: string,
    highlighter: Highlighter,
  ): Promise<string[]> {
    const realm = app.tokens.keeper.connection()?.realm
    const json = realm === undefined ? undefined : await cache.get(realm, entity.name, id)
    if (json === undefined) return []
    return Object.keys(highlighted(searchedFields(feed, JSON.parse(json)), highlighter))
  }

  /** Sets what every answer says about itself; true when the client has this one already. */
  function isCurrent(request: FastifyRequest, reply: FastifyReply, indexes: readonly string[]): boolean {
    const generations = indexes.map(search.generation).join('.')
    const tag = `W/"${start}-${generations}"`
    reply.header('etag', tag)
    reply.header('cache-control', 'private, no-cache')
    const age = oldest(indexes)
    if (age !== null) reply.header('x-data-age', age)
    const known = request.headers['if-none-match']
    return known !== undefined && (known === '*' || known.includes(tag.slice(2)))
  }

  /** The age of what was read least recently; null when something was not read yet. */
  function oldest(indexes: readonly string[]): number | null {
    let oldest = 0
    for (const index of indexes) {
      for (const { entity } of feedsOf(index)) {
        const age = cache.ageSeconds(entity.name)
        if (age === null) return null
        if (age > oldest) oldest = age
      }
    }
    return oldest
  }

  /** What was typed can be a customer's name, so it is not logged. */
  function logDuration(index: string, total: number, ms: number): void {
    if (ms > slowMs) log.warn({ index, total, ms }, 'Slow search')
    else if (debug) log.debug({ index, total, ms }, 'Search')
  }
}

/** An amount is searched with two decimals; as a number it has no characters to highlight. */
const asIndexed = (value: unknown): unknown => (typeof value === 'number' ? value.toFixed(2) : value)

/** The ranges in the fields that have any. */
function highlighted(
  fields: readonly (readonly [name: string, value: unknown])[],
  highlighter: Highlighter,
): Record<string, Range[]> {
  const texts = fields.filter((field): field is [string, string] => typeof field[1] === 'string')
  const ranges = highlighter(texts.map(([, text]) => text))
  return Object.fromEntries(
    texts.map(([name], i) => [name, ranges[i] ?? []] as const).filter(([, found]) => found.length > 0),
  )
}

/** Without a body, and without headers that would describe one (RFC 9110 section 15.4.5). */
function notModified(reply: FastifyReply): FastifyReply {
  return reply.code(304).send()
}

/** The body is JSON in ASCII already; the schema of the route describes it and is not run. */
function sendJson(reply: FastifyReply, body: string): void {
  reply.header('content-length', body.length).type('application/json; charset=utf-8').send(body)
}

export default fp(routes, {
  name: 'search-routes',
  encapsulate: true,
  dependencies: ['search-indexes', 'metrics', 'cache', 'tokens', 'auth', 'errors'],
})
