// Every failure leaves as {statusCode, code, error, message} with words a person can act on, never a stack trace.
import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { Type } from '@sinclair/typebox'
import type { FastifyError, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { AppError, DatabaseError, databaseFault } from '../errors.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** For routes that the service before this one had: their callers show `error` to people (ADR 14). */
    errorInWords?: true
  }
}

/** The shape of every error answer. */
const errorAnswer = ($id: string, error: string) =>
  Type.Object(
    {
      statusCode: Type.Integer(),
      code: Type.String({ description: 'Stable, for programs' }),
      error: Type.String({ description: error }),
      message: Type.String({ description: 'What happened, what was kept, what to do' }),
    },
    { $id },
  )
const ErrorAnswer = errorAnswer('Error', "The status in HTTP's words")
const ErrorInWords = errorAnswer('ErrorInWords', 'The same as `message`, for callers that show it to people')

const refused = ($id: string) =>
  Type.Ref($id, { description: 'Refused: the message says what to do otherwise' })
const failed = ($id: string) =>
  Type.Ref($id, { description: 'Not done: the message says why, and what was kept' })
const NoParameters = Type.Object({}, { additionalProperties: false })

/**
 * Installs the error and not-found handlers. Every route can answer with an error; one that names no parameters takes none.
 */
export default fp(
  async (app) => {
    app.addSchema(ErrorAnswer)
    app.addSchema(ErrorInWords)

    const routes: { parts: string[]; method: string; inWords: boolean }[] = []
    const isBeside = (parts: readonly string[]) =>
      routes.some((one) => one.inWords && [1, 2].every((i) => one.parts[i] === parts[i]))

    function answer(reply: FastifyReply, statusCode: number, code: string, message: string) {
      const { routeOptions, url } = reply.request
      const inWords =
        routeOptions.url === undefined ? isBeside(partsOf(url)) : routeOptions.config.errorInWords
      return reply
        .code(statusCode)
        .type(JSON_TYPE)
        .send(bodyOf(statusCode, code, message, inWords ? message : undefined))
    }

    app.addHook('onRoute', ({ schema, url, method, config }) => {
      if (schema !== undefined && schema.hide !== true) {
        schema.querystring ??= NoParameters
        const $id = config?.errorInWords ? 'ErrorInWords' : 'Error'
        schema.response = { ...(schema.response ?? {}), '4xx': refused($id), '5xx': failed($id) }
      }
      if (url === '*') return
      const inWords = config?.errorInWords === true
      for (const one of [method].flat()) routes.push({ parts: url.split('/'), method: one, inWords })
    })

    app.setErrorHandler<FastifyError>((error, request, reply) => {
      if (error instanceof AppError) {
        if (error.retryAfterSeconds !== undefined) reply.header('retry-after', error.retryAfterSeconds)
        return answer(reply, error.statusCode, error.code, error.message)
      }
      if (error.validation !== undefined) {
        const status = error.validationContext === 'params' ? 404 : 400
        return answer(reply, status, status === 404 ? 'NOT_FOUND' : 'BAD_REQUEST', validationMessage(error))
      }
      const status = error.statusCode ?? 500
      if (status < 500) {
        const message = messages[error.code] ?? error.message
        return answer(reply, status, error.code ?? 'BAD_REQUEST', message)
      }
      const refused = databaseFault(error)
      // What a server refuses, or does not answer, mostly heals by itself.
      const level = error instanceof DatabaseError ? 'warn' : 'error'
      request.log[level]({ err: error, route: request.routeOptions.url }, 'Unexpected error')
      if (refused !== undefined) return answer(reply, refused.statusCode, refused.code, refused.message)
      return answer(
        reply,
        500,
        'INTERNAL',
        'Something unexpected happened here; the log says what. No data was lost.',
      )
    })

    // Node would answer without a word.
    app.server.on('checkExpectation', (_request, response: ServerResponse) => {
      const body = bodyOf(...UNEXPECTABLE)
      response.writeHead(417, { 'content-type': JSON_TYPE, 'content-length': body.length }).end(body)
    })

    app.setNotFoundHandler((request, reply) => {
      const parts = partsOf(request.url)
      const path = parts.join('/')
      const allowed = routes.filter((one) => fits(one.parts, parts)).map(({ method }) => method)
      if (allowed.length > 0 && !allowed.includes(request.method)) {
        const methods = [...new Set(allowed)].sort().join(', ')
        reply.header('allow', methods)
        return answer(reply, 405, 'METHOD_NOT_ALLOWED', `${path} takes ${methods}. How: /docs`)
      }
      return answer(reply, 404, 'NOT_FOUND', `There is no ${request.method} ${path}. What there is: /docs`)
    })
  },
  { name: 'errors' },
)

