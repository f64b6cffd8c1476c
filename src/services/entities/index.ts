// The entities that this service can cache and search. Everything else is given its choice of this list
// (SYNC_ENTITIES); nothing else names an entity.
import { bills } from './bills.ts'
import { customers } from './customers.ts'
import type { EntitySettings } from './entity.ts'
import { estimates } from './estimates.ts'
import { invoices } from './invoices.ts'
import { items } from './items.ts'
import { purchaseOrders } from './purchase-orders.ts'
import { vendors } from './vendors.ts'

/** All there are, in the order in which they are synchronised. */
export const createEntities = (settings: EntitySettings) =>
  [customers, vendors, items, invoices(settings), estimates(settings), purchaseOrders, bills] as const

export const defaultSettings: EntitySettings = {
  clientPoFields: [
    'P.O. Number',
    'PO No.',
    'PO',
    'Purchase Order',
    'Purchase Order Number',
    'Purchase Order No.',
    'Customer PO',
    'Customer PO Number',
    'Customer PO No.',
  ],
}

/** With the default settings. */
export const entities = createEntities(defaultSettings)

export type {
  CachedRow,
  Entity,
  EntitySettings,
  IndexFeed,
  NamedFeed,
  ParsedRecord,
  Raw,
  SearchFields,
} from './entity.ts'
export { BadRecord, feedsByName, idOf, indexesLeftOut } from './entity.ts'
