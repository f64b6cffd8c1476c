// The other side of thread.ts: one segment is built here, then the thread ends.
import { constants, platform, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { createEntities } from '../entities/index.ts'
import { createIntake } from './builder.ts'
import { inOneGo, type Steps } from './steps.ts'
import type { Order, Task } from './thread.ts'

// Where cores are scarce, requests come first. On Linux a thread has a priority of its own (sched(7)); elsewhere this
// would be the priority of the whole process.
if (platform() === 'linux') setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL)

const task = workerData as Task
const entity = createEntities(task.settings).find(({ name }) => name === task.entity)
if (entity === undefined) throw new Error(`unknown entity: ${task.entity}`)
const intake = createIntake(entity)

/** What an order asks for; only the last one brings anything: the segment. */
function stepsOf(order: Order): Steps<unknown> {
  switch (order.kind) {
    case 'rows':
      return intake.rows(order.rows)
    case 'removals':
      return intake.removals(order.ids)
    case 'segment':
      return intake.segment(order.segment, order.states)
    case 'records':
      return intake.records(order.records)
    case 'finish':
      return intake.finish()
  }
}

parentPort?.on('message', (order: Order) => parentPort?.postMessage(inOneGo(stepsOf(order)) ?? null))
