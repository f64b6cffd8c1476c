// The live search: answers from memory, synchronously, and follows the committed changes of the cache. It can be
// rebuilt from the cache at any time and is never the only place of anything.
// Changes are applied one call after the other; searches never wait for them and never see half of a build.
import type { CachedRow, Entity } from '../entities/entity.ts'
import { createHits } from './hits.ts'
import { runPasses } from './passes.ts'
import { readQuery } from './query.ts'
import { createSlices, type Slices, type YieldNow } from './slices.ts'
import { createStore, createStoreBuilder, type EntityStore } from './store.ts'

export type { CachedRow } from '../entities/entity.ts'

/** What a query found, best first; both lists have the same length. */
export interface SearchAnswer {
  /** The JSON text of each result, made when it was indexed: join them, do not parse them. */
  json: string[]
  ids: string[]
  /** The number of results returned. */
  total: number
}

/** Committed changes of one entity. A row that is not active takes its record out of the indexes. */
export interface SearchChange {
  entity: string
  upserts: Iterable<CachedRow>
  /** Ids of records that no longer exist; unknown ones do not matter. */
  removals: Iterable<string>
}

/** Sizes of one index, for a status page. */
export interface IndexStatus {
  entity: string
  /** Records that can be found. */
  records: number
  /** Entries of changed and removed records that the next compaction drops. */
  dead: number
  /** Epoch milliseconds of the last applied change or build of the entity; null when there was none. */
  lastChange: number | null
}

export interface SearchService {
  /** The names of the indexes, in the order of the entities. */
  readonly indexNames: readonly string[]
  /** The best `limit` records for what a person typed. Throws RangeError for an unknown index, never for a query. */
  search(index: string, query: string, limit: number): SearchAnswer
  /** Applies committed changes in slices; resolves when they are searchable. Calls keep their order. */
  apply(change: SearchChange): Promise<void>
  /** Begins to fill an entity anew; the old answers until the new is whole. Changes applied meanwhile would be lost. */
  load(entity: string): Load
  /** Replaces all of an entity by the rows of the cache: a `load` of all of them. */
  rebuild(entity: string, batches: AsyncIterable<readonly CachedRow[]>): Promise<void>
  /** After many changes: brings the indexes into their best order and form, in the background, where it is worth it. */
  tidy(): void
  /** Forgets all records, after the calls before it. */
  clear(): Promise<void>
  /** By index name. */
  status(): Record<string, IndexStatus>
  /** Resolves when every call so far is done and no compaction runs. For tests and shutdown. */
  settled(): Promise<void>
}

/** An entity's records on their way into search, in any order. */
export interface Load {
  /** Takes committed changes in, in slices. They are not searchable yet. */
  add(change: Omit<SearchChange, 'entity'>): Promise<void>
  /** Makes all of it searchable, in place of what was there. */
  finish(): Promise<void>
}

export interface SearchDeps {
  entities: readonly Entity[]
  clock?: { now(): number }
  yieldNow?: YieldNow
  /** Hears of a failure in the background, which no caller waits for. */
  onError?: (error: unknown) => void
}

