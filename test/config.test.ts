import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  apiBaseUrlOf,
  ConfigSchema,
  databaseOf,
  entitiesOf,
  formerNames,
  isLoopback,
  loadConfig,
  redirectUriOf,
  secretNames,
} from '../src/config.ts'
import { defaultSettings } from '../src/services/entities/index.ts'
import { temporaryFolder } from './support/service.ts'

const load = (env: Record<string, string>, dotenv = '/nowhere/.env') => loadConfig(env, dotenv)

t.test('an empty environment gives the documented defaults and no secret', async (t) => {
  const config = await load({})
  t.match(config, { PORT: 5002, HOST: '127.0.0.1', PUBLIC_URL: 'http://localhost:5002', DATA_DIR: './data' })
  t.match(config, { CACHE_REFRESH_MINUTES: 60, TOKEN_CHECK_MINUTES: 5, ALLOW_UNAUTHENTICATED: false })
  for (const name of secretNames) t.equal(config[name], undefined, `${name} has no default`)
  t.equal(redirectUriOf(config), 'http://localhost:5002/callback')
  t.equal(apiBaseUrlOf(config), 'https://sandbox-quickbooks.api.intuit.com')
})

t.test('a bad value is refused by a line that names the variable and what is allowed', async (t) => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ PORT: 'abc' }, /^PORT: "abc" is not allowed; it takes a whole number from 0 to 65535/],
    [{ PORT: '70000' }, /PORT/],
    [{ QUICKBOOKS_ENVIRONMENT: 'prod' }, /QUICKBOOKS_ENVIRONMENT: "prod" .* sandbox, production/],
    [{ CACHE_REFRESH_MINUTES: '0' }, /CACHE_REFRESH_MINUTES.* from 0.01 to 10080/],
    [{ CACHE_REFRESH_MINUTES: 'Infinity' }, /CACHE_REFRESH_MINUTES: "Infinity" .* from 0.01 to 10080/],
    [{ TOKEN_CHECK_MINUTES: '1e999' }, /TOKEN_CHECK_MINUTES: "1e999" .* from 0.01 to 1440/],
    [{ SLOW_SEARCH_MS: '1e999' }, /SLOW_SEARCH_MS: "1e999" is not allowed/],
    ...[
      'perhaps',
      '0',
      '1.5',
      ',',
      '10.0.0.999',
      '10.0.0.0/33',
      '::1/129',
      '10.0.0.7/8/9',
      '10.0.0.7;10.0.0.8',
    ].map((value): [Record<string, string>, RegExp] => [
      { TRUST_PROXY: value },
      /TRUST_PROXY.* true or false/,
    ]),
    [{ LOG_LEVEL: 'loud' }, /LOG_LEVEL.* fatal, error/],
    [{ PUBLIC_URL: 'mrp.example.com' }, /PUBLIC_URL/],
    [{ PUBLIC_URL: 'http://[' }, /PUBLIC_URL/],
    [{ PUBLIC_URL: 'http://mrp.example.com/?a=1' }, /PUBLIC_URL/],
    [{ PUBLIC_URL: 'http://mrp.example.com/#f' }, /PUBLIC_URL/],
    [{ QUICKBOOKS_COMPANY_ID: 'Acme' }, /QUICKBOOKS_COMPANY_ID/],
    [{ CORS_ORIGINS: '*' }, /CORS_ORIGINS.* it takes origins such as https:/],
    [{ CORS_ORIGINS: 'https://mrp.example.com/' }, /CORS_ORIGINS.* without a path or a slash at its end/],
    [{ QUICKBOOKS_CLIENT_ID: 'id' }, /QUICKBOOKS_CLIENT_SECRET is missing/],
    [{ QUICKBOOKS_CLIENT_SECRET: 's' }, /QUICKBOOKS_CLIENT_ID is missing/],
    [{ DB_HOST: 'db', DB_NAME: 'mrp', SECRET_KEY: 'a good key' }, /^DB_USER is missing/],
    [{ DB_HOST: 'db', DB_USER: 'mrp', SECRET_KEY: 'a good key' }, /^DB_NAME is missing/],
    [{ DB_HOST: 'db', DB_USER: 'mrp', DB_NAME: 'mrp' }, /^SECRET_KEY is missing/],
    [{ DB_NAME: 'mrp' }, /^DB_HOST is missing: DB_NAME needs it/],
    [{ DB_USER: 'mrp' }, /^DB_HOST is missing: DB_USER needs it/],
    [{ DB_PASSWORD: 'hunter22' }, /^DB_HOST is missing: DB_PASSWORD needs it(?!.*hunter22)/],
    [{ DB_PORT: '65536' }, /^DB_PORT/],
    [{ PUBLIC_URL: 'https://me:hunter22@mrp.example.com' }, /^PUBLIC_URL: .*without user and(?!.*hunter22)/],
    [{ PRODUCTION_URI: 'htp://me:hunter22@mrp' }, /^PRODUCTION_URI: the value given is not(?!.*hunter22)/],
    [
      { QUICKBOOKS_REDIRECT_URI: 'http://me@localhost/callback' },
      /^QUICKBOOKS_REDIRECT_URI: the value given/,
    ],
    [{ DB_TLS: 'yes' }, /^DB_TLS: "yes" is not allowed; it takes true or false/],
    [{ DB_PORT: '0' }, /^DB_PORT/],
    [{ SEARCH_API_KEY: 'search-key' }, /ADMIN_API_KEY is not set, but SEARCH_API_KEY is/],
    [{ HOST: '0.0.0.0' }, /ADMIN_API_KEY is not set and HOST 0\.0\.0\.0/],
    [{ ADMIN_API_KEY: 'same-key', SEARCH_API_KEY: 'same-key' }, /SEARCH_API_KEY.*must differ/],
  ]
  for (const [env, message] of cases) {
    await t.rejects(load(env), { name: 'ConfigError', message }, JSON.stringify(env))
  }
})

