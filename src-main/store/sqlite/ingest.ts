import type { Address, InteractionId, ThreadId } from '../../contract/domain.ts'
import { ENTITY, STATUS } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import { decideThread, type ThreadDecision } from '../../intake/threading.ts'
import type { Arrival, FolderCursor, Ingested, ParsedMail, Store } from '../store.ts'
import { findOrCreateContact } from './contacts.ts'
import type { Engine, Touched } from './engine.ts'
import { addLocation, writeCursor } from './folders.ts'
import { insertInteraction, type NewInteraction } from './interactions.ts'
import { recordBounce, sightInSent } from './outbox.ts'
import { oweReports } from './owed-calls.ts'
import { ownAddresses } from './own-addresses.ts'
import { hasAncestor } from './parents.ts'
import { inheritedUserData, placement } from './placement.ts'
import { threadLookup } from './thread-lookup.ts'
import { currentThread, mergeThreads, refreshThread } from './threads.ts'

/** Larger batches would hold the one writer for too long: 100 took 45 ms, 500 up to a second. */
const LARGEST_BATCH = 100

/** Mail on its way into the store. */
export function ingest(engine: Engine): Pick<Store, 'ingest' | 'known'> {
  return {
    async ingest(batch, cursor) {
      if (batch.length > LARGEST_BATCH)
        throw new CoreError('internal', `At most ${LARGEST_BATCH} mails are filed at once.`)
      return engine.write((touched) => fileBatch(engine, touched, batch, cursor))
    },
    async known(keys) {
      const find = engine.sql('select 1 from interactions where content_key = ?')
      return new Set(keys.filter((key) => find.get(key)))
    },
  }
}

interface Filing {
  readonly engine: Engine
  readonly touched: Touched
  readonly own: ReadonlySet<string>
  /** Threads whose rows are brought in step at the end of the batch, each once. */
  readonly stale: Set<ThreadId>
}

function fileBatch(
  engine: Engine,
  touched: Touched,
  batch: readonly Arrival[],
  cursor: FolderCursor | null,
): readonly Ingested[] {
  if (cursor) {
    writeCursor(engine, cursor)
    touched.kind('accounts')
  }
  const filing: Filing = { engine, touched, own: ownAddresses(engine), stale: new Set() }
  const outcomes = batch.map((arrival) => {
    const { ingested, row } = alreadyHere(filing, arrival) ?? file(filing, arrival)
    if (arrival.location) {
      const role = arrival.direction === 'in' ? 'inbound' : 'outbound'
      addLocation(engine, row, arrival.location, role, ingested.outcome)
      touched.kind('accounts')
    }
    return ingested
  })
  for (const thread of filing.stale) refreshThread(engine, touched, thread)
  // A mail later in the batch may have merged an earlier one's thread.
  return outcomes.map((ingested) => ({
    ...ingested,
    thread_id: currentThread(engine, ingested.thread_id) ?? ingested.thread_id,
  }))
}

interface Filed {
  readonly ingested: Ingested
  readonly row: number
}

/** The same mail again, or the Sent copy of one that was written here. */
function alreadyHere(filing: Filing, arrival: Arrival): Filed | null {
  const { engine } = filing
  const { mail } = arrival
  const sent = arrival.direction === 'out' ? sentFromHere(filing, arrival) : null
  const known = engine
    .sql<{
      row: number
      interaction_id: InteractionId
      thread_id: ThreadId
      thread_reason: Ingested['reason']
    }>(
      sent === null
        ? 'select row, interaction_id, thread_id, thread_reason from interactions where content_key = ?'
        : 'select row, interaction_id, thread_id, thread_reason from interactions where interaction_id = ?',
    )
    .get(sent ?? mail.content_key)
  if (!known) return null
  const { row, interaction_id, thread_id, thread_reason: reason } = known
  return { row, ingested: { interaction_id, thread_id, outcome: 'duplicate', reason } }
}

