// Who may import whom (docs/DESIGN.md). A new folder has to find its place here before it can be used.
import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')

/** For each part of the house, the parts that it may import; `errors` and `clock`-like leaves are named too. */
const allowed: Record<string, string[]> = {
  main: ['serve'],
  serve: ['app', 'config', 'errors'],
  'rotate-key': ['config', 'errors', 'services/database', 'services/tokens'],
  migrate: ['config', 'errors', 'services/database'],
  'copy-store': [
    ...['config', 'errors'],
    ...['clock', 'copy', 'database', 'tokens'].map((name) => `services/${name}`),
  ],
  doctor: ['config', 'errors', 'package.json', 'services/doctor'],
  app: ['config', 'plugins', 'routes', 'services/clock', 'package.json'],
  config: ['errors', 'services/database', 'services/entities'],
  errors: [],
  plugins: ['errors', 'services/*'],
  routes: ['errors', 'services/*'],
  'services/clock': [],
  'services/log': [],
  'services/sessions': ['services/clock', 'services/database', 'services/tokens'],
  'services/events': [
    'errors',
    ...['cache', 'clock', 'log', 'status', 'sync'].map((name) => `services/${name}`),
  ],
  'services/problems': ['errors', 'services/clock'],
  'services/meter': ['errors', 'services/clock', 'services/database', 'services/log'],
  'services/metrics': ['clock', 'entities', 'log', 'meter', 'qbo', 'status', 'sync'].map(
    (name) => `services/${name}`,
  ),
  'services/status': [
    'errors',
    'services/replica',
    'services/cache',
    'services/clock',
    'services/entities',
    'services/meter',
    'services/problems',
    'services/qbo',
    'services/sync',
    'services/tokens',
  ],
  'services/database': ['errors'],
  'services/lease': ['errors', 'services/clock', 'services/database'],
  'services/replica': [
    'errors',
    ...['cache', 'clock', 'database', 'lease', 'log', 'status', 'sync', 'tokens'].map(
      (name) => `services/${name}`,
    ),
  ],
  'services/entities': [],
  'services/qbo': ['errors', 'services/clock', 'services/log'],
  'services/search': ['errors', 'services/entities'],
  'services/cache': [
    'errors',
    ...['clock', 'database', 'entities', 'lease'].map((name) => `services/${name}`),
  ],
  'services/tokens': [
    'errors',
    ...['clock', 'database', 'lease', 'log', 'qbo'].map((name) => `services/${name}`),
  ],
  // What it examines is the configuration, so it knows its variables.
  'services/doctor': [
    'config',
    'errors',
    ...['clock', 'database', 'qbo', 'tokens'].map((name) => `services/${name}`),
  ],
  'services/copy': [
    'errors',
    ...['cache', 'clock', 'database', 'lease', 'tokens'].map((name) => `services/${name}`),
  ],
  'services/sync': [
    'errors',
    ...['cache', 'clock', 'entities', 'log', 'qbo', 'search'].map((name) => `services/${name}`),
  ],
}

/** `src/services/qbo/client.ts` → `services/qbo`; `src/app.ts` → `app`. */
function partOf(file: string): string {
  const [first = '', second = ''] = relative(join(root, 'src'), file)
    .replace(/^\.\.\//, '')
    .split('/')
  return first === 'services' ? `services/${second.replace(/\.ts$/, '')}` : first.replace(/\.ts$/, '')
}

const importsOf = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/(?:from|import\() ?'([^']+)'/g)].map(([, name = '']) => name)

async function filesOf(folder: string): Promise<string[]> {
  const files: string[] = []
  for await (const file of glob(`${folder}/**/*.ts`, { cwd: root })) files.push(join(root, file))
  return files
}

t.test('every import in src follows the rules of the house', async (t) => {
  const files = await filesOf('src')
  t.ok(files.length > 30)
  for (const file of files) {
    const part = partOf(file)
    const rules = allowed[part]
    if (rules === undefined) return t.fail(`${relative(root, file)}: ${part} has no place in the rules`)
    for (const name of importsOf(file)) {
      if (name.startsWith('fastify') || name.startsWith('@fastify/')) {
        t.notMatch(part, /^services/, `${relative(root, file)} must not know Fastify`)
      }
      if (!name.startsWith('.')) continue
      const target = partOf(join(dirname(file), name))
      const fine =
        target === part ||
        rules.some((rule) => rule === target || (rule === 'services/*' && target.startsWith('services/')))
      if (!fine) t.fail(`${relative(root, file)} must not import ${name}`)
    }
  }
})

t.test('plugins meet through decorators, never by importing one another, and so do routes', async (t) => {
  for (const file of [...(await filesOf('src/plugins')), ...(await filesOf('src/routes'))]) {
    const siblings = importsOf(file).filter((name) => name.startsWith('./'))
    t.same(siblings, [], relative(root, file))
  }
})

t.test('the simulator and the service know nothing of each other', async (t) => {
  for (const file of await filesOf('simulator'))
    t.notMatch(importsOf(file).join(' '), /src\//, relative(root, file))
  for (const file of await filesOf('src'))
    t.notMatch(importsOf(file).join(' '), /simulator/, relative(root, file))
})
