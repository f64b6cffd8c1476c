// What a search is asked for beyond the best matches, checked against what the entity of its index has.
import { AppError } from '../../errors.ts'
import { type Entity, entities } from '../entities/index.ts'
import type { SearchQuery } from './contract.ts'
import type { FindOptions } from './search.ts'

const badRequest = (message: string) => new AppError({ code: 'BAD_REQUEST', status: 400, message })

type Values = Readonly<Record<string, string | number | boolean | undefined>>

/** The page that is asked for; null when it is just the best matches. Throws 400 for what the entity does not have. */
export function findOptions(entity: Entity, query: SearchQuery): FindOptions | null {
  const { limit, sort, offset, active } = query
  const values = query as Values
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === 'number' && !Number.isFinite(value)) throw badRequest(`${name}: must be a number.`)
  }
  for (const { parameters, sorts, name } of owners) {
    if (name === entity.name) continue
    const foreign = parameters.find((parameter) => values[parameter] !== undefined)
    if (foreign !== undefined) throw badRequest(`${foreign}: ${entity.name} have none, only ${name} do.`)
    if (sorts.includes(sort?.replace('-', '') ?? '')) {
      throw badRequest(`sort: ${entity.name} have no ${sort?.replace('-', '')}, only ${name} do.`)
    }
  }
  const facets = valuesOf(entity, values)
  const bounds = boundsOf(entity, values)
  const filtered = Object.keys(facets).length > 0 || Object.keys(bounds).length > 0
  if (!filtered && sort === undefined && offset === undefined && active === undefined) return null
  return {
    filter: { active: active === 'all' ? null : active !== 'false', facets, bounds },
    order: { by: sort?.replace('-', '') ?? 'relevance', descending: sort?.startsWith('-') ?? false },
    offset: offset ?? 0,
    limit,
  }
}

/** The parameters that belong to one entity. */
const owners = entities.map((entity: Entity) => ({
  name: entity.name,
  parameters: [
    ...(entity.facets ?? []).map(({ parameter }) => parameter),
    ...(entity.measures ?? []).flatMap(({ min, max }) => [min, max]),
  ],
  sorts: (entity.measures ?? []).map(({ name }) => name),
}))

function valuesOf(entity: Entity, values: Values): Record<string, string> {
  const found: Record<string, string> = {}
  for (const { parameter } of entity.facets ?? []) {
    const value = values[parameter]
    if (value !== undefined) found[parameter] = String(value)
  }
  return found
}

function boundsOf(entity: Entity, values: Values): FindOptions['filter']['bounds'] {
  const found: Record<string, { min: number | undefined; max: number | undefined }> = {}
  for (const { name, min, max } of entity.measures ?? []) {
    const bounds = { min: values[min] as number | undefined, max: values[max] as number | undefined }
    if (bounds.min !== undefined || bounds.max !== undefined) found[name] = bounds
  }
  return found
}

interface Typed {
  q?: string
  suggest?: boolean
  limit: number
}

/** What was typed; '' is only for suggestions. Throws 400. */
export function typed({ q, suggest, limit }: Typed, url: string): string {
  // Ajv takes Infinity for a number that no bound excludes.
  if (!Number.isFinite(limit)) throw badRequest('limit: must be a number.')
  if (q === undefined || q.trim() === '') {
    if (suggest === true) return ''
    throw badRequest(`q: ${q === undefined ? 'is required' : 'must not be blank'}.`)
  }
  if (q.includes('%')) mustDecode(url)
  return q
}

/** What cannot be decoded arrives as it was sent; only then, and seldom else, is there a % in it. Throws 400. */
export function mustDecode(url: string): void {
  for (const pair of url.slice(url.indexOf('?') + 1).split('&')) {
    try {
      decodeURIComponent(pair)
    } catch {
      const [name] = pair.split('=', 1)
      throw badRequest(`${name}: its percent-encoding is broken; encode it as encodeURIComponent does.`)
    }
  }
}

/** The indexes that a comma separated list names, once each. Throws 400. */
export function namedIndexes(list: string, known: readonly string[]): string[] {
  const names = [...new Set(list.split(',').map((name) => name.trim()))]
  if (names.every((name) => known.includes(name))) return names
  throw badRequest(`indexes: must be some of ${known.join(', ')}, comma separated.`)
}
