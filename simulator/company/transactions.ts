/**
 * Sales and purchase documents with lines, a document number and the "P.O. Number" custom field that shops search by.
 * They refer to generated customers, vendors and items by Id; a later edit of those is not copied into old documents.
 */
import { pacificDate } from '../clock.ts'
import type { Fields } from '../json.ts'
import { bitsFor } from '../random.ts'
import type { CompanyOptions, Dice, Source } from './seeds.ts'
import { cents, createDice, DAY_MS, times } from './seeds.ts'

/** Names of what documents refer to. */
export interface References {
  readonly customers: Source
  readonly vendors: Source
  readonly items: Source
}

function refTo(source: Source, index: number): Fields | undefined {
  if (source.count === 0) return undefined
  const at = index % source.count
  return { value: String(source.firstId + at), name: source.name(at) }
}

interface Lines {
  readonly lines: Fields[]
  readonly total: number
}

/** One to five item lines; `detail` is the detail type of the document. */
function itemLines(dice: Dice, index: number, items: Source, detail: string): Lines {
  const count = 1 + (dice.bits(index, 60) % 5)
  const lines = Array.from({ length: count }, (_, line): Fields => {
    const roll = 61 + line * 4
    // The upper half of the items are never categories.
    const at =
      Math.floor(items.count / 2) + (dice.bits(index, roll) % Math.max(1, Math.ceil(items.count / 2)))
    const unitPrice = cents(1 + dice.chance(index, roll + 1) * 200)
    const quantity = 1 + (dice.bits(index, roll + 2) % 40)
    return {
      Id: String(line + 1),
      LineNum: line + 1,
      Description: `Line ${line + 1}, drawing ${100_000 + (dice.bits(index, roll) % 90_000)}`,
      Amount: cents(unitPrice * quantity),
      DetailType: detail,
      [detail]: {
        ItemRef: refTo(items, at),
        UnitPrice: unitPrice,
        Qty: quantity,
        TaxCodeRef: { value: 'NON' },
      },
      CustomExtensions: [],
    }
  })
  return { lines, total: cents(lines.reduce((sum, line) => sum + Number(line.Amount), 0)) }
}

/** The customer's own order number, in the ways customers write them; three in ten leave it out. */
function purchaseOrderField(dice: Dice, index: number): Fields[] {
  const n = dice.unique(index)
  const bits = dice.bits(index, 90)
  if (bits % 10 < 3) return [{ DefinitionId: '1', Name: 'P.O. Number', Type: 'StringType' }]
  const styles = [`PO-${n}`, `45000${n}`, `${n}/A`, `PO ${n} rev 2`, `Verbal - ${n}`]
  return [
    { DefinitionId: '1', Name: 'P.O. Number', Type: 'StringType', StringValue: styles[bits % styles.length] },
  ]
}

interface Document {
  readonly count: number
  readonly salt: number
  readonly firstId: number
  docNumber(index: number): string | undefined
  build(dice: Dice, index: number, date: number): Fields
}

function source(options: CompanyOptions, document: Document): Source {
  const dice = createDice(options.seed, document.salt, Math.max(13, bitsFor(document.count)))
  const when = times(dice, options.asOf)
  return {
    ...when,
    count: document.count,
    firstId: document.firstId,
    parent: () => undefined,
    active: () => true,
    name: document.docNumber,
    fields: (index) => ({
      TxnDate: pacificDate(when.createdAt(index)),
      CurrencyRef: { value: 'USD', name: 'United States Dollar' },
      LinkedTxn: [],
      ...document.build(dice, index, when.createdAt(index)),
    }),
  }
}

export function invoices(options: CompanyOptions, firstId: number, refs: References): Source {
  return source(options, {
    count: options.invoices,
    salt: 11,
    firstId,
    docNumber: (index) => String(1001 + index),
    build(dice, index, date) {
      const { lines, total } = itemLines(dice, index, refs.items, 'SalesItemLineDetail')
      const tax = dice.bits(index, 91) % 3 === 0 ? cents(total * 0.08) : 0
      return {
        DueDate: pacificDate(date + 30 * DAY_MS),
        CustomField: purchaseOrderField(dice, index),
        CustomerRef: refTo(refs.customers, dice.bits(index, 92)),
        Line: [...lines, { Amount: total, DetailType: 'SubTotalLineDetail', SubTotalLineDetail: {} }],
        TxnTaxDetail: { TotalTax: tax },
        EmailStatus: 'NotSet',
        PrintStatus: 'NeedToPrint',
        TotalAmt: cents(total + tax),
        Balance: dice.bits(index, 93) % 2 === 0 ? 0 : cents(total + tax),
      }
    },
  })
}

export function estimates(options: CompanyOptions, firstId: number, refs: References): Source {
  return source(options, {
    count: options.estimates,
    salt: 12,
    firstId,
    docNumber: (index) => `E-${501 + index}`,
    build(dice, index) {
      const { lines, total } = itemLines(dice, index, refs.items, 'SalesItemLineDetail')
      return {
        TxnStatus: index % 3 === 0 ? 'Accepted' : 'Pending',
        CustomField: purchaseOrderField(dice, index),
        CustomerRef: refTo(refs.customers, dice.bits(index, 92)),
        Line: [...lines, { Amount: total, DetailType: 'SubTotalLineDetail', SubTotalLineDetail: {} }],
        TxnTaxDetail: { TotalTax: 0 },
        EmailStatus: 'NotSet',
        PrintStatus: 'NeedToPrint',
        TotalAmt: total,
      }
    },
  })
}

export function purchaseOrders(options: CompanyOptions, firstId: number, refs: References): Source {
  return source(options, {
    count: options.purchaseOrders,
    salt: 13,
    firstId,
    docNumber: (index) => `PO-${2001 + index}`,
    build(dice, index) {
      const { lines, total } = itemLines(dice, index, refs.items, 'ItemBasedExpenseLineDetail')
      return {
        POStatus: index % 4 === 0 ? 'Closed' : 'Open',
        EmailStatus: 'NotSet',
        CustomField: [{ DefinitionId: '1', Name: 'Crew #', Type: 'StringType' }],
        VendorRef: refTo(refs.vendors, dice.bits(index, 92)),
        APAccountRef: { value: '33', name: 'Accounts Payable (A/P)' },
        Line: lines,
        TotalAmt: total,
        Memo: index % 5 === 0 ? 'Certificates of conformance required' : undefined,
      }
    },
  })
}

export function bills(options: CompanyOptions, firstId: number, refs: References): Source {
  return source(options, {
    count: options.bills,
    salt: 14,
    firstId,
    docNumber: (index) => (index % 4 === 0 ? undefined : `B${70_000 + index}`),
    build(dice, index, date) {
      const { lines, total } = itemLines(dice, index, refs.items, 'ItemBasedExpenseLineDetail')
      return {
        DueDate: pacificDate(date + 30 * DAY_MS),
        VendorRef: refTo(refs.vendors, dice.bits(index, 92)),
        APAccountRef: { value: '33', name: 'Accounts Payable (A/P)' },
        Line: lines,
        TotalAmt: total,
        Balance: index % 2 === 0 ? 0 : total,
      }
    },
  })
}
