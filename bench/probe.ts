// Loaded before the server under measurement: answers over the process channel what it used since the last time.
import { constants, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'

/** CPU in seconds, memory in megabytes, the longest pause of the event loop in milliseconds. */
export interface Reading {
  cpuSeconds: number
  residentMb: number
  /** V8's heap in use and as allotted, and what lies outside of it. */
  heapMb: number
  heapTotalMb: number
  outsideMb: number
  longestPauseMs: number
  /** V8's heap in use after each full collection since the last time: what is really held. */
  heldMb: number[]
}

const delays = monitorEventLoopDelay({ resolution: 1 })
delays.enable()
let before = process.cpuUsage()
let heldMb: number[] = []
new PerformanceObserver((list) => {
  const isFull = list.getEntries().some((entry) => kindOf(entry) === constants.NODE_PERFORMANCE_GC_MAJOR)
  if (isFull) heldMb.push(process.memoryUsage().heapUsed / 2 ** 20)
}).observe({ entryTypes: ['gc'] })
const kindOf = (entry: object) => (entry as { detail?: { kind?: number } }).detail?.kind

process.on('message', () => {
  const { user, system } = process.cpuUsage(before)
  before = process.cpuUsage()
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
  const reading: Reading = {
    cpuSeconds: (user + system) / 1e6,
    residentMb: rss / 2 ** 20,
    heapMb: heapUsed / 2 ** 20,
    heapTotalMb: heapTotal / 2 ** 20,
    outsideMb: external / 2 ** 20,
    longestPauseMs: delays.max / 1e6,
    heldMb,
  }
  delays.reset()
  heldMb = []
  process.send?.(reading)
})
// A server does not outlive its measurement.
process.on('disconnect', () => process.exit())
process.channel?.unref()
