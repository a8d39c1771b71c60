import type {
  Delivery,
  Draft,
  Instant,
  InteractionId,
  OutboxState,
  RecipientOutcome,
  Uuid,
} from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import type { Envelope, OwedMail } from '../store.ts'
import type { Engine } from './engine.ts'
import { readJson } from './stored-json.ts'

/** A row of `outbox` as SQLite gives it; JSON columns are text. */
export interface OutboxRow {
  readonly id: Uuid
  readonly interaction_id: InteractionId
  readonly account_id: string
  readonly state: OutboxState
  readonly due_at: Instant
  readonly changed_at: Instant
  readonly attempts: number
  readonly message_id: string
  readonly envelope: string
  readonly wire_sha256: string
  readonly sent_sha256: string
  readonly recipients: string
  readonly problem: string | null
  readonly sent_copy: Delivery['sent_copy']
  readonly draft: string
  /** JSON WorkChange[]: what was marked Done with it. */
  readonly done: string
  readonly sample: 0 | 1
}

/** Throws `not-found`. */
export function outboxRow(engine: Engine, id: Uuid): OutboxRow {
  const row = engine.sql<OutboxRow>('select * from outbox where id = ?').get(id)
  if (!row)
    throw new CoreError(
      'not-found',
      'This mail is not in the outbox any more: it was taken back to its draft.',
    )
  return row
}

/** What is known about the delivery of an outbound mail; null where it wasn't sent from this desk. */
export function deliveryOf(engine: Engine, interaction: InteractionId): Delivery | null {
  const row = engine.sql<OutboxRow>('select * from outbox where interaction_id = ?').get(interaction)
  return row ? readDelivery(row) : null
}

export function readDelivery(row: OutboxRow): Delivery {
  return {
    outbox_id: row.id,
    interaction_id: row.interaction_id,
    state: row.state,
    due_at: row.due_at,
    // Nothing of it left this computer, whether it waits for its time or for the line.
    can_undo: row.state === 'queued',
    changed_at: row.changed_at,
    attempts: row.attempts,
    recipients: readRecipients(row),
    problem: row.problem,
    sent_copy: row.sent_copy,
    sample: row.sample === 1,
  }
}

export function readOwed(row: OutboxRow): OwedMail {
  return {
    outbox_id: row.id,
    interaction_id: row.interaction_id,
    account_id: row.account_id,
    state: row.state,
    due_at: row.due_at,
    attempts: row.attempts,
    message_id: row.message_id,
    envelope: readJson<Envelope>(row.envelope),
    wire_sha256: row.wire_sha256,
    sent_sha256: row.sent_sha256,
    recipients: readRecipients(row),
    sample: row.sample === 1,
    // A draft can be large; only those for remote systems name a place in it.
    target: row.account_id.startsWith('remote:') ? (readJson<Draft>(row.draft).remote ?? null) : null,
  }
}

export function readRecipients(row: Pick<OutboxRow, 'recipients'>): readonly RecipientOutcome[] {
  return readJson<readonly RecipientOutcome[]>(row.recipients)
}
