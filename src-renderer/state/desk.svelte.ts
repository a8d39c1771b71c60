import { getContext, setContext } from 'svelte'
import { MediaQuery } from 'svelte/reactivity'
import { toast } from 'svelte-sonner'
import { type Changes, type Core, joinChanges, NO_CHANGES } from '../../src-main/contract/core.ts'
import type { Disposition, Done, Overview, ThreadId, View } from '../../src-main/contract/domain.ts'
import { CoreError } from '../../src-main/contract/errors.ts'
import type { Preferences } from '../../src-main/contract/settings.ts'
import type { Line, LineState } from '../port.ts'
import { t } from '../texts/texts.ts'
import { DraftDesk } from './draft.svelte.ts'
import { OpenThread } from './open-thread.svelte.ts'
import { Question } from './question.ts'
import { RemoteMailbox } from './remote-mailbox.svelte.ts'
import { Remotes } from './remotes.svelte.ts'
import { recall, remember } from './remembered.ts'
import { ThreadList } from './thread-list.svelte.ts'
import { Work } from './work.svelte.ts'

export type Screen = 'desk' | 'settings' | 'mailbox'
export type SideTab = 'case-data' | 'contact' | 'responses' | 'details'
/** Below 760 px one pane is shown at a time. */
export type PaneName = 'navigation' | 'list' | 'thread'
/** wide: all panes beside each other; medium: the side panel is a drawer; narrow: one pane at a time. */
export type Layout = 'wide' | 'medium' | 'narrow'

const everything: Changes = { ...NO_CHANGES, everything: true }
// Long enough to join what one command touches, short enough to look immediate.
const gather = 40

/** The whole page's state: made once in App.svelte, handed down by context, the way to the core. */
export class Desk {
  readonly core: Core
  readonly list: ThreadList
  readonly thread: OpenThread
  readonly compose: DraftDesk
  readonly work: Work
  readonly remotes: Remotes
  /** The secure mailbox that was looked into last; kept while the agent is elsewhere. */
  readonly mailbox: RemoteMailbox

  readonly #line: Line
  #listeners: readonly ((changes: Changes) => void)[] = []
  readonly #stops: (() => void)[] = []
  #pending: Changes | null = null
  #timer: ReturnType<typeof setTimeout> | undefined

  #connection = $state<LineState>('connecting')
  #overview = $state.raw<Overview | null>(null)
  #preferences = $state.raw<Preferences | null>(null)
  #dispositions = $state.raw<readonly Disposition[]>([])
  #view = $state.raw<View | null>(null)
  #screen = $state<Screen>('desk')
  #problem = $state<string | null>(null)
  #announcement = $state('')
  #sideTab = $state<SideTab>('case-data')
  #sideOpen = $state(recall('side', ['open', 'closed'], 'open') === 'open')
  #drawerOpen = $state(false)
  #pane = $state<PaneName>('list')
  #settingsSection = $state<string | null>(null)
  #mailboxRemote = $state<string | null>(null)
  #lastUndo: string | null = null
  #lastDeed: (() => void) | null = null
  readonly #wide = new MediaQuery('min-width: 1100px', true)
  readonly #darkSystem = new MediaQuery('prefers-color-scheme: dark', false)
  readonly #roomy = new MediaQuery('min-width: 760px', true)

  readonly #askOverview: Question<Overview>
  readonly #askPreferences: Question<Preferences>
  readonly #askDispositions: Question<readonly Disposition[]>

  constructor(line: Line) {
    this.#line = line
    this.core = line.core
    this.#connection = line.state

    const fail = (error: unknown) => this.fail(error)
    this.#askOverview = new Question((overview) => this.#takeOverview(overview), fail)
    this.#askPreferences = new Question((preferences) => (this.#preferences = preferences), fail)
    this.#askDispositions = new Question((dispositions) => (this.#dispositions = dispositions), fail)

    this.list = new ThreadList(this)
    this.thread = new OpenThread(this)
    this.compose = new DraftDesk(this)
    this.work = new Work(this)
    this.remotes = new Remotes(this)
    this.mailbox = new RemoteMailbox(this)

    this.#stops.push(
      line.onState((state) => {
        const first = this.#connection === 'connecting'
        this.#connection = state
        // Changes were missed while the line was down; the first questions wait for the line by themselves.
        if (state === 'online' && !first) this.#publish(everything)
      }),
      line.core.onChanges((changes) => this.#gather(changes)),
      line.onOpen((thread) => this.openThread(thread)),
    )
    this.#ask(everything)
  }

