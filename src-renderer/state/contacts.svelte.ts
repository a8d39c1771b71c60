import type { Changes, ContactInput } from '../../src-main/contract/core.ts'
import type { Contact, ListRow } from '../../src-main/contract/domain.ts'
import { t } from '../texts/texts.ts'
import { type Desk, describe } from './desk.svelte.ts'
import { Question } from './question.ts'

const PAGE = 20

/** The contact of the open thread, with the threads that were had with it. */
export class ContactFile {
  readonly #desk: Desk
  readonly #askContact: Question<Contact>
  readonly #askHistory: Question<{ rows: readonly ListRow[]; next: string | null; from: string | null }>
  #id: string | null = null
  #contact = $state.raw<Contact | null>(null)
  #threads = $state.raw<readonly ListRow[]>([])
  #next = $state<string | null>(null)
  #problem = $state<string | null>(null)

  constructor(desk: Desk) {
    this.#desk = desk
    const failed = (error: unknown) => (this.#problem = describe(error))
    this.#askContact = new Question((contact) => (this.#contact = contact), failed)
    this.#askHistory = new Question(({ rows, next, from }) => {
      this.#threads = from === null ? rows : [...this.#threads, ...rows]
      this.#next = next
    }, failed)
  }

  /** Follows the core's changes until the returned function is called. */
  follow(): () => void {
    return this.#desk.onChanges((changes) => this.#changed(changes))
  }

  get contact(): Contact | null {
    return this.#contact
  }
  get threads(): readonly ListRow[] {
    return this.#threads
  }
  get more(): boolean {
    return this.#next !== null
  }
  get problem(): string | null {
    return this.#problem
  }

  show(id: string): void {
    if (id === this.#id) return
    this.#id = id
    this.#contact = null
    this.#threads = []
    this.#next = null
    this.#problem = null
    void this.#askContact.ask(() => this.#desk.core.contact({ contact_id: id }))
    this.#page(null)
  }

  showMore(): void {
    if (this.#next !== null) this.#page(this.#next)
  }

  /** Throws CoreError, to be shown beside the form. */
  async save(input: ContactInput): Promise<void> {
    await this.#desk.core.saveContact(input)
    this.#desk.announce(t('contact.saved'))
    await this.#askContact.again()
  }

  #page(after: string | null): void {
    const id = this.#id
    if (id === null) return
    void this.#askHistory.ask(async () => {
      const { rows, next } = await this.#desk.core.contactHistory({ contact_id: id, after, limit: PAGE })
      return { rows, next, from: after }
    })
  }

  #changed(changes: Changes): void {
    const id = this.#id
    if (id === null) return
    if (changes.everything || changes.contacts.includes(id)) void this.#askContact.again()
    // The first page holds what is new; further pages stay as they were read.
    if (changes.everything || changes.lists) this.#page(null)
  }
}
