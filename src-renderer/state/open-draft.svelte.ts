import type { DraftPatch } from '../../src-main/contract/core.ts'
import type {
  Address,
  Attachment,
  Draft,
  DraftKind,
  DraftQuote,
  InteractionId,
  RemoteTarget,
  SecureMailbox,
  ThreadId,
  Uuid,
} from '../../src-main/contract/domain.ts'
import { formatAddress, isAddress } from '../compose/addresses.ts'
import { htmlOfText, textOfHtml } from '../compose/body-text.ts'
import { codesIn } from '../compose/field-code.ts'
import { mentionsAttachment } from '../compose/mentions-attachment.ts'
import { t } from '../texts/texts.ts'
import { type AutosaveOptions, DraftAutosave, type SaveState } from './draft-autosave.ts'

/** Why Send stopped; shown in the composer, each with its way out. */
export type SendStop =
  | { readonly kind: 'recipients'; readonly message: string }
  | { readonly kind: 'codes'; readonly message: string; readonly codes: readonly string[] }
  | { readonly kind: 'stale'; readonly message: string }
  | { readonly kind: 'subject' }
  | { readonly kind: 'attachment'; readonly word: string }
  | { readonly kind: 'uploading' }
  | { readonly kind: 'unsaved'; readonly message: string }
  | { readonly kind: 'other'; readonly message: string }

/** A file on its way into the draft. */
export interface Uploading {
  readonly key: number
  readonly name: string
  readonly size: number
  readonly sent: number
  /** One sentence, where it failed. */
  readonly problem: string | null
  /** Takes it off the list; stops it where it still runs. */
  readonly remove: () => void
}

/** The body's editor as long as it is on screen: what others may do at its cursor. */
export interface BodyEditor {
  insert(content: { readonly html: string; readonly text: string }): void
  focus(): void
  /** Selects the first place where `text` stands; false where it isn't. */
  select(text: string): boolean
  /** Where the cursor is on screen. */
  caret(): DOMRect
  /** Takes out the `::` before the cursor. */
  removeShorthand(): void
}

/** One draft while it is written: what the agent edits, what is saved, what stopped it from being sent. */
export class OpenDraft {
  readonly id: Uuid
  readonly kind: DraftKind
  readonly parentId: InteractionId | null
  /** True for a draft that was begun just now: closed without a word written it leaves nothing behind. */
  readonly begun: boolean
  /** It answers a secure mail: it goes to this mailbox, never by e-mail. */
  readonly secure: SecureMailbox | null
  /** It leaves through a remote system, to this place in it. */
  readonly remote: { readonly id: string; readonly target: RemoteTarget } | null

  #threadId = $state<ThreadId | null>(null)
  #to = $state.raw<readonly Address[]>([])
  #cc = $state.raw<readonly Address[]>([])
  #bcc = $state.raw<readonly Address[]>([])
  #subject = $state('')
  #accountId = $state<string | null>(null)
  #format = $state<'rich' | 'plain'>('rich')
  #html = $state.raw('')
  #text = $state.raw('')
  #quote = $state.raw<DraftQuote | null>(null)
  #responses = $state.raw<readonly string[]>([])
  #attachments = $state.raw<readonly Attachment[]>([])
  #uploads = $state.raw<readonly Uploading[]>([])
  #save = $state.raw<SaveState>({ kind: 'unsaved' })
  #bodyVersion = $state(0)
  #touched = $state(false)

  /** What came of an earlier try to send it. */
  returned = $state<string | null>(null)
  stop = $state.raw<SendStop | null>(null)
  sending = $state(false)
  /** The composer fills the pane. */
  expanded = $state(false)
  /** Recipients and subject are shown as fields. */
  headOpen = $state(false)
  /** The newest message of the thread that stood on screen while this was written. */
  seen = $state<InteractionId | null>(null)
  editor: BodyEditor | null = null

  readonly autosave: DraftAutosave

