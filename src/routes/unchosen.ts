// What there would be with more in SYNC_ENTITIES: a plain 404 would look like a mistake in the address.
import type { FastifyContextConfig, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { type Entity, indexesLeftOut } from '../services/entities/index.ts'
import { notChosen } from '../services/search/parameters.ts'

/** The entities that are kept here, and those that there would be. */
export interface UnchosenRouteOptions {
  entities: readonly Entity[]
  unchosen: readonly Entity[]
}

const routes: FastifyPluginAsync<UnchosenRouteOptions> = async (app, { entities, unchosen }) => {
  const refuse = (url: string, config: FastifyContextConfig, what: string, names: readonly string[]) =>
    app.get(url, { config, schema: { hide: true } }, () => {
      throw notChosen(what, names)
    })

  for (const { name } of unchosen) {
    refuse(`/api/data/${name}`, { access: 'admin', errorInWords: true }, name, [name])
    refuse(`/api/records/${name}`, { access: 'search' }, name, [name])
  }
  for (const [index, names] of indexesLeftOut(entities, unchosen))
    refuse(`/api/search/${index}`, { access: 'search' }, index, names)
}

export default fp(routes, { name: 'unchosen-routes', encapsulate: true, dependencies: ['auth', 'errors'] })
