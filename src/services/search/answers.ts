// Answers that were given a moment ago: people type the same beginnings again and again. An answer holds as long as the
// generation of its index; the oldest make room for new ones.

export interface Answers<Answer> {
  /** The answer under this key, from `make` when there is none of this generation. */
  get(key: string, generation: number, make: () => Answer): Answer
}

/** Keeps at most `most` answers. */
export function createAnswers<Answer>(most: number): Answers<Answer> {
  const kept = new Map<string, { generation: number; answer: Answer }>()
  return {
    get(key, generation, make) {
      const known = kept.get(key)
      if (known?.generation === generation) return known.answer
      const answer = make()
      kept.delete(key)
      if (kept.size >= most) kept.delete(kept.keys().next().value as string)
      kept.set(key, { generation, answer })
      return answer
    },
  }
}
