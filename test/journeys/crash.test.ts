// A process that is killed at any step of a token refresh or of a commit: afterwards the connection works, or a person
// must connect again because Intuit's answer truly never reached the disk; the cache is whole, and search answers. The
// data of each world lives through all of its crashes, so that damage would add up.
import { equal, ok } from 'node:assert/strict'
import t from 'tap'
import { createRandom, shuffle } from '../../simulator/random.ts'
import { start } from '../support/crashes.ts'
import { type CrashingWorld, createCrashingWorld } from '../support/crashing-world.ts'
import { temporaryFolder } from '../support/service.ts'

const loops = Number(process.env.CRASH_LOOPS ?? 200)
const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 1_000_000))

/** What is done when a process is to die. */
export type Deed = 'use a token' | 'read everything' | 'look for changes' | 'post webhooks'

/** A place to die at, while something is done; at one of the first `times` that the process comes there. */
export interface Seam {
  deed: Deed
  at: string
  times: number
  /** What has become of the refresh token: it is the same, Intuit's answer with a new one is lost, or it is on the disk. */
  token: 'same' | 'lost' | 'new' | 'any'
}

const steps = (deed: Deed, places: Record<string, number>, token: Seam['token'] = 'same'): Seam[] =>
  Object.entries(places).map(([at, times]) => ({ deed, at, times, token }))

const request = (name: string, times: number) =>
  Object.fromEntries(['made', 'sent', 'head', 'answered'].map((moment) => [`${name}: ${moment}`, times]))
const commit = (name: string, times: number) => ({
  [`${name}: committing`]: times,
  [`${name}: committed`]: times,
})

/** The keeper proves that the disk takes tokens before it asks Intuit for new ones: of two commits the first. */
const refresh: Seam[] = [
  ...steps('use a token', commit('tokens', 1)),
  ...steps('use a token', { 'refresh: made': 1 }),
  ...steps('use a token', { 'refresh: sent': 1, 'refresh: head': 1, 'refresh: answered': 1 }, 'lost'),
  ...steps('use a token', { 'new tokens: written': 1, 'new tokens: committing': 1 }, 'lost'),
  ...steps('use a token', { 'new tokens: committed': 1 }, 'new'),
]

const seams: Seam[] = [
  ...refresh,
  ...refresh.map((seam) => ({ ...seam, deed: 'read everything' as const })),
  ...steps('read everything', {
    ...request('query', 4),
    ...{ 'records: written': 4, ...commit('records', 2), ...commit('checkpoints', 4) },
  }),
  ...steps('look for changes', {
    ...request('cdc', 1),
    ...{ 'records: written': 4, ...commit('records', 2), ...commit('checkpoints', 4) },
  }),
  ...steps('post webhooks', {
    ...{ ...commit('hints', 1), ...request('query', 2) },
    ...{ 'records: written': 4, ...commit('records', 2), ...commit('followed hints', 2) },
  }),
  // Wherever it is after so many steps, or after a while.
  ...(['use a token', 'read everything', 'look for changes', 'post webhooks'] as const).flatMap((deed) => [
    { deed, at: 'anything', times: 40, token: 'any' as const },
    { deed, at: 'killed', times: 400, token: 'any' as const },
  ]),
]

const patienceMs = 120_000 + loops * 10_000
t.setTimeout(patienceMs)

/** Each seam in turn, in an order that chance decides anew each time. */
function* plan(random: () => number): Generator<Seam> {
  for (;;) yield* shuffle(seams, random)
}

const worlds = [
  { previousToken: 'strict', customers: 1_020 },
  { previousToken: 'grace', customers: 40 },
] as const

t.test(`killed ${loops} times at every seam (CRASH_SEED=${seed})`, async (t) => {
  t.setTimeout(patienceMs)
  const hits = new Map<string, number>()
  const ends = await Promise.all(
    worlds.map(async ({ previousToken, customers }, i) => {
      const random = createRandom(seed + i)
      const world = await createCrashingWorld({ previousToken, customers, random })
      t.teardown(() => world.end())
      return await liveThrough(world, random, Math.ceil(loops / worlds.length), hits)
    }),
  )
  const [strict, grace] = ends
  t.equal(grace?.reconnected, 0, 'where the former token works for a while, nobody has to connect again')
  t.equal(strict?.reconnected, strict?.lost, 'and where it does not, only after an answer was lost')
  t.comment(
    `${strict?.lost} answers were lost where that ends a connection, ${grace?.lost} where it does not`,
  )
  const rounds = Math.floor(loops / worlds.length / seams.length)
  for (const one of ends) t.ok(rounds === 0 || one.lost > 0, 'an answer was lost')
  for (const { deed, at } of seams) {
    const key = `${deed}, ${at}`
    t.ok((hits.get(key) ?? 0) >= rounds * worlds.length, `${key}: hit ${hits.get(key) ?? 0} times`)
  }
})

async function liveThrough(
  world: CrashingWorld,
  random: () => number,
  times: number,
  hits: Map<string, number>,
): Promise<{ lost: number; reconnected: number }> {
  const told = { lost: 0, reconnected: 0 }
  let loop = 0
  for (const seam of plan(random)) {
    if (loop === times) return told
    loop += 1
    const nth = 1 + Math.floor(random() * seam.times)
    try {
      await world.dies(seam, nth)
      const { lost, reconnected } = await world.lives(seam, loop)
      told.lost += Number(lost)
      told.reconnected += Number(reconnected)
    } catch (error) {
      throw new Error(`Loop ${loop}: ${seam.deed}, ${seam.at}, ${nth}`, { cause: error })
    }
    const key = `${seam.deed}, ${seam.at}`
    hits.set(key, (hits.get(key) ?? 0) + 1)
  }
  return told
}

t.test('killed at every step of its first start, it starts', async (t) => {
  t.setTimeout(patienceMs)
  const dataDir = temporaryFolder(t)
  const env = { DATA_DIR: dataDir }
  let crashes = 0
  for (;;) {
    const started = await start({ env, place: { at: 'anything', nth: crashes + 1 } })
    if ('url' in started) {
      equal((await started.request('/api/cache/status')).status, 200)
      await started.kill()
      break
    }
    equal(started.signal, 'SIGKILL', started.output)
    crashes += 1
  }
  ok(crashes > 10, `only ${crashes} steps were found`)
  t.pass(`${crashes} times`)
})
