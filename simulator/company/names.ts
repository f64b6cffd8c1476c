/**
 * Names of companies and people made from a number, different numbers giving different names. Trade words keep the names
 * of customers and vendors apart as well.
 */
import { pick } from '../random.ts'
import * as words from './words.ts'

/** Peels one choice off a number: the choice, and what is left for the next. */
function peel<T>(list: readonly T[], number: number): [T, number] {
  return [pick(list, number), Math.floor(number / list.length)]
}

/** When all combinations are taken, the name goes on with a number, as in shops where a name is taken. */
function numbered(name: string, round: number): string {
  return round === 0 ? name : `${name} ${round + 1}`
}

const BRANCHES = ['', ...words.PLACES.map(([city]) => ` of ${city}`)]

/** At most 13,000 different ones before they go on with a number. */
export function companyName(unique: number, trades: readonly string[]): string {
  const [stem, afterStem] = peel(words.STEMS, unique)
  const [trade, afterTrade] = peel(trades, afterStem)
  const [branch, round] = peel(BRANCHES, afterTrade)
  return `${numbered(`${stem} ${trade}${branch}`, round)} ${pick(words.COMPANY_FORMS, afterStem)}`
}

export interface PersonName {
  readonly given: string
  readonly middle: string
  readonly family: string
  readonly full: string
}

const INITIALS = [
  '',
  'A.',
  'B.',
  'C.',
  'D.',
  'E.',
  'G.',
  'J.',
  'K.',
  'L.',
  'M.',
  'P.',
  'R.',
  'S.',
  'T.',
  'W.',
] as const

export function personName(unique: number): PersonName {
  const [given, afterGiven] = peel(words.GIVEN_NAMES, unique)
  const [family, afterFamily] = peel(words.FAMILY_NAMES, afterGiven)
  const [middle, round] = peel(INITIALS, afterFamily)
  const full = [given, middle, family].filter((part) => part !== '').join(' ')
  return { given, middle, family, full: numbered(full, round) }
}
