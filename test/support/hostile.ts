// Requests made from the OpenAPI document: most are as it wants them, many have one thing in them that nobody should send.
import { createHmac } from 'node:crypto'
import fc from 'fast-check'

/** One request, as it is put on the wire. */
export interface WireRequest {
  /** The operation of the document that it was made from. */
  operation: string
  method: string
  target: string
  headers: [name: string, value: string][]
  body: string | undefined
  /** What lets it in: the key that it carries, or the right signature where that is the key. */
  pass: 'none' | 'search' | 'admin' | 'signature'
}

/** What only the service and its company can tell, so that requests get beyond the checks. */
export interface Given {
  host: string
  keys: Record<'search' | 'admin', string> | undefined
  verifierToken: string
  realmId: string
  /** By the name of a parameter or header: values that mean something here. */
  values: Record<string, readonly string[]>
  /** Whether those who may disconnect the company do it. */
  disconnects: boolean
}

interface Schema {
  type?: string
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  pattern?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
}
interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  schema: Schema
}
interface Operation {
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { schema: Schema }> }
}
export interface OpenApi {
  paths: Record<string, Record<string, Operation & { security?: object[] }>>
}
type Pair = [name: string, value: string]

const oneOf = <T>(...choices: [weight: number, arbitrary: fc.Arbitrary<T>][]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })))
const mostly = <T>(usual: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>, often = 24): fc.Arbitrary<T> =>
  oneOf([often, usual], [1, seldom])
const some = fc.constantFrom

const METHODS = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'QUERY'],
  ...['PROPFIND', 'SEARCH', 'PURGE', 'M-SEARCH', 'UNLOCK', 'FOO', 'get', '__proto__'],
]
const PROTOTYPE = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '__defineGetter__']
const TEXTS = [
  ...['', ' ', '\0', 'a\0b', '\r\nSet-Cookie: a=b', '\u2028', '\ufeff', '\u202e', '\ud800', 'a\udfffb'],
  ...["' OR 1=1 --", "'; DROP TABLE records; --", '" OR ""="', '{{7*7}}', '#{7*7}', '$(id)', '`id`'],
  ...['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '%', '%%', '%s%n', '\\', '\\u0000'],
  ...['../../../../etc/passwd', '..\\..\\windows', 'file:///etc/passwd', '/proc/self/environ'],
  ...['NaN', 'Infinity', '-Infinity', '1e999', '-0', '0x10', '1e3', '9007199254740993', '-1', '1.5', '١'],
  ...['null', 'undefined', 'true', 'false', '[]', '{}', '[object Object]', '(a+)+$', '.*', '*'],
  ...['x'.repeat(301), 'a '.repeat(1_000), 'é'.repeat(2_500), ','.repeat(3_000), '9'.repeat(400)],
  ...PROTOTYPE,
]
const hostileText = oneOf([4, some(...TEXTS)], [2, fc.string({ unit: 'binary' })], [1, fc.string()])

/** As encodeURIComponent, and half of a surrogate pair as the three bytes that it would be. */
function encode(text: string): string {
  return Array.from(text, (char) => {
    if (char.isWellFormed()) return encodeURIComponent(char)
    const half = char.charCodeAt(0)
    const bytes = [0xe0 | (half >> 12), 0x80 | ((half >> 6) & 63), 0x80 | (half & 63)]
    return bytes.map((byte) => `%${byte.toString(16)}`).join('')
  }).join('')
}

/** Part of an address, encoded already or as no client would write it. */
const hostilePart = oneOf(
  [6, hostileText.map(encode)],
  [1, some('%', '%E0%A4%A', '%zz', '%00', '%C0%AE', '%ff', '+', '&&', '==', '=&=', '%25%32%65', 'a%', '#x')],
  [1, some('\u00ff\u00fe', 'é', '<>"{}|\\^`', ';a=b', '[]', '[0]=1', '?')],
)

const NUMBERS = [
  'Infinity',
  '-Infinity',
  '1e999',
  'NaN',
  '-1',
  '0',
  '-0',
  '1.5',
  '1e3',
  '0x10',
  '',
  '+',
  '1e-9',
]
const hostileNumber = oneOf([3, some(...NUMBERS)], [1, fc.bigInt().map(String)])

/** Values of a schema; `given` ones where a name has them. */
function valuesOf(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum !== undefined) return some(...schema.enum)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(valuesOf))
  const { minimum: min = -1_000, maximum: max = 100_000, minLength = 0, maxLength = 40 } = schema
  switch (schema.type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
      return fc.integer({ min, max })
    case 'number':
      return fc.double({ min, max, noNaN: true })
    case 'string':
      if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern))
      return fc.string({ minLength, maxLength: Math.min(maxLength, 40), unit: 'grapheme' })
    case 'array':
      return fc.array(valuesOf(schema.items ?? {}), { maxLength: 5 })
    case 'object': {
      const { properties = {} } = schema
      const all = Object.entries(properties).map(([name, one]) => [name, valuesOf(one)] as const)
      return fc.record<Record<string, unknown>>(Object.fromEntries(all), {
        requiredKeys: schema.required ?? [],
      })
    }
    default:
      return fc.jsonValue()
  }
}

