// What a soak writes down while it runs: what went wrong, what was counted, and what was under way when.

/** Errors and other happenings by their kind. */
export interface Tally {
  add(kind: string, count?: number): void
  total(): number
  /** `12 of this, 3 of that`, the most frequent first. */
  toString(): string
}

export function createTally(): Tally {
  const counts = new Map<string, number>()
  return {
    add(kind, count = 1) {
      counts.set(kind, (counts.get(kind) ?? 0) + count)
    },
    total: () => [...counts.values()].reduce((sum, count) => sum + count, 0),
    toString() {
      const sorted = [...counts].sort(([, a], [, b]) => b - a)
      return sorted.length === 0 ? 'none' : sorted.map(([kind, count]) => `${count} ${kind}`).join(', ')
    },
  }
}

/** What is under way beside the searches, so that a slow moment can be laid to it. */
export interface Diary {
  /** From now until the result is called. */
  begin(what: string): () => void
  during<T>(what: string, work: Promise<T>): Promise<T>
  /** What was under way between two times of `performance.now()`. */
  between(from: number, to: number): string[]
}

export function createDiary(): Diary {
  const entries: { what: string; from: number; to: number }[] = []
  const begin = (what: string) => {
    const entry = { what, from: performance.now(), to: Number.POSITIVE_INFINITY }
    entries.push(entry)
    return () => {
      entry.to = performance.now()
    }
  }
  return {
    begin,
    during(what, work) {
      const end = begin(what)
      return work.finally(end)
    },
    between: (from, to) => [
      ...new Set(entries.filter((one) => one.from <= to && one.to >= from).map(({ what }) => what)),
    ],
  }
}

/** A value at a time, in seconds. */
export interface Sample {
  at: number
  value: number
}

/** The slope of the line through the samples (least squares), a second; and how far it may be off (one standard error). */
export function slopeOf(samples: readonly Sample[]): { slope: number; error: number } {
  const mean = (of: (sample: Sample) => number) =>
    samples.reduce((sum, one) => sum + of(one), 0) / samples.length
  const [at, value] = [mean((one) => one.at), mean((one) => one.value)]
  const spread = mean((one) => (one.at - at) ** 2)
  const slope = mean((one) => (one.at - at) * (one.value - value)) / spread
  const rest = mean((one) => (one.value - value - slope * (one.at - at)) ** 2)
  return { slope, error: Math.sqrt(rest / spread / Math.max(1, samples.length - 2)) }
}

/** The least of each span of so much time: what is there between the peaks. */
export function floorOf(samples: readonly Sample[], span: number): Sample[] {
  const spans = Map.groupBy(samples, ({ at }) => Math.floor(at / span))
  return [...spans.values()].map((some) =>
    some.reduce((least, one) => (one.value < least.value ? one : least)),
  )
}
