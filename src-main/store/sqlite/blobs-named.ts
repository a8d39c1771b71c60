import type { Engine } from './engine.ts'

/** Mail that can still become a draft again; repeats the condition of the index `outbox_shown`. */
const RETURNABLE = "state in ('queued', 'claimed', 'data_started', 'rejected', 'unknown')"

/** Every place that names a blob; undo and the outbox keep drafts with theirs, so that they can come back. */
export const NAMED_BLOBS = [
  'select raw_sha256 as sha256 from interactions where raw_sha256 is not null',
  'select sha256 from attachments',
  'select sha256 from draft_attachments',
  'select sha256 from api_uploads',
  'select wire_sha256 as sha256 from outbox',
  'select sent_sha256 as sha256 from outbox',
  `select f.value ->> 'sha256' as sha256 from outbox, json_each(outbox.draft, '$.attachments') f
    where ${RETURNABLE}`,
  `select f.value ->> 'sha256' as sha256 from undo, json_each(undo.before, '$.attachments') f where undo.what = 'draft'`,
] as const

/** Whether any of these places names one blob, each by its index; what is on its way and a day's undo are few. */
const NAMES_ONE = [
  'select 1 from interactions where raw_sha256 = ?',
  'select 1 from attachments where sha256 = ?',
  'select 1 from draft_attachments where sha256 = ?',
  'select 1 from api_uploads where sha256 = ?',
  'select 1 from outbox where wire_sha256 = ?',
  'select 1 from outbox where sent_sha256 = ?',
  `select 1 from outbox indexed by outbox_shown where ${RETURNABLE} and instr(draft, ?) > 0`,
  "select 1 from undo where what = 'draft' and instr(before, ?) > 0",
] as const

/** Of these blobs those that nothing names any more, each once. */
export function unusedBlobs(engine: Engine, sha256s: readonly string[]): readonly string[] {
  return [...new Set(sha256s)].filter((sha256) =>
    NAMES_ONE.every((question) => engine.sql(question).get(sha256) === undefined),
  )
}
