// Builds segments on a thread of their own, so that the one that answers requests is never held up: not by the work,
// and not by the garbage that it makes. The segment comes back in shared memory, so handing it over costs nothing.
import { Worker } from 'node:worker_threads'
import type { CachedRow, EntitySettings } from '../entities/entity.ts'
import type { Build, StartBuild } from './builder.ts'
import type { SearchRecord } from './record.ts'
import type { SegmentData } from './segment.ts'

/** What the thread is told; it answers each order once, in their order: the last with a segment. */
export type Order =
  | { kind: 'rows'; rows: readonly CachedRow[] }
  | { kind: 'removals'; ids: readonly string[] }
  | { kind: 'segment'; segment: SegmentData; states: Uint8Array }
  | { kind: 'records'; records: readonly SearchRecord[] }
  | { kind: 'finish' }

/** Of which entity a segment is built: it is made anew there, for functions cannot be sent. */
export interface Task {
  entity: string
  settings: EntitySettings
}

/** Rows in one message: copying them takes this thread about a millisecond. */
const batchSize = 500

/**
 * Builds on a thread for each segment, of entities that were made with these settings; it ends with it. A thread that
 * dies fails every call to its build.
 */
export const buildsOnThread =
  (settings: EntitySettings): StartBuild =>
  (entity) =>
    buildOnThread({ entity: entity.name, settings })

function buildOnThread(workerData: Task): Build {
  const worker = new Worker(new URL('./thread-worker.ts', import.meta.url), { workerData })
  const waiting: PromiseWithResolvers<SegmentData | null>[] = []
  let fault: Error | null = null
  worker.on('message', (segment: SegmentData | null) => waiting.shift()?.resolve(segment))
  worker.on('error', (error) => fail(error instanceof Error ? error : new Error(String(error))))
  worker.on('exit', () => fail(new Error('the thread that builds a search index ended')))
  worker.unref()

  function fail(error: Error): void {
    fault ??= error
    for (const { reject } of waiting.splice(0)) reject(fault)
  }

  function tell(order: Order): Promise<SegmentData | null> {
    if (fault !== null) return Promise.reject(fault)
    const answer = Promise.withResolvers<SegmentData | null>()
    waiting.push(answer)
    worker.ref()
    worker.postMessage(order)
    return answer.promise.finally(() => waiting.length === 0 && worker.unref())
  }

  async function inBatches<T>(all: readonly T[], order: (some: T[]) => Order): Promise<void> {
    for (let start = 0; start < all.length; start += batchSize) {
      await tell(order(all.slice(start, start + batchSize)))
    }
  }

  return {
    // The parsed form of a row would be copied field by field; the thread reads its text again.
    rows: (all) => inBatches(all, (some) => ({ kind: 'rows', rows: some.map(({ raw: _, ...row }) => row) })),
    removals: (all) => inBatches(all, (ids) => ({ kind: 'removals', ids })),
    records: (all) => inBatches(all, (records) => ({ kind: 'records', records })),
    async segment(segment, states) {
      await tell({ kind: 'segment', segment, states })
    },
    async finish() {
      const segment = await tell({ kind: 'finish' })
      void worker.terminate()
      return segment as SegmentData
    },
    cancel: () => void worker.terminate(),
  }
}
