// A histogram that costs a search next to nothing: it is counted in plain numbers, and becomes Prometheus' when it is read.
import type { Metric, Registry } from 'prom-client'

/** How many values there were up to each bound, and their sum. */
export interface Tally {
  add(value: number): void
  /** For each bound how many were not above it; then all of them. */
  upTo(): number[]
  sum(): number
}

/** `bounds` rise. */
export function createTally(bounds: readonly number[]): Tally {
  const limits = Float64Array.from(bounds)
  const counts = new Float64Array(bounds.length + 1)
  let sum = 0
  return {
    add(value) {
      let i = 0
      while (i < limits.length && value > (limits[i] as number)) i++
      counts[i] = (counts[i] as number) + 1
      sum += value
    },
    upTo() {
      let all = 0
      return Array.from(counts, (count) => {
        all += count
        return all
      })
    },
    sum: () => sum,
  }
}

/** What `tallies` is registered as: one histogram, with a series for each value of a label. */
export interface TalliedHistogram {
  name: string
  help: string
  label: string
  bounds: readonly number[]
  tallies: ReadonlyMap<string, Tally>
}

/** Registers it. prom-client takes whatever answers as its own histograms do. */
export function registerTallies(
  registry: Registry,
  { name, help, label, bounds, tallies }: TalliedHistogram,
): void {
  const read = () =>
    [...tallies].flatMap(([value, tally]) => {
      const upTo = tally.upTo()
      const labels = { [label]: value }
      const buckets = upTo.map((count, i) => ({
        metricName: `${name}_bucket`,
        labels: { le: bounds[i] ?? '+Inf', ...labels },
        value: count,
      }))
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels, value: tally.sum() },
        { metricName: `${name}_count`, labels, value: upTo.at(-1) },
      ]
    })
  const metric = { name, get: async () => ({ name, help, type: 'histogram', values: read() }) }
  registry.registerMetric(metric as unknown as Metric)
}
