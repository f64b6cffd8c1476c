// What search holds of one entity: a segment, and beside it what changed since. A changed record leaves its place in
// the segment empty and comes back under a new, higher number, so a change costs the same at every size.
import type { Entity } from '../entities/entity.ts'
import { createMostImportant } from './hits.ts'
import { createRecent } from './recent.ts'
import { compareNames, idIn, type SearchRecord } from './record.ts'
import { openSegment, type SegmentData } from './segment.ts'
import type { Source } from './source.ts'

/** What became of a record of the segment. */
export const state = { gone: 0, active: 1, inactive: 2 } as const

/** One record by its number. */
export interface RecordTable {
  /** Numbers are below this. */
  readonly end: number
  /** False when the record was removed, or stands under another number now. */
  exists(number: number): boolean
  isActive(number: number): boolean
  /** It says something in this index. */
  hasText(position: number, number: number): boolean
  json(number: number): string
  /** Its id, and its name to sort by; '' when it is gone. */
  id(number: number): string
  name(number: number): string
  lastUpdated(number: number): number
  /** Its place among all names. */
  nameRank(number: number): number
  measure(position: number, number: number): number
  facet(position: number, number: number): string | null
  numberOf(id: string): number | undefined
}

export interface EntityStore extends RecordTable {
  /** Of the index at this position of `entity.indexes`: what changed, then the segment. */
  sources(position: number): readonly Source[]
  /** The segment, and the state of each of its records. */
  readonly segment: SegmentData | null
  readonly states: Uint8Array
  /** Records that changed since the segment was built, as they are now. */
  recent(): Iterable<SearchRecord>
  readonly recentCount: number
  /** Records that exist, inactive ones included. */
  readonly size: number
  /** The current form of a record that changed since; undefined when it did not, or is gone. */
  recentOf(id: string): SearchRecord | undefined
  /** Active records in an index. */
  live(position: number): number
  /** Places of changed and removed records that the next segment drops. */
  readonly dead: number
  /** The highest `seq` of the cache that is in here. */
  seq: number
  /** Answers false when nothing changed. */
  upsert(record: SearchRecord): boolean
  remove(id: string): boolean
  /** Negative when record `a` matters more than `b`: active, else updated more recently, else first by name. */
  compare(a: number, b: number): number
  /** Negative when the name of `a` comes before that of `b`. */
  compareByName(a: number, b: number): number
}

/** The active records of an index that matter most, best first. */
export function mostImportant(store: EntityStore, position: number, limit: number): number[] {
  const fits = (number: number) => store.isActive(number) && store.hasText(position, number)
  const best = createMostImportant(limit, store)
  const size = store.states.length
  for (let n = 0, left = limit; n < size && left > 0; n++) {
    if (!fits(n)) continue
    best.add(n)
    left--
  }
  for (let n = size; n < store.end; n++) if (fits(n)) best.add(n)
  return [...best.numbers]
}

