// Where segments are built: here in slices, or on a thread of their own (thread.ts). Both feed the same builder.
import type { CachedRow, Entity } from '../entities/entity.ts'
import { createSegmentBuilder } from './build.ts'
import { createPool } from './pool.ts'
import { idIn, recordOf, type SearchRecord } from './record.ts'
import { openSegment, type SegmentData } from './segment.ts'
import { createSlices, inSlices, type Steps, type YieldNow } from './steps.ts'
import { state } from './store.ts'

/** A segment in the making, somewhere. Calls follow each other; each resolves when the next one may come. */
export interface Build {
  /** Takes rows of the cache in; of several with one id the last counts. */
  rows(rows: readonly CachedRow[]): Promise<void>
  removals(ids: readonly string[]): Promise<void>
  /** Takes in what is left of an older segment: the records whose state is not `gone`. */
  segment(segment: SegmentData, states: Uint8Array): Promise<void>
  records(records: readonly SearchRecord[]): Promise<void>
  /** Nothing may be added from here on. */
  finish(): Promise<SegmentData>
  /** Ends it, whatever it is at; no call may follow. */
  cancel(): void
}

export type StartBuild = (entity: Entity) => Build

/** What a build does with what it is given, wherever it runs; see `Build`. */
export interface Intake {
  rows(rows: readonly CachedRow[]): Steps<void>
  removals(ids: readonly string[]): Steps<void>
  segment(segment: SegmentData, states: Uint8Array): Steps<void>
  records(records: Iterable<SearchRecord>): Steps<void>
  finish(): Steps<SegmentData>
}

export function createIntake(entity: Entity): Intake {
  const builder = createSegmentBuilder({
    indexes: entity.indexes.length,
    measures: entity.measures?.length ?? 0,
    facets: entity.facets?.length ?? 0,
  })
  function* records(all: Iterable<SearchRecord>): Steps<void> {
    for (const record of all) {
      builder.add(record)
      yield
    }
  }
  return {
    *rows(rows) {
      for (const row of rows) {
        const record = recordOf(entity, row)
        if (record === null) builder.remove(row.id)
        else builder.add(record)
        yield
      }
    },
    *removals(ids) {
      for (const id of ids) {
        builder.remove(id)
        yield
      }
    },
    segment: (segment, states) => records(recordsOf(segment, states)),
    records,
    finish: builder.finish,
  }
}

function* recordsOf(segment: SegmentData, states: Uint8Array): Iterable<SearchRecord> {
  const { jsons, texts, size } = openSegment(segment)
  const names = createPool(segment.names.texts)
  for (let number = 0; number < size; number++) {
    if (states[number] === state.gone) continue
    const json = jsons.text(number)
    yield {
      id: idIn(json),
      active: states[number] === state.active,
      lastUpdated: segment.lastUpdated[number] as number,
      json,
      name: names.text(number),
      texts: texts.map((pool) => pool.text(number)),
      measures: segment.measures.map((column) => column[number] as number),
      facets: segment.facets.map(({ codes, values }) => values[codes[number] as number] ?? null),
    }
  }
}

/** Builds on this thread, in slices. */
export function buildsInSlices(yieldNow?: YieldNow): StartBuild {
  return (entity) => {
    const intake = createIntake(entity)
    const run = <T>(steps: Steps<T>) => inSlices(steps, createSlices(yieldNow))
    return {
      rows: (rows) => run(intake.rows(rows)),
      removals: (ids) => run(intake.removals(ids)),
      segment: (segment, states) => run(intake.segment(segment, states)),
      records: (records) => run(intake.records(records)),
      finish: () => run(intake.finish()),
      cancel() {},
    }
  }
}

/** A thread costs more than it saves for fewer records. */
const few = 2_000

/** Builds of few records with `small`, others with `large`. What comes first waits until it is known which. */
export function buildsBySize(small: StartBuild, large: StartBuild): StartBuild {
  return (entity) => {
    const waiting: ((build: Build) => Promise<void>)[] = []
    let build: Build | undefined
    let size = 0

    async function open(start: StartBuild): Promise<Build> {
      const opened = start(entity)
      build = opened
      for (const hand of waiting.splice(0)) await hand(opened)
      return opened
    }
    async function take(count: number, hand: (build: Build) => Promise<void>): Promise<void> {
      if (build !== undefined) return hand(build)
      waiting.push(hand)
      size += count
      if (size > few) await open(large)
    }
    return {
      rows: (rows) => take(rows.length, (to) => to.rows(rows)),
      removals: (ids) => take(0, (to) => to.removals(ids)),
      segment: (segment, states) => take(states.length, (to) => to.segment(segment, states)),
      records: (records) => take(records.length, (to) => to.records(records)),
      finish: async () => (build ?? (await open(small))).finish(),
      cancel: () => build?.cancel(),
    }
  }
}
