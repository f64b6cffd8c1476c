// Builds one index of a segment. Entries come in any order; once their order is known, all lists are made at once,
// counted first and then filled, which takes a fraction of what growing each list by itself does.
import { sharedCopy, sharedInts, withRoom } from './arrays.ts'
import { contactMark, documentTerms, isKey } from './document.ts'
import { createNumbering } from './keys.ts'
import { createPoolWriter, type PoolData } from './pool.ts'
import { type IndexData, type ListsData, manyWords } from './segment.ts'
import { type Steps, sorted } from './steps.ts'
import { vocabularyOf } from './vocabulary.ts'

export interface IndexBuilder {
  /** Takes in the text of the next entry; '' for one that is not in this index. */
  add(text: string): void
  /** `order` names the entries that count, the first `active` of them active. Numbers in lists are positions in it. */
  finish(order: Int32Array, active: number): Steps<IndexData>
}

/** Slots that terms are filed in; see `place` and `whole` in document.ts. */
const slotCount = 2
const hasDigit = /\d/

export function createIndexBuilder(): IndexBuilder {
  const texts = createPoolWriter()
  const keys = createNumbering()
  const wordKeys = createNumbering()
  const words: string[] = []
  /** What entry e is filed under ends at `heldEnds[e]`, lower slots first: n × slotCount + slot for word n, its
   * complement (~) for key n. */
  let held = new Int32Array(64)
  let heldEnds = new Int32Array(64)
  let used = 0

  return {
    add(text) {
      const entry = texts.size
      texts.add(text)
      for (const [slot, terms] of text === '' ? [] : documentTerms(text).entries()) {
        for (const term of terms) {
          held = withRoom(held, used)
          if (isKey(term)) {
            held[used++] = ~(keys.numberOf(term) * slotCount + slot)
            continue
          }
          const number = wordKeys.numberOf(term)
          if (number === words.length) words.push(term)
          held[used++] = number * slotCount + slot
        }
      }
      heldEnds = withRoom(heldEnds, entry)
      heldEnds[entry] = used
    },

    *finish(order, active) {
      const wordOrder = yield* sorted(
        Int32Array.from(words.keys()),
        (a, b) => (words[a] as string) < (words[b] as string),
      )
      const rankOf = new Int32Array(words.length)
      for (const [rank, word] of wordOrder.entries()) rankOf[word] = rank
      const inOrder = Array.from(wordOrder, (word) => words[word] as string)
      yield
      const branches = yield* branchesOf(inOrder)
      const firstWord = keys.size
      const firstBranch = firstWord + words.length
      const listCount = firstBranch + branches.from.length
      const { parentOfBranch, branchOfWord } = branches

      /** Hands each list of an entry to `file`, once, with the lowest slot. `seen` has a place for each list. */
      function eachList(
        entry: number,
        mark: number,
        seen: Int32Array,
        file: (list: number, slot: number) => void,
      ): void {
        const end = heldEnds[entry] as number
        for (let i = entry === 0 ? 0 : (heldEnds[entry - 1] as number); i < end; i++) {
          const item = held[i] as number
          const slot = (item < 0 ? ~item : item) % slotCount
          const number = ((item < 0 ? ~item : item) - slot) / slotCount
          const list = item < 0 ? number : firstWord + (rankOf[number] as number)
          if (seen[list] === mark) continue
          seen[list] = mark
          file(list, slot)
          if (item < 0) continue
          // A branch is within all those above it, so where one was seen, they were, too.
          let branch = branchOfWord[rankOf[number] as number] as number
          while (branch >= 0 && seen[firstBranch + branch] !== mark) {
            seen[firstBranch + branch] = mark
            file(firstBranch + branch, slot)
            branch = parentOfBranch[branch] as number
          }
        }
      }

      const lists = yield* fileLists(listCount * slotCount, function* (file) {
        const seen = new Int32Array(listCount).fill(-1)
        for (const [number, entry] of order.entries()) {
          eachList(entry, number, seen, (list, slot) => file(list * slotCount + slot, number))
          if (number % 250 === 0) yield
        }
      })
      const pool = yield* texts.finish(order)
      return {
        active: notEmpty(pool, active),
        texts: pool,
        keys: keys.finish(),
        vocabulary: yield* vocabularyOf(inOrder),
        lists,
        branches: {
          from: sharedCopy(branches.from, branches.from.length),
          to: sharedCopy(branches.to, branches.to.length),
        },
        parts: yield* partsOf(inOrder),
      }
    },
  }
}

