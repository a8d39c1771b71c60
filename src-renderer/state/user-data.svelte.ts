import { z } from 'zod'
import type { HistoryEntry, UserData, UserDataValue } from '../../src-main/contract/domain.ts'
import { t } from '../texts/texts.ts'
import type { Desk } from './desk.svelte.ts'

// What the page may only read is written as the contract's schema types it: plain JSON.
const plain = z.record(z.string(), z.json())

/** The user data of the open thread's case. Every change is kept with who and when, and can be undone. */
export class CaseDesk {
  readonly #desk: Desk

  constructor(desk: Desk) {
    this.#desk = desk
  }

  get data(): UserData | null {
    return this.#desk.thread.detail?.udata ?? null
  }
  get editable(): boolean {
    return this.#desk.thread.detail?.actions.includes('edit-user-data') ?? false
  }
  /** Changes of user data, newest first; null while they are on their way. */
  get history(): readonly HistoryEntry[] | null {
    return this.#desk.thread.history?.filter(({ key }) => key !== null) ?? null
  }
  loadHistory(): void {
    this.#desk.thread.loadHistory()
  }

  /** True when it is stored; what went wrong is shown by the desk. */
  async set(key: string, value: UserDataValue): Promise<boolean> {
    const known = this.data !== null && Object.hasOwn(this.data, key)
    return await this.#change({ [key]: value }, [], t(known ? 'caseData.saved' : 'caseData.added', { key }))
  }
  async remove(key: string): Promise<boolean> {
    return await this.#change({}, [key], t('caseData.removed', { key }))
  }

  async #change(set: Record<string, UserDataValue>, remove: string[], said: string): Promise<boolean> {
    const id = this.#desk.thread.detail?.case_interaction_id
    if (id === undefined) return false
    const command = this.#desk.core.setUserData({ interaction_id: id, set: plain.parse(set), remove })
    const done = await this.#desk.run(command, said)
    if (done === null) return false
    this.#desk.thread.again()
    return true
  }
}
