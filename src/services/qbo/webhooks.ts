// What Intuit posts when something changed (developer.intuit.com, Webhooks): the signature over the raw bytes, and the
// events in both formats, CloudEvents and the classic one. It stores nothing and believes nothing of what is said.

import { createHmac, timingSafeEqual } from 'node:crypto'
import { type Static, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { AppError } from '../../errors.ts'

/** That something happened to one record. */
export interface ChangeEvent {
  realmId: string
  /** QuickBooks' name in lower case, e.g. `purchaseorder`. */
  entity: string
  id: string
  /** The record is said to be gone: deleted, or merged into another one. */
  gone: boolean
}

/** The events of one post; `unread` counts those that are in no known form. */
export interface ChangeEvents {
  events: ChangeEvent[]
  unread: number
}

const Id = Type.String({ pattern: '^\\d{1,32}$' })

/** https://cloudevents.io, as Intuit fills it in. */
const CloudEvent = Type.Object({
  type: Type.String({ pattern: '^qbo\\.[A-Za-z]+\\.[A-Za-z]+\\.v\\d+$' }),
  intuitentityid: Id,
  intuitaccountid: Id,
  data: Type.Optional(
    Type.Union([Type.Null(), Type.Object({ deletedid: Type.Optional(Type.Union([Id, Type.Null()])) })]),
  ),
})
const ClassicChange = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64 }),
  id: Id,
  operation: Type.String({ maxLength: 32 }),
  deletedId: Type.Optional(Type.Union([Id, Type.Null()])),
})
const ClassicNotification = Type.Object({
  realmId: Id,
  dataChangeEvent: Type.Object({ entities: Type.Array(Type.Unknown()) }),
})
const ClassicPost = Type.Object({ eventNotifications: Type.Array(Type.Unknown()) })

/** What Intuit posts, for the OpenAPI document. */
export const WebhookPost = Type.Union([Type.Array(CloudEvent), ClassicPost], {
  description: 'CloudEvents, or the classic notifications',
})

const isCloudEvent = TypeCompiler.Compile(CloudEvent)
const isClassicPost = TypeCompiler.Compile(ClassicPost)
const isClassicNotification = TypeCompiler.Compile(ClassicNotification)
const isClassicChange = TypeCompiler.Compile(ClassicChange)

/** Whether `signature`, the header `intuit-signature`, is the base64 of HMAC-SHA256 over these bytes. In constant time. */
export function isSigned(body: Buffer, signature: string, verifierToken: string): boolean {
  const expected = createHmac('sha256', verifierToken).update(body).digest()
  const given = Buffer.from(signature, 'base64')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** Reads the events of one post. @throws AppError 400 when it is no JSON, or not what Intuit posts. */
export function readEvents(body: Buffer): ChangeEvents {
  let post: unknown
  try {
    post = JSON.parse(body.toString('utf8'))
  } catch {
    throw badPost('is not complete JSON')
  }
  if (Array.isArray(post)) return collect(post, cloudEvent)
  if (!isClassicPost.Check(post)) throw badPost('holds neither CloudEvents nor eventNotifications')
  return collect(post.eventNotifications, classicNotification)
}

/** Null for what is in no known form. */
type Read = (value: unknown) => ChangeEvents | null

function collect(values: readonly unknown[], read: Read): ChangeEvents {
  const all: ChangeEvents = { events: [], unread: 0 }
  for (const value of values) {
    const found = read(value)
    for (const event of found?.events ?? []) all.events.push(event)
    all.unread += found?.unread ?? 1
  }
  return all
}

function cloudEvent(value: unknown): ChangeEvents | null {
  if (!isCloudEvent.Check(value)) return null
  const [, entity = '', verb = ''] = value.type.toLowerCase().split('.')
  const about = { realmId: value.intuitaccountid, entity }
  return { events: changes(about, value.intuitentityid, verb, value.data?.deletedid), unread: 0 }
}

function classicNotification(value: unknown): ChangeEvents | null {
  if (!isClassicNotification.Check(value)) return null
  const { realmId, dataChangeEvent } = value
  return collect(dataChangeEvent.entities, (change) =>
    isClassicChange.Check(change) ? { events: classicChange(realmId, change), unread: 0 } : null,
  )
}

const classicChange = (realmId: string, { name, id, operation, deletedId }: Static<typeof ClassicChange>) =>
  changes({ realmId, entity: name.toLowerCase() }, id, operation, deletedId)

/** A merge is about two records: the one that stays, and the one that went into it. */
function changes(
  about: Pick<ChangeEvent, 'realmId' | 'entity'>,
  id: string,
  verb: string,
  deletedId: string | null | undefined,
): ChangeEvent[] {
  const events = [{ ...about, id, gone: /^delete/i.test(verb) }]
  if (deletedId) events.push({ ...about, id: deletedId, gone: true })
  return events
}

const badPost = (what: string) =>
  new AppError({
    code: 'BAD_REQUEST',
    status: 400,
    message: `The body ${what}: nothing of it was taken. Changes are found by the next look at QuickBooks.`,
  })
