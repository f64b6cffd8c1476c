// Ranking sets: what a person types, and who must come in which order, with the reason beside each.
import t from 'tap'
import { customer, row, searchOver } from './helpers.ts'

type Case = [query: string, ids: string, reason: string]

async function check(entity: string, index: string, rows: Parameters<typeof searchOver>[1], cases: Case[]) {
  const search = await searchOver(entity, rows)
  for (const [query, ids, reason] of cases) {
    t.equal(search.search(index, query, 15).ids.join(' '), ids, `${index} "${query}": ${reason}`)
  }
}

t.test('customers: exact, then the start of the field, then the start of a word', async () => {
  await check(
    'customers',
    'client_names',
    [
      customer('later', 'John Smith', {}, 9),
      customer('part', 'Smithson Tools', {}, 8),
      customer('first', 'Smith Brothers', {}, 1),
      customer('exact', 'Smith', {}, 0),
      customer('inner', 'Goldsmith', {}, 10),
      customer('laterPart', 'Ann Smithers', {}, 7),
      customer('mail', 'Zed Works', { PrimaryEmailAddr: { Address: 'smithy@zed.example' } }, 11),
    ],
    [
      ['smith', 'exact first part later laterPart mail inner', 'tiers beat recency; contacts, then inside'],
      ['SMITH', 'exact first part later laterPart mail inner', 'case does not matter'],
      ['smith b', 'first', 'all words must match'],
      ['bro smi', 'first', 'in any order, each as the beginning of a word'],
      ['smiths', 'part first exact later laterPart', 'a longer prefix, then what is one keystroke away'],
      ['zed', 'mail', 'by name'],
      ['mith', 'inner later part laterPart first exact', 'inside a word; by recency; not in addresses'],
    ],
  )
})

t.test('customers: ties go to the more recently updated, then by name', async () => {
  await check(
    'customers',
    'client_names',
    [
      customer('old', 'Acme East', {}, 1),
      customer('new', 'Acme West', {}, 5),
      customer('b', 'Acme South', {}, 3),
      customer('a', 'Acme North', {}, 3),
    ],
    [
      ['a', 'new a b old', 'one letter'],
      ['ac', 'new a b old', 'two letters'],
      ['acme', 'new a b old', 'a word'],
    ],
  )
})

t.test('customers: a phrase beats scattered words', async () => {
  await check(
    'customers',
    'client_names',
    [
      customer('any', 'Door Of The Next Room', {}, 9),
      customer('inside', 'The Next Door', {}, 8),
      customer('starts', 'Next Door Bikes', {}, 1),
      customer('exact', 'Next Door', {}, 0),
      customer('joined', 'Nextdoor Ltd', {}, 7),
    ],
    [
      ['next door', 'exact starts inside any joined', 'exact, start, phrase, all words, closed up'],
      ['nextdoor', 'joined exact starts inside', 'closed up first, then a cut that makes two words'],
    ],
  )
})

t.test('customers: spelling that people leave out', async () => {
  const rows = [
    customer('ob', "O'Brien & Sons"),
    customer('curly', 'O’Reilly Auto'),
    customer('mu', 'Müller GmbH'),
    customer('cafe', 'Café Zürich'),
    customer('os', 'Østergård ApS'),
    customer('lo', 'Łódź Metals'),
    customer('ss', 'Weißkopf'),
    customer('llc', 'Apex L.L.C.'),
    customer('rr', 'Rock & Roll Inc'),
    customer('cjk', '株式会社山田'),
    customer('ru', 'Завод Ёлка'),
    customer('el', 'Ωμέγα'),
  ]
  await check('customers', 'client_names', rows, [
    ['obrien', 'ob', 'apostrophe left out'],
    ["o'brien", 'ob', 'straight'],
    ['o’brien', 'ob', 'curly'],
    ['o brien', 'ob', 'as a space'],
    ['oreil', 'curly', 'prefix over the apostrophe'],
    ["o'reilly auto", 'curly', 'straight for curly'],
    ['muller', 'mu', 'without the umlaut'],
    ['mueller', 'mu', 'written out'],
    ['Müll', 'mu', 'with it'],
    ['cafe zuer', 'cafe', 'both in one query'],
    ['ostergard', 'os', 'ø and å'],
    ['oestergaard', 'os', 'ø and å written out'],
    ['lodz', 'lo', 'ł'],
    ['weisskopf', 'ss', 'ß'],
    ['weißk', 'ss', 'ß itself'],
    ['apex llc', 'llc', 'abbreviation dots'],
    ['apex inc', 'llc', 'the wrong suffix is dropped when nothing fits it'],
    ['rock and roll', 'rr', 'and for &'],
    ['rock&roll', 'rr', 'no spaces'],
    ['株式', 'cjk', 'CJK by prefix'],
    ['завод елка', 'ru', 'Cyrillic, ё as е'],
    ['ωμεγ', 'el', 'Greek without the accent'],
  ])
})

