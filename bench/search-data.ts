// Companies for the search benchmark: customers and parts of any number, and what people type to find them. All of it
// follows from a fixed seed. A company that grows knows more words: few are common, most are rare, as in real ones.
import { setImmediate } from 'node:timers/promises'
import { createRandom, mix, pick } from '../simulator/random.ts'
import type { CachedRow, Raw } from '../src/services/entities/index.ts'

/** `names` are customers, `parts` are items. */
export type Kind = 'names' | 'parts'

/** The rows of one company, as its cache would hand them out. */
export interface Company {
  readonly size: number
  row(at: number): CachedRow
  raw(at: number): Raw
  /** All rows, a thousand at a time, with a turn of the event loop between. */
  batches(): AsyncGenerator<CachedRow[]>
}

/** One query, and which of the ways of typing it stands for. */
export interface Typed {
  way: string
  text: string
}

type Random = () => number

const BATCH = 1000
const YEAR = 365 * 86_400_000
const END = Date.parse('2026-06-01')

// ---- Words

const list = (words: string) => words.trim().split(/\s*,\s*/)

const TRADES =
  list(`Machining, Electric, Construction, Manufacturing, Supply, Plumbing, Automation, Fabrication,
  Aerospace, Packaging, Engineering, Auto Body, Hydraulics, Logistics, Robotics, Marine, Welding, Foods, Industries,
  Tool & Die, Plastics, Controls, Landscaping, Medical Devices, Steel, Roofing, Instruments, Farms, Bakery, Pumps,
  Conveyors, Dental, Glass, Freight, Motorsport, Coatings, Printing, Energy, Elevators, Furniture, Optics, Bearings,
  Irrigation, Refrigeration, Flooring, Cabinets, Castings, Wire & Cable, Mining Supply, Semiconductors, Textiles,
  Veterinary, Brewing, Boats, Crane Rental, Gaskets, Laser Cutting, Powder Coating, Heat Treating, Sheet Metal`)
const QUALITIES =
  list(`Advanced, Precision, American, National, United, General, Premier, Pacific, Superior, Allied,
  Quality, Northern, Atlantic, Southern, Custom, Global, Standard, Western, Reliable, Eastern, Modern, Royal, Golden,
  Central, Diamond, Integrated, Liberty, Modular, Universal, Blue Ridge, Great Lakes, Tri-State, Silver Creek, Rapid`)
const THINGS =
  list(`River, Summit, Valley, Eagle, Mountain, Harbor, Star, Creek, Lake, Oak, Pioneer, Falcon, Ridge,
  Bridge, Stone, Keystone, Anchor, Prairie, Cascade, Delta, Phoenix, Vanguard, Compass, Horizon, Sierra, Beacon, Cedar,
  Ironwood, Meadow, Granite, Frontier, Evergreen, Redwood, Lighthouse, Copper, Mesa, Orion, Nova, Apex, Titan`)
const CITIES =
  list(`Chicago, Houston, Dayton, Phoenix, Austin, Columbus, Dallas, Portland, Denver, Akron, Seattle,
  Milwaukee, Tulsa, Fresno, Erie, Duluth, Boston, Omaha, Wichita, Grand Rapids, Cleveland, Waco, Reno, Boise, Toledo,
  St. Louis, San José, Fort Wayne, Kansas City, Salt Lake City, Baton Rouge, Worcester, Rochester, Spokane, Mobile,
  Cañon City, Coeur d'Alene, Winston-Salem, Bellingham, Chattanooga, Albuquerque, Sacramento, Charlotte, Knoxville`)
