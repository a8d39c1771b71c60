import type { Store } from '../store.ts'
import type { Engine } from './engine.ts'
import { enqueueDraft, returnDraft } from './outbox-drafts.ts'
import { accept, fail, notNow, sendOff, step } from './outbox-outcome.ts'
import { type OutboxRow, outboxRow, readDelivery, readOwed, readRecipients } from './outbox-row.ts'

export { recordBounce, sightInSent } from './outbox-outcome.ts'
export { deliveryOf } from './outbox-row.ts'

/** Repeats the condition of the index `outbox_open`, which SQLite otherwise doesn't see to be implied. */
const OPEN = "state in ('queued', 'claimed', 'data_started', 'accepted')"
const TROUBLE = "state in ('rejected', 'unknown')"

/**
 * What we owe the other side. Each step is one durable transaction from the states it is allowed in; what isn't
 * allowed throws `conflict` or `too-late`, so that no mail is ever sent twice by itself:
 * `queued -> claimed -> data_started -> accepted | rejected | unknown -> filed`.
 */
export function outbox(
  engine: Engine,
): Pick<
  Store,
  | 'enqueue'
  | 'delivery'
  | 'owed'
  | 'undoSend'
  | 'nextDue'
  | 'claimDue'
  | 'markDataStarted'
  | 'requeue'
  | 'retryNow'
  | 'resolveSend'
  | 'resolveSentCopy'
  | 'sentCopiesOwed'
  | 'recoverOutbox'
  | 'unknownSends'
  | 'sendAgain'
  | 'takeBack'
> {
  return {
    async enqueue(send) {
      return engine.write((touched) => enqueueDraft(engine, touched, send))
    },

    async delivery(outboxId) {
      return readDelivery(outboxRow(engine, outboxId))
    },

    async owed(outboxId) {
      return readOwed(outboxRow(engine, outboxId))
    },

    async undoSend(outboxId) {
      return engine.write((touched) => {
        const row = outboxRow(engine, outboxId)
        if (row.state !== 'queued') throw notNow(row.state, 'too-late')
        return returnDraft(engine, touched, row, null)
      })
    },

    async nextDue() {
      const row = engine
        .sql<{ due_at: number }>(
          `select due_at from outbox where ${OPEN} and state = 'queued' order by due_at limit 1`,
        )
        .get()
      return row?.due_at ?? null
    },

    async claimDue(now, limit) {
      const due = engine
        .sql<{ id: string }>(
          `select id from outbox where ${OPEN} and state = 'queued' and due_at <= ? order by due_at, id limit ?`,
        )
        .all(now, limit)
      if (due.length === 0) return []
      return engine.write((touched) =>
        due.map(({ id }) => {
          engine.sql("update outbox set attempts = attempts + 1 where id = ? and state = 'queued'").run(id)
          return readOwed(step(engine, touched, id, ['queued'], { state: 'claimed', problem: null }))
        }),
      )
    },

    async markDataStarted(outboxId) {
      engine.write((touched) =>
        step(engine, touched, outboxId, ['claimed'], { state: 'data_started', problem: null }),
      )
    },

    async requeue(outboxId, dueAt, problem) {
      engine.write((touched) =>
        step(engine, touched, outboxId, ['claimed', 'data_started'], {
          state: 'queued',
          due_at: dueAt,
          problem,
        }),
      )
    },

    async retryNow(accountId, now) {
      engine.write((touched) => {
        const { changes } = engine
          .sql(
            `update outbox set due_at = @now
              where ${OPEN} and state = 'queued' and account_id = @accountId and attempts > 0 and due_at > @now`,
          )
          .run({ accountId, now })
        if (changes > 0) touched.kind('outbox')
      })
    },

    async resolveSend(outboxId, { state, recipients, problem }) {
      // None told: what is known of each stays.
      const outcome = recipients.length > 0 ? { recipients, problem } : { problem }
      engine.write((touched) => {
        switch (state) {
          case 'accepted':
            return accept(engine, touched, outboxId, ['data_started', 'unknown'], outcome)
          case 'rejected':
            return fail(engine, touched, outboxId, ['claimed', 'data_started'], { state, ...outcome })
          case 'unknown':
            return fail(engine, touched, outboxId, ['data_started', 'unknown'], { state, ...outcome })
        }
      })
    },

    async resolveSentCopy(outboxId, sentCopy, problem) {
      engine.write((touched) => {
        const row = outboxRow(engine, outboxId)
        // It was seen in Sent meanwhile.
        if (row.state === 'filed') return
        const undelivered = readRecipients(row).some((recipient) => recipient.state === 'rejected')
        step(engine, touched, outboxId, ['accepted'], {
          state: sentCopy === 'failed' ? 'accepted' : 'filed',
          sent_copy: sentCopy,
          // A recipient who wasn't reached matters more than the copy.
          problem: undelivered ? row.problem : problem,
        })
      })
    },

    async sentCopiesOwed(accountId) {
      return engine
        .sql<OutboxRow>(
          `select * from outbox
            where ${OPEN} and state = 'accepted' and account_id = ? and sent_copy in ('owed', 'failed')
            order by due_at`,
        )
        .all(accountId)
        .map(readOwed)
    },

    async recoverOutbox() {
      const open = engine
        .sql<OutboxRow>(`select * from outbox where ${OPEN} and state in ('claimed', 'data_started')`)
        .all()
      if (open.length === 0) return []
      return engine.write((touched) =>
        open.flatMap((row) => {
          if (row.state === 'claimed') {
            step(engine, touched, row.id, ['claimed'], { state: 'queued', problem: null })
            return []
          }
          const problem = `Workbin stopped while this mail was being sent, so it is not known whether it was taken. Look into ${row.account_id.startsWith('remote:') ? 'the remote system' : 'Sent'} before you send it again.`
          return [readOwed(fail(engine, touched, row.id, ['data_started'], { state: 'unknown', problem }))]
        }),
      )
    },

    async unknownSends(accountId) {
      return engine
        .sql<OutboxRow>(
          `select * from outbox where ${TROUBLE} and state = 'unknown' and account_id = ? order by changed_at`,
        )
        .all(accountId)
        .map(readOwed)
    },

    async sendAgain(outboxId, dueAt) {
      engine.write((touched) => {
        const row = outboxRow(engine, outboxId)
        step(engine, touched, outboxId, ['rejected', 'unknown'], {
          state: 'queued',
          due_at: dueAt,
          problem: null,
          recipients: readRecipients(row).map(({ address }) => ({ address, state: 'pending', reply: null })),
        })
        sendOff(engine, touched, row.interaction_id)
      })
    },

    async takeBack(outboxId) {
      return engine.write((touched) => {
        const row = outboxRow(engine, outboxId)
        if (row.state !== 'rejected' && row.state !== 'unknown') throw notNow(row.state)
        const said = row.problem === null ? '' : ` ${row.problem}`
        const returned =
          row.state === 'rejected'
            ? `This mail was not sent.${said}`
            : `It is not known whether this mail was sent.${said} Sent again, it may reach the customer twice.`
        return returnDraft(engine, touched, row, returned)
      })
    },
  }
}
