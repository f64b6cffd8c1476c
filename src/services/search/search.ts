// The live search: answers from memory, synchronously, and follows the committed changes of the cache. It can be
// rebuilt from the cache at any time and is never the only place of anything.
// Changes are applied one call after the other; searches never wait for them and never see half of a build.
import { type CachedRow, type Entity, feedsByName, type NamedFeed } from '../entities/entity.ts'
import { type Build, buildsInSlices, type StartBuild } from './builder.ts'
import { type Filter, findAll, type Order } from './find.ts'
import { createHighlighter, type Highlighter } from './highlight.ts'
import { TopHits } from './hits.ts'
import { bestOf, existing, type Feed, mostImportantOf, type Place, placesOf } from './merge.ts'
import { passOf, runPasses } from './passes.ts'
import { readQuery } from './query.ts'
import { idIn, recordOf } from './record.ts'
import type { SegmentData } from './segment.ts'
import { createSlices, type YieldNow } from './steps.ts'
import { createStore, type EntityStore } from './store.ts'
import type { Synonyms } from './synonyms.ts'

export type { CachedRow } from '../entities/entity.ts'
export type { Highlighter } from './highlight.ts'

/** What a query found, best first. */
export interface SearchAnswer {
  /** The number of results returned. */
  total: number
  /** The JSON text of each result, in ASCII, made when it was indexed: join them, do not parse them. */
  readonly json: string[]
  /** The ids of the results. */
  readonly ids: string[]
  /** By which way each result was found; see passes.ts. */
  readonly passes: string[]
}

/** A page of all that matches. */
export interface FoundPage extends SearchAnswer {
  totalMatches: number
}

/** Which page of which matches in which order. */
export interface FindOptions {
  filter: Filter
  order: Order
  offset: number
  limit: number
}

/** Committed changes of one entity. */
export interface SearchChange {
  entity: string
  upserts: Iterable<CachedRow>
  /** Ids of records that no longer exist; unknown ones do not matter. */
  removals: Iterable<string>
}

/** Sizes of one index, for a status page. */
export interface IndexStatus {
  /** The entities that feed it, comma separated. */
  entity: string
  /** Active records that can be found. */
  records: number
  /** Entries of changed and removed records that the next compaction drops. */
  dead: number
  /** Epoch milliseconds of the last applied change or build of an entity; null when there was none. */
  lastChange: number | null
}

export interface SearchService {
  /** The names of the indexes, in the order of the entities. */
  readonly indexNames: readonly string[]
  /** The best `limit` records for what a person typed. Throws RangeError for an unknown index, never for a query. */
  search(index: string, query: string, limit: number): SearchAnswer
  /** The same to the end of the matches, filtered and sorted; a query without words matches everything. In slices. */
  find(index: string, query: string, options: FindOptions): Promise<FoundPage>
  /** The records that matter most. */
  suggest(index: string, limit: number): SearchAnswer
  /** The JSON of these records, inactive ones included, in this order; null for those that there are not. */
  results(entity: string, ids: readonly string[]): (string | null)[]
  /** Says which parts of the values of a record a query, or a synonym of it, means. */
  highlighter(query: string): Highlighter
  /** Changes with everything that an answer of this index can depend on. */
  generation(index: string): number
  /** Applies committed changes in slices; resolves when they are searchable. Calls keep their order. */
  apply(change: SearchChange): Promise<void>
  /** Begins to fill an entity anew; the old answers until the new is whole. Changes applied meanwhile would be lost. */
  load(entity: string): Load
  /** Replaces all of an entity by the rows of the cache: a `load` of all of them. */
  rebuild(entity: string, batches: AsyncIterable<readonly CachedRow[]>): Promise<void>
  /**
   * Takes up what was kept of an entity, as of the `seq` of the cache that it answers with; null when there is nothing.
   * What changed since is for the caller to apply.
   */
  restore(entity: string): Promise<number | null>
  /** Removes all records but those with these ids. */
  retain(entity: string, ids: AsyncIterable<readonly string[]>): Promise<void>
  /** Records of an entity, inactive ones included. */
  size(entity: string): number
  /** After many changes: brings the indexes into their best order and form, in the background, where it is worth it. */
  tidy(): void
  /** Forgets all records, and what was kept of them, after the calls before it. */
  clear(): Promise<void>
  /** By index name. */
  status(): Record<string, IndexStatus>
  /** Resolves when every call so far is done and nothing runs in the background. For tests. */
  settled(): Promise<void>
  /** Ends what runs in the background. */
  close(): Promise<void>
}

