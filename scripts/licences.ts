// Writes docs/licences.md: what is shipped, and under which licences.
import { readFileSync, writeFileSync } from 'node:fs'
import { type LockFile, shippedIn } from './shipped.ts'

/** The whole document. */
export function licencesOf(lock: LockFile): string {
  const rows = shippedIn(lock).map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`)
  return `# Licences of what is shipped

Made by \`npm run licences\` from package-lock.json. mrp-backend itself: MIT.

Inside of these packages: Swagger UI (Apache-2.0) in @fastify/swagger-ui, SQLite (public domain) in better-sqlite3.

| Package | Version | Licence |
|---|---|---|
${rows.join('\n')}
`
}

if (import.meta.main)
  writeFileSync('docs/licences.md', licencesOf(JSON.parse(readFileSync('package-lock.json', 'utf8'))))
