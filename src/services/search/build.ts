// Builds an index beside the one that answers: for the first filling and for compaction. The records end up filed most
// important first, so that ties come out right from the lists themselves.
import { documentTerms, wordsOfTerms } from './document.ts'
import { createDraft } from './draft.ts'
import { createFieldIndex, type FieldIndex } from './field-index.ts'
import { compareSlots } from './hits.ts'
import { withRoom } from './ints.ts'
import { createPostings } from './postings.ts'
import type { Records } from './records.ts'
import { type Slices, sortInSlices } from './slices.ts'
import { createVocabulary } from './vocabulary.ts'

/** An index in the making. */
export interface Builder {
  /** Makes `text` what the record is found by; '' takes it out. */
  set(slot: number, text: string): void
  /** The index; null when `cancelled` turns true. Nothing may be set from here on. */
  finish(slices: Slices, cancelled?: () => boolean): Promise<FieldIndex | null>
}

export function createBuilder(records: Records): Builder {
  const draft = createDraft()
  const texts: string[] = []
  /** The last entry of each slot; earlier ones are left out of the index. */
  let entries = new Int32Array(64)

  return {
    set(slot, text) {
      while (texts.length < slot) texts.push('')
      texts[slot] = text
      if (text === '') return
      entries = withRoom(entries, slot)
      entries[slot] = draft.add(documentTerms(text))
    },

    async finish(slices, cancelled = () => false) {
      const textOf = (slot: number) => texts[slot] as string
      const order = await sortInSlices(
        Int32Array.from(texts.keys()).filter((slot) => textOf(slot) !== ''),
        (a, b) => compareSlots(records, a, b, textOf(a), textOf(b)) < 0,
        slices,
      )
      const postings = createPostings()
      const vocabulary = createVocabulary()
      for (const chunk of draft.lists(order.map((slot) => entries[slot] as number))) {
        postings.take(chunk)
        if (slices.due()) await slices.pause()
        if (cancelled()) return null
      }
      for (const _ of vocabulary.fill(wordsOfTerms(draft.terms()))) if (slices.due()) await slices.pause()
      return createFieldIndex({ postings, vocabulary, slots: order, texts: Array.from(order, textOf) })
    },
  }
}
