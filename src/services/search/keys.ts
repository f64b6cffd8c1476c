// Numbers keys from 0 in the order in which they come, and finds their numbers again. Keys are kept as 64-bit
// fingerprints, not as texts: a lookup touches two places in memory and V8 never sees a key (it keeps each text that a
// Map is asked for in one table of the whole process). Two keys of a million share a fingerprint once in 40 million such
// indexes; what is found by a key is one result more or less, so that is never.
import { sharedCopy, withRoom } from './arrays.ts'

export interface KeysData {
  /** Open addresses: at a key's hash or after it, its number + 1; 0 ends the search. A power of two long. */
  table: Int32Array
  /** Both halves of the fingerprint of key n at 2n. */
  prints: Int32Array
}

/** The number of a key, or -1. */
export type FindKey = (key: string) => number

export function createKeys({ table, prints }: KeysData): FindKey {
  return (key) => find(table, prints, lowHash(key), highHash(key))
}

function find(table: Int32Array, prints: Int32Array, low: number, high: number): number {
  const mask = table.length - 1
  for (let at = low & mask; ; at = (at + 1) & mask) {
    const number = (table[at] as number) - 1
    if (number < 0) return -1
    if (prints[2 * number] === low && prints[2 * number + 1] === high) return number
  }
}

/** Keys in the making. */
export interface Numbering {
  readonly size: number
  /** The number of a key; `size` as it was before when the key is new. */
  numberOf(key: string): number
  finish(): KeysData
}

export function createNumbering(): Numbering {
  let table = new Int32Array(1024)
  let prints = new Int32Array(128)
  let size = 0

  function place(number: number): void {
    const mask = table.length - 1
    let at = (prints[2 * number] as number) & mask
    while ((table[at] as number) !== 0) at = (at + 1) & mask
    table[at] = number + 1
  }

  return {
    get size() {
      return size
    },
    numberOf(key) {
      const [low, high] = [lowHash(key), highHash(key)]
      const known = find(table, prints, low, high)
      if (known >= 0) return known
      const number = size++
      prints = withRoom(prints, 2 * number + 1)
      prints[2 * number] = low
      prints[2 * number + 1] = high
      if (size * 2 > table.length) {
        table = new Int32Array(table.length * 2)
        for (let each = 0; each < number; each++) place(each)
      }
      place(number)
      return number
    },
    finish: () => ({ table: sharedCopy(table, table.length), prints: sharedCopy(prints, size * 2) }),
  }
}

const lowHash = (key: string) => hashOf(key, 0x811c9dc5, 0x01000193)
const highHash = (key: string) => hashOf(key, 0x2545f491, 0x5bd1e995)

/** FNV-1a over UTF-16 units, then the finalizer of MurmurHash3, which brings every bit to every place. */
function hashOf(text: string, seed: number, prime: number): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), prime)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
