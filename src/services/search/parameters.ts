// What a search is asked for beyond the best matches, checked against what the entities of its index have.
import { AppError } from '../../errors.ts'
import type { Entity } from '../entities/entity.ts'
import type { SearchQuery } from './contract.ts'
import type { FindOptions } from './search.ts'

const badRequest = (message: string) => new AppError({ code: 'BAD_REQUEST', status: 400, message })

type Values = Readonly<Record<string, string | number | boolean | undefined>>

/** The page that is asked for; null when it is just the best matches. Throws 400 for what its entities do not have. */
export type ReadOptions = (index: readonly Entity[], query: SearchQuery) => FindOptions | null

/** `index` of what it makes are the entities that feed the index, some of these. */
export function optionsReader(entities: readonly Entity[]): ReadOptions {
  const parameters = ownersOf(entities, parametersOf)
  const sorts = ownersOf(entities, sortsOf)

  return (index, query) => {
    const { limit, sort, offset, active } = query
    const by = sort?.replace('-', '') ?? 'relevance'
    const values = query as Values
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) continue
      if (typeof value === 'number' && !Number.isFinite(value)) throw badRequest(`${name}: must be a number.`)
      const owners = parameters.get(name)
      if (owners !== undefined && !isOf(index, owners))
        throw badRequest(`${name}: ${namesOf(index)} have none, only ${namesOf(owners)} do.`)
    }
    const owners = sorts.get(by)
    if (owners !== undefined && !isOf(index, owners))
      throw badRequest(`sort: ${namesOf(index)} have no ${by}, only ${namesOf(owners)} do.`)
    const facets = valuesOf(index, values)
    const bounds = boundsOf(index, values)
    const filtered = Object.keys(facets).length > 0 || Object.keys(bounds).length > 0
    if (!filtered && sort === undefined && offset === undefined && active === undefined) return null
    return {
      filter: { active: active === 'all' ? null : active !== 'false', facets, bounds },
      order: { by, descending: sort?.startsWith('-') ?? false },
      offset: offset ?? 0,
      limit,
    }
  }
}

const parametersOf = ({ facets = [], measures = [] }: Entity): string[] => [
  ...facets.map(({ parameter }) => parameter),
  ...measures.flatMap(({ min, max }) => [min, max]),
]
const sortsOf = ({ measures = [] }: Entity): string[] => measures.map(({ name }) => name)

/** Which entities have what. */
function ownersOf(entities: readonly Entity[], of: (entity: Entity) => string[]): Map<string, Entity[]> {
  const owners = new Map<string, Entity[]>()
  for (const entity of entities) {
    for (const name of of(entity)) owners.set(name, [...(owners.get(name) ?? []), entity])
  }
  return owners
}

/** Records of those entities of an index that have it are enough. */
const isOf = (index: readonly Entity[], owners: readonly Entity[]): boolean =>
  index.some(({ name }) => owners.some((owner) => owner.name === name))

const namesOf = (entities: readonly Entity[]): string => entities.map(({ name }) => name).join(', ')

function valuesOf(index: readonly Entity[], values: Values): Record<string, string> {
  const found: Record<string, string> = {}
  for (const { parameter } of index.flatMap(({ facets = [] }) => facets)) {
    const value = values[parameter]
    if (value !== undefined) found[parameter] = String(value)
  }
  return found
}

function boundsOf(index: readonly Entity[], values: Values): FindOptions['filter']['bounds'] {
  const found: Record<string, { min: number | undefined; max: number | undefined }> = {}
  for (const { name, min, max } of index.flatMap(({ measures = [] }) => measures)) {
    const bounds = { min: values[min] as number | undefined, max: values[max] as number | undefined }
    if (bounds.min !== undefined || bounds.max !== undefined) found[name] = bounds
  }
  return found
}

interface Typed {
  q?: string
  suggest?: boolean
}

/** What was typed; '' is only for suggestions. Throws 400. */
export function typed({ q, suggest }: Typed, url: string): string {
  if (q === undefined || q.trim() === '') {
    if (suggest === true) return ''
    throw badRequest(
      `q: ${q === undefined ? 'is required' : 'must not be blank'}, unless suggest=true asks for the records that matter most.`,
    )
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

/**
 * The indexes that a comma separated list names, once each. `unchosen` names the entities of those that there would be.
 * Throws 400, and 404 for one of these.
 */
export function namedIndexes(
  list: string,
  known: readonly string[],
  unchosen: ReadonlyMap<string, readonly string[]>,
): string[] {
  const names = [...new Set(list.split(',').map((name) => name.trim()))]
  if (names.every((name) => known.includes(name))) return names
  for (const name of names) {
    const entities = unchosen.get(name)
    if (entities !== undefined) throw notChosen(name, entities)
  }
  throw badRequest(`indexes: must be some of ${known.join(', ')}, comma separated.`)
}

/** Says how to get what there would be: `what` is made of these entities, any of which will do. */
export const notChosen = (what: string, entities: readonly string[]): AppError =>
  new AppError({
    code: 'NOT_CHOSEN',
    status: 404,
    message: `${what}: not kept here. Add ${entities.join(' or ')} to SYNC_ENTITIES and restart.`,
  })
