import type {
  Delivery,
  DraftKind,
  InteractionId,
  ListRow,
  Message,
  ThreadId,
  Uuid,
  View,
  WorkAction,
  Workbin,
} from '../../src-main/contract/domain.ts'
import { t } from '../texts/texts.ts'
import type { DeliveryAction } from '../thread/delivery.ts'
import { mailtoAddresses } from '../thread/linkify.ts'
import type { Desk } from './desk.svelte.ts'

/** What the desk asks the agent in a dialog of its own. */
export type Asking = 'done' | 'move' | 'palette' | 'help' | 'import' | 'activity' | null

/** What can be done with threads: the selected ones, else the open one. Everything here can be undone. */
export class Work {
  readonly #desk: Desk
  #asking = $state<Asking>(null)
  #link = $state.raw<{ readonly url: string; readonly text: string } | null>(null)

  constructor(desk: Desk) {
    this.#desk = desk
  }

  get asking(): Asking {
    return this.#asking
  }
  ask(asking: Asking): void {
    this.#asking = asking
  }

  /** The link that the agent is asked about. */
  get link(): { readonly url: string; readonly text: string } | null {
    return this.#link
  }
  askLink(url: string, text: string): void {
    this.#link = URL.canParse(url) ? { url, text } : null
  }
  dropLink(): void {
    this.#link = null
  }

  /** The threads that the next action is about. */
  get threads(): readonly ThreadId[] {
    const { list, thread } = this.#desk
    if (list.selected.size > 0) return list.selectedThreads
    return thread.id ? [thread.id] : []
  }
  get selecting(): boolean {
    return this.#desk.list.selected.size > 0
  }

  /** Whether `action` is allowed now: for one thread as the core says, for several where it fits one of them. */
  can(action: WorkAction): boolean {
    if (this.#desk.screen !== 'desk') return false
    if (this.selecting) {
      const agent = this.#desk.overview?.agent.id ?? null
      return this.#desk.list.selectedRows.some((row) => fits(row, action, agent))
    }
    return this.#desk.thread.detail?.actions.includes(action) ?? false
  }

  async accept(): Promise<void> {
    const threads = this.threads
    if (!this.can('accept')) return
    const said = t('accepted', { count: threads.length })
    await this.#desk.run(this.#desk.core.accept({ threads: [...threads] }), said)
    this.#desk.list.clearSelection()
  }

  async release(): Promise<void> {
    const threads = this.threads
    if (!this.can('release')) return
    await this.#leave(
      threads,
      (ids) => this.#desk.core.release({ threads: ids }),
      t('released', { count: threads.length }),
    )
  }

  async moveToQueue(id: Uuid, name: string): Promise<void> {
    const threads = this.threads
    const said = t('moved.to', { count: threads.length, place: name })
    await this.#leave(threads, (ids) => this.#desk.core.moveToQueue({ threads: ids, queue_id: id }), said)
  }

  async moveToWorkbin(workbin: Workbin, name: string): Promise<void> {
    const threads = this.threads
    const said = t('moved.to', { count: threads.length, place: name })
    await this.#leave(threads, (ids) => this.#desk.core.moveToWorkbin({ threads: ids, workbin }), said)
  }

  /** Asks for the disposition where there are any, else marks Done at once. */
  askDone(): void {
    if (!this.can('mark-done')) return
    if (this.#desk.dispositions.length > 0) this.ask('done')
    else void this.markDone(null)
  }

  async markDone(disposition: Uuid | null): Promise<void> {
    const threads = this.threads
    const said = t('marked.done', { count: threads.length })
    await this.#leave(
      threads,
      (ids) => this.#desk.core.markDone({ threads: ids, disposition_id: disposition }),
      said,
    )
  }

