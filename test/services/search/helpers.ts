// Rows as the cache hands them out, and a search filled with them.
import { type CachedRow, entities } from '../../../src/services/entities/index.ts'
import { createSearch, type SearchService } from '../../../src/services/search/search.ts'

export const start = Date.UTC(2026, 0, 1)

/** A row of any entity; `minutes` after a fixed instant it was last updated. */
export function row(id: string, fields: Record<string, unknown>, minutes = 0, active = true): CachedRow {
  return {
    id,
    json: JSON.stringify({ Id: id, ...fields }),
    active,
    lastUpdated: start + minutes * 60_000,
  }
}

export const customer = (id: string, name: string, more: Record<string, unknown> = {}, minutes = 0) =>
  row(id, { DisplayName: name, ...more }, minutes)

export async function* batches(rows: Iterable<CachedRow>, size = 100): AsyncGenerator<CachedRow[]> {
  const all = [...rows]
  for (let i = 0; i < all.length; i += size) yield all.slice(i, i + size)
}

export async function searchOver(entity: string, rows: Iterable<CachedRow>): Promise<SearchService> {
  const search = createSearch({ entities })
  await search.rebuild(entity, batches(rows))
  return search
}
