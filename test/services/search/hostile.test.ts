// Nothing that is typed or stored can make the search throw, stall or grow without bound.
import fc from 'fast-check'
import t from 'tap'
import { entities } from '../../../src/services/entities/index.ts'
import { documentTerms, documentText } from '../../../src/services/search/document.ts'
import { createSearch } from '../../../src/services/search/search.ts'
import { batches, customer, row, searchOver } from './helpers.ts'

const hostile = [
  '',
  ' ',
  '\u0000',
  '\n',
  '\n smith\n',
  '%',
  '=',
  '#',
  '$0132',
  '@',
  '@@',
  '\ud800',
  'a\udfff',
  'é'.repeat(500),
  `e${'\u0301'.repeat(200)}`,
  'x'.repeat(100_000),
  'a '.repeat(10_000),
  '((a+)+)+$',
  '.*',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '👩‍👩‍👧‍👦',
  '\u202eabc',
  'ﷺ'.repeat(200),
  '0'.repeat(200),
  '1-'.repeat(100),
  '%s%n',
  "'; DROP TABLE",
]

t.test('any query is answered', async (t) => {
  const search = await searchOver('customers', [customer('1', 'Smith'), customer('2', 'a b c d')])
  for (const query of hostile) {
    const { json, ids, total } = search.search('client_names', query, 15)
    t.ok(json.length === total && ids.length === total && total <= 2, JSON.stringify(query.slice(0, 20)))
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (query) => {
      search.search('client_names', query, 15)
    }),
  )
})

t.test('any stored text is taken, and found again by its own first word where it has one', async (t) => {
  const search = createSearch({ entities })
  const rows = hostile.map((text, i) => customer(String(i), text || 'x', { CompanyName: text }))
  await search.apply({ entity: 'customers', upserts: rows, removals: [] })
  for (const query of ['__proto__', 'constructor', 'toString', 'é'.repeat(500), 'x'.repeat(100_000)]) {
    t.ok(search.search('client_names', query, 15).total > 0, query.slice(0, 20))
  }
  t.equal(search.search('client_names', 'smith', 15).total, 1)
})

t.test('the keys of one record are bounded', async (t) => {
  const worst = [
    'x'.repeat(4_000),
    'ab '.repeat(4_000),
    Array.from({ length: 2_000 }, (_, i) => `w${i}`).join(' '),
    'a-'.repeat(2_000),
    `${"o'".repeat(1_000)}`,
    'ﷺ '.repeat(1_000),
  ]
  for (const text of worst) {
    const document = documentText({ texts: [text], codes: [text] })
    t.ok(documentTerms(document).flat().length < 1_600, `keys of ${text.slice(0, 10)}`)
  }
})

t.test('rows that are no JSON objects are not searchable, and spoil nothing', async (t) => {
  const bad = ['', '{', 'null', '[]', '"x"', '5'].map((json, i) => ({
    id: `bad${i}`,
    json,
    active: true,
    lastUpdated: 0,
  }))
  const search = await searchOver('customers', [...bad, customer('1', 'Good')])
  await search.apply({ entity: 'customers', upserts: bad, removals: ['nobody'] })
  t.equal(search.status().client_names?.records, 1)
  t.same(search.search('client_names', 'good', 15).ids, ['1'])
})

t.test('unknown indexes and entities are mistakes of the caller', async (t) => {
  const search = createSearch({ entities })
  t.throws(() => search.search('nope', 'a', 15), RangeError)
  await t.rejects(search.apply({ entity: 'nope', upserts: [], removals: [] }), RangeError)
  await t.rejects(search.rebuild('nope', batches([])), RangeError)
  await search.apply({ entity: 'customers', upserts: [customer('1', 'After')], removals: [] })
  t.equal(search.search('client_names', 'after', 15).total, 1, 'a failed call does not block the next')
})

t.test(
  'the worst queries over many alike records are answered with no more than was asked for',
  async (t) => {
    const rows = Array.from({ length: 20_000 }, (_, i) =>
      row(
        String(i),
        { Name: `AAAAAA-${'a'.repeat(i % 20)}${i}`, Sku: `000000${i}`, Description: 'a b c d' },
        i,
      ),
    )
    const search = await searchOver('items', rows)
    const queries = ['a', 'aaaaaaa', 'aaaaaaz', 'aaaaaa a', 'a b c d e', '0000000', '000000 z', 'zaaaaaa']
    for (const index of ['product_names', 'part_numbers', 'product_descriptions']) {
      for (const query of queries) {
        const { total, ids } = search.search(index, query, 100)
        t.ok(total === ids.length && total <= 100, `${index} ${query}: ${ids.length} of ${total}`)
      }
    }
  },
)
