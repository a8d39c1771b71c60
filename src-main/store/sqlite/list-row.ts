import type {
  Address,
  DraftContent,
  Instant,
  InteractionId,
  ListRow,
  MachineMail,
  Place,
  Status,
  ThreadId,
  Uuid,
} from '../../contract/domain.ts'
import { ENTITY, STATUS } from '../../contract/domain.ts'
import type { Engine } from './engine.ts'
import { addresses } from './interaction-row.ts'
import { readJson } from './stored-json.ts'
import type { ThreadRow } from './threads.ts'

/** Columns of a thread's list row, from `threads t`, its newest message `i` and its owner `a`. */
export const THREAD_ROW = `t.thread_id, t.correspondent, t.subject, t.place, t.owner_id, t.status, t.category_id,
  t.last, t.waiting, t.since, t.messages, t.unread, t.attachments, t.held_back, t.has_draft, t.trouble,
  i.interaction_id, i.snippet, i.start_date, i.entity_type, i.machine, a.name as owner_name`

/** What both kinds of list row are made of. */
interface SharedColumns {
  readonly thread_id: ThreadId
  readonly interaction_id: InteractionId
  readonly entity_type: number
  readonly snippet: string
  readonly start_date: Instant
  readonly status: Status
  readonly place: string
  readonly owner_id: number | null
  readonly owner_name: string | null
  readonly category_id: string | null
  readonly waiting: number | null
  readonly messages: number
  readonly unread: number
  readonly attachments: number
  readonly has_draft: number
  readonly machine: string | null
}

function sharedRow(row: SharedColumns) {
  return {
    thread_id: row.thread_id,
    interaction_id: row.interaction_id,
    draft_id: null,
    snippet: row.snippet,
    at: row.start_date,
    waiting_since: waitingSince(row.waiting),
    status: row.status,
    place: readPlace(row.place, row.owner_id),
    owner_id: row.owner_id,
    owner_name: ownerName(row),
    category_id: row.category_id,
    unread: row.unread > 0,
    messages: row.messages,
    attachments: row.attachments > 0,
    has_draft: row.has_draft > 0,
    outbound: row.entity_type === ENTITY.emailOut,
    machine: machineKind(row.machine),
  } satisfies Partial<ListRow>
}

export type ThreadListRow = SharedColumns & ThreadRow

/** A thread in the list. */
export function threadRow(row: ThreadListRow): ListRow {
  return {
    ...sharedRow(row),
    kind: 'thread',
    key: row.thread_id,
    correspondent: row.correspondent === null ? null : readJson<Address>(row.correspondent),
    subject: row.subject,
    trouble: row.trouble,
    held_back: row.held_back > 0,
  }
}

/** Columns of a single message's list row, from `interactions i`, its thread `t`, outbox `o` and owner `a`. */
export const MESSAGE_ROW = `i.row, i.interaction_id, i.thread_id, i.entity_type, i."from", i."to", i.cc,
  i.from_as_written, i.subject, i.snippet, i.start_date, i.status, i.category_id, i.unread, i.attachments, i.machine,
  i.held_back, t.place, t.owner_id, t.waiting, t.messages, t.has_draft, o.state, a.name as owner_name`
export const MESSAGE_JOINS = `left join threads t on t.thread_id = i.thread_id
  left join outbox o on o.interaction_id = i.interaction_id
  left join agents a on a.id = t.owner_id`

export interface MessageListRow extends SharedColumns {
  readonly row: number
  readonly from: string | null
  readonly to: string | null
  readonly cc: string | null
  readonly from_as_written: string | null
  readonly subject: string | null
  readonly held_back: string | null
  readonly state: string | null
}

/** A single message in the list. */
export function messageRow(row: MessageListRow): ListRow {
  return {
    ...sharedRow(row),
    kind: 'message',
    key: row.interaction_id,
    correspondent: otherSide(row),
    subject: row.subject ?? '',
    trouble: row.state === 'rejected' || row.state === 'unknown' ? row.state : null,
    held_back: row.held_back !== null,
  }
}

