// This process: how late its event loop is, its memory and CPU. Under the names that all of Prometheus' clients use, where
// there are any.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, type Registry } from 'prom-client'

const SAMPLE_MS = 20

/** Registers it; answers how to end it. */
export function watchProcess(registry: Registry, version: string): () => void {
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(read())
      },
    })

  // Not that of load shedding (plugins/pressure.ts): it begins anew twice a second, so most of what it saw is gone here.
  const late = monitorEventLoopDelay({ resolution: SAMPLE_MS })
  late.enable()
  new Gauge({
    name: 'mrp_event_loop_delay_seconds',
    help: 'How late the event loop was since these figures were read before: mean, p99 and max',
    labelNames: ['stat'],
    registers,
    collect() {
      const { mean, max } = late.count > 0 ? late : { mean: 0, max: 0 }
      // What is measured is the time between two samples.
      for (const [stat, ns] of Object.entries({ mean, p99: late.percentile(99), max }))
        this.set({ stat }, Math.max(0, ns / 1e9 - SAMPLE_MS / 1000))
      late.reset()
    },
  })

  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time that was spent, user and system',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })
  gauge('process_resident_memory_bytes', 'Resident memory', process.memoryUsage.rss)
  gauge('nodejs_heap_size_used_bytes', "V8's heap in use", () => process.memoryUsage().heapUsed)
  gauge(
    'nodejs_external_memory_bytes',
    "Memory outside of V8's heap: mostly search indexes",
    () => process.memoryUsage().external,
  )
  const startedAt = Math.round(performance.timeOrigin) / 1000
  gauge('process_start_time_seconds', 'When the process started, in seconds since 1970', () => startedAt)
  new Gauge({
    name: 'mrp_build_info',
    help: '1, with the version of the service and of Node',
    labelNames: ['version', 'node'],
    registers,
  }).set({ version, node: process.versions.node }, 1)

  return () => late.disable()
}
