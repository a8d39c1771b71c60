import type { ListOrder, ListPage, ListRow, Uuid, View } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import type { Engine } from './engine.ts'
import {
  type DraftListRow,
  draftRow,
  MESSAGE_JOINS,
  MESSAGE_ROW,
  type MessageListRow,
  messageRow,
  THREAD_ROW,
  type ThreadListRow,
  threadRow,
} from './list-row.ts'

/** Lists page by key, never by offset; `after` is the key of the last row shown. */
export interface ListRequest {
  readonly view: View
  readonly order: ListOrder
  readonly after: string | null
  readonly limit: number
  readonly agent: number
}

type Parameter = string | number

/**
 * Threads by a condition on their place, newest message first or longest waiting first. The cross join holds
 * SQLite to the index of `threads` that has this order, so a page costs its rows and nothing else.
 */
export function threadPage(
  engine: Engine,
  request: ListRequest,
  where: string,
  parameters: readonly Parameter[],
  total: number,
): ListPage {
  const newest = request.order === 'newest'
  const column = newest ? 'last' : 'since'
  const rows = engine
    .sql<ThreadListRow>(
      `select ${THREAD_ROW}
         from threads t cross join interactions i on i.row = t.last left join agents a on a.id = t.owner_id
        where ${where} and t.${column} ${newest ? '<' : '>'} ?
        order by t.${column} ${newest ? 'desc' : 'asc'} limit ?`,
    )
    .all(...parameters, keyOf(request.after, newest ? Number.MAX_SAFE_INTEGER : -1), request.limit + 1)
  return page(rows, request.limit, threadRow, (row) => String(row[column]), total)
}

/** Mail that couldn't be read into fields, message by message. */
export function heldBackPage(engine: Engine, request: ListRequest, total: number): ListPage {
  const newest = request.order === 'newest'
  const rows = engine
    .sql<MessageListRow>(
      `select ${MESSAGE_ROW} from interactions i indexed by interactions_held_back ${MESSAGE_JOINS}
        where i.held_back is not null and i.row ${newest ? '<' : '>'} ? order by i.row ${newest ? 'desc' : 'asc'} limit ?`,
    )
    .all(keyOf(request.after, newest ? Number.MAX_SAFE_INTEGER : -1), request.limit + 1)
  return page(rows, request.limit, messageRow, (row) => String(row.row), total)
}

/** Outbound mail that isn't finally delivered, and what failed; by the time it was sent off. */
export function outboxPage(engine: Engine, request: ListRequest, total: number): ListPage {
  const newest = request.order === 'newest'
  const rows = engine
    .sql<MessageListRow & { outbox_id: Uuid }>(
      `select o.id as outbox_id, ${MESSAGE_ROW}
         from outbox o indexed by outbox_shown
         cross join interactions i on i.interaction_id = o.interaction_id
         left join threads t on t.thread_id = i.thread_id
         left join agents a on a.id = t.owner_id
        where o.state in ('queued', 'claimed', 'data_started', 'rejected', 'unknown')
          and o.id ${newest ? '<' : '>'} ? order by o.id ${newest ? 'desc' : 'asc'} limit ?`,
    )
    .all(request.after ?? (newest ? AFTER_EVERY_ID : ''), request.limit + 1)
  return page(rows, request.limit, messageRow, (row) => row.outbox_id, total)
}

const AFTER_EVERY_ID = 'g'

/** Drafts by the time of their last save. */
export function draftPage(
  engine: Engine,
  request: ListRequest,
  where: string,
  parameters: readonly Parameter[],
  total: number,
): ListPage {
  const newest = request.order === 'newest'
  const [, at = '', id = ''] = /^(\d+)\.(.*)$/.exec(request.after ?? '') ?? []
  const start = request.after === null ? [newest ? Number.MAX_SAFE_INTEGER : -1, ''] : [keyOf(at, 0), id]
  const rows = engine
    .sql<DraftListRow>(
      `select d.id, d.owner_id, d.thread_id, d.saved_at, d.content, a.name as owner_name,
              exists (select 1 from draft_attachments f where f.draft_id = d.id) as attached,
              t.place, t.owner_id as thread_owner, t.status, t.category_id, t.waiting, t.messages, t.trouble
         from drafts d left join threads t on t.thread_id = d.thread_id left join agents a on a.id = d.owner_id
        where ${where} and (d.saved_at, d.id) ${newest ? '<' : '>'} (?, ?)
        order by d.saved_at ${newest ? 'desc' : 'asc'}, d.id ${newest ? 'desc' : 'asc'} limit ?`,
    )
    .all(...parameters, ...start, request.limit + 1)
  return page(rows, request.limit, draftRow, (row) => `${row.saved_at}.${row.id}`, total)
}

/**
 * Threads with mail of a contact, the contact's newest first. The key is the contact's newest message in each
 * thread, so that a thread of several customers stands in the history of each of them.
 */
export function contactHistoryPage(
  engine: Engine,
  contact: string,
  after: string | null,
  limit: number,
): ListPage {
  const rows = engine
    .sql<ThreadListRow & { key: number }>(
      `select c.row as key, ${THREAD_ROW}
         from interactions c
         join threads t on t.thread_id = c.thread_id
         join interactions i on i.row = t.last
         left join agents a on a.id = t.owner_id
        where c.customer_id = ? and c.row < ?
          and not exists (select 1 from interactions later
                           where later.customer_id = c.customer_id and later.row > c.row
                             and later.thread_id = c.thread_id)
        order by c.row desc limit ?`,
    )
    .all(contact, keyOf(after, Number.MAX_SAFE_INTEGER), limit + 1)
  return page(rows, limit, threadRow, (row) => String(row.key), null)
}

function page<Row>(
  rows: readonly Row[],
  limit: number,
  read: (row: Row) => ListRow,
  key: (row: Row) => string,
  total: number | null,
): ListPage {
  const last = rows[limit - 1]
  return { rows: rows.slice(0, limit).map(read), next: rows.length > limit && last ? key(last) : null, total }
}

/** The number in a page's key. Throws `invalid`. */
function keyOf(after: string | null, first: number): number {
  if (after === null) return first
  const key = Number(after)
  if (after === '' || !Number.isSafeInteger(key))
    throw new CoreError('invalid', 'This page of the list is not there. Reload the list.')
  return key
}
