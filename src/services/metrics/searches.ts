// Searches by index: how long they take, how much they find, how often nothing. Counted on every keystroke, so in plain
// numbers. What was typed is neither kept nor shown here.
import { Counter, type Registry } from 'prom-client'
import { createTally, registerTallies, type Tally } from './tally.ts'

/** See the header of this file. */
export interface SearchCounts {
  searched(index: string, ms: number, results: number): void
  foundNothing(index: string): void
}

/** Seconds: a kept answer takes a hundred-thousandth, a long one of a million records a tenth. */
const BOUNDS = [
  ...[0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005],
  ...[0.01, 0.025, 0.05, 0.1],
]

interface OfIndex {
  seconds: Tally
  results: number
  noHits: number
}

/** Counts for these indexes, all of which begin at zero. */
export function createSearchCounts(registry: Registry, indexes: Iterable<string>): SearchCounts {
  const counts = new Map<string, OfIndex>()
  for (const index of indexes) counts.set(index, { seconds: createTally(BOUNDS), results: 0, noHits: 0 })

  registerTallies(registry, {
    name: 'mrp_search_duration_seconds',
    help: 'Time that searches took, without reading the request and sending the answer',
    label: 'index',
    bounds: BOUNDS,
    tallies: new Map([...counts].map(([index, { seconds }]) => [index, seconds])),
  })
  const register = (name: string, help: string, read: (of: OfIndex) => number) =>
    new Counter({
      ...{ name, help, labelNames: ['index'], registers: [registry] },
      collect() {
        this.reset()
        for (const [index, of] of counts) this.inc({ index }, read(of))
      },
    })
  register('mrp_search_results_total', 'Results that searches answered', ({ results }) => results)
  register(
    'mrp_search_no_hit_total',
    'Searches for something typed that found nothing',
    ({ noHits }) => noHits,
  )

  return {
    searched(index, ms, results) {
      const of = counts.get(index)
      if (of === undefined) return
      of.seconds.add(ms / 1000)
      of.results += results
    },
    foundNothing(index) {
      const of = counts.get(index)
      if (of !== undefined) of.noHits += 1
    },
  }
}
