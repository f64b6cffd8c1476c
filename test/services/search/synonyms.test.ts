// Synonyms: what a shop's file says means the same, found in what was typed as whole words, and never more of it than
// a person means.
import t from 'tap'
import { entities } from '../../../src/services/entities/index.ts'
import { createSearch } from '../../../src/services/search/search.ts'
import { readSynonyms } from '../../../src/services/search/synonyms.ts'
import { batches, row } from './helpers.ts'

type Case = [typed: string, phrasings: string[], reason: string]

const lists = (...groups: string[][]) => readSynonyms(JSON.stringify(groups))
const shop = () => lists(['SS', 'stainless', 'inox'], ['1/4', '.25'], ['M/C', 'machine'])

function examples(behaviour: string, synonyms: ReturnType<typeof readSynonyms>, cases: Case[]) {
  t.test(behaviour, (t) => {
    for (const [typed, phrasings, reason] of cases) {
      t.same(synonyms(typed).toSorted(), phrasings.toSorted(), `${typed}: ${reason}`)
    }
    t.end()
  })
}

examples('each term of a list stands for all the others', shop(), [
  ['ss', ['stainless', 'inox'], 'the first'],
  ['stainless', ['ss', 'inox'], 'the second'],
  ['inox', ['ss', 'stainless'], 'the last'],
  ['SS Bolt', ['stainless bolt', 'inox bolt'], 'whatever the case, and with other words'],
  ['hex  ss\tbolt', ['hex stainless bolt', 'hex inox bolt'], 'in the middle, whatever the spaces'],
  ['bolt', [], 'what is in no list stands for itself'],
  ['', [], 'nothing typed'],
  ['   ', [], 'nothing but spaces'],
  ['---', [], 'nothing but punctuation'],
])

t.test('the other form of the file means the same', (t) => {
  const other = readSynonyms('{"SS": ["stainless", "inox"], "1/4": ".25", "M/C": ["machine"]}')
  for (const typed of ['ss bolt', 'Stainless', 'inox 1/4', '.25', 'm/c', 'bolt', '1.25']) {
    t.same(other(typed), shop()(typed), typed)
  }
  t.end()
})

examples('a term is only found where it is a word of its own', shop(), [
  ['ss-304', ['stainless-304', 'inox-304'], 'a separator ends a word'],
  ['(ss)', ['(stainless)', '(inox)'], 'so does a bracket'],
  ['ss,1/4', ['stainless,1/4', 'inox,1/4', 'ss,.25', 'stainless,.25', 'inox,.25'], 'and a comma'],
  ['glass', [], 'not at the end of a word'],
  ['ssn', [], 'not at the beginning of one'],
  ['ss304', [], 'a digit belongs to the word'],
  ['sß', [], 'a letter that is folded to more belongs to it'],
  ['1/4', ['.25'], 'the term itself'],
  ['1/4"', ['.25"'], 'with a sign after it'],
  ['1/4-20', ['.25-20'], 'a thread'],
  ['11/4', [], '1/4 is not in 11/4'],
  ['1/43', [], 'nor in 1/43'],
  ['3/1/4', [], 'nor behind another slash'],
  ['.25', ['1/4'], 'with nothing before its dot'],
  ['x .25', ['x 1/4'], 'after a space'],
  ['1.25', [], '.25 is not in 1.25'],
  ['.255', [], 'nor in .255'],
  ['..25', [], 'nor behind another dot'],
  ['m/c', ['machine'], 'a term with a slash'],
  ['m/c shop', ['machine shop'], 'with more words'],
  ['am/c', [], 'not at the end of another'],
])

examples('accents and case matter neither in the file nor in what is typed', lists(['Größe', 'SIZE']), [
  ['größe', ['size'], 'as it is written'],
  ['GROSSE', ['size'], 'folded'],
  ['Size', ['grosse'], 'and back'],
])

examples('a term can be several words', lists(['SHCS', 'socket head cap screw']), [
  ['shcs m8', ['socket head cap screw m8'], 'for one'],
  ['Socket  Head Cap Screw M8', ['shcs m8'], 'for the other'],
  ['socket head', [], 'not for a part of it'],
])

examples(
  'several lists may name a term, and all of them count',
  lists(['ss', 'stainless'], ['ss', 'set screw']),
  [['ss', ['stainless', 'set screw'], 'both meanings']],
)

t.test('a term that comes twice is replaced in both places', (t) => {
  t.ok(shop()('ss bolt ss nut').includes('stainless bolt stainless nut'))
  t.end()
})

t.test('a text with several terms is tried with each of them replaced, and with all', (t) => {
  const synonyms = lists(['ss', 'stainless'], ['1/4', '.25'])
  t.same(synonyms('ss 1/4').toSorted(), ['ss .25', 'stainless .25', 'stainless 1/4'])
  t.end()
})

t.test('never more than sixteen phrasings, however many there could be, and never the text itself', (t) => {
  const many = lists(...Array.from({ length: 30 }, (_, i) => [`w${i}`, `x${i}`, `y${i}`]))
  for (const typed of [
    'w1',
    'w1 w2 w3 w4 w5 w6 w7 w8',
    'w1 '.repeat(60),
    Array.from({ length: 30 }, (_, i) => `w${i}`).join(' '),
  ]) {
    const phrasings = many(typed)
    t.ok(phrasings.length > 0 && phrasings.length <= 16, typed.slice(0, 30))
    t.notOk(phrasings.includes(typed.trim()))
    t.equal(new Set(phrasings).size, phrasings.length, 'each once')
  }
  const one = lists(Array.from({ length: 40 }, (_, i) => `t${i}`))
  t.equal(one('t0').length, 16, 'a list of forty')
  t.end()
})