/** The interaction of a mail that was written here, by its Message-ID: servers alter the copy that they file. */
function sentFromHere({ engine, touched }: Filing, { mail, location }: Arrival): InteractionId | null {
  if (mail.message_id === null) return null
  const owed = engine
    .sql<{ interaction_id: InteractionId; account_id: string }>(
      'select interaction_id, account_id from outbox where message_id = ?',
    )
    .get(mail.message_id)
  if (!owed) return null
  // What lies in its account's Sent folder was sent: that settles a send whose outcome nobody knew.
  if (location?.account_id === owed.account_id) sightInSent(engine, touched, mail.message_id)
  return owed.interaction_id
}

function file(filing: Filing, arrival: Arrival): Filed {
  const { engine, touched, stale } = filing
  const { mail, direction } = arrival
  const report = direction === 'in' ? reportOf(filing, mail) : null
  const decision = report?.decision ?? decideThread(mail, direction, threadLookup(engine, filing.own))
  for (const other of decision.merge) {
    if (decision.thread_id === null) break
    mergeThreads(engine, touched, other, decision.thread_id, decision.reason)
    stale.delete(other)
  }
  const record =
    direction === 'in' ? inbound(filing, arrival, decision, report) : outbound(filing, arrival, decision)
  const inserted = insertInteraction(engine, record)
  if (mail.message_id !== null && decision.thread_id !== null)
    adoptChildren(engine, mail.message_id, inserted)
  oweReports(engine, touched, inserted.row)
  stale.add(inserted.thread_id)
  return {
    row: inserted.row,
    ingested: {
      interaction_id: inserted.interaction_id,
      thread_id: inserted.thread_id,
      outcome: mail.held_back === null ? 'stored' : 'held-back',
      reason: decision.reason,
    },
  }
}

/** What both directions take over from the mail as it is. */
function common({ engine }: Filing, arrival: Arrival, decision: ThreadDecision) {
  const { mail } = arrival
  return {
    // No mail is older than 1970; such a date is a clock’s fault.
    received: Math.max(0, arrival.received),
    thread_id: decision.thread_id,
    thread_reason: decision.reason,
    parent_id: decision.parent_id,
    category_id: null,
    subject: mail.subject,
    timeshift: mail.timeshift,
    from: mail.from,
    from_as_written: mail.from_as_written,
    reply_to: mail.reply_to,
    to: mail.to,
    cc: mail.cc,
    sent_date: mail.sent_date,
    message_id: mail.message_id,
    references: mail.references,
    content_key: mail.content_key,
    raw: mail.raw,
    text: mail.text,
    html: mail.html,
    quote_at: mail.quote_at,
    snippet: mail.snippet,
    held_back: mail.held_back,
    machine: mail.machine,
    attachments: mail.attachments,
    came_by: arrival.came_by,
    account_id: arrival.account_id,
    folder: arrival.folder,
    udata: inheritedUserData(engine, decision.thread_id, arrival.udata),
  }
}

function inbound(
  filing: Filing,
  arrival: Arrival,
  decision: ThreadDecision,
  report: Report | null,
): NewInteraction {
  const { engine, touched } = filing
  const { mail } = arrival
  return {
    ...common(filing, arrival, decision),
    entity_type: ENTITY.emailIn,
    type: 'Inbound',
    sub_type: inboundSubType(mail, decision),
    customer_id: contactOf(engine, touched, mail.from),
    bounce_of: report?.interaction_id ?? null,
    unread: arrival.unread,
    ...placement(engine, decision.thread_id, arrival.queue_id, report),
  }
}

