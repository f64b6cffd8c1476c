import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { AppError } from '../../../src/errors.ts'
import { faultOf, OUTCOMES, outcomeOf, type RawAnswer } from '../../../src/services/qbo/faults.ts'

const answer = (status: number, body: unknown, extra: Partial<RawAnswer> = {}): RawAnswer => ({
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  intuitTid: '1-abc',
  retryAfterMs: undefined,
  ...extra,
})

const fault = (code: string, type = 'ValidationFault') => ({
  Fault: {
    Error: [{ Message: 'secret-name', Detail: 'Token expired: AB01secret', code, element: '' }],
    type,
  },
  time: '2026-11-23T06:00:00.000-08:00',
})
const gateway = (code: string) => ({
  warnings: null,
  fault: {
    error: [{ message: 'message=x', detail: 'Token expired: AB01secret', code, element: null }],
    type: 'AUTHENTICATION',
  },
  time: 1601391072830,
})
const xml = (code: string) =>
  `<?xml version="1.0" encoding="UTF-8"?><IntuitResponse time="2026-11-23T06:00:00.000-08:00" xmlns="http://schema.intuit.com/finance/v3"><Fault type="SERVICE"><Error code="${code}"><Message>m</Message><Detail>d</Detail></Error></Fault></IntuitResponse>`
const html = '<html><head><title>503 Service Unavailable</title></head><body>token=AB01secret</body></html>'

t.test('whatever form a fault has, it becomes one error that says what a person can do', async (t) => {
  const cases: [string, RawAnswer, string, string][] = [
    ['JSON 3200', answer(401, gateway('3200')), 'QBO_UNAUTHORIZED', 'reconnect'],
    ['JSON 3200 with zeros', answer(401, gateway('003200')), 'QBO_UNAUTHORIZED', 'reconnect'],
    ['JSON 3100', answer(403, gateway('3100')), 'QBO_FORBIDDEN', 'never'],
    ['JSON 3001', answer(429, gateway('3001')), 'QBO_THROTTLED', 'later'],
    ['XML 3001', answer(429, xml('3001')), 'QBO_THROTTLED', 'later'],
    ['XML 3001 as 403, as until 2016', answer(403, xml('3001')), 'QBO_THROTTLED', 'later'],
    ['429 without a body', answer(429, ''), 'QBO_THROTTLED', 'later'],
    ['HTML 503', answer(503, html), 'QBO_UNAVAILABLE', 'later'],
    ['HTML 404', answer(404, html), 'QBO_REJECTED', 'never'],
    ['500 JSON', answer(500, fault('10000', 'SystemFault')), 'QBO_UNAVAILABLE', 'later'],
    ['200 with a fault', answer(200, fault('10000', 'SystemFault')), 'QBO_UNAVAILABLE', 'later'],
    ['200 with an unknown fault', answer(200, fault('99')), 'QBO_REJECTED', 'never'],
    ['200 with an XML fault', answer(200, xml('6000')), 'QBO_REJECTED', 'never'],
    ['parse error', answer(400, fault('4000')), 'QBO_REJECTED', 'never'],
    ['damaged record', answer(400, fault('4002')), 'QBO_PROCESSING_FAILED', 'later'],
    ['lapsed subscription', answer(403, fault('6190')), 'QBO_SUBSCRIPTION_LAPSED', 'never'],
    ['plan', answer(400, fault('5020')), 'QBO_PLAN_LACKS_FEATURE', 'never'],
    ['locked', answer(503, fault('150')), 'QBO_COMPANY_LOCKED', 'later'],
    ['wrong cluster', answer(400, fault('130')), 'QBO_WRONG_HOST', 'never'],
    ['user gone', answer(401, fault('120')), 'QBO_USER_GONE', 'reconnect'],
    ['redirect', answer(302, ''), 'QBO_REJECTED', 'never'],
  ]
  for (const [name, raw, code, retry] of cases) {
    const error = faultOf(raw)
    t.match(error, { code, retry, intuitTid: '1-abc' }, name)
    t.match(
      error?.message,
      /The data at hand was kept \(HTTP \d+.*intuit_tid 1-abc\)/,
      `${name} says what was kept`,
    )
    t.notMatch(error?.message, /secret/, `${name} quotes nothing of Intuit's`)
  }
})

t.test('data is not taken for a fault, whatever it says', async (t) => {
  t.equal(faultOf(answer(200, { QueryResponse: { Item: [{ Description: '"Fault":{' }] } })), undefined)
  t.equal(faultOf(answer(200, { QueryResponse: {}, time: 'x' })), undefined)
  t.equal(faultOf(answer(200, { fault: null, QueryResponse: {} })), undefined)
  t.equal(faultOf(answer(200, '{"Fault": {"Error": [')), undefined, 'cut JSON is for the reader to refuse')
})

t.test('Retry-After is passed on in whole seconds', async (t) => {
  t.equal(faultOf(answer(429, '', { retryAfterMs: 1500 }))?.retryAfterSeconds, 2)
})

t.test('every fault has an outcome that is counted from zero', async (t) => {
  const source = readFileSync(join(import.meta.dirname, '../../../src/services/qbo/faults.ts'), 'utf8')
  const codes = [...source.matchAll(/code: '(QBO_\w+)'/g)].map(([, code = '']) => code)
  t.ok(codes.length > 10)
  const outcomes = codes.map((code) => outcomeOf(new AppError({ code, status: 502, message: '' })))
  t.same(new Set([...outcomes, 'ok', 'aborted']), new Set(OUTCOMES))
  t.equal(outcomeOf(), 'ok')
  t.equal(outcomeOf(new DOMException('It was too late', 'TimeoutError')), 'aborted')
})