t.test('customers: by company, parent, person, e-mail and phone', async () => {
  const rows = [
    customer('job', '0969 Ocean View Road', {
      FullyQualifiedName: 'Freeman Sporting Goods:0969 Ocean View Road',
      CompanyName: 'Freeman Sporting Goods',
      GivenName: 'Sasha',
      FamilyName: 'Tillou',
      PrimaryPhone: { FreeFormNumber: '(415) 555-9933' },
      Mobile: { FreeFormNumber: '+1 650 555 0101' },
      PrimaryEmailAddr: { Address: 'Sporting_goods@intuit.example.com' },
    }),
    customer('other', 'Other', { PrimaryPhone: { FreeFormNumber: '(415) 555-9934' } }),
    customer('extended', 'Extended', { PrimaryPhone: { FreeFormNumber: '+1 (212) 555-0199 x23' } }),
  ]
  await check('customers', 'client_names', rows, [
    ['freeman', 'job', 'company'],
    ['tillou sasha', 'job', 'person'],
    ['ocean free', 'job', 'own and parent name'],
    ['sporting_goods@intuit.example.com', 'job', 'whole address'],
    ['sporting_goods', 'job', 'local part'],
    ['intuit', 'job', 'domain word'],
    ['@intu', 'job', 'domain as typed'],
    ['4155559933', 'job', 'full digits'],
    ['(415) 555-9933', 'job', 'as written'],
    ['555-9933', 'job', 'last seven'],
    ['9933', 'job', 'last four'],
    ['415555', 'job other', 'while it is typed'],
    ['6505550101', 'job', 'without the country code'],
    ['650-555', 'job', 'the same while it is typed'],
    ['(212) 555-0199', 'extended', 'a number that is stored with an extension'],
    ['0199', 'extended', 'its last four'],
    ['+1 (415) 555-9933', 'job', 'with a country code that is not stored'],
    ['5559935', '', 'nobody'],
  ])
})

const part = (id: string, name: string, more: Record<string, unknown> = {}, minutes = 0) =>
  row(id, { Name: name, FullyQualifiedName: name, ...more }, minutes)

t.test('parts: by Name and by Sku, in every form that people type', async () => {
  const rows = [
    part('fr', 'FR-M94S-38'),
    part('fr2', 'FR-M94S-42'),
    part('zero', '061-00000764'),
    part('sku', 'Hex bolt 10 mm', { Sku: 'HB.10/M8' }),
    part('short', '1024'),
    part('dash', '10-24-SS', {}, 5),
    part('cat', 'Bolts', { Type: 'Category' }),
    part('nested', 'Washer', { FullyQualifiedName: 'Bolts:Washer' }),
  ]
  const cases: Case[] = [
    ['FR-M94S-38', 'fr', 'as written'],
    ['frm94s38', 'fr', 'no separators'],
    ['fr m94s 38', 'fr', 'spaces'],
    ['fr/m94s.38', 'fr', 'other separators'],
    ['#FR_M94S_38', 'fr', 'a hash in front'],
    ['frm94s-38', 'fr', 'some of them'],
    ['fr-m94', 'fr fr2', 'a prefix; by name, since equally recent'],
    ['m94s', 'fr fr2', 'an inner segment'],
    ['94s3', 'fr', 'an inner fragment'],
    ['061 764', 'zero', 'leading zeros of a segment left out'],
    ['61-764', 'zero', 'of both'],
    ['06100000764', 'zero', 'joined'],
    ['764', 'zero', 'last segment without zeros'],
    ['hb10m8', 'sku', 'Sku without separators'],
    ['hb 10', 'sku', 'Sku by segments'],
    ['hex bolt', 'sku', 'Name as text'],
    ['1024', 'short dash', 'the exact code first, though the other is more recent'],
    ['10 24', 'short dash', 'the exact code first, also when it is typed with a space'],
    [
      'bolts',
      'nested sku',
      'an item by its category, not the category itself; then what is one keystroke away',
    ],
  ]
  await check('items', 'part_numbers', rows, cases)
  await check('items', 'part_names', rows, cases)
})

