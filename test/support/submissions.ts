import type { InteractionInput, Once, Submission, WriteTerms } from '../../src-main/store/api-store.ts'
import { hash, person, START } from './open-store.ts'

/** A write that happens as it is asked for. */
export const NOW: WriteTerms = { once: null }

/** A write under an Idempotency-Key. */
export function once(key: string, payload = 'payload', scope = 'email'): WriteTerms {
  const asked: Once = { scope, key, payload: hash(payload) }
  return { once: asked }
}

/** A mail from Ann by a web form; say what is special about it. */
export function submission(special: Partial<Submission> = {}): Submission {
  const address = special.from?.address ?? 'ann@customer.test'
  return {
    direction: 'in',
    sub_type: null,
    customer: { id: null, address, first_name: '', last_name: '' },
    from: person(address),
    reply_to: null,
    to: [person('support@desk.test')],
    cc: [],
    bcc: [],
    subject: 'Where is my order?',
    text: 'My order has not arrived.',
    html: null,
    received: START,
    sent: START,
    udata: {},
    attachments: [],
    queue_id: null,
    came_by: 'api:email/shop',
    external_id: null,
    thread: { kind: 'new' },
    secure: null,
    fingerprint: null,
    uploads: [],
    ...special,
  }
}

/** A message of a conversation; say what is special about it. */
export function conversation(
  conv_id: string,
  special: { readonly cat?: string; readonly metadata?: readonly string[] } = {},
): Extract<Submission['thread'], { kind: 'conversation' }> {
  return {
    kind: 'conversation',
    tenant: 'acme',
    org: 'care',
    cat: special.cat ?? 'mail',
    conv_id,
    metadata: special.metadata ?? [],
  }
}

/** An attachment whose bytes are a blob already. */
export function attached(name: string): Submission['attachments'][number] {
  return {
    name,
    content_type: 'application/pdf',
    size: 3,
    sha256: hash(name),
    content_id: null,
    inline: false,
  }
}

/** A new inbound interaction as another system describes it. */
export function interactionInput(special: Partial<InteractionInput> = {}): InteractionInput {
  return {
    customer_id: 'customer-1',
    status: 0,
    entity_type: 0,
    type: 'Inbound',
    media_type: 'email',
    creator_app_id: 1,
    allow_children: true,
    start_date: START,
    came_by: 'api:interactions',
    ...special,
  }
}
