// What is installed and what is shipped: fetched as it was when it was chosen, run by nobody's script, used, and told.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import packageJson from '../package.json' with { type: 'json' }
import { licencesOf } from '../scripts/licences.ts'
import { type LockFile, nameOf, shippedIn } from '../scripts/shipped.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const lock = JSON.parse(read('package-lock.json')) as LockFile
const fetched = Object.entries(lock.packages).filter(([folder]) => folder !== '')
const { dependencies, devDependencies, optionalDependencies, scripts } = packageJson
const denied = Object.entries(packageJson.allowScripts).flatMap(([name, runs]) => (runs ? [] : [name]))

t.test('each package that is fetched is held against a hash', async (t) => {
  t.ok(fetched.length > 400)
  const unheld = fetched.filter(([, { integrity = '' }]) => !/^sha512-[\w+/]{86}==$/.test(integrity))
  t.same(
    unheld.map(([folder]) => folder),
    [],
  )
})

t.test('no package has a script that npm would run, and neither has this one', async (t) => {
  const hooks = ['preinstall', 'install', 'postinstall']
  let installed = 0
  const scripted = fetched.filter(([folder, { hasInstallScript }]) => {
    // Those of other platforms are not there.
    if (!existsSync(join(root, folder, 'package.json'))) return hasInstallScript
    installed += 1
    const { scripts: of = {} } = JSON.parse(read(join(folder, 'package.json')))
    // npm builds what has this file.
    const builds = existsSync(join(root, folder, 'binding.gyp'))
    return hasInstallScript || builds || hooks.some((hook) => hook in of)
  })
  t.ok(installed > 400)
  t.same(
    scripted.map(([folder]) => nameOf(folder)),
    denied,
  )
  t.same(
    Object.keys(scripts).filter((name) => [...hooks, 'prepare', 'preprepare'].includes(name)),
    [],
  )
})

t.test('every version is an exact one', async (t) => {
  for (const [name, version] of Object.entries({
    ...dependencies,
    ...devDependencies,
    ...optionalDependencies,
  }))
    t.match(version, /^(npm:[\w@/-]+@)?\d+\.\d+\.\d+$/, name)
})

/** The packages that the code in `folders` names. */
async function importedIn(...folders: string[]): Promise<Set<string>> {
  const names = new Set<string>()
  for (const folder of folders) {
    for await (const file of glob(`${folder}/**/*.{ts,js}`, { cwd: root })) {
      const found = read(file).matchAll(
        /^(?:import|export|\}) .*from '([^'\n]+)'|(?:import|require)\('([^'\n]+)'\)|^import '([^'\n]+)'|\btarget: '([^'\n]+)'/gm,
      )
      for (const [, ...names_] of found) {
        const name = names_.find((one) => one !== undefined) ?? ''
        if (/^(\.|node:)/.test(name)) continue
        names.add(name.split('/', name.startsWith('@') ? 2 : 1).join('/'))
      }
    }
  }
  return names
}

t.test('what ships is imported by what ships, and nothing else is', async (t) => {
  t.same([...(await importedIn('src', 'web'))].sort(), Object.keys(dependencies).sort())
})

t.test('what is only for development is used there, and nothing that is in no list', async (t) => {
  const imported = await importedIn('test', 'bench', 'scripts', 'simulator', 'client')
  const listed = Object.keys({ ...dependencies, ...devDependencies })
  t.same(
    [...imported].filter((name) => !listed.includes(name)),
    [],
  )

  const commands = [...Object.values(scripts), read('.ci/run')].join('\n').split(/[\s;&|]+/)
  const everywhere = new Set([...imported, ...Object.keys(dependencies)])
  const { types } = JSON.parse(read('tsconfig.json')).compilerOptions as { types: string[] }
  for (const name of Object.keys(devDependencies)) {
    const { bin = {} } = JSON.parse(read(`node_modules/${name}/package.json`))
    const isRun =
      Object.keys(bin).some((command) => commands.includes(command)) ||
      commands.some((command) => command.startsWith(`node_modules/${name}/`))
    const typed = name.replace('@types/', '')
    const isTypes = typed !== name && (types.includes(typed) || everywhere.has(typed))
    const isPeer = Object.keys(devDependencies).some((other) => {
      const { peerDependencies: peers = {} } = JSON.parse(read(`node_modules/${other}/package.json`))
      return name in peers
    })
    t.ok(imported.has(name) || isRun || isTypes || isPeer, name)
  }
})

