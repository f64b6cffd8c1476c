// What is painted bold is what was typed, as the search understands it; any text can be typed and stored.
import fc from 'fast-check'
import t from 'tap'
import { createHighlighter, type Range } from '../../../src/services/search/highlight.ts'
import { readQuery } from '../../../src/services/search/query.ts'

type Case = [query: string | string[], value: string, highlighted: string[], reason: string]

const rangesOf = (query: string | string[], value: string): Range[] =>
  createHighlighter(([] as string[]).concat(query))([value])[0] ?? []

function examples(behaviour: string, cases: Case[]) {
  t.test(behaviour, (t) => {
    for (const [query, value, highlighted, reason] of cases) {
      const found = rangesOf(query, value).map(([start, length]) => value.slice(start, start + length))
      t.same(found, highlighted, `${query} in ${value}: ${reason}`)
    }
    t.end()
  })
}

examples('words are highlighted wherever they begin', [
  ['acme', 'Acme Corp', ['Acme'], 'case does not matter'],
  ['acm', 'Acme Corp', ['Acm'], 'only the letters typed'],
  ['acme', 'Acme, a branch of Acmeworks', ['Acme', 'Acme'], 'everywhere'],
  ['corp ac', 'Acme Corp', ['Ac', 'Corp'], 'in any order'],
  ['a', 'Bandana and Ajax', ['a', 'A'], 'one letter only at the beginning of words'],
  ['be bend', 'Bender', ['Bend'], 'the longer of two that overlap'],
  ['smith jones', 'Smith Ltd', ['Smith'], 'what is not there is left out'],
  ['jones', 'Smith Ltd', [], 'nothing in common'],
  ['acme', 'kim@acme.com', ['acme'], 'in an address'],
  ['', 'Acme', [], 'nothing typed'],
  ['acme', '', [], 'nothing stored'],
  ['-&-', 'A-&-B', [], 'no letters'],
])

t.test('ranges are in UTF-16 units of the value', (t) => {
  t.same(rangesOf('acm', 'Acme Corp'), [[0, 3]])
  t.same(rangesOf('frm94s38', 'FR-M94S-38'), [[0, 10]])
  t.same(rangesOf('fr m94s', 'FR-M94S-38'), [
    [0, 2],
    [3, 4],
  ])
  t.same(rangesOf('bolt', '🔩🔩 Bolt'), [[5, 4]])
  t.same(rangesOf('fly wheel', 'Flywheel'), [[0, 8]], 'adjacent ones are one')
  t.end()
})

examples('accents, ligatures and umlauts are highlighted whole, however they are typed', [
  ['cafe', 'Café Noir', ['Café'], 'without the accent'],
  ['cafe', 'Cafe\u0301 Noir', ['Cafe\u0301'], 'a combining mark belongs to its letter'],
  ['e', `e${'\u0301'.repeat(200)}a`, [`e${'\u0301'.repeat(200)}`], 'all of them do'],
  ['strasse', 'Hauptstraße Straße', ['Straße'], 'ß is ss'],
  ['stras', 'Straße 5', ['Straß'], 'half a ß is a ß'],
  ['of', 'Oﬃce', ['Oﬃ'], 'part of a ligature is a ligature'],
  ['muller', 'Müller', ['Müller'], 'u for ü'],
  ['mueller', 'Müller', ['Müller'], 'ue for ü'],
  ['mue', 'Müller', ['Mü'], 'half written'],
  ['müller', 'Mueller & Muller', ['Mueller', 'Muller'], 'ü for ue and u'],
  ['mueller', 'Mu\u0308ller', ['Mu\u0308ller'], 'a combining umlaut'],
  ['øst', 'Oest & Østergaard', ['Oest', 'Øst'], 'ø for oe'],
  ['οδος', 'ΟΔΟΣ', ['ΟΔΟΣ'], 'a sigma at the end of a word'],
  ['acme', '𝒜𝒸me', ['𝒜𝒸me'], 'letters of two units'],
])

