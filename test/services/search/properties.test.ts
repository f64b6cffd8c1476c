// Against a naive oracle: every strict hit is found, nothing else than live records is returned, and an index that
// followed any mix of changes answers like one that was built from what is left.
import fc from 'fast-check'
import t from 'tap'
import { type CachedRow, entities } from '../../../src/services/entities/index.ts'
import { createSearch } from '../../../src/services/search/search.ts'
import { batches, row, searchOver } from './helpers.ts'

const word = fc.constantFrom(
  'a',
  'ab',
  'abc',
  'acme',
  'acmeworks',
  'bolt',
  'boltings',
  'boltingsmann',
  'smith',
  'müller',
  "o'brien",
  'Ωmega',
  'x1',
  '10-24',
  '007',
  'FR-M94S-38',
)
const name = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' '))
const change = fc.record({
  id: fc.integer({ min: 1, max: 12 }).map(String),
  name,
  minutes: fc.integer({ min: 0, max: 3 }),
  kind: fc.constantFrom('upsert', 'upsert', 'upsert', 'touch', 'inactive', 'remove', 'rebuild'),
})
const query = fc.oneof(
  name,
  fc.tuple(name, fc.integer({ min: 1, max: 12 })).map(([text, length]) => text.slice(0, length)),
  fc.tuple(word, word).map(([a, b]) => `${a.slice(0, 3)} ${b.slice(0, 2)}`),
)

const norm = (text: string) =>
  text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f']/g, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()

function strict(names: ReadonlyMap<string, string>, text: string): string[] {
  const words = norm(text).split(' ').filter(Boolean)
  if (words.length === 0) return []
  return [...names]
    .filter(([, name]) => {
      const own = norm(name).split(' ')
      return words.every((w) => own.some((o) => o.startsWith(w)))
    })
    .map(([id]) => id)
}

const rowOf = (id: string, name: string, minutes: number, active = true): CachedRow =>
  row(id, { Name: name, Description: name }, minutes, active)

for (const index of ['product_names', 'part_numbers', 'product_descriptions']) {
  t.test(`${index}: follows any mix of changes`, async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 30 }),
        fc.array(query, { minLength: 5 }),
        async (changes, queries) => {
          const search = createSearch({ entities })
          const rows = new Map<string, CachedRow>()
          const names = new Map<string, string>()
          for (const { id, name, minutes, kind } of changes) {
            const next = kind === 'touch' ? (names.get(id) ?? name) : name
            if (kind === 'remove' || kind === 'inactive') {
              rows.delete(id)
              names.delete(id)
              const inactive = kind === 'inactive' ? [rowOf(id, name, minutes, false)] : []
              await search.apply({
                entity: 'items',
                upserts: inactive,
                removals: kind === 'remove' ? [id] : [],
              })
              continue
            }
            rows.set(id, rowOf(id, next, minutes))
            names.set(id, next)
            if (kind === 'rebuild') await search.rebuild('items', batches(rows.values(), 3))
            else await search.apply({ entity: 'items', upserts: [rowOf(id, next, minutes)], removals: [] })
          }
          const rebuilt = await searchOver('items', rows.values())
          for (const text of queries) {
            const { ids, json } = search.search(index, text, 100)
            const fresh = rebuilt.search(index, text, 100)
            t.same(ids, fresh.ids, `"${text}" as rebuilt`)
            t.same(json, fresh.json)
            t.equal(new Set(ids).size, ids.length, 'each record once')
            for (const id of ids) if (!rows.has(id)) t.fail(`"${text}" found ${id}, which is gone`)
            for (const id of strict(names, text))
              if (!ids.includes(id)) t.fail(`"${text}" missed ${names.get(id)}`)
          }
        },
      ),
      { numRuns: 60 },
    )
  })
}
