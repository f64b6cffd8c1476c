import t from 'tap'
import { AppError } from '../../../src/errors.ts'
import { createBreaker } from '../../../src/services/qbo/breaker.ts'
import { createManualClock } from '../../support/clock.ts'

const failure = (code: string) =>
  new AppError({ code, status: 502, retry: 'later', message: 'It did not work.' })
const outage = failure('QBO_UNAVAILABLE')

function setUp() {
  const clock = createManualClock()
  const lines: string[] = []
  const write = (_fields: object, message: string) => void lines.push(message)
  const breaker = createBreaker({ clock, log: { error: write, warn: write, info: write, debug: write } })
  let sent = 0
  /** One request with this outcome. */
  const ask = (outcome: 'answer' | Error, atOnce = false) =>
    breaker.run(
      async () => {
        sent += 1
        if (outcome !== 'answer') throw outcome
        return outcome
      },
      { atOnce },
    )
  const fails = async (times: number, error: Error = outage) => {
    for (let i = 0; i < times; i++) await ask(error).catch(() => undefined)
  }
  return { breaker, clock, lines, ask, fails, sent: () => sent }
}

t.test('ten failures in a row open it, and then nothing is sent until the pause is over', async (t) => {
  const { breaker, clock, ask, fails, sent, lines } = setUp()
  await fails(9)
  t.equal(await ask('answer'), 'answer')
  await fails(9)
  t.same(breaker.state(), { circuit: 'closed', retryAt: null }, 'an answer in between begins the count anew')
  await fails(1)
  t.same(breaker.state(), { circuit: 'open', retryAt: clock.now() + 30_000 })
  t.equal(lines.length, 1)
  const before = sent()
  await t.rejects(ask('answer'), {
    code: 'QBO_UNAVAILABLE',
    statusCode: 503,
    retryAfterSeconds: 30,
    message: /It did not work\. .* left alone until 2026-11-23T12:00:30/,
  })
  await clock.advance(29_999)
  await t.rejects(ask('answer'), { code: 'QBO_UNAVAILABLE', retryAfterSeconds: 1 })
  t.equal(sent(), before)
  await clock.advance(1)
  t.equal(await ask('answer'), 'answer')
  t.same(breaker.state(), { circuit: 'closed', retryAt: null })
  t.equal(lines.length, 2)
})

t.test('one request finds out, the others wait for its outcome', async (t) => {
  const { breaker, clock, fails, ask, sent } = setUp()
  await fails(10)
  await clock.advance(30_000)
  const probe = Promise.withResolvers<string>()
  const first = breaker.run(() => probe.promise)
  t.equal(breaker.state().circuit, 'half_open')
  const before = sent()
  const others = [ask('answer'), ask('answer')]
  t.equal(sent(), before, 'they wait')
  probe.resolve('there')
  t.same(await Promise.all([first, ...others]), ['there', 'answer', 'answer'])

  await fails(10)
  await clock.advance(30_000)
  const second = Promise.withResolvers<string>()
  const sentBefore = sent()
  const refused = [breaker.run(() => second.promise), ask('answer'), ask('answer', true)]
  second.reject(outage)
  const outcomes = await Promise.allSettled(refused)
  t.same(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  t.equal(sent(), sentBefore, 'not even who is waited for is sent after it')
})

t.test('each probe that fails doubles the pause, up to five minutes', async (t) => {
  const { breaker, clock, fails } = setUp()
  await fails(10)
  for (const pauseMs of [30_000, 60_000, 120_000, 240_000, 300_000, 300_000]) {
    t.equal((breaker.state().retryAt ?? 0) - clock.now(), pauseMs)
    await clock.advance(pauseMs)
    await fails(1)
  }
})

t.test(
  'who is waited for is sent at once, and whatever QuickBooks itself answers ends the outage',
  async (t) => {
    const { breaker, ask, fails } = setUp()
    await fails(10)
    await t.rejects(ask(failure('QBO_THROTTLED'), true), { code: 'QBO_THROTTLED' })
    t.equal(breaker.state().circuit, 'closed')
    await fails(30, failure('QBO_PROCESSING_FAILED'))
    t.equal(breaker.state().circuit, 'closed', 'faults about data are no outage')
  },
)

t.test('a probe that is given up decides nothing', async (t) => {
  const { breaker, clock, ask, fails } = setUp()
  await fails(10)
  await clock.advance(30_000)
  await t.rejects(ask(new Error('aborted')), { message: 'aborted' })
  t.equal(breaker.state().circuit, 'open')
  t.equal(await ask('answer'), 'answer', 'the next one finds out')
})
