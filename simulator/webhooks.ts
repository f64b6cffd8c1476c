/**
 * Tells the app of edits by signed posts, as Intuit does: a little late, several at once, again until they are taken.
 * Holding them lets a test lose, double and reorder them by hand. At most once subscribed; nothing is kept before that.
 */
import { type Behaviour, drawLatency } from './behaviour.ts'
import type { Company, EditEvent } from './company/company.ts'
import { printEvents, signBody, type WebhookEvent, type WebhookFormat } from './notification.ts'
import { hexOf, shuffle } from './random.ts'

export interface PostOptions {
  /** Default: the behaviour's. */
  readonly format?: WebhookFormat
  /** In place of the right one. */
  readonly signature?: string
  /** For all events of the post, in place of their own. */
  readonly realmId?: string
}

export interface WebhookCounters {
  /** Posts, every attempt counted. */
  readonly sent: number
  /** Posts that were answered with 2xx. */
  readonly delivered: number
  /** Of the newest post: 0 when the connection failed or nothing came in time, null before the first. */
  readonly lastStatus: number | null
  readonly lastDurationMs: number | null
}

export interface Webhooks extends WebhookCounters {
  readonly verifierToken: string
  /** Where posts go. */
  readonly url: string | undefined
  /** Events that have not left yet, oldest first: after `hold`, all since then. */
  readonly held: readonly WebhookEvent[]
  /** Takes the full URL of the app's endpoint, in place of the one before. Throws a SyntaxError if it is none. */
  subscribe(url: string): void
  /** Forgets what waits, retries too. */
  unsubscribe(): void
  /** From now on events are gathered. Posts that have left are still tried again. */
  hold(): void
  /** Sends what was held, and goes on by itself. */
  release(): void
  /** The events of `held`, which are then gone from there. */
  take(): WebhookEvent[]
  /**
   * One post of these events in this order, now, without another attempt. Resolves to the status, 0 when the connection
   * failed or nothing came in time. Rejects when nobody is subscribed.
   */
  post(events: readonly WebhookEvent[], options?: PostOptions): Promise<number>
  /** Resolves once nothing waits, is on its way or will be tried again. What is held does not count. */
  settled(): Promise<void>
  /** For good: what waits is forgotten, what is on its way is broken off. */
  close(): Promise<void>
}

export interface WebhookDeps {
  readonly behaviour: Behaviour
  readonly company: Company
  readonly random: () => number
  readonly verifierToken: string
}

/** Intuit gives up on a post after this. */
const PATIENCE_MS = 3000

/** 0 when the connection failed or the whole answer was not there in time. */
async function statusOf(target: string, request: RequestInit): Promise<number> {
  try {
    const response = await fetch(target, request)
    await response.arrayBuffer()
    return response.status
  } catch {
    return 0
  }
}

const isTaken = (status: number) => status >= 200 && status < 300

