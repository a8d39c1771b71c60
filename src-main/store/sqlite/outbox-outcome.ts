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
import type { DeliveryReport } from '../store.ts'
import type { Engine, Touched } from './engine.ts'
import { recordHistory } from './history.ts'
import { interactionRow } from './interactions.ts'
import { oweReports } from './owed-calls.ts'
import { type OutboxRow, outboxRow, readRecipients } from './outbox-row.ts'
import { readJson } from './stored-json.ts'
import { refreshThread } from './threads.ts'

/** The writer may have marked it Done meanwhile. */
const REOPENED = 'stopped_reason = null, end_date = null, disposition_id = null, disposition = null'

/** What a step changes besides the state; what is left out stays. */
export interface Step {
  readonly state: OutboxState
  readonly due_at?: Instant
  readonly recipients?: readonly RecipientOutcome[]
  readonly sent_copy?: Delivery['sent_copy']
  readonly problem: string | null
}

/** Takes a mail from one of the states `from` to another, or throws `conflict`: nobody steps on a state unseen. */
export function step(
  engine: Engine,
  touched: Touched,
  id: Uuid,
  from: readonly OutboxState[],
  to: Step,
): OutboxRow {
  const row = engine
    .sql<OutboxRow>(
      `update outbox
          set state = @state, changed_at = @now, problem = @problem, due_at = coalesce(@due_at, due_at),
              recipients = coalesce(@recipients, recipients), sent_copy = coalesce(@sent_copy, sent_copy)
        where id = @id and state in (${from.map((state) => `'${state}'`).join(', ')})
       returning *`,
    )
    .get({
      id,
      now: engine.now(),
      state: to.state,
      problem: to.problem,
      due_at: to.due_at ?? null,
      recipients: to.recipients ? JSON.stringify(to.recipients) : null,
      sent_copy: to.sent_copy ?? null,
    })
  if (!row) throw notNow(outboxRow(engine, id).state)
  touched.kind('outbox')
  touched.thread(interactionRow(engine, row.interaction_id).thread_id)
  return row
}

/** Why a step doesn't apply to a mail in this state, for the agent. */
export function notNow(state: OutboxState, code: 'conflict' | 'too-late' = 'conflict'): CoreError {
  const why: Record<OutboxState, string> = {
    queued: 'This mail waits to be sent.',
    claimed: 'This mail is being sent.',
    data_started: 'This mail is being sent.',
    accepted: 'The mail server has taken this mail already.',
    filed: 'This mail was sent already.',
    rejected: 'The mail server refused this mail. Take it back to change it, or send it again.',
    unknown: 'It is not known whether this mail was sent. Say whether it was, or send it again.',
  }
  return new CoreError(code, why[state])
}

/**
 * The server took it, for at least one recipient. The interaction is Done with reason Sent; where somebody was
 * refused it comes back to its writer instead. The standard responses in it count as used.
 */
export function accept(
  engine: Engine,
  touched: Touched,
  id: Uuid,
  from: readonly OutboxState[],
  to: Omit<Step, 'state'>,
): OutboxRow {
  const before = outboxRow(engine, id)
  const copy = to.sent_copy ?? before.sent_copy
  const row = step(engine, touched, id, from, {
    ...to,
    state: copy === 'filed' || copy === 'none' ? 'filed' : 'accepted',
  })
  const now = engine.now()
  if (readRecipients(row).some((recipient) => recipient.state === 'rejected'))
    bringBack(engine, row.interaction_id, now)
  else
    engine
      .sql(
        `update interactions
            set status = 3, stopped_reason = 'Sent', end_date = ?, sent_date = ?, workbin = null
          where interaction_id = ?`,
      )
      .run(now, now, row.interaction_id)
  const { standard_response_ids } = readJson<Draft>(row.draft)
  for (const response of new Set(standard_response_ids)) {
    const { changes } = engine.sql('update responses set used = used + 1 where id = ?').run(response)
    if (changes > 0) touched.kind('responses')
  }
  outcomeKnown(engine, touched, row, before.state)
  if (row.sample === 0) oweReports(engine, touched, interactionRow(engine, row.interaction_id).row)
  return row
}

/** Refused, or nobody knows: the mail comes back to its writer's workbin, In Progress. */
export function fail(
  engine: Engine,
  touched: Touched,
  id: Uuid,
  from: readonly OutboxState[],
  to: Step & { readonly state: 'rejected' | 'unknown' },
): OutboxRow {
  const before = outboxRow(engine, id)
  const row = step(engine, touched, id, from, to)
  bringBack(engine, row.interaction_id, null)
  outcomeKnown(engine, touched, row, before.state)
  return row
}

