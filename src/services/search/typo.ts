// One wrong keystroke: an insertion, a deletion, a substitution or two letters swapped (Damerau 1964).

/**
 * How a word answers to a typed one: it is the word; it begins so; or it begins so but for the last letter typed, or with
 * a letter less, which says little.
 */
export type Edit = 'whole' | 'begun' | 'loose'

/** The answer when one keystroke went wrong; null when more did, and when none did. */
export function oneEditFrom(typed: string, word: string): Edit | null {
  let same = 0
  while (same < typed.length && typed[same] === word[same]) same++
  if (same === typed.length) return null
  // The first difference is the wrong key, or lies behind it where letters repeat; then one of these fits all the same.
  const swapped = typed[same] === word[same + 1] && typed[same + 1] === word[same]
  const ends = [
    restEnd(typed, same + 1, word, same),
    restEnd(typed, same + 1, word, same + 1),
    restEnd(typed, same, word, same + 1),
    swapped ? restEnd(typed, same + 2, word, same + 2) : -1,
  ]
  if (ends.includes(word.length)) return 'whole'
  if (ends.every((end) => end < 0)) return null
  // A letter too many leaves a shorter beginning, which says as little.
  const longest = Math.max(...ends) - typed.length
  return same === typed.length - 1 || longest < 0 ? 'loose' : 'begun'
}

/** Where in the word the rest of what was typed ends when it stands at `at`; else -1. */
function restEnd(typed: string, from: number, word: string, at: number): number {
  if (from > typed.length || at > word.length) return -1
  let i = from
  let end = at
  while (i < typed.length && end < word.length && typed.charCodeAt(i) === word.charCodeAt(end)) {
    i++
    end++
  }
  return i === typed.length ? end : -1
}