/** An entity's records on their way into search, in any order. */
export interface Load {
  /** Takes committed changes in. They are not searchable yet. */
  add(change: Omit<SearchChange, 'entity'>): Promise<void>
  /** Makes all of it searchable, in place of what was there. */
  finish(): Promise<void>
  cancel(): void
}

/** Takes all of the batches in and makes them searchable; when that fails, nothing of them is. */
export async function fill(load: Load, batches: AsyncIterable<readonly CachedRow[]>): Promise<void> {
  try {
    for await (const upserts of batches) await load.add({ upserts, removals: [] })
    await load.finish()
  } catch (error) {
    load.cancel()
    throw error
  }
}

/** Keeps what was built for the next start. */
export interface Shelf {
  put(entity: string, kept: Kept): Promise<void>
  get(entity: string): Promise<Kept | null>
  /** Deletes all of it. */
  clear(): Promise<void>
}

/** A segment with all changes of the cache up to `seq`. */
export interface Kept {
  seq: number
  segment: SegmentData
}

export interface SearchDeps {
  entities: readonly Entity[]
  clock?: { now(): number }
  yieldNow?: YieldNow
  /** Where segments are built: in slices on this thread when not given. */
  startBuild?: StartBuild
  shelf?: Shelf
  /** Other phrasings of what was typed; none when not given. */
  synonyms?: Synonyms
  /** Hears of a failure in the background, which no caller waits for. */
  onError?: (error: unknown) => void
}

/**
 * A new segment is due when so many records changed since the last one, or this share of them when that is less. With so
 * many, further changes wait for it: they live in V8's heap.
 */
const manyChanges = 10_000
const changedShare = 0.2
/** Never for fewer. */
const fewChanges = 1_000
/** After a full pass, which changes records in no order of importance, for this share. */
const tidyShare = 0.02
const tidyFew = 100
/** A search to the end of the matches begins again when they change, so often. */
const findAttempts = 4
/** Milliseconds that a search to the end of the matches may hold up others at a time. */
const findSliceMs = 1

