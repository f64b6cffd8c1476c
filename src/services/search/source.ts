// What the passes search in: an index that was built (segment.ts) or what changed since (recent.ts). Both answer the
// same questions with runs of record numbers.

/** Record numbers `numbers[from]` up to, but without, `numbers[to]`, ascending. Never change them. */
export interface Run {
  readonly numbers: ArrayLike<number>
  readonly from: number
  readonly to: number
}

/** Runs by the slot in which they were filed; see `place` and `whole` in document.ts. */
export type Slots = readonly [first: readonly Run[], later: readonly Run[]]

/** Where to find the records with a word that begins so. Runs may repeat a record. */
export interface Starts {
  slots: Slots
  /** False when the runs hold others too, so that each text must be looked at. */
  exact: boolean
}

/** The words that one wrong keystroke may have stood for. */
export interface Neighbours {
  /** Records with a word that the typed one is, but for one keystroke. */
  whole: Slots
  /** Records with a word that the typed one begins, but for one keystroke. */
  begun: Slots
  /** The same where that is the last one typed: all words that begin like the ones before. */
  loose: Slots
}

export interface Source {
  /** True when lower numbers matter more. */
  readonly inOrder: boolean
  /** What is filed under a key that is no word; see document.ts. */
  lists(key: string): Slots
  /** The records with exactly this word. */
  whole(word: string): Slots
  starting(word: string): Starts
  /** For the rarest of a fragment's three-letter parts: the runs of the part numbers that hold it. */
  fragments(code: string): (readonly Run[])[]
  /** The records with a name with a word that holds `fragment` inside: of `most` words at most. */
  containing(fragment: string, most: number): readonly Run[]
  neighbours(word: string): Neighbours
  /** The text of a record, as document.ts makes it; '' when it is not in this index. */
  text(number: number): string
}

/** Nothing. */
export const noSlots: Slots = [[], []]

export const sizeOf = (runs: readonly Run[]): number => {
  let size = 0
  for (const { from, to } of runs) size += to - from
  return size
}

/** All in one. */
export function together(all: readonly Slots[]): Slots {
  if (all.length === 1) return all[0] as Slots
  const together: [Run[], Run[]] = [[], []]
  for (const [first, later] of all) {
    together[0].push(...first)
    together[1].push(...later)
  }
  return together
}

export const neighboursOf = (found: Record<keyof Neighbours, readonly Slots[]>): Neighbours => ({
  whole: together(found.whole),
  begun: together(found.begun),
  loose: together(found.loose),
})

/** The shortest of the runs of the three-letter parts of `text`, shortest first. */
export function rarestParts(text: string, runsOf: (part: string) => readonly Run[]): (readonly Run[])[] {
  const parts: (readonly Run[])[] = []
  for (let i = 0; i + 3 <= text.length; i++) {
    const runs = runsOf(text.slice(i, i + 3))
    if (runs.length === 0) return [runs]
    parts.push(runs)
  }
  return parts.sort((a, b) => sizeOf(a) - sizeOf(b)).slice(0, enoughParts)
}

/** The text decides in the end; more lists to ask would cost more than they spare. */
const enoughParts = 3
