/**
 * The three limits of QuickBooks: requests in any second, in any minute, and open at once. Refused requests do not count
 * against the limits.
 */
import { type Answer, gatewayFault, THROTTLED, xmlFault } from '../answer.ts'
import type { Behaviour } from '../behaviour.ts'
import { pacificMillis } from '../clock.ts'
import { withHeader } from '../deliver.ts'
import type { Load } from '../meter.ts'

export function throttle({ throttle }: Behaviour, load: Load, now: number): Answer | undefined {
  const exceeded =
    (throttle.perSecond !== null && load.lastSecond >= throttle.perSecond) ||
    (throttle.perMinute !== null && load.lastMinute >= throttle.perMinute) ||
    (throttle.concurrent !== null && load.concurrent >= throttle.concurrent)
  if (!exceeded) return undefined
  const answer =
    throttle.body === 'xml' ? xmlFault(THROTTLED, pacificMillis(now)) : gatewayFault(THROTTLED, now)
  const retryAfter = throttle.retryAfterSeconds
  return retryAfter === null ? answer : withHeader(answer, 'retry-after', String(retryAfter))
}
