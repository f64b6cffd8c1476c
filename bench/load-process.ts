// `throughput` in a process of its own, so that it can be bound to a core: takes its arguments over the process channel,
// and answers there.
import { throughput } from './load.ts'

process.on('message', async (args: Parameters<typeof throughput>) =>
  process.send?.(await throughput(...args)),
)
process.on('disconnect', () => process.exit())
