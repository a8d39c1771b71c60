import type { InteractionId, ThreadId, ThreadReason, Uuid } from '../../contract/domain.ts'
import { ENTITY, STATUS } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import { htmlToText } from '../../intake/html-text.ts'
import { quotedRest, snippetOf } from '../../intake/quoted-text.ts'
import type { ApiStore, Received, Submission } from '../api-store.ts'
import { useUploads } from './api-uploads.ts'
import { findOrCreateContact } from './contacts.ts'
import { type Conversation, conversationThread, keepConversation } from './conversations.ts'
import type { Engine, Touched } from './engine.ts'
import { dateTime } from './interaction-row.ts'
import { type InsertedInteraction, insertInteraction, type NewInteraction } from './interactions.ts'
import { becomeCustomer, nameContact } from './named-customers.ts'
import { onlyOnce } from './once.ts'
import { oweReports } from './owed-calls.ts'
import { inheritedUserData, placement } from './placement.ts'
import { addSecureMail } from './secure-mail-row.ts'
import { currentThread, refreshThread } from './threads.ts'

/** Mail that comes as fields through the served APIs. */
export function receiving(engine: Engine): Pick<ApiStore, 'receive'> {
  return {
    async receive(submission, terms) {
      // Reading a long text takes milliseconds that the transaction needn't wait for.
      const body = readBody(submission)
      return engine.group((touched) => {
        const { answer, repeated } = onlyOnce(engine, terms.once, () =>
          receive(engine, touched, submission, body),
        )
        return repeated ? { ...answer, repeated } : answer
      }, terms.mayBegin)
    },
  }
}

/** Where a mail belongs, and why. */
interface Decision {
  /** Null: it begins its own thread. */
  readonly thread_id: ThreadId | null
  readonly parent_id: InteractionId | null
  readonly reference_id: string | null
  readonly reason: ThreadReason
}

type Body = Pick<NewInteraction, 'text' | 'html' | 'quote_at' | 'snippet'>

/** As intake reads it: the words of HTML that came alone, its quote, its first words. */
function readBody({ text, html }: Submission): Body {
  const words = text === '' && html !== null ? htmlToText(html) : text
  const quote_at = quotedRest(words)
  return { text: words, html, quote_at, snippet: snippetOf(words, quote_at) }
}

function receive(engine: Engine, touched: Touched, submission: Submission, body: Body): Received {
  const known = submission.fingerprint === null ? null : repeatOf(engine, submission.fingerprint)
  if (known) return known
  const decision = decide(engine, submission)
  useUploads(engine, submission.uploads)
  const inserted = insertInteraction(engine, {
    ...body,
    ...(submission.direction === 'in'
      ? inbound(engine, submission, decision)
      : outbound(submission, decision)),
    received: submission.received,
    thread_id: decision.thread_id,
    thread_reason: decision.reason,
    parent_id: decision.parent_id,
    customer_id: customerOf(engine, touched, submission),
    subject: submission.subject,
    from: submission.from,
    reply_to: submission.reply_to,
    to: submission.to,
    cc: submission.cc,
    bcc: submission.bcc,
    sent_date: submission.sent === null ? null : dateTime(submission.sent),
    external_id: submission.external_id,
    udata: inheritedUserData(engine, decision.thread_id, submission.udata),
    attachments: submission.attachments,
    came_by: submission.came_by,
  })
  if (submission.thread.kind === 'conversation')
    keepConversation(engine, submission.thread, inserted.thread_id)
  if (submission.fingerprint !== null)
    engine
      .sql('insert into repeats (fingerprint, row) values (?, ?)')
      .run(submission.fingerprint, inserted.row)
  const secure_mail_id = secured(engine, submission, inserted)
  refreshThread(engine, touched, inserted.thread_id)
  oweReports(engine, touched, inserted.row)
  return {
    interaction_id: inserted.interaction_id,
    activity_id: inserted.activity_id,
    thread_id: inserted.thread_id,
    secure_mail_id,
    repeated: false,
  }
}

/** What is stored already of an exact repeat; null where it is the first. */
function repeatOf(engine: Engine, fingerprint: string): Received | null {
  const row = engine
    .sql<Omit<Received, 'repeated'>>(
      `select i.interaction_id, i.activity_id, i.thread_id, s.id as secure_mail_id
         from repeats r join interactions i on i.row = r.row left join secure_mails s on s.row = r.row
        where r.fingerprint = ?`,
    )
    .get(fingerprint)
  return row ? { ...row, repeated: true } : null
}

function decide(engine: Engine, { thread }: Submission): Decision {
  switch (thread.kind) {
    case 'new':
      return { thread_id: null, parent_id: null, reference_id: null, reason: 'new' }
    case 'answer': {
      const parent = engine
        .sql<{ thread_id: ThreadId; message_id: string | null }>(
          'select thread_id, message_id from interactions where interaction_id = ?',
        )
        .get(thread.parent_id)
      if (!parent)
        throw new CoreError('invalid', 'The message that this one answers is not there any more.', {
          detail: { parent: thread.parent_id },
        })
      return {
        thread_id: parent.thread_id,
        parent_id: thread.parent_id,
        reference_id: parent.message_id,
        reason: 'conversation',
      }
    }
    case 'conversation': {
      const thread_id = conversationOf(engine, thread)
      return {
        thread_id,
        parent_id: null,
        reference_id: null,
        reason: thread_id === null ? 'new' : 'conversation',
      }
    }
  }
}

/** Its thread as that is called today; null where the conversation begins, or all of it was purged. */
function conversationOf(engine: Engine, conversation: Conversation): ThreadId | null {
  const thread = conversationThread(engine, conversation)
  return thread === null ? null : currentThread(engine, thread)
}

function inbound(engine: Engine, submission: Submission, { thread_id }: Decision) {
  return {
    entity_type: ENTITY.emailIn,
    type: 'Inbound',
    sub_type: submission.sub_type ?? (thread_id === null ? 'InboundNew' : 'InboundCustomerReply'),
    unread: true,
    ...placement(engine, thread_id, submission.queue_id),
  }
}

/** It was sent by somebody else's desk: nothing is left to do (contracts, contacts/email 3.2). */
function outbound(submission: Submission, { thread_id, reference_id }: Decision) {
  return {
    entity_type: ENTITY.emailOut,
    type: 'Outbound',
    sub_type: submission.sub_type ?? (thread_id === null ? 'OutboundNew' : 'OutboundReply'),
    status: STATUS.stopped,
    stopped_reason: 'Sent',
    end_date: submission.received,
    reference_id,
  }
}

/** By the id of the settings where they name the customer, else by address. */
function customerOf(engine: Engine, touched: Touched, { customer, ...mail }: Submission): string {
  if (customer.id !== null) becomeCustomer(engine, touched, customer.id, [customer.address])
  const people = [mail.from, ...mail.to, ...mail.cc]
  const id =
    customer.id ??
    findOrCreateContact(
      engine,
      touched,
      customer.address,
      people.find(({ address }) => address.toLowerCase() === customer.address.toLowerCase())?.personal,
    )
  nameContact(engine, touched, id, customer)
  return id
}

function secured(engine: Engine, submission: Submission, inserted: InsertedInteraction): Uuid | null {
  if (submission.secure === null) return null
  return addSecureMail(engine, {
    row: inserted.row,
    mailbox: submission.secure,
    direction: submission.direction === 'in' ? 'inbound' : 'outbound',
    at: submission.received,
    udata: submission.udata,
  })
}
