/**
 * Customers and vendors: companies and people, sub-customers up to five levels deep, the gaps that real records have.
 * Display names are unique over both, because both are made from one number of their shared Id sequence.
 */
import type { Fields } from '../json.ts'
import { compact } from '../json.ts'
import { bitsFor, pick } from '../random.ts'
import { companyName, personName } from './names.ts'
import type { CompanyOptions, Dice, Source } from './seeds.ts'
import { cents, createDice, times } from './seeds.ts'
import * as words from './words.ts'

function address(dice: Dice, index: number, id: number): Fields {
  const [city, state, postal] = pick(words.PLACES, dice.bits(index, 10))
  return compact({
    Id: String(id),
    Line1: `${100 + (dice.bits(index, 11) % 9800)} ${pick(words.STREETS, dice.bits(index, 12))}`,
    Line2: dice.bits(index, 13) % 5 === 0 ? `Suite ${1 + (dice.bits(index, 13) % 400)}` : undefined,
    City: city,
    Country: dice.bits(index, 14) % 4 === 0 ? 'USA' : undefined,
    CountrySubDivisionCode: state,
    PostalCode: `${postal}${String(dice.bits(index, 15) % 100).padStart(2, '0')}`,
    Lat: dice.bits(index, 16) % 6 === 0 ? 'INVALID' : undefined,
    Long: dice.bits(index, 16) % 6 === 0 ? 'INVALID' : undefined,
  })
}

function phone(bits: number): Fields {
  const area = 201 + (bits % 780)
  const line = String(bits % 10_000).padStart(4, '0')
  const forms = [
    `(${area}) 555-${line}`,
    `${area}-555-${line}`,
    `+1 ${area} 555 ${line}`,
    `${area}.555.${line} x${bits % 90}`,
  ]
  return { FreeFormNumber: pick(forms, bits >>> 8) }
}

function domainOf(name: string): string {
  const ascii = name.normalize('NFD').replace(/[^a-zA-Z0-9]+/g, '')
  return `${(ascii || 'kaisha').toLowerCase().slice(0, 24)}.example`
}

/** Companies' contacts are other people than the customers of a small company, so that a full name there means one record. */
const FIRST_CONTACT = 512
const CONTACTS = words.GIVEN_NAMES.length * words.FAMILY_NAMES.length - FIRST_CONTACT

/** What customers and vendors share; a field appears only on the records that have it. */
function contact(dice: Dice, index: number, displayName: string, isCompany: boolean): Fields {
  const person = personName(
    isCompany ? FIRST_CONTACT + (dice.bits(index, 50) % CONTACTS) : dice.unique(index),
  )
  const has = (roll: number, outOfTen: number) => dice.bits(index, roll) % 10 < outOfTen
  const mailbox =
    person.given
      .normalize('NFD')
      .replace(/[^a-zA-Z]/g, '')
      .toLowerCase() || 'office'
  return {
    GivenName: has(20, 8) || !isCompany ? person.given : undefined,
    MiddleName: isCompany ? undefined : person.middle || undefined,
    FamilyName: has(20, 8) || !isCompany ? person.family : undefined,
    CompanyName: isCompany ? displayName : undefined,
    PrintOnCheckName: displayName,
    V4IDPseudonym: `0020${dice.bits(index, 21).toString(16).padStart(8, '0')}${dice.bits(index, 22).toString(16).padStart(8, '0')}`,
    PrimaryPhone: has(23, 8) ? phone(dice.bits(index, 24)) : undefined,
    Mobile: has(25, 2) ? phone(dice.bits(index, 26)) : undefined,
    Fax: has(27, 1) ? phone(dice.bits(index, 28)) : undefined,
    PrimaryEmailAddr: has(29, 8) ? { Address: `${mailbox}@${domainOf(displayName)}` } : undefined,
    WebAddr: isCompany && has(30, 4) ? { URI: `http://www.${domainOf(displayName)}` } : undefined,
    CurrencyRef: { value: 'USD', name: 'United States Dollar' },
  }
}

/** Slots 6–9 of every fifty are a chain of five levels; slots 3 and 4 of every ten are jobs of slot 2. */
function parentOf(index: number): number | undefined {
  const slot = index % 50
  if (slot >= 6 && slot <= 9) return index - 1
  const place = index % 10
  return place === 3 || place === 4 ? index - (place - 2) : undefined
}

