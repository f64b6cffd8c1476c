// Many short texts in one block of bytes, numbered from 0: outside of V8's heap, so that a million of them cost the
// garbage collector nothing, and shared between threads and written to a file as they are.
import { sharedBytes, sharedFloats, withRoom } from './arrays.ts'
import type { Steps } from './steps.ts'

/** One byte a unit where the text allows it (Latin-1), else two (UTF-16). */
export interface PoolData {
  bytes: Uint8Array
  /** Text n ends before `ends[n]`, and begins where n - 1 ends. */
  ends: Float64Array
  /** 1 where a text has two bytes a unit. */
  wide: Uint8Array
}

export interface Pool {
  readonly size: number
  /** A new string each time. */
  text(n: number): string
  /** Length in bytes. */
  length(n: number): number
}

export function createPool({ bytes, ends, wide }: PoolData): Pool {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = (n: number) => (n === 0 ? 0 : (ends[n - 1] as number))
  return {
    size: ends.length,
    text: (n) => buffer.toString(wide[n] === 1 ? 'utf16le' : 'latin1', start(n), ends[n] as number),
    length: (n) => (ends[n] as number) - start(n),
  }
}

/** A pool in the making. */
export interface PoolWriter {
  readonly size: number
  add(text: string): void
  /** The texts in another order, `order` naming them by their numbers. In steps for breaks. */
  finish(order: Int32Array): Steps<PoolData>
}

export function createPoolWriter(): PoolWriter {
  let bytes = Buffer.allocUnsafeSlow(4096)
  let ends = new Float64Array(64)
  let wide = new Uint8Array(64)
  let size = 0
  let used = 0

  const start = (n: number) => (n === 0 ? 0 : (ends[n - 1] as number))
  return {
    get size() {
      return size
    },
    add(text) {
      const isWide = notLatin1.test(text)
      const length = isWide ? text.length * 2 : text.length
      if (used + length > bytes.length) {
        const bigger = Buffer.allocUnsafeSlow(Math.max(bytes.length * 2, used + length))
        bytes.copy(bigger, 0, 0, used)
        bytes = bigger
      }
      bytes.write(text, used, isWide ? 'utf16le' : 'latin1')
      used += length
      ends = withRoom(ends, size)
      wide = withRoom(wide, size)
      ends[size] = used
      wide[size] = isWide ? 1 : 0
      size++
    },
    *finish(order) {
      let total = 0
      for (const n of order) total += (ends[n] as number) - start(n)
      const data = {
        bytes: sharedBytes(total),
        ends: sharedFloats(order.length),
        wide: sharedBytes(order.length),
      }
      let at = 0
      for (let i = 0; i < order.length; i++) {
        const n = order[i] as number
        data.bytes.set(bytes.subarray(start(n), ends[n] as number), at)
        at += (ends[n] as number) - start(n)
        data.ends[i] = at
        data.wide[i] = wide[n] as number
        if (i % 1000 === 0) yield
      }
      return data
    },
  }
}

const notLatin1 = /[^\0-\u00ff]/
