/**
 * One thing that is asked again and again. A newer question wins over an older answer; `again` never lets
 * more than one repetition wait, so that a storm of changes costs one question at a time.
 */
export class Question<T> {
  readonly #take: (answer: T) => void
  readonly #fail: (error: unknown) => void
  #number = 0
  #ask: (() => Promise<T>) | null = null
  #running = false
  #repeats = 0

  constructor(take: (answer: T) => void, fail: (error: unknown) => void) {
    this.#take = take
    this.#fail = fail
  }

  /** Asks `ask` now; what was asked before is forgotten. */
  async ask(ask: () => Promise<T>): Promise<void> {
    this.#ask = ask
    const number = ++this.#number
    const repeats = this.#repeats
    this.#running = true
    try {
      const answer = await ask()
      if (number === this.#number) this.#take(answer)
    } catch (error) {
      if (number === this.#number) this.#fail(error)
    } finally {
      if (number === this.#number) {
        this.#running = false
        if (this.#repeats !== repeats) void this.again()
      }
    }
  }

  /** Asks the last question once more: at once, or after the answer that is under way. */
  async again(): Promise<void> {
    if (!this.#ask) return
    if (this.#running) this.#repeats++
    else await this.ask(this.#ask)
  }

  /** Forgets the question and the answer that is under way. */
  stop(): void {
    this.#number++
    this.#ask = null
    this.#running = false
  }
}
