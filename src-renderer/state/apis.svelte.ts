import type { Answers, Requests } from '../../src-main/contract/core.ts'
import type { ApisState, Uuid } from '../../src-main/contract/domain.ts'
import type { ApiSettings } from '../../src-main/contract/settings.ts'
import { t } from '../texts/texts.ts'
import { type Desk, describe } from './desk.svelte.ts'
import { Question } from './question.ts'

/** The APIs that this desk serves: what listens, who may ask, what came of it. Commands throw CoreError. */
export class ServedApis {
  readonly #desk: Desk
  readonly #askState: Question<ApisState>
  readonly #askSettings: Question<ApiSettings>
  #state = $state.raw<ApisState | null>(null)
  #settings = $state.raw<ApiSettings | null>(null)
  #problem = $state<string | null>(null)

  constructor(desk: Desk) {
    this.#desk = desk
    const failed = (error: unknown) => (this.#problem = describe(error))
    this.#askState = new Question((state) => {
      this.#problem = null
      this.#state = state
    }, failed)
    this.#askSettings = new Question((settings) => (this.#settings = settings), failed)
  }

  /** Asks, and follows the core's changes until the returned function is called. */
  follow(): () => void {
    void this.#askState.ask(() => this.#desk.core.apis({}))
    void this.#askSettings.ask(() => this.#desk.core.apiSettings({}))
    return this.#desk.onChanges((changes) => {
      // Every counted request comes by here; the settings are asked again only where they may have changed.
      if (changes.everything || changes.apis) void this.#askState.again()
      if (changes.everything || changes.settings) void this.#askSettings.again()
    })
  }

  /** Null until the core has answered. */
  get state(): ApisState | null {
    return this.#state
  }
  get settings(): ApiSettings | null {
    return this.#settings
  }
  get problem(): string | null {
    return this.#problem
  }

  /** Changes a part of the settings as they are stored now, not as they were when the form was opened. */
  async save(change: (current: ApiSettings) => ApiSettings): Promise<void> {
    const current = await this.#desk.core.apiSettings({})
    await this.#desk.core.saveApiSettings(change(current))
    await Promise.all([this.#askState.again(), this.#askSettings.again()])
  }

  async pause(paused: boolean): Promise<void> {
    await this.#desk.run(
      this.#desk.core.setApisPaused({ paused }),
      t(paused ? 'apis.pausedSaid' : 'apis.resumedSaid'),
    )
    await this.#askState.again()
  }

  async makeKey(input: Requests['makeApiKey']): Promise<Answers['makeApiKey']> {
    const answer = await this.#desk.core.makeApiKey(input)
    void this.#askState.again()
    return answer
  }

  async revokeKey(id: Uuid): Promise<void> {
    await this.#desk.core.revokeApiKey({ id })
    this.#desk.announce(t('keys.revoked'))
    await this.#askState.again()
  }
}
