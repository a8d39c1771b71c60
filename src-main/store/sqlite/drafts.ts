import type { DraftPatch } from '../../contract/core.ts'
import type {
  Address,
  Attachment,
  Draft,
  DraftContent,
  DraftKind,
  Instant,
  InteractionId,
  SecureMailbox,
  ThreadId,
  Uuid,
} from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import { newUuid } from '../ids.ts'
import type { Store } from '../store.ts'
import type { Engine, Touched } from './engine.ts'
import { mailboxAnswered } from './secure-mail-row.ts'
import { readJson } from './stored-json.ts'
import { currentThread, refreshThread } from './threads.ts'
import { saveUndo } from './undo.ts'

interface DraftRow {
  readonly id: Uuid
  readonly kind: DraftKind
  readonly owner_id: number
  readonly thread_id: ThreadId | null
  readonly parent_id: InteractionId | null
  readonly revision: number
  readonly saved_at: Instant
  readonly content: string
  readonly returned: string | null
}

/**
 * What `drafts.content` holds. The mailbox is kept from the first moment that the draft answers one: where the answered
 * mail is purged, the answer still never goes by e-mail.
 */
interface StoredContent extends DraftContent {
  readonly secure?: SecureMailbox | null
}

/** Drafts. Every save is durable when it answers, and a save that names an older revision is refused. */
export function drafts(
  engine: Engine,
): Pick<
  Store,
  'createDraft' | 'draft' | 'saveDraft' | 'addDraftAttachment' | 'removeDraftAttachment' | 'discardDraft'
> {
  return {
    async createDraft({ kind, owner_id, thread_id, parent_id, content, attachments }) {
      return engine.write((touched) => {
        const now = engine.now()
        const id = newUuid(now)
        insertDraft(engine, touched, {
          ...content,
          id,
          kind,
          owner_id,
          thread_id,
          parent_id,
          revision: 0,
          saved_at: now,
          attachments: attachments.map((attachment) => ({ ...attachment, id: newUuid(now) })),
          returned: null,
          secure: null,
        })
        return readDraft(engine, id)
      })
    },

    async draft(id) {
      return readDraft(engine, id)
    },

    async saveDraft(id, revision, patch) {
      return engine.write((touched) => {
        const content = patched(readJson<StoredContent>(draftRow(engine, id).content), patch)
        const saved_at = engine.now()
        const { changes } = engine
          .sql(
            'update drafts set content = ?, saved_at = ?, revision = revision + 1 where id = ? and revision = ?',
          )
          .run(JSON.stringify(content), saved_at, id, revision)
        if (changes === 0) throw changedElsewhere()
        // The thread's row knows only that there is a draft: saving must stay cheap while somebody types.
        touched.draft(id)
        return { revision: revision + 1, saved_at }
      })
    },

    async addDraftAttachment(id, attachment) {
      return engine.write((touched) => {
        const revision = bump(engine, touched, id)
        const added = { ...attachment, id: newUuid(engine.now()) }
        const last = engine
          .sql<{ position: number | null }>(
            'select max(position) as position from draft_attachments where draft_id = ?',
          )
          .get(id)
        insertAttachment(engine, id, (last?.position ?? -1) + 1, added)
        return { revision, attachment: added }
      })
    },

    async removeDraftAttachment(id, attachment) {
      return engine.write((touched) => {
        const { changes } = engine
          .sql('delete from draft_attachments where id = ? and draft_id = ?')
          .run(attachment, id)
        // Removed twice is removed; only a draft that is gone is an error.
        const revision = changes === 0 ? draftRow(engine, id).revision : bump(engine, touched, id)
        return { revision, attachments: attachmentsOf(engine, id) }
      })
    },

    async discardDraft(id) {
      return engine.write((touched) => {
        const draft = takeDraft(engine, touched, id)
        return { undo_id: saveUndo(engine, 'draft', draft) }
      })
    },
  }
}

/** A draft with its attachments. Throws `not-found`. */
export function readDraft(engine: Engine, id: Uuid): Draft {
  const row = draftRow(engine, id)
  const { secure, ...content } = readJson<StoredContent>(row.content)
  return {
    ...content,
    id: row.id,
    kind: row.kind,
    owner_id: row.owner_id,
    thread_id: row.thread_id,
    parent_id: row.parent_id,
    revision: row.revision,
    saved_at: row.saved_at,
    attachments: attachmentsOf(engine, id),
    returned: row.returned,
    secure: secure ?? mailboxOf(engine, row),
  }
}