/** A store over a segment; without one it is empty. */
export function createStore(entity: Entity, segment: SegmentData | null, seq = 0): EntityStore {
  const base = segment === null ? null : openSegment(segment)
  const size = base?.size ?? 0
  const states = new Uint8Array(size).fill(state.inactive)
  states.fill(state.active, 0, segment?.active ?? 0)
  const recents = entity.indexes.map(() => createRecent(size))
  const records: (SearchRecord | undefined)[] = []
  const ranks: number[] = []
  const numbers = new Map<string, number>()
  const live = entity.indexes.map((_, i) => segment?.indexes[i]?.active ?? 0)
  let dead = 0

  const sources = recents.map((recent, i) => (base === null ? [recent] : [recent, base.indexes[i] as Source]))
  const settled = sources.map((all) => all.slice(1))
  const recentAt = (number: number) => (number < size ? undefined : records[number - size])

  function numberOf(id: string): number | undefined {
    const number = numbers.get(id) ?? base?.numberOf(id) ?? -1
    return number >= 0 && exists(number) ? number : undefined
  }
  const exists = (number: number): boolean =>
    number < size ? states[number] !== state.gone : recentAt(number) !== undefined
  const isActive = (number: number): boolean =>
    number < size ? states[number] === state.active : recentAt(number)?.active === true

  function hasText(position: number, number: number): boolean {
    const record = recentAt(number)
    return record === undefined ? base?.texts[position]?.length(number) !== 0 : record.texts[position] !== ''
  }

  function bury(number: number): void {
    if (isActive(number)) {
      for (let i = 0; i < live.length; i++) if (hasText(i, number)) live[i] = (live[i] as number) - 1
    }
    dead++
    if (number < size) states[number] = state.gone
    else records[number - size] = undefined
  }

  function isSame(number: number, record: SearchRecord): boolean {
    if (isActive(number) !== record.active || table.lastUpdated(number) !== record.lastUpdated) return false
    if (table.json(number) !== record.json) return false
    const old = recentAt(number)
    return record.texts.every((text, i) => text === (old?.texts[i] ?? base?.texts[i]?.text(number)))
  }

  const table: EntityStore = {
    get end() {
      return size + records.length
    },
    exists,
    isActive,
    hasText,
    numberOf,
    json: (number) =>
      number < size ? (base?.jsons.text(number) ?? '') : (records[number - size]?.json ?? ''),
    id: (number) => recentAt(number)?.id ?? (number < size ? idIn(table.json(number)) : ''),
    name: (number) => recentAt(number)?.name ?? (number < size ? (base?.names.text(number) ?? '') : ''),
    lastUpdated: (number) => recentAt(number)?.lastUpdated ?? segment?.lastUpdated[number] ?? 0,
    nameRank(number) {
      if (number < size) return segment?.names.rank[number] as number
      const { name = '', id = '' } = records[number - size] ?? {}
      // Found when it is asked for: a change should cost little, and few ties are between changes.
      ranks[number - size] ??= base?.rankOf(name, id) ?? 0
      return ranks[number - size] as number
    },
    measure: (i, number) => recentAt(number)?.measures[i] ?? segment?.measures[i]?.[number] ?? Number.NaN,
    facet(i, number) {
      const record = recentAt(number)
      if (record !== undefined) return record.facets[i] ?? null
      const facet = segment?.facets[i]
      return facet?.values[facet.codes[number] as number] ?? null
    },
    sources: (i) => {
      // Most of the time nothing has changed since: then there is half as much to ask.
      return (records.length === 0 ? settled : sources)[i] as readonly Source[]
    },
    segment,
    states,
    recent: () => records.filter((record) => record !== undefined),
    get size() {
      return size + records.length - dead
    },
    get recentCount() {
      return records.length
    },
    recentOf: (id) => records[(numbers.get(id) ?? -1) - size],
    live: (i) => live[i] as number,
    get dead() {
      return dead
    },
    seq,
    upsert(record) {
      const old = numberOf(record.id)
      if (old !== undefined) {
        if (isSame(old, record)) return false
        bury(old)
      }
      const number = size + records.push(record) - 1
      numbers.set(record.id, number)
      for (const [i, recent] of recents.entries()) {
        const text = record.texts[i] as string
        recent.add(number, text)
        if (record.active && text !== '') live[i] = (live[i] as number) + 1
      }
      return true
    },
    remove(id) {
      const number = numberOf(id)
      if (number === undefined) return false
      bury(number)
      numbers.delete(id)
      return true
    },
    compare(a, b) {
      // Records of the segment are numbered by what they matter.
      if (a < size && b < size) return a - b
      const byActivity = Number(isActive(b)) - Number(isActive(a))
      if (byActivity !== 0) return byActivity
      const byTime = table.lastUpdated(b) - table.lastUpdated(a)
      return byTime !== 0 ? byTime : table.compareByName(a, b)
    },
    compareByName(a, b) {
      const byRank = table.nameRank(a) - table.nameRank(b)
      if (byRank !== 0 || a < size || b < size) return byRank
      const [left, right] = [recentAt(a), recentAt(b)]
      return compareNames(left?.name ?? '', left?.id ?? '', right?.name ?? '', right?.id ?? '')
    },
  }
  return table
}
