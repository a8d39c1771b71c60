import type { Draft, RecipientOutcome, Uuid } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import type { Engine, Touched } from './engine.ts'
import { interactionRow } from './interactions.ts'
import { accept } from './outbox-outcome.ts'
import { outboxRow, readRecipients } from './outbox-row.ts'
import { addSecureMail, mailboxAnswered } from './secure-mail-row.ts'
import { readJson } from './stored-json.ts'

/**
 * Files a claimed mail in the secure mailbox that it answers, as sent and settled, in the caller's transaction.
 * Throws `conflict` where it isn't claimed, `invalid` where it answers no secure mail.
 */
export function deliverSecurely(engine: Engine, touched: Touched, outboxId: Uuid): void {
  const owed = outboxRow(engine, outboxId)
  const message = interactionRow(engine, owed.interaction_id)
  const mailbox =
    // As the agent was shown it; what it answered may have been purged since.
    readJson<Draft>(owed.draft).secure ?? mailboxAnswered(engine, message.thread_id, message.parent_id)
  if (mailbox === null)
    throw new CoreError(
      'invalid',
      'This mail answers no secure mail, so there is no mailbox to put it in. Take it back and send it by e-mail.',
    )
  accept(engine, touched, outboxId, ['claimed'], {
    problem: null,
    sent_copy: 'none',
    recipients: readRecipients(owed).map(({ address }): RecipientOutcome => ({
      address,
      state: 'accepted',
      reply: null,
    })),
  })
  addSecureMail(engine, {
    row: message.row,
    mailbox,
    direction: 'outbound',
    at: engine.now(),
    // The case data on it is the desk's; nothing was attached for the customer.
    udata: {},
  })
}