const ENDINGS = list(
  'Inc, LLC, Inc., Co., Corp, Ltd, Company, Group, Corporation, L.L.C., GmbH, Ltd., & Sons, PLC, AB',
)
const GIVEN =
  list(`James, Mary, John, Linda, Robert, Maria, Michael, Susan, David, Sarah, William, Karen, José, Lisa,
  Richard, Nancy, Thomas, Ana, Charles, Emily, Daniel, Laura, Kevin, Grace, Brian, Priya, George, Élodie, Edward, Kim,
  Ronald, Rosa, Anthony, Amy, Jason, Angela, Jürgen, Helen, Gary, Zoë, Timothy, Anna, Larry, Ruth, Jeffrey, Noor, Frank,
  Diane, Scott, Wen, Eric, Julie, Stephen, Heather, Andrew, Teresa, Raymond, Gloria, Gregory, Evelyn, Joshua, Jean,
  Jerry, Alice, Dennis, Martha, Walter, Frances, Patrick, Judith, Peter, Megan, Søren, Cheryl, Douglas, Olivia, Hassan,
  Katherine, Carl, Denise, Arthur, Inés, Viktor, Marilyn, Roger, Beverly, Yusuf, Brittany, Keith, Danielle, Tomás`)
const INITIALS = list('A&B, J.R., C&C, 3D, D&L, B.K., T&T, R&D, M.A.S., K2, JM, P&H')
const TECH = list('tech, tron, works, soft, lab')
const LETTERS = 'ABCDEFGHJKLMNPRSTUVWXYZ'.split('')
const FAMILIES =
  list(`Smith, Johnson, Williams, Brown, Jones, García, Miller, Davis, Rodríguez, Martínez, Hernández,
  López, González, Wilson, Anderson, Thomas, Taylor, Moore, Jackson, Martin, Lee, Pérez, Thompson, White, Harris,
  Sánchez, Clark, Ramírez, Lewis, Robinson, Walker, Young, Allen, King, Wright, Scott, Torres, Nguyen, Hill, Flores,
  Green, Adams, Nelson, Baker, Hall, Rivera, Campbell, Mitchell, Carter, Roberts, O'Brien, Müller, McDonald, Schmidt,
  Kowalski, O'Connor, Petersen, Schröder, D'Angelo, Patel, Fischer, Ivanov, Van Dyke, Sørensen, Lindqvist, Weiß`)

const ONSETS = list(
  'b,br,c,ch,d,dr,f,fr,g,gl,gr,h,j,k,kr,l,m,n,p,pl,r,s,sch,sh,st,t,th,tr,v,w,z,bl,kn,sp,ph,y',
)
const VOWELS = list('a,e,i,o,u,a,e,i,o,ai,ee,ie,oo,ou,au')
const CODAS = list('n,r,l,s,m,ck,nd,rt,ll,st,ng,x,tt,rn,ld,ss,k,d,t,b')
const TAILS = list(
  'son,er,man,berg,ski,ini,ez,ov,ard,wick,field,ton,ley,dorf,stein,elli,mann,sen,worth,ford,etti,aro,enko,ham',
)
const ACCENTS: Readonly<Record<string, string>> = { a: 'á', e: 'é', i: 'í', o: 'ö', u: 'ü' }
const BEFORE = list("O',Mc,De ,Van ,Mac,D',St. ,La ")

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)

/** A word that nobody has heard of; the same number always gives the same one. */
function coin(number: number): string {
  const roll = (salt: number) => mix(77, number, salt)
  let word = pick(ONSETS, roll(1)) + pick(VOWELS, roll(2)) + pick(CODAS, roll(3))
  if (roll(4) % 10 < 6) word += pick(VOWELS, roll(5)) + (roll(6) % 2 === 0 ? pick(CODAS, roll(7)) : '')
  if (roll(8) % 10 < 6) word += pick(TAILS, roll(9))
  if (roll(10) % 25 === 0) word = word.replace(/[aeiou]/, (vowel) => ACCENTS[vowel] ?? vowel)
  return roll(11) % 25 === 0 ? pick(BEFORE, roll(12)) + capital(word) : capital(word)
}

/** Any of them, all alike. */
const one = <T>(values: readonly T[], random: Random): T => pick(values, Math.floor(values.length * random()))

/** Earlier ones far more often. */
const skewed = <T>(words: readonly T[], random: Random): T =>
  pick(words, Math.floor(words.length * random() ** 2))

/** A rank below `most`; the second is hardly rarer than the first, the thousandth fifty times (Zipf, Mandelbrot). */
const rank = (random: Random, most: number) => Math.floor(20 * ((1 + most / 20) ** random() - 1))

