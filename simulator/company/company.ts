/**
 * One company file: the records of every entity and the edits that a bookkeeper makes in them. Each edit moves
 * LastUpdatedTime, and SyncToken too unless QuickBooks would leave it. Test code edits here; the API only reads.
 */
import type { Clock } from '../clock.ts'
import type { EntityType } from '../entities.ts'
import { ENTITIES, findEntity } from '../entities.ts'
import type { Fields } from '../json.ts'
import { items } from './items.ts'
import { customers, vendors } from './parties.ts'
import { type CompanyOptions, cents, type Source } from './seeds.ts'
import { createTable, DEEPEST_LEVEL, type QboRecord, type Table } from './table.ts'
import * as transactions from './transactions.ts'

export type Edit =
  | { action: 'create'; entity: string; fields: Fields }
  | { action: 'update'; entity: string; id: string; fields: Fields }
  | { action: 'deactivate' | 'remove'; entity: string; id: string }
  | { action: 'merge'; entity: string; id: string; into: string }
  | { action: 'bumpBalance'; entity: string; id: string; amount: number }

/** One edit, as the company tells it to who listens. */
export interface EditEvent {
  /** QuickBooks' name of the entity. */
  readonly entity: string
  /** Of a merge, the record that stays. */
  readonly id: string
  readonly operation: 'Create' | 'Update' | 'Delete' | 'Merge'
  /** The record that a merge has taken away. */
  readonly deletedId?: string
  /** Epoch ms. */
  readonly at: number
}

/** What change data capture still knows of a record that is gone. */
export interface Tombstone {
  readonly entity: string
  readonly id: string
  readonly at: number
}

export interface Company {
  readonly realmId: string
  readonly options: CompanyOptions
  readonly tombstones: readonly Tombstone[]
  /** Every record, inactive ones too, in Id order. Builds them all: not for a million. */
  list(entity: string): QboRecord[]
  get(entity: string, id: string): QboRecord | undefined
  /** How many records there are, inactive ones too. */
  count(entity: string): number
  create(entity: string, fields: Fields): QboRecord
  update(entity: string, id: string, fields: Fields): QboRecord
  deactivate(entity: string, id: string): QboRecord
  /** Hard delete: the record leaves a Deleted stub in change data capture; what was below it moves to the top. */
  remove(entity: string, id: string): void
  /** The record is gone into another one, which counts as edited and inherits what was below. */
  merge(entity: string, id: string, into: string): QboRecord
  /** A payment or invoice moved the balance: LastUpdatedTime moves, SyncToken stays. */
  bumpBalance(entity: string, id: string, amount: number): QboRecord
  /** Edits in order; the result has the record after each, or undefined where it was removed. */
  bulk(edits: readonly Edit[]): (QboRecord | undefined)[]
  /** Hears of each edit once it is made; not of the records that a rename or a removal touches below it. */
  onEdit(listener: (event: EditEvent) => void): void
  table(type: EntityType): Table
}

/** The caller named an entity or a record that is not there. */
export class UnknownRecord extends Error {
  override readonly name = 'UnknownRecord'
}

function sources(options: CompanyOptions): Map<string, Source> {
  const customer = customers(options, 1)
  const vendor = vendors(options, 1 + options.customers)
  const item = items(options, 1)
  const refs = { customers: customer, vendors: vendor, items: item }
  const firstEstimate = 1 + options.invoices
  const firstOrder = firstEstimate + options.estimates
  const firstBill = firstOrder + options.purchaseOrders
  return new Map([
    ['Customer', customer],
    ['Vendor', vendor],
    ['Item', item],
    ['Invoice', transactions.invoices(options, 1, refs)],
    ['Estimate', transactions.estimates(options, firstEstimate, refs)],
    ['PurchaseOrder', transactions.purchaseOrders(options, firstOrder, refs)],
    ['Bill', transactions.bills(options, firstBill, refs)],
    ['CompanyInfo', companyInfo(options)],
  ])
}

function companyInfo(options: CompanyOptions): Source {
  const address = {
    Id: '1',
    Line1: '2500 Foundry Rd',
    City: 'Dayton',
    CountrySubDivisionCode: 'OH',
    PostalCode: '45402',
  }
  return {
    count: 1,
    firstId: 1,
    parent: () => undefined,
    active: () => true,
    name: () => options.companyName,
    createdAt: () => options.asOf - 2000 * 86_400_000,
    updatedAt: () => options.asOf - 200 * 86_400_000,
    fields: () => ({
      LegalName: options.companyName,
      CompanyAddr: address,
      LegalAddr: address,
      CustomerCommunicationAddr: address,
      Country: 'US',
      Email: { Address: 'office@kestrel-machine.example' },
      WebAddr: {},
      PrimaryPhone: { FreeFormNumber: '(937) 555-0100' },
      CompanyStartDate: '2019-05-01',
      FiscalYearStartMonth: 'January',
      SupportedLanguages: 'en',
      NameValue: [
        { Name: 'NeoEnabled', Value: 'true' },
        { Name: 'IndustryType', Value: 'Machine shops' },
      ],
    }),
  }
}

