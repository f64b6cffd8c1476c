/**
 * What each API request answers when nothing goes wrong on the way: company info, query, read by id, change data capture,
 * and the service's own faults. Pure: company in, Answer out.
 */
import { type Answer, ok, serviceFault } from '../answer.ts'
import type { Behaviour } from '../behaviour.ts'
import { type Clock, pacificMillis, parseInstant } from '../clock.ts'
import type { Company } from '../company/company.ts'
import { type EntityType, findEntity } from '../entities.ts'
import type { Fields } from '../json.ts'
import { QueryFault } from '../query/fault.ts'
import { parseQuery } from '../query/parse.ts'
import type { Page, QueryRunner } from '../query/run.ts'
import { changesSince } from './cdc.ts'

export interface ApiDeps {
  readonly company: Company
  readonly behaviour: Behaviour
  readonly clock: Clock
  readonly runQuery: QueryRunner
}

const DAY_MS = 86_400_000

/** Entities that change data capture does not know. */
const WITHOUT_CDC = new Set(['journalcode', 'taxagency', 'timeactivity', 'taxcode', 'taxrate'])

function badRequest(deps: ApiDeps, code: string, message: string, detail: string): Answer {
  return serviceFault({ status: 400, code, message, detail }, pacificMillis(deps.clock.now()))
}

function missingParameter(deps: ApiDeps, name: string): Answer {
  const message = 'Required param missing, need to supply the required value for the API'
  return badRequest(deps, '2020', message, `Required parameter ${name} is missing in the request`)
}

export function unsupportedOperation(deps: ApiDeps, what: string): Answer {
  return badRequest(deps, '500', 'Unsupported Operation', `Operation ${what} is not supported.`)
}

function queryResponse(page: Page, startPosition: number, behaviour: Behaviour): Fields {
  const { type, rows, total } = page
  const empty = rows.length === 0
  if (empty && behaviour.omitEmptyKeys) return {}
  const withTotal =
    behaviour.totalCount === 'always' || (behaviour.totalCount === 'listed' && type.totalCount)
  return {
    [type.name]: rows,
    startPosition,
    maxResults: rows.length,
    ...(withTotal && { totalCount: total }),
  }
}

export function answerQuery(deps: ApiDeps, statement: string | undefined): Answer {
  const { behaviour } = deps
  const time = pacificMillis(deps.clock.now())
  if (statement === undefined) return missingParameter(deps, 'query')
  try {
    const query = parseQuery(statement)
    const page = deps.runQuery(query, behaviour)
    if (query.select === 'count') return ok({ QueryResponse: { totalCount: page.total }, time })
    return ok({ QueryResponse: queryResponse(page, query.startPosition, behaviour), time })
  } catch (error) {
    if (!(error instanceof QueryFault)) throw error
    return badRequest(deps, error.code, error.message, error.detail)
  }
}

export function answerRead(deps: ApiDeps, entity: string, id: string): Answer {
  const type = findEntity(entity)
  if (!type) return unsupportedOperation(deps, entity)
  if (!/^\d+$/.test(id))
    return badRequest(deps, '2030', 'Invalid ID', `Id should be a valid number. Supplied value: ${id}`)
  const record = deps.company.get(type.name, id)
  if (!record) return objectNotFound(deps)
  return ok({ [type.name]: record, time: pacificMillis(deps.clock.now()) })
}

function objectNotFound(deps: ApiDeps): Answer {
  const detail =
    "Object Not Found : Something you're trying to use has been made inactive. Check the fields with accounts, customers, items, vendors or employees."
  return badRequest(deps, '610', 'Object Not Found', detail)
}

export function answerCompanyInfo(deps: ApiDeps, id: string, realm: string): Answer {
  const record = deps.company.get('CompanyInfo', '1')
  if (!record || (id !== '1' && id !== realm)) return objectNotFound(deps)
  return ok({ CompanyInfo: record, time: pacificMillis(deps.clock.now()) })
}

function resolveTypes(names: readonly string[]): EntityType[] | string {
  const types: EntityType[] = []
  for (const name of names) {
    const type = findEntity(name)
    if (!type || WITHOUT_CDC.has(name.toLowerCase())) return name
    if (!types.includes(type)) types.push(type)
  }
  return types
}

export function answerCdc(
  deps: ApiDeps,
  entities: readonly string[],
  changedSince: string | undefined,
): Answer {
  const { behaviour, clock } = deps
  if (entities.length === 0) return missingParameter(deps, 'entities')
  if (!changedSince) return missingParameter(deps, 'changedSince')
  const types = resolveTypes(entities)
  if (typeof types === 'string') return unsupportedOperation(deps, `cdc for entity ${types}`)
  const since = parseInstant(changedSince)
  if (since === undefined) {
    return badRequest(
      deps,
      '2010',
      'Request has invalid or unsupported property',
      `Invalid date: ${changedSince}`,
    )
  }
  if (behaviour.cdcDays !== null && since < clock.now() - behaviour.cdcDays * DAY_MS) {
    const what = `cdc with changedSince date ${changedSince} which is older than fixed days`
    return unsupportedOperation(deps, what)
  }
  const groups = changesSince(deps.company, { types, since, behaviour })
  return ok({ CDCResponse: [{ QueryResponse: groups }], time: pacificMillis(clock.now()) })
}
