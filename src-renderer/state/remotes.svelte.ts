import type { Answers, Requests } from '../../src-main/contract/core.ts'
import type { RemoteState, RemoteTest } from '../../src-main/contract/domain.ts'
import { type Desk, describe } from './desk.svelte.ts'
import { Question } from './question.ts'

/** The remote systems: how each is doing, and what it can do. Commands throw CoreError. */
export class Remotes {
  readonly #desk: Desk
  readonly #ask: Question<readonly RemoteState[]>
  #all = $state.raw<readonly RemoteState[]>([])
  #known = $state(false)
  #problem = $state<string | null>(null)

  constructor(desk: Desk) {
    this.#desk = desk
    this.#ask = new Question(
      (remotes) => {
        this.#all = remotes
        this.#known = true
        this.#problem = null
      },
      // Only Settings says so: whoever has no remote should not read about them.
      (error) => (this.#problem = describe(error)),
    )
    desk.onChanges((changes) => {
      if (changes.everything || changes.remotes || changes.settings) void this.#ask.again()
    })
    void this.#ask.ask(() => desk.core.remotes({}))
  }

  get all(): readonly RemoteState[] {
    return this.#all
  }
  /** The core has answered. */
  get known(): boolean {
    return this.#known
  }
  get problem(): string | null {
    return this.#problem
  }
  /** Those through which an agent can look into a customer's mailbox. */
  get mailboxes(): readonly RemoteState[] {
    return this.#all.filter(({ capabilities }) => capabilities.mailbox)
  }
  /** Those that an interaction's history can be taken over from. */
  get histories(): readonly RemoteState[] {
    return this.#all.filter(({ capabilities }) => capabilities.pull)
  }
  /** Those that take an agent's mail in this way. */
  senders(kind: RemoteState['kind']): readonly RemoteState[] {
    return this.#all.filter((remote) => remote.kind === kind && remote.capabilities.send)
  }
  byId(id: string): RemoteState | null {
    return this.#all.find((remote) => remote.id === id) ?? null
  }

  async save(input: Requests['saveRemote']): Promise<void> {
    await this.#desk.core.saveRemote(input)
    await this.#ask.again()
  }
  async remove(id: string): Promise<void> {
    await this.#desk.core.removeRemote({ id })
    await this.#ask.again()
  }
  async test(input: Requests['testRemote']): Promise<RemoteTest> {
    return await this.#desk.core.testRemote(input)
  }
  async look(id: string): Promise<void> {
    await this.#desk.run(this.#desk.core.syncRemote({ id }))
  }
  /** Takes over a customer's history. Throws CoreError, to be shown beside the question. */
  async pull(remoteId: string, customerId: string): Promise<Answers['pullCustomer']> {
    return await this.#desk.core.pullCustomer({ remote_id: remoteId, customer_id: customerId })
  }
}