t.test('with DB_HOST the data is on that server, and without it in a file', async (t) => {
  const given = { DB_HOST: 'db', DB_USER: 'mrp', DB_NAME: 'shop', SECRET_KEY: 'a good key' }
  const server = { host: 'db', port: 3306, user: 'mrp', password: '', database: 'shop', tls: false }
  t.same(databaseOf(await load(given)), { dataDir: './data', server })
  const password = join(temporaryFolder(t), 'password')
  writeFileSync(password, 'hunter22\n')
  const more = { DB_PORT: '3307', DB_PASSWORD_FILE: password, DB_TLS: 'true' }
  t.match(databaseOf(await load({ ...given, ...more })), {
    server: { port: 3307, password: 'hunter22', tls: true },
  })
  t.same(databaseOf(await load({ DB_PORT: '3307' })), { dataDir: './data', server: undefined })
})

t.test('entities are chosen by their names, in any order, twice or with spaces around them', async (t) => {
  const chosen = async (env: Record<string, string>) => {
    const { entities, unchosen } = entitiesOf(await load(env))
    t.same(
      entities.filter((entity) => unchosen.includes(entity)),
      [],
    )
    return entities.map(({ name }) => name).join(' ')
  }
  t.equal(await chosen({}), 'customers vendors items')
  t.equal(await chosen({ SYNC_ENTITIES: ' items, invoices,customers,,items ' }), 'customers items invoices')
  for (const SYNC_ENTITIES of ['invoice', 'items,Invoices', 'items;invoices', 'constructor', ' , ']) {
    const message = /^SYNC_ENTITIES: ".*" is not allowed; .* customers, vendors, items, invoices, [^\n]*$/
    await t.rejects(load({ SYNC_ENTITIES }), { name: 'ConfigError', message }, SYNC_ENTITIES)
  }
})

t.test("names of the custom field with the customer's order number are a list, too", async (t) => {
  const { settings } = entitiesOf(await load({ CLIENT_PO_FIELDS: ' Bestell-Nr. , Order #,' }))
  t.same(settings, { clientPoFields: ['Bestell-Nr.', 'Order #'] })
  t.same(entitiesOf(await load({})).settings, defaultSettings)
})

/** The environment of the service before this one, and what a person is told about it. */
async function loadFormer(env: Record<string, string>, dotenv?: string) {
  const advice: string[] = []
  const config = await loadConfig(env, dotenv ?? '/nowhere/.env', (line) => advice.push(line))
  return { config, advice }
}

