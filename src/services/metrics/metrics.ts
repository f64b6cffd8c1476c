// What this process counts and measures, for Prometheus. Whoever something happens to says so, through a function that it
// was given; how things are is taken from the status when the figures are read.
import { Counter, Histogram, Registry } from 'prom-client'
import type { Clock } from '../clock.ts'
import { type Entity, feedsByName } from '../entities/index.ts'
import type { Log } from '../log.ts'
import { OUTCOMES } from '../qbo/faults.ts'
import type { EntityRun } from '../sync/full-pass.ts'
import { createMissLog } from './misses.ts'
import { watchProcess } from './process.ts'
import { createSearchCounts } from './searches.ts'
import { registerState, type State } from './state.ts'

/** Times are milliseconds. None of it throws. */
export interface Metrics {
  /** One answer over HTTP. */
  answered(statusCode: number): void
  /**
   * One search in one index for `q`, which is empty when suggestions were asked for. `matches`: of which `results` were
   * asked for.
   */
  searched(index: string, q: string, ms: number, results: number, matches?: number): void
  /** One request to QuickBooks. */
  requested(outcome: string, ms: number): void
  /** One entity was read. */
  ran(run: EntityRun): void
  contentType: string
  /** All figures in Prometheus' text format. */
  text(state: State): Promise<string>
  close(): void
}

export interface MetricsDeps {
  entities: readonly Entity[]
  version: string
  /** Whether what was not found may stand in the log. */
  logsQueries: boolean
  clock: Clock
  log: Log
}

const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx']

/** Counts from zero on. */
export function createMetrics({ entities, version, logsQueries, clock, log }: MetricsDeps): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const searches = createSearchCounts(registry, feedsByName(entities).keys())
  const misses = logsQueries ? createMissLog({ clock, log }) : undefined

  const answers = new Float64Array(CLASSES.length)
  new Counter({
    name: 'mrp_http_responses_total',
    help: 'Answers over HTTP by class of status',
    labelNames: ['class'],
    registers,
    collect() {
      this.reset()
      for (const [i, count] of answers.entries()) this.inc({ class: CLASSES[i] as string }, count)
    },
  })

  const requests = new Counter({
    name: 'mrp_quickbooks_requests_total',
    help: 'Requests sent to the API of QuickBooks, retries included, by what they came to',
    labelNames: ['outcome'],
    registers,
  })
  for (const outcome of OUTCOMES) requests.inc({ outcome }, 0)
  const requestSeconds = new Histogram({
    name: 'mrp_quickbooks_request_duration_seconds',
    help: 'Time until the whole answer of QuickBooks was there, or was given up',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  })

  const runSeconds = new Histogram({
    name: 'mrp_sync_duration_seconds',
    help: 'Time that reading an entity took, failures included',
    labelNames: ['entity', 'kind'],
    buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600],
    registers,
  })
  const failures = new Counter({
    name: 'mrp_sync_failures_total',
    help: 'How often reading an entity failed; its old data was kept',
    labelNames: ['entity', 'kind'],
    registers,
  })
  for (const { name: entity } of entities) {
    for (const kind of ['full', 'changes', 'webhook'] satisfies EntityRun['kind'][]) {
      runSeconds.zero({ entity, kind })
      failures.inc({ entity, kind }, 0)
    }
  }

  const setState = registerState(registry)
  const endWatch = watchProcess(registry, version)

  return {
    answered(statusCode) {
      const i = Math.trunc(statusCode / 100) - 1
      answers[i] = (answers[i] as number) + 1
    },
    searched(index, q, ms, results, matches = results) {
      searches.searched(index, ms, results)
      if (q === '' || matches > 0) return
      searches.foundNothing(index)
      misses?.missed(index, q)
    },
    requested(outcome, ms) {
      requests.inc({ outcome })
      requestSeconds.observe(ms / 1000)
    },
    ran({ entity, kind, durationMs, error }) {
      runSeconds.observe({ entity, kind }, Math.max(0, durationMs) / 1000)
      if (error !== undefined) failures.inc({ entity, kind })
    },
    contentType: registry.contentType,
    text(state) {
      setState(state)
      return registry.metrics()
    },
    close() {
      misses?.close()
      endWatch()
    },
  }
}
