import type { InteractionId, ThreadId } from '../../contract/domain.ts'
import { unusedBlobs } from './blobs-named.ts'
import type { Engine, Touched } from './engine.ts'
import type { InteractionRow } from './interaction-row.ts'
import { removeInteraction } from './interactions.ts'
import { forgetAnswers } from './once.ts'
import { refreshThread, storedThread } from './threads.ts'
import { forgetUndo } from './undo.ts'

/**
 * Takes a message out of the store with everything that belongs to it: body, attachments, user data, history, search
 * words, what undo, the outbox and what is owed to remotes keep of it. Answers its blobs that nothing names any more.
 */
export function purge(engine: Engine, touched: Touched, message: InteractionRow): readonly string[] {
  const { interaction_id, thread_id } = message
  const blobs = blobsOf(engine, message)
  for (const statement of [
    'delete from outbox where interaction_id = ?',
    'delete from history where interaction_id = ?',
    'delete from owed_calls where interaction_id = ?',
  ])
    engine.sql(statement).run(interaction_id)
  forgetUndo(engine, interaction_id)
  forgetAnswers(engine, interaction_id)
  freeDrafts(engine, touched, thread_id, interaction_id)
  removeInteraction(engine, interaction_id)
  refreshThread(engine, touched, thread_id)
  if (storedThread(engine, thread_id) === null) forgetThread(engine, touched, thread_id)
  touched.contact(message.customer_id)
  touched.kind('outbox')
  return unusedBlobs(engine, blobs)
}

function blobsOf(engine: Engine, { row, interaction_id, raw_sha256 }: InteractionRow): readonly string[] {
  const named = engine
    .sql<{ sha256: string }>(
      `select sha256 from attachments where row = @row
       union select wire_sha256 from outbox where interaction_id = @interaction_id
       union select sent_sha256 from outbox where interaction_id = @interaction_id
       union select f.value ->> 'sha256' from outbox, json_each(outbox.draft, '$.attachments') f
              where interaction_id = @interaction_id`,
    )
    .all({ row, interaction_id })
    .map(({ sha256 }) => sha256)
  return raw_sha256 === null ? named : [...named, raw_sha256]
}

/** What an agent was writing in answer stays, and stays an answer to the same mailbox. */
function freeDrafts(engine: Engine, touched: Touched, thread: ThreadId, parent: InteractionId): void {
  const freed = engine
    .sql<{ id: string }>(
      'update drafts set parent_id = null where thread_id = ? and parent_id = ? returning id',
    )
    .all(thread, parent)
  for (const { id } of freed) touched.draft(id)
}

/** Nothing leads to a thread without messages any more. */
function forgetThread(engine: Engine, touched: Touched, thread: ThreadId): void {
  engine.sql('delete from merged_threads where thread_id = ?').run(thread)
  engine.sql('delete from conversations where thread_id = ?').run(thread)
  engine.sql('delete from participants where thread_id = ?').run(thread)
  const drafts = engine
    .sql<{ id: string }>('update drafts set thread_id = null where thread_id = ? returning id')
    .all(thread)
  for (const { id } of drafts) touched.draft(id)
}