  async markUnread(): Promise<void> {
    const threads = this.threads
    if (threads.length === 0) return
    const { thread } = this.#desk
    if (thread.id && threads.includes(thread.id)) thread.keepUnread()
    await this.#desk.run(
      this.#desk.core.setRead({ threads: [...threads], read: false }),
      t('marked.unread', { count: threads.length }),
    )
    this.#desk.list.clearSelection()
  }

  /** Answers or forwards: the given message, else the newest one that came in, else the newest. */
  compose(kind: DraftKind, parent: InteractionId | null = null): void {
    if (kind === 'new') {
      void this.#desk.compose.open('new', null)
      this.#desk.pane = 'thread'
      return
    }
    const detail = this.#desk.thread.detail
    if (!detail?.actions.includes(kind)) return
    const id = parent ?? answered(detail.messages)?.interaction.interaction_id
    if (!id) return
    this.#desk.pane = 'thread'
    // What was begun goes on; only Reply on a certain message begins another answer beside it.
    const begun = parent
      ? undefined
      : detail.drafts.find((draft) => draft.kind === kind && draft.owner_id === this.#desk.overview?.agent.id)
    if (begun) void this.#desk.compose.openDraft(begun.id)
    else void this.#desk.compose.open(kind, id)
  }

  /** Opens a link after the agent has agreed: an address to write to here, a site outside. */
  async openLink(url: string): Promise<void> {
    const to = mailtoAddresses(url)
    if (to !== null) {
      this.#desk.pane = 'thread'
      await this.#desk.compose.open('new', null, to)
    } else if (this.#desk.overview?.host === 'browser') open(url, '_blank', 'noopener,noreferrer')
    else await this.#desk.run(this.#desk.core.openLink({ url }))
  }

  /** Does what an agent decided about an outbound mail on its way. */
  async settle(delivery: Delivery, action: DeliveryAction): Promise<void> {
    const { core, compose } = this.#desk
    const outbox = { outbox_id: delivery.outbox_id }
    switch (action) {
      case 'undo':
      case 'take-back': {
        const draft = await this.#desk.run(
          action === 'undo' ? core.undoSend(outbox) : core.takeBack(outbox),
          t('delivery.undo.said'),
        )
        if (draft) await compose.openDraft(draft.id)
        return
      }
      case 'retry':
        await this.#desk.run(core.retrySend(outbox), t('delivery.retry.said'))
        return
      case 'was-sent':
        await this.#desk.run(
          core.resolveUnknown({ ...outbox, answer: 'was-sent' }),
          t('delivery.was.sent.said'),
        )
        return
      case 'send-again':
        await this.#desk.run(
          core.resolveUnknown({ ...outbox, answer: 'send-again' }),
          t('delivery.send.again.said'),
        )
        return
    }
  }

  // --- moving about -------------------------------------------------------------------------------------

  /** Shows what a row of the list stands for. */
  open(row: ListRow, { focus = false, draft = true } = {}): void {
    const { thread, compose } = this.#desk
    if (row.thread_id) thread.open(row.thread_id, row.kind === 'message' ? row.interaction_id : null)
    else thread.close()
    if (row.draft_id && draft) void compose.openDraft(row.draft_id)
    if (focus) {
      this.#desk.pane = 'thread'
      thread.wantFocus()
    }
  }

  /** Moves the cursor by `step` rows and shows what it stands on, where list and thread are seen together. */
  step(step: number, extend = false): void {
    const { list, thread } = this.#desk
    const from = list.cursor === null ? (step > 0 ? -1 : list.rows.length) : list.cursorIndex
    // What was read here has left the list: the row that took its place is the next one.
    const left = list.cursor !== null && thread.id !== null && !list.holds(thread.id)
    const row = list.moveTo(left && step > 0 && !extend ? from + step - 1 : from + step, extend)
    // A draft would take the keyboard, and the next j would be written into it: Enter opens it.
    if (row && !extend && this.#desk.layout !== 'narrow') this.open(row, { draft: false })
  }

  /** Does `command` to the threads and goes on to the next row, since these leave the list. */
  async #leave(
    threads: readonly ThreadId[],
    command: (ids: ThreadId[]) => Promise<unknown>,
    said: string,
  ): Promise<void> {
    const ids = [...threads]
    if (ids.length === 0) return
    const { list, thread } = this.#desk
    const open = thread.id
    const next = open && ids.includes(open) && !this.selecting ? list.next(open) : null
    this.ask(null)
    const answer = await this.#desk.run(command(ids), said)
    if (answer === null) return
    list.clearSelection()
    // The agent may have gone elsewhere while the core worked.
    if (!open || thread.id !== open || !ids.includes(open)) return
    if (next && this.#desk.layout !== 'narrow') {
      list.moveTo(list.rows.findIndex(({ key }) => key === next.key))
      this.open(next)
    } else if (this.#desk.layout === 'narrow') {
      this.#desk.pane = 'list'
      thread.close()
    }
  }
}

/** Whether an action fits where a row's thread stands, as far as the list knows; the core has the last word. */
export function fits(row: ListRow, action: WorkAction, agent: number | null): boolean {
  if (!row.thread_id) return false
  switch (action) {
    case 'accept':
      return row.place.kind === 'queue'
    case 'release':
      return row.place.kind === 'workbin' && row.place.owner_id === agent
    case 'move':
      return true
    case 'mark-done':
      return row.place.kind === 'queue' || (row.place.kind === 'workbin' && row.place.owner_id === agent)
    case 'mark-unread':
      return true
    default:
      return false
  }
}

/** The message that a reply answers: the newest inbound one, else the newest. */
export function answered(messages: readonly Message[]): Message | undefined {
  return messages.findLast(({ direction }) => direction === 'in') ?? messages.at(-1)
}

/** What a view is called, in the agent's words. */
export function viewName(
  view: View,
  queues: readonly { readonly id: Uuid; readonly name: string }[],
): string {
  switch (view.kind) {
    case 'queue':
      return queues.find(({ id }) => id === view.queue_id)?.name ?? t('queue')
    case 'workbin':
      return workbinName(view.workbin, view.team)
    case 'outbox':
      return t('outbox')
    case 'held-back':
      return t('held.back')
    case 'done':
      return t('done')
    case 'all':
      return t('all.mail')
  }
}

export function workbinName(workbin: Workbin | 'drafts', team = false): string {
  switch (workbin) {
    case 'in-progress':
      return t(team ? 'team.in.progress' : 'my.in.progress')
    case 'drafts':
      return t(team ? 'team.drafts' : 'my.drafts')
    case 'review':
      return t(team ? 'team.review' : 'review')
  }
}
