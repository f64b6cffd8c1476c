/**
 * `npm run simulator`: the simulator on a fixed port, until it is interrupted. Prints the lines that a `.env` needs to
 * point the service at it.
 */
import { parseArgs } from 'node:util'
import closeWithGrace from 'close-with-grace'
import { createSimulator } from './simulator.ts'

const DEFAULTS = {
  ...{ port: '5010', customers: '200', vendors: '60', items: '400' },
  ...{ invoices: '40', estimates: '10', orders: '20', bills: '15' },
  ...{ seed: '1', latency: '0' },
}
const options = Object.fromEntries(
  Object.entries(DEFAULTS).map(([name, value]) => [name, { type: 'string' as const, default: value }]),
)

function readNumbers(): Record<keyof typeof DEFAULTS, number> {
  const { values } = parseArgs({ options })
  const numbers = Object.entries(values).map(([name, text]): [string, number] => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < 0)
      throw new Error(`--${name} takes a whole number from 0, not "${String(text)}"`)
    return [name, value]
  })
  return Object.fromEntries(numbers) as Record<keyof typeof DEFAULTS, number>
}

async function main(): Promise<void> {
  const { port, latency, orders, ...company } = readNumbers()
  const simulator = await createSimulator({
    company: { ...company, purchaseOrders: orders },
    behaviour: { latencyMs: latency },
  })
  const url = await simulator.listen({ port })
  closeWithGrace({ delay: 2000 }, () => simulator.close())
  const sizes = Object.entries({ ...company, orders }).filter(([name]) => name !== 'seed')
  console.log(`QuickBooks simulator at ${url} (${sizes.map(([name, size]) => `${size} ${name}`).join(', ')})`)
  console.log('Put these lines at the end of .env:\n')
  for (const [name, value] of Object.entries(simulator.env)) console.log(`${name}=${value}`)
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
