// Time as an argument: services never call Date.now() or timers themselves, so that a test can own the clock.

import { setTimeout as delay } from 'node:timers/promises'

/** A day in milliseconds. */
export const DAY_MS = 24 * 3_600_000

/** The outside's time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    try {
      await delay(Math.max(0, ms), undefined, signal ? { signal } : {})
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
}

/** Clients wait for 30 seconds, or a minute: whoever has not said so is not kept waiting longer than this, in milliseconds. */
export const PATIENCE_MS = 25_000

/** What became of `work`, which goes on; undefined when it takes longer than `ms`. */
export async function within<T>(ms: number, work: Promise<T>, clock: Clock): Promise<T | undefined> {
  const over = new AbortController()
  const patience = clock.sleep(ms, over.signal).then(
    () => undefined,
    () => undefined,
  )
  try {
    return await Promise.race([work, patience])
  } finally {
    over.abort()
  }
}

/**
 * The clock's time for measuring waits: where the clock is set back, time goes on from where it was, so that nobody waits
 * until the clock has caught up.
 */
export function steady(clock: Clock): () => number {
  let last = Number.NEGATIVE_INFINITY
  let ahead = 0
  return () => {
    const told = clock.now()
    if (told + ahead < last) ahead = last - told
    last = told + ahead
    return last
  }
}

/** An instant as ISO 8601, or null: the form of every time in an answer. */
export const isoOrNull = (epochMs: number | null | undefined): string | null =>
  epochMs === null || epochMs === undefined ? null : new Date(epochMs).toISOString()