/** A parameter of the query: as it should be, missing, wrong, or twice. `others`: among how many it is. */
function pairsOf({ name, required, schema }: Parameter, given: Given, others: number): fc.Arbitrary<Pair[]> {
  const known = given.values[name]
  const isNumber = ['integer', 'number'].includes(schema.type ?? '')
  const good = (
    known === undefined ? valuesOf(schema) : oneOf<unknown>([6, some(...known)], [1, valuesOf(schema)])
  ).map((value) => encode(String(value)))
  const once = good.map((value): Pair[] => [[name, value]])
  return oneOf<Pair[]>(
    [40, once],
    [required || name === 'q' ? 1 : 20 * others, fc.constant([])],
    isNumber
      ? [8, mostly(hostileNumber, hostilePart, 4).map((value): Pair[] => [[name, value]])]
      : [2, hostilePart.map((value): Pair[] => [[name, value]])],
    [
      1,
      fc.tuple(good, good).map(([one, two]): Pair[] => [
        [name, one],
        [name, two],
      ]),
    ],
  )
}

const unknownPairs = fc.array(
  fc.tuple(
    oneOf([1, some(...PROTOTYPE, 'q[]', 'q[a]', '_method', 'limit%20')], [1, hostilePart]),
    hostilePart,
  ),
  { minLength: 1, maxLength: 3 },
)

/** An address that is nearly the one that it should be. */
const bentPath = some(
  (path: string) => `/${path}`,
  (path: string) => `${path}/`,
  (path: string) => `${path}/..`,
  (path: string) => `${path}/%2e%2e/%2e%2e/%2e%2e/etc/passwd`,
  (path: string) => `/docs/static/..%2f..%2f..%2f..%2f${path}`,
  (path: string) => `/x/..${path}`,
  (path: string) => `${path}%00`,
  (path: string) => `${path};jsessionid=1`,
  (path: string) => `${path}#fragment`,
  (path: string) => path.toUpperCase(),
  (path: string) => path.replace(/[a-z]/g, (char) => `%${char.charCodeAt(0).toString(16)}`),
  (path: string) => `http://elsewhere.example${path}`,
  (path: string) => `${path}${'/x'.repeat(500)}`,
  () => '*',
  () => '/__proto__',
  () => '/%',
)

/** Node's client sends no other characters in a header, and a server takes no others. */
const headerValue = hostileText.map((text) => text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '').slice(0, 2_000))
const header = (name: string, ...values: string[]): fc.Arbitrary<Pair> =>
  fc.tuple(fc.constant(name), values.length === 0 ? headerValue : mostly(some(...values), headerValue, 3))
const hostileHeader = fc.oneof(
  header(
    'host',
    'elsewhere.example',
    'localhost',
    '',
    'localhost:99999',
    '[::1]',
    '127.0.0.1',
    'a b',
    '@',
    'a@b:c',
  ),
  header(
    'authorization',
    'Bearer',
    'Bearer ',
    'Basic !!!',
    'Basic Og==',
    'Digest a',
    'bearer  x',
    `Bearer ${'x'.repeat(4_000)}`,
  ),
  header(
    'cookie',
    'mrp_connect=',
    'mrp_connect=a; mrp_connect=b',
    '__proto__=x',
    '=;=;',
    'mrp_connect=%E0%A4%A',
    ';'.repeat(500),
  ),
  header('accept', 'text/html', 'application/json', '*/*', 'image/png', 'text/html;q=x', ','.repeat(500)),
  header('accept-encoding', 'gzip', 'br;q=2', 'identity;q=0', '*'),
  header('range', 'bytes=0-0', 'bytes=-1', 'bytes=9999999999-', 'bytes=a-b', 'bytes=0-1,2-3', 'items=0-5'),
  header('if-none-match', '*', '"x"', 'W/"', 'W/""', ',,,'),
  header('if-match', '*', '"x"'),
  header('if-modified-since', 'Thu, 01 Jan 1970 00:00:00 GMT', 'yesterday', 'Thu, 99 Foo 9999 99:99:99 GMT'),
  header('if-range', '"x"', 'yesterday'),
  header('last-event-id', '0', '-1', 'x.y.z'),
  header('intuit-signature', 'x', '====', 'AAAA'),
  header(
    'content-type',
    'application/json',
    'text/plain',
    'multipart/form-data',
    'application/x-www-form-urlencoded',
    'a',
    '/',
    'application/json; charset=x',
    'application/json;',
  ),
  header('content-encoding', 'gzip', 'br', 'x'),
  header('origin', 'https://elsewhere.example', 'null', '://', 'http://localhost'),
  header('sec-fetch-site', 'cross-site', 'same-origin', 'none'),
  header('x-forwarded-host', 'elsewhere.example'),
  header('x-forwarded-for', '1.2.3.4', '::1', 'x,y'),
  header('x-forwarded-proto', 'https', 'javascript'),
  header('x-http-method-override', 'DELETE', 'POST'),
  header('access-control-request-method', 'GET', 'FOO'),
  header('accept-version', '1.x', '9'),
  header('expect', '100-continue'),
  header('upgrade', 'websocket', 'h2c'),
  header('connection', 'close', 'upgrade', 'keep-alive, host'),
  header('__proto__', 'x'),
  header('constructor', 'x'),
)

