import type { Requests } from '../../src-main/contract/core.ts'
import type { RemoteMail, RemoteMailHead, UserData } from '../../src-main/contract/domain.ts'
import { t } from '../texts/texts.ts'
import { type Desk, describe } from './desk.svelte.ts'
import { Question } from './question.ts'

export type MailFilter = Requests['remoteMails']['status']
/** Whose mailbox, where. */
export interface MailboxPlace {
  readonly remoteId: string
  readonly address: string
  readonly box: string
}

const pageSize = 50

/** A mail that was asked for: on its way, here, or why not. */
export type LookedAt =
  | { readonly state: 'asked' }
  | { readonly state: 'here'; readonly mail: RemoteMail }
  | { readonly state: 'failed'; readonly problem: string }

/**
 * A customer's mailbox in a remote system, page by page. Looking changes nothing there: only `openMail` may mark a
 * mail read, and only where the remote is set so.
 */
export class RemoteMailbox {
  readonly #desk: Desk
  readonly #askList: Question<{
    mails: readonly RemoteMailHead[]
    more: boolean
    fresh: boolean
  }>
  readonly #askCount: Question<number>
  readonly #askMail: Question<RemoteMail>
  readonly #askUserData: Question<UserData>
  #place = $state.raw<MailboxPlace | null>(null)
  #filter = $state<MailFilter>('all')
  #mails = $state.raw<readonly RemoteMailHead[]>([])
  #more = $state(false)
  #count = $state<number | null>(null)
  #asking = $state(false)
  #known = $state(false)
  #problem = $state<string | null>(null)
  #chosen = $state<string | null>(null)
  #looked = $state.raw<LookedAt | null>(null)
  #userData = $state.raw<UserData | null>(null)
  #userDataProblem = $state<string | null>(null)

  constructor(desk: Desk) {
    this.#desk = desk
    this.#askList = new Question(
      ({ mails, more, fresh }) => {
        const before = fresh ? [] : this.#mails
        // A mail that came meanwhile moves the pages: what was there already isn't shown twice.
        const added = mails.filter(({ id }) => !before.some((mail) => mail.id === id))
        this.#mails = [...before, ...added]
        this.#more = more && added.length > 0
        this.#asking = false
        this.#known = true
        this.#problem = null
      },
      (error) => {
        this.#asking = false
        this.#problem = describe(error)
      },
    )
    this.#askCount = new Question(
      (count) => (this.#count = count),
      // The list says what is wrong.
      () => (this.#count = null),
    )
    this.#askMail = new Question(
      (mail) => (this.#looked = { state: 'here', mail }),
      (error) => (this.#looked = { state: 'failed', problem: describe(error) }),
    )
    this.#askUserData = new Question(
      (udata) => (this.#userData = udata),
      (error) => (this.#userDataProblem = describe(error)),
    )
  }

  // --- the list -----------------------------------------------------------------------------------------

  /** Null until a mailbox was asked for. */
  get place(): MailboxPlace | null {
    return this.#place
  }
  get filter(): MailFilter {
    return this.#filter
  }
  get mails(): readonly RemoteMailHead[] {
    return this.#mails
  }
  /** There is more than what was asked for. */
  get more(): boolean {
    return this.#more
  }
  /** How many mails the remote counts under the filter; null while it isn't known. */
  get count(): number | null {
    return this.#count
  }
  get asking(): boolean {
    return this.#asking
  }
  /** The remote has answered for this mailbox and filter. */
  get known(): boolean {
    return this.#known
  }
  get problem(): string | null {
    return this.#problem
  }

  show(place: MailboxPlace): void {
    this.#place = place
    this.#restart()
  }
  setFilter(filter: MailFilter): void {
    if (filter === this.#filter) return
    this.#filter = filter
    if (this.#place) this.#restart()
  }
  /** Asks for the mailbox once more. */
  again(): void {
    if (this.#place) this.#restart()
  }

  /** Asks for the next page when row `to` comes near the end of what is here. */
  see(to: number): void {
    if (this.#asking || !this.#more || this.#problem !== null) return
    if (to > this.#mails.length - 15) this.#page(false)
  }
  /** Goes on where a page failed. */
  goOn(): void {
    this.#problem = null
    if (this.#mails.length === 0) this.#restart()
    else this.#page(false)
  }

  #restart(): void {
    this.#mails = []
    this.#more = false
    this.#known = false
    this.#count = null
    this.#problem = null
    this.leave()
    this.#page(true)
    const place = this.#place
    if (!place) return
    void this.#askCount.ask(
      async () => (await this.#desk.core.countRemoteMails({ ...where(place), status: this.#filter })).count,
    )
  }

  #page(fresh: boolean): void {
    const place = this.#place
    if (!place) return
    this.#asking = true
    const index = fresh ? 0 : this.#mails.length
    void this.#askList.ask(async () => {
      const { mails, more } = await this.#desk.core.remoteMails({
        ...where(place),
        status: this.#filter,
        index,
        count: pageSize,
      })
      return { mails, more, fresh }
    })
  }

  // --- one mail -----------------------------------------------------------------------------------------

  /** The id of the mail that is looked at. */
  get chosen(): string | null {
    return this.#chosen
  }
  get head(): RemoteMailHead | null {
    return this.#mails.find(({ id }) => id === this.#chosen) ?? null
  }
  get looked(): LookedAt | null {
    return this.#looked
  }
  /** What was attached to the mail that is looked at; null until asked for and answered. */
  get userData(): UserData | null {
    return this.#userData
  }
  get userDataProblem(): string | null {
    return this.#userDataProblem
  }

  /** Shows a mail without opening it: nothing changes there. */
  look(id: string): void {
    if (id === this.#chosen && this.#looked?.state !== 'failed') return
    void this.#ask(id, false)
  }
  /** The agent opens a mail: it is marked read there where the remote is set so. */
  async openMail(id: string): Promise<void> {
    await this.#ask(id, true)
    if (this.#chosen !== id || this.#looked?.state !== 'here') return
    const { read } = this.#looked.mail
    if (read === true) this.#change(id, { read })
  }
  leave(): void {
    this.#askMail.stop()
    this.#askUserData.stop()
    this.#chosen = null
    this.#looked = null
    this.#userData = null
    this.#userDataProblem = null
  }
  loadUserData(): void {
    const id = this.#chosen
    const place = this.#place
    if (id === null || !place) return
    this.#userDataProblem = null
    void this.#askUserData.ask(
      async () => (await this.#desk.core.remoteMailUserData({ remote_id: place.remoteId, id })).udata,
    )
  }

  async #ask(id: string, open: boolean): Promise<void> {
    const place = this.#place
    if (!place) return
    if (id !== this.#chosen) {
      this.leave()
      this.#chosen = id
      this.#looked = { state: 'asked' }
    }
    await this.#askMail.ask(() => this.#desk.core.remoteMail({ remote_id: place.remoteId, id, open }))
  }

  /** Begins an answer to the mail that is looked at; it goes into the same mailbox. */
  async answer(): Promise<void> {
    if (this.#looked?.state !== 'here') return
    const { id, subject } = this.#looked.mail
    await this.#write(id, (/^re:/iu.test(subject) ? subject : `Re: ${subject}`).slice(0, 998))
  }
  /** Begins a new mail into the mailbox. */
  async write(): Promise<void> {
    await this.#write(null, '')
  }
  async #write(parent: string | null, subject: string): Promise<void> {
    const place = this.#place
    if (!place) return
    await this.#desk.compose.openRemote(
      place.remoteId,
      { kind: 'secure-mail', address: place.address, box: place.box, parent_id: parent },
      { to: [{ address: place.address }], subject },
    )
  }

  /** Marks read, takes out of the list, or purges for ever. */
  async remove(id: string, how: Requests['removeRemoteMail']['how']): Promise<boolean> {
    const place = this.#place
    if (!place) return false
    const said = { read: 'mailbox.opened', delete: 'mailbox.deleted', purge: 'mailbox.purged' } as const
    const done = await this.#desk.run(
      this.#desk.core.removeRemoteMail({ remote_id: place.remoteId, id, how }).then(() => true),
      t(said[how]),
    )
    if (done === null || this.#place !== place) return done !== null
    if (how === 'read') this.#change(id, { read: true })
    else this.#takeOut(id)
    return true
  }

  #change(id: string, part: Partial<RemoteMailHead>): void {
    const before = this.#mails.find((mail) => mail.id === id)
    if (part.read === true && before?.read === false && this.#filter === 'unread' && this.#count)
      this.#count--
    // Under “unread” it stays until the list is asked again: what is being read must not vanish.
    this.#mails = this.#mails.map((mail) => (mail.id === id ? { ...mail, ...part } : mail))
    if (this.#looked?.state === 'here' && this.#looked.mail.id === id)
      this.#looked = { state: 'here', mail: { ...this.#looked.mail, ...part } }
  }

  #takeOut(id: string): void {
    const at = this.#mails.findIndex((mail) => mail.id === id)
    const next = this.#mails[at + 1] ?? this.#mails[at - 1]
    this.#mails = this.#mails.filter((mail) => mail.id !== id)
    if (this.#count) this.#count--
    if (this.#chosen !== id) return
    this.leave()
    if (next) this.look(next.id)
  }
}

function where({ remoteId, address, box }: MailboxPlace) {
  return { remote_id: remoteId, address, box }
}
