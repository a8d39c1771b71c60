import { tick } from 'svelte'
import { toast } from 'svelte-sonner'
import type { Answers, Changes } from '../../src-main/contract/core.ts'
import type {
  Attachment,
  Draft,
  DraftKind,
  InteractionId,
  Message,
  RemoteTarget,
  ThreadId,
  Uuid,
} from '../../src-main/contract/domain.ts'
import { CoreError } from '../../src-main/contract/errors.ts'
import { textOfHtml } from '../compose/body-text.ts'
import { quoteHtml } from '../compose/quote-html.ts'
import SentToast from '../compose/SentToast.svelte'
import { t } from '../texts/texts.ts'
import { type Desk, describe } from './desk.svelte.ts'
import { type DraftJournal, journalIn } from './draft-journal.ts'
import { OpenDraft, type SendStop, type Uploading } from './open-draft.svelte.ts'
import { attachmentAnswer, type SendBytes, sendBytes, withQuery } from './upload.ts'

export interface SendOptions {
  /** Marks the thread Done in the same step; absent: it stays open. */
  readonly done?: { readonly disposition_id: Uuid | null } | null
  /** Questions that the agent has answered with "send all the same". */
  readonly asked?: readonly SendStop['kind'][]
}

/**
 * The drafts that are being written: at most one in each thread, and one new mail. The composer shows the one of
 * the open thread, else the new mail, so that an agent may look elsewhere and find the text again.
 */
export class DraftDesk {
  readonly #desk: Desk
  readonly #journal: DraftJournal
  readonly #sendBytes: SendBytes
  // Nothing on screen depends on what is still being saved.
  // eslint-disable-next-line svelte/prefer-svelte-reactivity
  readonly #closing = new Set<OpenDraft>()
  #open = $state.raw<readonly OpenDraft[]>([])
  #opening = $state(false)
  #uploadKey = 0

