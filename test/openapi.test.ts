// What is made from the routes and committed: it is up to date, and sound as others see it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import t from 'tap'
import { generate } from '../scripts/openapi.ts'

const committed = (path: string) => readFileSync(join(import.meta.dirname, '..', path), 'utf8')

t.test('openapi.json and the types of the client are what the routes say', async (t) => {
  process.env.PUBLIC_URL = 'https://mrp.example.com'
  process.env.SYNC_ENTITIES = 'items'
  for (const [path, text] of Object.entries(await generate()))
    t.ok(text === committed(path), `${path}: npm run openapi writes them anew`)
})

t.test('Redocly has nothing to say against the document', async (t) => {
  const config = await createConfig({ extends: ['recommended'] })
  const problems = await lintFromString({ source: committed('openapi.json'), config })
  const said = problems.map(
    ({ severity, ruleId, location: [at] }) => `${severity} ${ruleId} ${at?.pointer ?? ''}`,
  )
  // It only sends browsers on their way.
  t.same(said, ['warn operation-2xx-response #/paths/~1connect/get/responses'])
})

t.test('a document that is not sound is found out', async (t) => {
  const config = await createConfig({ extends: ['recommended'] })
  const source = committed('openapi.json').replace('"#/components/schemas/CacheStatus"', '"#/nowhere"')
  const problems = await lintFromString({ source, config })
  t.match(problems, [{ severity: 'error', ruleId: 'no-unresolved-refs' }])
})
