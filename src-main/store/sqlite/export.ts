import type { Instant } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import type { ExportedInteraction, Store } from '../store.ts'
import { NAMED_BLOBS } from './blobs-named.ts'
import type { Engine } from './engine.ts'
import { type InteractionRow, readInteraction } from './interaction-row.ts'
import { interactionRow } from './interactions.ts'
import { type OutboxRow, readDelivery } from './outbox-row.ts'
import { queueName } from './queues.ts'
import { attachmentsOf } from './thread-detail.ts'

/** Everything an owner takes away, as the settings contract has it. */
export function exporting(
  engine: Engine,
): Pick<Store, 'interaction' | 'exportPage' | 'exportOutbox' | 'empty' | 'blobsInUse'> {
  return {
    interaction: async (id) => exported(engine, interactionRow(engine, id)),
    async exportPage(after, limit) {
      const [at, id] = after === null ? [Number.MIN_SAFE_INTEGER, ''] : pageKey(after)
      const rows = engine
        .sql<InteractionRow>(
          `select * from interactions where (start_date, interaction_id) > (?, ?)
            order by start_date, interaction_id limit ?`,
        )
        .all(at, id, limit + 1)
      const shown = rows.slice(0, limit)
      const last = shown.at(-1)
      return {
        interactions: shown.map((row) => exported(engine, row)),
        next: rows.length > limit && last ? `${last.start_date}.${last.interaction_id}` : null,
      }
    },
    async exportOutbox() {
      return engine.sql<OutboxRow>('select * from outbox order by id').all().map(readDelivery)
    },
    async empty() {
      return (
        !engine.sql('select 1 from interactions limit 1').get() &&
        !engine.sql('select 1 from drafts limit 1').get()
      )
    },
    async blobsInUse() {
      const used = new Set<string>()
      for (const place of NAMED_BLOBS)
        for (const { sha256 } of engine.sql<{ sha256: string }>(place).iterate()) used.add(sha256)
      return used
    },
  }
}

function exported(engine: Engine, row: InteractionRow): ExportedInteraction {
  const body = engine
    .sql<{ text: string; html: string | null }>('select text, html from bodies where row = ?')
    .get(row.row)
  const queue = row.queue_id === null ? null : queueName(engine, row.queue_id)
  return {
    ...readInteraction(row),
    text: body?.text ?? '',
    html: body?.html ?? null,
    message_id: row.message_id,
    thread_reason: row.thread_reason,
    folder: row.account_id !== null && row.folder !== null ? `${row.account_id}/${row.folder}` : row.came_by,
    attachments: attachmentsOf(engine, row.row).map((attachment) => ({
      name: attachment.name,
      contentType: attachment.content_type,
      size: attachment.size,
      sha256: attachment.sha256,
      contentId: attachment.content_id,
      inline: attachment.inline,
    })),
    activity_id: row.activity_id,
    ...(queue === null ? {} : { queue }),
    ...(row.disposition === null ? {} : { disposition: row.disposition }),
    ...(row.held_back === null ? {} : { held_back: row.held_back }),
  }
}

function pageKey(after: string): readonly [Instant, string] {
  const [, at, id] = /^(-?\d+)\.([0-9A-Za-z]{16})$/.exec(after) ?? []
  if (at === undefined || id === undefined)
    throw new CoreError('invalid', 'This page of the export is not there. Begin again.')
  return [Number(at), id]
}
