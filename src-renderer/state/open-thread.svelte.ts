import { SvelteMap, SvelteSet } from 'svelte/reactivity'
import type { Answers, Changes } from '../../src-main/contract/core.ts'
import type {
  HistoryEntry,
  InteractionId,
  MessageBody,
  ThreadDetail,
  ThreadId,
} from '../../src-main/contract/domain.ts'
import { CoreError } from '../../src-main/contract/errors.ts'
import { type Desk, describe } from './desk.svelte.ts'
import { Question } from './question.ts'

/** A message's body on its way: asked for, here, or why not. */
export type BodyState =
  | { readonly state: 'asked' }
  | { readonly state: 'here'; readonly body: MessageBody }
  | { readonly state: 'failed'; readonly problem: string }

// A glance while moving through the list isn't reading.
const readAfter = 700

/** The thread on the right: what is chosen, what the core says about it, which messages are unfolded. */
export class OpenThread {
  readonly #desk: Desk
  readonly #question: Question<ThreadDetail>
  readonly #askHistory: Question<Answers['history']>
  #id = $state<ThreadId | null>(null)
  #detail = $state.raw<ThreadDetail | null>(null)
  #problem = $state<string | null>(null)
  #history = $state.raw<readonly HistoryEntry[] | null>(null)
  #wanted = $state<InteractionId | null>(null)
  #focus = $state(0)
  readonly #bodies = new SvelteMap<InteractionId, BodyState>()
  readonly #unfolded = new SvelteSet<InteractionId>()
  readonly #seen = new SvelteSet<InteractionId>()
  #keptUnread = false
  #readTimer: ReturnType<typeof setTimeout> | undefined

  constructor(desk: Desk) {
    this.#desk = desk
    this.#question = new Question(
      (detail) => this.#take(detail),
      (error) => {
        if (error instanceof CoreError && error.code === 'closed') return
        this.#problem = describe(error)
      },
    )
    this.#askHistory = new Question(
      (history) => (this.#history = history),
      (error) => desk.fail(error),
    )
    desk.onChanges((changes) => this.#follow(changes))
  }

  get id(): ThreadId | null {
    return this.#id
  }
  /** What the core last said about the chosen thread; null until its first answer. */
  get detail(): ThreadDetail | null {
    return this.#id === null ? null : this.#detail
  }
  /** One sentence, where it couldn't be opened. */
  get problem(): string | null {
    return this.#problem
  }
  /** The message to bring into view, where a single one was asked for; else the newest is. */
  get wanted(): InteractionId | null {
    return this.#wanted
  }
  /** Counts up each time the keyboard should go to the thread. */
  get focusWanted(): number {
    return this.#focus
  }

  open(id: ThreadId, message: InteractionId | null = null): void {
    if (id === this.#id) {
      this.#wanted = message
      if (message) this.#unfolded.add(message)
      return
    }
    this.#reset()
    this.#id = id
    this.#wanted = message
    void this.#question.ask(() => this.#desk.core.thread({ thread_id: id }))
  }

  close(): void {
    this.#reset()
    this.#question.stop()
  }

  wantFocus(): void {
    this.#focus++
  }

  /** Asks the core once more, e.g. after a failure. */
  again(): void {
    this.#problem = null
    void this.#question.again()
  }

  // --- messages -----------------------------------------------------------------------------------------

  isUnfolded(id: InteractionId): boolean {
    return this.#unfolded.has(id)
  }
  toggle(id: InteractionId): void {
    if (!this.#unfolded.delete(id)) this.#unfolded.add(id)
  }
  unfoldAll(): void {
    for (const { interaction } of this.#detail?.messages ?? []) this.#unfolded.add(interaction.interaction_id)
  }

  /** The body of a message; the first call asks for it. Safe to call while rendering. */
  bodyOf(id: InteractionId): BodyState {
    return this.#bodies.get(id) ?? { state: 'asked' }
  }
  /** Asks for a message's body, once. */
  async loadBody(id: InteractionId): Promise<void> {
    const known = this.#bodies.get(id)
    if (known && known.state !== 'failed') return
    const thread = this.#id
    this.#bodies.set(id, { state: 'asked' })
    try {
      const body = await this.#desk.core.messageBody({ interaction_id: id })
      if (this.#id === thread) this.#bodies.set(id, { state: 'here', body })
    } catch (error) {
      if (this.#id === thread) this.#bodies.set(id, { state: 'failed', problem: describe(error) })
    }
  }

  /** What was done with the thread's case, newest first; null until asked for and answered. */
  get history(): readonly HistoryEntry[] | null {
    return this.#history
  }
  loadHistory(): void {
    const id = this.detail?.case_interaction_id
    if (id) void this.#askHistory.ask(() => this.#desk.core.history({ interaction_id: id }))
  }

  /** The agent wants it unread: looking at it on must not mark it read again. */
  keepUnread(): void {
    this.#keptUnread = true
    clearTimeout(this.#readTimer)
  }

  #reset(): void {
    clearTimeout(this.#readTimer)
    this.#id = null
    this.#detail = null
    this.#problem = null
    this.#history = null
    this.#wanted = null
    this.#keptUnread = false
    this.#bodies.clear()
    this.#unfolded.clear()
    this.#seen.clear()
    this.#askHistory.stop()
  }

  #take(detail: ThreadDetail): void {
    this.#problem = null
    const first = this.#seen.size === 0
    const newest = detail.messages.at(-1)
    for (const message of detail.messages) {
      const id = message.interaction.interaction_id
      if (this.#seen.has(id)) continue
      this.#seen.add(id)
      if (!first || message.unread || message === newest || id === this.#wanted) this.#unfolded.add(id)
    }
    this.#detail = detail
    // It may have been merged into another thread since it was asked for.
    this.#id = detail.thread_id
    if (this.#history) this.loadHistory()
    if (detail.messages.some(({ unread }) => unread)) this.#markReadSoon(detail.thread_id)
  }

  #markReadSoon(id: ThreadId): void {
    if (this.#keptUnread) return
    clearTimeout(this.#readTimer)
    this.#readTimer = setTimeout(() => {
      if (this.#id !== id || this.#keptUnread || document.visibilityState === 'hidden') return
      // Not through run(): nobody asked for it, so there is nothing to announce or to undo.
      this.#desk.core.setRead({ threads: [id], read: true }).catch((error: unknown) => this.#desk.fail(error))
    }, readAfter)
  }

  #follow(changes: Changes): void {
    const id = this.#id
    if (!id) return
    const touched =
      changes.everything ||
      changes.outbox ||
      // After a merge the change names the other thread, which holds ours now.
      changes.threads.length > 0 ||
      changes.drafts.length > 0 ||
      changes.contacts.length > 0
    if (touched) void this.#question.again()
    if (changes.everything)
      for (const [message, body] of this.#bodies) if (body.state === 'failed') void this.loadBody(message)
  }
}