/** Where an answer to a secure mail goes; a forward or a new mail goes by e-mail. */
function mailboxOf(
  engine: Engine,
  { kind, thread_id, parent_id }: Pick<Draft, 'kind' | 'thread_id' | 'parent_id'>,
): SecureMailbox | null {
  return kind === 'reply' || kind === 'reply-all' ? mailboxAnswered(engine, thread_id, parent_id) : null
}

/** Stores a whole draft under its own id, in its thread as that is called today; `conflict` when it is there already. */
export function insertDraft(engine: Engine, touched: Touched, draft: Draft): void {
  if (engine.sql('select 1 from drafts where id = ?').get(draft.id))
    throw new CoreError('conflict', 'This draft is open already. Go on with it there.')
  const { id, kind, owner_id, thread_id, parent_id, revision, saved_at, attachments, returned, ...rest } =
    draft
  const thread = thread_id === null ? null : currentThread(engine, thread_id)
  const content: StoredContent = {
    ...rest,
    secure: draft.secure ?? mailboxOf(engine, { kind, thread_id: thread, parent_id }),
  }
  engine
    .sql(
      `insert into drafts (id, kind, owner_id, thread_id, parent_id, revision, saved_at, content, returned)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(id, kind, owner_id, thread, parent_id, revision, saved_at, JSON.stringify(content), returned)
  for (const [position, attachment] of attachments.entries())
    insertAttachment(engine, id, position, attachment)
  announce(engine, touched, id, thread)
}

/** Removes a draft and answers it whole. Throws `not-found`. */
export function takeDraft(engine: Engine, touched: Touched, id: Uuid): Draft {
  const draft = readDraft(engine, id)
  engine.sql('delete from drafts where id = ?').run(id)
  announce(engine, touched, id, draft.thread_id)
  return draft
}

/** Undo of discarding: the draft is there again, one revision on, so that no page saves over it unseen. */
export function restoreDraft(engine: Engine, touched: Touched, before: string): void {
  const draft = readJson<Draft>(before)
  insertDraft(engine, touched, { ...draft, revision: draft.revision + 1 })
}

/** For a save or a send that names an older revision. */
export function changedElsewhere(): CoreError {
  return new CoreError(
    'conflict',
    'This draft was changed in another window. Open it again to see what it says now.',
  )
}

function announce(engine: Engine, touched: Touched, id: Uuid, thread: ThreadId | null): void {
  touched.draft(id)
  touched.kind('lists')
  if (thread !== null) refreshThread(engine, touched, thread)
}

function draftRow(engine: Engine, id: Uuid): DraftRow {
  const row = engine.sql<DraftRow>('select * from drafts where id = ?').get(id)
  if (!row) throw new CoreError('not-found', 'This draft is not there any more: it was sent or discarded.')
  return row
}

function bump(engine: Engine, touched: Touched, id: Uuid): number {
  const row = engine
    .sql<{ revision: number }>(
      'update drafts set revision = revision + 1, saved_at = ? where id = ? returning revision',
    )
    .get(engine.now(), id)
  touched.draft(id)
  return row?.revision ?? draftRow(engine, id).revision
}

function attachmentsOf(engine: Engine, id: Uuid): Attachment[] {
  return engine
    .sql<Omit<Attachment, 'inline'> & { inline: number }>(
      `select id, name, content_type, size, sha256, content_id, inline
         from draft_attachments where draft_id = ? order by position`,
    )
    .all(id)
    .map((row) => ({ ...row, inline: row.inline === 1 }))
}

function insertAttachment(engine: Engine, draft: Uuid, position: number, attachment: Attachment): void {
  const { id, name, content_type, size, sha256, content_id, inline } = attachment
  engine
    .sql(
      `insert into draft_attachments (id, draft_id, position, name, content_type, size, sha256, content_id, inline)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(id, draft, position, name, content_type, size, sha256, content_id, inline ? 1 : 0)
}

function patched(content: StoredContent, patch: DraftPatch): StoredContent {
  return {
    ...content,
    account_id: patch.account_id === undefined ? content.account_id : patch.account_id,
    to: patch.to?.map(address) ?? content.to,
    cc: patch.cc?.map(address) ?? content.cc,
    bcc: patch.bcc?.map(address) ?? content.bcc,
    subject: patch.subject ?? content.subject,
    format: patch.format ?? content.format,
    html: patch.html ?? content.html,
    text: patch.text ?? content.text,
    quote: patch.quote === undefined ? content.quote : patch.quote,
    standard_response_ids: patch.standard_response_ids ?? content.standard_response_ids,
  }
}

function address({ address, personal }: { address: string; personal?: string | undefined }): Address {
  return personal === undefined ? { address } : { address, personal }
}