const DEEP = [
  '['.repeat(20_000),
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
  '{"__proto__":{"eventNotifications":[]},"constructor":{"prototype":{"x":1}}}',
  '{"eventNotifications":[{"__proto__":null}],"eventNotifications":5}',
  ...['', '{', 'null', '"', '[null]', '{}', '[]', '\ufeff[]', '\0', '[1e999]', 'NaN', '{"a":"\\ud800"}'],
  `[${'{},'.repeat(5_000)}{}]`,
  `"${'x'.repeat(1_100_000)}"`,
]
const anyBody = oneOf([2, some(...DEEP)], [2, fc.json()], [1, fc.string({ unit: 'binary' })])

/** `value` with its nth leaf, or branch, replaced. */
function bent(value: unknown, n: number, by: unknown): unknown {
  let at = -1
  const visit = (one: unknown): unknown => {
    at += 1
    if (at === n) return by
    if (Array.isArray(one)) return one.map(visit)
    if (one === null || typeof one !== 'object') return one
    return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, visit(inner)]))
  }
  return visit(value)
}

/** Posts about this company, in both formats, some of which say one thing wrong. */
function posts({ realmId, values: { ids = ['1'] } }: Given): fc.Arbitrary<unknown> {
  const id = mostly(some(...ids), hostileText, 9)
  const name = some('Customer', 'Vendor', 'Item', 'Invoice', 'Unicorn', 'constructor')
  const realm = mostly(fc.constant(realmId), some('1', 'x', '__proto__'), 9)
  const cloudEvents = fc.array(
    fc.record({
      type: fc
        .tuple(name, some('created', 'updated', 'deleted', 'merged'))
        .map(([of, verb]) => `qbo.${of}.${verb}.v1`.toLowerCase()),
      intuitentityid: id,
      intuitaccountid: realm,
      data: fc.record({ deletedid: id }, { requiredKeys: [] }),
    }),
    { maxLength: 5 },
  )
  const entities = fc.array(
    fc.record(
      { name, id, operation: some('Create', 'Update', 'Delete', 'Merge', 'Void', 'x'), deletedId: id },
      { requiredKeys: ['name', 'id', 'operation'] },
    ),
    { maxLength: 5 },
  )
  const classic = fc.record({
    eventNotifications: fc.array(fc.record({ realmId: realm, dataChangeEvent: fc.record({ entities }) }), {
      maxLength: 3,
    }),
  })
  const fine = fc.oneof(cloudEvents, classic)
  const by = oneOf<unknown>([2, hostileText], [2, fc.jsonValue()], [1, some(...DEEP.map(() => [[[]]]))])
  return mostly(
    fine,
    fc.tuple(fine, fc.nat(20), by).map((all) => bent(...all)),
    3,
  )
}

