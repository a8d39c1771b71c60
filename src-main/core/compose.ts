import type { Core } from '../contract/core.ts'
import type {
  Contact,
  Draft,
  DraftContent,
  Message,
  SecureMailbox,
  ThreadDetail,
} from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import type { Account } from '../contract/settings.ts'
import { renderTemplate } from '../outbox/field-codes.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { prepareSend } from '../outbox/prepare-send.ts'
import { carriedAttachments, replyContent } from '../outbox/reply-content.ts'
import { SECURE_ACCOUNT } from '../outbox/way-out.ts'
import type { Blobs } from '../store/blobs.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from './host-services.ts'
import type { StoredSettings } from './stored-settings.ts'

export interface ComposeOptions {
  readonly store: Store
  readonly blobs: Blobs
  readonly settings: StoredSettings
  readonly clock: Clock
  readonly outbox: Outbox
}

/** What the composer asks that takes more than the store: a draft's beginning, its responses, its sending. */
export function createCompose(options: ComposeOptions): Pick<Core, 'startDraft' | 'renderResponse' | 'send'> {
  const { store, blobs, settings, clock, outbox } = options

  return {
    async startDraft({ kind, parent_id, to }) {
      const agent = await settings.agent()
      const accounts = await settings.accounts()
      const { composeFormat } = await settings.preferences()
      if (kind !== 'new' && parent_id === null)
        throw new CoreError('invalid', 'Choose the message to answer or forward.')
      const parent = parent_id === null || kind === 'new' ? null : await findMessage(parent_id, agent.id)
      if (parent?.thread.place.kind === 'queue') {
        // Answering is taking it on: nobody else shall answer the same customer meanwhile.
        await store.accept([parent.thread.thread_id], agent.id)
      }
      const content = replyContent({
        kind,
        parent: parent && {
          interaction: parent.message.interaction,
          body: await store.body(parent.message.interaction.interaction_id),
          messageId: parent.message.message_id,
        },
        agent,
        account: accountFor(parent?.message ?? null, accounts),
        ownAddresses: [...accounts.map(({ address }) => address), ...(agent.email ? [agent.email] : [])],
        locale: Intl.DateTimeFormat().resolvedOptions().locale,
        format: composeFormat,
        ...(to ? { to: to.map(withoutEmptyName) } : {}),
      })
      const mailbox = parent && (kind === 'reply' || kind === 'reply-all') ? mailboxOf(parent) : null
      return await store.createDraft({
        kind,
        owner_id: agent.id,
        thread_id: parent?.thread.thread_id ?? null,
        parent_id: parent?.message.interaction.interaction_id ?? null,
        content: mailbox ? intoMailbox(content, mailbox, parent?.message ?? null) : content,
        attachments: parent ? carriedAttachments(kind, parent.message.attachments) : [],
      })
    },

    async renderResponse({ id, draft_id }) {
      const response = await store.response(id)
      const draft = await store.draft(draft_id)
      const agent = await settings.agent()
      const parent = draft.parent_id === null ? null : await findMessage(draft.parent_id, agent.id)
      const context = {
        // User data belongs to the case, which goes on with the thread's newest message.
        interaction: parent && { ...parent.message.interaction, udata: parent.thread.udata },
        contact: await contactOf(draft, parent?.message ?? null),
        agent,
        now: clock.now(),
        language: response.language,
        timeZone: null,
      }
      const html = renderTemplate(response.html, context, 'html')
      const text = renderTemplate(response.text, context, 'text')
      const subject = renderTemplate(response.subject, context, 'text')
      return {
        id,
        html: html.text,
        text: text.text,
        subject: subject.text,
        unresolved: [...(draft.format === 'rich' ? html : text).unresolved, ...subject.unresolved],
      }
    },

    async send(request) {
      const sent = await prepareSend(request, {
        store,
        blobs,
        clock,
        agent: await settings.agent(),
        accounts: await settings.accounts(),
        undoSendSeconds: await settings.undoSendSeconds(),
        subjectToken: (await settings.preferences()).subjectToken,
        sample: await settings.isSample(),
      })
      outbox.wake()
      return sent
    },
  }

  async function findMessage(
    id: string,
    agent: number,
  ): Promise<{ readonly message: Message; readonly thread: ThreadDetail }> {
    const { thread_id } = await store.interaction(id)
    const thread = await store.thread(thread_id, agent)
    const message = thread.messages.find(({ interaction }) => interaction.interaction_id === id)
    if (!message) throw new CoreError('not-found', 'The message is gone.')
    return { message, thread }
  }

  /** Whom the mail is written to; while nobody is entered yet, whom it answers. */
  async function contactOf(draft: Draft, parent: Message | null): Promise<Contact | null> {
    const first = draft.to[0]?.address
    const written = first ? await store.contactByAddress(first) : null
    if (written) return written
    return parent ? await store.contact(parent.interaction.customer_id) : null
  }
}

/** The secure mailbox that an answer goes to: that of the answered message, else of the thread's newest inbound one. */
function mailboxOf({
  message,
  thread,
}: {
  readonly message: Message
  readonly thread: ThreadDetail
}): SecureMailbox | null {
  return message.secure ?? thread.messages.findLast(({ direction }) => direction === 'in')?.secure ?? null
}

/** Nobody but the mailbox's owner reads it, whoever else the mail named. */
function intoMailbox(
  content: DraftContent,
  { address }: SecureMailbox,
  answered: Message | null,
): DraftContent {
  const { from, to = [] } = answered?.interaction ?? {}
  const known = [...(from ? [from] : []), ...to].find(
    (person) => person.address.toLowerCase() === address.toLowerCase(),
  )
  return {
    ...content,
    account_id: SECURE_ACCOUNT,
    to: [known?.personal ? { address, personal: known.personal } : { address }],
    cc: [],
    bcc: [],
  }
}

/** The account that the customer wrote to: by its address, else by where the mail came in, else the first. */
function accountFor(message: Message | null, accounts: readonly Account[]): Account | null {
  const first = accounts[0] ?? null
  if (!message) return first
  const { from, to = [], cc = [] } = message.interaction
  const named = [...to, ...cc, ...(from ? [from] : [])].map(({ address }) => address.toLowerCase())
  return (
    accounts.find(({ address }) => named.includes(address.toLowerCase())) ??
    accounts.find(({ id }) => id === message.account_id) ??
    first
  )
}

function withoutEmptyName({ address, personal }: { address: string; personal?: string | undefined }) {
  return personal ? { address, personal } : { address }
}
