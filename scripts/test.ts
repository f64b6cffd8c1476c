// Runs tap over test/ and closes with one truthful line: `N passed, N failed`.
// The totals come from tap's own last line; a run that crashed or ran nothing counts as one failure.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'

const report = '.tap/last-run.tap'
mkdirSync('.tap', { recursive: true })
rmSync(report, { force: true })

const run = spawnSync(
  'tap',
  [
    '--reporter=terse',
    '--no-color',
    '--disable-coverage',
    `--output-file=${report}`,
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit' },
)

const totals = /^# \{ (total: .*) \}$/m.exec(readReport())?.[1] ?? ''
const count = (key: string): number => Number(new RegExp(`\\b${key}: (\\d+)`).exec(totals)?.[1] ?? 0)
const passed = count('pass')
const failed = count('fail') || (run.status !== 0 || passed === 0 ? 1 : 0)
const skipped = count('skip')

// The reporter may leave the cursor in the middle of a line.
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed > 0 ? 1 : 0

function readReport(): string {
  try {
    return readFileSync(report, 'utf8')
  } catch {
    return ''
  }
}
