import type { EntityType, InteractionId, Status, ThreadId } from '../../contract/domain.ts'
import type { ApiInteraction } from '../api-store.ts'
import type { Engine } from './engine.ts'
import { type InteractionRow, readInteraction } from './interaction-row.ts'
import { interactionRow } from './interactions.ts'
import { queueName } from './queues.ts'
import { attachmentsOf } from './thread-detail.ts'
import { currentThread } from './threads.ts'

/** Contracts, interactions 2.6. */
const LARGEST_PAGE = 200

/** An interaction with what the data model's answers add to it. Throws `not-found`. */
export function apiInteraction(engine: Engine, id: InteractionId): ApiInteraction {
  return readApiInteraction(engine, interactionRow(engine, id))
}

/** The same of a row that was read already. */
export function readApiInteraction(engine: Engine, row: InteractionRow): ApiInteraction {
  const body = engine
    .sql<{ text: string; html: number }>('select text, html is not null as html from bodies where row = ?')
    .get(row.row)
  return {
    ...readInteraction(row),
    text: body?.text ?? '',
    attachments: attachmentsOf(engine, row.row),
    activity_id: row.activity_id,
    message_id: row.message_id,
    queue: row.queue_id === null ? null : queueName(engine, row.queue_id),
    holds: {
      structured_text: body?.html === 1,
      binary_content: row.raw_sha256 === null ? null : { sha256: row.raw_sha256, size: row.raw_size },
    },
  }
}

export interface InteractionFilter {
  readonly customer_id?: string
  readonly status?: Status
  readonly entity_type?: EntityType
  readonly thread_id?: ThreadId
}

/** One page, newest start_date first, then interaction_id; read along the index that narrows it most. */
export function apiInteractionPage(
  engine: Engine,
  filter: InteractionFilter,
  page: { readonly index: number; readonly count: number },
): readonly ApiInteraction[] {
  const thread = filter.thread_id === undefined ? undefined : currentThread(engine, filter.thread_id)
  if (thread === null || page.count <= 0) return []
  const asked = { ...filter, ...(thread === undefined ? {} : { thread_id: thread }) }
  const conditions = CONDITIONS.filter(([member]) => asked[member] !== undefined)
  // An index of some rows only is taken where the condition stands there in so many words.
  const inbound = asked.entity_type === undefined || asked.entity_type === 0
  const where = [
    ...conditions.map(([, condition]) => condition),
    ...(indexOf(asked) === NOT_INBOUND && !inbound ? ['entity_type > 0'] : []),
  ]
  const rows = engine
    .sql<{ row: number }>(
      `select row from interactions indexed by ${indexOf(asked)}
        ${where.length === 0 ? '' : `where ${where.join(' and ')}`}
        order by start_date desc, interaction_id limit ? offset ?`,
    )
    .all(
      ...conditions.map(([member]) => asked[member]),
      Math.min(page.count, LARGEST_PAGE),
      Math.max(0, page.index),
    )
  const read = engine.sql<InteractionRow>('select * from interactions where row = ?')
  return rows.flatMap(({ row }) => {
    const found = read.get(row)
    return found ? [readApiInteraction(engine, found)] : []
  })
}

const CONDITIONS = [
  ['thread_id', 'thread_id = ?'],
  ['customer_id', 'customer_id = ?'],
  ['entity_type', 'entity_type = ?'],
  ['status', 'status = ?'],
] as const satisfies readonly (readonly [keyof InteractionFilter, string])[]

const NOT_INBOUND = 'interactions_not_inbound'

function indexOf({ thread_id, customer_id, entity_type, status }: InteractionFilter): string {
  if (thread_id !== undefined) return 'interactions_by_thread'
  if (customer_id !== undefined) return 'interactions_by_customer_start'
  if (entity_type !== undefined && entity_type > 0) return NOT_INBOUND
  if (status !== undefined) return 'interactions_by_status_start'
  return 'interactions_by_start'
}
