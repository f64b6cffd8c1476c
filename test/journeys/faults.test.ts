// Each fault that the simulator can produce, lasting: what the caller of a refresh sees, what is kept, and that search
// and status go on. And after it has passed: all is well again without a person.
import t from 'tap'
import { FAULT_KINDS, type FaultKind, type FaultPlan } from '../../simulator/faults.ts'
import { createLeapingClock } from '../support/clock.ts'
import { startService, startSimulator } from '../support/service.ts'

interface Expected {
  /** On which requests; queries unless said otherwise. */
  on?: FaultPlan['on']
  plan?: Partial<FaultPlan>
  status: number
  code?: string
}

const unreadable = { status: 502, code: 'QBO_ANSWER_UNREADABLE' }
const unreachable = { status: 502, code: 'QBO_UNREACHABLE' }
const unavailable = { status: 502, code: 'QBO_UNAVAILABLE' }

const table: Record<FaultKind, Expected> = {
  http429: { status: 502, code: 'QBO_THROTTLED' },
  html502: unavailable,
  html503: unavailable,
  html504: unavailable,
  xmlFault: { plan: { status: 500, code: '10000' }, ...unavailable },
  fault: { plan: { status: 400, code: '6190' }, status: 502, code: 'QBO_SUBSCRIPTION_LAPSED' },
  okFault: { plan: { code: '10000' }, ...unavailable },
  unauthorized: { status: 502, code: 'QBO_UNAUTHORIZED' },
  forbidden: { status: 502, code: 'QBO_FORBIDDEN' },
  invalidGrant: { on: 'refresh', status: 409, code: 'RECONNECT_REQUIRED' },
  redirect: { status: 502, code: 'QBO_REJECTED' },
  malformed: unreadable,
  empty: unreadable,
  truncated: unreadable,
  cut: unreadable,
  reset: unreachable,
  lostBefore: unreachable,
  lostTokenAnswer: { on: 'refresh', status: 502, code: 'OAUTH_UNAVAILABLE' },
  hang: unreachable,
  slow: { plan: { delayMs: 30 }, status: 200 },
  huge: { plan: { megabytes: 65 }, ...unreadable },
  missingKeys: unreadable,
  wrongRows: { plan: { rows: 3, match: 'SELECT \\*' }, status: 502, code: 'QBO_INCOMPLETE' },
  badRecord: { plan: { match: 'SELECT \\*' }, status: 200 },
}

for (const kind of FAULT_KINDS) {
  const { on = 'query', plan = {}, status, code } = table[kind]
  t.test(
    `${kind} on every ${on}: answered with ${status} ${code ?? ''}, nothing lost, and it heals`,
    async (t) => {
      const clock = createLeapingClock()
      const simulator = await startSimulator(t, {
        clock: clock.now,
        company: { customers: 30, vendors: 25, items: 25 },
      })
      const service = await startService(t, simulator, { clock, timeoutMs: 500 })
      await service.connectAndFill()
      const refresh = () => service.request('/api/cache/refresh', { method: 'POST' })
      const customer = simulator.company.list('Customer').find(({ Active }) => Active)
      const named = encodeURIComponent(String(customer?.DisplayName))

      if (on === 'refresh') clock.advance(3_600_000)
      simulator.fault({ on, kind, times: 1000, ...plan })
      const answer = await refresh()
      t.equal(answer.status, status)
      if (code !== undefined) t.match(answer.json, { code, message: /kept|QuickBooks/ })
      t.notMatch(answer.text, /\bat .*:\d+|RT1-|eyJ|Basic |simulator-secret/, 'no stack, no secret')

      const during = (await service.request('/api/cache/status')).json
      t.match(during, { customers_count: 30, vendors_count: 25, items_count: 25 })
      const failed = Object.values(during.entities as Record<string, { last_error: string | null }>).filter(
        (one) => one.last_error !== null,
      )
      t.equal(failed.length > 0, status !== 200, 'the status tells the truth')
      const { results } = (await service.request(`/api/search/client_names?q=${named}`)).json
      t.equal(results[0]?.id, customer?.Id, 'search goes on')

      simulator.clearFaults()
      clock.advance(3_600_000)
      const reconnect = kind === 'invalidGrant' || kind === 'lostTokenAnswer'
      if (reconnect) await service.connect()
      t.equal((await refresh()).status, 200, 'it heals')
      const after = (await service.request('/api/cache/status')).json
      t.match(after, { connection_status: 'connected', entities: { items: { last_error: null } } })
    },
  )
}