export function createWebhooks({ behaviour, company, random, verifierToken }: WebhookDeps): Webhooks {
  let sent = 0
  let delivered = 0
  let lastStatus: number | null = null
  let lastDurationMs: number | null = null
  const closing = new AbortController()
  const timers = new Set<NodeJS.Timeout>()
  let url: string | undefined
  let waiting: WebhookEvent[] = []
  let holding = false
  let scheduled = false
  let numbered = 0
  /** Deliveries and posts that have begun and not ended. */
  let busy = 0
  /** The end of the queue: first attempts leave one after the other, in the order of the edits. */
  let tail: Promise<unknown> = Promise.resolve()
  let settlers: (() => void)[] = []

  function settleIfIdle(): void {
    if (busy > 0 || timers.size > 0 || (waiting.length > 0 && !holding)) return
    for (const settle of settlers) settle()
    settlers = []
  }

  function later(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      work()
      settleIfIdle()
    }, ms)
    timer.unref()
    timers.add(timer)
  }

  async function tracked<T>(work: () => Promise<T>): Promise<T> {
    busy += 1
    try {
      return await work()
    } finally {
      busy -= 1
      settleIfIdle()
    }
  }

  /** The last group counts, so that ids differ even where the random does not. */
  function newEventId(): string {
    numbered += 1
    const groups = [hexOf(random, 8), hexOf(random, 4), `4${hexOf(random, 3)}`, `8${hexOf(random, 3)}`]
    return [...groups, numbered.toString(16).padStart(12, '0')].join('-')
  }

  function gather(edit: EditEvent): void {
    if (url === undefined) return
    waiting.push({ ...edit, realmId: company.realmId, eventId: newEventId() })
    if (holding || scheduled) return
    scheduled = true
    later(drawLatency(behaviour.webhookDelayMs, random), () => {
      scheduled = false
      if (!holding) flush()
    })
  }

  /** Everything that waits leaves, after chance has had its share. */
  function flush(): void {
    const events = waiting.flatMap((event) => {
      if (random() < behaviour.webhookLoss) return []
      return random() < behaviour.webhookDoubles ? [event, event] : [event]
    })
    waiting = []
    for (let start = 0; start < events.length; start += behaviour.webhookBatch) {
      const batch = events.slice(start, start + behaviour.webhookBatch)
      const before = tail
      tail = tracked(async () => {
        await before
        await attempt(random() < behaviour.webhookShuffle ? shuffle(batch, random) : batch, 0)
      })
    }
  }

  async function attempt(events: readonly WebhookEvent[], failures: number): Promise<void> {
    if (url === undefined || isTaken(await transmit(url, events))) return
    const seconds = behaviour.webhookRetrySeconds[failures]
    // Whoever was unsubscribed in the meantime is not asked again.
    if (seconds === undefined || url === undefined) return
    later(seconds * 1000, () => void tracked(() => attempt(events, failures + 1)))
  }

  async function transmit(
    target: string,
    events: readonly WebhookEvent[],
    options: PostOptions = {},
  ): Promise<number> {
    const { realmId } = options
    const ofRealm = realmId === undefined ? events : events.map((event) => ({ ...event, realmId }))
    const body = printEvents(ofRealm, options.format ?? behaviour.webhookFormat)
    const began = performance.now()
    sent += 1
    lastStatus = await statusOf(target, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'intuit-signature': options.signature ?? signBody(body, verifierToken),
      },
      redirect: 'manual',
      signal: AbortSignal.any([closing.signal, AbortSignal.timeout(PATIENCE_MS)]),
    })
    lastDurationMs = performance.now() - began
    if (isTaken(lastStatus)) delivered += 1
    return lastStatus
  }

  function forget(): void {
    url = undefined
    waiting = []
    scheduled = false
    for (const timer of timers) clearTimeout(timer)
    timers.clear()
    settleIfIdle()
  }

  function settled(): Promise<void> {
    return new Promise((resolve) => {
      settlers.push(resolve)
      settleIfIdle()
    })
  }

  company.onEdit(gather)
  return {
    verifierToken,
    get url() {
      return url
    },
    get held() {
      return [...waiting]
    },
    get sent() {
      return sent
    },
    get delivered() {
      return delivered
    },
    get lastStatus() {
      return lastStatus
    },
    get lastDurationMs() {
      return lastDurationMs
    },
    subscribe(target) {
      if (!/^https?:$/.test(URL.parse(target)?.protocol ?? ''))
        throw new SyntaxError(`"${target}" is no URL of http or https`)
      url = target
    },
    unsubscribe: forget,
    hold() {
      holding = true
    },
    release() {
      holding = false
      flush()
    },
    take() {
      const taken = waiting
      waiting = []
      settleIfIdle()
      return taken
    },
    async post(events, options) {
      const target = url
      if (target === undefined) throw new Error('Nobody is subscribed to webhooks: call subscribe() first')
      return tracked(() => transmit(target, events, options))
    },
    settled,
    async close() {
      closing.abort()
      forget()
      await settled()
    },
  }
}
