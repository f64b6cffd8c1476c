// Holds every answer of a test against the service's own OpenAPI document.
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'

/** One answer, as a client got it. */
export interface Answer {
  method: string
  path: string
  status: number
  contentType: string
  body: string
}

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, { content?: Record<string, unknown> }> }>>
}

/** Throws, with the reason, when the document does not promise such an answer. Pages and files are not in it. */
export type CheckAnswer = (answer: Answer) => void

export function createContract(document: unknown): CheckAnswer {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  formats.default(ajv)
  ajv.addSchema(document as object, 'openapi')
  const { paths } = document as Document
  const patterns = Object.keys(paths).map((path) => ({
    path,
    regexp: new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`),
  }))

  return ({ method, path, status, contentType, body }) => {
    const found = patterns.find(({ regexp }) => regexp.test(path))?.path
    const operation = found === undefined ? undefined : paths[found]?.[method.toLowerCase()]
    if (found === undefined || operation === undefined) return
    const { responses } = operation
    const key = [String(status), `${String(status)[0]}XX`, 'default'].find((one) => one in responses)
    const where = `${method} ${path} → ${status}`
    if (key === undefined) throw new Error(`${where}: no such answer in the document`)
    if (responses[key]?.content === undefined || status === 302) return
    const type = contentType.split(';', 1)[0] ?? ''
    if (type !== 'application/json' && type in (responses[key]?.content ?? {})) return
    if (type !== 'application/json') throw new Error(`${where}: ${contentType} is not JSON`)
    const pointer = [
      'paths',
      found,
      method.toLowerCase(),
      'responses',
      key,
      'content',
      'application/json',
      'schema',
    ]
      .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/')
    const validate = ajv.getSchema(`openapi#/${pointer}`)
    if (validate === undefined) throw new Error(`${where}: no schema in the document`)
    if (!validate(JSON.parse(body))) throw new Error(`${where}: ${ajv.errorsText(validate.errors)}\n${body}`)
  }
}
