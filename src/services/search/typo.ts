// One wrong keystroke: an insertion, a deletion, a substitution or two letters swapped (Damerau 1964).

/**
 * How a word answers to a typed one: it is the word; it begins so; or it begins so but for the last letter typed, which
 * says little.
 */
export type Edit = 'whole' | 'begun' | 'loose'

/** The answer when one keystroke went wrong; null when more did, and when none did. */
export function oneEditFrom(typed: string, word: string): Edit | null {
  let same = 0
  while (same < typed.length && typed[same] === word[same]) same++
  if (same === typed.length) return null
  const { length } = typed
  // The first difference is the wrong key, or lies behind it where letters repeat; then one of these fits all the same.
  const swapped = typed[same] === word[same + 1] && typed[same + 1] === word[same]
  const ends = [endOf(same + 1, same), endOf(same + 1, same + 1), endOf(same, same + 1)]
  if (same + 1 < length && swapped) ends.push(endOf(same + 2, same + 2))
  if (ends.includes(word.length)) return 'whole'
  if (ends.every((end) => end < 0)) return null
  return same === length - 1 ? 'loose' : 'begun'

  /** Where in the word the rest of what was typed ends; -1 when it does not stand there. */
  function endOf(typedFrom: number, wordFrom: number): number {
    const rest = typed.slice(typedFrom)
    return wordFrom <= word.length && word.startsWith(rest, wordFrom) ? wordFrom + rest.length : -1
  }
}
