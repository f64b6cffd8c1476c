/**
 * Change data capture: full records changed since an instant (inclusive), inactive ones too, then stubs of the deleted.
 * Never more than the cap, and no sign that there was more: that is how QuickBooks does it.
 */
import type { Behaviour } from '../behaviour.ts'
import { pacificSeconds } from '../clock.ts'
import type { Company } from '../company/company.ts'
import type { EntityType } from '../entities.ts'
import type { Fields } from '../json.ts'

export interface CdcOptions {
  readonly types: readonly EntityType[]
  readonly since: number
  readonly behaviour: Behaviour
}

function changedSlots(company: Company, type: EntityType, since: number): number[] {
  const table = company.table(type)
  const slots: number[] = []
  for (let slot = 0; slot < table.rows.slots; slot += 1) {
    if (table.rows.isLive(slot) && table.rows.updatedAt(slot) >= since) slots.push(slot)
  }
  return slots.sort((a, b) => table.rows.updatedAt(a) - table.rows.updatedAt(b) || a - b)
}

function deletedStubs(company: Company, type: EntityType, since: number): Fields[] {
  return company.tombstones
    .filter((each) => each.entity === type.name && each.at >= since)
    .map((each) => ({
      domain: 'QBO',
      status: 'Deleted',
      Id: each.id,
      MetaData: { LastUpdatedTime: pacificSeconds(each.at) },
    }))
}

function group(
  company: Company,
  type: EntityType,
  since: number,
  room: number,
): { group: Fields; rows: number } {
  const table = company.table(type)
  const live = changedSlots(company, type, since)
    .slice(0, room)
    .map((slot) => table.record(slot))
  const deleted = deletedStubs(company, type, since).slice(0, room - live.length)
  const rows = live.length + deleted.length
  if (rows === 0) return { group: {}, rows }
  const counters: Fields = live.length === 0 ? {} : { startPosition: 1, maxResults: rows }
  if (live.length > 0 && type.totalCount) counters.totalCount = rows
  return { group: { [type.name]: [...live, ...deleted], ...counters }, rows }
}

/** The list of groups, one per asked entity in the order of asking. */
export function changesSince(company: Company, { types, since, behaviour }: CdcOptions): Fields[] {
  let room = behaviour.cdcCap
  const groups = types.map((type) => {
    const found = group(company, type, since, behaviour.cdcCapScope === 'request' ? room : behaviour.cdcCap)
    room -= found.rows
    return found
  })
  const shown = behaviour.cdcEmptyGroups ? groups : groups.filter((each) => each.rows > 0)
  return shown.length > 0 ? shown.map((each) => each.group) : [{}]
}