  // --- the frame ----------------------------------------------------------------------------------------

  /** Null until the core has answered for the first time. */
  get overview(): Overview | null {
    return this.#overview
  }
  /** The page's line to its core; `offline` says nothing about the mail servers. */
  get connection(): LineState {
    return this.#connection
  }
  get preferences(): Preferences | null {
    return this.#preferences
  }
  get dispositions(): readonly Disposition[] {
    return this.#dispositions
  }
  /** What the list in the middle shows; null until the first overview came. */
  get view(): View | null {
    return this.#view
  }
  get screen(): Screen {
    return this.#screen
  }
  /** The tab of the side panel; setting it opens the panel. */
  get sideTab(): SideTab {
    return this.#sideTab
  }
  set sideTab(tab: SideTab) {
    this.#sideTab = tab
    this.sideOpen = true
  }
  /** The side panel, or the drawer that stands for it where there is less room; each has its own state. */
  get sideOpen(): boolean {
    return this.layout === 'wide' ? this.#sideOpen : this.#drawerOpen
  }
  set sideOpen(open: boolean) {
    if (this.layout === 'wide') {
      this.#sideOpen = open
      remember('side', open ? 'open' : 'closed')
    } else this.#drawerOpen = open
  }
  /** The pane that is shown where there is room for one. */
  get pane(): PaneName {
    return this.#pane
  }
  set pane(pane: PaneName) {
    this.#pane = pane
  }
  /** Whether the desk is shown dark, by choice or by the system's. */
  get dark(): boolean {
    const theme = this.#preferences?.theme ?? 'system'
    return theme === 'system' ? this.#darkSystem.current : theme === 'dark'
  }
  get layout(): Layout {
    return this.#wide.current ? 'wide' : this.#roomy.current ? 'medium' : 'narrow'
  }
  /** Which part of Settings to show first; null: the first one. */
  get settingsSection(): string | null {
    return this.#settingsSection
  }

  /** Shows `view` in the list and leaves Settings and search. */
  navigate(view: View): void {
    this.#screen = 'desk'
    this.#pane = 'list'
    this.#view = view
    this.list.show(view)
  }

  /** Opens a thread beside the list, from wherever the desk is. */
  openThread(id: ThreadId): void {
    this.#screen = 'desk'
    this.#pane = 'thread'
    this.thread.open(id)
  }

  openSettings(section: string | null = null): void {
    this.#settingsSection = section
    this.#screen = 'settings'
  }
  /** Back to the desk, from Settings or from a mailbox. */
  closeSettings(): void {
    this.#screen = 'desk'
  }

