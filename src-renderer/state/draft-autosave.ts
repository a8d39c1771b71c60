import type { Core, DraftPatch } from '../../src-main/contract/core.ts'
import type { Draft, Instant, Uuid } from '../../src-main/contract/domain.ts'
import { CoreError } from '../../src-main/contract/errors.ts'
import { fingerprint, type DraftJournal, type Fingerprints } from './draft-journal.ts'

/** What the composer says about the text that is being written. */
export type SaveState =
  | { readonly kind: 'saved'; readonly at: Instant }
  | { readonly kind: 'unsaved' }
  | { readonly kind: 'saving' }
  /** Kept on this computer and tried again by itself; `message` says why it waits. */
  | { readonly kind: 'waiting'; readonly message: string }
  /** Somebody else changed the same part of the draft. */
  | { readonly kind: 'conflict'; readonly theirs: Draft }
  /** It was sent or discarded elsewhere. */
  | { readonly kind: 'gone' }

export const FIELDS = [
  'account_id',
  'to',
  'cc',
  'bcc',
  'subject',
  'format',
  'html',
  'text',
  'quote',
  'standard_response_ids',
] as const satisfies readonly (keyof DraftPatch)[]
export type DraftField = (typeof FIELDS)[number]

export interface AutosaveOptions {
  readonly core: Pick<Core, 'draft' | 'saveDraft'>
  readonly journal: DraftJournal
  readonly onState: (state: SaveState) => void
  /** What another window or the core changed meanwhile, and doesn't clash with what is written here. */
  readonly onAdopt: (patch: DraftPatch, draft: Draft) => void
}

// Long enough not to save every letter, short enough that a pause saves; 2 s at most while typing goes on.
const PAUSE = 400
const LONGEST_PAUSE = 2_000
const FIRST_RETRY = 1_000
const LONGEST_RETRY = 15_000

/**
 * Saves one draft as it is written: a pause after the last change, one save at a time, each naming the revision
 * it stands on. What isn't acknowledged stays in the journal, so that neither a crash of the page nor of the core
 * loses a word; an answer that got lost is recognised and is no conflict.
 */
export class DraftAutosave {
  readonly #id: Uuid
  readonly #options: AutosaveOptions
  #revision: number
  /** The content that the core is known to hold. */
  #base: Fingerprints
  /** Changes that no save has carried yet. */
  #pending: DraftPatch = {}
  /** Saves whose answer never came: the core may hold any of them. */
  #doubtful: Fingerprints[] = []
  #state: SaveState
  #running: Promise<void> | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #unsavedSince: number | null = null
  #retry = FIRST_RETRY
  #stopped = false

  constructor(draft: Draft, options: AutosaveOptions) {
    this.#id = draft.id
    this.#options = options
    this.#revision = draft.revision
    this.#base = fingerprintsOf(draft)
    this.#state = { kind: 'saved', at: draft.saved_at }
  }

  get state(): SaveState {
    return this.#state
  }
  /** The revision to send. Right only when everything is saved. */
  get revision(): number {
    return this.#revision
  }

