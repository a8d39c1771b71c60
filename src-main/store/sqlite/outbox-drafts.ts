import type { Draft, DraftKind, InteractionId, ThreadId, Uuid } from '../../contract/domain.ts'
import { ENTITY, STATUS } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import { newUuid } from '../ids.ts'
import type { NewSend, Store } from '../store.ts'
import { findOrCreateContact } from './contacts.ts'
import { changedElsewhere, insertDraft, readDraft, takeDraft } from './drafts.ts'
import type { Engine, Touched } from './engine.ts'
import { recordHistory } from './history.ts'
import { insertInteraction, interactionRow, removeInteraction } from './interactions.ts'
import { type OutboxRow } from './outbox-row.ts'
import { readJson } from './stored-json.ts'
import { caseOf, currentThread, refreshThread } from './threads.ts'
import { closeThreads } from './triage.ts'
import { takeBackChanges, type WorkChange } from './work.ts'

const SUB_TYPE: Readonly<Record<DraftKind, string>> = {
  new: 'OutboundNew',
  reply: 'OutboundReply',
  'reply-all': 'OutboundReply',
  forward: 'OutboundRedirect',
}
/**
 * A draft becomes an outbound interaction and a mail that is owed; the draft is kept whole beside it.
 * Throws `conflict` for an older revision, `stale-reply` when a customer's mail came that the agent hasn't seen.
 */