  constructor(desk: Desk, options: { storage?: Storage; sendBytes?: SendBytes } = {}) {
    this.#desk = desk
    this.#journal = journalIn(options.storage ?? localStorage)
    this.#sendBytes = options.sendBytes ?? sendBytes
    desk.onChanges((changes) => this.#follow(changes))
    addEventListener('pagehide', () => void this.flush())
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') void this.flush()
    })
    void this.#recover()
  }

  /** The draft in the composer: of the open thread, else the new mail. */
  readonly current = $derived.by((): OpenDraft | null => {
    const { id, detail } = this.#desk.thread
    const here = this.#open.find(
      (draft) =>
        draft.threadId !== null &&
        (draft.threadId === id || detail?.drafts.some((head) => head.id === draft.id)),
    )
    return here ?? this.#open.find((draft) => draft.threadId === null) ?? null
  })

  /** A draft is being asked for or put on screen: what is typed now is meant for it, and no shortcut. */
  get opening(): boolean {
    return this.#opening
  }

  /** A customer message that came after the newest one the writer has seen; null when there is none. */
  readonly newer = $derived.by((): Message | null => {
    const draft = this.current
    const messages = this.#desk.thread.detail?.messages
    if (!draft?.seen || !messages) return null
    const at = messages.findIndex(({ interaction }) => interaction.interaction_id === draft.seen)
    return at < 0 ? null : (messages.slice(at + 1).findLast(({ direction }) => direction === 'in') ?? null)
  })

  /** Begins an answer to `parentId`, or a new mail; a draft of the same kind that is open already is shown again. */
  async open(kind: DraftKind, parentId: InteractionId | null, to: Draft['to'] = []): Promise<void> {
    const same = this.#open.find((draft) => draft.kind === kind && draft.parentId === parentId)
    if (same && kind !== 'new') {
      same.editor?.focus()
      return
    }
    this.#opening = true
    const draft = await this.#desk.run(
      this.#desk.core.startDraft({ kind, parent_id: parentId, ...(to.length > 0 ? { to: [...to] } : {}) }),
    )
    await this.#openedWith(draft, true)
  }

  /** Begins a mail that leaves through a remote system, in place of whatever thread is open. True where it was begun. */
  async openRemote(
    remoteId: string,
    target: RemoteTarget,
    begin: { readonly to?: Draft['to']; readonly subject?: string } = {},
  ): Promise<boolean> {
    this.#opening = true
    const draft = await this.#desk.run(
      this.#desk.core.startRemoteDraft({
        remote_id: remoteId,
        target,
        to: [...(begin.to ?? [])],
        subject: begin.subject ?? '',
      }),
    )
    if (draft) {
      this.#desk.thread.close()
      this.#desk.closeSettings()
    }
    await this.#openedWith(draft, true)
    return draft !== null
  }

  /** Opens a stored draft in its thread. */
  async openDraft(id: Uuid): Promise<void> {
    const known = this.#open.find((draft) => draft.id === id)
    if (known) {
      this.#goTo(known)
      known.editor?.focus()
      return
    }
    this.#opening = true
    const draft = await this.#desk.run(this.#desk.core.draft({ draft_id: id }))
    await this.#openedWith(draft, false)
  }

  /** Puts the current draft away, saved; one that was begun and never written in is gone. */
  close(): void {
    const draft = this.current
    if (!draft) return
    this.#putAway(draft)
    // Where one pane is shown at a time, an empty one would be a dead end.
    if (this.#desk.thread.id === null && this.#desk.layout === 'narrow') this.#desk.pane = 'list'
  }

  /** Saves everything that isn't saved; for the moment before the page goes. */
  async flush(): Promise<void> {
    await Promise.all([...this.#open, ...this.#closing].map((draft) => draft.autosave.flush()))
  }

  /** Throws the current draft away; Undo brings it back. */
  async discard(): Promise<void> {
    const draft = this.current
    if (!draft) return
    await draft.autosave.flush()
    const gone = await this.#desk.run(
      this.#desk.core.discardDraft({ draft_id: draft.id }),
      t('compose.discarded'),
    )
    if (!gone) return
    this.#forget(draft)
    // The composer takes the keyboard with it.
    this.#desk.thread.wantFocus()
  }

  /** In place of a draft that was discarded elsewhere: the same text as a new one. */
  async keepAsNew(): Promise<void> {
    const draft = this.current
    if (!draft) return
    const { to, cc, bcc, subject, format, html, text, quote } = draft
    const { core } = this.#desk
    const fresh = await this.#desk.run(
      draft.remote
        ? core.startRemoteDraft({
            remote_id: draft.remote.id,
            target: draft.remote.target,
            to: to.slice(0, 1).map((address) => ({ ...address })),
            subject: subject.slice(0, 998),
          })
        : core.startDraft({ kind: draft.kind, parent_id: draft.parentId }),
    )
    if (!fresh) return
    this.#forget(draft)
    const opened = await this.#show(fresh, false)
    opened.edit({ to: [...to], cc: [...cc], bcc: [...bcc], subject, format, html, text, quote })
  }

  /** Closes a draft that was discarded or sent elsewhere. */
  letGo(): void {
    if (this.current) this.#forget(this.current)
  }

  /** Renders a standard response for the current draft and puts it at the cursor. Null, or what went wrong. */
  async insertResponse(id: Uuid): Promise<string | null> {
    const draft = this.current
    if (!draft) return t('responses.noDraft')
    try {
      // Field codes look at the stored draft: who it goes to, what it is called.
      await draft.autosave.flush()
      const response = await this.#desk.core.renderResponse({ id, draft_id: draft.id })
      draft.insert(response)
      if (draft.subject.trim() === '' && response.subject !== '') draft.edit({ subject: response.subject })
      if (!draft.responses.includes(id)) draft.edit({ standard_response_ids: [...draft.responses, id] })
      if (response.unresolved.length > 0)
        this.#desk.announce(t('responses.unresolved', { count: response.unresolved.length }))
      return null
    } catch (error) {
      return describe(error)
    }
  }

  /** Sends the current draft, or says in `stop` why not. */
  async send({ done = null, asked = [] }: SendOptions = {}): Promise<void> {
    const draft = this.current
    if (!draft || draft.sending) return
    const newer = this.newer
    draft.stop = newer ? { kind: 'stale', message: t('compose.stop.stale') } : draft.check(asked)
    if (draft.stop) {
      if (draft.stop.kind === 'recipients' || draft.stop.kind === 'subject') draft.headOpen = true
      this.#desk.announce('message' in draft.stop ? draft.stop.message : t('compose.stopped'))
      return
    }
    draft.sending = true
    try {
      if (!(await draft.autosave.flush())) {
        const { save } = draft
        // A conflict or a vanished draft is shown by itself.
        if (save.kind === 'waiting') draft.stop = { kind: 'unsaved', message: save.message }
        return
      }
      const sent = await this.#desk.core.send({
        draft_id: draft.id,
        revision: draft.autosave.revision,
        done,
        seen: draft.seen,
      })
      this.#forget(draft)
      this.#desk.thread.wantFocus()
      this.#offerUndo(sent, done !== null)
    } catch (error) {
      draft.stop = stopFor(error, draft)
      this.#desk.announce('message' in draft.stop ? draft.stop.message : t('compose.stopped'))
      if (draft.stop.kind === 'stale') this.#desk.thread.again()
      if (error instanceof CoreError && error.code === 'conflict') await draft.autosave.refresh()
      if (draft.stop.kind === 'recipients') draft.headOpen = true
    } finally {
      draft.sending = false
    }
  }

  /** The newer message was shown beside the draft; sending goes on from it. */
  markSeen(): void {
    const draft = this.current
    const last = this.#desk.thread.detail?.messages.at(-1)
    if (!draft || !last) return
    draft.seen = last.interaction.interaction_id
    if (draft.stop?.kind === 'stale') draft.stop = null
  }

  /** Takes a sent mail back while its time runs, and opens its draft. */
  async undoSend(outboxId: Uuid): Promise<void> {
    toast.dismiss(outboxId)
    const draft = await this.#desk.run(this.#desk.core.undoSend({ outbox_id: outboxId }), t('sent.undone'))
    if (draft) await this.#show(draft, false)
  }

  // --- attachments --------------------------------------------------------------------------------------

  /** Uploads `files` into the draft, each with its own progress. */
  attach(draft: OpenDraft, files: readonly File[]): void {
    for (const file of files) void this.#upload(draft, file, false)
  }

  /** Uploads a picture for the body; answers its attachment, or null after saying what went wrong. */
  async attachInline(draft: OpenDraft, file: File): Promise<Attachment | null> {
    return await this.#upload(draft, file, true)
  }

  async removeAttachment(draft: OpenDraft, id: Uuid): Promise<void> {
    const answer = await this.#desk.run(
      this.#desk.core.removeDraftAttachment({ draft_id: draft.id, attachment_id: id }),
      t('compose.attachment.removed'),
    )
    if (!answer) return
    draft.autosave.adoptRevision(answer.revision)
    draft.setAttachments(answer.attachments)
  }

  async #upload(draft: OpenDraft, file: File, inline: boolean): Promise<Attachment | null> {
    const key = ++this.#uploadKey
    const name = file.name || t('compose.attachment.nameless')
    const change = (part: Partial<Uploading>) =>
      draft.setUploads(draft.uploads.map((each) => (each.key === key ? { ...each, ...part } : each)))
    const drop = () => draft.setUploads(draft.uploads.filter((each) => each.key !== key))

    const upload = this.#sendBytes(
      withQuery(`drafts/${draft.id}/attachments`, { name, type: file.type, inline: inline ? '1' : '0' }),
      file,
      attachmentAnswer,
      (sent) => change({ sent }),
    )
    const remove = () => {
      upload.cancel()
      drop()
    }
    draft.setUploads([...draft.uploads, { key, name, size: file.size, sent: 0, problem: null, remove }])
    try {
      const { revision, attachment } = await upload.done
      draft.autosave.adoptRevision(revision)
      if (!draft.attachments.some(({ id }) => id === attachment.id))
        draft.setAttachments([...draft.attachments, attachment])
      drop()
      return attachment
    } catch (error) {
      change({ problem: describe(error) })
      return null
    }
  }

  // --- opening, closing -----------------------------------------------------------------------------------

  /** `opening` ends when the text has the keyboard. */
  async #openedWith(draft: Draft | null, begun: boolean): Promise<void> {
    const shown = draft ? this.#show(draft, begun) : null
    await tick()
    this.#opening = false
    await shown
  }

  async #show(draft: Draft, begun: boolean): Promise<OpenDraft> {
    const opened = new OpenDraft(draft, begun, { core: this.#desk.core, journal: this.#journal })
    // A thread has one composer; the draft that was in it is kept.
    for (const other of this.#open.filter(({ threadId }) => threadId === opened.threadId))
      this.#putAway(other)
    this.#open = [...this.#open, opened]
    this.#goTo(opened)
    await Promise.all([this.#lookAtThread(opened), this.#dressQuote(opened)])
    return opened
  }

  #goTo(draft: OpenDraft): void {
    const { thread } = this.#desk
    if (draft.threadId === null) this.#desk.pane = 'thread'
    else if (thread.id !== draft.threadId) this.#desk.openThread(draft.threadId)
  }

  async #lookAtThread(draft: OpenDraft): Promise<void> {
    if (draft.threadId === null) return
    try {
      const thread = await this.#desk.core.thread({ thread_id: draft.threadId })
      draft.seen ??= thread.messages.at(-1)?.interaction.interaction_id ?? null
    } catch (error) {
      this.#desk.fail(error)
    }
  }

  /** The original as its reader saw it, without styles and whatever they hid. */
  async #dressQuote(draft: OpenDraft): Promise<void> {
    const { quote, parentId } = draft
    if (quote?.html !== null || parentId === null) return
    try {
      const body = await this.#desk.core.messageBody({ interaction_id: parentId })
      if (body.html === null) return
      const carried = draft.attachments.flatMap(({ content_id }) => content_id ?? [])
      const html = quoteHtml(body.html, { carried })
      if (html === null || draft.quote?.html !== null) return
      const dressed = { ...draft.quote, html, text: textOfHtml(html) }
      // Not the agent's edit: a draft that is closed unwritten still leaves nothing behind.
      draft.dressQuote(dressed)
    } catch (error) {
      // The quote as text stays.
      this.#desk.fail(error)
    }
  }

  #putAway(draft: OpenDraft): void {
    this.#open = this.#open.filter((each) => each !== draft)
    if (draft.begun && !draft.touched && draft.attachments.length === 0 && draft.uploads.length === 0) {
      draft.autosave.stop(true)
      this.#desk.core.discardDraft({ draft_id: draft.id }).catch((error: unknown) => this.#desk.fail(error))
      return
    }
    this.#closing.add(draft)
    void draft.autosave.flush().then((saved) => {
      if (!saved) return
      draft.autosave.stop(false)
      this.#closing.delete(draft)
    })
  }

  #forget(draft: OpenDraft): void {
    draft.autosave.stop(true)
    this.#open = this.#open.filter((each) => each !== draft)
  }

  #offerUndo(sent: Answers['send'], done: boolean): void {
    const { outbox_id: outboxId, interaction_id: interactionId, due_at: dueAt } = sent
    this.#desk.announce(t(done ? 'sent.sayDone' : 'sent.say'))
    this.#desk.rememberUndo(() => void this.undoSend(outboxId))
    toast.custom(SentToast, {
      id: outboxId,
      duration: Math.max(4_000, dueAt - Date.now() + 1_500),
      componentProps: { desk: this.#desk, outboxId, interactionId, dueAt, done },
    })
  }

  /** Changes of a page that died are saved now, without opening the drafts. */
  async #recover(): Promise<void> {
    for (const id of this.#journal.ids()) {
      try {
        const draft = await this.#desk.core.draft({ draft_id: id })
        if (this.#open.some((open) => open.id === id)) continue
        const left = new OpenDraft(draft, false, { core: this.#desk.core, journal: this.#journal })
        await left.autosave.flush()
        left.autosave.stop(false)
      } catch (error) {
        // Sent or discarded since: nothing is owed to it. Anything else is tried again when the draft is opened.
        if (error instanceof CoreError && error.code === 'not-found') this.#journal.clear(id)
      }
    }
  }

  #follow(changes: Changes): void {
    for (const draft of [...this.#open, ...this.#closing])
      if (changes.everything || changes.drafts.includes(draft.id)) void draft.autosave.refresh()
    if (changes.everything)
      for (const draft of this.#closing)
        void draft.autosave.flush().then((saved) => {
          if (saved) this.#closing.delete(draft)
        })
  }

  /** Threads whose draft is open now. */
  get threads(): readonly ThreadId[] {
    return this.#open.flatMap(({ threadId }) => threadId ?? [])
  }
}

function stopFor(error: unknown, draft: OpenDraft): SendStop {
  const message = describe(error)
  if (!(error instanceof CoreError)) return { kind: 'other', message }
  switch (error.code) {
    case 'recipients':
      return { kind: 'recipients', message }
    case 'stale-reply':
      return { kind: 'stale', message }
    case 'unresolved-code':
      return { kind: 'codes', message, codes: draft.codes }
    case 'conflict':
      return { kind: 'unsaved', message }
    default:
      return { kind: 'other', message }
  }
}