t.test('products and descriptions', async () => {
  const rows = [
    part('pump', 'Pump', { Description: 'Fountain pump, cast iron' }),
    part('rock', 'Rock Fountain', { PurchaseDesc: 'Garden rocks' }),
  ]
  await check('items', 'product_names', rows, [
    ['foun', 'rock', 'names only'],
    ['pump', 'pump', 'exact'],
  ])
  await check('items', 'product_descriptions', rows, [
    ['cast fount', 'pump', 'any order'],
    ['garden', 'rock', 'the purchase description too'],
    ['rock', 'rock', 'prefix of a word'],
  ])
})

t.test('customers: an address is found by a mailbox of two letters, and a domain before a mailbox', () =>
  check(
    'customers',
    'client_names',
    [
      customer('short', 'Baker', { PrimaryEmailAddr: { Address: 'ap@tool.example' } }),
      customer('mailbox', 'Carter', { PrimaryEmailAddr: { Address: 'william@tool.example' } }),
      customer('domain', 'Dyer', { PrimaryEmailAddr: { Address: 'kim@williams.example' } }),
    ],
    [
      ['ap@', 'short', 'too short for a name, but an @ says what it is'],
      ['ap@t', 'short', 'with the domain begun'],
      ['@william', 'domain mailbox', 'the domain, and only then a mailbox that is called so'],
    ],
  ),
)

t.test('customers: the same name with another legal form comes before its words in any order', () =>
  check(
    'customers',
    'client_names',
    [
      customer('scattered', 'Machining Anderson Inc', {}, 9),
      customer('longer', 'Anderson Machining Supply', {}, 8),
      customer('llc', 'Anderson Machining LLC', {}, 2),
      customer('co', 'Anderson Machining Co Ltd', {}, 1),
      customer('inc', 'Anderson Machining Inc', {}, 0),
    ],
    [
      [
        'anderson machining inc',
        'inc llc co scattered longer',
        'the name, the company, its words, some of them',
      ],
      ['anderson machining gmbh', 'llc co inc longer scattered', 'a form that nobody has: the company first'],
    ],
  ),
)

t.test('customers: words in the name come before words of which one stands in an address', () =>
  check(
    'customers',
    'client_names',
    [
      customer('mail', 'Smith Works', { PrimaryEmailAddr: { Address: 'kim@acme.example' } }, 9),
      customer('both', 'Zed', { PrimaryEmailAddr: { Address: 'kim.smith@zed.example' } }, 8),
      customer('name', 'Smith, Kim', {}, 1),
    ],
    [
      ['kim smith', 'name mail both', 'then by recency'],
      ['smi ki', 'name', 'a word too short for an address finds names'],
      ['kim smith inc', 'name mail both', 'and without the legal form'],
      ['zed kim', 'both', 'one word here, one there'],
    ],
  ),
)

t.test('descriptions: a punctuated word inside a long text does not begin it', () =>
  check(
    'items',
    'product_descriptions',
    [
      part(
        'prose',
        'a',
        {
          Description:
            'A pump for gardens, ponds and fountains, quiet and strong, now with a 12-volt motor and Watt-saver mode',
        },
        9,
      ),
      part('begins', 'b', { Description: 'Wattage meter' }, 1),
    ],
    [
      ['wat', 'begins prose', 'the start of the field first'],
      ['wattsaver', 'prose', 'and it is found closed up'],
      ['12volt mot', 'prose', 'beside other words'],
    ],
  ),
)

t.test('items: a part of a number beside other words is looked for last', async () => {
  await check(
    'items',
    'part_numbers',
    [
      row('flange', { Name: 'Flange', Type: 'Inventory', Sku: 'SS-304/3041.5' }, 0),
      row('knob', { Name: 'Knob 90x14', Type: 'Inventory', Sku: 'SS-304/1743.5' }, 9),
      row('narrow', { Name: 'Split bracket 50x30', Type: 'Inventory' }, 0),
      row('wide', { Name: 'Split bracket 85x30', Type: 'Inventory' }, 9),
      row('short', { Name: 'BRK-1020', Type: 'Inventory' }, 0),
      row('long', { Name: 'BRK-11020', Type: 'Inventory' }, 9),
    ],
    [
      ['SS-304/3041.9', 'flange knob', 'one wrong digit is forgiven before'],
      ['split bracket 50x30', 'narrow', 'what was typed is there'],
      ['BRK-1020', 'short', 'and is not inside of another number'],
      ['flange 041', 'flange', 'nothing else has both'],
    ],
  )
})
