/**
 * Answers that are well-formed and wrong: rows that are missing, too few or broken. Knows a query's answer and that of
 * change data capture; others pass unharmed.
 */
import type { Answer } from './answer.ts'
import type { FaultPlan } from './faults.ts'
import { type Fields, isFields, type Json } from './json.ts'

export function damageRows(answer: Answer, fault: FaultPlan): Answer {
  if (typeof answer.body === 'string') return answer
  const { QueryResponse, CDCResponse } = answer.body
  if (isFields(QueryResponse)) {
    return { ...answer, body: { ...answer.body, QueryResponse: damageGroup(QueryResponse, fault) } }
  }
  const [first] = Array.isArray(CDCResponse) ? CDCResponse : []
  if (!isFields(first) || !Array.isArray(first.QueryResponse)) return answer
  const groups = damageGroups(first.QueryResponse.filter(isFields), fault)
  return { ...answer, body: { ...answer.body, CDCResponse: [{ QueryResponse: groups }] } }
}

/** One bad record spoils one group; the other faults strike all of them. */
function damageGroups(groups: Fields[], fault: FaultPlan): Fields[] {
  const filled = groups.findIndex((group) => Object.values(group).some(Array.isArray))
  return groups.map((group, index) =>
    fault.kind === 'badRecord' && index !== filled ? group : damageGroup(group, fault),
  )
}

function damageGroup(group: Fields, fault: FaultPlan): Fields {
  if (fault.kind === 'missingKeys') return {}
  const damaged: Fields = { ...group }
  for (const [key, rows] of Object.entries(group)) {
    if (!Array.isArray(rows)) continue
    const left =
      fault.kind === 'wrongRows'
        ? rows.slice(0, fault.rows ?? Math.floor(rows.length / 2))
        : withBadRecord(rows, fault)
    damaged[key] = left
    if (group.maxResults !== undefined) damaged.maxResults = left.length
  }
  return damaged
}

/** The middle row loses what every record must have. */
function withBadRecord(rows: Json[], fault: FaultPlan): Json[] {
  const middle = Math.floor(rows.length / 2)
  return rows.map((row, index) => {
    if (index !== middle || !isFields(row)) return row
    const { Id, ...rest } = row
    switch (fault.record ?? 'noId') {
      case 'nullMetaData':
        return { ...row, MetaData: null }
      case 'numericName':
        return { ...row, ...(row.Name === undefined ? { DisplayName: 4711 } : { Name: 4711 }) }
      case 'notAnObject':
        return `record ${String(Id)}`
      default:
        return rest
    }
  })
}
