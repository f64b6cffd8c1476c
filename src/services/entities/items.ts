// Items: products, services, bundles and parts. In many shops the Name is the part number and Sku is empty, so both
// go in as codes. Rows of Type 'Category' are cached like the rest but are in no index: a category is a folder that
// cannot be bought or sold, so it is no answer to "which part"; its name still finds its items (FullyQualifiedName).
import { type Static, Type } from '@sinclair/typebox'
import { type Entity, idOf, parseRecord, type Raw, type SearchFields } from './entity.ts'
import { displayName, nullableNumber, nullableText, number, present, resultBase, text } from './fields.ts'

/** One item as a search answers it. */
export const ItemResult = Type.Object(
  {
    ...resultBase('item'),
    item_type: nullableText('Inventory, NonInventory, Service, Group or Category'),
    sku: nullableText('Sku'),
    unit_price: nullableNumber('Sales price in the home currency'),
    description: nullableText('Description on sales forms'),
  },
  { $id: 'ItemResult', additionalProperties: false },
)
export type ItemResult = Static<typeof ItemResult>

function result(raw: Raw): ItemResult {
  return {
    id: idOf(raw) ?? '',
    type: 'item',
    name: displayName(raw, 'Name'),
    active: raw.Active !== false,
    item_type: text(raw, 'Type'),
    sku: text(raw, 'Sku'),
    unit_price: number(raw, 'UnitPrice'),
    description: text(raw, 'Description'),
  }
}

/** "Hardware:Bolts" for an item Hardware:Bolts:M8; null for one that is in no category. */
function categoryOf(raw: Raw): string | null {
  const path = text(raw, 'FullyQualifiedName')
  const end = path?.lastIndexOf(':') ?? -1
  return end > 0 ? (path as string).slice(0, end) : null
}

const unlessCategory = (fields: (raw: Raw) => SearchFields) => (raw: Raw) =>
  raw.Type === 'Category' ? null : fields(raw)

export const items = {
  name: 'items',
  qbo: 'Item',
  type: 'item',
  hasActive: true,
  parse: (raw: unknown) => parseRecord(raw, 'Name'),
  resultSchema: ItemResult,
  result,
  indexes: [
    {
      // In many shops the product's name is its part number, so all three look for both in both ways.
      names: ['product_names', 'part_names', 'part_numbers'],
      fields: unlessCategory((raw) => ({
        texts: present([text(raw, 'FullyQualifiedName')]),
        codes: present([displayName(raw, 'Name'), text(raw, 'Sku')]),
      })),
      shows: ['name', 'sku'],
    },
    {
      names: ['product_descriptions'],
      fields: unlessCategory((raw) => ({
        texts: present([text(raw, 'Description'), text(raw, 'PurchaseDesc')]),
      })),
      shows: ['description'],
    },
  ],
  facets: [
    {
      parameter: 'item_type',
      description: 'Inventory, NonInventory, Service or Group',
      of: (raw) => text(raw, 'Type'),
    },
    {
      parameter: 'category',
      description: 'A category, with what is in its sub-categories: Hardware or Hardware:Bolts',
      of: categoryOf,
      hierarchy: true,
    },
  ],
  measures: [
    { name: 'unit_price', min: 'min_price', max: 'max_price', of: (raw) => number(raw, 'UnitPrice') },
  ],
} as const satisfies Entity