/** How many of the first `end` texts say something. */
function notEmpty({ ends }: PoolData, end: number): number {
  let count = 0
  for (let n = 0; n < end; n++) if (ends[n] !== (n === 0 ? 0 : ends[n - 1])) count++
  return count
}

/**
 * Files numbers in lists, ascending: `run` hands them all over, twice, the same both times: lists are counted first.
 */
function* fileLists(
  count: number,
  run: (file: (list: number, number: number) => void) => Steps<void>,
): Steps<ListsData> {
  const ends = sharedInts(count)
  yield* run((list) => {
    ends[list] = (ends[list] as number) + 1
  })
  let total = 0
  for (let list = 0; list < count; list++) {
    const size = ends[list] as number
    ends[list] = total
    total += size
  }
  const filed = sharedInts(total)
  yield* run((list, number) => {
    const end = ends[list] as number
    filed[end] = number
    ends[list] = end + 1
  })
  return { filed, ends }
}

interface Branches {
  from: Int32Array
  to: Int32Array
  parentOfBranch: Int32Array
  /** The innermost branch of each word, or -1. */
  branchOfWord: Int32Array
}

/** Every range of more than `manyWords` words that begin alike, once. Those within another come after it. */
function* branchesOf(words: readonly string[]): Steps<Branches> {
  const from: number[] = []
  const to: number[] = []
  const parents: number[] = []
  const branchOfWord = new Int32Array(words.length).fill(-1)

  /** The words from `start` to `end` are alike up to `depth`. */
  function* split(start: number, end: number, depth: number, parent: number): Steps<void> {
    const first = words[start] as string
    const last = words[end - 1] as string
    let alike = depth
    while (alike < first.length && first[alike] === last[alike]) alike++
    let branch = parent
    if (alike > 0) {
      branch = from.push(start) - 1
      to.push(end)
      parents.push(parent)
      branchOfWord.fill(branch, start, end)
      if (branch % 100 === 0) yield
    }
    for (let at = start; at < end; ) {
      const unit = (words[at] as string)[alike]
      let next = at + 1
      while (next < end && (words[next] as string)[alike] === unit) next++
      if (next - at > manyWords && unit !== undefined) yield* split(at, next, alike + 1, branch)
      at = next
    }
  }

  if (words.length > 0) yield* split(0, words.length, 0, -1)
  return {
    from: Int32Array.from(from),
    to: Int32Array.from(to),
    parentOfBranch: Int32Array.from(parents),
    branchOfWord,
  }
}

/** Three-letter parts of words, from the second letter on. Part numbers are left out: their fragments are keys. */
function* partsOf(words: readonly string[]): Steps<IndexData['parts']> {
  const keys = createNumbering()
  const numbers: Int32Array[] = []
  for (const [n, word] of words.entries()) {
    const own = new Set<number>()
    if (!hasDigit.test(word) && word[0] !== contactMark)
      for (let i = 1; i + 3 <= word.length; i++) own.add(keys.numberOf(word.slice(i, i + 3)))
    numbers.push(Int32Array.from(own))
    if (n % 250 === 0) yield
  }
  const lists = yield* fileLists(keys.size, function* (file) {
    for (const [n, own] of numbers.entries()) {
      for (const key of own) file(key, n)
      if (n % 1000 === 0) yield
    }
  })
  return { keys: keys.finish(), lists }
}
