import type { Draft, DraftContent } from '../../src-main/contract/domain.ts'
import type { NewDraft, NewSend } from '../../src-main/store/store.ts'
import { hash, person } from './open-store.ts'

/** The agent who writes. */
export const ADA = 7

/** A new mail to Ann; say what is special about it. */
export function newDraft(
  special: Partial<Omit<NewDraft, 'content'>> & { content?: Partial<DraftContent> } = {},
): NewDraft {
  const { content, ...rest } = special
  return {
    kind: 'new',
    owner_id: ADA,
    thread_id: null,
    parent_id: null,
    attachments: [],
    ...rest,
    content: {
      account_id: 'support',
      to: [person('ann@customer.test', 'Ann Lee')],
      cc: [],
      bcc: [],
      subject: 'Your order',
      format: 'plain',
      html: '',
      text: 'It is on its way.',
      quote: null,
      standard_response_ids: [],
      ...content,
    },
  }
}

let sends = 0

/** A draft frozen for sending, due at once. */
export function newSend(draft: Draft, special: Partial<NewSend> = {}): NewSend {
  const to = [...draft.to, ...draft.cc, ...draft.bcc].map(({ address }) => address)
  return {
    draft_id: draft.id,
    revision: draft.revision,
    by: ADA,
    account_id: 'support',
    from: person('support@desk.test', 'Support'),
    message_id: `out-${(sends += 1)}@desk.test`,
    envelope: { from: 'support@desk.test', to, smtputf8: false },
    wire_sha256: hash('wire'),
    sent_sha256: hash('sent'),
    sent_size: 500,
    due_at: 0,
    sample: false,
    sent_copy: 'owed',
    text: draft.text,
    html: null,
    quote_at: null,
    snippet: draft.text.slice(0, 200),
    attachments: draft.attachments,
    seen: null,
    done: null,
    ...special,
  }
}
