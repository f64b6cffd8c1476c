// What a failed connection means, and what to do about it.

import { reasonOf } from '../../errors.ts'
import { type Finding, fail, ok, warn } from './check.ts'
import type { Reply } from './outside.ts'

const DNS = ['ENOTFOUND', 'EAI_AGAIN']
const REFUSED = ['ECONNREFUSED']
const UNROUTED = ['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL']
const SLOW = ['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']
const BROKEN = ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'EPROTO']

/** What was found at the address of `what`; `proxy` names the variable of one that is configured. */
export function reachOf(what: string, url: string, visit: Reply | Error, proxy: string | undefined): Finding {
  const { host } = new URL(url)
  if (!(visit instanceof Error)) {
    if (visit.status === 407)
      return fail(
        `a proxy in between wants to be asked first (HTTP 407)`,
        `Let this machine reach ${host} directly.`,
      )
    return visit.status >= 500
      ? warn(
          `${host} answers, but with HTTP ${visit.status}`,
          `Wait, and look at status.developer.intuit.com: ${what} has trouble.`,
        )
      : ok(`${host} answers`)
  }
  const { code, todo } = meaningOf(visit, host)
  const aside = proxy === undefined ? '' : ` ${proxy} is set, but this service goes through no proxy.`
  return fail(`${host} ${code}`, `${todo}${aside}`)
}

function meaningOf(error: Error, host: string): { code: string; todo: string } {
  const code = codeOf(error)
  const said = (text: string, todo: string) => ({ code: `${text} (${code})`, todo })
  if (DNS.includes(code))
    return said('is not found', `Mend name resolution (DNS) on this machine, or the spelling of ${host}.`)
  if (REFUSED.includes(code))
    return said('refuses connections', `Check the address ${host}, and the firewall on the way to it.`)
  if (UNROUTED.includes(code))
    return said('cannot be reached', `Give this machine a way to ${host}: network, route, firewall.`)
  if (SLOW.includes(code) || error.name === 'TimeoutError')
    return said(
      'does not answer in time',
      `Let this machine reach ${host}: mostly a firewall drops what it sends.`,
    )
  if (/CERT|SIGNATURE|SELF_SIGNED|ALTNAME/.test(code))
    return said(
      'shows a certificate that is not trusted',
      'If a proxy of yours opens TLS, name its certificate in NODE_EXTRA_CA_CERTS; if the certificate is said to be expired or not yet valid, set the clock right.',
    )
  if (BROKEN.includes(code) || /SSL|TLS/.test(code))
    return said(
      'breaks the connection off',
      `Check what stands between this machine and ${host}: a firewall, or http where https is spoken.`,
    )
  return { code: `cannot be asked (${code})`, todo: `Let this machine reach ${host}.` }
}

/** Where a name has several addresses, each of them failed. */
function codeOf(error: Error): string {
  const { code, errors, cause } = error as NodeJS.ErrnoException & { errors?: Error[] }
  if (typeof code === 'string') return code
  const inner = errors?.[0] ?? cause
  return inner instanceof Error ? codeOf(inner) : reasonOf(error)
}
