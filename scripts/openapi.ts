// `npm run openapi`: writes openapi.json and client/schema.d.ts from the routes' own schemas, as a service with every
// entity and otherwise nothing configured would show them.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import openapiTS, { astToString } from 'openapi-typescript'
import { buildApp } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import { entities } from '../src/services/entities/index.ts'

const root = join(import.meta.dirname, '..')

/** What is made, by its place in the repository. */
export type Generated = Record<'openapi.json' | 'client/schema.d.ts', string>

/** Makes both and writes nothing that stays. */
export async function generate(): Promise<Generated> {
  const document = `${JSON.stringify(await openApiDocument(), null, 2)}\n`
  return { 'openapi.json': document, 'client/schema.d.ts': await typesOf(document) }
}

async function openApiDocument(): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'mrp-backend-openapi-'))
  try {
    const env = {
      DATA_DIR: folder,
      SECRET_KEY: randomUUID(),
      SYNC_ENTITIES: entities.map(({ name }) => name).join(','),
    }
    const app = await buildApp(await loadConfig(env, join(folder, 'no.env')))
    try {
      return app.swagger()
    } finally {
      await app.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function typesOf(document: string): Promise<string> {
  const types = astToString(await openapiTS(document))
  return `// Made by \`npm run openapi\` from openapi.json: change the routes, not this.\n\n${types}`
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(await generate())) writeFileSync(join(root, path), text)
}
