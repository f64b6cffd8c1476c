/**
 * Items: categories first, then the parts. Some shops keep the part number in Sku, others in Name with Sku empty; both
 * are here, in the many styles that part numbers come in. Every Name and Sku is unique: each carries its own number.
 */
import { bitsFor, pick } from '../random.ts'
import type { CompanyOptions, Dice, Source } from './seeds.ts'
import { cents, createDice, times } from './seeds.ts'
import * as words from './words.ts'

type Style = (n: number) => string

/** Bits of the unique number, so that part numbers of a small shop have four digits too. */
const FOUR_DIGITS = 13

const FASTENER_SIZES = ['M3', 'M4', 'M5', 'M6', 'M8', 'M10', 'M12', 'M16', '1/4-20', '#10-32'] as const

function fastener(n: number): string {
  const size = pick(FASTENER_SIZES, n)
  const length = 6 + (Math.floor(n / 10) % 95)
  const round = Math.floor(n / 950)
  return `${size}x${length}${round === 0 ? '' : `-${round}`}`
}

const STYLES: readonly Style[] = [
  (n) => `BRK-${n}-${'ABCD'[n % 4]}`,
  (n) => `061-${String(n).padStart(8, '0')}`,
  fastener,
  (n) => `10.${String(n).padStart(4, '0')}.0${n % 10}`,
  (n) => `SS-304/${n}.5`,
  (n) => `HX ${n}`,
  (n) => `PN#${n}`,
  (n) => `1000-${String(n).padStart(4, '0')}-30`,
  (n) => `${n}K${n % 10}Z_R2`,
  (n) => `gx${n}l`,
]

/** Adjective, noun and a size that together spell the number `n`, so that no two are alike. */
function descriptiveName(n: number): string {
  const noun = pick(words.PART_NOUNS, n)
  const adjective = pick(words.PART_ADJECTIVES, Math.floor(n / words.PART_NOUNS.length))
  const rest = Math.floor(n / (words.PART_NOUNS.length * words.PART_ADJECTIVES.length))
  return `${adjective} ${noun} ${10 + (rest % 60) * 5}x${8 + Math.floor(rest / 60) * 4}`
}

/** One category per forty items, at most 60; every third one lies below an earlier one. */
function categoryCount(items: number): number {
  return Math.min(60, Math.floor(items / 40))
}

function categoryName(index: number): string {
  const round = Math.floor(index / words.CATEGORIES.length)
  const name = pick(words.CATEGORIES, index)
  return round === 0 ? name : `${name} ${round + 1}`
}

function typeOf(dice: Dice, index: number): string {
  const bits = dice.bits(index, 20) % 20
  if (bits < 10) return 'Inventory'
  return bits < 18 ? 'NonInventory' : 'Service'
}

function stock(
  dice: Dice,
  index: number,
): { [key: string]: string | number | boolean | { value: string; name: string } } {
  return {
    AssetAccountRef: { value: '81', name: 'Inventory Asset' },
    TrackQtyOnHand: true,
    QtyOnHand: dice.bits(index, 21) % 500,
    InvStartDate: '2021-01-04',
    ...(dice.bits(index, 22) % 3 === 0 && { ReorderPoint: 5 + (dice.bits(index, 22) % 40) }),
  }
}

interface Naming {
  readonly name: string
  readonly sku: string | undefined
  readonly title: string
}

/** Half the parts have their number as Name; most of the others have it in Sku, and some have none. */
function naming(dice: Dice, index: number, type: string): Naming {
  const n = dice.unique(index)
  const number = pick(STYLES, dice.bits(index, 23))(n)
  const title = descriptiveName(n)
  if (type === 'Service') return { name: `${pick(words.SERVICES, n)} ${n}`, sku: undefined, title }
  const style = dice.bits(index, 24) % 10
  if (style < 5) return { name: number, sku: undefined, title }
  return { name: title, sku: style < 9 ? number : undefined, title }
}

export function items(options: CompanyOptions, firstId: number): Source {
  const dice = createDice(options.seed, 2, Math.max(FOUR_DIGITS, bitsFor(options.items)))
  const categories = categoryCount(options.items)
  const parent = (index: number): number | undefined => {
    if (index < categories) return index % 3 === 2 ? index - 2 : undefined
    return categories > 0 && dice.bits(index, 25) % 10 < 6 ? dice.bits(index, 26) % categories : undefined
  }
  return {
    ...times(dice, options.asOf),
    count: options.items,
    firstId,
    parent,
    name: (index) =>
      index < categories ? categoryName(index) : naming(dice, index, typeOf(dice, index)).name,
    active: (index) => index < categories || dice.chance(index, 27) >= options.inactiveShare,
    fields(index) {
      if (index < categories) return { Type: 'Category' }
      const type = typeOf(dice, index)
      const { sku, title } = naming(dice, index, type)
      const cost = cents(0.05 + dice.chance(index, 28) ** 3 * 900)
      const text = `${title}, ${pick(words.MATERIALS, dice.bits(index, 29))}, ${pick(words.FINISHES, dice.bits(index, 30))}`
      const described = dice.bits(index, 31) % 10 < 9
      return {
        Sku: sku,
        Description: described
          ? `${text}. Drawing ${100_000 + dice.unique(index)} rev ${'ABCDE'[index % 5]}.`
          : undefined,
        Taxable: dice.bits(index, 32) % 2 === 0,
        SalesTaxIncluded: false,
        UnitPrice: dice.bits(index, 33) % 10 < 9 ? cents(cost * 1.6) : 0,
        Type: type,
        IncomeAccountRef: { value: '79', name: 'Sales of Product Income' },
        PurchaseDesc: described ? text : undefined,
        PurchaseTaxIncluded: false,
        PurchaseCost: cost,
        ExpenseAccountRef: { value: '80', name: 'Cost of Goods Sold' },
        PrefVendorRef:
          options.vendors > 0 && dice.bits(index, 34) % 4 === 0
            ? { value: String(options.customers + 1 + (dice.bits(index, 34) % options.vendors)) }
            : undefined,
        ...(type === 'Inventory' ? stock(dice, index) : { TrackQtyOnHand: false }),
      }
    },
  }
}
