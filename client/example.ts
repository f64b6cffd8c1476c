// What an MRP does with the client: `node client/example.ts URL [KEY] [CURSOR]`. With ADMIN_API_KEY, or where there are
// no keys, all of it; with SEARCH_API_KEY all but the changes. CURSOR is what an earlier run printed last.
import { createMrpClient, type MrpClient, type Schemas, type SearchResult } from './index.ts'

const [baseUrl, apiKey, knownCursor] = process.argv.slice(2)
if (baseUrl === undefined) {
  process.stderr.write('node client/example.ts URL [KEY] [CURSOR]\n')
  process.exit(2)
}
const client = createMrpClient({ baseUrl, apiKey })
const say = (line: string): void => void process.stdout.write(`${line}\n`)

try {
  await readStatus()
  const ids = await typePartNumber()
  await readLabels(ids)
  await followItems(knownCursor)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}

async function readStatus(): Promise<void> {
  const status = must(await client.GET('/api/cache/status'))
  say(`Status: ${status.connection_status}, ${status.entities.items?.count ?? 0} items`)
}

/** Types the beginning of a part number, as fast as it can, and answers the ids of what was found. */
async function typePartNumber(): Promise<string[]> {
  const params = { path: { index: 'part_numbers' as const }, query: { suggest: true, limit: 1 } }
  const [first] = must(await client.GET('/api/search/{index}', { params })).results
  const typed = first?.name.slice(0, 4) ?? ''
  const search = createField(client)
  const keystrokes = Array.from(typed, (_, i) => search(typed.slice(0, i + 1)))
  const answers = await Promise.all(keystrokes)
  const shown = answers.filter((answer) => answer !== undefined)
  say(`Typed "${typed}": ${keystrokes.length} keystrokes, ${shown.length} shown`)
  const results = shown.at(-1) ?? []
  for (const result of results) say(`  ${labelOf(result)}`)
  return results.map(({ id }) => id)
}

/** An autocomplete field. Each keystroke ends the request of the one before, whose answer nobody waits for: undefined. */
function createField(client: MrpClient): (q: string) => Promise<readonly SearchResult[] | undefined> {
  let last = new AbortController()
  return async (q) => {
    last.abort()
    last = new AbortController()
    const { signal } = last
    const params = { path: { index: 'part_numbers' as const }, query: { q, limit: 5 } }
    try {
      return must(await client.GET('/api/search/{index}', { params, signal })).results
    } catch (error) {
      if (signal.aborted) return undefined
      throw error
    }
  }
}

/** Labels for ids that a form has stored, in one request. */
async function readLabels(ids: string[]): Promise<void> {
  if (ids.length === 0) return
  const params = { path: { entity: 'items' as const }, query: { ids: ids.join(',') } }
  const { results, missing } = must(await client.GET('/api/records/{entity}', { params }))
  say(`Labels: ${results.length} of ${ids.length} ids, ${missing.length} missing`)
}

/** Everything at first, and from then on what changed since the cursor. */
async function followItems(from: string | undefined): Promise<void> {
  let cursor = from
  let more = true
  while (more) {
    const query = { entities: 'items', limit: 500, ...(cursor !== undefined && { cursor }) }
    const answer = await client.GET('/api/changes', { params: { query } })
    if (answer.response.status === 401) return say('Changes: they need ADMIN_API_KEY')
    const page = must(answer)
    const deleted = page.changes.filter((change) => change.deleted).length
    say(`Changes: ${page.changes.length - deleted} records, ${deleted} deletions`)
    cursor = page.cursor
    more = page.has_more
  }
  say(`Cursor for the next run: ${cursor}`)
}

/** What each kind of result has besides is known by its `type`. */
function labelOf(result: SearchResult): string {
  if (result.type !== 'item' || result.unit_price === null) return result.name
  return `${result.name}, ${result.unit_price.toFixed(2)}`
}

/** The data of an answer. @throws Error with the service's own message, which says what to do */
function must<T>({ data, error }: { data?: T | undefined; error?: Schemas['Error'] | undefined }): T {
  if (data !== undefined) return data
  throw new Error(error?.message ?? 'The answer was empty')
}