  constructor(draft: Draft, begun: boolean, options: Pick<AutosaveOptions, 'core' | 'journal'>) {
    this.id = draft.id
    this.kind = draft.kind
    this.parentId = draft.parent_id
    this.begun = begun
    this.secure = draft.secure
    this.remote = remoteOf(draft)
    this.#threadId = draft.thread_id
    this.returned = draft.returned
    this.#attachments = draft.attachments
    this.#take(draft)
    this.headOpen = draft.to.length === 0 && !this.addressed
    this.autosave = new DraftAutosave(draft, {
      ...options,
      onState: (state) => (this.#save = state),
      onAdopt: (patch, theirs) => {
        this.#attachments = theirs.attachments
        this.#threadId = theirs.thread_id
        this.#take(patch)
        if (patch.html !== undefined || patch.text !== undefined || patch.format !== undefined)
          this.#bodyVersion++
      },
    })
    this.#save = this.autosave.state
    const left = this.autosave.recover(draft)
    if (Object.keys(left).length > 0) {
      this.#touched = true
      this.#take(left)
    }
  }

  get threadId(): ThreadId | null {
    return this.#threadId
  }
  get to(): readonly Address[] {
    return this.#to
  }
  get cc(): readonly Address[] {
    return this.#cc
  }
  get bcc(): readonly Address[] {
    return this.#bcc
  }
  get subject(): string {
    return this.#subject
  }
  get accountId(): string | null {
    return this.#accountId
  }
  get format(): 'rich' | 'plain' {
    return this.#format
  }
  get html(): string {
    return this.#html
  }
  get text(): string {
    return this.#text
  }
  get quote(): DraftQuote | null {
    return this.#quote
  }
  get responses(): readonly string[] {
    return this.#responses
  }
  get attachments(): readonly Attachment[] {
    return this.#attachments
  }
  get uploads(): readonly Uploading[] {
    return this.#uploads
  }
  get save(): SaveState {
    return this.#save
  }
  /** Counts up when the body changed by another hand than the editor's: the editor begins anew. */
  get bodyVersion(): number {
    return this.#bodyVersion
  }
  /** Something was written since it was opened. */
  get touched(): boolean {
    return this.#touched
  }
  /** Where it goes is settled: there are no recipients to choose. */
  get addressed(): boolean {
    return this.secure !== null || (this.remote !== null && this.remote.target.kind !== 'gms-email')
  }
  readonly codes = $derived(codesIn(this.#text))

  /** The agent's edit: shown, kept on this computer and saved. */
  edit(patch: DraftPatch): void {
    this.#touched = true
    this.#take(patch)
    // What stopped it may be mended now; the next Send looks again.
    if (this.stop && this.stop.kind !== 'stale') this.stop = null
    this.autosave.change(patch)
  }

  /** The body as the editor of its format has it; the other form is kept in step. */
  write(body: { readonly html: string } | { readonly text: string }): void {
    if ('html' in body) this.edit({ html: body.html, text: textOfHtml(body.html) })
    else this.edit({ text: body.text, html: htmlOfText(body.text) })
  }

  /** Between rich and plain; every word stays. */
  setFormat(format: 'rich' | 'plain'): void {
    if (format === this.#format) return
    this.edit(format === 'plain' ? { format } : { format, html: htmlOfText(this.#text) })
    this.#bodyVersion++
  }

  /** Puts `content` at the cursor, or before everything else where no editor is on screen. */
  insert(content: { readonly html: string; readonly text: string }): void {
    if (this.editor) {
      this.editor.insert(content)
      return
    }
    this.edit(
      this.#format === 'rich'
        ? { html: content.html + this.#html, text: textOfHtml(content.html + this.#html) }
        : { text: `${content.text}\n${this.#text}`, html: htmlOfText(`${content.text}\n${this.#text}`) },
    )
    this.#bodyVersion++
  }

  /** Completes the quote; not the agent's edit, so the draft stays untouched. */
  dressQuote(quote: DraftQuote): void {
    this.#quote = quote
    this.autosave.change({ quote })
  }

  setAttachments(attachments: readonly Attachment[]): void {
    this.#touched = true
    this.#attachments = attachments
  }
  setUploads(uploads: readonly Uploading[]): void {
    this.#uploads = uploads
  }

  /** What stands in the way of sending, as far as the page can tell; `asked` was answered already. */
  check(asked: readonly SendStop['kind'][]): SendStop | null {
    const everyone = this.addressed ? [] : [...this.#to, ...this.#cc, ...this.#bcc]
    if (everyone.length === 0 && !this.addressed)
      return { kind: 'recipients', message: t('compose.stop.nobody') }
    const wrong = everyone.filter(({ address }) => !isAddress(address))
    if (wrong.length > 0) {
      const names = wrong.map(formatAddress).join(', ')
      return { kind: 'recipients', message: t('compose.stop.address', { names }) }
    }
    if (this.remote?.target.kind === 'gms-email' && everyone.length > 1)
      return { kind: 'recipients', message: t('via.one') }
    if (this.#uploads.some(({ problem }) => problem === null)) return { kind: 'uploading' }
    if (this.codes.length > 0) return { kind: 'codes', message: t('compose.stop.codes'), codes: this.codes }
    if (this.#subject.trim() === '' && !asked.includes('subject')) return { kind: 'subject' }
    // The subject of an answer is the customer's: what it mentions was promised by nobody here.
    const written = this.kind === 'new' ? `${this.#subject}\n${this.#text}` : this.#text
    const word = this.#attachments.some(({ inline }) => !inline) ? null : mentionsAttachment(written)
    return word !== null && !asked.includes('attachment') ? { kind: 'attachment', word } : null
  }

  #take(content: DraftPatch | Draft): void {
    if (content.to) this.#to = content.to.map(plainAddress)
    if (content.cc) this.#cc = content.cc.map(plainAddress)
    if (content.bcc) this.#bcc = content.bcc.map(plainAddress)
    if (content.subject !== undefined) this.#subject = content.subject
    if (content.account_id !== undefined) this.#accountId = content.account_id
    if (content.format !== undefined) this.#format = content.format
    if (content.html !== undefined) this.#html = content.html
    if (content.text !== undefined) this.#text = content.text
    if (content.quote !== undefined) this.#quote = content.quote
    if (content.standard_response_ids) this.#responses = content.standard_response_ids
  }
}

/** An account of this name stands for a remote (contract: `Draft.remote`). */
function remoteOf(draft: Draft): OpenDraft['remote'] {
  if (!draft.remote || !draft.account_id?.startsWith('remote:')) return null
  return { id: draft.account_id.slice('remote:'.length), target: draft.remote }
}

/** Without members that stand there undefined. */
function plainAddress({ address, personal }: { address: string; personal?: string | undefined }): Address {
  return personal === undefined ? { address } : { address, personal }
}