const FORMER = {
  QB_CLIENT_ID: 'an-id',
  QB_CLIENT_SECRET: 'hunter22',
  QB_SANDBOX_BASE_URL: 'https://quickbooks.example.com/',
  QB_COMPANY_ID: '4620816365',
  QB_ENVIRONMENT: 'production',
  QB_REDIRECT_URI: 'https://mrp.example.com/back',
  PRODUCTION_URI: 'https://mrp.example.com/',
}

t.test('names of the service before this one are understood, and told without their values', async (t) => {
  t.same(Object.keys(FORMER), Object.keys(formerNames))
  const { config, advice } = await loadFormer(FORMER)
  t.match(config, {
    QUICKBOOKS_CLIENT_ID: 'an-id',
    QUICKBOOKS_CLIENT_SECRET: 'hunter22',
    QUICKBOOKS_SANDBOX_BASE_URL: 'https://quickbooks.example.com',
    QUICKBOOKS_COMPANY_ID: '4620816365',
    QUICKBOOKS_ENVIRONMENT: 'production',
    QUICKBOOKS_REDIRECT_URI: 'https://mrp.example.com/back',
    PUBLIC_URL: 'https://mrp.example.com',
  })
  const lines = Object.entries(formerNames).map(
    ([former, name]) => `${former} is deprecated: rename it ${name}.`,
  )
  t.same(advice.slice(0, -1), lines)
  for (const value of Object.values(FORMER)) t.notOk(advice.join(' ').includes(value), value)

  const folder = temporaryFolder(t)
  const dotenv = join(folder, '.env')
  writeFileSync(dotenv, 'PRODUCTION_URI=https://mrp.example.com\nQB_COMPANY_ID=\n')
  const { config: own, advice: one } = await loadFormer({}, dotenv)
  t.equal(redirectUriOf(own), 'https://mrp.example.com/callback')
  t.same(one, ['PRODUCTION_URI is deprecated: rename it PUBLIC_URL.'], 'an empty value counts as unset')
  t.equal(own.QUICKBOOKS_COMPANY_ID, undefined)
})

t.test('a name of today wins over the former one, which is said not to be read', async (t) => {
  const folder = temporaryFolder(t)
  const secret = join(folder, 'secret')
  const dotenv = join(folder, '.env')
  writeFileSync(secret, 'from-a-file\n')
  writeFileSync(dotenv, `QUICKBOOKS_CLIENT_ID=new\nQUICKBOOKS_CLIENT_SECRET_FILE=${secret}\n`)
  const { config, advice } = await loadFormer({ QB_CLIENT_ID: 'old', QB_CLIENT_SECRET: 'old' }, dotenv)
  t.match(config, { QUICKBOOKS_CLIENT_ID: 'new', QUICKBOOKS_CLIENT_SECRET: 'from-a-file' })
  t.same(
    advice,
    ['ID', 'SECRET'].map(
      (end) =>
        `QB_CLIENT_${end} is deprecated, and not read because QUICKBOOKS_CLIENT_${end}${end === 'ID' ? '' : '_FILE'} is set: take it out.`,
    ),
  )
  t.equal(config.SYNC_ENTITIES, 'customers,vendors,items', 'and changes nothing else')
})

t.test(
  'under a former QB_ name invoices are kept as before, unless SYNC_ENTITIES says what is',
  async (t) => {
    const { config, advice } = await loadFormer({ QB_ENVIRONMENT: 'sandbox' })
    t.equal(config.SYNC_ENTITIES, 'customers,vendors,items,invoices')
    t.match(advice.at(-1), /^Invoices are kept .* set SYNC_ENTITIES=customers,vendors,items,invoices before/)
    const chosen = await loadFormer({ QB_ENVIRONMENT: 'sandbox', SYNC_ENTITIES: 'items' })
    t.equal(chosen.config.SYNC_ENTITIES, 'items')
    t.equal(chosen.advice.length, 1)
  },
)

