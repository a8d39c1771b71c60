import type { Changes, ContactInput, DraftPatch, Requests, StandardResponseInput } from '../contract/core.ts'
import type { ApiStore } from './api-store.ts'
import type { RemoteStore } from './remote-store.ts'
import type {
  Address,
  Attachment,
  Contact,
  DateTime,
  Delivery,
  Disposition,
  Done,
  Draft,
  DraftContent,
  DraftKind,
  FolderState,
  HistoryEntry,
  Instant,
  Interaction,
  InteractionId,
  ListOrder,
  ListPage,
  MachineMail,
  MessageBody,
  OutboxState,
  PlaceCount,
  Queue,
  RecipientOutcome,
  RemoteTarget,
  ResponseTree,
  SearchPage,
  StandardResponse,
  ThreadDetail,
  ThreadId,
  ThreadReason,
  UserData,
  Uuid,
  View,
  Workbin,
} from '../contract/domain.ts'

/**
 * The interaction store in the desk's words. Commands are one durable transaction each and answer after it;
 * then `onChanges` tells what was touched. Errors are CoreError. No rows, no SQL, no open transaction crosses it.
 */
export interface Store extends ApiStore, RemoteStore {
  /** Called after each commit. Returns the way to stop. */
  onChanges(listener: (changes: Changes) => void): () => void
  close(): Promise<void>

  // --- arrivals (intake)
  /**
   * Files at most 100 arrivals and moves the connector's cursor, in one transaction. Threads each by
   * `decideThread`, merges where a late parent joins threads, finds or creates contacts, indexes for search.
   * The same mail again only adds its location.
   */
  ingest(batch: readonly Arrival[], cursor: FolderCursor | null): Promise<readonly Ingested[]>
  /** Which of these content keys are stored already. */
  known(keys: readonly string[]): Promise<ReadonlySet<string>>

  // --- connectors' ledgers
  folderCursors(accountId: string): Promise<readonly FolderCursor[]>
  saveFolderCursor(cursor: FolderCursor): Promise<void>
  folderStates(accountId: string): Promise<readonly FolderState[]>
  /** UIDs of a folder that are accounted for, ascending; at most `limit` above `after`. */
  knownUids(folder: FolderKey, after: number, limit: number): Promise<readonly number[]>
  /** Locations vanished from the server; the interactions stay. */
  forgetLocations(folder: FolderKey, uids: readonly number[]): Promise<void>
  /** Where an interaction's mail lies on servers. */
  locations(interaction: InteractionId): Promise<readonly MailLocation[]>

  // --- lists, threads, bodies
  listPage(request: {
    view: View
    order: ListOrder
    after: string | null
    limit: number
    agent: number
  }): Promise<ListPage>
  search(request: { query: string; after: string | null; limit: number; agent: number }): Promise<SearchPage>
  thread(threadId: ThreadId, agent: number): Promise<ThreadDetail>
  body(id: InteractionId): Promise<MessageBody>
  /** The interaction object with its text, as the data model has it, plus what export adds. */
  interaction(id: InteractionId): Promise<ExportedInteraction>
  history(id: InteractionId): Promise<readonly HistoryEntry[]>
  counts(agent: number): Promise<Counts>

  // --- triage
  accept(threads: readonly ThreadId[], by: number): Promise<Done>
  release(threads: readonly ThreadId[], by: number): Promise<Done>
  moveToQueue(threads: readonly ThreadId[], queue: Uuid, by: number): Promise<Done>
  moveToWorkbin(threads: readonly ThreadId[], workbin: Workbin, by: number): Promise<Done>
  markDone(threads: readonly ThreadId[], disposition: Uuid | null, by: number): Promise<Done>
  setRead(threads: readonly ThreadId[], read: boolean, by: number): Promise<Done>
  /** Puts back what the command changed, where nobody changed it since (`conflict` otherwise, `too-late` after a day). */
  undo(undoId: Uuid, by: number): Promise<void>
  setUserData(
    id: InteractionId,
    set: UserData,
    remove: readonly string[],
    by: number,
  ): Promise<Done & { udata: UserData }>

