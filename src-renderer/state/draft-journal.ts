import { z } from 'zod'
import { draftPatchSchema, type DraftPatch } from '../../src-main/contract/core.ts'
import type { Instant, Uuid } from '../../src-main/contract/domain.ts'

/** A short mark of each field's value, to tell later whether it is still the same. */
export type Fingerprints = Readonly<Record<string, string>>

/** What was written and not yet acknowledged by the core. */
export interface JournalEntry {
  /** The content that the core was known to hold. */
  readonly base: Fingerprints
  /** Saves that were under way. */
  readonly sent: readonly Fingerprints[]
  readonly patch: DraftPatch
  readonly at: Instant
}

/** Keeps unacknowledged changes of drafts on this computer. */
export interface DraftJournal {
  read(id: Uuid): JournalEntry | null
  write(id: Uuid, entry: JournalEntry): void
  clear(id: Uuid): void
  /** Drafts with something in it. */
  ids(): readonly Uuid[]
}

const PREFIX = 'workbin.draft.'
const marks = z.record(z.string(), z.string())
const entrySchema = z.strictObject({
  base: marks,
  sent: z.array(marks),
  patch: draftPatchSchema,
  at: z.number(),
})

/** A journal in `storage`. Where it is full or forbidden the core alone keeps the draft. */
export function journalIn(storage: Storage): DraftJournal {
  return {
    read(id) {
      try {
        const entry = entrySchema.safeParse(JSON.parse(storage.getItem(PREFIX + id) ?? 'null'))
        return entry.success ? entry.data : null
      } catch {
        // Not JSON: nothing of ours.
        return null
      }
    },
    write(id, entry) {
      try {
        storage.setItem(PREFIX + id, JSON.stringify(entry))
      } catch {
        // Full: an older entry would be worse than none, since it would be applied over newer text.
        storage.removeItem(PREFIX + id)
      }
    },
    clear(id) {
      storage.removeItem(PREFIX + id)
    },
    ids() {
      return Array.from({ length: storage.length }, (_, i) => storage.key(i) ?? '')
        .filter((key) => key.startsWith(PREFIX))
        .map((key) => key.slice(PREFIX.length))
    },
  }
}

/** 53 bits of a value's JSON and its length (cyrb53): not against forgery, only to see a change. */
export function fingerprint(value: unknown): string {
  const text = JSON.stringify(value)
  let one = 0xdeadbeef
  let two = 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    one = Math.imul(one ^ code, 2654435761)
    two = Math.imul(two ^ code, 1597334677)
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909)
  two = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909)
  return `${String(text.length)}.${(4294967296 * (2097151 & two) + (one >>> 0)).toString(36)}`
}
