// What a person needs to know to mend what search does not find.
import type { Company } from './company.ts'
import type { Query } from './queries.ts'
import { type Judged, places } from './score.ts'

/** Names a record of a company as it is found by a query. */
export type NameOf = (query: Query, id: string) => string

export function namesIn({ entries }: Company): NameOf {
  const names = new Map<string, string>()
  for (const [index, all] of Object.entries(entries)) {
    for (const { id, title, code } of all)
      names.set(`${index} ${id}`, [title, code].filter(Boolean).join(' = '))
  }
  return ({ index }, id) => `${names.get(`${index} ${id}`)} (${id})`
}

/** The queries that went worst: where, what was typed, what was expected and what came. */
export function worst(judged: readonly Judged[], nameOf: NameOf, most = 10): string[] {
  const grade = ({ found, reciprocal }: Judged) => found + reciprocal
  return judged
    .filter((one) => grade(one) < 2)
    .sort((a, b) => grade(a) - grade(b))
    .slice(0, most)
    .map((one) => `${typedIn(one)} ${expected(one, nameOf)} ${came(one, nameOf)}`)
}

const typedIn = ({ query: { way, index, text } }: Judged) => `${index} "${text}" (${way.name}):`

function expected({ query, found }: Judged, nameOf: NameOf): string {
  const { size } = query.fitting
  const name = nameOf(query, query.target.id)
  if (size <= places) return `expected ${name}, which ${found > 0 ? 'came too late' : 'did not come'};`
  return `expected ${places} of the ${size} records that fit like ${name}, had ${Math.round(found * places)};`
}

function came({ query, answer }: Judged, nameOf: NameOf): string {
  const names = answer.map((id) => (query.fitting.has(id) ? '' : 'unfit: ') + nameOf(query, id))
  if (names.length === 0) return 'nothing came'
  return `came ${names.slice(0, 5).join(', ')}${names.length > 5 ? `, and ${names.length - 5} more` : ''}`
}
