import type { Changes } from '../../src-main/contract/core.ts'
import type { ThreadDetail, ThreadId } from '../../src-main/contract/domain.ts'
import { CoreError } from '../../src-main/contract/errors.ts'
import { type Desk, describe } from './desk.svelte.ts'
import { Question } from './question.ts'

/** The thread on the right: what is chosen, what the core says about it, what failed. */
export class OpenThread {
  readonly #desk: Desk
  readonly #question: Question<ThreadDetail>
  #id = $state<ThreadId | null>(null)
  #detail = $state.raw<ThreadDetail | null>(null)
  #problem = $state<string | null>(null)

  constructor(desk: Desk) {
    this.#desk = desk
    this.#question = new Question(
      (detail) => {
        this.#problem = null
        this.#detail = detail
        // It may have been merged into another thread since it was asked for.
        this.#id = detail.thread_id
      },
      (error) => {
        if (error instanceof CoreError && error.code === 'closed') return
        this.#problem = describe(error)
      },
    )
    desk.onChanges((changes) => this.#follow(changes))
  }

  get id(): ThreadId | null {
    return this.#id
  }
  /** What the core last said about the chosen thread; null until its first answer. */
  get detail(): ThreadDetail | null {
    return this.#detail?.thread_id === this.#id ? this.#detail : null
  }
  /** One sentence, where it couldn't be opened. */
  get problem(): string | null {
    return this.#problem
  }

  open(id: ThreadId): void {
    if (id === this.#id) return
    this.#id = id
    this.#problem = null
    void this.#question.ask(() => this.#desk.core.thread({ thread_id: id }))
  }

  close(): void {
    this.#question.stop()
    this.#id = null
    this.#detail = null
    this.#problem = null
  }

  /** Asks the core once more, e.g. after a failure. */
  again(): void {
    void this.#question.again()
  }

  #follow(changes: Changes): void {
    const id = this.#id
    if (!id) return
    // A merge touches the thread under both ids; the outbox under none.
    if (changes.everything || changes.outbox || changes.threads.includes(id)) void this.#question.again()
    else if (changes.drafts.length > 0 || changes.contacts.length > 0) void this.#question.again()
  }
}
