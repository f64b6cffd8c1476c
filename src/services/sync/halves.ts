// What QuickBooks cannot answer as a whole is asked for in halves, down to one: a single damaged record makes every query
// fail that it is part of, and an answer can be too large to be taken.

/** Enough to find two damaged records among a thousand. With more, it is not the records. */
const MOST_REFUSALS = 24

/** How many refusals are left; several lists can share it. */
export interface Refusals {
  left: number
}

export const refusals = (): Refusals => ({ left: MOST_REFUSALS })

/** Some of what was asked for, and the answer; undefined for a single one that QuickBooks refuses by itself. */
export interface Part<T, R> {
  some: readonly T[]
  answer: R | undefined
}

/** The answers in the order of `all`. @throws what `ask` throws, unless it `splits`, and when there are too many refusals. */
export async function* inHalves<T, R>(
  all: readonly T[],
  ask: (some: readonly T[]) => Promise<R>,
  splits: (error: unknown) => boolean,
  refused: Refusals = refusals(),
): AsyncGenerator<Part<T, R>> {
  const answer = await ask(all).catch((error: unknown) => {
    if (refused.left === 0 || !splits(error)) throw error
    refused.left -= 1
    return undefined
  })
  if (answer !== undefined || all.length === 1) {
    yield { some: all, answer }
    return
  }
  const half = all.length >> 1
  yield* inHalves(all.slice(0, half), ask, splits, refused)
  yield* inHalves(all.slice(half), ask, splits, refused)
}