t.test('a bad value under a former name is refused by the name that was set', async (t) => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ QB_ENVIRONMENT: 'prod' }, /^QB_ENVIRONMENT: "prod" is not allowed; it takes sandbox, production/],
    [{ QB_COMPANY_ID: 'Acme' }, /^QB_COMPANY_ID: "Acme" is not allowed/],
    [{ PRODUCTION_URI: 'mrp.example.com' }, /^PRODUCTION_URI: "mrp.example.com" is not allowed/],
    [{ QB_REDIRECT_URI: 'http://[' }, /^QB_REDIRECT_URI: "http:\/\/\[" is not a valid address/],
    [{ QB_SANDBOX_BASE_URL: 'intuit' }, /^QB_SANDBOX_BASE_URL: "intuit" is not allowed/],
    [{ QB_CLIENT_ID: 'id' }, /^QUICKBOOKS_CLIENT_SECRET is missing: QB_CLIENT_ID needs it/],
    [{ QB_CLIENT_SECRET: 'hunter22' }, /^QUICKBOOKS_CLIENT_ID is missing: QB_CLIENT_SECRET needs it/],
  ]
  for (const [env, message] of cases)
    await t.rejects(load(env), { name: 'ConfigError', message }, JSON.stringify(env))
})

t.test('the guide for those who come from the former service names every variable of it', async (t) => {
  const guide = readFileSync(join(import.meta.dirname, '../docs/migrating-from-flask.md'), 'utf8')
  const rows = [...guide.matchAll(/^\| `([A-Z_]+)` \| `([A-Z_]+)` \|/gm)].map(([, former, name]) => [
    former,
    name,
  ])
  t.same(Object.fromEntries(rows), formerNames)
})

