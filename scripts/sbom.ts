// Prints a CycloneDX SBOM of what is shipped. npm makes it, from a lock file that has nothing else in it: with `--omit dev`
// it would also leave out what both production and a tool for development need. It asks no registry.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import packageJson from '../package.json' with { type: 'json' }
import { type LockFile, onlyShipped } from './shipped.ts'

const temporary = mkdtempSync(join(tmpdir(), 'sbom-'))
// npm calls a project by its folder.
const folder = join(temporary, packageJson.name)
try {
  const { devDependencies, optionalDependencies, scripts, ...production } = packageJson
  const lock = onlyShipped(JSON.parse(readFileSync('package-lock.json', 'utf8')) as LockFile)
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), JSON.stringify(production))
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock))
  const how = ['--package-lock-only', '--sbom-format', 'cyclonedx', '--sbom-type', 'application']
  process.exitCode = spawnSync('npm', ['sbom', ...how], { cwd: folder, stdio: 'inherit' }).status ?? 1
} finally {
  rmSync(temporary, { recursive: true })
}
