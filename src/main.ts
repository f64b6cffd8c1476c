// The entry. What Node compiled at an earlier start is kept in the data directory, once there is one: reading TypeScript
// anew is a quarter of a start. Then the service.
import { existsSync, mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

const dataDir = process.env.DATA_DIR || './data'
const folder = join(dataDir, 'code')
try {
  if (existsSync(dataDir)) {
    if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 })
    enableCompileCache(folder)
  }
} catch {
  // A folder that cannot be written is for the service to report, if it matters there.
}
await import('./serve.ts')
