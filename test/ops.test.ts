// What Prometheus and Grafana read is what the service answers: checked by Prometheus' own tool.
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { metricsIn } from './support/figures.ts'
import { startService, startSimulator, temporaryFolder } from './support/service.ts'

const root = join(import.meta.dirname, '..')
const ops = join(root, 'ops')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

const isMissing = spawnSync('promtool', ['--version']).error !== undefined
/** With TEST_TOOLS_REQUIRED=1 nothing is skipped, so it fails. */
const withPromtool =
  isMissing && process.env.TEST_TOOLS_REQUIRED !== '1' ? { skip: 'no promtool here: install prometheus' } : {}

function promtool(args: string[], input?: string) {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { encoding: 'utf8', input })
  if (error !== undefined) throw error
  return { status, output: `${stdout}${stderr}` }
}

let answer: Promise<string> | undefined

/** What a service answers to which everything has happened that there are figures for. */
function metricsText(t: Test): Promise<string> {
  answer ??= (async () => {
    const simulator = await startSimulator(t)
    const service = await startService(t, simulator)
    await service.connectAndFill()
    const { text } = await service.request('/metrics')
    await service.close()
    return text
  })()
  return answer
}

t.test('promtool has nothing to say about /metrics', withPromtool, async (t) => {
  const text = await metricsText(t)
  t.ok(metricsIn(text).size > 25)
  t.same(promtool(['check', 'metrics'], text), { status: 0, output: '' })
})

t.test(
  'the alerts are good rules, and each comes when it should and not when it should not',
  withPromtool,
  async (t) => {
    const checked = promtool(['check', 'rules', join(ops, 'alerts.yml')])
    t.equal(checked.status, 0, checked.output)
    const tested = promtool(['test', 'rules', join(ops, 'alerts.test.yml')])
    t.equal(tested.status, 0, tested.output)
  },
)

t.test('each alert has a test that it comes and one that it does not, and says what to do', async (t) => {
  const rules = read('ops/alerts.yml').split('- alert: ').slice(1)
  const tests = read('ops/alerts.test.yml').split('- name: ').slice(1)
  t.ok(rules.length >= 12)
  for (const rule of rules) {
    const [name = ''] = rule.split('\n')
    const own = tests.filter((one) => one.includes(`alertname="${name}"`))
    t.ok(
      own.some((one) => one.includes(`labels: 'ALERTS{alertname="${name}"`)),
      `${name} comes`,
    )
    t.ok(
      own.some((one) => one.includes('exp_samples: []')),
      `${name} does not`,
    )
    t.match(rule, /\n +for: \d+[mh]\n/, name)
    t.match(rule, /severity: (critical|warning) /, name)
    t.match(rule, /\n +summary: .+\n +description: .+/, name)
  }
})

t.test('the example of how to scrape is a configuration', withPromtool, async (t) => {
  const folder = temporaryFolder(t)
  for (const name of ['prometheus.yml', 'alerts.yml']) cpSync(join(ops, name), join(folder, name))
  writeFileSync(join(folder, 'mrp-backend.key'), 'an admin key')
  const { status, output } = promtool(['check', 'config', join(folder, 'prometheus.yml')])
  t.equal(status, 0, output)
  t.match(output, /17 rules found/)
})

interface Panel {
  title: string
  type: string
  gridPos: { x: number; y: number; w: number; h: number }
  fieldConfig?: { defaults: { unit?: string } }
  targets?: { expr: string; datasource: { uid: string } }[]
}
interface Dashboard {
  panels: Panel[]
  schemaVersion: number
  templating: { list: { name: string; query: unknown }[] }
}
const dashboard = JSON.parse(read('ops/grafana-dashboard.json')) as Dashboard
const targets = dashboard.panels.flatMap((panel) => panel.targets ?? [])

/** What Grafana asks Prometheus for. */
const asked = (expr: string) =>
  expr.replaceAll('$__rate_interval', '5m').replaceAll('$job', 'mrp-backend').replaceAll('$instance', '.*')

t.test('every panel asks for something that Prometheus understands', withPromtool, async (t) => {
  const file = join(temporaryFolder(t), 'panels.yml')
  const rules = targets.map(({ expr }, i) => ({ record: `panel:${i}`, expr: asked(expr) }))
  t.ok(rules.length > 30)
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'panels', rules }] }))
  const { status, output } = promtool(['check', 'rules', file])
  t.equal(status, 0, output)
})

t.test(
  'the dashboard is one of Grafana 10, whose panels have units, places and a data source to choose',
  async (t) => {
    t.ok(dashboard.schemaVersion >= 36 && dashboard.schemaVersion <= 41)
    t.same(
      dashboard.templating.list.map(({ name }) => name),
      ['datasource', 'job', 'instance'],
    )
    for (const { title, type, gridPos, fieldConfig, targets = [] } of dashboard.panels) {
      t.ok(gridPos.x + gridPos.w <= 24, title)
      if (type === 'row') continue
      t.type(fieldConfig?.defaults.unit, 'string', title)
      t.ok(targets.length > 0, title)
      for (const { datasource } of targets) t.equal(datasource.uid, `$\{datasource}`, title)
    }
  },
)

/** The selectors of a query: which figures it names, and by which labels it chooses among them. */
function selectorsIn(expr: string) {
  return [...expr.matchAll(/\b((?:mrp|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, name = '', chosen = '']) => ({
      name,
      labels: [...chosen.matchAll(/(\w+)\s*(?:=|!=|=~|!~)\s*"/g)].map(([, label = '']) => label),
      equal: [...chosen.matchAll(/(\w+)="([^"$]*)"/g)].map(([, label = '', value = '']) => ({
        label,
        value,
      })),
    }),
  )
}

t.test('panels and alerts name only figures, labels and values that there are', async (t) => {
  const text = await metricsText(t)
  const metrics = metricsIn(text)
  const alerts = [...read('ops/alerts.yml').matchAll(/expr: (?:\|\n((?: {10,}.*\n)+)|(.*))/g)].map(
    ([, block, line]) => block ?? line ?? '',
  )
  t.equal(alerts.length, 17)
  const variables = dashboard.templating.list.map(({ query }) => JSON.stringify(query))
  const found = [...targets.map(({ expr }) => expr), ...alerts, ...variables].flatMap(selectorsIn)
  const named = new Set<string>()
  for (const { name, labels, equal } of found) {
    const base = metrics.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '')
    const metric = metrics.get(base)
    named.add(base)
    if (metric === undefined) {
      t.fail(`there is no ${name}`)
      continue
    }
    const given = [...metric.labels, 'job', 'instance']
    t.same(
      labels.filter((label) => !given.includes(label)),
      [],
      name,
    )
    for (const { label, value } of equal)
      if (label !== 'job')
        t.match(text, new RegExp(`^${name}\\{[^}]*${label}="${value}"`, 'm'), `${name}, ${value}`)
  }
  const unseen = [...metrics.keys()].filter((name) => !named.has(name))
  t.same(unseen, ['mrp_sync_last_success_timestamp_seconds'], 'the age says the same')
})

t.test('docs/monitoring.md tells of every figure, and of no other', async (t) => {
  const rows = [
    ...read('docs/monitoring.md').matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) ?\| (process|whole) \| .+ \|$/gm),
  ]
  const told = rows.map(([, name = '', type, labels = '']) => [
    name,
    { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label).toSorted() },
  ])
  t.same(new Map(told as [string, object][]), metricsIn(await metricsText(t)))
})
