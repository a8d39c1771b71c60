import type { Address, ThreadId, UserData, Uuid } from '../../contract/domain.ts'
import { ENTITY } from '../../contract/domain.ts'
import { quotedRest, snippetOf } from '../../intake/quoted-text.ts'
import type { PulledInteraction } from '../remote-store.ts'
import { findOrCreateContact } from './contacts.ts'
import type { Engine, Touched } from './engine.ts'
import { dateTime } from './interaction-row.ts'
import { isTaken, type NewInteraction } from './interactions.ts'
import { currentThread } from './threads.ts'

/** One pull on its way into the store. */
export interface Pull {
  readonly engine: Engine
  readonly touched: Touched
  readonly remoteId: string
  readonly queueId: Uuid | null
  readonly own: ReadonlySet<string>
  /** Threads whose rows are brought in step at the end, each once. */
  readonly stale: Set<ThreadId>
}

/** Body with what is read out of it. */
export function bodyOf({
  input,
  html,
}: Pick<PulledInteraction, 'input' | 'html'>): Required<
  Pick<NewInteraction, 'text' | 'html' | 'quote_at' | 'snippet'>
> {
  const text = input.text ?? ''
  const quote_at = quotedRest(text)
  return { text, html, quote_at, snippet: snippetOf(text, quote_at) }
}

/** Members that are kept as the remote has them. */
export function membersOf({ input, html }: Pick<PulledInteraction, 'input' | 'html'>) {
  const { structured_text, structured_text_mime, binary_content, binary_content_mime } = input
  return {
    type: input.type,
    sub_type: input.sub_type ?? null,
    media_type: input.media_type,
    creator_app_id: input.creator_app_id,
    timeshift: input.timeshift ?? null,
    category_id: input.category_id ?? null,
    allow_children: input.allow_children,
    subject: input.subject ?? null,
    structured_text:
      html === null && structured_text !== undefined
        ? { url: structured_text, mime: structured_text_mime ?? 'text/plain' }
        : null,
    binary_content:
      binary_content === undefined
        ? null
        : {
            url: binary_content,
            mime: binary_content_mime ?? 'application/octet-stream',
            size: input.binary_content_size ?? 0,
          },
    from: input.from ?? null,
    reply_to: input.reply_to ?? null,
    to: input.to ?? [],
    cc: input.cc ?? [],
    bcc: input.bcc ?? [],
    sent_date: input.sent_date === undefined ? null : dateTime(input.sent_date),
    reference_id: input.reference_id ?? null,
    reviewer_id: input.reviewer_id ?? null,
    standard_response_id: input.standard_response_id ?? null,
  } as const
}

/** The contact of the customer's address; without one, of the same customer of theirs. */
export function customerOf(
  { engine, touched, own, remoteId }: Pull,
  { input }: Pick<PulledInteraction, 'input'>,
): string {
  const recipients = [...(input.to ?? []), ...(input.cc ?? []), ...(input.bcc ?? [])]
  const other: Address | undefined =
    input.entity_type === ENTITY.emailOut
      ? (recipients.find(({ address }) => !own.has(address.toLowerCase())) ?? recipients[0])
      : (input.from ?? input.reply_to)
  if (other && other.address !== '')
    return findOrCreateContact(engine, touched, other.address, other.personal)
  const theirs = input.customer_id
  if (theirs === '') return findOrCreateContact(engine, touched, '', undefined)
  const same = engine
    .sql<{ customer_id: string }>(
      `select i.customer_id from pulled_interactions p join interactions i on i.row = p.row
        where p.remote_id = ? and p.their_customer = ? limit 1`,
    )
    .get(remoteId, theirs)
  if (same) return same.customer_id
  if (!engine.sql('select 1 from contacts where id = ?').get(theirs)) {
    engine
      .sql('insert into contacts (id, display_name, created_at) values (?, ?, ?)')
      .run(theirs, theirs, engine.now())
    touched.contact(theirs)
  }
  return theirs
}

/**
 * The thread here of a thread there: the one that others of it were filed in; ours, where the remote knows it by our
 * id and it is the same customer's; else a new one, under the same id where that is free.
 */
export function threadOf(
  engine: Engine,
  remoteId: string,
  theirThread: string,
  customer: string,
): { readonly id: ThreadId | null; readonly known: boolean } {
  const sibling = engine
    .sql<{ thread_id: ThreadId }>(
      `select i.thread_id from pulled_interactions p join interactions i on i.row = p.row
        where p.remote_id = ? and p.their_thread = ? limit 1`,
    )
    .get(remoteId, theirThread)
  if (sibling) return { id: sibling.thread_id, known: true }
  const here = currentThread(engine, theirThread)
  if (here === null)
    return {
      id: /^[0-9A-Za-z]{16}$/.test(theirThread) && !isTaken(engine, theirThread) ? theirThread : null,
      known: false,
    }
  const shared = engine
    .sql('select 1 from interactions where customer_id = ? and thread_id = ? limit 1')
    .get(customer, here)
  return shared ? { id: here, known: true } : { id: null, known: false }
}

/** User data as it is stored; null where there is none. */
export function storedUserData(udata: UserData): string | null {
  return Object.keys(udata).length === 0 ? null : JSON.stringify(udata)
}
