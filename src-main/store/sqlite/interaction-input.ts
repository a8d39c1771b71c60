import type { Address, ThreadId } from '../../contract/domain.ts'
import { ENTITY, STATUS } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import { quotedRest, snippetOf } from '../../intake/quoted-text.ts'
import type { InteractionInput } from '../api-store.ts'
import type { Engine, Touched } from './engine.ts'
import { dateTime } from './interaction-row.ts'
import { type InsertedInteraction, insertInteraction, type NewInteraction } from './interactions.ts'
import { contactWithId } from './named-customers.ts'
import { placement, queueFor } from './placement.ts'
import { currentThread, refreshThread } from './threads.ts'
import { checkUserData, userDataEntries } from './user-data.ts'

/**
 * Stores an interaction that another system describes whole, and refreshes its thread. An unknown customer_id becomes
 * a contact. Throws `conflict` (the id is taken, the parent takes no children) and `invalid` (parent or thread
 * unknown, user data too large, an end before the start) with the member in `detail`.
 */
export function insertInput(engine: Engine, touched: Touched, input: InteractionInput): InsertedInteraction {
  const parent = input.parent_id === undefined ? null : parentThread(engine, input.parent_id)
  const thread = input.thread_id === undefined ? parent : threadAsked(engine, input.thread_id, input)
  if (input.interaction_id !== undefined) refuseThreadsName(engine, input.interaction_id)
  if (input.udata) checkUserData(userDataEntries(input.udata))
  if (input.end_date !== undefined) refuseEarlyEnd(input.start_date, input.end_date)
  const inbound = input.entity_type === ENTITY.emailIn
  contactWithId(engine, touched, input.customer_id, customerAddress(input))
  const inserted = insertInteraction(engine, {
    ...content(input.text ?? ''),
    ...work(engine, input, thread),
    interaction_id: input.interaction_id ?? null,
    received: input.start_date,
    thread_id: thread,
    thread_reason: thread === null ? 'new' : 'conversation',
    parent_id: input.parent_id ?? null,
    entity_type: input.entity_type,
    type: input.type,
    sub_type: input.sub_type ?? null,
    media_type: input.media_type,
    creator_app_id: input.creator_app_id,
    external_id: input.external_id ?? null,
    allow_children: input.allow_children,
    customer_id: input.customer_id,
    came_by: input.came_by,
    timeshift: input.timeshift ?? null,
    category_id: input.category_id ?? null,
    subject: input.subject ?? null,
    structured_text: link(input),
    binary_content: binaryLink(input),
    udata: input.udata ?? null,
    from: input.from ?? null,
    reply_to: input.reply_to ?? null,
    to: input.to ?? [],
    cc: input.cc ?? [],
    bcc: input.bcc ?? [],
    sent_date: input.sent_date === undefined ? null : dateTime(input.sent_date),
    unread: inbound && input.status !== STATUS.stopped,
    ...(input.entity_type === ENTITY.emailOut
      ? {
          reference_id: input.reference_id ?? null,
          reviewer_id: input.reviewer_id ?? null,
          standard_response_id: input.standard_response_id ?? null,
        }
      : {}),
  })
  refreshThread(engine, touched, inserted.thread_id)
  return inserted
}

/** A thread outlives its first message, which was purged; its id never names another one. */
function refuseThreadsName(engine: Engine, id: string): void {
  if (engine.sql('select 1 from threads where thread_id = ?').get(id))
    throw new CoreError('conflict', `There was an interaction ${id} already; its thread goes on.`)
}

/** Null: its own id, so it begins a thread. */
function threadAsked(engine: Engine, asked: ThreadId, { interaction_id }: InteractionInput): ThreadId | null {
  return asked === interaction_id ? null : knownThread(engine, asked)
}

/** What of a plain text is new, and its first words. */
export function content(text: string): Pick<NewInteraction, 'text' | 'quote_at' | 'snippet'> {
  const quote_at = quotedRest(text)
  return { text, quote_at, snippet: snippetOf(text, quote_at) }
}

/** The thread of a parent. Throws `invalid` where it isn't there, `conflict` where it takes no children. */
export function parentThread(engine: Engine, id: string): ThreadId {
  const parent = engine
    .sql<{ thread_id: ThreadId; allow_children: 0 | 1 }>(
      'select thread_id, allow_children from interactions where interaction_id = ?',
    )
    .get(id)
  if (!parent) throw refused('parent_id', `There is no interaction ${id} that could be the parent.`)
  if (parent.allow_children === 0)
    throw new CoreError('conflict', `The interaction ${id} takes no children: its allow_children is false.`, {
      detail: { member: 'parent_id' },
    })
  return parent.thread_id
}

/** A thread's id today. Throws `invalid` where there is no such thread. */
export function knownThread(engine: Engine, id: ThreadId): ThreadId {
  const thread = currentThread(engine, id)
  if (thread === null) throw refused('thread_id', `There is no thread ${id} to append to.`)
  return thread
}

/** Throws `invalid`. */
export function refuseEarlyEnd(start: number, end: number): void {
  if (end < start) throw refused('end_date', 'An interaction can’t end before its start_date.')
}

export function refused(member: string, message: string): CoreError {
  return new CoreError('invalid', message, { detail: { member } })
}

/** The other side's address, by which a new contact is found later. */
export function customerAddress(
  input: Pick<InteractionInput, 'entity_type' | 'from' | 'to'>,
): Address | null {
  return (input.entity_type === ENTITY.emailOut ? input.to?.[0] : input.from) ?? null
}

/**
 * Where it stands. What an agent has in hand lies in that agent's workbin; new mail in a thread that somebody holds
 * goes to its holder, as every mail does.
 */
function work(engine: Engine, input: InteractionInput, thread: ThreadId | null) {
  const { status, owner_id = null, start_date } = input
  const inbound = input.entity_type === ENTITY.emailIn
  const queue_id = inbound ? queueFor(engine, thread, null) : null
  if (status === STATUS.stopped)
    return {
      status,
      owner_id,
      queue_id,
      end_date: input.end_date ?? Math.max(engine.now(), start_date),
      stopped_reason: input.stopped_reason ?? null,
    }
  const open = { owner_id, queue_id, end_date: input.end_date ?? null }
  if (status === STATUS.inProcess)
    return { ...open, status, workbin: owner_id === null ? null : ('in-progress' as const) }
  const place = inbound ? placement(engine, thread, null) : null
  return place?.workbin
    ? { ...open, ...place }
    : { ...open, status, ...(place && { queue_id: place.queue_id ?? null }) }
}

function link({ structured_text, structured_text_mime }: InteractionInput) {
  return structured_text === undefined || structured_text_mime === undefined
    ? null
    : { url: structured_text, mime: structured_text_mime }
}

function binaryLink({ binary_content, binary_content_mime, binary_content_size }: InteractionInput) {
  return binary_content === undefined ||
    binary_content_mime === undefined ||
    binary_content_size === undefined
    ? null
    : { url: binary_content, mime: binary_content_mime, size: binary_content_size }
}
