// The documents lead where they say: each relative link to something that is there, each anchor to a heading of it.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'
import openapi from '../openapi.json' with { type: 'json' }

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

const written = globSync(['*.md', 'docs/**/*.md', 'client/*.md', 'simulator/*.md'], { cwd: root })

/** Code is shown, not linked. */
const proseOf = (markdown: string) =>
  markdown.replace(/^( *)```.*?^\1```/gms, '').replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()]/g, ''))

/** The anchors of a document as GitHub makes them out of its headings. */
function anchorsOf(path: string): Set<string> {
  const seen = new Map<string, number>()
  const anchors = [...proseOf(read(path)).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const slug = heading
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
    const before = seen.get(slug) ?? 0
    seen.set(slug, before + 1)
    return before === 0 ? slug : `${slug}-${before}`
  })
  return new Set(anchors)
}

const linksOf = (path: string): string[] =>
  [...proseOf(read(path)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))

/** What is wrong with a link; undefined when nothing is. */
function faultOf(from: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? from : relative(root, join(root, dirname(from), decodeURIComponent(path)))
  if (!existsSync(join(root, target))) return `${from}: ${link} is not there`
  if (anchor !== undefined && !anchorsOf(target).has(anchor)) return `${from}: ${link} has no such heading`
  return undefined
}

t.test('each relative link and anchor of a document leads to something', async (t) => {
  const links = written.flatMap((path) => linksOf(path).map((link) => ({ path, link })))
  t.ok(links.length > 30, 'there are links to look at')
  t.ok(
    links.some(({ link }) => link.includes('#')),
    'and anchors',
  )
  t.same(
    links.flatMap(({ path, link }) => faultOf(path, link) ?? []),
    [],
  )
})

t.test('a link that leads nowhere is noticed', async (t) => {
  t.match(faultOf('README.md', 'docs/none.md'), /is not there/)
  t.match(faultOf('docs/search.md', '../README.md#none'), /no such heading/)
  t.equal(faultOf('docs/search.md', '../README.md#configuration'), undefined)
})

t.test('each file that a document names is there', async (t) => {
  const named = written.flatMap((path) =>
    [...read(path).matchAll(/`((?:\.ci|bench|client|docs|ops|scripts|src|test|web)?\/[\w./-]+)`/g)].flatMap(
      ([, file = '']) => (file.startsWith('/') ? served(file) : [file]).map((file) => ({ path, file })),
    ),
  )
  t.ok(named.length > 30)
  t.same(
    named.filter(
      ({ path, file }) => !existsSync(join(root, file)) && !existsSync(join(root, dirname(path), file)),
    ),
    [],
  )
})

/** What the service serves from web/; other paths are routes. */
const served = (path: string) => (/\.(css|html|js|svg)$/.test(path) ? [join('web', path)] : [])

t.test('each command of npm that a document names is there', async (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const named = written.flatMap((path) =>
    [...read(path).matchAll(/npm run (?:--silent )?([\w-]+)/g)].map(([, name = '']) => ({ path, name })),
  )
  t.ok(named.length > 10)
  t.same(
    named.filter(({ name }) => !Object.hasOwn(scripts, name)),
    [],
  )
})

t.test('each route is named in the README', async (t) => {
  const [, known = ''] = read('README.md').split('\n## API\n')
  t.same(
    Object.keys(openapi.paths)
      .map((path) => path.replace(/^\/api\/data\/\w+$/, '/api/data/{entity}'))
      .filter((path) => !known.includes(path)),
    [],
  )
})
