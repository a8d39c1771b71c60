import type {
  Address,
  Attachment,
  DateTime,
  EntityType,
  Instant,
  InteractionId,
  MachineMail,
  Status,
  ThreadId,
  ThreadReason,
  UserData,
  Uuid,
  Workbin,
} from '../../contract/domain.ts'
import { ENTITY } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import { newInteractionId, newUuid } from '../ids.ts'
import { countMail } from './contacts.ts'
import type { Engine } from './engine.ts'
import { forgetLocationsOf } from './folders.ts'
import { addresses, type InteractionRow } from './interaction-row.ts'
import { fieldsOf, indexMessage, unindexMessage } from './search-index.ts'

/** What a new interaction is made of; what is left out or null stays empty. */
export interface NewInteraction {
  /** When it reached us; becomes start_date. */
  readonly received: Instant
  /** Null: it begins its own thread. */
  readonly thread_id: ThreadId | null
  readonly thread_reason: ThreadReason
  readonly entity_type: EntityType
  /** `Inbound` or `Outbound` for mail. */
  readonly type: string
  readonly sub_type: string | null
  /** Chosen by who made it; one of ours where none is given. Throws `conflict` where it is taken. */
  readonly interaction_id?: InteractionId | null
  /** `email` where none is given. */
  readonly media_type?: string
  /** 1, the desk itself, where none is given. */
  readonly creator_app_id?: number
  readonly external_id?: string | null
  readonly allow_children?: boolean
  /** A link that somebody else gave; bytes that we hold stand in `html`. */
  readonly structured_text?: { readonly url: string; readonly mime: string } | null
  readonly binary_content?: { readonly url: string; readonly mime: string; readonly size: number } | null
  readonly reviewer_id?: number | null
  readonly customer_id: string
  readonly status: Status
  readonly came_by: string
  readonly text: string
  readonly html?: string | null
  readonly snippet?: string
  readonly quote_at?: number | null
  readonly subject?: string | null
  readonly parent_id?: InteractionId | null
  readonly owner_id?: number | null
  readonly queue_id?: Uuid | null
  readonly workbin?: Workbin | null
  readonly unread?: boolean
  readonly end_date?: Instant | null
  readonly stopped_reason?: string | null
  readonly timeshift?: number | null
  readonly category_id?: string | null
  readonly udata?: UserData | null
  readonly from?: Address | null
  readonly reply_to?: Address | null
  readonly to?: readonly Address[]
  readonly cc?: readonly Address[]
  readonly bcc?: readonly Address[]
  readonly sent_date?: DateTime | null
  readonly reference_id?: string | number | null
  readonly standard_response_id?: string | null
  /** Without angle brackets. */
  readonly message_id?: string | null
  /** Message-IDs of its ancestors, nearest first. */
  readonly references?: readonly string[]
  readonly content_key?: string | null
  readonly raw?: { readonly sha256: string; readonly size: number } | null
  readonly from_as_written?: string | null
  readonly held_back?: string | null
  readonly machine?: MachineMail | null
  readonly bounce_of?: InteractionId | null
  readonly disposition_id?: Uuid | null
  readonly disposition?: string | null
  readonly account_id?: string | null
  readonly folder?: string | null
  /** In the mail's order. An id is kept where one is given. */
  readonly attachments?: readonly (Omit<Attachment, 'id'> & { readonly id?: Uuid })[]
}

export interface InsertedInteraction {
  readonly row: number
  readonly interaction_id: InteractionId
  readonly activity_id: number
  readonly thread_id: ThreadId
}

/** Four digits write every year between them. */
const EARLIEST: Instant = Date.parse('0000-01-01T00:00:00.000Z')
const LATEST: Instant = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
const SEQUENCES = 1024

/**
 * Stores one interaction with its body, attachments, references and participants, and indexes it for search.
 * The caller refreshes its thread (`refreshThread`) before the transaction ends.
 */
