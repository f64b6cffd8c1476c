// How the judge of relevance compares spellings. Its own, not search's: a fault in how search reads text must show.

const ligatures: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ı: 'i',
}
const umlauts: Readonly<Record<string, string>> = { ä: 'ae', ö: 'oe', ü: 'ue', ø: 'oe', å: 'aa' }

/** Lower case without accents: Müller → muller. */
export const fold = (text: string) =>
  text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[ßæœøłđı]/g, (c) => ligatures[c] ?? c)

/** The same as people write it whose keys have no umlauts: Müller → mueller. */
export const writtenOut = (text: string) =>
  fold(
    text
      .normalize('NFC')
      .toLowerCase()
      .replace(/[äöüøå]/g, (c) => umlauts[c] ?? c),
  )

/** The words. An apostrophe is not there, other punctuation is a space: O'Brien-Smith → obrien, smith. */
export const wordsOf = (text: string) =>
  fold(text)
    .replace(/['’]/g, '')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')

export const plain = (text: string) => wordsOf(text).join(' ')

/** The letters and digits alone: FR-M94S 38 → frm94s38. */
export const joined = (text: string) => wordsOf(text).join('')

/** What stands between two spaces is one word: A&B x-y → ab xy. The colon of a path counts as a space. */
export const closedUp = (text: string) =>
  text
    .split(/[\s:]+/)
    .map(joined)
    .filter((word) => word !== '')
    .join(' ')

export const bare = (segment: string) => segment.replace(/^0+(?=.)/, '')

/** Each segment without its leading zeros: 061-00000764 → 61 764. */
export const withoutZeros = (code: string) => wordsOf(code).map(bare).join(' ')

export const withoutAnd = (text: string) => text.replace(/ and /gi, ' & ')
