/**
 * Statement text → Query, by the documented grammar and nothing more: no OR, NOT, !=, IS NULL, GROUP BY or JOIN. Knows
 * syntax only; whether entities and properties exist is decided in plan.ts.
 */
import { invalid, QueryFault } from './fault.ts'
import { type Token, tokenize } from './lexer.ts'

export type Operator = '=' | '<' | '>' | '<=' | '>=' | 'IN' | 'LIKE'

export interface Condition {
  readonly property: string
  readonly operator: Operator
  readonly values: readonly string[]
}

export interface Ordering {
  readonly property: string
  readonly descending: boolean
}

export interface Query {
  readonly select: 'all' | 'count' | readonly string[]
  readonly entity: string
  readonly where: readonly Condition[]
  readonly orderBy: readonly Ordering[]
  readonly startPosition: number
  readonly maxResults: number
}

export const DEFAULT_ROWS = 100
export const MAX_ROWS = 1000

const KEYWORDS = new Set(
  'SELECT COUNT FROM WHERE AND OR NOT IN LIKE ORDERBY ORDER BY ASC DESC STARTPOSITION MAXRESULTS TRUE FALSE'.split(
    ' ',
  ),
)

/** A cursor over the tokens that names what it met and what it wanted, as JavaCC does. */
class Cursor {
  #position = 0
  readonly #tokens: readonly Token[]

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get current(): Token {
    const token = this.#tokens[this.#position] ?? this.#tokens.at(-1)
    if (!token) throw new QueryFault('4000', 'QueryParserError: Encountered "<EOF>" at line 0, column 0.')
    return token
  }

  next(): Token {
    const token = this.current
    this.#position += 1
    return token
  }

  isKeyword(keyword: string): boolean {
    return this.current.kind === 'word' && this.current.value.toUpperCase() === keyword
  }

  takeKeyword(keyword: string): boolean {
    const found = this.isKeyword(keyword)
    if (found) this.#position += 1
    return found
  }

  takeOperator(operator: string): boolean {
    const found = this.current.kind === 'operator' && this.current.value === operator
    if (found) this.#position += 1
    return found
  }

  expectKeyword(keyword: string): void {
    if (!this.takeKeyword(keyword)) throw this.unexpected(`"${keyword.toLowerCase()}" ...`)
  }

  expectOperator(operator: string): void {
    if (!this.takeOperator(operator)) throw this.unexpected(`"${operator}" ...`)
  }

  /** A property or entity name; keywords are not names. */
  expectName(): string {
    const { kind, value } = this.current
    if (kind !== 'word' || KEYWORDS.has(value.toUpperCase())) throw this.unexpected('<IDENTIFIER> ...')
    return this.next().value
  }

  unexpected(wanted: string): QueryFault {
    const { kind, value, column } = this.current
    const isKeyword = kind === 'word' && KEYWORDS.has(value.toUpperCase())
    const label = { word: '<IDENTIFIER>', text: '<STRING>', number: '<INTEGER>', operator: '', end: '' }[kind]
    const shown =
      kind === 'end'
        ? '"<EOF>"'
        : label === '' || isKeyword
          ? `" "${value}" "${value} ""`
          : `" ${label} "${value} ""`
    const place = kind === 'end' && column === 0 ? 'line 0, column 0' : `line 1, column ${column}`
    return new QueryFault(
      '4000',
      `QueryParserError: Encountered ${shown} at ${place}.\nWas expecting one of:\n    ${wanted}`,
    )
  }
}

function parseSelect(cursor: Cursor): Query['select'] {
  cursor.expectKeyword('SELECT')
  if (cursor.takeOperator('*')) return 'all'
  if (cursor.takeKeyword('COUNT')) {
    cursor.expectOperator('(')
    cursor.expectOperator('*')
    cursor.expectOperator(')')
    return 'count'
  }
  const properties = [cursor.expectName()]
  while (cursor.takeOperator(',')) properties.push(cursor.expectName())
  return properties
}

