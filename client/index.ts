// A typed client of mrp-backend: openapi-fetch over the paths and answers that the service promises. Made to be copied
// into a project of yours, with schema.d.ts beside it: see README.md.
import createClient, { type Client, type ClientOptions } from 'openapi-fetch'
import type { components, paths } from './schema.d.ts'

/** The named shapes of answers: `Schemas['ItemResult']`. */
export type Schemas = components['schemas']

/** One result of any index; what it has besides is known by its `type`. */
export type SearchResult =
  paths['/api/search/{index}']['get']['responses'][200]['content']['application/json']['results'][number]

export type MrpClient = Client<paths>

export interface MrpClientOptions {
  /** PUBLIC_URL of the service. */
  baseUrl: string
  /** SEARCH_API_KEY in a web page, ADMIN_API_KEY on a server; none where the service has none. */
  apiKey?: string | undefined
  fetch?: ClientOptions['fetch']
}

/** `client.GET('/api/search/{index}', …)` and so on; answers are `{ data, error, response }`, and never throw for a status. */
export const createMrpClient = ({ baseUrl, apiKey, fetch }: MrpClientOptions): MrpClient =>
  createClient<paths>({
    baseUrl,
    ...(fetch && { fetch }),
    ...(apiKey && { headers: { authorization: `Bearer ${apiKey}` } }),
  })
