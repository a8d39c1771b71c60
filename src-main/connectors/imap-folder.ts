import type { ImapFlow, MailboxObject } from 'imapflow'
import type { FolderCursor, FolderKey } from '../store/store.ts'
import type { FetchedMail, MailSourceOptions } from './connector.ts'
import { fetchMails } from './imap-fetch.ts'
import type { ChosenFolder } from './imap-folders.ts'
import { listAll, open, selected, uidsOf } from './imap-mailbox.ts'
import {
  compare,
  type FolderProgress,
  NOTHING_DONE,
  readProgress,
  TURN_MAILS,
  uidSet,
  without,
} from './imap-plan.ts'

/** New mails up to this number are fetched on the line that listens; more are history's work. */
const FEW = 200
/** UIDs asked of the store, or told to it, at once. */
const PAGE = 10_000

/** What a folder needs of its source. */
export type FolderOptions = Pick<
  MailSourceOptions,
  'account' | 'knownUids' | 'takeIn' | 'vanished' | 'log' | 'now'
> & {
  /** How many mails to ask for at once, at most 100. */
  readonly batchMails: () => number
}

interface Fresh {
  readonly all: number[]
  /** Of these, what is asked for and not stored. */
  readonly wanted: number[]
  /** The UID from which on mails weren't looked at. */
  readonly next: number
}

/** What history fetched and `file` is to file, with the UIDVALIDITY that its UIDs belong to. */
export interface HistoryGroup {
  readonly uidvalidity: string
  readonly mails: readonly FetchedMail[]
  /** What broke the fetch off; nothing comes after it. */
  readonly fault?: Error
}

/**
 * One folder during one session: what the server holds against what is stored. New mail has UIDs from
 * `progress.uidNext` on and is fetched by `look`; everything older that is missing stands in `pending`, for
 * history. Both may work at the same time, on two connections.
 */
export class FolderSync {
  readonly path: string
  readonly role: ChosenFolder['role']
  /** Missing mails below `uidNext`, ascending; taken from the end. */
  private pending: number[] = []
  /** Taken from `pending` and not yet committed. */
  private readonly inHand = new Set<number>()
  private readonly committing = new Set<Promise<void>>()
  private uidvalidity: string
  private progress: FolderProgress
  private onServer: number
  private lastLook: number | null
  /** Whether all UIDs were compared with the store, or the cursor says that it isn't needed. */
  private compared: boolean
  private readonly gone = new Set<number>()
  private readonly wereGone = new Set<number>()
  private saved = ''
  private savedAt = 0
  private readonly options: FolderOptions

  constructor(chosen: ChosenFolder, stored: FolderCursor | undefined, options: FolderOptions) {
    this.path = chosen.path
    this.role = chosen.role
    this.options = options
    this.uidvalidity = stored?.uidvalidity ?? ''
    this.progress = readProgress(stored?.cursor)
    this.onServer = stored?.on_server ?? 0
    this.lastLook = stored?.last_look ?? null
    this.compared = this.progress.done && this.progress.since === options.account.since
  }

  /** How many mails are still to be fetched or committed. */
  get outstanding(): number {
    return this.pending.length + this.inHand.size
  }
  get wantsHistory(): boolean {
    return this.pending.length > 0
  }
  get total(): number {
    return this.onServer
  }
  get withheld(): number {
    return this.progress.withheld.length
  }

  private key(): FolderKey {
    return { account_id: this.options.account.id, folder: this.path, uidvalidity: this.uidvalidity }
  }
  private cursor(): FolderCursor {
    return {
      ...this.key(),
      role: this.role,
      cursor: this.progress,
      on_server: this.onServer,
      last_look: this.lastLook,
    }
  }

  /** Files mails and the cursor as it stands now. */
  private async commit(mails: readonly FetchedMail[]): Promise<void> {
    const cursor = this.cursor()
    const committed = this.options.takeIn(mails, cursor)
    this.committing.add(committed)
    try {
      await committed
    } finally {
      this.committing.delete(committed)
    }
    this.saved = fingerprint(cursor)
    this.savedAt = this.options.now()
  }
  /** Saves the cursor if it says something new; a look alone is written down every ten minutes. */
  private async save(): Promise<void> {
    const stale = this.options.now() - this.savedAt > 600_000
    if (stale || fingerprint(this.cursor()) !== this.saved) await this.commit([])
  }

  /** A mail left the folder while it was open; `uid` 0 where the server didn't say which. */
  noteGone(uid: number): void {
    if (uid === 0) this.compared = false
    else if (!this.wereGone.has(uid)) this.gone.add(uid)
  }

  /** Whether STATUS tells anything that isn't known yet; cheaper than opening the folder. */
  async changed(client: ImapFlow): Promise<boolean> {
    if (!this.compared || this.gone.size > 0 || this.withheld > 0) return true
    const status = await client.status(this.path, { messages: true, uidNext: true, uidValidity: true })
    // Refused (the folder was deleted, or may not be asked): opening it says why.
    if (!status) return true
    const same =
      String(status.uidValidity ?? '') === this.uidvalidity &&
      status.messages === this.progress.count &&
      status.uidNext === this.progress.uidNext
    if (same) {
      this.lastLook = this.options.now()
      await this.save()
    }
    return !same
  }