/** A path in parts between slashes. */
const partsOf = (url: string): string[] => url.split('?', 1).join('').split('/')

/** Whether a path is one of a route's, both in parts between slashes. */
const fits = (route: readonly string[], path: readonly string[]): boolean =>
  (route.length === path.length || route.at(-1) === '*') &&
  route.every((part, i) => part === '*' || part === path[i] || (part.startsWith(':') && path[i] !== ''))

/** Of Fastify's errors, those that a client can do something about. */
const messages: Record<string, string> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'The body is too large: nothing of it was taken. Send less at a time.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE:
    'The header content-type is not one: nothing was taken. Send application/json.',
  FST_ERR_BAD_URL: 'The address is not one: what follows a % in it is no letter in UTF-8.',
  FST_ERR_MAX_PARAM_LENGTH: 'A part of the address is longer than any there is. What there is: /docs',
}

const JSON_TYPE = 'application/json; charset=utf-8'

const bodyOf = (
  statusCode: number,
  code: string,
  message: string,
  error = STATUS_CODES[statusCode] ?? 'Error',
): string => JSON.stringify({ statusCode, code, error, message })

type Refusal = [status: number, code: string, message: string]
const NOT_HTTP: Refusal = [400, 'BAD_REQUEST', 'This is not a request as HTTP wants it: see RFC 9112.']
const UNEXPECTABLE: Refusal = [
  417,
  'EXPECTATION_FAILED',
  'The header expect asks for what is not done here: send the request without it.',
]
const refusals: Record<string, Refusal> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'REQUEST_TIMEOUT', 'The request did not arrive in time: send it again.'],
  HPE_HEADER_OVERFLOW: [431, 'HEADERS_TOO_LARGE', 'The headers of the request are too large: send fewer.'],
}

/** Answers what is no address of any route: neither hooks nor handlers run for it. */
export function frameworkErrors(error: FastifyError, _request: unknown, reply: FastifyReply): void {
  const { code, statusCode = 500 } = error
  const message = messages[code] ?? error.message
  reply
    .code(statusCode)
    .type(JSON_TYPE)
    .send(bodyOf(statusCode, code, message, message))
}

/**
 * Answers what is not HTTP. Nothing is logged: the error carries the raw request, with keys and what was searched for.
 */
export function clientErrorHandler(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [status, code, message] = refusals[error.code ?? ''] ?? NOT_HTTP
  const body = bodyOf(status, code, message)
  if (socket.writable) {
    socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-length: ${body.length}\r\ncontent-type: ${JSON_TYPE}\r\nconnection: close\r\n\r\n${body}`,
    )
  }
  socket.destroy(error)
}

/** Ajv's faults with the name of the parameter first. */
function validationMessage({ validation = [], validationContext }: FastifyError): string {
  const messages = validation.map(({ instancePath, params, message, keyword }) => {
    const missing = params.missingProperty ?? params.additionalProperty
    const name = [instancePath.slice(1).replaceAll('/', '.'), missing].filter(Boolean).join('.')
    if (keyword === 'additionalProperties') return `${name}: there is no such parameter`
    if (keyword === 'required') return `${name}: is required`
    if (keyword === 'enum') return `${name}: must be one of ${(params.allowedValues as unknown[]).join(', ')}`
    if (keyword === 'type' && params.type === 'integer') return `${name}: must be a whole number`
    if (keyword === 'minimum') return `${name}: must be at least ${params.limit}`
    if (keyword === 'maximum') return `${name}: must be at most ${params.limit}`
    if (keyword === 'pattern' && params.pattern === '\\S') return `${name}: must not be blank`
    return `${name || validationContext}: ${message}`
  })
  return `${[...new Set(messages)].join('; ')}.`
}