  // --- drafts
  createDraft(draft: NewDraft): Promise<Draft>
  draft(id: Uuid): Promise<Draft>
  /** `conflict` when `revision` isn't the stored one. */
  saveDraft(id: Uuid, revision: number, patch: DraftPatch): Promise<{ revision: number; saved_at: Instant }>
  addDraftAttachment(
    id: Uuid,
    attachment: Omit<Attachment, 'id'>,
  ): Promise<{ revision: number; attachment: Attachment }>
  removeDraftAttachment(
    id: Uuid,
    attachment: Uuid,
  ): Promise<{ revision: number; attachments: readonly Attachment[] }>
  discardDraft(id: Uuid, by: number): Promise<Done>

  // --- outbox
  /** The draft becomes an outbound interaction and an owed mail; `stale-reply` when a newer customer message waits. */
  enqueue(
    send: NewSend,
  ): Promise<{ outbox_id: Uuid; interaction_id: InteractionId; thread_id: ThreadId; undo_id: Uuid | null }>
  delivery(outboxId: Uuid): Promise<Delivery>
  owed(outboxId: Uuid): Promise<OwedMail>
  /** Takes it back before `claimed`: the interaction goes, the draft is there again. `too-late` afterwards. */
  undoSend(outboxId: Uuid): Promise<Draft>
  /** The earliest moment at which something is due; null when nothing is owed. */
  nextDue(): Promise<Instant | null>
  /** `queued -> claimed` for what is due now, oldest first, at most `limit`. */
  claimDue(now: Instant, limit: number): Promise<readonly OwedMail[]>
  /** `claimed -> data_started`, durable before it answers. */
  markDataStarted(outboxId: Uuid): Promise<void>
  /**
   * Certain that nothing was taken: `claimed -> queued`, due again at `dueAt`; also `data_started -> queued` after
   * the server's own temporary refusal (4xx), which is as certain.
   */
  requeue(outboxId: Uuid, dueAt: Instant, problem: string | null): Promise<void>
  /** What of an account waits for another try (queued, tried before) becomes due now; what Undo holds does not. */
  retryNow(accountId: string, now: Instant): Promise<void>
  /** The outcome. Accepted: the interaction is Done with reason Sent. Rejected or unknown: back in its writer's hands. */
  resolveSend(
    outboxId: Uuid,
    outcome: {
      state: 'accepted' | 'rejected' | 'unknown'
      recipients: readonly RecipientOutcome[]
      problem: string | null
    },
  ): Promise<void>
  /** `accepted -> filed`, or the copy failed and is tried again later. */
  resolveSentCopy(
    outboxId: Uuid,
    sentCopy: 'filed' | 'none' | 'failed',
    problem: string | null,
  ): Promise<void>
  /** Accepted ones whose Sent copy is still owed. */
  sentCopiesOwed(accountId: string): Promise<readonly OwedMail[]>
  /** After a crash: `claimed -> queued` (nothing left), `data_started -> unknown`. Answers the unknown ones. */
  recoverOutbox(): Promise<readonly OwedMail[]>
  /** Mails in `unknown`, for looking in Sent. */
  unknownSends(accountId: string): Promise<readonly OwedMail[]>
  /** `rejected | unknown -> queued`, same bytes, same Message-ID; only by the agent's word. */
  sendAgain(outboxId: Uuid, dueAt: Instant): Promise<void>
  /** `rejected | unknown` -> the outbound interaction goes and its draft is there again. */
  takeBack(outboxId: Uuid): Promise<Draft>

  // --- standard responses
  responses(): Promise<ResponseTree>
  response(id: Uuid): Promise<StandardResponse>
  searchResponses(text: string): Promise<readonly Uuid[]>
  saveResponse(input: StandardResponseInput): Promise<{ id: Uuid }>
  deleteResponse(id: Uuid, by: number): Promise<Done>
  saveResponseCategory(input: Requests['saveResponseCategory']): Promise<{ id: Uuid }>
  /** `conflict` while it holds anything. */
  deleteResponseCategory(id: Uuid): Promise<void>

