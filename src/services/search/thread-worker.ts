// The other side of thread.ts: one segment is built here, then the thread ends.
import { parentPort, workerData } from 'node:worker_threads'
import { entities } from '../entities/index.ts'
import { createIntake } from './builder.ts'
import type { SegmentData } from './segment.ts'
import { inOneGo } from './steps.ts'
import type { Order } from './thread.ts'

const entity = entities.find(({ name }) => name === workerData)
if (entity === undefined) throw new Error(`unknown entity: ${workerData}`)
const { builder, rows, segment } = createIntake(entity)

function carryOut(order: Order): SegmentData | null {
  switch (order.kind) {
    case 'rows':
      inOneGo(rows(order.rows))
      return null
    case 'removals':
      for (const id of order.ids) builder.remove(id)
      return null
    case 'segment':
      inOneGo(segment(order.segment, order.states))
      return null
    case 'records':
      for (const record of order.records) builder.add(record)
      return null
    case 'finish':
      return inOneGo(builder.finish())
  }
}

parentPort?.on('message', (order: Order) => parentPort?.postMessage(carryOut(order)))