t.test('what .env.example shows as the default is one when it is taken out of its comment', async (t) => {
  const example = readFileSync(join(import.meta.dirname, '../.env.example'), 'utf8')
  const dotenv = join(temporaryFolder(t), '.env')
  writeFileSync(dotenv, example.replaceAll(/^# (?=(?:SYNC_ENTITIES|CLIENT_PO_FIELDS)=)/gm, ''))
  t.same(entitiesOf(await load({}, dotenv)).settings, defaultSettings)
})

t.test("a secret's value is never in the line that refuses it", async (t) => {
  const refusal = await load({ SECRET_KEY: 'hunter2' }).catch((error) => error)
  t.match(refusal.message, /^SECRET_KEY/)
  t.notMatch(refusal.message, /hunter2/)
})

t.test(
  'a key that no request could carry, or anybody could guess, is refused without being shown',
  async (t) => {
    for (const key of ['sök key2', 'a key with spaces', 'schlüssel-1', ' ', 'x', 'seven-7', 'tab\tinside']) {
      for (const name of ['ADMIN_API_KEY', 'SEARCH_API_KEY']) {
        const { message } = await load({ ADMIN_API_KEY: 'an-admin-key', [name]: key }).catch((error) => error)
        t.match(message, `${name}: the value given is not allowed`)
        t.match(message, /at least 8 letters, digits and signs of ASCII, no spaces/)
        if (key.length > 1) t.notOk(message.includes(key))
      }
    }
    const key = 'aB3+/=-_.~!"#$%&()*,:;<>?@[]^`{|}'
    t.equal((await load({ ADMIN_API_KEY: key })).ADMIN_API_KEY, key)
  },
)

t.test('without PUBLIC_URL browsers are sent to the port that the service listens on', async (t) => {
  t.equal((await load({ PORT: '6002' })).PUBLIC_URL, 'http://localhost:6002')
  t.equal(
    (await load({ PORT: '6002', PUBLIC_URL: 'https://mrp.example.com/' })).PUBLIC_URL,
    'https://mrp.example.com',
  )
  t.equal((await load({ PORT: '0' })).PUBLIC_URL, 'http://localhost:5002')
})

t.test('keys or an explicit opt-out allow another address than loopback', async (t) => {
  await t.resolves(load({ HOST: '0.0.0.0', ADMIN_API_KEY: 'an-admin-key' }))
  await t.resolves(load({ HOST: '0.0.0.0', ALLOW_UNAUTHENTICATED: 'true' }))
  t.same(['localhost', '127.0.0.1', '127.1.2.3', '::1', '0.0.0.0', '10.0.0.1'].map(isLoopback), [
    ...[true, true, true, true, false, false],
  ])
})

t.test('secrets come from files, .env is read, and the environment wins over it', async (t) => {
  const folder = temporaryFolder(t)
  const secret = join(folder, 'admin-key')
  const dotenv = join(folder, '.env')
  writeFileSync(secret, 'from-a-file\n')
  writeFileSync(dotenv, `PORT=6001\nHOST=\nDATA_DIR=/from/dotenv\nADMIN_API_KEY_FILE=${secret}\n`)
  const config = await load({ PORT: '6002', SEARCH_API_KEY: '' }, dotenv)
  t.match(config, { PORT: 6002, HOST: '127.0.0.1', DATA_DIR: '/from/dotenv', ADMIN_API_KEY: 'from-a-file' })
  t.equal(config.SEARCH_API_KEY, undefined, 'an empty value counts as unset')

  for (const end of ['\n', '\r\n']) {
    const lines = [
      '\uFEFFPORT=6003',
      'ADMIN_API_KEY= ',
      'SEARCH_API_KEY=\t',
      ' export HOST = ',
      '',
      'SLOW_SEARCH_MS=7',
    ]
    writeFileSync(dotenv, lines.join(end))
    const blank = await load({}, dotenv)
    t.match(
      blank,
      { PORT: 6003, HOST: '127.0.0.1', SLOW_SEARCH_MS: 7 },
      'so do blanks, which take no other line',
    )
    t.notOk(blank.ADMIN_API_KEY ?? blank.SEARCH_API_KEY)
  }

  const missing = join(folder, 'missing')
  await t.rejects(load({ SECRET_KEY_FILE: missing }), {
    message: /^SECRET_KEY_FILE: the file cannot be read/,
  })
  await t.rejects(load({ ADMIN_API_KEY: 'x-y-z', ADMIN_API_KEY_FILE: secret }), { message: /both set/ })
  writeFileSync(secret, '\n')
  await t.rejects(load({ ADMIN_API_KEY_FILE: secret }), { message: /the file is empty/ })
})

t.test('each pattern is told in words', async (t) => {
  const patterns = Object.entries(ConfigSchema.properties).filter(([, { pattern }]) => pattern !== undefined)
  t.ok(patterns.length > 5)
  t.same(
    patterns.filter(([, { title }]) => title === undefined).map(([name]) => name),
    [],
  )
})

t.test('the README and .env.example name every variable, and no other', async (t) => {
  const names = Object.keys(ConfigSchema.properties)
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
  const table = readme.slice(readme.indexOf('## Configuration'))
  const documented = [...table.matchAll(/^\| `([A-Z_`, ]+)` \|/gm)].flatMap(([, cell = '']) =>
    cell.split(/`, `/),
  )
  t.same(documented.toSorted(), names.toSorted(), 'README, Configuration')
  for (const name of names) {
    const fallback: unknown = ConfigSchema.properties[name as keyof typeof ConfigSchema.properties].default
    const row = table.split('\n').find((line) => line.includes(`\`${name}\``) && line.startsWith('|')) ?? ''
    if (fallback !== undefined) t.match(row, `\`${fallback}\``, `the default of ${name}`)
  }
  const example = readFileSync(join(import.meta.dirname, '../.env.example'), 'utf8')
  const exampled = [...example.matchAll(/^#? ?([A-Z][A-Z_]+)=/gm)].map(([, name]) => name)
  t.same(exampled.toSorted(), names.toSorted(), '.env.example')
})

t.test('what the compose files set, and take from .env, are variables that there are', async (t) => {
  const names = Object.keys(ConfigSchema.properties)
  for (const file of ['docker-compose.yml', 'docker-compose.cluster.yml']) {
    const text = readFileSync(join(import.meta.dirname, '..', file), 'utf8')
    const named = [...text.matchAll(/^ +([A-Z][A-Z_]+): |\$\{([A-Z_]+)/gm)].map(
      ([, set, taken]) => set ?? taken ?? '',
    )
    const own = named.filter((name) => !name.startsWith('MARIADB_'))
    t.ok(own.includes('DATA_DIR'), file)
    t.same(
      own.filter((name) => !names.includes(name)),
      [],
      file,
    )
  }
})