t.test('a term that is part of what it stands for is not put into itself again and again', (t) => {
  const terms = ['ss', 'stainless', 'stainless steel']
  for (const typed of terms) {
    const phrasings = lists(terms)(typed)
    for (const term of terms) t.equal(phrasings.includes(term), term !== typed, `${term} for ${typed}`)
    t.notMatch(phrasings.join(), 'steel steel', typed)
  }
  t.end()
})

t.test('a file with nothing in it, or with terms that stand alone, changes nothing', (t) => {
  for (const content of ['[]', '{}', '[[]]', '[["ss"]]', '{"ss": []}', '[["ss", "SS"]]', ' [ ] \n']) {
    t.same(readSynonyms(content)('ss bolt'), [], content)
  }
  t.end()
})

t.test('a file that is no such list is refused, with what was expected or where it breaks off', (t) => {
  for (const content of [
    '',
    'SS = stainless',
    '[["SS", "stainless"]',
    '[["SS", stainless]]',
    'null',
    'true',
    '5',
    '"SS"',
    '["SS", "stainless"]',
    '[["SS", 304]]',
    '[["SS", null]]',
    '[["SS", ["stainless"]]]',
    '[["SS", ""]]',
    '[["SS", "  "]]',
    '{"SS": 304}',
    '{"SS": null}',
    '{"SS": ""}',
    '{"SS": ["stainless", ""]}',
    '{"SS": {"is": "stainless"}}',
    JSON.stringify([['SS', 'x'.repeat(101)]]),
  ]) {
    t.throws(() => readSynonyms(content), { message: /JSON|a list of lists of terms/ }, content.slice(0, 40))
  }
  t.end()
})

t.test('a term without anything to find in it is refused', (t) => {
  for (const content of [
    '{"": "stainless"}',
    '{"  ": ["stainless"]}',
    '[["SS", "\u200b"]]',
    '[["SS", "\u0301"]]',
  ]) {
    t.throws(() => readSynonyms(content), JSON.stringify(content))
  }
  t.end()
})

t.test('a byte order mark before the list does not matter', (t) => {
  t.doesNotThrow(() => readSynonyms('\ufeff[["SS", "stainless"]]'))
  t.end()
})

const parts = [
  row('steel', { Name: 'Stainless bolt' }, 1),
  row('ss', { Name: 'SS bolt' }, 0),
  row('quarter', { Name: 'Nut .25' }, 2),
  row('inch', { Name: 'Washer 1/4' }, 3),
  row('long', { Name: 'Rod 1.25' }, 4),
]

async function searchWithSynonyms() {
  const search = createSearch({ entities, synonyms: shop() })
  await search.rebuild('items', batches(parts))
  return search
}

t.test('search finds what was typed first, then what means the same', async (t) => {
  const search = await searchWithSynonyms()
  const idsOf = (q: string) => search.search('product_names', q, 10).ids
  t.same(idsOf('ss'), ['ss', 'steel'])
  t.same(idsOf('stainless'), ['steel', 'ss'])
  t.same(idsOf('inox bolt'), ['steel', 'ss'], 'by a word that is in no name')
  t.equal(idsOf('1/4')[0], 'inch')
  t.ok(idsOf('1/4').includes('quarter'))
  t.same(idsOf('washer .25').slice(0, 1), ['inch'])
  t.equal(search.search('product_names', 'ss', 10).passes[1], 'other spelling')
})

t.test('three abbreviations in one query find what has all of them written out', async (t) => {
  const synonyms = lists(['SS', 'stainless', 'stainless steel'], ['1/4', '.25', '0.25'], ['brkt', 'bracket'])
  const search = createSearch({ entities, synonyms })
  await search.rebuild('items', batches([row('written', { Name: 'Stainless steel bracket .25' })]))
  t.same(search.search('product_names', 'ss brkt', 10).ids, ['written'])
  t.same(search.search('product_names', 'ss 1/4 brkt', 10).ids, ['written'])
})

t.test('a page of all matches holds the same ones in the same order', async (t) => {
  const search = await searchWithSynonyms()
  for (const q of ['ss', 'stainless', 'inox bolt', '1/4', 'washer .25']) {
    const found = await search.find('product_names', q, {
      filter: { active: true, facets: {}, bounds: {} },
      order: { by: 'relevance', descending: false },
      offset: 0,
      limit: 10,
    })
    t.same(found.ids, search.search('product_names', q, 10).ids, q)
  }
})

const highlightedBy = (q: string, value: string) =>
  createSearch({ entities, synonyms: shop() })
    .highlighter(q)([value])
    .flat()
    .map(([start, length]) => value.slice(start, start + length))

t.test('what means the same is highlighted', (t) => {
  t.same(highlightedBy('ss', 'Stainless bolt'), ['Stainless'])
  t.same(highlightedBy('stainless', 'Bolt, SS'), ['SS'])
  t.same(highlightedBy('1/4', 'Nut .25'), ['25'])
  t.same(highlightedBy('ss', 'SS bolt, not stainless'), ['SS'], 'as typed, where that is there')
  t.end()
})

t.test('what means the same is highlighted beside words that stand there as typed', (t) => {
  t.same(highlightedBy('ss bolt', 'Stainless hex bolt'), ['Stainless', 'bolt'])
  t.end()
})
