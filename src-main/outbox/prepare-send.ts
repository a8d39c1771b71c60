import type { Answers, Requests } from '../contract/core.ts'
import type { Attachment, Draft, Interaction, UnresolvedCode } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import type { Account, AgentSettings } from '../contract/settings.ts'
import type { Clock } from '../core/host-services.ts'
import type { Blobs } from '../store/blobs.ts'
import { newUuid } from '../store/ids.ts'
import type { Store } from '../store/store.ts'
import { composeMail, type ParentIds } from './compose-mail.ts'
import { findCodes } from './field-codes.ts'
import { parentIds } from './parent-ids.ts'
import { type WayOut, wayOut } from './way-out.ts'

export interface SendDesk {
  readonly store: Store
  readonly blobs: Blobs
  readonly clock: Clock
  /** Who presses Send. */
  readonly agent: Pick<AgentSettings, 'id' | 'email' | 'firstName' | 'lastName'>
  readonly accounts: readonly Account[]
  readonly undoSendSeconds: number
  /** Adds `[#<thread id>]` to the subject of what leaves in a thread. */
  readonly subjectToken: boolean
  /** It goes to the sample desk's local sink. */
  readonly sample: boolean
}

/**
 * Freezes a draft and queues it: nothing of it changes from here on, and its bytes are on disk before the store knows
 * of them. Throws `conflict` (changed elsewhere), `unresolved-code` (detail: UnresolvedCode[]), `recipients`,
 * `attachment-missing`, `stale-reply`, `invalid` (no account that can send, a control character in a header).
 */
export async function prepareSend(request: Requests['send'], desk: SendDesk): Promise<Answers['send']> {
  const { store, blobs, clock } = desk
  const draft = await store.draft(request.draft_id)
  if (draft.revision !== request.revision)
    throw new CoreError(
      'conflict',
      'This draft was changed in another window. Look at what it says now, then send it.',
    )
  const parent = draft.parent_id === null ? null : await answered(draft.parent_id, store)
  const way = wayOut(draft, parent, desk)
  refuseCodes(draft, parent)

  const now = clock.now()
  const mail = await composeMail(
    { ...draft, subject: desk.subjectToken && way.kind !== 'secure' ? withToken(draft) : draft.subject },
    {
      from: way.from,
      date: now,
      uuid: newUuid(now),
      parent: parent && (await idsOf(parent, desk)),
      attachments: draft.attachments.map((attachment) => ({ attachment, bytes: bytesOf(attachment, blobs) })),
    },
  )
  const wire = blobs.put(mail.wire)
  const sent = blobs.put(mail.sentCopy)
  const due_at = now + desk.undoSendSeconds * 1000
  const queued = await store.enqueue({
    draft_id: draft.id,
    revision: draft.revision,
    by: desk.agent.id,
    account_id: way.account_id,
    from: way.from,
    message_id: mail.messageId,
    envelope: mail.envelope,
    wire_sha256: wire.sha256,
    sent_sha256: sent.sha256,
    sent_size: sent.size,
    due_at,
    sample: desk.sample,
    sent_copy: wantsSentCopy(way, desk.sample) ? 'owed' : 'none',
    text: mail.text,
    html: mail.html,
    quote_at: mail.quote_at,
    snippet: mail.snippet,
    attachments: mail.attachments.map(({ id: _, ...attachment }) => attachment),
    seen: request.seen,
    done: request.done,
  })
  return { ...queued, due_at }
}

/** A field code that would leave unrendered stops the send; what the customer wrote in the subject is no code. */
function refuseCodes(draft: Draft, parent: Interaction | null): void {
  const theirs = parent?.subject ?? ''
  const found: readonly UnresolvedCode[] = [
    ...findCodes(draft.subject).filter(({ code }) => !theirs.includes(code)),
    ...(draft.format === 'rich' ? findCodes(draft.html) : []),
    ...findCodes(draft.text),
  ]
  const codes = [...new Map(found.map((code) => [code.code, code])).values()]
  if (codes.length === 0) return
  throw new CoreError(
    'unresolved-code',
    codes.length === 1
      ? `The field code ${codes[0]?.code ?? ''} is not filled in. Replace it, then send.`
      : `${codes.length} field codes are not filled in: ${codes.map(({ code }) => code).join(', ')}. Replace them, then send.`,
    { detail: codes },
  )
}

function bytesOf({ name, sha256 }: Attachment, blobs: Blobs): Uint8Array {
  const bytes = blobs.read(sha256)
  if (!bytes)
    throw new CoreError(
      'attachment-missing',
      `The attachment “${name ?? 'without a name'}” is missing on this computer’s disk. Attach it again, then send.`,
      { detail: { name } },
    )
  return bytes
}

/** The raw mail knows its ancestors; what came without one (an API) has only its own id. */
async function idsOf(
  parent: Interaction & { readonly message_id: string | null },
  { store, blobs }: SendDesk,
): Promise<ParentIds> {
  const raw = await store.rawMail(parent.interaction_id)
  const bytes = raw ? blobs.read(raw.sha256) : null
  const ids = bytes ? parentIds(bytes) : { messageId: null, references: [] }
  return { ...ids, messageId: ids.messageId ?? parent.message_id }
}

function withToken({ subject, thread_id }: Draft): string {
  if (thread_id === null || /\[#[0-9A-Za-z]{16}\]/.test(subject)) return subject
  return `${subject} [#${thread_id}]`.trim()
}

/** Gmail and Microsoft 365 put what they send into Sent themselves; a second copy from us would double it. */
const FILES_BY_ITSELF = /(?:^|\.)(?:gmail\.com|googlemail\.com|office365\.com|outlook\.com|hotmail\.com)$/i

function wantsSentCopy({ kind, account }: WayOut, sample: boolean): boolean {
  if (sample || kind !== 'account' || !account || (account.imap?.sent ?? null) === null) return false
  // What leaves through a remote system never passes such a server.
  return Boolean(account.through) || !FILES_BY_ITSELF.test(account.smtp?.host ?? '')
}

type Answered = Awaited<ReturnType<Store['interaction']>>

/** Null where what it answers was purged meanwhile. */
async function answered(id: string, store: Store): Promise<Answered | null> {
  try {
    return await store.interaction(id)
  } catch (error) {
    if (error instanceof CoreError && error.code === 'not-found') return null
    throw error
  }
}