function family(random: Random): string {
  const number = rank(random, 40_000)
  return FAMILIES[number] ?? coin(number)
}

const brand = (random: Random) => coin(1_000_000 + rank(random, 15_000))

// ---- Customers

const COMPANY_NAMES: readonly ((random: Random) => string)[] = [
  (random) => `${family(random)} ${skewed(TRADES, random)}`,
  (random) => `${brand(random)} ${skewed(TRADES, random)}`,
  (random) => `${skewed(CITIES, random)} ${skewed(TRADES, random)}`,
  (random) => `${family(random)} & ${family(random)} ${skewed(TRADES, random)}`,
  (random) => `${skewed(QUALITIES, random)} ${skewed(TRADES, random)} of ${skewed(CITIES, random)}`,
  (random) => `${skewed(QUALITIES, random)} ${brand(random)}`,
  (random) => `${family(random)} ${skewed(THINGS, random)} ${skewed(TRADES, random)}`,
  (random) => `${brand(random)}${one(TECH, random)} Systems`,
  (random) => `${one(INITIALS, random)} ${skewed(TRADES, random)} ${family(random)}`,
  (random) => `${skewed(THINGS, random)}-${family(random)} ${skewed(TRADES, random)}`,
  (random) => `The ${skewed(THINGS, random)} ${skewed(TRADES, random)} ${skewed(QUALITIES, random)}`,
]
const BRANCHES = list('Plant, Retrofit, Store, Line, Building, Unit, Warehouse, Project')
const MAILBOXES = list('info, sales, office, orders, ap, accounting, purchasing, service, contact, parts')
const MAIL_HOSTS = list('mail.example, inbox.example, post.example, webmail.example')

interface Person {
  given: string
  family: string
}
const person = (random: Random): Person => ({ given: skewed(GIVEN, random), family: family(random) })

function companyName(random: Random): string {
  const name = skewed(COMPANY_NAMES, random)(random)
  const comma = random() < 0.2 ? ',' : ''
  const full = random() < 0.6 ? `${name}${comma} ${skewed(ENDINGS, random)}` : name
  return random() < 0.03 ? full.toUpperCase() : full
}

function personName({ given, family }: Person, random: Random): string {
  const roll = random()
  if (roll < 0.15) return `${family}, ${given}`
  if (roll < 0.3) return `${given} ${one(LETTERS, random)}. ${family}`
  return `${given} ${family}`
}

function phone(random: Random): string {
  const digits = (from: number, to: number) => String(Math.floor(from + random() * (to - from)))
  const [area, exchange, line] = [digits(201, 990), digits(200, 999), digits(1000, 9999)]
  const forms = [
    `(${area}) ${exchange}-${line}`,
    `${area}-${exchange}-${line}`,
    `+1 ${area} ${exchange} ${line}`,
    `${area}.${exchange}.${line}`,
    `${area}${exchange}${line}`,
    `(${area}) ${exchange}-${line} x${digits(2, 99)}`,
  ]
  return skewed(forms, random)
}

const plain = (text: string) =>
  text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '')

function email({ given, family }: Person, company: string | null, random: Random): string {
  const host = company === null ? one(MAIL_HOSTS, random) : `${plain(company).slice(0, 22)}.example`
  const boxes = [`${plain(given)}.${plain(family)}`, plain(given), plain(given).charAt(0) + plain(family)]
  if (company !== null) return `${skewed([...boxes, ...MAILBOXES], random)}@${host}`
  return `${one(boxes, random)}${Math.floor(random() * 100)}@${host}`
}

/** QuickBooks wants names that differ: people think of another one, then they number them. */
function unlikeOthers(taken: Set<string>, think: (again: boolean) => string, mark = ' '): string {
  let name = think(false)
  for (let tries = 0; taken.has(name) && tries < 3; tries++) name = think(true)
  let free = name
  for (let n = 2; taken.has(free); n++) free = `${name}${mark}${n}`
  taken.add(free)
  return free
}

