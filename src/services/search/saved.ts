// A value with large arrays on disk, for the next start. A file that is not whole, or has another label, is not read:
// what is saved here is disposable and can be made anew.
import { type FileHandle, open, rename } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'

/** Objects, arrays, texts and numbers, with arrays of numbers among them. */
export type Saved = Numbers | string | number | { [name: string]: Saved } | Saved[]

type Numbers = Uint8Array | Uint16Array | Int32Array | Float64Array
/** Made from what is read into shared memory. */
const kinds = {
  Uint8Array: (memory: SharedArrayBuffer) => new Uint8Array(memory),
  Uint16Array: (memory: SharedArrayBuffer) => new Uint16Array(memory),
  Int32Array: (memory: SharedArrayBuffer) => new Int32Array(memory),
  Float64Array: (memory: SharedArrayBuffer) => new Float64Array(memory),
}

/** An array of numbers in the header; what it holds follows the header, one array after the other. */
interface Place {
  $kind: keyof typeof kinds
  /** In bytes. */
  length: number
  checksum: number
}

interface Header {
  label: string
  value: unknown
}

/** Bytes that are looked at between two turns of the event loop: about a millisecond. */
const pieceSize = 2 ** 21
/** The first bytes of a file: what it is, then the length and the checksum of the header. */
const magic = 'mrpindex'
const prefixLength = 16

/** Writes a value, whole or not at all, readable by its owner only. */
export async function save(path: string, label: string, value: Saved): Promise<void> {
  const arrays: Uint8Array[] = []
  const described = await describe(value, arrays)
  const header = Buffer.from(JSON.stringify({ label, value: described } satisfies Header))
  const prefix = Buffer.alloc(prefixLength)
  prefix.write(magic)
  prefix.writeUInt32LE(header.length, 8)
  prefix.writeUInt32LE(crc32(header), 12)
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    for (const bytes of [prefix, header, ...arrays]) {
      for (const piece of piecesOf(bytes)) await file.writeFile(piece)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}

/** The value saved under this label; null when there is none, or it is damaged. Its arrays are in shared memory. */
export async function load(path: string, label: string): Promise<Saved | null> {
  const file = await open(path).catch(() => null)
  if (file === null) return null
  try {
    const prefix = await read(file, new Uint8Array(prefixLength))
    const view = new DataView(prefix.buffer)
    if (Buffer.from(prefix).toString('latin1', 0, magic.length) !== magic) return null
    const bytes = await read(file, new Uint8Array(view.getUint32(8, true)))
    if (crc32(bytes) !== view.getUint32(12, true)) return null
    const header = JSON.parse(Buffer.from(bytes).toString()) as Header
    return header.label === label ? await restore(header.value, file) : null
  } catch (error) {
    if (error instanceof Damaged) return null
    throw error
  } finally {
    await file.close()
  }
}

class Damaged extends Error {}

async function describe(value: Saved, arrays: Uint8Array[]): Promise<unknown> {
  if (typeof value !== 'object') return value
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    arrays.push(bytes)
    const $kind = value.constructor.name as Place['$kind']
    return { $kind, length: value.byteLength, checksum: await checksumOf(bytes) } satisfies Place
  }
  if (Array.isArray(value)) {
    const list: unknown[] = []
    for (const each of value) list.push(await describe(each, arrays))
    return list
  }
  const described: Record<string, unknown> = {}
  for (const [name, each] of Object.entries(value)) described[name] = await describe(each, arrays)
  return described
}

async function restore(value: unknown, file: FileHandle): Promise<Saved> {
  if (typeof value !== 'object' || value === null) return value as Saved
  if (Array.isArray(value)) {
    const list: Saved[] = []
    for (const each of value) list.push(await restore(each, file))
    return list
  }
  if ('$kind' in value) {
    const { $kind, length, checksum } = value as Place
    const memory = new SharedArrayBuffer(length)
    const bytes = await read(file, new Uint8Array(memory))
    if ((await checksumOf(bytes)) !== checksum) throw new Damaged()
    return kinds[$kind](memory)
  }
  const restored: Record<string, Saved> = {}
  for (const [name, each] of Object.entries(value)) restored[name] = await restore(each, file)
  return restored
}

async function checksumOf(bytes: Uint8Array): Promise<number> {
  let checksum = 0
  for (const piece of piecesOf(bytes)) {
    checksum = crc32(piece, checksum)
    await nextTurn()
  }
  return checksum
}

/** Fills `bytes` from where the last reading ended. */
async function read(file: FileHandle, bytes: Uint8Array): Promise<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at)
    if (bytesRead === 0) throw new Damaged()
    at += bytesRead
  }
  return bytes
}

function* piecesOf(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceSize) yield bytes.subarray(at, at + pieceSize)
}