export function createCompany(options: CompanyOptions, clock: Clock, suffix: () => string): Company {
  const generated = sources(options)
  const tables = new Map(
    ENTITIES.map((type) => [type.name, createTable({ type, source: generated.get(type.name), suffix })]),
  )
  const lastIds = new Map<string, number>()
  for (const type of ENTITIES) {
    const source = generated.get(type.name)
    const last = source ? source.firstId + source.count - 1 : 0
    lastIds.set(type.sequence, Math.max(last, lastIds.get(type.sequence) ?? 0))
  }
  const tombstones: Tombstone[] = []
  const listeners: ((event: EditEvent) => void)[] = []

  function announce(table: Table, id: string, operation: EditEvent['operation'], deletedId?: string): void {
    const event = { entity: table.type.name, id, operation, at: clock.now() }
    for (const listener of listeners) listener(deletedId === undefined ? event : { ...event, deletedId })
  }

  function tableOf(entity: string): Table {
    const type = findEntity(entity)
    const table = type && tables.get(type.name)
    if (!table) throw new UnknownRecord(`There is no entity "${entity}"`)
    return table
  }

  function locate(entity: string, id: string): { table: Table; slot: number } {
    const table = tableOf(entity)
    const slot = table.rows.slotOf(id)
    if (slot === undefined) throw new UnknownRecord(`There is no ${table.type.name} ${id}`)
    return { table, slot }
  }

  function change(entity: string, id: string, fields: Fields, countsAsEdit = true): QboRecord {
    const { table, slot } = locate(entity, id)
    const before = table.record(slot)
    table.rows.change(slot, { fields, at: clock.now(), countsAsEdit })
    const after = table.record(slot)
    if (before.FullyQualifiedName !== after.FullyQualifiedName) touchDescendants(table, slot)
    return after
  }

  function update(entity: string, id: string, fields: Fields, countsAsEdit = true): QboRecord {
    const after = change(entity, id, fields, countsAsEdit)
    announce(tableOf(entity), after.Id, 'Update')
    return after
  }

  /** A renamed parent changes the FullyQualifiedName below it; those records must not stay hidden from a delta. */
  function touchDescendants(table: Table, slot: number, depth = 0): void {
    if (depth > DEEPEST_LEVEL) return
    for (const child of table.childrenOf(slot)) {
      table.rows.change(child, { at: clock.now(), countsAsEdit: false })
      touchDescendants(table, child, depth + 1)
    }
  }

  /** Whether `slot` is below the record `id`. */
  function isBelow(table: Table, slot: number, id: string): boolean {
    let at: number | undefined = slot
    for (let level = 0; at !== undefined && level <= DEEPEST_LEVEL; level += 1) {
      const parentId = table.rows.parentOf(at)
      if (parentId === id) return true
      at = parentId === undefined ? undefined : table.rows.slotOf(parentId)
    }
    return false
  }

  /** What was below the record goes to its heir, or to the top. */
  function remove(entity: string, id: string, heir?: string): void {
    const { table, slot } = locate(entity, id)
    const children = table.type.hasFullName ? table.childrenOf(slot) : []
    table.rows.remove(slot)
    for (const child of children) {
      const ParentRef = heir === undefined ? null : { value: heir }
      table.rows.change(child, { fields: { ParentRef }, at: clock.now(), countsAsEdit: true })
      touchDescendants(table, child)
    }
    tombstones.push({ entity: table.type.name, id, at: Math.floor(clock.now() / 1000) * 1000 })
  }

  const company: Company = {
    realmId: options.realmId,
    options,
    tombstones,
    list(entity) {
      const table = tableOf(entity)
      return Array.from({ length: table.rows.slots }, (_, slot) => slot)
        .filter((slot) => table.rows.isLive(slot))
        .map((slot) => table.record(slot))
    },
    get(entity, id) {
      const table = tableOf(entity)
      const slot = table.rows.slotOf(id)
      return slot === undefined ? undefined : table.record(slot)
    },
    count: (entity) => tableOf(entity).rows.live,
    create(entity, fields) {
      const table = tableOf(entity)
      const id = (lastIds.get(table.type.sequence) ?? 0) + 1
      lastIds.set(table.type.sequence, id)
      const record = table.record(table.rows.insert(id, fields, clock.now()))
      announce(table, record.Id, 'Create')
      return record
    },
    update: (entity, id, fields) => update(entity, id, fields),
    deactivate: (entity, id) => update(entity, id, { Active: false }),
    remove(entity, id) {
      remove(entity, id)
      announce(tableOf(entity), id, 'Delete')
    },
    merge(entity, id, into) {
      const { table, slot } = locate(entity, into)
      if (id === into) throw new UnknownRecord(`There is no other ${table.type.name} to merge ${id} into`)
      remove(entity, id, isBelow(table, slot, id) ? undefined : into)
      const record = change(entity, into, {})
      announce(table, record.Id, 'Merge', id)
      return record
    },
    bumpBalance(entity, id, amount) {
      const { table, slot } = locate(entity, id)
      const { Balance, BalanceWithJobs } = table.record(slot)
      const moved: Fields = { Balance: cents(Number(Balance ?? 0) + amount) }
      if (BalanceWithJobs !== undefined) moved.BalanceWithJobs = cents(Number(BalanceWithJobs) + amount)
      return update(entity, id, moved, false)
    },
    bulk: (edits) => edits.map((edit) => applyEdit(company, edit)),
    onEdit(listener) {
      listeners.push(listener)
    },
    table: (type) => tableOf(type.name),
  }
  return company
}

export function applyEdit(company: Company, edit: Edit): QboRecord | undefined {
  switch (edit.action) {
    case 'create':
      return company.create(edit.entity, edit.fields)
    case 'update':
      return company.update(edit.entity, edit.id, edit.fields)
    case 'deactivate':
      return company.deactivate(edit.entity, edit.id)
    case 'remove':
      company.remove(edit.entity, edit.id)
      return undefined
    case 'merge':
      return company.merge(edit.entity, edit.id, edit.into)
    case 'bumpBalance':
      return company.bumpBalance(edit.entity, edit.id, edit.amount)
  }
}
