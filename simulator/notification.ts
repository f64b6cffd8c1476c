/**
 * What a webhook post says, in both of Intuit's formats, and how it is signed. Nothing here sends anything.
 */
import { createHmac } from 'node:crypto'
import type { Behaviour } from './behaviour.ts'
import type { EditEvent } from './company/company.ts'

/** An edit on its way to the app. Ids only, as with Intuit: the app has to fetch the record. */
export interface WebhookEvent extends EditEvent {
  /** A UUID, the same in each repetition. */
  readonly eventId: string
  readonly realmId: string
}

export type WebhookFormat = Behaviour['webhookFormat']

const VERBS = { Create: 'created', Update: 'updated', Delete: 'deleted', Merge: 'merged' } as const

export function printEvents(events: readonly WebhookEvent[], format: WebhookFormat): string {
  return JSON.stringify(format === 'classic' ? classic(events) : events.map(cloudEvent))
}

function classic(events: readonly WebhookEvent[]): object {
  const byRealm = Map.groupBy(events, (event) => event.realmId)
  const eventNotifications = [...byRealm].map(([realmId, ofRealm]) => ({
    realmId,
    dataChangeEvent: {
      entities: ofRealm.map(({ entity, id, operation, deletedId, at }) => {
        const lastUpdated = new Date(at).toISOString()
        return { name: entity, id, operation, lastUpdated, ...(deletedId !== undefined && { deletedId }) }
      }),
    },
  }))
  return { eventNotifications }
}

function cloudEvent({ entity, id, operation, deletedId, at, eventId, realmId }: WebhookEvent): object {
  return {
    specversion: '1.0',
    id: eventId,
    source: 'intuit.c2ltdWxhdG9y',
    type: `qbo.${entity.toLowerCase()}.${VERBS[operation]}.v1`,
    datacontenttype: 'application/json',
    // Intuit writes nanoseconds, which not every parser of instants takes.
    time: new Date(at).toISOString().replace('Z', '851517Z'),
    intuitentityid: id,
    intuitaccountid: realmId,
    data: deletedId === undefined ? {} : { deletedid: deletedId },
  }
}

/** The value of `intuit-signature`. */
export function signBody(body: string, verifierToken: string): string {
  return createHmac('sha256', verifierToken).update(body).digest('base64')
}
