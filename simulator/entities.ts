/**
 * What QuickBooks knows about each entity, as data: its Id sequence, which properties may be filtered (F) and sorted
 * (S), how it is ordered without ORDERBY, whether a list carries totalCount. Adding an entity is one entry here.
 */

export type PropertyType = 'text' | 'number' | 'boolean' | 'instant' | 'date' | 'id' | 'ref' | 'object'

export interface Property {
  readonly type: PropertyType
  readonly filter: boolean
  readonly sort: boolean
}

export interface EntityType {
  readonly name: string
  /** `name`: a name list, active rows only by default, by name. `transaction`: newest change first. */
  readonly kind: 'name' | 'transaction' | 'single'
  readonly sequence: 'names' | 'items' | 'accounts' | 'transactions' | 'company'
  /** The property whose value names the record, and which gets " (deleted)" when it is made inactive. */
  readonly nameProperty: string
  readonly hasFullName: boolean
  readonly totalCount: boolean
  readonly properties: ReadonlyMap<string, Property>
}

/** `Name:type FS` per property, separated by commas: as terse as QuickBooks' own reference tables. */
function properties(table: string): ReadonlyMap<string, Property> {
  const entries = table.split(',').map((row): [string, Property] => {
    const [path = '', flags = ''] = row.trim().split(/\s+/)
    const [name = '', type = 'text'] = path.split(':')
    return [name, { type: type as PropertyType, filter: flags.includes('F'), sort: flags.includes('S') }]
  })
  return new Map(entries)
}

const COMMON = `Id:id FS, SyncToken, domain, sparse:boolean, MetaData:object, MetaData.CreateTime:instant FS,
  MetaData.LastUpdatedTime:instant FS`
const PERSON = `DisplayName FS, Title FS, GivenName FS, MiddleName FS, FamilyName FS, Suffix FS, PrintOnCheckName FS,
  Active:boolean FS, PrimaryPhone:object, PrimaryPhone.FreeFormNumber, AlternatePhone:object,
  AlternatePhone.FreeFormNumber, Mobile:object, Mobile.FreeFormNumber, Fax:object, Fax.FreeFormNumber,
  PrimaryEmailAddr:object, WebAddr:object, WebAddr.URI, V4IDPseudonym, CurrencyRef:ref`
const TXN = `DocNumber FS, TxnDate:date FS, TotalAmt:number FS, PrivateNote, Line:object, LinkedTxn:object,
  CustomField:object, CurrencyRef:ref`

const CUSTOMER = `${COMMON}, ${PERSON}, CompanyName FS, FullyQualifiedName FS, PrimaryEmailAddr.Address F,
  Balance:number FS, BalanceWithJobs:number S, Notes, ResaleNum, Job:boolean, ParentRef:ref, Level:number,
  BillWithParent:boolean, IsProject:boolean, BillAddr:object, ShipAddr:object, Taxable:boolean,
  PreferredDeliveryMethod, ClientEntityId`
const VENDOR = `${COMMON}, ${PERSON}, CompanyName FS, PrimaryEmailAddr.Address, Balance:number FS, AcctNum,
  TaxIdentifier, Vendor1099:boolean, TermRef:ref, BillRate:number, BillAddr:object`
const ITEM = `${COMMON}, Name FS, FullyQualifiedName F, Sku F, Description, PurchaseDesc, UnitPrice:number S,
  PurchaseCost:number, QtyOnHand:number, InvStartDate:date, ReorderPoint:number, TrackQtyOnHand:boolean, Type FS,
  SubItem:boolean, ParentRef:ref, Level:number, Active:boolean F, PrefVendorRef:ref, IncomeAccountRef:ref,
  ExpenseAccountRef:ref, AssetAccountRef:ref, Taxable:boolean, SalesTaxIncluded:boolean, PurchaseTaxIncluded:boolean, ItemGroupDetail:object`