/** A search over the indexes that the entities declare, empty at first. Throws when two of them share a name. */
export function createSearch({
  entities,
  clock = Date,
  yieldNow,
  onError = () => {},
}: SearchDeps): SearchService {
  const byName = new Map(entities.map((entity) => [entity.name, entity]))
  const stores = new Map<string, EntityStore>(entities.map((e) => [e.name, createStore(e)]))
  const feeds = feedsByName(entities)
  const lastChange = new Map<string, number>()
  let queue: Promise<void> = Promise.resolve()
  let compaction: Promise<void> | null = null
  let compactAgain = false
  let tidyAgain = false

  /** Runs `work` after the calls before it, whether they failed or not. */
  function inOrder(work: () => Promise<void>): Promise<void> {
    const done = queue.then(work)
    queue = done.catch(() => {})
    return done
  }

  function storeOf(name: string): EntityStore {
    const store = stores.get(name)
    if (!store) throw new RangeError(`unknown entity: ${name}`)
    return store
  }

  /**
   * Beside the changes, one index at a time: `store.compact` keeps what comes meanwhile. A compaction that fails leaves
   * the index as it was: right, only larger than it need be.
   */
  async function compactAll(): Promise<void> {
    try {
      while (compactAgain) {
        compactAgain = false
        const tidy = tidyAgain
        tidyAgain = false
        for (const [name, store] of stores)
          await store.compact(createSlices(yieldNow), tidy, () => stores.get(name) !== store)
      }
    } catch (error) {
      onError(error)
    } finally {
      // In the same turn as the last look at `compactAgain`, or a call in between would be lost.
      compaction = null
    }
  }

  function compactLater(): void {
    compactAgain = true
    compaction ??= compactAll()
  }

  async function applyNow({ entity, ...change }: SearchChange): Promise<void> {
    await changeAll(storeOf(entity), change, createSlices(yieldNow))
    lastChange.set(entity, clock.now())
    compactLater()
  }

  function begin(name: string): Load {
    const entity = byName.get(name)
    if (!entity) throw new RangeError(`unknown entity: ${name}`)
    const builder = createStoreBuilder(entity)
    return {
      add: (change) => changeAll(builder, change, createSlices(yieldNow)),
      async finish() {
        stores.set(name, await builder.finish(createSlices(yieldNow)))
        lastChange.set(name, clock.now())
      },
    }
  }

  return {
    indexNames: [...feeds.keys()],
    search(index, query, limit) {
      const feed = feeds.get(index)
      if (!feed) throw new RangeError(`unknown index: ${index}`)
      const { records, indexes } = storeOf(feed.entity)
      const fieldIndex = indexes[feed.position]
      return fieldIndex ? answer(createHits(fieldIndex, records, limit), query, records) : empty()
    },
    apply: (change) => inOrder(() => applyNow(change)),
    load(entity) {
      const { add, finish } = begin(entity)
      return { add, finish: () => inOrder(finish) }
    },
    rebuild: (entity, batches) =>
      inOrder(async () => {
        const { add, finish } = begin(entity)
        for await (const upserts of batches) await add({ upserts, removals: [] })
        await finish()
      }),
    tidy() {
      tidyAgain = true
      compactLater()
    },
    clear: () =>
      inOrder(async () => {
        for (const entity of entities) {
          stores.set(entity.name, createStore(entity))
          lastChange.set(entity.name, clock.now())
        }
      }),
    status() {
      const status: Record<string, IndexStatus> = {}
      for (const [name, { entity, position }] of feeds) {
        const index = storeOf(entity).indexes[position]
        status[name] = {
          entity,
          records: index?.live ?? 0,
          dead: index?.dead ?? 0,
          lastChange: lastChange.get(entity) ?? null,
        }
      }
      return status
    },
    async settled() {
      await queue
      while (compaction !== null) await compaction
    },
  }
}

async function changeAll(
  store: Pick<EntityStore, 'upsert' | 'remove'>,
  { upserts, removals }: Omit<SearchChange, 'entity'>,
  slices: Slices,
): Promise<void> {
  for (const row of upserts) {
    store.upsert(row)
    if (slices.due()) await slices.pause()
  }
  for (const id of removals) {
    store.remove(id)
    if (slices.due()) await slices.pause()
  }
}

function answer(
  hits: ReturnType<typeof createHits>,
  text: string,
  records: EntityStore['records'],
): SearchAnswer {
  const query = readQuery(text)
  if (query.words.length === 0) return empty()
  runPasses(query, hits)
  const slots = hits.best()
  return {
    json: slots.map((slot) => records.jsonOf(slot)),
    ids: slots.map((slot) => records.idOf(slot)),
    total: slots.length,
  }
}

const empty = (): SearchAnswer => ({ json: [], ids: [], total: 0 })

/** Where each index name leads; names that share an index lead to the same place. */
function feedsByName(entities: readonly Entity[]): Map<string, { entity: string; position: number }> {
  const feeds = new Map<string, { entity: string; position: number }>()
  for (const entity of entities) {
    entity.indexes.forEach((feed, position) => {
      for (const name of feed.names) {
        if (feeds.has(name)) throw new Error(`two indexes are called ${name}`)
        feeds.set(name, { entity: entity.name, position })
      }
    })
  }
  return feeds
}
