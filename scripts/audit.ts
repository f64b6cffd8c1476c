// Asks the registry whether something that is shipped has a known vulnerability. Ends with 0: none; 1: there is one, or npm
// failed; 3: the registry has no answer, so nothing is known. npm ends with 1 for both of the latter.
import { spawnSync } from 'node:child_process'

const quick = ['--fetch-retries=0', '--fetch-timeout=30000']
const asked = spawnSync('npm', ['audit', '--omit=dev', '--json', ...quick], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'ignore'],
})
const report = parsed(asked.stdout)
const counts = report?.metadata?.vulnerabilities
if (counts !== undefined && counts.total === 0) console.log('Audited: no known vulnerability')
else if (counts === undefined && report?.message !== undefined) {
  console.log(`Not audited: the registry has no answer (${report.message})`)
  process.exitCode = 3
} else if (counts === undefined) {
  console.log(`npm audit failed: ${asked.stdout || asked.error}`)
  process.exitCode = 1
} else {
  for (const { name, severity, range } of Object.values(report?.vulnerabilities ?? {}))
    console.log(`${name} ${range}: ${severity}`)
  console.log(`Vulnerable: ${counts.total}; npm audit --omit=dev says more`)
  process.exitCode = 1
}

interface Report {
  /** Instead of all else, where there was no answer. */
  message?: string
  metadata?: { vulnerabilities?: { total: number } }
  vulnerabilities?: Record<string, { name: string; severity: string; range: string }>
}

function parsed(text: string): Report | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