  // --- contacts
  completeContacts(text: string, limit: number): Promise<readonly (Address & { contact_id: string })[]>
  contact(id: string): Promise<Contact>
  contactByAddress(address: string): Promise<Contact | null>
  contactHistory(id: string, after: string | null, limit: number): Promise<ListPage>
  /** `conflict` when an address belongs to another contact. */
  saveContact(input: ContactInput): Promise<void>

  // --- queues, dispositions, settings
  queues(): Promise<readonly Queue[]>
  saveQueue(id: Uuid | null, name: string): Promise<Queue>
  /** Its threads move to another queue in the same transaction. */
  deleteQueue(id: Uuid, moveTo: Uuid): Promise<void>
  dispositions(): Promise<readonly Disposition[]>
  saveDisposition(id: Uuid | null, name: string): Promise<Disposition>
  deleteDisposition(id: Uuid): Promise<void>
  /** A settings document by name, as JSON; null when never saved. */
  setting(name: SettingName): Promise<unknown>
  saveSetting(name: SettingName, value: unknown): Promise<void>
  rememberAgent(id: number, name: string): Promise<void>
  /** Addresses that are ours (accounts, agent): never customers, never kept as recipients of reply all. */
  setOwnAddresses(addresses: readonly string[]): Promise<void>

  // --- attachments and raw mail
  attachment(id: Uuid): Promise<Attachment>
  rawMail(id: InteractionId): Promise<{ sha256: string; size: number } | null>

  // --- whole store
  empty(): Promise<boolean>
  /** Every interaction by start_date, then interaction_id; pages by key. */
  exportPage(
    after: string | null,
    limit: number,
  ): Promise<{ interactions: readonly ExportedInteraction[]; next: string | null }>
  exportContacts(): Promise<readonly Contact[]>
  exportOutbox(): Promise<readonly Delivery[]>
  /** Verifies database, counts, threads and search indexes; blobs are checked by the caller with `blobsInUse`. */
  check(): Promise<StoreReport>
  blobsInUse(): Promise<ReadonlySet<string>>
  /** A consistent copy in one file. */
  backupTo(file: string): Promise<void>
}

/** Names of settings documents. */
export type SettingName =
  'agent' | 'accounts' | 'undoSendSeconds' | 'preferences' | 'api' | 'remotes' | 'sample' | 'probe'

export interface StoreReport {
  readonly interactions: number
  /** One sentence each. */
  readonly problems: readonly string[]
}

export interface Counts {
  readonly queues: readonly (Queue & PlaceCount)[]
  readonly inProgress: { readonly mine: PlaceCount; readonly team: PlaceCount }
  readonly review: { readonly mine: PlaceCount; readonly team: PlaceCount }
  readonly drafts: { readonly mine: PlaceCount; readonly team: PlaceCount }
  readonly done: PlaceCount
  readonly all: PlaceCount
  readonly outbox: { readonly waiting: number; readonly trouble: number }
  readonly heldBack: number
}

/** A mail taken apart: what intake's parser made of the raw bytes. Nothing of it is trusted. */
export interface ParsedMail {
  readonly raw: { readonly sha256: string; readonly size: number }
  /** Hash that the same mail has wherever it was found: raw bytes without trace fields and with plain line ends. */
  readonly content_key: string
  readonly message_id: string | null
  /**
   * Ancestors, nearest first: In-Reply-To, then References from the end, then the id that Exchange replaced, then
   * the mail that a report reports; ids without angle brackets, no doubles, at most 100.
   */
  readonly references: readonly string[]
  /** How many of `references` came from In-Reply-To. */
  readonly in_reply_to: number
  readonly from: Address | null
  readonly from_as_written: string | null
  readonly reply_to: Address | null
  readonly to: readonly Address[]
  readonly cc: readonly Address[]
  readonly bcc: readonly Address[]
  readonly subject: string
  readonly sent_date: DateTime | null
  readonly timeshift: number | null
  /** Time of the topmost Received field; null where there is none. */
  readonly received: Instant | null
  readonly text: string
  readonly html: string | null
  readonly quote_at: number | null
  /** First words of what is new in it, at most 200 characters, one line. */
  readonly snippet: string
  readonly attachments: readonly Omit<Attachment, 'id'>[]
  readonly machine: MachineMail | null
  /** What a delivery report reports. */
  readonly report: DeliveryReport | null
  /** Why it couldn't be read into fields; the raw text stands in `text` then. */
  readonly held_back: string | null
}