/** Makes one customer after the other: companies, people, and now and then a job of the last company. */
function customerMaker(random: Random): (id: string) => Raw {
  const taken = new Set<string>()
  let parent = 'Acme'
  return (Id) => {
    const roll = random()
    const who = person(random)
    if (roll < 0.08) {
      const job = unlikeOthers(taken, () => `${skewed(BRANCHES, random)} ${Math.floor(random() * 10_000)}`)
      return { Id, DisplayName: job, FullyQualifiedName: `${parent}:${job}`, CompanyName: parent, Job: true }
    }
    const isCompany = roll < 0.7
    const name = unlikeOthers(taken, (again) => {
      const one = isCompany ? companyName(random) : personName(who, random)
      return again ? `${one} (${skewed(CITIES, random)})` : one
    })
    if (isCompany) parent = name
    return {
      ...{ Id, DisplayName: name, FullyQualifiedName: name },
      ...(isCompany && { CompanyName: name }),
      ...((!isCompany || random() < 0.5) && { GivenName: who.given, FamilyName: who.family }),
      ...(random() < 0.8 && {
        PrimaryEmailAddr: { Address: email(who, isCompany ? name : null, random) },
      }),
      ...(random() < 0.8 && { PrimaryPhone: { FreeFormNumber: phone(random) } }),
    }
  }
}

// ---- Items

const PART_NOUNS =
  list(`bracket, bolt, shaft, bushing, spacer, housing, flange, gear, plate, pin, collar, valve, clamp,
  adapter, spring, seal, roller, pulley, manifold, handle, cover, coupling, knob, wear strip, hinge, O-ring, connector,
  sensor, relay, fuse, cable, motor, bearing, filter, gasket, hose, nozzle, washer, screw, rivet, sprocket, chain`)
const PART_QUALITIES =
  list(`Mounting, Drive, Left-hand, Right-hand, Heavy-duty, Threaded, Tapered, Insulated, Split,
  Hollow, Upper, Lower, Locking, Sealed, Front, Rear, Inner, Outer, Flanged, Double-row, Quick-release, Précision`)
const MATERIALS =
  list(`304 stainless steel, 6061-T6 aluminum, A36 mild steel, brass C360, Delrin®, nylon 6/6, EPDM 70,
  bronze SAE 660, 4140 alloy, UHMW-PE, zinc plated, black oxide, anodized, PTFE`)
const FOLDERS =
  list(`Fasteners, Raw Material, Bearings, Brackets & Mounts, Shafts, Housings, Gaskets & Seals, Electrical,
  Assemblies, Tooling, Packaging, Pneumatics`)
const SERIES = list('FR, BR, GX, MT, PL, SH, KN, TR, WL, CV')
const GROUPS = list('061, 062, 070, 101, 118, 204, 330')
const FASTENERS = list('HX, SHCS, FHS, BHCS, SET, RIV, WSH, NUT')
const GRADES = list('A2, A4, 8.8, 10.9, ZN, BO')

/** Letters for each A, digits for each 9; everything else stands for itself. */
function fill(pattern: string, random: Random): string {
  return pattern.replace(/[A9]/g, (c) =>
    c === 'A' ? one(LETTERS, random) : String(Math.floor(random() * 10)),
  )
}

/** The styles of several shops; a series has many members, as when parts come in families. */
const CODES: readonly ((random: Random, at: number) => string)[] = [
  (random) => `${one(SERIES, random)}-${fill('A99A-99', random)}`,
  (random, at) => `${one(GROUPS, random)}-${String(at).padStart(8, '0')}`,
  (random) => String(1_000_000 + Math.floor(random() * 9_000_000)),
  (random) =>
    `${one(FASTENERS, random)} ${3 + Math.floor(random() * 22)}x${5 * (1 + rank(random, 60))} ${one(GRADES, random)}`,
  (random, at) => `BRK-${1000 + at}-${one(LETTERS, random)}`,
  (random, at) =>
    `${10 + Math.floor(random() * 30)}.${String(at % 10_000).padStart(4, '0')}.${fill('09', random)}`,
  (random) => fill('9999-0999-30', random),
  (random) => fill('SS-304/9999.5', random),
  (random) => fill('99AA9999A', random),
  (_, at) => `gx${at}l`,
  (random) => fill('PN#99999', random),
  (random) => fill('A9A_99999_R9', random),
]