  /** Takes up what a crash left in the journal, as far as `draft` doesn't hold it already. */
  recover(draft: Draft): DraftPatch {
    const left = this.#options.journal.read(this.#id)
    if (!left) return {}
    this.#base = { ...this.#base, ...left.base }
    this.#doubtful = [...left.sent]
    this.#pending = left.patch
    const clash = this.#merge(draft)
    if (clash) this.#become({ kind: 'conflict', theirs: draft })
    else if (isEmpty(this.#pending)) this.#options.journal.clear(this.#id)
    else this.#schedule(0)
    return this.#pending
  }

  /** Records a change; it is kept on this computer when this returns. */
  change(patch: DraftPatch): void {
    if (this.#stopped) return
    this.#pending = { ...this.#pending, ...patch }
    this.#keep()
    if (this.#state.kind === 'conflict' || this.#state.kind === 'gone') return
    this.#unsavedSince ??= Date.now()
    if (!this.#running && this.#state.kind !== 'waiting') this.#become({ kind: 'unsaved' })
    if (this.#state.kind !== 'waiting')
      this.#schedule(Math.min(PAUSE, Math.max(0, this.#unsavedSince + LONGEST_PAUSE - Date.now())))
  }

  /** Saves what isn't saved, now. True when the core holds everything. */
  async flush(): Promise<boolean> {
    clearTimeout(this.#timer)
    if (this.#state.kind === 'conflict' || this.#state.kind === 'gone') return false
    await this.#save()
    return this.#state.kind === 'saved'
  }

  /** An attachment came or went: the revision is one further. Anything else is found out by the next save. */
  adoptRevision(revision: number): void {
    if (revision === this.#revision + 1 && !this.#running) this.#revision = revision
  }

  /** The core's draft moved on (another window, an attachment): takes over what doesn't clash. */
  async refresh(): Promise<void> {
    if (this.#stopped || this.#running || this.#state.kind === 'conflict') return
    if (!isEmpty(this.#pending)) {
      await this.flush()
      return
    }
    this.#running = this.#reconcile().then(
      () => {},
      (error: unknown) => {
        // Nothing was to be saved, so a line that is down is no trouble; the next change finds out.
        if (error instanceof CoreError && error.code === 'not-found') this.#become({ kind: 'gone' })
      },
    )
    await this.#running
    this.#running = null
    if (!isEmpty(this.#pending)) this.#schedule(0)
  }

  /** In a conflict: what is written here wins. */
  async keepMine(): Promise<void> {
    if (this.#state.kind !== 'conflict') return
    const { theirs } = this.#state
    this.#base = fingerprintsOf(theirs)
    this.#revision = theirs.revision
    this.#doubtful = []
    this.#become({ kind: 'unsaved' })
    await this.flush()
  }

  /** In a conflict: what the core holds wins. */
  takeTheirs(): void {
    if (this.#state.kind !== 'conflict') return
    const { theirs } = this.#state
    this.#pending = {}
    this.#doubtful = []
    this.#base = fingerprintsOf(theirs)
    this.#revision = theirs.revision
    this.#options.journal.clear(this.#id)
    this.#become({ kind: 'saved', at: theirs.saved_at })
    this.#options.onAdopt(contentOf(theirs), theirs)
  }

  /** Saves no more. With `forget` the journal goes too: the draft was sent or discarded. */
  stop(forget: boolean): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    if (forget) {
      this.#pending = {}
      this.#options.journal.clear(this.#id)
    }
  }

  #schedule(wait: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#save(), wait)
  }

  async #save(): Promise<void> {
    while (this.#running) await this.#running
    if (this.#stopped || isEmpty(this.#pending)) return
    this.#running = this.#saveAll()
    try {
      await this.#running
    } finally {
      this.#running = null
    }
  }

  async #saveAll(): Promise<void> {
    let at: Instant = Date.now()
    while (!isEmpty(this.#pending)) {
      const sent = this.#pending
      const marks = fingerprintsOf(sent)
      this.#pending = {}
      this.#unsavedSince = null
      this.#doubtful.push(marks)
      this.#keep(sent)
      this.#become({ kind: 'saving' })
      try {
        const answer = await this.#options.core.saveDraft({
          draft_id: this.#id,
          revision: this.#revision,
          patch: sent,
        })
        this.#revision = answer.revision
        at = answer.saved_at
        this.#base = { ...this.#base, ...marks }
        this.#doubtful = []
        this.#retry = FIRST_RETRY
      } catch (error) {
        this.#pending = { ...sent, ...this.#pending }
        const refused = error instanceof CoreError && error.code === 'conflict'
        if (refused) this.#doubtful.splice(this.#doubtful.indexOf(marks), 1)
        try {
          if (!refused) throw error
          if (!(await this.#reconcile())) return
        } catch (fault) {
          this.#failed(fault)
          return
        }
      }
    }
    if (this.#stopped) return
    this.#options.journal.clear(this.#id)
    this.#become({ kind: 'saved', at })
  }

  /** Reads the core's draft again. True where saving can go on. */
  async #reconcile(): Promise<boolean> {
    const theirs = await this.#options.core.draft({ draft_id: this.#id })
    if (this.#merge(theirs)) {
      this.#become({ kind: 'conflict', theirs })
      return false
    }
    return true
  }

  /** Three ways, field by field; true where both sides changed the same field. */
  #merge(theirs: Draft): boolean {
    const now = fingerprintsOf(theirs)
    const mine = fingerprintsOf(this.#pending)
    const adopted: (typeof FIELDS)[number][] = []
    for (const field of FIELDS) {
      const ours =
        now[field] === this.#base[field] || this.#doubtful.some((sent) => sent[field] === now[field])
      const same = mine[field] === now[field]
      if (same || ours) continue
      if (mine[field] !== undefined) return true
      adopted.push(field)
    }
    this.#base = now
    this.#revision = theirs.revision
    this.#doubtful = []
    this.#pending = pick(
      this.#pending,
      FIELDS.filter((field) => mine[field] !== undefined && mine[field] !== now[field]),
    )
    this.#options.onAdopt(pick(contentOf(theirs), adopted), theirs)
    return false
  }

  #failed(error: unknown): void {
    if (error instanceof CoreError && error.code === 'not-found') {
      this.#become({ kind: 'gone' })
      return
    }
    const message = error instanceof CoreError ? error.message : String(error)
    this.#become({ kind: 'waiting', message })
    if (this.#stopped) return
    this.#schedule(this.#retry)
    this.#retry = Math.min(this.#retry * 2, LONGEST_RETRY)
  }

  #keep(sending: DraftPatch = {}): void {
    this.#options.journal.write(this.#id, {
      base: this.#base,
      sent: this.#doubtful,
      patch: { ...sending, ...this.#pending },
      at: Date.now(),
    })
  }

  #become(state: SaveState): void {
    this.#state = state
    this.#options.onState(state)
  }
}

/** The parts of a draft that are saved. */
export function contentOf(draft: Draft): DraftPatch {
  return {
    account_id: draft.account_id,
    to: [...draft.to],
    cc: [...draft.cc],
    bcc: [...draft.bcc],
    subject: draft.subject,
    format: draft.format,
    html: draft.html,
    text: draft.text,
    quote: draft.quote,
    standard_response_ids: [...draft.standard_response_ids],
  }
}

function fingerprintsOf(content: DraftPatch | Draft): Fingerprints {
  return Object.fromEntries(
    FIELDS.filter((field) => content[field] !== undefined).map((field) => [
      field,
      fingerprint(content[field]),
    ]),
  )
}

function pick(patch: DraftPatch, fields: readonly DraftField[]): DraftPatch {
  const kept: [string, unknown][] = fields
    .filter((field) => patch[field] !== undefined)
    .map((field) => [field, patch[field]])
  return Object.fromEntries(kept)
}

function isEmpty(patch: DraftPatch): boolean {
  return Object.keys(patch).length === 0
}