export function enqueueDraft(
  engine: Engine,
  touched: Touched,
  send: NewSend,
): Awaited<ReturnType<Store['enqueue']>> {
  const draft = readDraft(engine, send.draft_id)
  if (draft.revision !== send.revision) throw changedElsewhere()
  const [first] = [...draft.to, ...draft.cc, ...draft.bcc]
  if (!first || send.envelope.to.length === 0)
    throw new CoreError('recipients', 'This mail has no recipient. Add one to send it.')
  const thread = draft.thread_id === null ? null : currentThread(engine, draft.thread_id)
  if (thread !== null && send.seen !== null) refuseStaleReply(engine, thread, send.seen)

  takeDraft(engine, touched, draft.id)
  const done =
    thread !== null && send.done ? markDone(engine, touched, thread, send.done.disposition_id, send.by) : []
  const parent = draft.parent_id === null ? null : parentOf(engine, draft.parent_id)
  const inserted = insertInteraction(engine, {
    received: engine.now(),
    thread_id: thread,
    thread_reason: thread === null ? 'new' : 'own-reply',
    parent_id: parent?.interaction_id ?? null,
    entity_type: ENTITY.emailOut,
    type: 'Outbound',
    sub_type: SUB_TYPE[draft.kind],
    status: STATUS.pending,
    customer_id: findOrCreateContact(engine, touched, first.address, first.personal),
    owner_id: send.by,
    came_by: 'desk',
    account_id: send.account_id,
    subject: draft.subject,
    text: send.text,
    html: send.html,
    snippet: send.snippet,
    quote_at: send.quote_at,
    from: send.from,
    to: draft.to,
    cc: draft.cc,
    bcc: draft.bcc,
    message_id: send.message_id,
    reference_id: parent?.message_id ?? null,
    references: draft.kind === 'forward' ? [] : (parent?.references ?? []),
    content_key: `out:${send.message_id}`,
    raw: { sha256: send.sent_sha256, size: send.sent_size },
    standard_response_id: draft.standard_response_ids[0] ?? null,
    ...(thread === null ? {} : caseData(engine, thread)),
    attachments: send.attachments,
  })

  const outbox_id = newUuid(engine.now())
  engine
    .sql(
      `insert into outbox (id, interaction_id, account_id, state, due_at, changed_at, message_id, envelope,
                           wire_sha256, sent_sha256, recipients, sent_copy, draft, done, sample)
       values (?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      outbox_id,
      inserted.interaction_id,
      send.account_id,
      send.due_at,
      engine.now(),
      send.message_id,
      JSON.stringify(send.envelope),
      send.wire_sha256,
      send.sent_sha256,
      JSON.stringify(send.envelope.to.map((address) => ({ address, state: 'pending', reply: null }))),
      send.sent_copy,
      JSON.stringify(draft),
      JSON.stringify(done),
      send.sample ? 1 : 0,
    )
  recordHistory(engine, {
    interaction_id: inserted.interaction_id,
    by: send.by,
    what: 'send',
    before: null,
    after: send.envelope.to,
  })
  refreshThread(engine, touched, inserted.thread_id)
  touched.kind('outbox')
  return {
    outbox_id,
    interaction_id: inserted.interaction_id,
    thread_id: inserted.thread_id,
    // Taken back by undoSend, which knows whether it is still time.
    undo_id: null,
  }
}

/**
 * The other way: the outbound interaction and its outbox row go, the draft is there again with its attachments, and
 * what was marked Done with it is open again, as far as nobody changed it since.
 */
export function returnDraft(
  engine: Engine,
  touched: Touched,
  row: OutboxRow,
  returned: string | null,
): Draft {
  const draft = readJson<Draft>(row.draft)
  const { thread_id, owner_id } = interactionRow(engine, row.interaction_id)
  engine.sql('delete from outbox where id = ?').run(row.id)
  removeInteraction(engine, row.interaction_id)
  insertDraft(engine, touched, {
    ...draft,
    revision: draft.revision + 1,
    saved_at: engine.now(),
    returned: returned ?? draft.returned,
  })
  for (const change of readJson<readonly WorkChange[]>(row.done))
    reopen(engine, touched, change, owner_id ?? draft.owner_id)
  refreshThread(engine, touched, thread_id)
  touched.kind('outbox')
  return readDraft(engine, draft.id)
}

function reopen(engine: Engine, touched: Touched, change: WorkChange, by: number): void {
  try {
    takeBackChanges(engine, touched, [change], by)
  } catch (error) {
    // Somebody went on with it since: theirs counts, and the draft comes back all the same.
    if (!(error instanceof CoreError && error.code === 'conflict')) throw error
  }
}

function refuseStaleReply(engine: Engine, thread: ThreadId, seen: InteractionId): void {
  const known = engine.sql<{ row: number }>('select row from interactions where interaction_id = ?').get(seen)
  const newer = engine
    .sql<{ interaction_id: InteractionId }>(
      `select interaction_id from interactions
        where thread_id = ? and entity_type = 0 and ${known ? 'row' : 'interaction_id'} > ?
        order by row desc limit 1`,
    )
    // What was seen may be gone (a mail of ours that was taken back); ids sort by time, too.
    .get(thread, known?.row ?? seen)
  if (newer)
    throw new CoreError(
      'stale-reply',
      'The customer has written again since you opened this thread. Read the new message before you send.',
      { detail: { interaction_id: newer.interaction_id } },
    )
}

/** As Mark Done does it, with the reason that it was answered. */
function markDone(
  engine: Engine,
  touched: Touched,
  thread: ThreadId,
  disposition: Uuid | null,
  by: number,
): WorkChange[] {
  return closeThreads(engine, touched, [thread], disposition, by).map((change) => {
    engine
      .sql("update interactions set stopped_reason = 'Sent' where interaction_id = ?")
      .run(change.interaction_id)
    return { ...change, after: { ...change.after, stopped_reason: 'Sent' } }
  })
}

function parentOf(engine: Engine, id: InteractionId) {
  const parent = engine
    .sql<{ row: number; interaction_id: InteractionId; message_id: string | null }>(
      'select row, interaction_id, message_id from interactions where interaction_id = ?',
    )
    .get(id)
  if (!parent) return null
  const ancestors = engine
    .sql<{ message_id: string }>('select message_id from mail_references where row = ? order by distance')
    .all(parent.row)
    .map((reference) => reference.message_id)
  return { ...parent, references: parent.message_id === null ? ancestors : [parent.message_id, ...ancestors] }
}

function caseData(engine: Engine, thread: ThreadId) {
  const found = caseOf(engine, thread)
  if (!found) return {}
  const row = engine
    .sql<{ category_id: string | null }>('select category_id from interactions where row = ?')
    .get(found.row)
  return { udata: found.udata, category_id: row?.category_id ?? null }
}