function partTitle(random: Random): string {
  const size = `${5 * (1 + rank(random, 200))}x${2 * (1 + rank(random, 100))}`
  return `${skewed(PART_QUALITIES, random)} ${skewed(PART_NOUNS, random)} ${size}`
}

/** Half the parts have their number as Name, most others as Sku. */
function itemMaker(random: Random): (id: string, at: number) => Raw {
  const taken = new Set<string>()
  return (Id, at) => {
    const code = unlikeOthers(taken, () => skewed(CODES, random)(random, at), '-')
    const title = partTitle(random)
    const byCode = random() < 0.55
    const Name = byCode ? code : unlikeOthers(taken, () => title)
    return {
      ...{ Id, Name, FullyQualifiedName: random() < 0.5 ? `${skewed(FOLDERS, random)}:${Name}` : Name },
      ...(!byCode && random() < 0.9 && { Sku: code }),
      ...{ Type: 'Inventory', UnitPrice: Math.round(random() ** 3 * 90_000) / 100 },
      ...(random() < 0.9 && {
        Description: `${title}, ${skewed(MATERIALS, random)}. Drawing ${100_000 + at} rev ${one(LETTERS, random)}.`,
      }),
    }
  }
}

// ---- Rows

/** Kept as bytes, so that a million rows do not burden the collector and whatever search keeps of a row is its own. */
interface Packed {
  bytes: Buffer
  ends: number[]
  updated: number[]
}

/** Makes a company of `size` records. */
export function createCompany(kind: Kind, size: number): Company {
  const random = createRandom(kind === 'names' ? 1 : 2)
  const make = kind === 'names' ? customerMaker(random) : itemMaker(random)
  const packed: Packed[] = []
  for (let start = 0; start < size; start += BATCH) {
    const texts: string[] = []
    const updated: number[] = []
    for (let at = start; at < Math.min(start + BATCH, size); at++) {
      texts.push(JSON.stringify(make(String(at + 1), at)))
      updated.push(END - Math.floor(random() ** 2 * 8 * YEAR))
    }
    packed.push(pack(texts, updated))
  }

  function row(at: number): CachedRow {
    const batch = packed[Math.floor(at / BATCH)]
    const i = at % BATCH
    const lastUpdated = batch?.updated[i]
    if (batch === undefined || lastUpdated === undefined) throw new RangeError(`there is no row ${at}`)
    const json = batch.bytes.toString('utf8', i === 0 ? 0 : batch.ends[i - 1], batch.ends[i])
    return { id: String(at + 1), json, active: true, lastUpdated }
  }

  return {
    size,
    row,
    raw: (at) => JSON.parse(row(at).json),
    async *batches() {
      for (let start = 0; start < size; start += BATCH) {
        yield Array.from({ length: Math.min(BATCH, size - start) }, (_, i) => row(start + i))
        await setImmediate()
      }
    },
  }
}

function pack(texts: string[], updated: number[]): Packed {
  let end = 0
  const ends = texts.map((text) => {
    end += Buffer.byteLength(text)
    return end
  })
  return { bytes: Buffer.from(texts.join('')), ends, updated }
}

/** `count` records of a company under new names; another `round` takes other records. */
export function renamed(kind: Kind, company: Company, count: number, round: number): CachedRow[] {
  const random = createRandom(100 + round)
  return Array.from({ length: count }, (_, i) => {
    const at = (Math.floor((i * company.size) / count) + round) % company.size
    const name =
      kind === 'names' ? `${family(random)} ${skewed(TRADES, random)} ${round}` : fill('AA-A99A-9999', random)
    const changed = { [kind === 'names' ? 'DisplayName' : 'Name']: name, FullyQualifiedName: name }
    const json = JSON.stringify({ ...company.raw(at), ...changed })
    return { id: String(at + 1), json, active: true, lastUpdated: END + i * 1000 }
  })
}

