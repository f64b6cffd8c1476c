// What happens in QuickBooks during the soak: people edit records, and each edit has to be found in time; requests fail
// in every way that leaves the connection alive, and for a while QuickBooks is quite away.
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { pick } from '../simulator/random.ts'
import type { FaultKind, FaultPlan } from '../simulator/simulator.ts'
import type { Ask } from './soak-clients.ts'
import type { Diary, Tally } from './soak-notes.ts'

/** Calls a control of the simulator. */
export type Control = (method: string, path: string, body?: object) => Promise<unknown>

export function controlOf(url: string): Control {
  return async (method, path, body) => {
    const answer = await fetch(`${url}/control/${path}`, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} /control/${path} answered ${answer.status}: ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}

// ---- Trouble

/** From and to in milliseconds since the begin; `awayFrom`: since then QuickBooks answers nothing at all. */
export interface Trouble {
  from: number
  to: number
  awayFrom: number
}

const LONGEST_AWAY_MS = 60_000
/** A read that hangs is given up after a minute, and after a refresh of tokens that failed none is sent for a minute. */
const AFTERMATH_MS = 90_000
/** In calm times: a webhook that was lost is made up for by the next look, a quarter of a minute later. */
const PATIENCE_MS = 30_000

/** A run of five minutes and more has two times of trouble, with QuickBooks away at the end of the last one. */
export function troubles(runMs: number): Trouble[] {
  const count = runMs >= 300_000 ? 2 : 1
  const length = runMs / count
  return Array.from({ length: count }, (_, i) => {
    const [from, to] = [(i + 0.1) * length, (i + 0.5) * length]
    const awayFrom = i === count - 1 ? Math.max(to - LONGEST_AWAY_MS, (from + to) / 2) : to
    return { from, to, awayFrom }
  })
}

/** Until when an edit at this time has to be found, and whether nothing was in its way. */
function dueOf(at: number, all: readonly Trouble[]): { due: number; isCalm: boolean } {
  const trouble = all.find(({ from, to }) => at + PATIENCE_MS > from && at < to + AFTERMATH_MS)
  if (trouble === undefined) return { due: at + PATIENCE_MS, isCalm: true }
  return { due: Math.max(at, trouble.to + AFTERMATH_MS) + PATIENCE_MS, isCalm: false }
}

/**
 * An answer that is given up at 64 MB. The C library may keep that room for the process: so it comes at the very first,
 * while memory is not judged yet.
 */
const HUGE: FaultPlan = { on: 'query', kind: 'huge', megabytes: 100, times: 2 }
/** Most reads are queries. */
const READS = ['query', 'query', 'query', 'cdc'] as const
/** Each fault leaves the connection as it is: tokens that were rotated and lost are not among them. */
const FAULTS: readonly Omit<FaultPlan, 'on'>[] = [
  { kind: 'http429', retryAfterSeconds: 1 },
  { kind: 'html502' },
  { kind: 'html503', times: 3 },
  { kind: 'html504' },
  { kind: 'xmlFault', status: 500 },
  { kind: 'fault', status: 500, code: '10000' },
  { kind: 'okFault' },
  { kind: 'unauthorized' },
  { kind: 'forbidden' },
  { kind: 'redirect' },
  { kind: 'malformed' },
  { kind: 'empty' },
  { kind: 'truncated' },
  { kind: 'cut' },
  { kind: 'reset', times: 3 },
  { kind: 'lostBefore' },
  { kind: 'slow', delayMs: 3_000 },
  { kind: 'badRecord', record: 'notAnObject' },
]
/** Rows that are left out without a word: only a complete reading can notice. */
const SILENT: readonly FaultKind[] = ['missingKeys', 'wrongRows']
/** One that hangs costs two minutes, which is more than the life of a token here and nothing of a real one's hour. */
const TOKEN_FAULTS: readonly FaultKind[] = ['html503', 'http429', 'reset', 'lostBefore', 'slow']

function anyFault(random: () => number): FaultPlan {
  const any = <T>(list: readonly T[]) => pick(list, Math.floor(random() * 2 ** 31))
  const kind = random()
  // These keep reads from being made for a minute: more of them would let nothing else strike.
  if (kind < 0.02) return { on: any(READS), kind: 'hang' }
  if (kind < 0.05) return { on: 'refresh', kind: any(TOKEN_FAULTS) }
  if (kind < 0.15) return { on: 'query', match: 'ORDERBY Id', kind: any(SILENT), rows: 5 }
  return { on: any(READS), ...any(FAULTS) }
}

/** Makes QuickBooks fail as planned. */
export async function makeTrouble(
  control: Control,
  { all, random, diary, signal }: { all: Trouble[]; random: () => number; diary: Diary; signal: AbortSignal },
): Promise<void> {
  const began = performance.now()
  const until = (ms: number) => delay(Math.max(0, began + ms - performance.now()), undefined, { signal })
  for (const { from, to, awayFrom } of all) {
    await until(from)
    const endFaults = diary.begin('faults')
    if (from === all[0]?.from) await control('POST', 'faults', HUGE)
    while (performance.now() - began < awayFrom) {
      await control('POST', 'faults', anyFault(random))
      if (random() < 0.1) await control('POST', 'oauth', { action: 'expireAccessTokens' })
      await delay(500 + 2_000 * random(), undefined, { signal })
    }
    if (awayFrom < to) {
      const endAway = diary.begin('QuickBooks away')
      await control('POST', 'faults', { on: 'any', kind: 'reset', times: null })
      await until(to)
      endAway()
    }
    await control('DELETE', 'faults')
    endFaults()
  }
}

// ---- Edits

/** Records that edits may change, by id: everything else stays as it is. */
export interface Edited {
  customers: string[]
  items: string[]
}

/** What came of the edits. Histograms count milliseconds from saving to finding. */
export interface Edits {
  made: number
  found: number
  calm: RecordableHistogram
  troubled: RecordableHistogram
}

interface Expected {
  index: string
  q: string
  id: string
  isThere: boolean
}

/** Parts that were added and stay: the company must not grow, or memory may. */
const MOST_ADDED = 200

export interface EditOptions {
  perSecond: number
  edited: Edited
  troubles: readonly Trouble[]
  ask: Ask
  errors: Tally
  /** Ends the editing; what was edited is still looked for. */
  signal: AbortSignal
}

/** Begins at once; `done` resolves when every edit was found, or its time is over. */
export function makeEdits(control: Control, options: EditOptions): { edits: Edits; done: Promise<void> } {
  const { perSecond, edited, ask, errors, signal } = options
  const edits: Edits = { made: 0, found: 0, calm: createHistogram(), troubled: createHistogram() }
  const began = performance.now()
  const free = { Customer: [...edited.customers], Item: [...edited.items] }
  const added: string[] = []
  const open = new Set<Promise<void>>()
  let number = 0

  const part = (id: string, q: string, isThere = true): Expected => ({
    index: 'part_numbers',
    q,
    id,
    isThere,
  })

  async function edit(): Promise<void> {
    number += 1
    const turn = number % 4
    if (turn === 0 && added.length > MOST_ADDED) {
      const [id, name] = (added.shift() as string).split(' ') as [string, string]
      await control('POST', 'records/Item', { action: 'remove', id })
      return await mustBeFound(part(id, name, false))
    }
    const entity = turn === 1 ? 'Customer' : 'Item'
    const id = turn === 1 || turn === 3 ? free[entity].shift() : undefined
    if (id === undefined) {
      const name = `ZQ-${10_000 + number}`
      const fields = { Name: name, Type: 'Service', Active: true }
      const { Id } = (await control('POST', 'records/Item', { action: 'create', fields })) as { Id: string }
      await mustBeFound(part(Id, name))
      added.push(`${Id} ${name}`)
      return
    }
    if (entity === 'Item') {
      const name = `ZR-${10_000 + number}`
      await control('POST', 'records/Item', { action: 'update', id, fields: { Name: name } })
      await mustBeFound(part(id, name))
    } else {
      const name = `Zwyx${10_000 + number} Trading`
      await control('POST', 'records/Customer', { action: 'update', id, fields: { DisplayName: name } })
      await mustBeFound({ index: 'client_names', q: name, id, isThere: true })
    }
    free[entity].push(id)
  }

  async function mustBeFound({ index, q, id, isThere }: Expected): Promise<void> {
    edits.made += 1
    const saved = performance.now()
    const { due, isCalm } = dueOf(saved - began, options.troubles)
    for (let wait = 50; ; wait = Math.min(wait * 1.5, 1000)) {
      await delay(wait)
      const answer = await ask(`/api/search/${index}?q=${encodeURIComponent(q)}`, { as: 'search' })
      const results = (answer?.results ?? []) as { id: string }[]
      const now = performance.now()
      if (answer !== undefined && results.some((one) => one.id === id) === isThere) {
        edits.found += 1
        edits[isCalm ? 'calm' : 'troubled'].record(Math.max(1, Math.round(now - saved)))
        return
      }
      if (now - began > due) return errors.add(`edit in ${isCalm ? 'calm' : 'trouble'} not found in time`)
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const one = edit().catch((error) => errors.add(`edit failed: ${String(error)}`))
      open.add(one)
      void one.then(() => open.delete(one))
      await delay(1000 / perSecond)
    }
    await Promise.all(open)
  }
  return { edits, done: run() }
}