  /**
   * Opens the folder (read-only), fetches a few new mails or leaves many to history, and tells what vanished.
   * `direct`: fetches new mail here however much it is.
   */
  async look(client: ImapFlow, direct: boolean, cancelled: () => boolean): Promise<void> {
    let mailbox = await open(client, this.path)
    await this.follow(mailbox)
    await this.tellGone()
    if (this.compared) await this.retryWithheld(client, cancelled)
    for (let round = 1; this.compared; round += 1) {
      const fresh = await this.fresh(client)
      await this.takeFresh(client, fresh, direct, cancelled)
      if (cancelled()) return
      const { exists } = selected(client, this.path)
      if (exists === this.progress.count) break
      // A mail that arrived meanwhile is found by the next round, a count that imapflow got wrong by
      // opening the folder again; what then still doesn't fit has vanished.
      if (round === 2) {
        mailbox = await open(client, this.path, true)
        await this.follow(mailbox)
      }
      if (round === 3) this.compared = false
    }
    if (!this.compared && this.outstanding === 0) await this.compareAll(client, cancelled)
    if (cancelled()) return
    this.lastLook = this.options.now()
    if (this.outstanding === 0) await this.finish()
    else await this.save()
  }

  /** A new UIDVALIDITY (RFC 9051 section 2.3.1.1): every UID means another mail now. */
  private async follow(mailbox: MailboxObject): Promise<void> {
    const uidvalidity = String(mailbox.uidValidity)
    if (uidvalidity === this.uidvalidity) return
    const former = this.uidvalidity === '' ? [] : [this.uidvalidity]
    if (former.length > 0)
      this.options.log('warn', 'the server numbered a folder anew; it is compared from the start', {
        account: this.options.account.id,
        folder: this.path,
      })
    this.uidvalidity = uidvalidity
    this.progress = {
      ...NOTHING_DONE,
      since: this.options.account.since,
      former: [...this.progress.former, ...former].filter((value) => value !== uidvalidity),
    }
    this.pending = []
    this.inHand.clear()
    this.gone.clear()
    this.wereGone.clear()
    this.compared = false
    // A batch of the old numbering that is committed after one of the new would bring the old one back.
    await Promise.allSettled(this.committing)
  }

  private async tellGone(): Promise<void> {
    if (this.gone.size === 0) return
    const gone = [...this.gone].sort((a, b) => a - b)
    await this.options.vanished(this.key(), gone)
    for (const uid of gone) {
      this.gone.delete(uid)
      this.wereGone.add(uid)
    }
    if (this.wereGone.size > PAGE) this.wereGone.clear()
    const counted = gone.filter((uid) => uid < this.progress.uidNext).length
    this.pending = without(this.pending, gone)
    this.onServer = Math.max(0, this.onServer - counted)
    this.progress = {
      ...this.progress,
      count: Math.max(0, this.progress.count - counted),
      withheld: without(this.progress.withheld, gone),
    }
  }

  /** UIDs from `uidNext` on: all, and those that are wanted and not stored. */
  private async fresh(client: ImapFlow): Promise<Fresh> {
    const { uidNext } = this.progress
    // Before the search: what arrives during it may raise imapflow's own count.
    const next = selected(client, this.path).uidNext
    const from = `${uidNext}:*`
    // `n:*` names the last mail even when its UID is below n (RFC 9051 section 9, seq-range).
    const above = (uids: number[]) => uids.filter((uid) => uid >= uidNext)
    const all = above(await uidsOf(client, { uid: from }))
    const { since } = this.options.account
    const asked = since === null ? all : above(await uidsOf(client, { uid: from, since }))
    const known = asked.length === 0 ? [] : await this.known(uidNext - 1)
    return { all, wanted: without(asked, known), next: Math.max(uidNext, (all.at(-1) ?? 0) + 1, next || 0) }
  }

  private async takeFresh(
    client: ImapFlow,
    { all, wanted, next }: Fresh,
    direct: boolean,
    cancelled: () => boolean,
  ): Promise<void> {
    const advance = (withheld: readonly number[]) => {
      this.onServer += wanted.length
      this.progress = {
        ...this.progress,
        uidNext: next,
        count: this.progress.count + all.length,
        withheld: merge(this.progress.withheld, withheld),
      }
    }
    if (wanted.length > FEW && !direct) {
      this.pending.push(...wanted)
      advance([])
      this.progress = { ...this.progress, done: false }
    } else await this.fetchHere(client, wanted, cancelled, advance)
  }

