import type { AccountInput, Changes } from '../../src-main/contract/core.ts'
import type { ConnectionTest, Uuid } from '../../src-main/contract/domain.ts'
import type { AgentSettings, Preferences, Settings } from '../../src-main/contract/settings.ts'
import { type Desk, describe } from './desk.svelte.ts'
import { Question } from './question.ts'

/** What Settings shows and changes. Commands throw CoreError: the form shows it beside the field. */
export class SettingsDesk {
  readonly #desk: Desk
  readonly #ask: Question<Settings>
  #current = $state.raw<Settings | null>(null)
  #problem = $state<string | null>(null)

  constructor(desk: Desk) {
    this.#desk = desk
    this.#ask = new Question(
      (settings) => {
        this.#problem = null
        this.#current = settings
      },
      (error) => (this.#problem = describe(error)),
    )
    desk.onChanges((changes: Changes) => {
      if (changes.everything || changes.settings || changes.accounts) void this.#ask.again()
    })
    void this.#ask.ask(() => desk.core.settings({}))
  }

  /** Null until the core has answered. */
  get current(): Settings | null {
    return this.#current
  }
  get problem(): string | null {
    return this.#problem
  }

  async saveAgent(agent: AgentSettings): Promise<void> {
    await this.#desk.core.saveAgent(agent)
    await this.#ask.again()
  }
  async saveAccount(input: AccountInput): Promise<void> {
    await this.#desk.core.saveAccount(input)
    await this.#ask.again()
  }
  async removeAccount(id: string): Promise<void> {
    await this.#desk.core.removeAccount({ account_id: id })
    await this.#ask.again()
  }
  async testAccount(input: AccountInput): Promise<ConnectionTest> {
    return await this.#desk.core.testAccount(input)
  }
  async savePreferences(preferences: Preferences): Promise<void> {
    await this.#desk.core.savePreferences(preferences)
    await this.#ask.again()
  }
  async setUndoSendSeconds(seconds: number): Promise<void> {
    await this.#desk.core.setUndoSendSeconds({ seconds })
    await this.#ask.again()
  }

  async saveQueue(id: Uuid | null, name: string): Promise<void> {
    await this.#desk.core.saveQueue({ id, name })
  }
  async deleteQueue(id: Uuid, moveTo: Uuid): Promise<void> {
    await this.#desk.core.deleteQueue({ id, move_to: moveTo })
  }
  async saveDisposition(id: Uuid | null, name: string): Promise<void> {
    await this.#desk.core.saveDisposition({ id, name })
  }
  async deleteDisposition(id: Uuid): Promise<void> {
    await this.#desk.core.deleteDisposition({ id })
  }

  async sync(id: string, what: 'syncNow' | 'stopSync' | 'resumeSync'): Promise<void> {
    await this.#desk.run(this.#desk.core[what]({ account_id: id }))
  }
}

const ofDesk = new WeakMap<Desk, SettingsDesk>()

/** The one of this desk. */
export function settingsOf(desk: Desk): SettingsDesk {
  const known = ofDesk.get(desk)
  if (known) return known
  const made = new SettingsDesk(desk)
  ofDesk.set(desk, made)
  return made
}
