// What the status says (services/status.ts), as figures. Where it cannot be read they are left out: an old figure would
// look like a new one.
import { Gauge, type Registry } from 'prom-client'
import type { MeterReadings } from '../meter/meter.ts'
import { ConnectionStatus, type Status } from '../status.ts'

/** How things are now. */
export interface State {
  /** undefined when the database refused to say. */
  status: Status | undefined
  reads: MeterReadings
  /** Epoch milliseconds. */
  now: number
}

type Labels = Record<string, string>
type Value = number | boolean | null
/** A value, or one for each kind; null and none are left out. */
type Read = (status: Status, now: number) => Value | (readonly [Labels, Value])[]

const STATES = ConnectionStatus.anyOf.map((one) => one.const)

/** Of each entity. */
const perEntity =
  (read: (of: Status['entities'][string]) => Value): Read =>
  ({ entities }) =>
    Object.entries(entities).map(([entity, of]) => [{ entity }, read(of)])

const secondsOf = (time: string | null): number | null => (time === null ? null : Date.parse(time) / 1000)

const secondsUntil = (time: string | null, now: number): number | null =>
  time === null ? null : (Date.parse(time) - now) / 1000

const gauges: { name: string; help: string; labelNames?: string[]; read: Read }[] = [
  {
    name: 'mrp_connection_state',
    help: '1 for the state in which the connection to QuickBooks is, 0 for the others',
    labelNames: ['state'],
    read: (status) => STATES.map((state) => [{ state }, status.connection_status === state]),
  },
  {
    name: 'mrp_token_expiry_seconds',
    help: 'Seconds until a token, or the consent, ends; negative when it has',
    labelNames: ['token'],
    read: (status, now) => [
      [{ token: 'access' }, secondsUntil(status.access_token_expires_at, now)],
      [{ token: 'refresh' }, secondsUntil(status.refresh_token_expires_at, now)],
      [{ token: 'consent' }, secondsUntil(status.consent_expires_at, now)],
    ],
  },
  {
    name: 'mrp_records',
    help: 'Cached records, inactive ones included',
    labelNames: ['entity'],
    read: perEntity(({ count }) => count),
  },
  {
    name: 'mrp_records_held_back',
    help: 'Records that QuickBooks no longer shows and that were kept, because they are too many',
    labelNames: ['entity'],
    read: perEntity(({ held_back_count }) => held_back_count),
  },
  {
    name: 'mrp_records_set_aside',
    help: 'Records of QuickBooks that could not be read',
    labelNames: ['entity'],
    read: perEntity(({ set_aside_count }) => set_aside_count),
  },
  {
    name: 'mrp_sync_age_seconds',
    help: 'Time since an entity was up to date; none before it has been read for the first time',
    labelNames: ['entity'],
    read: perEntity(({ age_seconds }) => age_seconds),
  },
  {
    name: 'mrp_sync_last_success_timestamp_seconds',
    help: 'When an entity was up to date, in seconds since 1970',
    labelNames: ['entity'],
    read: perEntity(({ last_success }) => secondsOf(last_success)),
  },
  {
    name: 'mrp_sync_running',
    help: '1 while a refresh runs',
    read: ({ refresh }) => refresh.running,
  },
  {
    name: 'mrp_webhook_posts_waiting',
    help: 'Posts of webhooks whose records have not been read yet',
    read: ({ webhooks }) => webhooks.waiting,
  },
  {
    name: 'mrp_quickbooks_circuit_open',
    help: '1 while QuickBooks is left alone because it does not answer',
    read: ({ quickbooks }) => quickbooks.circuit !== 'closed',
  },
  {
    name: 'mrp_replica_leader',
    help: '1 for the process that leads',
    read: ({ replica }) => replica.role === 'leader',
  },
  {
    name: 'mrp_replica_lag_seconds',
    help: 'Since when this process may be behind the cache; 0 for the one that leads',
    read: ({ replica }) => replica.lag_seconds,
  },
]

/** Registers them; answers what has to be called before they are read. */
export function registerState(registry: Registry): (state: State) => void {
  const registers = [registry]
  const known = gauges.map(({ read, labelNames = [], ...named }) => ({
    read,
    gauge: new Gauge({ ...named, labelNames, registers }),
  }))
  const reachable = new Gauge({
    name: 'mrp_database_reachable',
    help: '0 when the database does not answer: what is told of the cache is what was known before',
    registers,
  })
  const reads = new Gauge({
    name: 'mrp_quickbooks_reads_month',
    help: 'Reads of QuickBooks that Intuit bills, since the month began (UTC)',
    labelNames: ['entity', 'reason'],
    registers,
  })
  const budget = new Gauge({
    name: 'mrp_quickbooks_reads_month_budget',
    help: 'QUICKBOOKS_MONTHLY_READ_BUDGET; +Inf when unlimited',
    registers,
  })

  return ({ status, reads: spent, now }) => {
    for (const { gauge, read } of known) {
      gauge.reset()
      const found = status === undefined ? null : read(status, now)
      if (found === null) gauge.remove({})
      else if (typeof found === 'object') {
        for (const [labels, value] of found) if (value !== null) gauge.set(labels, Number(value))
      } else gauge.set(Number(found))
    }
    reachable.set(Number(status?.replica.is_database_reachable ?? false))
    reads.reset()
    for (const { reads: count, ...labels } of spent.reads) reads.set(labels, count)
    budget.set(spent.budget ?? Number.POSITIVE_INFINITY)
  }
}
