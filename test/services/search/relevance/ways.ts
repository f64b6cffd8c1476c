// All the ways in which people type, where they do, and how often they must find what they look for.
import type { IndexName } from './company.ts'
import type { Type } from './typed.ts'
import * as codes from './typed-codes.ts'
import * as slips from './typed-slips.ts'
import * as variants from './typed-variants.ts'
import * as words from './typed-words.ts'

export interface Way {
  name: string
  indexes: readonly IndexName[]
  type: Type
  /** The success@15 that it must reach. */
  least: number
  /** Something in it is wrong: it counts only where no record fits what was typed. */
  mistyped: boolean
}

const contacts: readonly IndexName[] = ['client_names', 'vendor_names']
const names: readonly IndexName[] = [...contacts, 'product_names']
const texts: readonly IndexName[] = [...names, 'product_descriptions']
const parts: readonly IndexName[] = ['product_names']

function right(name: string, indexes: readonly IndexName[], type: Type): Way {
  return { name, indexes, type, least: 0.98, mistyped: false }
}

function wrong(name: string, indexes: readonly IndexName[], type: Type, least: number): Way {
  return { name, indexes, type, least, mistyped: true }
}

export const ways: readonly Way[] = [
  right('the first two letters', texts, words.beginning(2)),
  right('the first three letters', texts, words.beginning(3)),
  right('the first four letters', texts, words.beginning(4)),
  right('the first five letters', texts, words.beginning(5)),
  right('the beginning of a later word', texts, words.laterWord),
  right('the beginnings of two words', texts, words.wordsInOrder),
  right('the beginnings of two words, the later one first', texts, words.wordsOutOfOrder),
  right('the middle of a word', texts, words.middleOfWord),
  right('the full name', names, words.fullName),
  right('the person or the company behind it', contacts, words.otherName),
  right('upper case, or mixed', names, words.otherCase),
  right('more spaces than needed', names, words.extraSpaces),

  right('the beginning of a part number', parts, codes.beginningOfCode),
  right('a part number without separators', parts, codes.withoutSeparators),
  right('a part number with other separators', parts, codes.otherSeparators),
  right('the outer segments of a part number, without leading zeros', parts, codes.outerSegments),
  right('a fragment from inside a part number', parts, codes.fragmentOfCode),

  right('no accents', names, variants.withoutAccents),
  right('umlauts written out', names, variants.umlautsWritten),
  right('a space missing', names, variants.spaceMissing),
  right('a space too many', names, variants.spaceAdded),
  right('another apostrophe, a space for it, or none', names, variants.apostrophe),
  right('other punctuation or none', texts, variants.otherPunctuation),
  right('initials without punctuation', names, variants.initials),
  right('& or "and" or neither', names, variants.ampersand),
  right('another company suffix or none', contacts, variants.companySuffix),
  right('a piece of an e-mail address', contacts, variants.pieceOfEmail),
  right('a piece of a phone number', contacts, variants.pieceOfPhone),

  wrong('a wrong key in a word', names, slips.slipInWord, 0.97),
  wrong('a wrong key in one of two words', names, slips.slipInTwoWords, 0.97),
  wrong('a wrong key in the beginning of a word', names, slips.slipInBeginning, 0.95),
  wrong('a wrong key in a part number', parts, slips.slipInCode, 0.95),
]