  /**
   * Fetches and files mails on this line, newest first. `complete` moves the cursor: with the last batch and no
   * sooner, or what a crash left out would never be looked for.
   */
  private async fetchHere(
    client: ImapFlow,
    uids: readonly number[],
    cancelled: () => boolean,
    complete: (withheld: readonly number[]) => void,
  ): Promise<void> {
    const withheld: number[] = []
    let last: readonly FetchedMail[] = []
    const left = uids.toSorted((a, b) => a - b)
    while (left.length > 0) {
      for await (const group of fetchMails(
        client,
        left.splice(-this.options.batchMails()),
        this.options.now,
      )) {
        if (last.length > 0) await this.commit(last)
        last = group.mails
        withheld.push(...group.withheld)
        if (group.fault) throw group.fault
        if (cancelled()) return
      }
    }
    complete(withheld)
    if (last.length > 0) await this.commit(last)
    this.tellWithheld(withheld)
  }

  private async retryWithheld(client: ImapFlow, cancelled: () => boolean): Promise<void> {
    if (this.progress.withheld.length === 0) return
    await this.fetchHere(client, this.progress.withheld, cancelled, (withheld) => {
      this.progress = { ...this.progress, withheld }
    })
  }

  private tellWithheld(uids: readonly number[]): void {
    if (uids.length === 0) return
    this.options.log('warn', 'the server lists mails and does not hand them over; they are asked for again', {
      account: this.options.account.id,
      folder: this.path,
      uids: uidSet(uids),
    })
  }

  /** Compares every UID with the store: finds what is missing after a stop, and what vanished. */
  private async compareAll(client: ImapFlow, cancelled: () => boolean): Promise<void> {
    const { since } = this.options.account
    const { uidNext } = selected(client, this.path)
    const listed = await listAll(client, this.path)
    const wanted = since === null ? listed : await uidsOf(client, { since })
    const { missing, vanished } = compare(listed, wanted, await this.known(0))
    for (let at = 0; at < vanished.length; at += PAGE)
      await this.options.vanished(this.key(), vanished.slice(at, at + PAGE))
    this.onServer = wanted.length
    this.compared = true
    this.progress = {
      ...this.progress,
      uidNext: Math.max((listed.at(-1) ?? 0) + 1, uidNext || 0),
      count: listed.length,
      since,
      done: false,
      withheld: [],
    }
    if (missing.length > FEW) this.pending = missing
    else
      await this.fetchHere(client, missing, cancelled, (withheld) => {
        this.progress = { ...this.progress, done: true, withheld }
      })
  }

  /** All UIDs above `after` that are stored, ascending. */
  private async known(after: number): Promise<number[]> {
    const known: number[] = []
    for (let from = after; ; from = known.at(-1) ?? from) {
      const page = await this.options.knownUids(this.key(), from, PAGE)
      known.push(...page)
      if (page.length < PAGE) return known
    }
  }

  /** Opens the folder and yields its newest missing mails in groups to be filed, `most` mails or a few more. */
  async *history(client: ImapFlow, most = TURN_MAILS): AsyncGenerator<HistoryGroup> {
    const mailbox = await open(client, this.path)
    const { uidvalidity } = this
    if (String(mailbox.uidValidity) !== uidvalidity) {
      this.pending = []
      this.compared = false
      return
    }
    for (let taken = 0; taken < most && this.pending.length > 0;) {
      const uids = this.pending.splice(-this.options.batchMails())
      taken += uids.length
      const left = new Set(uids)
      for (const uid of uids) this.inHand.add(uid)
      for await (const { mails, withheld, fault } of fetchMails(client, uids, this.options.now)) {
        if (uidvalidity !== this.uidvalidity) return
        for (const { uid } of mails) left.delete(uid)
        this.tellWithheld(withheld)
        this.progress = { ...this.progress, withheld: merge(this.progress.withheld, withheld) }
        yield { uidvalidity, mails, ...(fault ? { fault } : {}) }
        if (fault) return
      }
      // Gone from the folder, or withheld.
      for (const uid of left) this.inHand.delete(uid)
    }
  }

  /** Files what `history` gave; nothing where the UIDs mean other mails by now. */
  async file({ uidvalidity, mails }: HistoryGroup): Promise<void> {
    if (uidvalidity !== this.uidvalidity) return
    if (mails.length > 0) await this.commit(mails)
    for (const { uid } of mails) this.inHand.delete(uid)
    if (this.outstanding === 0) await this.finish()
  }

  /** Puts back what was fetched or asked for and not filed, once nothing is being filed any more. */
  putBack(): void {
    this.pending = merge(this.pending, [...this.inHand])
    this.inHand.clear()
  }

  /** Once nothing is left: writes that down, and forgets the places that an earlier UIDVALIDITY named. */
  async finish(): Promise<void> {
    if (!this.compared || this.outstanding > 0) return
    for (const uidvalidity of this.progress.former) {
      const key = { ...this.key(), uidvalidity }
      for (;;) {
        const uids = await this.options.knownUids(key, 0, PAGE)
        if (uids.length === 0) break
        await this.options.vanished(key, uids)
      }
    }
    if (this.outstanding > 0) return
    this.progress = { ...this.progress, done: true, former: [] }
    await this.save()
  }
}

function fingerprint({ last_look: _, ...cursor }: FolderCursor): string {
  return JSON.stringify(cursor)
}

function merge(some: readonly number[], more: readonly number[]): number[] {
  return [...new Set([...some, ...more])].sort((a, b) => a - b)
}
