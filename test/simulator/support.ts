/** What every simulator test needs: one on a free port, closed at the end, and requests with a token. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Test } from 'tap'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../simulator/simulator.ts'

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The parsed body; read as loosely as a test wants to. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into foreign JSON
  readonly json: any
}

export interface Rig {
  readonly simulator: Simulator
  readonly token: string
  readonly realm: string
  /** GET below /v3/company/<realm>. */
  get(path: string, headers?: Record<string, string>): Promise<Reply>
  query(statement: string): Promise<Reply>
  request(path: string, init?: RequestInit): Promise<Reply>
}

/** Without limits on the rate, so that only tests of the throttle meet it. */
export const UNLIMITED = { perSecond: null, perMinute: null, concurrent: null }

export async function start(t: Test, options: SimulatorOptions = {}): Promise<Rig> {
  const behaviour = { throttle: UNLIMITED, tokenLatencyMs: 0, ...options.behaviour }
  const simulator = await createSimulator({ ...options, behaviour })
  await simulator.listen()
  t.teardown(() => simulator.close())
  const { accessToken: token, realmId: realm } = simulator.oauth.connect()

  async function request(path: string, init: RequestInit = {}): Promise<Reply> {
    const response = await fetch(simulator.url + path, { redirect: 'manual', ...init })
    const text = await response.text()
    const isJson = text.startsWith('{') || text.startsWith('[')
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson ? safeParse(text) : undefined,
    }
  }

  const get = (path: string, headers: Record<string, string> = {}) =>
    request(`/v3/company/${realm}${path}`, {
      headers: { authorization: `Bearer ${token}`, accept: 'application/json', ...headers },
    })
  const query = (statement: string) => get(`/query?query=${encodeURIComponent(statement)}&minorversion=75`)
  return { simulator, token, realm, get, query, request }
}

/** Lets others work until it is so. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn()
}

function safeParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
