// Arrays of numbers that grow, those that threads share, and the halving search in whatever is in order.

/** The array itself, or a copy of twice the length when it has no place `at`; new places hold 0. */
export function withRoom<A extends Int32Array | Float64Array | Uint8Array>(array: A, at: number): A {
  if (at < array.length) return array
  const Kind = array.constructor as new (length: number) => A
  const bigger = new Kind(Math.max(at + 1, array.length * 2))
  bigger.set(array)
  return bigger
}

/** Zeros in memory that other threads can be given too. */
export const sharedBytes = (length: number) => new Uint8Array(new SharedArrayBuffer(length))
export const sharedInts = (length: number) => new Int32Array(new SharedArrayBuffer(length * 4))
export const sharedUnits = (length: number) => new Uint16Array(new SharedArrayBuffer(length * 2))
export const sharedFloats = (length: number) => new Float64Array(new SharedArrayBuffer(length * 8))

/** The first `length` numbers in memory that other threads can be given too. */
export function sharedCopy(from: Int32Array, length: number): Int32Array {
  const copy = sharedInts(length)
  copy.set(from.subarray(0, length))
  return copy
}

/** The first place from `low` on, and before `high`, at which `test` is true; it is false before and true after. */
export function firstWhere(low: number, high: number, test: (place: number) => boolean): number {
  let from = low
  let to = high
  while (from < to) {
    const middle = (from + to) >> 1
    if (test(middle)) to = middle
    else from = middle + 1
  }
  return from
}