/** A search over the indexes that the entities declare, empty at first. Throws when one of them feeds an index twice. */
export function createSearch({
  entities,
  clock = Date,
  yieldNow,
  startBuild = buildsInSlices(yieldNow),
  shelf,
  synonyms = () => [],
  onError = () => {},
}: SearchDeps): SearchService {
  const byName = new Map(entities.map((entity) => [entity.name, entity]))
  const stores = new Map<string, EntityStore>(entities.map((e) => [e.name, createStore(e, null)]))
  const feeds = feedsByName(entities)
  const lastChange = new Map<string, number>()
  const generations = new Map<string, number>()
  /** Ids that change while their entity is being compacted. */
  const touched = new Map<string, Set<string>>()
  const builds = new Set<Build>()
  let queue: Promise<void> = Promise.resolve()
  let compaction: Promise<void> | null = null
  let compactAgain = false
  let tidyAgain = false
  let shelving: Promise<void> = Promise.resolve()
  let closed = false
  /** One for all changes: many small calls after each other must not hold up others either. */
  const slices = createSlices(yieldNow)

  /** Runs `work` after the calls before it, whether they failed or not. */
  function inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = queue.then(work)
    queue = done.then(
      () => {},
      () => {},
    )
    return done
  }

  function entityOf(name: string): Entity {
    const entity = byName.get(name)
    if (!entity) throw new RangeError(`unknown entity: ${name}`)
    return entity
  }

  function storeOf(name: string): EntityStore {
    const store = stores.get(name)
    if (!store) throw new RangeError(`unknown entity: ${name}`)
    return store
  }

  function namedFeeds(index: string): readonly NamedFeed[] {
    const named = feeds.get(index)
    if (!named) throw new RangeError(`unknown index: ${index}`)
    return named
  }

  const feedOf = ({ entity, position }: NamedFeed): Feed => ({
    entity,
    position,
    store: storeOf(entity.name),
  })

  /** Says that answers may be others from here on. */
  function changed(name: string): void {
    lastChange.set(name, clock.now())
    generations.set(name, (generations.get(name) ?? 0) + 1)
  }

  function replace(name: string, store: EntityStore): void {
    stores.set(name, store)
    changed(name)
  }

  async function withBuild<T>(entity: Entity, work: (build: Build) => Promise<T>): Promise<T> {
    const build = startBuild(entity)
    builds.add(build)
    try {
      return await work(build)
    } finally {
      builds.delete(build)
      build.cancel()
    }
  }

  function putOnShelf(name: string, { segment, seq }: Kept): void {
    if (shelf === undefined || closed) return
    shelving = shelving.then(() => shelf.put(name, { segment, seq })).catch(onError)
  }

  function isDue({ recentCount, dead, segment }: EntityStore, tidy: boolean): boolean {
    const size = segment?.lastUpdated.length ?? 0
    const changes = Math.max(recentCount, dead)
    if (tidy && changes > Math.max(tidyFew, size * tidyShare)) return true
    return changes >= Math.max(fewChanges, Math.min(manyChanges, size * changedShare))
  }

  /** Builds a new segment of all that there is; changes may come meanwhile and are kept. */
  async function compact(entity: Entity): Promise<void> {
    const { name } = entity
    const store = storeOf(name)
    const changes = new Set<string>()
    touched.set(name, changes)
    try {
      const { seq } = store
      const states = store.states.slice()
      const records = [...store.recent()]
      const segment = await withBuild(entity, async (build) => {
        if (store.segment !== null) await build.segment(store.segment, states)
        await build.records(records)
        return build.finish()
      })
      const fresh = createStore(entity, segment, seq)
      for (const id of changes) {
        // A record that changes again during a pause goes to the end of the set and is visited again.
        changes.delete(id)
        const record = store.recentOf(id)
        if (record === undefined) fresh.remove(id)
        else fresh.upsert(record)
        if (slices.due()) await slices.pause()
      }
      if (stores.get(name) !== store || closed) return
      fresh.seq = store.seq
      stores.set(name, fresh)
      putOnShelf(name, { segment, seq })
    } finally {
      touched.delete(name)
    }
  }

  /** A compaction that fails leaves the index as it was: right, only larger than it need be. */
  async function compactAll(): Promise<void> {
    try {
      while (compactAgain && !closed) {
        compactAgain = false
        const tidy = tidyAgain
        tidyAgain = false
        for (const entity of entities) if (isDue(storeOf(entity.name), tidy)) await compact(entity)
      }
    } catch (error) {
      if (!closed) onError(error)
    } finally {
      // In the same turn as the last look at `compactAgain`, or a call in between would be lost.
      compaction = null
    }
  }

  function compactLater(): void {
    compactAgain = true
    compaction ??= Promise.resolve().then(compactAll)
  }

  async function breathe(name: string): Promise<void> {
    if (!slices.due()) return
    await slices.pause()
    if (storeOf(name).recentCount >= manyChanges) {
      compactLater()
      await compaction
    }
  }

  async function applyNow({ entity: name, upserts, removals }: SearchChange): Promise<void> {
    const entity = entityOf(name)
    let news = false
    for (const row of upserts) {
      const record = recordOf(entity, row)
      const store = storeOf(name)
      if (record === null ? store.remove(row.id) : store.upsert(record)) news = true
      store.seq = Math.max(store.seq, row.seq ?? 0)
      touched.get(name)?.add(row.id)
      await breathe(name)
    }
    for (const id of removals) {
      if (storeOf(name).remove(id)) news = true
      touched.get(name)?.add(id)
      await breathe(name)
    }
    if (!news) return
    changed(name)
    compactLater()
  }

  function begin(name: string): Load {
    const entity = entityOf(name)
    const build = startBuild(entity)
    builds.add(build)
    let seq = 0
    return {
      async add({ upserts, removals }) {
        const rows = [...upserts]
        for (const row of rows) seq = Math.max(seq, row.seq ?? 0)
        await build.rows(rows)
        await build.removals([...removals])
      },
      async finish() {
        const segment = await build.finish()
        builds.delete(build)
        replace(name, createStore(entity, segment, seq))
        putOnShelf(name, { segment, seq })
      },
      cancel() {
        builds.delete(build)
        build.cancel()
      },
    }
  }

  async function rebuildNow(name: string, batches: AsyncIterable<readonly CachedRow[]>): Promise<void> {
    await fill(begin(name), batches)
  }

  async function retainNow(name: string, batches: AsyncIterable<readonly string[]>): Promise<void> {
    // Numbers stand for other records once a new segment takes over.
    while (compaction !== null) await compaction
    const store = storeOf(name)
    const kept = new Uint8Array(store.end)
    for await (const ids of batches) {
      for (const id of ids) {
        const number = store.numberOf(id)
        if (number !== undefined) kept[number] = 1
      }
    }
    for (let number = 0; number < kept.length; number++) {
      if (kept[number] === 0 && store.exists(number)) store.remove(idIn(store.json(number)))
      if (slices.due()) await slices.pause()
    }
    changed(name)
  }

  return {
    indexNames: [...feeds.keys()],
    search(index, text, limit) {
      const named = namedFeeds(index)
      const query = readQuery(text, synonyms)
      const hasWords = query.words.length > 0
      if (named.length > 1) return answerOfPlaces(hasWords ? bestOf(named.map(feedOf), query, limit) : [])
      const { store, position } = feedOf(named[0] as NamedFeed)
      const hits = new TopHits(store, limit)
      if (hasWords) runPasses(query, store.sources(position), hits)
      return answerOf(store, hits)
    },
    async find(index, text, options) {
      const query = text.trim() === '' ? null : readQuery(text, synonyms)
      const slices = createSlices(yieldNow, findSliceMs)
      for (let attempt = 1; ; attempt++) {
        const asked = namedFeeds(index).map((named) => {
          const feed = feedOf(named)
          return { ...feed, dead: feed.store.dead }
        })
        const matches = await findAll(asked, query, options, slices)
        // What changed meanwhile stands under another number, or is gone.
        const isStale = asked.some(
          ({ entity, store, dead }) => stores.get(entity.name) !== store || store.dead !== dead,
        )
        if (isStale && attempt < findAttempts) continue
        const { offset, limit } = options
        const all = isStale ? existing(matches) : matches
        return { totalMatches: all.numbers.length, ...answerOfPlaces(placesOf(all, offset, offset + limit)) }
      }
    },
    suggest(index, limit) {
      return answerOfPlaces(mostImportantOf(namedFeeds(index).map(feedOf), limit))
    },
    results(name, ids) {
      const store = storeOf(name)
      return ids.map((id) => {
        const number = store.numberOf(id)
        return number === undefined ? null : store.json(number)
      })
    },
    highlighter: (text) => createHighlighter([text, ...synonyms(text)]),
    generation(index) {
      let sum = 0
      for (const { entity } of namedFeeds(index)) sum += generations.get(entity.name) ?? 0
      return sum
    },
    apply: (change) => inOrder(() => applyNow(change)),
    load(name) {
      const load = begin(name)
      return { ...load, finish: () => inOrder(load.finish) }
    },
    rebuild: (name, batches) => inOrder(() => rebuildNow(name, batches)),
    restore: (name) =>
      inOrder(async () => {
        const kept = (await shelf?.get(name)) ?? null
        if (kept === null) return null
        replace(name, createStore(entityOf(name), kept.segment, kept.seq))
        return kept.seq
      }),
    retain: (name, ids) => inOrder(() => retainNow(name, ids)),
    size: (name) => storeOf(name).size,
    tidy() {
      tidyAgain = true
      compactLater()
    },
    clear: () =>
      inOrder(async () => {
        for (const entity of entities) replace(entity.name, createStore(entity, null))
        await shelving
        await shelf?.clear()
      }),
    status() {
      const status: Record<string, IndexStatus> = {}
      for (const [name, named] of feeds) {
        const all = named.map(feedOf)
        const changes = named.flatMap(({ entity }) => lastChange.get(entity.name) ?? [])
        status[name] = {
          entity: named.map(({ entity }) => entity.name).join(','),
          records: all.reduce((sum, { store, position }) => sum + store.live(position), 0),
          dead: all.reduce((sum, { store }) => sum + store.dead, 0),
          lastChange: changes.length === 0 ? null : Math.max(...changes),
        }
      }
      return status
    },
    async settled() {
      await queue
      while (compaction !== null) await compaction
      await shelving
    },
    async close() {
      closed = true
      for (const build of builds) build.cancel()
      await compaction
      await shelving
    },
  }
}

/** What a store says of the best hits. Read it before anything else happens. */
function answerOf(store: EntityStore, hits: TopHits): SearchAnswer {
  const numbers = hits.ranked()
  return {
    total: numbers.length,
    get json() {
      return numbers.map(store.json)
    },
    get ids() {
      return numbers.map((number) => idIn(store.json(number)))
    },
    get passes() {
      return numbers.map((number) => passOf(hits.tierOf(number)))
    },
  }
}

/** The same of records of several stores. */
const answerOfPlaces = (places: readonly Place[]): SearchAnswer => ({
  total: places.length,
  get json() {
    return places.map(({ store, number }) => store.json(number))
  },
  get ids() {
    return places.map(({ store, number }) => idIn(store.json(number)))
  },
  get passes() {
    return places.map(({ tier }) => passOf(tier))
  },
})
