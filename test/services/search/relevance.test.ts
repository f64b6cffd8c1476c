// Whether people find what they look for, measured on three made companies: each way of typing has a share of queries
// that must succeed (relevance/ways.ts). A failure names the way, its figures and the queries that went worst.
import t from 'tap'
import { entities } from '../../../src/services/entities/index.ts'
import { createSearch, type SearchService } from '../../../src/services/search/search.ts'
import { batches } from './helpers.ts'
import { type Company, companies } from './relevance/company.ts'
import { queriesFor } from './relevance/queries.ts'
import { namesIn, worst } from './relevance/report.ts'
import { average, type Figures, inWords, judge, places } from './relevance/score.ts'
import { ways } from './relevance/ways.ts'

/** What the averages over all ways must reach. */
const least: Figures = { first: 0.98, found: 0.99, reciprocal: 0.985 }
const queriesPerWay = 100
/** Fewer would say little about a way. */
const fewestQueries = 30

async function searchIn({ rows }: Company): Promise<SearchService> {
  const search = createSearch({ entities })
  for (const [name, some] of Object.entries(rows)) await search.rebuild(name, batches(some, 1000))
  return search
}

for (const [nth, company] of companies(3).entries()) {
  const seed = nth + 1
  t.test(`in company ${seed} people find what they look for, however they type it`, async (t) => {
    const search = await searchIn(company)
    const nameOf = namesIn(company)
    const queries = queriesFor(company, seed, queriesPerWay)
    const judged = queries.map((query) => judge(query, search.search(query.index, query.text, places).ids))

    const odd = queries.filter(({ fitting, target }) => !fitting.has(target.id))
    t.same(
      odd.map(({ text }) => text),
      [],
      'each target fits what was typed for it',
    )

    const perWay = ways.map((way) => {
      const own = judged.filter(({ query }) => query.way === way)
      const figures = average(own)
      t.ok(own.length >= fewestQueries, `${way.name}: ${own.length} queries, at least ${fewestQueries}`)
      t.ok(
        figures.found >= way.least,
        `${way.name}: ${inWords(figures)}; success@${places} at least ${way.least}`,
        {
          worst: worst(own, nameOf),
        },
      )
      return figures
    })

    const figures = average(perWay)
    const enough =
      figures.first >= least.first && figures.found >= least.found && figures.reciprocal >= least.reciprocal
    t.ok(enough, `all ways on average: ${inWords(figures)}; at least ${inWords(least)}`, {
      worst: worst(judged, nameOf, 30),
    })
  })
}
