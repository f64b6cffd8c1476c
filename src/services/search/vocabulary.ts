// The distinct words of one index in the order of their UTF-16 units: a beginning of words is a range of it, and words
// one wrong keystroke away are found by walking it as a tree, so their cost hardly grows with the company.
import { firstWhere, sharedInts, sharedUnits } from './arrays.ts'
import { contactMark } from './document.ts'
import type { Steps } from './steps.ts'

export interface VocabularyData {
  /** All words, one after the other. */
  units: Uint16Array
  /** Word n ends before `ends[n]`. */
  ends: Int32Array
  /** The beginning of each word as one number, in the same order: most comparisons end with it. */
  heads: Int32Array
}

/** Words from `from` up to, but without, `to`. */
export interface WordRange {
  from: number
  to: number
}

/** Words that begin one wrong keystroke away from a typed one. */
export interface Similar extends WordRange {
  /** Letters that the typed word stands for, as the vocabulary spells it: shorter words are not in the range. */
  length: number
  /** The last letter typed is the wrong one, so that all words that begin like the others are in the range. */
  loose: boolean
}

export interface Vocabulary {
  readonly size: number
  /** The number of a word, or -1. */
  find(word: string): number
  /** The words that begin so. */
  starting(start: string): WordRange
  /** Ranges of words that begin with `typed` after one insertion, deletion, substitution or transposition. */
  similar(typed: string): Similar[]
  /** Word `n` is exactly so long. */
  hasLength(n: number, length: number): boolean
  /** Word `n` holds the fragment after its first letter. */
  holds(n: number, fragment: string): boolean
}

/** Looked-up branches that one query may cost. */
const walkBudget = 3_000