const INVOICE = `${COMMON}, ${TXN}, DueDate:date FS, Balance:number FS, CustomerRef:ref FS, BillEmail:object,
  BillAddr:object, ShipAddr:object, CustomerMemo:object, TxnTaxDetail:object, EmailStatus, PrintStatus, SalesTermRef:ref,
  AllowIPNPayment:boolean, AllowOnlinePayment:boolean, ApplyTaxAfterDiscount:boolean`
const ESTIMATE = `${COMMON}, ${TXN}, TxnStatus, ExpirationDate:date FS, CustomerRef:ref FS, BillEmail:object,
  BillAddr:object, CustomerMemo:object, TxnTaxDetail:object, EmailStatus, PrintStatus, ApplyTaxAfterDiscount:boolean`
const PURCHASE_ORDER = `${COMMON}, ${TXN}, DueDate:date FS, VendorRef:ref F, POStatus, APAccountRef:ref, Memo, EmailStatus,
  VendorAddr:object, ShipAddr:object`
const BILL = `${COMMON}, ${TXN}, DueDate:date FS, Balance:number FS, VendorRef:ref F, APAccountRef:ref F, VendorAddr:object,
  SalesTermRef:ref F`
const ACCOUNT = `${COMMON}, Name FS, FullyQualifiedName FS, Active:boolean FS, AccountType FS, AccountSubType FS,
  Classification F, CurrentBalance:number FS, SubAccount:boolean F, ParentRef:ref, Description FS`
const COMPANY_INFO = `${COMMON}, CompanyName, LegalName, CompanyAddr:object, LegalAddr:object, PrimaryPhone:object,
  Email:object, WebAddr:object, Country, SupportedLanguages, FiscalYearStartMonth, CompanyStartDate, NameValue:object,
  CustomerCommunicationAddr:object, CustomerCommunicationEmailAddr:object`

type Shape = Omit<EntityType, 'name' | 'properties'>
const named: Shape = {
  kind: 'name',
  sequence: 'names',
  nameProperty: 'DisplayName',
  hasFullName: false,
  totalCount: false,
}
const transaction: Shape = {
  kind: 'transaction',
  sequence: 'transactions',
  nameProperty: 'DocNumber',
  hasFullName: false,
  totalCount: true,
}

function entity(name: string, shape: Shape, table: string): EntityType {
  return { ...shape, name, properties: properties(table) }
}

export const ENTITIES: readonly EntityType[] = [
  entity('Customer', { ...named, hasFullName: true }, CUSTOMER),
  entity('Vendor', named, VENDOR),
  entity('Employee', named, `${COMMON}, ${PERSON}, EmployeeNumber, BillableTime:boolean, HiredDate:date`),
  entity('Item', { ...named, sequence: 'items', nameProperty: 'Name', hasFullName: true }, ITEM),
  entity('Account', { ...named, sequence: 'accounts', nameProperty: 'Name', hasFullName: true }, ACCOUNT),
  entity('Invoice', transaction, INVOICE),
  entity('Estimate', { ...transaction, totalCount: false }, ESTIMATE),
  entity('PurchaseOrder', transaction, PURCHASE_ORDER),
  entity('Bill', transaction, BILL),
  entity(
    'CompanyInfo',
    { ...named, kind: 'single', sequence: 'company', nameProperty: 'CompanyName' },
    COMPANY_INFO,
  ),
]

/** Entity names are accepted in any case, as node-quickbooks relies on. */
export function findEntity(name: string): EntityType | undefined {
  const wanted = name.toLowerCase()
  return ENTITIES.find((each) => each.name.toLowerCase() === wanted)
}

/** The property under its own spelling, whatever the case it was written in. */
export function findProperty(
  type: EntityType,
  path: string,
): { path: string; property: Property } | undefined {
  const wanted = path.toLowerCase()
  for (const [name, property] of type.properties) {
    if (name.toLowerCase() === wanted) return { path: name, property }
  }
  return undefined
}