examples('apostrophes and abbreviation dots may be left out, or be spaces', [
  ['obrien', 'Kim O’Brien', ['O’Brien'], 'closed up'],
  ['o brien', "Kim O'Brien", ['O', 'Brien'], 'as a space'],
  ["o'brien", 'Kim Obrien', ['Obrien'], 'typed, but not stored'],
  ["o'brien", 'O Brien', ['O Brien'], 'stored as a space'],
  ['brien', "O'Brien", ['Brien'], 'the second half'],
  ['ob', "Obst and O'Brien", ['Ob', "O'B"], 'an apostrophe does not end a word'],
  ['llc', 'Acme L.L.C.', ['L.L.C'], 'dots closed up'],
  ['l.l.c.', 'Acme LLC', ['LLC'], 'dots typed, but not stored'],
  ['jr', 'J.R. Smith', ['J.R'], 'initials'],
])

examples('punctuated chunks and part numbers match closed up, spaced and changed', [
  ['ab', 'A&B Tools', ['A&B'], 'closed up'],
  ['a&b', 'AB Tools', ['AB'], 'typed, but not stored'],
  ['a & b', 'AB Tools', ['AB'], 'spaced, but not stored'],
  ['xy', 'x-y', ['x-y'], 'one word covers the separator'],
  ['ab', 'A big one', [], 'two letters not across a space'],
  ['nextdoor', 'Next Door Ltd', ['Next Door'], 'four are'],
  ['frm9', 'FR-M94S-38', ['FR-M9'], 'a beginning'],
  ['FR-M94S-38', 'FRM94S38', ['FRM94S38'], 'separators gone'],
  ['fr m94s 38', 'FRM94S38', ['FRM94S38'], 'typed in words'],
  ['fr.m94s/38', 'FR-M94S-38', ['FR-M94S-38'], 'other separators'],
  ['94s3', 'FR-M94S-38', ['94S-3'], 'an inner fragment'],
  ['94', 'FR-M94S-38', [], 'a fragment of two says nothing'],
  ['061 764', '061-00000764', ['061', '764'], 'leading zeros of segments'],
  ['61764', '061-00000764', ['61-00000764'], 'and closed up'],
  ['smith-kim', 'Kim Smith', ['Kim', 'Smith'], 'the words of a chunk that is not there as one'],
])

examples('letters inside a word count only where no word begins so', [
  ['wheel', 'Flywheel', ['wheel'], 'inside'],
  ['wheel', 'Flywheel Wheels', ['Wheel'], 'a beginning is better'],
  ['fly wheel', 'Flywheel', ['Flywheel'], 'joined'],
  ['ee', 'Wheel', [], 'two letters do not count'],
])

examples('addresses and phone numbers', [
  ['kim@ac', 'kim@acme.com', ['kim@ac'], 'the beginning of an address'],
  ['m@acme.c', 'kim@acme.com', ['m@acme.c'], 'the middle'],
  ['@acme.com', 'kim@acme.com', ['acme.com'], 'the domain'],
  ['0100132', '(555) 010-0132', ['010-0132'], 'the last seven digits'],
  ['010-0132', '5550100132', ['0100132'], 'with a separator that is not stored'],
  ['555 010 0132', '5550100132', ['5550100132'], 'in words'],
  ['5550100132', '(555) 010-0132', ['555) 010-0132'], 'without the separators'],
  ['+1 555 2104132', '555.210.4132', ['555.210.4132'], 'with a country code that is not stored'],
])

examples('one wrong keystroke counts where nothing else does', [
  ['smiht', 'John Smith', ['Smith'], 'two letters swapped'],
  ['smth', 'John Smith', ['Smith'], 'one missing'],
  ['smiith', 'John Smith', ['Smith'], 'one too many'],
  ['snith', 'John Smith', ['Smith'], 'another letter'],
  ['xmith', 'John Smith', ['Smith'], 'also the first'],
  ['snit', 'John Smithson', ['Smit'], 'of a word only begun'],
  ['smih', 'John Smith', ['Smith'], 'rather all of a word than its beginning'],
  ['obrein', "O'Brien", ["O'Brien"], 'over an apostrophe'],
  ['muelelr', 'Müller', ['Müller'], 'in an umlaut written out'],
  ['snith', 'Smith Snitherson', ['Snith'], 'not beside a word that begins so'],
  ['bolt', 'Bolx Boltx', ['Bolt'], 'nor beside its beginning'],
  ['snith', 'Smithson Smith', ['Smith'], 'a whole word before the beginning of a longer one'],
  ['jon smiht', 'Jon Smith', ['Jon', 'Smith'], 'beside other words'],
  ['smi', 'Sim', [], 'not with three letters'],
  ['smtih jnoes', 'Smith Kones', ['Smith'], 'one keystroke, not two'],
])

