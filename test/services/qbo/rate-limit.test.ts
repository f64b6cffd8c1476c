import fc from 'fast-check'
import t from 'tap'
import { createRateLimiter } from '../../../src/services/qbo/rate-limit.ts'
import { createManualClock } from '../../support/clock.ts'

t.test(
  "no window of a second or a minute ever holds more than Intuit's limits, and no more than 10 run at once",
  async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(3000), fc.nat(20)), { minLength: 50, maxLength: 60 }),
        async (bursts) => {
          const clock = createManualClock()
          const limiter = createRateLimiter({ clock })
          const starts: number[] = []
          let running = 0
          let most = 0
          let done = 0
          let asked = 0
          for (const [pause, size] of bursts) {
            for (let i = 0; i < size; i++) {
              asked += 1
              void limiter.run(async () => {
                starts.push(clock.now())
                running += 1
                most = Math.max(most, running)
                await clock.sleep(700)
                running -= 1
                done += 1
              })
            }
            await clock.advance(pause)
          }
          await clock.advance(300_000)
          t.equal(done, asked)
          return most <= 10 && within(starts, 1000, 10) && within(starts, 60_000, 500)
        },
      ),
      { numRuns: 15 },
    )
  },
)

t.test('a request counts from when it can have arrived, however late that is', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(240), fc.nat(400)), { minLength: 60, maxLength: 60 }),
      async (travels) => {
        const clock = createManualClock()
        const limiter = createRateLimiter({ clock })
        const arrivals: number[] = []
        for (const [there, back] of travels) {
          void limiter.run(async () => {
            await clock.sleep(there)
            arrivals.push(clock.now())
            await clock.sleep(back)
          })
        }
        await clock.advance(60_000)
        t.equal(arrivals.length, travels.length)
        return within(
          arrivals.toSorted((a, b) => a - b),
          1000,
          10,
        )
      },
    ),
    { numRuns: 15 },
  )
})

t.test('after a refusal, requests are given more time to arrive', async (t) => {
  const clock = createManualClock()
  const limiter = createRateLimiter({ clock })
  limiter.pause(60_000, true)
  const arrivals: number[] = []
  for (let i = 0; i < 40; i++) {
    void limiter.run(async () => {
      await clock.sleep(i % 10 === 0 ? 490 : 0)
      arrivals.push(clock.now())
      await clock.sleep(500)
    })
  }
  await clock.advance(120_000)
  t.equal(arrivals.length, 40)
  t.ok(
    within(
      arrivals.toSorted((a, b) => a - b),
      1000,
      10,
    ),
  )
})

/** Whether no window of `ms` holds more than `limit` starts. */
const within = (starts: number[], ms: number, limit: number): boolean =>
  starts.every((start, i) => (starts[i + limit] ?? Number.POSITIVE_INFINITY) - start >= ms)

t.test('requests start in the order in which they asked', async (t) => {
  const clock = createManualClock()
  const limiter = createRateLimiter({ clock })
  const order: number[] = []
  for (let i = 0; i < 30; i++) void limiter.run(async () => void order.push(i))
  await clock.advance(60_000)
  t.same(
    order,
    Array.from({ length: 30 }, (_, i) => i),
  )
})

t.test('500 requests take the minute that they must, and hardly more', async (t) => {
  const clock = createManualClock()
  const limiter = createRateLimiter({ clock })
  const begun = clock.now()
  let last = 0
  for (let i = 0; i < 600; i++)
    void limiter.run(async () => {
      last = clock.now()
    })
  await clock.advance(200_000)
  const seconds = (last - begun) / 1000
  t.ok(seconds >= 60 && seconds < 72, `the 600th starts after ${seconds} s; the limits allow 60 s + 9.9 s`)
})

t.test('while QuickBooks asked to wait, nothing starts', async (t) => {
  const clock = createManualClock()
  const limiter = createRateLimiter({ clock })
  limiter.pause(60_000)
  let started = 0
  void limiter.run(async () => {
    started = clock.now()
  })
  const asked = clock.now()
  await clock.advance(59_999)
  t.equal(started, 0)
  await clock.advance(1)
  t.equal(started - asked, 60_000)
})

t.test(
  'a clock that is set back, even while QuickBooks asked to wait, keeps nobody waiting longer',
  async (t) => {
    const manual = createManualClock()
    let back = 0
    const limiter = createRateLimiter({ clock: { ...manual, now: () => manual.now() - back } })
    await limiter.run(async () => undefined)
    limiter.pause(10_000)
    back = 86_400_000
    t.ok(limiter.waitMs() <= 10_000)
    const ran = limiter.run(async () => 'ran')
    await manual.advance(10_000)
    t.equal(await ran, 'ran')
    t.equal(limiter.waitMs() <= 90, true, 'and the limits go on')
  },
)

t.test('a caller that gives up leaves the queue without being run', async (t) => {
  const clock = createManualClock()
  const limiter = createRateLimiter({ clock })
  limiter.pause(1000)
  const giveUp = new AbortController()
  let ran = false
  const waiting = limiter.run(
    async () => {
      ran = true
    },
    { signal: giveUp.signal },
  )
  giveUp.abort(new Error('gave up'))
  await t.rejects(waiting, { message: 'gave up' })
  await clock.advance(5000)
  t.notOk(ran)
  await t.rejects(
    limiter.run(async () => undefined, { signal: giveUp.signal }),
    { message: 'gave up' },
  )
})

t.test('a task that fails gives its place back', async (t) => {
  const clock = createManualClock()
  const limiter = createRateLimiter({ clock })
  const failures = Array.from({ length: 25 }, () => limiter.run(() => Promise.reject(new Error('no'))))
  const settled = Promise.allSettled(failures)
  await clock.advance(10_000)
  t.ok((await settled).every(({ status }) => status === 'rejected'))
})

t.test(
  'what goes first is started before others that wait, and leaves a third of the places to them',
  async (t) => {
    const clock = createManualClock()
    const limiter = createRateLimiter({ clock, limits: { concurrent: 1 } })
    const order: string[] = []
    const held = Promise.withResolvers<void>()
    void limiter.run(() => held.promise)
    for (const name of ['a', 'b', 'c']) void limiter.run(async () => void order.push(name))
    for (const name of ['A', 'B', 'C', 'D', 'E'])
      void limiter.run(async () => void order.push(name), { first: true })
    t.same(order, [])
    held.resolve()
    await clock.advance(2_000)
    t.equal(order.join(''), 'ABaCDbEc')
  },
)
