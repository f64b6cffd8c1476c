// Two kinds of load: as much as goes, for throughput; and an even rate, whose latency counts from when a request was due.
import { setTimeout as delay } from 'node:timers/promises'
import autocannon from 'autocannon'
import { Agent, request } from 'undici'

/** Requests per second over 16 connections; every answer must be a 200. */
export async function throughput(
  url: string,
  paths: string[],
  seconds: number,
  key?: string,
): Promise<number> {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
  const result = await autocannon({
    url,
    connections: 16,
    duration: seconds,
    requests: paths.map((path) => ({ method: 'GET' as const, path, headers })),
  })
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} answers were not 200, ${result.errors} errors`)
  return result['2xx'] / result.duration
}

/** Latencies in milliseconds, in ascending order. */
export async function evenLoad(
  url: string,
  paths: string[],
  perSecond: number,
  until: () => boolean,
  key: string,
): Promise<number[]> {
  const dispatcher = new Agent({ connections: 64 })
  const headers = { authorization: `Bearer ${key}` }
  const latencies: number[] = []
  const open: Promise<void>[] = []
  const started = performance.now()
  for (let i = 0; !until(); i++) {
    const due = started + (i * 1000) / perSecond
    const wait = due - performance.now()
    if (wait > 1) await delay(wait)
    const path = paths[i % paths.length] ?? '/'
    open.push(
      request(url + path, { dispatcher, headers }).then(async ({ statusCode, body }) => {
        await body.dump()
        if (statusCode !== 200) throw new Error(`${path} answered ${statusCode}`)
        latencies.push(performance.now() - due)
      }),
    )
  }
  await Promise.all(open)
  await dispatcher.close()
  return latencies.sort((a, b) => a - b)
}

/** The value below which `share` of an ascending list lie. */
export const quantile = (sorted: number[], share: number): number =>
  sorted[Math.floor(sorted.length * share)] ?? Number.NaN