// ---- Queries

const text = (raw: Raw, field: string) => (typeof raw[field] === 'string' ? raw[field] : '')

/** All that the peers get to know of a customer. */
export function peerText(raw: Raw): string {
  const person = `${text(raw, 'GivenName')} ${text(raw, 'FamilyName')}`
  const parts = [text(raw, 'DisplayName'), person, emailOf(raw), phoneOf(raw)]
  return parts.filter((part) => part.trim() !== '').join(' ')
}

const nested = (raw: Raw, field: string, part: string) => text((raw[field] ?? {}) as Raw, part)
const emailOf = (raw: Raw) => nested(raw, 'PrimaryEmailAddr', 'Address')
const phoneOf = (raw: Raw) => nested(raw, 'PrimaryPhone', 'FreeFormNumber')

const wordsOf = (text: string) =>
  text
    .toLowerCase()
    .replaceAll("'", '')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
/** Part numbers are typed with capitals or without. */
const codeOf = (raw: Raw) => text(raw, 'Sku') || text(raw, 'Name')

/** One way of typing; '' when this record cannot be typed so. */
type Way = (raw: Raw, random: Random) => string

const upTo = (random: Random, least: number, most: number) =>
  least + Math.floor(random() * (most - least + 1))
const any = (words: readonly string[], random: Random) => words[Math.floor(random() * words.length)] ?? ''
const nameWords = (raw: Raw) => wordsOf(text(raw, 'DisplayName'))

function beginning(words: readonly string[], random: Random, most = 8): string {
  const length = upTo(random, 1, most)
  const word = any(words, random)
  return word.length >= length ? word.slice(0, length) : ''
}

/** The beginnings of two words, one to four letters each. */
function twoBeginnings(words: readonly string[], random: Random): [string, string] | null {
  const first = Math.floor(random() * (words.length - 1))
  const [a, b] = [words[first], words[upTo(random, first + 1, words.length - 1)]]
  if (a === undefined || b === undefined) return null
  return [a.slice(0, upTo(random, 2, 6)), b.slice(0, upTo(random, 1, 4))]
}

function middle(word: string, random: Random): string {
  const length = upTo(random, 3, 6)
  return word.length > length ? word.slice(upTo(random, 1, word.length - length)).slice(0, length) : ''
}

/** One wrong key, not at the first letter: one more, one less, another one, or two the wrong way round. */
function mistyped(word: string, random: Random): string {
  const at = upTo(random, 1, word.length - 2)
  const letter = String.fromCharCode(97 + Math.floor(random() * 26))
  const [before, after] = [word.slice(0, at), word.slice(at)]
  const ways = [
    `${before}${letter}${after}`,
    `${before}${after.slice(1)}`,
    `${before}${letter}${after.slice(1)}`,
    `${before}${after.charAt(1)}${after.charAt(0)}${after.slice(2)}`,
  ]
  const typed = any(ways, random)
  return typed === word ? '' : typed
}

function mistypedWord(words: readonly string[], random: Random): string {
  const word = any(
    words.filter((one) => /^\p{L}{5,}$/u.test(one)),
    random,
  )
  if (word === '') return ''
  const typed = mistyped(word, random)
  const other = any(
    words.filter((one) => one !== word),
    random,
  )
  if (random() < 0.5 || typed === '' || other === '') return typed.slice(0, upTo(random, 5, 20))
  return random() < 0.5 ? `${other} ${typed}` : `${typed} ${other}`
}

function contact(raw: Raw, random: Random): string {
  const [box = '', host = ''] = emailOf(raw).split('@')
  const digits = phoneOf(raw).replace(/ x.*/, '').replace(/\D/g, '').slice(-10)
  const ways = [
    box === '' ? '' : `${box}@${host.slice(0, upTo(random, 0, 5))}`,
    box.length > 3 ? box : '',
    host === '' ? '' : `@${host.slice(0, upTo(random, 4, 10))}`,
    digits.slice(-7),
    digits.slice(-4),
    digits.slice(0, upTo(random, 6, 10)),
    digits === '' ? '' : `${digits.slice(3, 6)}-${digits.slice(6)}`,
  ]
  return any(ways, random)
}

