import type {
  Address,
  Attachment,
  Instant,
  InteractionId,
  RecipientOutcome,
  RemoteCapabilities,
  RemoteMail,
  RemoteMailHead,
  RemoteTarget,
  RemoteTest,
  UserData,
} from '../contract/domain.ts'
import type { Account } from '../contract/settings.ts'
import type { ApiInteraction } from '../store/api-store.ts'
import type { PulledInteraction } from '../store/remote-store.ts'
import type { Envelope, FolderCursor, FolderKey } from '../store/store.ts'

/**
 * What the desk asks of the other side. A connector speaks one protocol, knows neither store nor page,
 * hands what it fetched to `TakeIn` and says what it is doing through `report`. Capabilities decide what the
 * page offers.
 */
export interface MailSource {
  /** Connects, syncs newest first, then listens (IDLE, else polling) until stopped; reconnects by itself with backoff. */
  start(): void
  /** Stops cleanly: what was handed over is finished, nothing is half-done. */
  stop(): Promise<void>
  /** Looks at every folder now. */
  lookNow(): void
  /** Pauses a long first sync; new mail still arrives. */
  pauseHistory(): void
  resumeHistory(): void
  /** Appends a sent mail to the Sent folder unless its Message-ID is there already. */
  fileSent(messageId: string, mime: Uint8Array): Promise<'filed' | 'already-there' | 'no-sent-folder'>
  /** Whether the Sent folder holds this Message-ID; null when it can't be told now (offline, no Sent folder). */
  findInSent(messageId: string): Promise<boolean | null>
}

export interface MailSourceOptions {
  readonly account: Account
  readonly password: () => Promise<string | null>
  /** What is stored of this account's folders already; asked on each connect. */
  readonly cursors: () => Promise<readonly FolderCursor[]>
  /** UIDs that are stored already, ascending, at most `limit` above `after`. */
  readonly knownUids: (folder: FolderKey, after: number, limit: number) => Promise<readonly number[]>
  /** Files fetched mails and the cursor in one transaction. Resolves after the commit. */
  readonly takeIn: TakeIn
  readonly vanished: (folder: FolderKey, uids: readonly number[]) => Promise<void>
  readonly report: (state: SourceState) => void
  readonly log: Log
  readonly now: () => Instant
  /** Set by tests only: shorter waits than the defaults of the protocol's practice. */
  readonly timing?: Partial<SourceTiming>
}

export interface SourceTiming {
  /** Wait before the first reconnect, ms; doubles up to `reconnectMax`. */
  readonly reconnectFirst: number
  readonly reconnectMax: number
  readonly socketTimeout: number
  readonly idleRestart: number
  readonly poll: number
}

export type TakeIn = (mails: readonly FetchedMail[], cursor: FolderCursor) => Promise<void>

/** One mail as the server sent it. */
export interface FetchedMail {
  readonly uid: number
  readonly raw: Uint8Array
  /** INTERNALDATE. */
  readonly received: Instant
  readonly seen: boolean
}

/** What an account's source is doing, for the status line. */
export interface SourceState {
  readonly connection: 'connecting' | 'online' | 'offline' | 'stopped' | 'failed'
  readonly problem: string | null
  readonly syncing: {
    readonly folder: string
    readonly done: number
    readonly total: number
    readonly rate: number
  } | null
  readonly lastSync: Instant | null
}

/** Sends one mail, once. Never retries by itself. */
export interface MailSink {
  /**
   * Hands over `mime` to the server. `dataStarted` is awaited before the first body byte may leave.
   * Resolves with what is certain; throws nothing: every fault is an outcome.
   */
  send(mail: {
    readonly envelope: Envelope
    readonly mime: Uint8Array
    /** What was written, for a sink that speaks in fields and not in MIME. */
    readonly written: () => Promise<WrittenMail>
    readonly dataStarted: () => Promise<void>
  }): Promise<SendOutcome>
}

