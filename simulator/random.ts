/**
 * Repeatable chance. `mix` turns (seed, index, salt) into 32 well-spread bits, so that any record can be built alone;
 * `permute` scrambles an index without collisions, so that names made from it stay unique. Not for cryptography.
 */

export function mix(seed: number, index: number, salt: number): number {
  let h =
    (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^
      Math.imul(index + 1, 0xc2b2ae35) ^
      Math.imul(salt, 0x27d4eb2f)) >>>
    0
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b)
  return (h ^ (h >>> 16)) >>> 0
}

/** A fraction in [0, 1). */
export function chance(seed: number, index: number, salt: number): number {
  return mix(seed, index, salt) / 4_294_967_296
}

export function pick<T>(list: readonly T[], bits: number): T {
  const found = list[bits % list.length]
  if (found === undefined) throw new Error('pick needs a list that is not empty')
  return found
}

/** A bijection of [0, 2^bits): multiply by an odd number, then fold the high half into the low one. */
export function permute(index: number, bits: number, seed: number): number {
  const mask = 2 ** bits - 1
  const scaled = (Math.imul(index, 0x2c1b3c6d) + seed * 2_654_435) & mask
  return (scaled ^ (scaled >>> (bits >> 1))) & mask
}

/** Bits enough for `count` different values. */
export function bitsFor(count: number): number {
  return Math.max(2, Math.ceil(Math.log2(Math.max(2, count))))
}

/** Hexadecimal digits. */
export function hexOf(random: () => number, length: number): string {
  return Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('')
}

/** A copy in another order (Fisher and Yates). */
export function shuffle<T>(list: readonly T[], random: () => number): T[] {
  const left = [...list]
  return list.flatMap(() => left.splice(Math.floor(random() * left.length), 1))
}

/** mulberry32: a stream of fractions for what happens at run time (latency, ids of answers). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