/** Requests of one operation. */
function requestsOf(
  path: string,
  method: string,
  operation: Operation,
  given: Given,
): fc.Arbitrary<WireRequest> {
  const { parameters = [], requestBody } = operation
  const queried = parameters.filter((one) => one.in === 'query')
  const optional = queried.filter((one) => one.required !== true).length
  const goodPath = fc
    .tuple(
      ...parameters
        .filter((one) => one.in === 'path')
        .map((one) =>
          mostly(
            valuesOf(one.schema).map((value) => encode(String(value))),
            hostilePart,
          ),
        ),
    )
    .map((parts) => parts.reduce((left, part) => left.replace(/\{[^}]+\}/, () => part), path))
  const query = fc
    .tuple(
      fc.tuple(...queried.map((one) => pairsOf(one, given, one.required ? 1 : optional))),
      mostly<Pair[]>(fc.constant([]), unknownPairs, 30),
    )
    .map(([pairs, unknown]) => [...pairs.flat(), ...unknown].map((pair) => pair.join('=')).join('&'))
  const ownHeaders = parameters
    .filter((one) => one.in === 'header')
    .map(({ name, schema }) =>
      oneOf<Pair[]>(
        [3, fc.constant([])],
        [1, some(...(given.values[name] ?? [''])).map((value): Pair[] => [[name, value]])],
        [1, valuesOf(schema).map((value): Pair[] => [[name, String(value).replaceAll(/[^\x20-\x7e]/g, '')]])],
      ),
    )
  const schema = Object.values(requestBody?.content ?? {})[0]?.schema
  const body =
    schema === undefined
      ? mostly<string | undefined>(fc.constant(undefined), anyBody)
      : oneOf<string | undefined>(
          [6, posts(given).map((post) => JSON.stringify(post))],
          [3, valuesOf(schema).map((post) => JSON.stringify(post))],
          [3, anyBody],
        )
  const isDisconnect = path === '/api/disconnect'

  return fc
    .record({
      method: mostly(fc.constant(method), some(...METHODS)),
      path: mostly(
        goodPath,
        fc.tuple(goodPath, bentPath).map(([one, bend]) => bend(one)),
      ),
      query,
      headers: fc.tuple(...ownHeaders).map((all) => all.flat()),
      hostile: mostly<Pair[]>(fc.constant([]), fc.array(hostileHeader, { minLength: 1, maxLength: 3 }), 9),
      body,
      key: oneOf([12, some('admin', 'basic')], [3, fc.constant('search')], [1, some('none', 'wrong')]),
      signed: oneOf([12, fc.constant('rightly')], [1, some('not', 'wrongly')]),
      // Nearly each from elsewhere, or the rate limits would answer most.
      address: fc.ipV4(),
    })
    .map((made) => {
      const held = isDisconnect && !given.disconnects && given.keys !== undefined
      const key = held && made.key !== 'none' ? 'wrong' : made.key
      const bearer = keyHeader(path === '/connect' && key === 'admin' ? 'basic' : key, given.keys, path)
      const headers: Pair[] = [['x-forwarded-for', made.address], ...made.headers, ...bearer]
      const { body = '' } = made
      const token = made.signed === 'rightly' ? given.verifierToken : 'another token'
      if (schema !== undefined && made.signed !== 'not')
        headers.push(['intuit-signature', createHmac('sha256', token).update(body).digest('base64')])
      if (made.body !== undefined && !made.hostile.some(([name]) => name === 'content-type'))
        headers.push(['content-type', 'application/json'])
      if (!made.hostile.some(([name]) => name === 'host')) headers.push(['host', given.host])
      headers.push(...made.hostile)
      if (made.body !== undefined || method === 'POST')
        headers.push(['content-length', String(Buffer.byteLength(body))])
      return {
        operation: `${method} ${path}`,
        method: made.method,
        target: made.query === '' ? made.path : `${made.path}?${made.query}`,
        headers,
        body: made.body,
        pass: schema === undefined ? passOf(key) : made.signed === 'rightly' ? 'signature' : 'none',
      }
    })
}

const passOf = (key: string): WireRequest['pass'] =>
  key === 'search' ? 'search' : key === 'admin' || key === 'basic' ? 'admin' : 'none'

function keyHeader(key: string, keys: Given['keys'], path: string): Pair[] {
  if (keys === undefined || key === 'none') return []
  if (key === 'wrong') return [['authorization', 'Bearer a-wrong-key']]
  if (key === 'search') return [['authorization', `Bearer ${keys.search}`]]
  // Only a page takes HTTP Basic.
  if (key === 'basic' && path === '/connect') return [['authorization', `Basic ${btoa(`x:${keys.admin}`)}`]]
  return [['authorization', `Bearer ${keys.admin}`]]
}

/** Pages that the document leaves out. */
const PAGES = [
  '/',
  '/page.js',
  '/openapi.json',
  '/docs',
  '/docs/',
  '/docs/json',
  '/docs/static/index.html',
  '/webhooks/quickbooks',
  '/api/data/invoices',
]

/** Requests of every operation that `document` has, and of the pages beside it. */
export function hostileRequests({ paths }: OpenApi, given: Given): fc.Arbitrary<WireRequest> {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
  const all = operations
    // Without keys everybody may.
    .filter(({ path }) => given.disconnects || given.keys !== undefined || path !== '/api/disconnect')
    .map(({ path, method, operation }): [number, fc.Arbitrary<WireRequest>] => [
      path.startsWith('/api/search') || path.startsWith('/webhooks') ? 12 : 4,
      requestsOf(path, method, operation, given),
    ])
  const pages = PAGES.map((path): [number, fc.Arbitrary<WireRequest>] => [
    1,
    requestsOf(path, 'GET', {}, given),
  ])
  return oneOf(...all, ...pages)
}
