// Whatever happens in QuickBooks, on the way and to the service: once it is quiet, the cache holds what QuickBooks holds,
// record by record, and the indexes are those that would be built anew.
import fc from 'fast-check'
import t from 'tap'
import { type Company, createTroubledCompany } from '../support/troubled-company.ts'

const runs = Number(process.env.FOLLOWING_RUNS ?? 200)
const seed = process.env.FOLLOWING_SEED

const text = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 .'&-]{0,11}$/)
const pick = fc.nat(1_000)
const name = fc.constantFrom('Customer', 'Vendor', 'Item', 'Invoice', 'Estimate', 'PurchaseOrder', 'Bill')
const list = fc.constantFrom('Customer', 'Vendor', 'Item')
const minutes = (max: number) => fc.integer({ min: 1, max })

const edits = [
  { weight: 6, arbitrary: fc.record({ do: fc.constant('create' as const), entity: name, text }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('update' as const), entity: name, pick, text }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('deactivate' as const), entity: list, pick }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('remove' as const), entity: name, pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('merge' as const), entity: list, pick, into: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('moveBalance' as const), pick }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('import' as const), entity: name, many: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('purge' as const), entity: name }) },
] as const
const delivery = (settle: fc.Arbitrary<boolean>) =>
  fc.record({
    do: fc.constant('webhooks' as const),
    how: fc.constantFrom('deliver' as const, 'lose' as const, 'double' as const, 'reverse' as const),
    format: fc.constantFrom('cloudEvents' as const, 'classic' as const),
    settle,
  })

/** What can happen while the service waits for nothing but an answer. */
const meanwhile = fc.oneof(...edits, { weight: 8, arbitrary: delivery(fc.constant(false)) })

/** One thing that happens. */
const action = fc.oneof(
  ...edits,
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('between' as const),
      answers: fc.integer({ min: 1, max: 12 }),
      edit: meanwhile,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      on: fc.constantFrom('query' as const, 'cdc' as const, 'any' as const),
      kind: fc.constantFrom(
        ...(['http429', 'html503', 'reset', 'truncated', 'cut', 'okFault', 'unauthorized'] as const),
        ...([
          'wrongRows',
          'missingKeys',
          'lostBefore',
          'malformed',
          'empty',
          'forbidden',
          'badRecord',
        ] as const),
      ),
      times: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), minutes: minutes(120) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), minutes: minutes(50_000) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('skew' as const), minutes: fc.integer({ min: -180, max: 180 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('turnBack' as const), seconds: fc.integer({ min: 1, max: 300 }) }),
  },
  { weight: 8, arbitrary: delivery(fc.boolean()) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('tick' as const), settle: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refresh' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconnect' as const) }) },
)
/** Most stories are about a few records. */
const beginning = fc.record({
  size: fc.oneof(
    { weight: 8, arbitrary: fc.constant('small' as const) },
    { weight: 2, arbitrary: fc.constant('empty' as const) },
    { weight: 1, arbitrary: fc.constant('pages' as const) },
  ),
  isFilled: fc.boolean(),
})
export type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

/** Stories take their time; what does not end at all is seen before. */
const patienceMs = runs * 10_000
t.setTimeout(patienceMs)

t.test(
  `after any ${runs} stories the cache equals QuickBooks, and the indexes equal rebuilt ones`,
  async (t) => {
    t.setTimeout(patienceMs)
    let stories = 0
    await fc.assert(
      fc.asyncProperty(beginning, fc.array(action, { minLength: 1, maxLength: 40 }), async (how, story) => {
        const company: Company = await createTroubledCompany(how)
        try {
          for (const one of story) await company.happens(one)
          await company.becomesQuiet()
          await company.mustBeFollowed()
        } finally {
          await company.end()
        }
        stories++
      }),
      { numRuns: runs, ...(seed !== undefined && { seed: Number(seed) }), endOnFailure: runs > 1_000 },
    )
    t.equal(stories, runs)
  },
)