export function createVocabulary({ units, ends, heads }: VocabularyData): Vocabulary {
  const start = (n: number): number => (n === 0 ? 0 : (ends[n - 1] as number))
  const lengthOf = (n: number): number => (ends[n] as number) - start(n)

  /** Negative when word n comes before all that begin with `text`, 0 when it begins so, positive when it comes after. */
  function compare(n: number, text: string): number {
    const begin = start(n)
    const length = (ends[n] as number) - begin
    for (let i = 0; i < text.length; i++) {
      if (i >= length) return -1
      const difference = (units[begin + i] as number) - text.charCodeAt(i)
      if (difference !== 0) return difference
    }
    return 0
  }

  /** The first word that does not come before `text`. */
  function lowerBound(text: string): number {
    if (!isLatin.test(text)) return firstWhere(0, ends.length, (n) => compare(n, text) >= 0)
    const head = headOf(text)
    // By their heads alone, then by their letters among those with the same head.
    const from = firstWhere(0, ends.length, (n) => (heads[n] as number) >= head)
    let step = 1
    while (from + step < ends.length && heads[from + step] === head) step *= 2
    return firstWhere(from, Math.min(from + step, ends.length), (n) => compare(n, text) >= 0)
  }

  function starting(text: string): WordRange {
    const from = lowerBound(text)
    // Most ranges are short: look near the beginning before halving the rest.
    let step = 1
    while (from + step < ends.length && compare(from + step, text) === 0) step *= 2
    const to = firstWhere(from + (step >> 1), Math.min(from + step, ends.length), (n) => compare(n, text) > 0)
    return { from, to }
  }

  /** The unit of word n at `depth`, or -1 past its end: shorter words come first. */
  function unitAt(n: number, depth: number): number {
    if (depth < headLength) {
      const unit = unitInHead(heads[n] as number, depth)
      if (unit !== highest) return unit === 0 ? -1 : unit
    }
    return depth < lengthOf(n) ? (units[start(n) + depth] as number) : -1
  }

  /** Of words that are alike up to `depth`, those that go on with `unit`. */
  function narrow({ from, to }: WordRange, depth: number, unit: number): WordRange {
    const first = firstWhere(from, to, (n) => unitAt(n, depth) >= unit)
    if (first === to || unitAt(first, depth) !== unit) return { from: first, to: first }
    return { from: first, to: firstWhere(first, to, (n) => unitAt(n, depth) > unit) }
  }

  /** The same for `count` units of a text, all within the head: in one go, because most ranges end here. */
  function narrowHead(range: WordRange, depth: number, text: string, at: number, count: number): WordRange {
    const known = depth + count
    let lowest = depth === 0 ? 0 : ((heads[range.from] as number) ^ signBit) & (-1 << (32 - 8 * depth))
    for (let i = 0; i < count; i++) lowest |= text.charCodeAt(at + i) << (24 - 8 * (depth + i))
    const highestHead = (known === headLength ? lowest : lowest | (-1 >>> (8 * known))) ^ signBit
    lowest ^= signBit
    const from = firstWhere(range.from, range.to, (n) => (heads[n] as number) >= lowest)
    if (from === range.to || (heads[from] as number) > highestHead) return { from, to: from }
    return { from, to: firstWhere(from, range.to, (n) => (heads[n] as number) > highestHead) }
  }

  function similar(typed: string): Similar[] {
    const found: Similar[] = []
    let budget = walkBudget
    const inOneGo = isLatin.test(typed) ? headLength : 0
    /** Takes the words of a range, alike up to `depth`, that go on with what was typed from `rest` on. */
    const take = (range: WordRange, depth: number, rest: number) => {
      budget--
      const inHead = Math.max(0, Math.min(inOneGo - depth, typed.length - rest))
      let left = inHead > 0 ? narrowHead(range, depth, typed, rest, inHead) : range
      let at = depth + inHead
      for (; left.from < left.to && rest + at - depth < typed.length; at++) {
        budget--
        left = narrow(left, at, typed.charCodeAt(rest + at - depth))
      }
      if (left.from < left.to) found.push({ ...left, length: at, loose: rest === typed.length })
    }
    // Words of addresses are not forgiven. They come first, so what is left is one range.
    let range: WordRange = { from: starting(contactMark).to, to: ends.length }
    for (let at = 0; at < typed.length && range.from < range.to && budget > 0; at++) {
      const unit = typed.charCodeAt(at)
      const next = typed.charCodeAt(at + 1)
      take(range, at, at + 1)
      if (at + 1 < typed.length && next !== unit) {
        const swapped = narrow(narrow(range, at, next), at + 1, unit)
        take(swapped, at + 2, at + 2)
      }
      for (let n = range.from; n < range.to; ) {
        const other = unitAt(n, at)
        const end = firstWhere(n, range.to, (m) => unitAt(m, at) > other)
        const branch = { from: n, to: end }
        if (other >= 0 && other !== unit) take(branch, at + 1, at + 1)
        if (other >= 0) take(branch, at + 1, at)
        n = end
      }
      range = narrow(range, at, unit)
    }
    return found
  }

  return {
    size: ends.length,
    find(word) {
      const n = lowerBound(word)
      return n < ends.length && lengthOf(n) === word.length && compare(n, word) === 0 ? n : -1
    },
    starting,
    similar,
    hasLength: (n, length) => lengthOf(n) === length,
    holds(n, fragment) {
      const last = (ends[n] as number) - fragment.length
      for (let at = start(n) + 1; at <= last; at++) {
        let i = 0
        while (i < fragment.length && units[at + i] === fragment.charCodeAt(i)) i++
        if (i === fragment.length) return true
      }
      return false
    },
  }
}

/** The vocabulary of distinct words that are in order already. In steps for breaks. */
export function* vocabularyOf(words: readonly string[]): Steps<VocabularyData> {
  let total = 0
  for (const word of words) total += word.length
  const units = sharedUnits(total)
  const ends = sharedInts(words.length)
  const heads = sharedInts(words.length)
  let at = 0
  for (let n = 0; n < words.length; n++) {
    const word = words[n] as string
    for (let i = 0; i < word.length; i++) units[at++] = word.charCodeAt(i)
    ends[n] = at
    heads[n] = headOf(word)
    if (n % 1000 === 0) yield
  }
  return { units, ends, heads }
}

/** Beyond Latin-1, heads do not tell words apart. */
const isLatin = /^[\0-\u00fe]*$/

const headLength = 4
/** Heads are signed: with this bit turned, they are in the order of their units. */
const signBit = -0x80000000
/** What stands for all units that do not fit in a byte, so that the order stays. */
const highest = 255

/** The first four units in a byte each; 0 past the end of the word. */
function headOf(word: string): number {
  let head = 0
  for (let i = 0; i < headLength; i++) {
    const unit = i < word.length ? word.charCodeAt(i) : 0
    head = (head << 8) | Math.min(unit, highest)
  }
  return head ^ signBit
}

const unitInHead = (head: number, depth: number): number => ((head ^ signBit) >>> (24 - 8 * depth)) & 255