/** Out of the writer's workbin and back on its way. */
export function sendOff(engine: Engine, touched: Touched, interaction: InteractionId): void {
  engine
    .sql(`update interactions set status = 1, workbin = null, ${REOPENED} where interaction_id = ?`)
    .run(interaction)
  refreshThread(engine, touched, interactionRow(engine, interaction).thread_id)
}

/**
 * A mail with this Message-ID lies in a Sent folder. Of one of ours that settles what was uncertain: it was sent, and
 * its copy is filed, so it is never sent again. Answers its interaction; null when it isn't ours.
 */
export function sightInSent(engine: Engine, touched: Touched, messageId: string): InteractionId | null {
  const row = engine.sql<OutboxRow>('select * from outbox where message_id = ?').get(messageId)
  if (!row) return null
  switch (row.state) {
    case 'queued':
    case 'claimed':
    case 'unknown':
      // Queued after an uncertain try: that try did arrive. A connection that holds it finds it gone at its next step.
      accept(engine, touched, row.id, [row.state], {
        sent_copy: 'filed',
        problem: null,
        recipients: readRecipients(row).map((recipient) =>
          recipient.state === 'pending' ? { ...recipient, state: 'accepted' } : recipient,
        ),
      })
      break
    case 'accepted':
      step(engine, touched, row.id, ['accepted'], {
        state: 'filed',
        sent_copy: 'filed',
        problem: undelivered(readRecipients(row)) ? row.problem : null,
      })
      break
    case 'data_started':
      // Some servers file a copy while the line still waits for their answer; the answer decides, the copy is there.
      step(engine, touched, row.id, ['data_started'], {
        state: 'data_started',
        sent_copy: 'filed',
        problem: row.problem,
      })
      break
    case 'filed':
    case 'rejected':
      break
  }
  return row.interaction_id
}

/**
 * A delivery report came back for a mail of ours: the recipients it names as failed were not reached. Answers the
 * mail's interaction; null when it isn't ours.
 */
export function recordBounce(
  engine: Engine,
  touched: Touched,
  messageId: string,
  recipients: DeliveryReport['recipients'],
): InteractionId | null {
  const known = engine.sql<OutboxRow>('select * from outbox where message_id = ?').get(messageId)
  if (!known) return null
  // Only a mail that was taken can bounce.
  const row =
    known.state === 'unknown'
      ? accept(engine, touched, known.id, ['unknown'], {
          problem: null,
          recipients: readRecipients(known).map((recipient) => ({ ...recipient, state: 'accepted' })),
        })
      : known
  const failed = recipients.filter((recipient) => recipient.action.toLowerCase() === 'failed')
  if (failed.length === 0 || (row.state !== 'accepted' && row.state !== 'filed')) return row.interaction_id
  const outcomes = readRecipients(row)
  const [only] = outcomes
  const marked = outcomes.map((outcome): RecipientOutcome => {
    const report =
      failed.find((each) => each.address.toLowerCase() === outcome.address.toLowerCase()) ??
      // The report may name the address that ours was forwarded to.
      (outcome === only && outcomes.length === 1 ? failed[0] : undefined)
    return report ? { ...outcome, state: 'rejected', reply: report.diagnostic || outcome.reply } : outcome
  })
  const reasons = failed.map(({ address, diagnostic }) =>
    diagnostic ? `${address} (${diagnostic})` : address,
  )
  step(engine, touched, row.id, [row.state], {
    state: row.state,
    recipients: marked,
    problem: `Sent, but it came back: it could not be delivered to ${reasons.join(', ')}.`,
  })
  refreshThread(engine, touched, interactionRow(engine, row.interaction_id).thread_id)
  return row.interaction_id
}

function undelivered(recipients: readonly RecipientOutcome[]): boolean {
  return recipients.some((recipient) => recipient.state === 'rejected')
}

function bringBack(engine: Engine, interaction: InteractionId, sent: Instant | null): void {
  engine
    .sql(
      `update interactions
          set status = 2, workbin = 'in-progress', sent_date = coalesce(?, sent_date), ${REOPENED}
        where interaction_id = ?`,
    )
    .run(sent, interaction)
}

function outcomeKnown(engine: Engine, touched: Touched, row: OutboxRow, before: OutboxState): void {
  const { interaction_id } = row
  recordHistory(engine, { interaction_id, by: null, what: 'delivery', before, after: row.state })
  refreshThread(engine, touched, interactionRow(engine, interaction_id).thread_id)
}
