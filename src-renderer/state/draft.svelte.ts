import type { Draft, DraftKind, InteractionId, Uuid } from '../../src-main/contract/domain.ts'
import type { Desk } from './desk.svelte.ts'

/** The draft in the composer. */
export class DraftDesk {
  readonly #desk: Desk
  #current = $state.raw<Draft | null>(null)

  constructor(desk: Desk) {
    this.#desk = desk
  }

  get current(): Draft | null {
    return this.#current
  }

  async open(kind: DraftKind, parentId: InteractionId | null): Promise<void> {
    this.#current = await this.#desk.run(this.#desk.core.startDraft({ kind, parent_id: parentId }))
  }

  async openDraft(id: Uuid): Promise<void> {
    this.#current = await this.#desk.run(this.#desk.core.draft({ draft_id: id }))
  }
}