function parseValue(cursor: Cursor): string {
  const { kind, value } = cursor.current
  const isBoolean = kind === 'word' && /^(true|false)$/i.test(value)
  if (kind !== 'text' && kind !== 'number' && !isBoolean)
    throw cursor.unexpected('<STRING> ...\n    "true" ...\n    "false" ...')
  cursor.next()
  return isBoolean ? value.toLowerCase() : value
}

function parseCondition(cursor: Cursor): Condition {
  const property = cursor.expectName()
  if (cursor.takeKeyword('IN')) {
    cursor.expectOperator('(')
    const values = [parseValue(cursor)]
    while (cursor.takeOperator(',')) values.push(parseValue(cursor))
    cursor.expectOperator(')')
    return { property, operator: 'IN', values }
  }
  if (cursor.takeKeyword('LIKE')) return { property, operator: 'LIKE', values: [parseValue(cursor)] }
  for (const operator of ['=', '<', '>', '<=', '>='] as const) {
    if (cursor.takeOperator(operator)) return { property, operator, values: [parseValue(cursor)] }
  }
  throw cursor.unexpected(
    '"=" ...\n    "<" ...\n    ">" ...\n    "<=" ...\n    ">=" ...\n    "in" ...\n    "like" ...',
  )
}

function parseWhere(cursor: Cursor): Condition[] {
  if (!cursor.takeKeyword('WHERE')) return []
  const conditions = [parseCondition(cursor)]
  while (cursor.takeKeyword('AND')) conditions.push(parseCondition(cursor))
  return conditions
}

function parseOrderBy(cursor: Cursor): Ordering[] {
  if (cursor.takeKeyword('ORDER')) cursor.expectKeyword('BY')
  else if (!cursor.takeKeyword('ORDERBY')) return []
  const orderings: Ordering[] = []
  do {
    const property = cursor.expectName()
    const descending = cursor.takeKeyword('DESC')
    if (!descending) cursor.takeKeyword('ASC')
    orderings.push({ property, descending })
  } while (cursor.takeOperator(','))
  return orderings
}

function parseNumber(cursor: Cursor, max: number): number {
  const { kind, value } = cursor.current
  if (kind !== 'number' || !/^-?\d+$/.test(value)) throw cursor.unexpected('<INTEGER> ...')
  cursor.next()
  const number = Number(value)
  if (number < 1) throw invalid(`value ${value} is too small. Min allowed value is 1`)
  if (number > max) throw invalid(`value ${value} is too large. Max allowed value is ${max}`)
  return number
}

/** STARTPOSITION and MAXRESULTS, in either order. */
function parsePage(cursor: Cursor): Pick<Query, 'startPosition' | 'maxResults'> {
  let startPosition: number | undefined
  let maxResults: number | undefined
  for (;;) {
    if (startPosition === undefined && cursor.takeKeyword('STARTPOSITION')) {
      startPosition = parseNumber(cursor, Number.MAX_SAFE_INTEGER)
    } else if (maxResults === undefined && cursor.takeKeyword('MAXRESULTS')) {
      maxResults = parseNumber(cursor, MAX_ROWS)
    } else {
      return { startPosition: startPosition ?? 1, maxResults: maxResults ?? DEFAULT_ROWS }
    }
  }
}

/** Throws QueryFault and nothing else, whatever the text is. */
export function parseQuery(statement: string): Query {
  const cursor = new Cursor(tokenize(statement))
  const select = parseSelect(cursor)
  cursor.expectKeyword('FROM')
  const entity = cursor.expectName()
  const where = parseWhere(cursor)
  const orderBy = parseOrderBy(cursor)
  const page = parsePage(cursor)
  if (cursor.current.kind !== 'end') throw cursor.unexpected('<EOF>')
  return { select, entity, where, orderBy, ...page }
}
