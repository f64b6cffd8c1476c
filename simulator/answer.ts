/**
 * The answers of QuickBooks and of the gateway in front of it, as values: success envelopes, the capitalised Fault of the
 * service, the lower-case fault of the gateway, XML and HTML. Nothing here touches a socket.
 */
import { escapeXml, type Fields, type Json } from './json.ts'

export interface Answer {
  readonly status: number
  /** A value is printed as JSON (or XML, if that was asked for); a string is sent as it is. */
  readonly body: Fields | string
  readonly headers?: Readonly<Record<string, string>>
  /** What went wrong, if this is a fault: its XML form is not that of its JSON. */
  readonly fault?: FaultText
}

export interface FaultText {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly detail?: string
  readonly type?: string
}

export function ok(body: Fields): Answer {
  return { status: 200, body }
}

/** The service's own fault, capitalised keys. */
export function serviceFault(text: FaultText, time: string): Answer {
  const error: Fields = { Message: text.message, Detail: text.detail, code: text.code }
  return {
    status: text.status,
    fault: text,
    body: { Fault: { Error: [error], type: text.type ?? 'ValidationFault' }, time },
  }
}

/** The gateway's fault: another envelope with lower-case keys, its time in epoch ms. */
export function gatewayFault(text: FaultText, now: number): Answer {
  const error: Json = { message: text.message, detail: text.detail ?? null, code: text.code, element: null }
  return {
    status: text.status,
    fault: text,
    body: {
      warnings: null,
      intuitObject: null,
      fault: { error: [error], type: text.type ?? 'SERVICE' },
      report: null,
      queryResponse: null,
      batchItemResponse: [],
      attachableResponse: [],
      syncErrorResponse: null,
      requestId: null,
      time: now,
      status: null,
      cdcresponse: [],
    },
    ...(text.status === 401 && {
      headers: { 'www-authenticate': 'Bearer realm="Intuit", error="invalid_token"' },
    }),
  }
}

export function xmlFault(text: FaultText, time: string): Answer {
  const detail = text.detail === undefined ? '' : `<Detail>${escapeXml(text.detail)}</Detail>`
  const error = `<Error code="${escapeXml(text.code)}"><Message>${escapeXml(text.message)}</Message>${detail}</Error>`
  const fault = `<Fault type="${escapeXml(text.type ?? 'SERVICE')}">${error}</Fault>`
  return {
    status: text.status,
    headers: { 'content-type': 'application/xml;charset=UTF-8' },
    body: `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><IntuitResponse time="${time}" xmlns="http://schema.intuit.com/finance/v3">${fault}</IntuitResponse>`,
  }
}

const HTML_TITLES: Record<number, string> = {
  502: 'Bad Gateway',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
}

export function htmlError(status: number): Answer {
  const title = `${status} ${HTML_TITLES[status] ?? 'Error'}`
  return {
    status,
    headers: { 'content-type': 'text/html' },
    body: `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`,
  }
}

export const THROTTLED: FaultText = {
  status: 429,
  code: '3001',
  message: 'message=ThrottleExceeded; errorCode=003001; statusCode=429',
  detail: 'The request limit was reached.  Try again later',
  type: 'SERVICE',
}

export function unauthorizedText(detail: string | undefined): FaultText {
  return {
    status: 401,
    code: '3200',
    message: 'message=AuthenticationFailed; errorCode=003200; statusCode=401',
    ...(detail !== undefined && { detail }),
    type: 'AUTHENTICATION',
  }
}

export const FORBIDDEN: FaultText = {
  status: 403,
  code: '3100',
  message: 'message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403',
  type: 'SERVICE',
}
