// Arrays of whole numbers that grow.

/** The array itself, or a copy of twice the length when it has no place `at`; new places hold `filler`. */
export function withRoom(array: Int32Array<ArrayBuffer>, at: number, filler = 0): Int32Array<ArrayBuffer> {
  if (at < array.length) return array
  const bigger = new Int32Array(Math.max(at + 1, array.length * 2))
  bigger.set(array)
  if (filler !== 0) bigger.fill(filler, array.length)
  return bigger
}