examples('conjunctions and company suffixes are not looked for inside words, nor with a wrong letter', [
  ['acme and sons inc', 'Acme & Sons', ['Acme', 'Sons'], 'missing'],
  ['acme and sons', 'Acme Sandra Sons', ['Acme', 'Sons'], 'not in Sandra'],
  ['acme corp', 'Acme Core', ['Acme'], 'not another word'],
  ['acme l.l.c.', 'Acme Lumber Co', ['Acme'], 'not by their letters'],
  ['acme inc', 'Acme Inc.', ['Acme', 'Inc'], 'but as they are'],
  ['sand', 'Sandra', ['Sand'], 'other words are'],
])

examples('the first phrasing that has something in common with the value counts', [
  [['bolt', 'screw'], 'Bolt and screw', ['Bolt'], 'as typed'],
  [['bolt', 'screw'], 'Cap screw', ['screw'], 'the other one'],
  [['bolt', 'screw'], 'Both screws', ['screw'], 'a wrong keystroke comes last'],
  [['botl', 'scerw'], 'Bolt, screw', ['Bolt'], 'and then the first again'],
  [[], 'Bolt', [], 'none'],
])

const raw = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units))
const awkward = fc
  .array(
    fc.constantFrom(
      ...[
        'a',
        'E\u0301',
        'ß',
        'ü',
        'u\u0308',
        'ﬁ',
        'ﷺ',
        '½',
        '한',
        'ς',
        'İ',
        '𝒜',
        '\u{e0100}',
        '\ud800',
        '\udc00',
      ],
      ...[
        '0',
        '07',
        'x1',
        ' ',
        '-',
        '.',
        ':',
        "'",
        '’',
        '´',
        '@',
        '\u0000',
        '\u200d',
        '\u3099',
        '\n',
        '(.*)+$',
        '👩‍👧',
      ],
    ),
  )
  .map((pieces) => pieces.join(''))
const anything = fc.oneof(raw, awkward, fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }))

/** Ascending, apart, not empty, inside the value and on its characters' boundaries. */
function isSound(ranges: readonly Range[], value: string): boolean {
  const isBoundary = (at: number) =>
    at === 0 ||
    at === value.length ||
    !(/[\ud800-\udbff]/.test(value[at - 1] as string) && /[\udc00-\udfff]/.test(value[at] as string))
  const isMark = (at: number) => /^\p{M}/u.test(value.slice(at, at + 2))
  let end = -1
  for (const [start, length] of ranges) {
    if (start <= end || length < 1 || start + length > value.length) return false
    end = start + length
    if (!isBoundary(start) || !isBoundary(end) || isMark(end) || (start > 0 && isMark(start))) return false
  }
  return true
}

t.test('ranges are sound whatever is typed and stored', (t) => {
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 3 }), anything, (typed, value) =>
      isSound(createHighlighter(typed)([value])[0] ?? [], value),
    ),
    { numRuns: 1_000 },
  )
  fc.assert(
    fc.property(anything, fc.nat(), fc.nat(), (value, from, length) => {
      const start = from % (value.length + 1)
      return isSound(rangesOf(value.slice(start, start + (length % 12)), value), value)
    }),
    { numRuns: 1_000 },
  )
  t.end()
})

const covers = (ranges: readonly Range[], start: number, end: number): boolean =>
  ranges.some(([from, length]) => from <= start && from + length >= end)

