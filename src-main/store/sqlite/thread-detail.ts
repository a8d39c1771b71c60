import type {
  Attachment,
  DraftContent,
  DraftHead,
  DraftKind,
  Instant,
  Message,
  MessageBody,
  Place,
  ThreadDetail,
  ThreadId,
  Uuid,
  WorkAction,
} from '../../contract/domain.ts'
import { ENTITY } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import type { Store } from '../store.ts'
import { contactHead } from './contacts.ts'
import type { Engine } from './engine.ts'
import { agentName } from './history.ts'
import { type InteractionRow, readInteraction, readMachine } from './interaction-row.ts'
import { interactionRow } from './interactions.ts'
import { readPlace, snippetOf } from './list-row.ts'
import { deliveryOf } from './outbox-row.ts'
import { secureMailOf } from './secure-mail-row.ts'
import { readJson } from './stored-json.ts'
import { caseOf, currentThread, storedThread } from './threads.ts'

/** A thread as the desk shows it, and one message's body. */
export function threadDetail(engine: Engine): Pick<Store, 'thread' | 'body' | 'attachment' | 'rawMail'> {
  return {
    thread: async (threadId, agent) => thread(engine, threadId, agent),
    body: async (id) => body(engine, interactionRow(engine, id)),
    async attachment(id) {
      const row = engine.sql<AttachmentRow>(`select ${ATTACHMENT} from attachments where id = ?`).get(id)
      // A draft's attachments are shown and saved in the same way.
      const draft = row
        ? undefined
        : engine.sql<AttachmentRow>(`select ${ATTACHMENT} from draft_attachments where id = ?`).get(id)
      const found = row ?? draft
      if (!found) throw new CoreError('not-found', 'This attachment is not there any more.')
      return readAttachment(found)
    },
    async rawMail(id) {
      const row = interactionRow(engine, id)
      return row.raw_sha256 === null ? null : { sha256: row.raw_sha256, size: row.raw_size }
    },
  }
}

const ATTACHMENT = 'id, name, content_type, size, sha256, content_id, inline'
interface AttachmentRow extends Omit<Attachment, 'inline'> {
  readonly inline: number
}

function readAttachment(row: AttachmentRow): Attachment {
  const { id, name, content_type, size, sha256, content_id, inline } = row
  return { id, name, content_type, size, sha256, content_id, inline: inline === 1 }
}

/** A message's attachments in the mail's order. */
export function attachmentsOf(engine: Engine, row: number): readonly Attachment[] {
  return engine
    .sql<AttachmentRow>(`select ${ATTACHMENT} from attachments where row = ? order by position`)
    .all(row)
    .map(readAttachment)
}

function thread(engine: Engine, asked: ThreadId, agent: number): ThreadDetail {
  const thread_id = currentThread(engine, asked)
  const stored = thread_id === null ? null : storedThread(engine, thread_id)
  if (thread_id === null || !stored) throw new CoreError('not-found', 'This thread is not there any more.')
  const rows = engine
    .sql<InteractionRow>('select * from interactions where thread_id = ? order by row')
    .all(thread_id)
  const chosen = caseOf(engine, thread_id)
  const customer = rows.find((row) => row.row === chosen?.row)?.customer_id
  const place = readPlace(stored.place, stored.owner_id)
  return {
    thread_id,
    subject: stored.subject,
    status: stored.status,
    place,
    owner_id: stored.owner_id,
    owner_name: stored.owner_id === null ? null : agentName(engine, stored.owner_id),
    messages: rows.map((row) => message(engine, row)),
    drafts: draftHeads(engine, thread_id),
    actions: allowedActions(place, agent, {
      inbound: rows.some((row) => row.entity_type === ENTITY.emailIn),
      answerable: rows.some((row) => row.from !== null || row.reply_to !== null || row.to !== null),
    }),
    case_interaction_id: chosen?.interaction_id ?? thread_id,
    udata: chosen?.udata ?? {},
    contact: customer === undefined ? null : contactHead(engine, customer),
  }
}

/** What a thread allows an agent now, and only that. What another agent holds can be moved away, nothing else. */
export function allowedActions(
  place: Place,
  agent: number,
  mail: { readonly inbound: boolean; readonly answerable: boolean },
): readonly WorkAction[] {
  const reading: readonly WorkAction[] = ['forward', 'mark-unread', 'edit-user-data']
  const answering: readonly WorkAction[] = mail.answerable ? ['reply', 'reply-all'] : []
  switch (place.kind) {
    case 'queue':
      return ['accept', 'move', 'mark-done', ...answering, ...reading]
    case 'workbin':
      return place.owner_id === agent
        ? ['release', 'move', 'mark-done', ...answering, ...reading]
        : ['move', ...reading]
    case 'done':
      return [...(mail.inbound ? (['move'] as const) : []), ...answering, ...reading]
  }
}

function message(engine: Engine, row: InteractionRow): Message {
  return {
    interaction: readInteraction(row),
    direction: row.entity_type === ENTITY.emailOut ? 'out' : 'in',
    snippet: row.snippet,
    unread: row.unread === 1,
    message_id: row.message_id,
    thread_reason: row.thread_reason,
    attachments: attachmentsOf(engine, row.row),
    delivery: row.entity_type === ENTITY.emailOut ? deliveryOf(engine, row.interaction_id) : null,
    machine: readMachine(row),
    held_back: row.held_back,
    disposition: row.disposition,
    account_id: row.account_id,
    folder: row.folder,
    from_as_written: row.from_as_written,
    secure: secureMark(engine, row.row),
    came_by_api: /^(?:api|remote):/.test(row.came_by) ? row.came_by : null,
  }
}

function secureMark(engine: Engine, row: number): Message['secure'] {
  const mail = secureMailOf(engine, row)
  return mail && { address: mail.address, box: mail.box, read: mail.read === 1, deleted: mail.deleted === 1 }
}

function draftHeads(engine: Engine, thread: ThreadId): readonly DraftHead[] {
  return engine
    .sql<{ id: Uuid; kind: DraftKind; owner_id: number; saved_at: Instant; content: string }>(
      'select id, kind, owner_id, saved_at, content from drafts where thread_id = ? order by saved_at desc, id',
    )
    .all(thread)
    .map(({ id, kind, owner_id, saved_at, content }) => {
      const { subject, text } = readJson<DraftContent>(content)
      return { id, kind, subject, snippet: snippetOf(text), saved_at, owner_id }
    })
}

function body(engine: Engine, row: InteractionRow): MessageBody {
  const stored = engine
    .sql<{ text: string; html: string | null }>('select text, html from bodies where row = ?')
    .get(row.row)
  return {
    interaction_id: row.interaction_id,
    text: stored?.text ?? '',
    html: stored?.html ?? null,
    quote_at: row.quote_at,
    inline: attachmentsOf(engine, row.row).flatMap(({ id, content_id }) =>
      content_id === null ? [] : [{ content_id, attachment_id: id }],
    ),
  }
}
