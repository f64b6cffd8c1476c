/**
 * What every generator shares: the company's size, the bits of one record, and times that look lived-in. A record is a
 * pure function of (seed, index), so that a million of them need no memory until someone reads one.
 */
import type { Fields } from '../json.ts'
import { chance, mix, permute } from '../random.ts'

export interface CompanyOptions {
  readonly realmId: string
  readonly companyName: string
  readonly seed: number
  readonly customers: number
  readonly vendors: number
  readonly items: number
  readonly invoices: number
  readonly estimates: number
  readonly purchaseOrders: number
  readonly bills: number
  /** Part of the name-list records that are inactive, 0 to 1. */
  readonly inactiveShare: number
  /** Epoch ms that all generated records are older than; by default the start of the day (UTC). */
  readonly asOf: number
}

export function companyDefaults(now: number): CompanyOptions {
  return {
    realmId: '9341453000000001',
    companyName: 'Kestrel Machine & Assembly',
    seed: 1,
    customers: 200,
    vendors: 60,
    items: 400,
    invoices: 40,
    estimates: 10,
    purchaseOrders: 20,
    bills: 15,
    inactiveShare: 0.06,
    asOf: Math.floor(now / DAY_MS) * DAY_MS,
  }
}

export const DAY_MS = 86_400_000

/** Builds records of one entity on demand; `index` counts from 0. */
export interface Source {
  readonly count: number
  readonly firstId: number
  /** Everything but the name property. */
  fields(index: number): Fields
  /** Value of the name property, without the suffix; apart, so that sorting by name need not build records. */
  name(index: number): string | undefined
  active(index: number): boolean
  createdAt(index: number): number
  updatedAt(index: number): number
  /** Index of the parent, if it has one. Always lower than `index`. */
  parent(index: number): number | undefined
}

/** The dice of one entity: `salt` keeps entities apart, `roll` keeps the fields of a record apart. */
export interface Dice {
  bits(index: number, roll: number): number
  chance(index: number, roll: number): number
  unique(index: number): number
}

/** `bits` is the size of the unique numbers; it must hold every index of the entity. */
export function createDice(seed: number, salt: number, bits: number): Dice {
  const own = mix(seed, salt, 77)
  return {
    bits: (index, roll) => mix(own, index, roll),
    chance: (index, roll) => chance(own, index, roll),
    unique: (index) => permute(index, bits, own % 65_536),
  }
}

/** Created over the five years before `asOf`; one in fifty changed in the last 30 days, as change data capture sees. */
export function times(dice: Dice, asOf: number): Pick<Source, 'createdAt' | 'updatedAt'> {
  const seconds = (ms: number) => Math.floor(ms / 1000) * 1000
  const createdAt = (index: number) => seconds(asOf - (100 + dice.chance(index, 1) * 1700) * DAY_MS)
  return {
    createdAt,
    updatedAt(index) {
      if (dice.bits(index, 2) % 50 === 0) return seconds(asOf - (1 + dice.chance(index, 3) * 28) * DAY_MS)
      const created = createdAt(index)
      return seconds(created + dice.chance(index, 3) * (asOf - 40 * DAY_MS - created))
    },
  }
}

export function cents(value: number): number {
  return Math.round(value * 100) / 100
}
