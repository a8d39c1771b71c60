import type {
  Address,
  DateTime,
  EntityType,
  Instant,
  Interaction,
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
import { readJson } from './stored-json.ts'

/** A row of `interactions` as SQLite gives it; JSON columns are text. */
export interface InteractionRow {
  readonly row: number
  readonly interaction_id: InteractionId
  readonly activity_id: number
  readonly customer_id: string
  readonly status: Status
  readonly entity_type: EntityType
  readonly type: string
  readonly sub_type: string | null
  readonly media_type: string
  readonly parent_id: InteractionId | null
  readonly thread_id: ThreadId
  readonly external_id: string | null
  readonly owner_id: number | null
  readonly creator_app_id: number
  readonly start_date: Instant
  readonly end_date: Instant | null
  readonly timeshift: number | null
  readonly category_id: string | null
  readonly allow_children: 0 | 1
  readonly subject: string | null
  readonly stopped_reason: string | null
  readonly structured_text: string | null
  readonly structured_text_mime: string | null
  readonly binary_content: string | null
  readonly binary_content_mime: string | null
  readonly binary_content_size: number | null
  readonly udata: string | null
  readonly from: string | null
  readonly reply_to: string | null
  readonly to: string | null
  readonly cc: string | null
  readonly bcc: string | null
  readonly sent_date: Instant | null
  readonly reference_id: string | null
  readonly reviewer_id: number | null
  readonly standard_response_id: string | null
  readonly queue_id: Uuid | null
  readonly workbin: Workbin | null
  readonly unread: 0 | 1
  readonly message_id: string | null
  readonly thread_reason: ThreadReason
  readonly content_key: string | null
  readonly raw_sha256: string | null
  readonly raw_size: number
  readonly snippet: string
  readonly quote_at: number | null
  readonly from_as_written: string | null
  readonly held_back: string | null
  readonly machine: string | null
  readonly bounce_of: InteractionId | null
  readonly disposition_id: Uuid | null
  readonly disposition: string | null
  readonly came_by: string
  readonly account_id: string | null
  readonly folder: string | null
  readonly attachments: number
}

/** `YYYY-MM-DDTHH:mm:ss.SSSZ`. */
export function dateTime(at: Instant): DateTime {
  return new Date(at).toISOString()
}

/** The interaction object of the data model, without its body: absent and empty optionals are left out. */
export function readInteraction(row: InteractionRow): Interaction {
  const to = addresses(row.to)
  const cc = addresses(row.cc)
  const bcc = row.entity_type === ENTITY.emailOut ? addresses(row.bcc) : []
  const udata = row.udata === null ? null : readJson<UserData>(row.udata)
  return {
    interaction_id: row.interaction_id,
    customer_id: row.customer_id,
    status: row.status,
    entity_type: row.entity_type,
    type: row.type,
    ...(row.sub_type ? { sub_type: row.sub_type } : {}),
    media_type: row.media_type,
    ...(row.parent_id === null ? {} : { parent_id: row.parent_id }),
    thread_id: row.thread_id,
    ...(row.external_id === null ? {} : { external_id: row.external_id }),
    ...(row.owner_id === null ? {} : { owner_id: row.owner_id }),
    creator_app_id: row.creator_app_id,
    start_date: dateTime(row.start_date),
    ...(row.end_date === null ? {} : { end_date: dateTime(row.end_date) }),
    ...(row.timeshift === null ? {} : { timeshift: row.timeshift }),
    ...(row.category_id === null ? {} : { category_id: row.category_id }),
    allow_children: row.allow_children === 1,
    ...(row.subject === null ? {} : { subject: row.subject }),
    ...(row.stopped_reason === null ? {} : { stopped_reason: row.stopped_reason }),
    ...(row.structured_text === null ? {} : { structured_text: row.structured_text }),
    ...(row.structured_text_mime === null ? {} : { structured_text_mime: row.structured_text_mime }),
    ...(row.binary_content === null ? {} : { binary_content: row.binary_content }),
    ...(row.binary_content_mime === null ? {} : { binary_content_mime: row.binary_content_mime }),
    ...(row.binary_content_size === null ? {} : { binary_content_size: row.binary_content_size }),
    ...(udata && Object.keys(udata).length > 0 ? { udata } : {}),
    ...(row.from === null ? {} : { from: readJson<Address>(row.from) }),
    ...(row.reply_to === null ? {} : { reply_to: readJson<Address>(row.reply_to) }),
    ...(to.length > 0 ? { to } : {}),
    ...(cc.length > 0 ? { cc } : {}),
    ...(bcc.length > 0 ? { bcc } : {}),
    ...(row.sent_date === null ? {} : { sent_date: dateTime(row.sent_date) }),
    ...(row.reference_id === null ? {} : { reference_id: readJson<string | number>(row.reference_id) }),
    ...(row.reviewer_id === null ? {} : { reviewer_id: row.reviewer_id }),
    ...(row.standard_response_id === null ? {} : { standard_response_id: row.standard_response_id }),
  }
}

/** What marks a row as written by a machine; null for people's mail. */
export function readMachine(row: Pick<InteractionRow, 'machine'>): MachineMail | null {
  return row.machine === null ? null : readJson<MachineMail>(row.machine)
}

/** Addresses of a column; none where it is empty. */
export function addresses(column: string | null): readonly Address[] {
  return column === null ? [] : readJson<readonly Address[]>(column)
}