export function insertInteraction(engine: Engine, record: NewInteraction): InsertedInteraction {
  const started = Math.min(Math.max(EARLIEST, Math.floor(record.received)), LATEST)
  // A date in the future would keep a mail on top of every list; only the list's order is held to today, and its ids
  // count from 1970.
  const reached = Math.min(Math.max(0, started), engine.now())
  const row = freeRow(engine, reached)
  const interaction_id = record.interaction_id ?? newInteractionId(reached)
  if (record.interaction_id && isTaken(engine, interaction_id))
    throw new CoreError('conflict', `There is an interaction ${interaction_id} already.`)
  const thread_id = record.thread_id ?? interaction_id
  const activity_id = nextActivityId(engine)
  const outbound = record.entity_type === ENTITY.emailOut
  const attachments = record.attachments ?? []
  engine.sql(INSERT).run({
    row,
    interaction_id,
    activity_id,
    customer_id: record.customer_id,
    status: record.status,
    entity_type: record.entity_type,
    type: record.type,
    sub_type: record.sub_type,
    media_type: record.media_type ?? 'email',
    creator_app_id: record.creator_app_id ?? 1,
    external_id: record.external_id ?? null,
    allow_children: (record.allow_children ?? true) ? 1 : 0,
    structured_text: record.structured_text?.url ?? null,
    structured_text_mime: record.structured_text?.mime ?? null,
    binary_content: record.binary_content?.url ?? null,
    binary_content_mime: record.binary_content?.mime ?? null,
    binary_content_size: record.binary_content?.size ?? null,
    reviewer_id: record.reviewer_id ?? null,
    parent_id: record.parent_id ?? null,
    thread_id,
    owner_id: record.owner_id ?? null,
    start_date: started,
    end_date: record.end_date ?? null,
    timeshift: record.timeshift ?? null,
    category_id: record.category_id ?? null,
    subject: record.subject ?? null,
    stopped_reason: record.stopped_reason ?? null,
    udata: json(record.udata),
    from: json(record.from),
    reply_to: json(record.reply_to),
    to: jsonList(record.to),
    cc: jsonList(record.cc),
    bcc: outbound ? jsonList(record.bcc) : null,
    sent_date: instant(record.sent_date),
    reference_id: json(record.reference_id),
    standard_response_id: record.standard_response_id ?? null,
    queue_id: record.queue_id ?? null,
    workbin: record.workbin ?? null,
    unread: record.unread ? 1 : 0,
    message_id: record.message_id ?? null,
    thread_reason: record.thread_reason,
    content_key: record.content_key ?? null,
    raw_sha256: record.raw?.sha256 ?? null,
    raw_size: record.raw?.size ?? 0,
    snippet: record.snippet ?? '',
    quote_at: record.quote_at ?? null,
    from_as_written: record.from_as_written ?? null,
    held_back: record.held_back ?? null,
    machine: json(record.machine),
    bounce_of: record.bounce_of ?? null,
    disposition_id: record.disposition_id ?? null,
    disposition: record.disposition ?? null,
    came_by: record.came_by,
    account_id: record.account_id ?? null,
    folder: record.folder ?? null,
    // Inline images are part of the text; the list's mark stands for what was attached.
    attachments: attachments.filter((attachment) => !attachment.inline).length,
  })
  engine
    .sql('insert into bodies (row, text, html) values (?, ?, ?)')
    .run(row, record.text, record.html ?? null)
  for (const [position, attachment] of attachments.entries()) {
    engine
      .sql(
        `insert into attachments (id, row, position, name, content_type, size, sha256, content_id, inline)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        attachment.id ?? newUuid(engine.now()),
        row,
        position,
        attachment.name,
        attachment.content_type,
        attachment.size,
        attachment.sha256,
        attachment.content_id,
        attachment.inline ? 1 : 0,
      )
  }
  for (const [distance, ancestor] of (record.references ?? []).entries()) {
    engine
      .sql('insert or ignore into mail_references (message_id, row, distance) values (?, ?, ?)')
      .run(ancestor, row, distance)
  }
  const named = namedIn({ ...record, bcc: outbound ? record.bcc : [] })
  addParticipants(engine, thread_id, named)
  countMail(engine, outbound ? recipients(record) : addressKeys([record.from]), started, 1)
  indexMessage(
    engine,
    row,
    fieldsOf({
      from: record.from ?? null,
      from_as_written: record.from_as_written ?? null,
      reply_to: record.reply_to ?? null,
      recipients: [...(record.to ?? []), ...(record.cc ?? []), ...(outbound ? (record.bcc ?? []) : [])],
      subject: record.subject ?? null,
      text: record.text,
      udata: record.udata ?? null,
      files: attachments,
    }),
  )
  return { row, interaction_id, activity_id, thread_id }
}

/**
 * Takes an interaction out of the store as if it had never been there, its history aside. The caller refreshes
 * its thread. Throws `not-found`.
 */
export function removeInteraction(engine: Engine, interaction_id: InteractionId): void {
  const row = interactionRow(engine, interaction_id)
  unindexMessage(engine, row.row)
  forgetLocationsOf(engine, row.row)
  if (row.entity_type === ENTITY.emailOut)
    countMail(engine, addressKeys([...addresses(row.to), ...addresses(row.cc), ...addresses(row.bcc)]), 0, -1)
  engine.sql('update interactions set parent_id = null where parent_id = ?').run(interaction_id)
  // Bodies, attachments and references go with it.
  engine.sql('delete from interactions where row = ?').run(row.row)
  rebuildParticipants(engine, row.thread_id)
}

/** The row of an interaction. Throws `not-found`. */
export function interactionRow(engine: Engine, id: InteractionId): InteractionRow {
  const row = engine.sql<InteractionRow>('select * from interactions where interaction_id = ?').get(id)
  if (!row) throw new CoreError('not-found', `There is no message ${id} any more.`)
  return row
}

/** Names the people of a message as participants of its thread. */
export function addParticipants(engine: Engine, thread: ThreadId, people: readonly string[]): void {
  const add = engine.sql('insert or ignore into participants (thread_id, address_key) values (?, ?)')
  for (const person of people) add.run(thread, person)
}

/** Participants of a thread as its messages name them now. */
export function rebuildParticipants(engine: Engine, thread: ThreadId): void {
  engine.sql('delete from participants where thread_id = ?').run(thread)
  const rows = engine
    .sql<Pick<InteractionRow, 'from' | 'reply_to' | 'to' | 'cc' | 'bcc'>>(
      'select "from", reply_to, "to", cc, bcc from interactions where thread_id = ?',
    )
    .all(thread)
  for (const row of rows) {
    const single = [row.from, row.reply_to].flatMap((column) => addresses(column && `[${column}]`))
    const several = [row.to, row.cc, row.bcc].flatMap((column) => addresses(column))
    addParticipants(engine, thread, addressKeys([...single, ...several]))
  }
}

function namedIn(
  record: Pick<NewInteraction, 'from' | 'reply_to' | 'to' | 'cc'> & { bcc?: readonly Address[] | undefined },
) {
  return addressKeys([
    record.from,
    record.reply_to,
    ...(record.to ?? []),
    ...(record.cc ?? []),
    ...(record.bcc ?? []),
  ])
}

function recipients(record: NewInteraction): readonly string[] {
  return addressKeys([...(record.to ?? []), ...(record.cc ?? []), ...(record.bcc ?? [])])
}

/** Lower-case addresses, each once. */
export function addressKeys(people: readonly (Address | null | undefined)[]): readonly string[] {
  return [...new Set(people.flatMap((person) => (person ? [person.address.toLowerCase()] : [])))]
}

/** Received time in milliseconds × 1,024 plus the next sequence; a full millisecond spills into the next one. */
function freeRow(engine: Engine, at: Instant): number {
  const first = at * SEQUENCES
  const newest = engine.sql<{ row: number | null }>(
    'select max(row) as row from interactions where row between ? and ?',
  )
  for (let base = first; ; base += SEQUENCES) {
    const taken = newest.get(base, base + SEQUENCES - 1)?.row ?? null
    if (taken === null) return base
    if (taken < base + SEQUENCES - 1) return taken + 1
  }
}

/** Also the id of a thread that was merged away is taken: it still opens that thread. */
export function isTaken(engine: Engine, id: InteractionId): boolean {
  return (
    engine.sql('select 1 from interactions where interaction_id = ?').get(id) !== undefined ||
    engine.sql('select 1 from merged_threads where old_id = ?').get(id) !== undefined
  )
}

/** Counted from 1001 in the order in which interactions enter the store; never given twice. */
function nextActivityId(engine: Engine): number {
  const last = engine.sql<{ value: string }>("select value from meta where key = 'last_activity_id'").get()
  const next = last ? Number(last.value) + 1 : 1001
  // Not one statement with RETURNING: its temporary table costs 30 times as much.
  engine.sql("insert or replace into meta (key, value) values ('last_activity_id', ?)").run(String(next))
  return next
}

/** A value as its JSON column holds it; null where there is none. */
export function json(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value)
}

/** Addresses as their column holds them; null where there are none. */
export function jsonList(list: readonly Address[] | null | undefined): string | null {
  return list && list.length > 0 ? JSON.stringify(list) : null
}

function instant(date: DateTime | null | undefined): Instant | null {
  if (date === null || date === undefined) return null
  const at = Date.parse(date)
  return Number.isFinite(at) ? at : null
}

const COLUMNS = [
  'row',
  'interaction_id',
  'activity_id',
  'customer_id',
  'status',
  'entity_type',
  'type',
  'sub_type',
  'media_type',
  'creator_app_id',
  'external_id',
  'allow_children',
  'structured_text',
  'structured_text_mime',
  'binary_content',
  'binary_content_mime',
  'binary_content_size',
  'reviewer_id',
  'parent_id',
  'thread_id',
  'owner_id',
  'start_date',
  'end_date',
  'timeshift',
  'category_id',
  'subject',
  'stopped_reason',
  'udata',
  'from',
  'reply_to',
  'to',
  'cc',
  'bcc',
  'sent_date',
  'reference_id',
  'standard_response_id',
  'queue_id',
  'workbin',
  'unread',
  'message_id',
  'thread_reason',
  'content_key',
  'raw_sha256',
  'raw_size',
  'snippet',
  'quote_at',
  'from_as_written',
  'held_back',
  'machine',
  'bounce_of',
  'disposition_id',
  'disposition',
  'came_by',
  'account_id',
  'folder',
  'attachments',
] as const

const INSERT = `insert into interactions (${COLUMNS.map((column) => `"${column}"`).join(', ')})
  values (${COLUMNS.map((column) => `@${column}`).join(', ')})`