function hasChildren(index: number, count: number): boolean {
  return index + 1 < count && parentOf(index + 1) === index
}

function balance(dice: Dice, index: number): number {
  return dice.bits(index, 40) % 10 < 6 ? 0 : cents(dice.chance(index, 41) * 25_000)
}

function balanceWithJobs(dice: Dice, index: number, count: number): number {
  let sum = balance(dice, index)
  for (const child of [index + 1, index + 2]) {
    if (child < count && parentOf(child) === index) sum += balanceWithJobs(dice, child, count)
  }
  return cents(sum)
}

/** Customers and vendors throw the same dice, so that their unique numbers are of one sequence like their Ids. */
function partyDice(options: CompanyOptions): Dice {
  return createDice(options.seed, 1, bitsFor(options.customers + options.vendors))
}

function isCustomerCompany(dice: Dice, index: number): boolean {
  return parentOf(index) !== undefined || dice.bits(index, 43) % 10 < 7
}

function customerExtras(dice: Dice, index: number): Fields {
  const isJob = parentOf(index) !== undefined
  return {
    Taxable: dice.bits(index, 46) % 3 === 0,
    Notes: dice.bits(index, 47) % 12 === 0 ? 'Deliver to dock 4; call before 3 p.m.' : undefined,
    Job: isJob,
    BillWithParent: isJob && dice.bits(index, 48) % 2 === 0,
    PreferredDeliveryMethod: pick(['Print', 'Email', 'None'], dice.bits(index, 49)),
    IsProject: isJob && index % 10 === 4,
    ClientEntityId: '0',
  }
}

export function customers(options: CompanyOptions, firstId: number): Source {
  const count = options.customers
  const dice = partyDice(options)
  const nameOf = (index: number): string => {
    const unique = dice.unique(index)
    if (parentOf(index) !== undefined)
      return `${pick(words.JOB_KINDS, dice.bits(index, 42))} ${1000 + unique}`
    return isCustomerCompany(dice, index)
      ? companyName(unique, words.CUSTOMER_TRADES)
      : personName(unique).full
  }
  return {
    ...times(dice, options.asOf),
    count,
    firstId,
    parent: parentOf,
    name: nameOf,
    active: (index) => hasChildren(index, count) || dice.chance(index, 44) >= options.inactiveShare,
    fields(index) {
      const parent = parentOf(index)
      const withShipping = dice.bits(index, 45) % 10 < 7
      return {
        BillAddr: address(dice, index, firstId + index * 2),
        ShipAddr: withShipping ? address(dice, index, firstId + index * 2 + 1) : undefined,
        Balance: balance(dice, index),
        BalanceWithJobs: balanceWithJobs(dice, index, count),
        ...customerExtras(dice, index),
        ...contact(dice, index, nameOf(index), isCustomerCompany(dice, index)),
        ...(parent !== undefined && { CompanyName: nameOf(parent) }),
      }
    },
  }
}

export function vendors(options: CompanyOptions, firstId: number): Source {
  const dice = partyDice(options)
  const at = (index: number) => options.customers + index
  const base = times(dice, options.asOf)
  const isCompany = (index: number) => dice.bits(at(index), 43) % 10 < 8
  const nameOf = (index: number) => {
    const unique = dice.unique(at(index))
    return isCompany(index) ? companyName(unique, words.VENDOR_TRADES) : personName(unique).full
  }
  return {
    count: options.vendors,
    firstId,
    createdAt: (index) => base.createdAt(at(index)),
    updatedAt: (index) => base.updatedAt(at(index)),
    parent: () => undefined,
    name: nameOf,
    active: (index) => dice.chance(at(index), 44) >= options.inactiveShare,
    fields(index) {
      const unique = dice.unique(at(index))
      return {
        BillAddr: address(dice, at(index), 2 * firstId + index),
        TaxIdentifier: dice.bits(at(index), 51) % 3 === 0 ? `XXXXXX${1000 + (unique % 9000)}` : undefined,
        Balance: balance(dice, at(index)),
        AcctNum: dice.bits(at(index), 52) % 2 === 0 ? String(7_000_000 + unique) : undefined,
        Vendor1099: dice.bits(at(index), 53) % 4 === 0,
        TermRef: dice.bits(at(index), 54) % 2 === 0 ? { value: '3', name: 'Net 30' } : undefined,
        ...contact(dice, at(index), nameOf(index), isCompany(index)),
      }
    },
  }
}
