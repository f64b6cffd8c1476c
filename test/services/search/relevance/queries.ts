// What people type who look for the records of a company, with the records that answer it.
import { createRandom, mix } from '../../../../simulator/random.ts'
import { anyOf } from './chance.ts'
import type { Company, IndexName } from './company.ts'
import { type Entry, fitsStrictly } from './entry.ts'
import { type Way, ways } from './ways.ts'

export interface Query {
  way: Way
  index: IndexName
  text: string
  /** The record that is looked for. */
  target: Entry
  /** Ids of the records that fit what was typed, the target among them. */
  fitting: ReadonlySet<string>
}

/** At most `count` different queries for each way of typing; the same ones for the same seed. */
export function queriesFor(company: Company, seed: number, count: number): Query[] {
  return ways.flatMap((way) => queriesOf(way, company, seed, count))
}

function queriesOf(way: Way, { entries }: Company, seed: number, count: number): Query[] {
  const random = createRandom(seedFor(way, seed))
  const queries = new Map<string, Query>()
  for (let tries = 0; queries.size < count && tries < 100 * count; tries++) {
    const index = anyOf(way.indexes, random)
    const target = index && anyOf(entries[index], random)
    const typed = target && way.type(target, random)
    if (!typed) continue
    const { text, fits } = typed
    const key = `${index}: ${text}`
    if (queries.has(key) || (way.mistyped && entries[index].some(fitsStrictly(text)))) continue
    const fitting = new Set(entries[index].filter(fits).map(({ id }) => id))
    queries.set(key, { way, index, text, target, fitting })
  }
  return [...queries.values()]
}

/** By its name, so that a new way changes nothing about the others. */
function seedFor({ name }: Way, seed: number): number {
  return [...name].reduce((bits, letter) => mix(bits, letter.charCodeAt(0), 1), seed)
}