const joinedWords = (words: readonly string[], random: Random) =>
  words.length < 2 ? '' : words.slice(0, 2).join(any(['', '', '-', '.', '_', ' & '], random))

/** A part number in pieces, when it has any. */
function segments(raw: Raw): string[] {
  const words = wordsOf(codeOf(raw))
  return words.length > 1 && /\d/.test(codeOf(raw)) ? words : []
}
const closedUp = (raw: Raw) => (/\d/.test(codeOf(raw)) ? wordsOf(codeOf(raw)).join('') : '')

/** The ways of typing and how many of a hundred queries are typed so. */
const WAYS: Readonly<Record<Kind, readonly (readonly [name: string, share: number, way: Way])[]>> = {
  names: [
    ['beginning of a word', 40, (raw, random) => beginning(nameWords(raw), random)],
    ['two beginnings', 10, (raw, random) => twoBeginnings(nameWords(raw), random)?.join(' ') ?? ''],
    [
      'two beginnings, reversed',
      8,
      (raw, random) => twoBeginnings(nameWords(raw), random)?.reverse().join(' ') ?? '',
    ],
    ['middle of a word', 8, (raw, random) => middle(any(nameWords(raw), random), random)],
    ['full name', 8, (raw) => text(raw, 'DisplayName')],
    ['other separators', 6, (raw, random) => joinedWords(nameWords(raw), random)],
    ['typo', 12, (raw, random) => mistypedWord(nameWords(raw), random)],
    ['e-mail or phone', 8, contact],
  ],
  parts: [
    [
      'beginning',
      30,
      (raw, random) =>
        codeOf(raw)
          .slice(0, upTo(random, 1, 8))
          .trim(),
    ],
    ['no separators', 15, (raw) => (segments(raw).length > 0 ? closedUp(raw) : '')],
    ['other separators', 15, (raw, random) => segments(raw).join(any([' ', '/', '.', '_', '-'], random))],
    [
      'no leading zeros',
      10,
      (raw) => {
        const pieces = segments(raw)
        return pieces.length < 2 ? '' : `${pieces[0]} ${pieces.at(-1)?.replace(/^0+(?=.)/, '')}`
      },
    ],
    ['inner fragment', 15, (raw, random) => middle(closedUp(raw), random)],
    ['typo', 15, (raw, random) => (closedUp(raw).length >= 7 ? mistyped(closedUp(raw), random) : '')],
  ],
}

/** About `count` different queries, in the mixture in which people type, shuffled. */
export function typedQueries(kind: Kind, company: Company, count: number): Typed[] {
  const random = createRandom(3)
  const seen = new Set<string>()
  const queries = WAYS[kind].flatMap(([way, share, type]) =>
    different(company, (count * share) / 100, random, seen, type).map((text) => ({ way, text })),
  )
  return shuffled(queries, random)
}

/** The first three keystrokes: about `count` different beginnings of one to three letters. */
export function shortQueries(kind: Kind, company: Company, count: number): Typed[] {
  const random = createRandom(4)
  const way: Way = (raw, random) =>
    kind === 'names'
      ? beginning(nameWords(raw), random, 3)
      : wordsOf(codeOf(raw).slice(0, upTo(random, 1, 3))).join(' ')
  const texts = different(company, count, random, new Set(), way)
  return shuffled(
    texts.map((text) => ({ way: `${text.length} typed`, text })),
    random,
  )
}

function different(company: Company, count: number, random: Random, seen: Set<string>, way: Way): string[] {
  const texts: string[] = []
  for (let tries = 0; texts.length < count && tries < count * 40; tries++) {
    const typed = way(company.raw(Math.floor(random() * company.size)), random)
    if (!/[\p{L}\p{N}]/u.test(typed) || seen.has(typed)) continue
    seen.add(typed)
    texts.push(typed)
  }
  return texts
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  return values
    .map((value) => ({ value, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value)
}
