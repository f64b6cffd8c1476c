// Loaded before the server under measurement: answers over the process channel what it used since the last time.
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** CPU in seconds, memory in megabytes, the longest pause of the event loop in milliseconds. */
export interface Reading {
  cpuSeconds: number
  residentMb: number
  /** V8's heap in use and as allotted, and what lies outside of it. */
  heapMb: number
  heapTotalMb: number
  outsideMb: number
  longestPauseMs: number
}

const delays = monitorEventLoopDelay({ resolution: 1 })
delays.enable()
let before = process.cpuUsage()

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
  }
  delays.reset()
  process.send?.(reading)
})
// A server does not outlive its measurement.
process.on('disconnect', () => process.exit())
process.channel?.unref()
