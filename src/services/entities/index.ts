// The entities that this service caches and searches. Everything else asks this list; nothing else names an entity.
import { customers } from './customers.ts'
import { items } from './items.ts'
import { vendors } from './vendors.ts'

/** In the order in which they are synchronised. */
export const entities = [customers, vendors, items] as const

export type { CachedRow, Entity, IndexFeed, NamedFeed, ParsedRecord, Raw, SearchFields } from './entity.ts'
export { BadRecord, feedsByName, idOf } from './entity.ts'
