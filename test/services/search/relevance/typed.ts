// What somebody types who looks for a record.
import type { Random } from './chance.ts'
import type { Entry, Fits } from './entry.ts'
import { wordsOf } from './spelling.ts'

export interface Typed {
  text: string
  /** The records that answer it as well as the one that is looked for. */
  fits: Fits
}

/** One way of typing; null for a record that cannot be typed so. */
export type Type = (entry: Entry, random: Random) => Typed | null

/** Null when there is nothing to type. */
export const typed = (text: string | null, fits: (text: string) => Fits): Typed | null =>
  text === null || text === '' ? null : { text, fits: fits(text) }

export const titleWords = ({ title }: Entry) => (title === null ? [] : wordsOf(title))

/** Words of at least so many letters and nothing else. */
export const lettersOf = (entry: Entry, least: number) =>
  titleWords(entry).filter((word) => word.length >= least && /^[a-z]+$/.test(word))
