// Keeps built segments in files, so that a start need not build them. A file belongs to one company, and to the code and
// the settings that made it: any other is as good as none.
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { EntitySettings } from '../entities/entity.ts'
import { load, type Saved, save } from './saved.ts'
import type { Kept, Shelf } from './search.ts'

/** What is found by what is decided in these folders: a segment that other code made may say something else. */
const decisive = [import.meta.dirname, join(import.meta.dirname, '../entities')]

/** Files in `folder`, for the company that `realm` names at the time, of entities made with `settings`. */
export async function createShelf(
  folder: string,
  realm: () => string | undefined,
  settings: EntitySettings,
): Promise<Shelf> {
  const code = await digestOf(decisive, settings)
  const pathOf = (entity: string) => join(folder, `${entity}.index`)
  const labelOf = (entity: string) => `${entity} of ${realm()} by ${code}`
  return {
    async put(entity, kept) {
      if (realm() === undefined) return
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await save(pathOf(entity), labelOf(entity), kept as unknown as Saved)
    },
    get: async (entity) => (await load(pathOf(entity), labelOf(entity))) as unknown as Kept | null,
    clear: () => rm(folder, { recursive: true, force: true }),
  }
}

async function digestOf(folders: readonly string[], settings: EntitySettings): Promise<string> {
  const hash = createHash('sha256').update(process.version).update(JSON.stringify(settings))
  for (const folder of folders) {
    for (const file of (await readdir(folder)).sort())
      hash.update(file).update(await readFile(join(folder, file)))
  }
  return hash.digest('hex')
}
