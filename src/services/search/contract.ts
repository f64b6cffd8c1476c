// The parameters and answers of search over HTTP, as schemas.
import { type Static, Type } from '@sinclair/typebox'
import type { Entity } from '../entities/entity.ts'

const flag = (description: string) => Type.Optional(Type.Boolean({ description }))

/** What every search takes. */
const common = {
  q: Type.Optional(
    Type.String({ description: 'What the person typed so far; required unless `suggest=true`' }),
  ),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 15, description: 'Most results to return' }),
  highlight: flag('Adds `highlights` to each result: which parts of its fields the query means'),
  suggest: flag('With an empty `q`: the records that matter most, for the moment a field gets the focus'),
  explain: flag('Adds `explanation` to each result: why it is there. Needs the admin key'),
}

/** The parameters of a search in several indexes. */
const ManyQuery = Type.Object(
  {
    indexes: Type.String({ minLength: 1, description: 'What to search, comma separated' }),
    ...common,
  },
  { additionalProperties: false },
)
export type ManyQuery = Static<typeof ManyQuery>

/** The parameters of a search in one index. What entities share, as `customer_id`, is one parameter. */
function searchQuery(entities: readonly Entity[]) {
  const facets = entities.flatMap((entity) => entity.facets ?? [])
  const measures = entities.flatMap((entity) => entity.measures ?? [])
  const orders = [...new Set(['name', 'last_updated', ...measures.map(({ name }) => name)])]
  const Sort = Type.Unsafe<string>({
    type: 'string',
    enum: ['relevance', ...orders.flatMap((name) => [name, `-${name}`])],
    description: 'The order of the results, `-` for descending; relevance when not given',
  })
  /** Any of these makes a search go to the end of its matches. */
  const whole = {
    active: Type.Optional(
      Type.Unsafe<'true' | 'false' | 'all'>({
        type: 'string',
        enum: ['true', 'false', 'all'],
        description: 'Active records (the default), inactive ones, or both',
      }),
    ),
    sort: Type.Optional(Sort),
    offset: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 10_000_000,
        description: 'Matches to skip, to page to the end of them',
      }),
    ),
    ...Object.fromEntries(
      facets.map(({ parameter, description }) => [
        parameter,
        Type.Optional(Type.String({ minLength: 1, description })),
      ]),
    ),
    ...Object.fromEntries(
      measures.flatMap(({ name, min, max }) => [
        [min, Type.Optional(Type.Number({ description: `Least ${name}` }))],
        [max, Type.Optional(Type.Number({ description: `Most ${name}` }))],
      ]),
    ),
  }
  return Type.Object({ ...common, ...whole }, { additionalProperties: false })
}
export type SearchQuery = Static<ReturnType<typeof searchQuery>>

const Highlights = Type.Record(
  Type.String(),
  Type.Array(Type.Array(Type.Integer(), { minItems: 2, maxItems: 2 })),
  {
    description: 'By field: ranges [start, length] in UTF-16 units, ascending and disjoint',
  },
)
const Explanation = Type.Object({
  pass: Type.String({ description: 'The way in which it was found' }),
  fields: Type.Array(Type.String(), {
    description:
      'The fields of the result that the query means; where none shows it, those of the QuickBooks record, as in `PurchaseDesc`',
  }),
})

/** The results of each entity, with what was asked for besides: shared schemas, by their `$id`. */
export const resultSchemas = (entities: readonly Entity[]) =>
  entities.map(({ resultSchema }) =>
    Type.Object(
      {
        ...resultSchema.properties,
        highlights: Type.Optional(Highlights),
        explanation: Type.Optional(Explanation),
      },
      { $id: resultSchema.$id as string, additionalProperties: false },
    ),
  )
/** A result of any entity, told apart by its `type`. */
export const resultOf = (entities: readonly Entity[]) =>
  Type.Unsafe<unknown>({
    oneOf: entities.map(({ resultSchema }) => Type.Ref(resultSchema.$id as string)),
    discriminator: {
      propertyName: 'type',
      mapping: Object.fromEntries(
        entities.map(({ type, resultSchema }) => [type, `#/components/schemas/${resultSchema.$id}`]),
      ),
    },
  })

const query = Type.String({ description: 'q as it was sent' })

/** What every answer of search says about itself. */
const headers = {
  etag: { type: 'string', description: 'Changes when the answer can be another' },
  'x-data-age': {
    type: 'integer',
    description: 'Seconds since the data was last brought up to date with QuickBooks; absent until it was',
  },
}

/** What searches over these entities take and answer. */
export function searchContract(entities: readonly Entity[]) {
  const answer = {
    results: Type.Array(resultOf(entities), { description: 'Best first' }),
    total: Type.Integer({ description: 'Number of results returned' }),
  }
  const searchAnswers = {
    200: Type.Object(
      {
        query,
        ...answer,
        total_matches: Type.Optional(
          Type.Integer({ description: 'All matches; with `offset`, `sort` or a filter' }),
        ),
      },
      { description: 'The best matches', headers },
    ),
    304: Type.Null({ description: 'The answer with the ETag in If-None-Match still holds', headers }),
    '4xx': Type.Ref('Error'),
  }
  const manyAnswers = {
    ...searchAnswers,
    200: Type.Object(
      {
        query,
        groups: Type.Array(Type.Object({ index: Type.String(), ...answer })),
        total: Type.Integer({ description: 'Number of results returned, in all groups' }),
      },
      {
        description: 'The best matches in each index, in the order in which the indexes were named',
        headers,
      },
    ),
  }
  return { SearchQuery: searchQuery(entities), searchAnswers, ManyQuery, manyAnswers }
}