function outbound(filing: Filing, arrival: Arrival, decision: ThreadDecision): NewInteraction {
  const { engine, touched, own } = filing
  const { mail } = arrival
  const recipients = [...mail.to, ...mail.cc, ...mail.bcc]
  const customer = recipients.find(({ address }) => !own.has(address.toLowerCase())) ?? recipients[0] ?? null
  return {
    ...common(filing, arrival, decision),
    entity_type: ENTITY.emailOut,
    type: 'Outbound',
    sub_type: decision.parent_id === null && decision.thread_id === null ? 'OutboundNew' : 'OutboundReply',
    customer_id: contactOf(engine, touched, customer),
    bcc: mail.bcc,
    reference_id: mail.references[0] ?? null,
    status: STATUS.stopped,
    stopped_reason: 'Sent',
    end_date: arrival.received,
    unread: false,
  }
}

function contactOf(engine: Engine, touched: Touched, person: Address | null): string {
  return findOrCreateContact(engine, touched, person?.address ?? '', person?.personal)
}

interface Report {
  readonly decision: ThreadDecision
  readonly interaction_id: InteractionId
  /** Who wrote the mail that it is about; null where nobody here did. */
  readonly owner_id: number | null
  readonly failed: boolean
}

/** A delivery report about a mail of ours belongs beside that mail, which now shows who wasn't reached. */
function reportOf({ engine, touched }: Filing, mail: ParsedMail): Report | null {
  const reported = mail.report?.message_id ?? null
  const kind = mail.machine?.kind
  if (mail.report === null || reported === null || (kind !== 'bounce' && kind !== 'report')) return null
  const ours = engine
    .sql<{ interaction_id: InteractionId; thread_id: ThreadId; owner_id: number | null }>(
      `select interaction_id, thread_id, owner_id from interactions
        where message_id = ? and entity_type = 1 order by row desc limit 1`,
    )
    .get(reported)
  if (!ours) return null
  if (kind === 'bounce') recordBounce(engine, touched, reported, mail.report.recipients)
  const reason = mail.references.slice(0, mail.in_reply_to).includes(reported) ? 'in-reply-to' : 'references'
  return {
    decision: { thread_id: ours.thread_id, parent_id: ours.interaction_id, reason, merge: [] },
    interaction_id: ours.interaction_id,
    owner_id: ours.owner_id,
    failed: kind === 'bounce',
  }
}

function inboundSubType(mail: ParsedMail, decision: ThreadDecision): string {
  if (mail.machine?.kind === 'bounce') return 'InboundNDR'
  if (mail.machine?.kind === 'report') return 'InboundReport'
  return decision.thread_id === null ? 'InboundNew' : 'InboundCustomerReply'
}

/** Mails that named this one as their nearest ancestor, and had no parent here, have one now. */
function adoptChildren(
  engine: Engine,
  messageId: string,
  parent: { readonly row: number; readonly interaction_id: InteractionId; readonly thread_id: ThreadId },
): void {
  const waiting = engine
    .sql<{ row: number; interaction_id: InteractionId; parent_id: InteractionId | null; distance: number }>(
      `select i.row, i.interaction_id, i.parent_id, r.distance
         from mail_references r join interactions i on i.row = r.row
        where r.message_id = ? and i.thread_id = ? and i.row <> ? limit 200`,
    )
    .all(messageId, parent.thread_id, parent.row)
  for (const child of waiting) {
    if (child.parent_id !== null && distanceOfParent(engine, child.row, child.parent_id) <= child.distance)
      continue
    if (hasAncestor(engine, parent.interaction_id, child.interaction_id)) continue
    engine
      .sql(
        `update interactions
            set parent_id = ?,
                thread_reason = iif(thread_reason in ('new', 'stranger-kept-apart'), 'late-parent', thread_reason)
          where row = ?`,
      )
      .run(parent.interaction_id, child.row)
  }
}

/** How near an ancestor its parent is, as the mail names it; -1 where it became the parent for another reason. */
function distanceOfParent(engine: Engine, row: number, parent: InteractionId): number {
  const named = engine
    .sql<{ distance: number }>(
      `select r.distance from interactions p join mail_references r on r.message_id = p.message_id and r.row = ?
        where p.interaction_id = ?`,
    )
    .get(row, parent)
  return named?.distance ?? -1
}
