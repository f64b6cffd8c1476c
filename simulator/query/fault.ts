/**
 * A statement that QuickBooks refuses: code 4000 (cannot parse), 4001 (parsed, not valid) or 4002 (failed while running),
 * with QuickBooks' text. Nothing else may leave the query language as an exception.
 */

const MESSAGES = {
  '4000': 'Error parsing query',
  '4001': 'Invalid query',
  '4002': 'Error processing query',
} as const

export class QueryFault extends Error {
  override readonly name = 'QueryFault'
  readonly code: keyof typeof MESSAGES
  readonly detail: string

  constructor(code: keyof typeof MESSAGES, detail: string) {
    super(MESSAGES[code])
    this.code = code
    this.detail = detail
  }
}

export function invalid(detail: string): QueryFault {
  return new QueryFault('4001', `QueryValidationError: ${detail}`)
}