export interface DeliveryReport {
  readonly message_id: string | null
  readonly recipients: readonly {
    readonly address: string
    readonly action: string
    readonly diagnostic: string
  }[]
}

/** A mail on its way into the store. */
export interface Arrival {
  readonly mail: ParsedMail
  readonly direction: 'in' | 'out'
  /** When it reached us; becomes start_date. */
  readonly received: Instant
  readonly unread: boolean
  /** Queue that an inbound mail is filed in; null: the first queue. */
  readonly queue_id: Uuid | null
  readonly came_by: string
  readonly account_id: string | null
  readonly folder: string | null
  readonly location: MailLocation | null
  readonly udata?: UserData
}

export interface Ingested {
  readonly interaction_id: InteractionId
  readonly thread_id: ThreadId
  readonly outcome: 'stored' | 'duplicate' | 'held-back'
  readonly reason: ThreadReason
}

export interface FolderKey {
  readonly account_id: string
  readonly folder: string
  readonly uidvalidity: string
}

export interface MailLocation extends FolderKey {
  readonly uid: number
}

/** How far a connector has looked into a folder; `cursor` is the connector's own JSON. */
export interface FolderCursor extends FolderKey {
  readonly role: 'inbound' | 'outbound'
  readonly cursor: unknown
  readonly on_server: number
  readonly last_look: Instant | null
}

export interface NewDraft {
  readonly kind: DraftKind
  readonly owner_id: number
  readonly thread_id: ThreadId | null
  readonly parent_id: InteractionId | null
  readonly content: DraftContent
  readonly attachments: readonly Omit<Attachment, 'id'>[]
}

/** A draft frozen for sending: the bytes are on disk before this is stored. */
export interface NewSend {
  readonly draft_id: Uuid
  readonly revision: number
  readonly by: number
  readonly account_id: string
  readonly from: Address
  readonly message_id: string
  readonly envelope: Envelope
  readonly wire_sha256: string
  readonly sent_sha256: string
  readonly sent_size: number
  readonly due_at: Instant
  readonly sample: boolean
  readonly sent_copy: 'owed' | 'none'
  /** Body as it is sent, quote included. */
  readonly text: string
  readonly html: string | null
  readonly quote_at: number | null
  readonly snippet: string
  readonly attachments: readonly Omit<Attachment, 'id'>[]
  /** Newest message the agent has seen in the thread; null skips the guard (a new mail). */
  readonly seen: InteractionId | null
  readonly done: { readonly disposition_id: Uuid | null } | null
}

export interface Envelope {
  readonly from: string
  readonly to: readonly string[]
  readonly smtputf8: boolean
}

export interface OwedMail {
  readonly outbox_id: Uuid
  readonly interaction_id: InteractionId
  readonly account_id: string
  readonly state: OutboxState
  readonly due_at: Instant
  readonly attempts: number
  readonly message_id: string
  readonly envelope: Envelope
  readonly wire_sha256: string
  readonly sent_sha256: string
  readonly recipients: readonly RecipientOutcome[]
  readonly sample: boolean
  /** Where in a remote system it goes; null for what leaves by an account. */
  readonly target: RemoteTarget | null
}

/** A line of interactions.jsonl (settings contract, the command line). */
export interface ExportedInteraction extends Interaction {
  readonly message_id: string | null
  readonly thread_reason: ThreadReason
  readonly folder: string | null
  readonly html: string | null
  readonly attachments: readonly {
    readonly name: string | null
    readonly contentType: string
    readonly size: number
    readonly sha256: string
    readonly contentId: string | null
    readonly inline: boolean
  }[]
  /** Beyond the contract: what the desk knows. */
  readonly activity_id: number
  readonly queue?: string
  readonly disposition?: string
  readonly held_back?: string
}