/** Messages by row id, in the order given; what is gone is left out. */
export function messageRows(engine: Engine, rows: readonly number[]): ListRow[] {
  const read = engine.sql<MessageListRow>(
    `select ${MESSAGE_ROW} from interactions i ${MESSAGE_JOINS} where i.row = ?`,
  )
  return rows.flatMap((row) => {
    const found = read.get(row)
    return found ? [messageRow(found)] : []
  })
}

export interface DraftListRow {
  readonly id: Uuid
  readonly owner_id: number
  readonly owner_name: string | null
  readonly thread_id: ThreadId | null
  readonly saved_at: Instant
  readonly content: string
  readonly attached: number
  readonly place: string | null
  readonly thread_owner: number | null
  readonly status: Status | null
  readonly category_id: string | null
  readonly waiting: number | null
  readonly messages: number | null
  readonly trouble: 'rejected' | 'unknown' | null
}

/** A draft in the list. */
export function draftRow(row: DraftListRow): ListRow {
  const content = readJson<DraftContent>(row.content)
  return {
    kind: 'draft',
    key: row.id,
    thread_id: row.thread_id,
    interaction_id: null,
    draft_id: row.id,
    correspondent: content.to[0] ?? content.cc[0] ?? content.bcc[0] ?? null,
    subject: content.subject,
    snippet: snippetOf(content.text),
    at: row.saved_at,
    waiting_since: waitingSince(row.waiting),
    status: row.status ?? STATUS.inProcess,
    place:
      row.place === null
        ? { kind: 'workbin', workbin: 'in-progress', owner_id: row.owner_id }
        : readPlace(row.place, row.thread_owner),
    owner_id: row.owner_id,
    owner_name: ownerName(row),
    category_id: row.category_id,
    unread: false,
    messages: row.messages ?? 0,
    attachments: row.attached > 0,
    has_draft: true,
    outbound: true,
    trouble: row.trouble,
    machine: null,
    held_back: false,
  }
}

/** `queue:<id>`, `workbin:<name>` or `done`, as `threads.place` has it. */
export function readPlace(place: string, owner: number | null): Place {
  if (place.startsWith('queue:')) return { kind: 'queue', queue_id: place.slice('queue:'.length) }
  if (place === 'workbin:in-progress' || place === 'workbin:review')
    return {
      kind: 'workbin',
      workbin: place === 'workbin:review' ? 'review' : 'in-progress',
      owner_id: owner ?? 0,
    }
  return { kind: 'done' }
}

/** First words of a text on one line, at most 200 characters. */
export function snippetOf(text: string): string {
  return text.slice(0, 1000).replace(/\s+/g, ' ').trim().slice(0, 200)
}

/** Whom a message is from or, when it is ours, to; the name alone where there is no address that can be used. */
export function otherSide(
  row: Pick<MessageListRow, 'entity_type' | 'from' | 'to' | 'cc' | 'from_as_written'>,
): Address | null {
  if (row.entity_type === ENTITY.emailOut) return addresses(row.to)[0] ?? addresses(row.cc)[0] ?? null
  if (row.from !== null) return readJson<Address>(row.from)
  return row.from_as_written ? { address: '', personal: row.from_as_written } : null
}

/** A row id is milliseconds × 1,024 plus a sequence. */
function waitingSince(row: number | null): Instant | null {
  return row === null ? null : Math.floor(row / 1024)
}

function ownerName(row: { owner_id: number | null; owner_name: string | null }): string | null {
  return row.owner_id === null ? null : row.owner_name || `Agent ${row.owner_id}`
}

function machineKind(machine: string | null): MachineMail['kind'] | null {
  return machine === null ? null : readJson<MachineMail>(machine).kind
}