const name = fc
  .array(
    fc.constantFrom(
      ...[
        'Acme',
        'Müller',
        'Mu\u0308ller',
        "O'Brien",
        'A&B',
        'x-y',
        'FR-M94S-38',
        '061-00000764',
        'L.L.C.',
        'Straße',
      ],
      ...['ΟΔΟΣ', '𝒜𝒸me', 'and', 'Inc', '한글', 'kim@acme.com', '(555) 010-0132', 'Ørsted', 'oﬃce', 'a:b'],
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((words) => words.join(' '))

const letters = fc
  .array(
    fc.constantFrom(
      'a',
      'É',
      'e\u0301',
      'ß',
      'ü',
      'ﬁ',
      '½',
      '𝒜',
      'Σ',
      'ς',
      '0',
      '7',
      ' ',
      '-',
      '.',
      ':',
      '’',
      '@',
    ),
  )
  .map((pieces) => pieces.join(''))

t.test('typing the beginning of any word highlights at least that', (t) => {
  fc.assert(
    fc.property(fc.oneof(name, letters), fc.nat(), fc.nat(), (value, which, length) => {
      const words = [...value.matchAll(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu)]
      const word = words[which % words.length]
      if (!word) return true
      const characters = [...word[0]]
      const typed = characters.slice(0, 1 + (length % characters.length)).join('')
      return (
        readQuery(typed).words.length === 0 ||
        covers(rangesOf(typed, value), word.index, word.index + typed.length)
      )
    }),
    { numRuns: 2_000 },
  )
  t.end()
})

t.test('typing all of a value highlights all of its letters', (t) => {
  fc.assert(
    fc.property(name, (value) => {
      const ranges = rangesOf(value, value)
      for (const { 0: word, index } of value.matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
        if (!covers(ranges, index, index + word.length)) return false
      }
      return true
    }),
  )
  t.end()
})

t.test('only the first 4,000 units of a value are looked at', (t) => {
  t.same(rangesOf('smith', `${'x '.repeat(1_900)}smith`), [[3_800, 5]])
  t.same(rangesOf('smith', `${'x '.repeat(2_000)}smith`), [])
  for (const value of [
    `${'x'.repeat(3_999)}e\u0301`,
    `${'x'.repeat(3_999)}𝒜`,
    `${'x'.repeat(3_998)}e\u{e0100}`,
  ]) {
    t.ok(isSound(rangesOf('xxx', `${value}xxx`), value), 'a character in the middle of the cut is left out')
  }
  t.end()
})

t.test('what one field has, another is not forgiven a wrong keystroke for', (t) => {
  const record = (query: string | string[], ...values: string[]) =>
    createHighlighter(([] as string[]).concat(query))(values).map((ranges, i) =>
      ranges.map(([start, length]) => values[i]?.slice(start, start + length)),
    )
  t.same(record('acme', 'Acme Corp', 'kim@acne.com'), [['Acme'], []])
  t.same(record('acme', 'Axme Corp', 'kim@acne.com'), [['Axme'], ['acne']], 'neither has it')
  t.same(record('acme blot', 'Acme Corp', 'Bolts'), [['Acme'], ['Bolt']], 'each word for itself')
  t.same(record('acme', 'Acne Corp', 'x', 'Acme'), [[], [], ['Acme']], 'in whatever order')
  t.same(
    record(['ss bolt', 'stainless bolt'], 'SS bolt', 'Stainless hex bolts'),
    [
      ['SS', 'bolt'],
      ['Stainless', 'bolt'],
    ],
    'each field in its own phrasing',
  )
  t.same(record('acme'), [], 'no fields')
  t.end()
})

t.test('the work is bounded: whatever grew with the square of these lengths would not end here', (t) => {
  const values = ['a', 'a-', 'ü', 'ﷺ', "a'", 'u\u0308', '\u3099\u05b0', '0', '.*'].map((text) =>
    text.repeat(300_000),
  )
  const queries = [
    'a'.repeat(300_000),
    `${'a'.repeat(39)}b `.repeat(20),
    'a-'.repeat(1_000),
    'aaab '.repeat(1_000),
    '(a+)+$',
  ]
  for (const value of values) {
    for (const query of queries) {
      const painted = rangesOf(query, value).reduce((sum, [, length]) => sum + length, 0)
      t.ok(painted <= value.length, `${query.slice(0, 5)} in ${value.slice(0, 2)}`)
    }
  }
  t.end()
})
