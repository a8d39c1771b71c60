import { describe } from './desk.svelte.ts'

/** One form's way to the core: under way, done, or refused with a sentence to show beside it. */
export class Saving {
  #state = $state<'idle' | 'saving' | 'saved'>('idle')
  #problem = $state<string | null>(null)

  get state(): 'idle' | 'saving' | 'saved' {
    return this.#state
  }
  get problem(): string | null {
    return this.#problem
  }

  /** True when it worked. */
  async run(action: () => Promise<unknown>): Promise<boolean> {
    this.#state = 'saving'
    this.#problem = null
    try {
      await action()
      this.#state = 'saved'
      return true
    } catch (error) {
      this.#state = 'idle'
      this.#problem = describe(error)
      return false
    }
  }

  /** Something was changed since: what was said no longer holds. */
  touch(): void {
    if (this.#state === 'saved') this.#state = 'idle'
    this.#problem = null
  }
}
