// Runs tap over test/, names what failed, and closes with one truthful line: `N passed, N failed`.
// The totals come from tap's own last line; a run that crashed or ran nothing counts as one failure. Failures are read
// from the report: tap's own reporter prints none of them where a CI is running.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'

const report = '.tap/last-run.tap'
/** Lines of one failure. */
const LONGEST = 80
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
  // A process starts in two thirds of the time where Node finds what it compiled for those before it.
  { stdio: 'inherit', env: { ...process.env, NODE_COMPILE_CACHE: resolve('.tap/code') } },
)

const text = readReport()
const totals = /^# \{ (total: .*) \}$/m.exec(text)?.[1] ?? ''
const count = (key: string): number => Number(new RegExp(`\\b${key}: (\\d+)`).exec(totals)?.[1] ?? 0)
const passed = count('pass')
const failed = count('fail') || (run.status !== 0 || passed === 0 ? 1 : 0)
const skipped = count('skip')

// Every failed test, outermost last, with what tap has to say of it below.
for (const [block, indent = ''] of text.matchAll(/^( *)not ok .*(?:\n\1 {2}.*)*/gm)) {
  const lines = block.split('\n').slice(0, LONGEST)
  console.log(`\n${lines.map((line) => line.slice(indent.length)).join('\n')}`)
}
if (run.status !== 0) console.log(`\ntap ended with ${run.status ?? run.signal ?? run.error}`)
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