  /** Looks into the secure mailboxes of a remote system; null: of the one that was looked into last, else the first. */
  openMailbox(remoteId: string | null = null): void {
    if (remoteId !== null) this.#mailboxRemote = remoteId
    this.#screen = 'mailbox'
  }
  /** The remote whose mailboxes are shown; null where none is set up. */
  get mailboxRemote(): string | null {
    const { mailboxes } = this.remotes
    return (mailboxes.find(({ id }) => id === this.#mailboxRemote) ?? mailboxes[0])?.id ?? null
  }

  // --- what went wrong, what was done -------------------------------------------------------------------

  /** One sentence in the status line about what failed last, until it is dismissed or the next thing works. */
  get problem(): string | null {
    return this.#problem
  }
  /** Read aloud by a screen reader, shown nowhere. */
  get announcement(): string {
    return this.#announcement
  }

  /**
   * The one place where an error becomes words for the whole page. Where the error is about something that is
   * on screen (a field, a draft), show `describe(error)` there instead.
   */
  fail(error: unknown): void {
    // The status line already says that the line is down, and everything visible is asked again.
    if (error instanceof CoreError && error.code === 'closed') return
    this.#problem = describe(error)
    this.announce(this.#problem)
  }
  dismissProblem(): void {
    this.#problem = null
  }

  announce(text: string): void {
    this.#announcement = text
  }

  /**
   * Runs a command. What it did is announced; where it can be taken back, a toast offers Undo, as does Ctrl+Z.
   * Returns the answer, or null after showing what went wrong.
   */
  async run<T>(action: Promise<T>, said?: string): Promise<T | null> {
    try {
      const answer = await action
      this.#problem = null
      if (said !== undefined) this.announce(said)
      const undoId = undoOf(answer)
      if (undoId) this.offerUndo(undoId, said ?? t('done'))
      return answer
    } catch (error) {
      this.fail(error)
      return null
    }
  }

  /** Offers to take back what `undoId` stands for; returns nothing, the toast does the rest. */
  offerUndo(undoId: string, said: string): void {
    this.#lastUndo = undoId
    this.#lastDeed = null
    toast(said, {
      id: 'undo',
      duration: 8_000,
      action: { label: t('undo'), onClick: () => void this.undo(undoId) },
    })
  }

  /** The last deed is taken back by `undo` in its own way, e.g. a mail that is about to be sent. */
  rememberUndo(undo: () => void): void {
    this.#lastUndo = null
    this.#lastDeed = undo
  }

  /** Takes back the given deed, or the last one that can be. */
  async undo(undoId: string | null = this.#lastUndo): Promise<void> {
    const deed = this.#lastDeed
    if (!undoId && deed) {
      this.#lastDeed = null
      deed()
      return
    }
    if (!undoId) {
      this.announce(t('undo.nothing'))
      return
    }
    if (undoId === this.#lastUndo) this.#lastUndo = null
    toast.dismiss('undo')
    await this.run(this.core.undo({ undo_id: undoId }), t('undo.done'))
  }

  // --- changes ------------------------------------------------------------------------------------------

  /**
   * Calls back after the core changed something, with ids. `everything` is true after a reconnect: ask all
   * that is visible again. Returns the way to stop.
   */
  onChanges(listener: (changes: Changes) => void): () => void {
    this.#listeners = [...this.#listeners, listener]
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener)
    }
  }

  #gather(changes: Changes): void {
    this.#pending = this.#pending ? joinChanges(this.#pending, changes) : changes
    this.#timer ??= setTimeout(() => {
      const gathered = this.#pending
      this.#pending = null
      this.#timer = undefined
      if (gathered) this.#publish(gathered)
    }, gather)
  }

  #publish(changes: Changes): void {
    this.#ask(changes)
    for (const listener of this.#listeners) listener(changes)
  }

  #ask(changes: Changes): void {
    if (
      changes.everything ||
      changes.lists ||
      changes.outbox ||
      changes.accounts ||
      changes.jobs ||
      changes.settings ||
      changes.drafts.length > 0
    )
      void this.#askOverview.ask(() => this.core.overview({}))
    if (changes.everything || changes.settings) {
      void this.#askPreferences.ask(async () => (await this.core.settings({})).preferences)
      void this.#askDispositions.ask(() => this.core.dispositions({}))
    }
  }

  #takeOverview(overview: Overview): void {
    this.#overview = overview
    const view = this.#view
    const gone = view?.kind === 'queue' && !overview.queues.some(({ id }) => id === view.queue_id)
    if (!view || gone) {
      const first = firstView(overview)
      this.#view = first
      this.list.show(first)
    }
  }

  close(): void {
    for (const stop of this.#stops) stop()
    clearTimeout(this.#timer)
    this.#line.close()
  }
}

/** The sentence that an agent reads about an error, whatever was thrown. */
export function describe(error: unknown): string {
  if (error instanceof CoreError) return error.message
  return t('failed.unexpectedly')
}

function undoOf(answer: unknown): Done['undo_id'] {
  if (typeof answer !== 'object' || answer === null || !('undo_id' in answer)) return null
  return typeof answer.undo_id === 'string' ? answer.undo_id : null
}

/** Where an agent starts: own work if there is any, else the first queue with work. */
function firstView(overview: Overview): View {
  const queue = overview.queues.find(({ total }) => total > 0) ?? overview.queues[0]
  return queue ? { kind: 'queue', queue_id: queue.id } : { kind: 'all' }
}

const key = Symbol('desk')

export function provideDesk(desk: Desk): Desk {
  return setContext(key, desk)
}

/** The desk that App.svelte made; call it while a component is being set up. */
export function useDesk(): Desk {
  return getContext<Desk>(key)
}