/** A mail as an agent wrote it. */
export interface WrittenMail {
  readonly interaction_id: InteractionId
  readonly from: Address
  readonly to: readonly Address[]
  readonly cc: readonly Address[]
  readonly subject: string
  readonly text: string
  readonly html: string | null
  readonly udata: UserData
  readonly attachments: readonly (Omit<Attachment, 'id'> & { readonly bytes: () => Uint8Array })[]
  readonly agent: { readonly id: number; readonly firstName: string; readonly lastName: string }
  readonly target: RemoteTarget | null
}

export type SendOutcome =
  /** The server took it for at least one recipient. */
  | { readonly kind: 'accepted'; readonly recipients: readonly RecipientOutcome[]; readonly reply: string }
  /** Certain and lasting: refused (5xx), or can't be sent as it is (address needs SMTPUTF8). */
  | { readonly kind: 'rejected'; readonly recipients: readonly RecipientOutcome[]; readonly problem: string }
  /** Certain that nothing was taken; worth another try (4xx, connection failed before data). */
  | {
      readonly kind: 'not-sent'
      readonly problem: string
      /** Only a person can end it (a password, a certificate): trying again soon would change nothing. */
      readonly lasting: boolean
      /** `account`: nothing of this account can leave now, so its other mail waits with this one. */
      readonly blocks?: 'account'
      /** Tried again as the contracts say for remote systems: `retryWait`, `retryAfter` in seconds. */
      readonly remote?: { readonly retryAfter: number | null }
    }
  /** The line went after data had started and before an answer. */
  | { readonly kind: 'unknown'; readonly problem: string }

/** Writes one line; never bodies, never secrets. */
export type Log = (
  level: 'info' | 'warn' | 'error',
  message: string,
  detail?: Readonly<Record<string, unknown>>,
) => void

/**
 * The other side that speaks one of the interaction APIs. `capabilities` says which of the members are there, and
 * the page offers only that. Nothing is retried here: what is owed is tried again by who owes it. Faults of a call
 * are CoreError: `refused` (a certain no, with the remote's own words), `unreachable` (worth another try; `detail`
 * may hold `{ retryAfter: seconds }`), `invalid` (refused here, before anything left).
 */
export interface RemoteConnector {
  readonly capabilities: RemoteCapabilities
  /** Says exactly what is wrong, changing nothing there. */
  test(): Promise<RemoteTest>
  /** Sends what an agent wrote, once. */
  readonly sink?: MailSink
  /** Takes over what is new there and what changed; `take` files a page with its cursor (undefined: it stays). */
  pull?(request: {
    readonly cursor: unknown
    readonly take: (batch: readonly PulledInteraction[], cursor: unknown) => Promise<void>
  }): Promise<void>
  /** A customer's whole history there, page by page. */
  pullCustomer?(
    customerId: string,
    take: (batch: readonly PulledInteraction[]) => Promise<void>,
  ): Promise<void>
  /**
   * Writes back status, owner, category and user data as they are now. `theirs`: the object as last seen there. Answers
   * it as it is there now. A repeat is harmless.
   */
  writeBack?(
    interaction: ApiInteraction,
    theirs: Readonly<Record<string, unknown>>,
  ): Promise<Readonly<Record<string, unknown>>>
  /** Reports one message, inbound or sent. A repeat is harmless. */
  report?(interaction: ApiInteraction): Promise<void>
  readonly mailbox?: RemoteMailbox
}

/** A customer's mailbox in a remote system. Looking changes nothing there; only `open` may mark a mail read. */
export interface RemoteMailbox {
  list(
    mailbox: { readonly address: string; readonly box: string },
    status: 'read' | 'unread' | 'all',
    page: { readonly index: number; readonly count: number },
  ): Promise<readonly RemoteMailHead[]>
  count(
    mailbox: { readonly address: string; readonly box: string },
    status: 'read' | 'unread' | 'all',
  ): Promise<number>
  mail(id: string, open: boolean): Promise<RemoteMail>
  userData(id: string): Promise<UserData>
  remove(id: string, how: 'read' | 'delete' | 'purge'): Promise<void>
}