/** Every folder that a package of production can ask for, walked as Node looks for packages. */
function reachable(): string[] {
  const found = new Set<string>()
  const visit = (from: string, name: string): void => {
    for (
      let at = from;
      ;
      at = at.includes('/node_modules/') ? at.replace(/\/node_modules\/(?:@[^/]+\/)?[^/]+$/, '') : ''
    ) {
      const folder = join(at, 'node_modules', name)
      const one = lock.packages[folder]
      if (one !== undefined) {
        if (!found.has(folder)) {
          found.add(folder)
          // npm installs what a package needs beside itself, too.
          for (const next of Object.keys({ ...one.dependencies, ...one.peerDependencies }))
            visit(folder, next)
        }
        return
      }
      if (at === '') throw new Error(`${name} of ${from} is not locked`)
    }
  }
  for (const name of Object.keys(dependencies)) visit('', name)
  return [...found]
}
const shipped = [
  ...new Set(reachable().map((folder) => `${nameOf(folder)}@${lock.packages[folder]?.version}`)),
].sort()

t.test('what is said to ship is what production needs', async (t) => {
  t.ok(shipped.length > 50)
  t.same(
    shippedIn(lock)
      .map(({ name, version }) => `${name}@${version}`)
      .sort(),
    shipped,
  )
})

/** Runs one of the npm scripts as a person does. */
async function npm(script: string, env: NodeJS.ProcessEnv = {}): Promise<{ status: number; output: string }> {
  const child = spawn('npm', ['run', '--silent', script], { cwd: root, env: { ...process.env, ...env } })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  const [status] = await once(child, 'close')
  return { status, output }
}

t.test(
  'the SBOM names exactly what ships, with versions, licences and hashes, and needs no network',
  async (t) => {
    const { status, output } = await npm('sbom', { npm_config_registry: 'http://127.0.0.1:9' })
    t.equal(status, 0)
    const { bomFormat, specVersion, metadata, components, dependencies: graph } = JSON.parse(output)
    t.match({ bomFormat, specVersion }, { bomFormat: 'CycloneDX', specVersion: /^1\.\d$/ })
    const { name, version } = packageJson
    t.match(metadata.component, { type: 'application', name, version, 'bom-ref': `${name}@${version}` })
    t.same(components.map((one: Component) => `${one.name}@${one.version}`).sort(), shipped)
    for (const { name, version, purl, licenses, hashes } of components as Component[]) {
      t.equal(purl, `pkg:npm/${name.replace('@', '%40')}@${version}`)
      const [locked] = fetched.filter(([folder, one]) => nameOf(folder) === name && one.version === version)
      const integrity = locked?.[1].integrity?.replace('sha512-', '') ?? ''
      t.same(hashes, [{ alg: 'SHA-512', content: Buffer.from(integrity, 'base64').toString('hex') }], name)
      t.same(licenses, [{ license: { id: locked?.[1].license } }], name)
    }
    t.equal(graph.length, shipped.length + 1)
  },
)

interface Component {
  name: string
  version: string
  purl: string
  licenses: object[]
  hashes: object[]
}

t.test('everything that ships may be used by anybody, and docs/licences.md says so', async (t) => {
  const permissive = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', '0BSD', 'BlueOak-1.0.0']
  t.same(
    shippedIn(lock).filter(({ licence }) => !permissive.includes(licence)),
    [],
  )
  for (const { name, version, licence } of shippedIn(lock)) {
    const folder =
      fetched.find(([one, locked]) => nameOf(one) === name && locked.version === version)?.[0] ?? ''
    t.equal(
      JSON.parse(read(join(folder, 'package.json'))).license,
      licence,
      `${name} says the same of itself`,
    )
  }
  t.equal(read('docs/licences.md'), licencesOf(lock), 'npm run licences writes it anew')
})

/** A registry that knows these advisories, by package, answers to nothing else. */
async function registry(t: Test, status: number, advisories: Record<string, object[]>) {
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST') return response.writeHead(404).end()
    const asked = JSON.parse(gunzipSync(await buffer(request)).toString()) as Record<string, string[]>
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(
      JSON.stringify(Object.fromEntries(Object.entries(advisories).filter(([name]) => name in asked))),
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return { npm_config_registry: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

t.test(
  'a known vulnerability in what ships fails the audit; a registry that cannot be asked neither fails nor passes it',
  async (t) => {
    const bad = [
      { id: 1, url: 'https://example.com/1', title: 'Bad', severity: 'high', vulnerable_versions: '*' },
    ]
    // Ajv is needed by production and by tests, tap by tests alone.
    for (const name of ['toad-scheduler', 'ajv'])
      t.match(await npm('audit', await registry(t, 200, { [name]: bad })), {
        status: 1,
        output: new RegExp(`^${name} .*: high$`, 'm'),
      })
    const fine = { status: 0, output: /no known vulnerability/ }
    t.match(await npm('audit', await registry(t, 200, { tap: bad })), fine)
    for (const env of [await registry(t, 405, {}), { npm_config_registry: 'http://127.0.0.1:9' }])
      t.match(await npm('audit', env), { status: 3, output: /^Not audited: .+\n$/ })
  },
)
