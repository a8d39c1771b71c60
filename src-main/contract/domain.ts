/**
 * The desk's nouns, as the page and the core both know them. No Node, no DOM.
 * Interaction members are named as in the data model (snake_case); everything else is ours.
 */

import type { SecureMailbox, RemoteTarget } from './other-systems.ts'

export * from './other-systems.ts'

/** 16 characters of `[0-9A-Za-z]`; sorts by the time the interaction reached us. */
export type InteractionId = string
/** The id of the interaction that began the thread. After a merge the old id still opens the thread. */
export type ThreadId = InteractionId
/** UUIDv7 of anything that isn't an interaction. */
export type Uuid = string
/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number
/** `YYYY-MM-DDTHH:mm:ss.SSSZ`, always UTC, always three digits. */
export type DateTime = string

/** `personal` is the display name, never part of the address. */
export interface Address {
  readonly address: string
  readonly personal?: string
}

/** 0 NEW, 1 PENDING, 2 IN_PROCESS, 3 STOPPED: agents read New, Pending, In Progress, Done. */
export type Status = 0 | 1 | 2 | 3
/** 0 EMAIL_IN, 1 EMAIL_OUT, 2 CHAT, 3 PHONE_CALL, 5 CALLBACK, 6 COBROWSE, 7 INTERACTION. 4 has no meaning. */
export type EntityType = 0 | 1 | 2 | 3 | 5 | 6 | 7

export const STATUS = { new: 0, pending: 1, inProcess: 2, stopped: 3 } as const
export const ENTITY = {
  emailIn: 0,
  emailOut: 1,
  chat: 2,
  phoneCall: 3,
  callback: 5,
  cobrowse: 6,
  openMedia: 7,
} as const

/** A value of user data: JSON, at most 4 levels deep. */
export type UserDataValue =
  string | number | boolean | null | readonly UserDataValue[] | { readonly [key: string]: UserDataValue }
export type UserData = { readonly [key: string]: UserDataValue }

/** The interaction object of the data model; absent optionals are left out, never null. */
export interface Interaction {
  readonly interaction_id: InteractionId
  readonly customer_id: string
  readonly status: Status
  readonly entity_type: EntityType
  /** `Inbound` or `Outbound` for mail. */
  readonly type: string
  /** InboundNew, InboundCustomerReply, InboundNDR, InboundReport, OutboundNew, OutboundReply, OutboundRedirect, … */
  readonly sub_type?: string
  readonly media_type: string
  readonly parent_id?: InteractionId
  readonly thread_id: ThreadId
  readonly external_id?: string
  readonly owner_id?: number
  readonly creator_app_id: number
  /** When it reached us. */
  readonly start_date: DateTime
  readonly end_date?: DateTime
  /** Minutes to add to UTC for the local time of the sender. */
  readonly timeshift?: number
  readonly category_id?: string
  readonly allow_children: boolean
  readonly subject?: string
  readonly stopped_reason?: string
  readonly text?: string
  readonly structured_text?: string
  readonly structured_text_mime?: string
  readonly binary_content?: string
  readonly binary_content_mime?: string
  readonly binary_content_size?: number
  readonly udata?: UserData
  readonly from?: Address
  readonly reply_to?: Address
  readonly to?: readonly Address[]
  readonly cc?: readonly Address[]
  /** Outbound only. */
  readonly bcc?: readonly Address[]
  /** The Date field of the mail; left out where it can't be read. */
  readonly sent_date?: DateTime
  /** Outbound only: Message-ID of the parent, without angle brackets. */
  readonly reference_id?: string | number
  readonly reviewer_id?: number
  readonly standard_response_id?: string
}

/** Why a message stands in its thread, as shown to the agent. */
export type ThreadReason =
  | 'new' // it began the thread
  | 'in-reply-to'
  | 'references'
  | 'late-parent' // its parent arrived after it and brought the threads together
  | 'subject-token'
  | 'own-reply' // written here as an answer in this thread
  | 'stranger-kept-apart' // it names a thread whose people it doesn't know, so it began its own
  | 'conversation' // the system that handed it in says so: same conversation, or the message that it answers
  | 'moved' // moved here by an agent

/** Mail written by a machine, with the evidence shown to the agent. */
export interface MachineMail {
  readonly kind: 'bounce' | 'report' | 'auto-reply' | 'list' | 'bulk'
  readonly reason: string
}

export interface Attachment {
  readonly id: Uuid
  /** As the sender wrote it, cleaned of paths and control characters; null where it had none. */
  readonly name: string | null
  readonly content_type: string
  /** Bytes. */
  readonly size: number
  readonly sha256: string
  /** Without angle brackets; null where there is none. */
  readonly content_id: string | null
  readonly inline: boolean
}

export type OutboxState =
  | 'queued' // waits for its time (undo send) or the line
  | 'claimed' // a connection is being made for it
  | 'data_started' // the first body byte may have left
  | 'accepted' // the server took it; the copy in Sent is still owed
  | 'filed' // done: accepted, and its copy is in Sent (or none is wanted)
  | 'rejected' // certain: refused for at least one recipient, sent to none
  | 'unknown' // nobody can tell whether it was accepted

export interface RecipientOutcome {
  readonly address: string
  readonly state: 'pending' | 'accepted' | 'rejected'
  /** The server's reply, where it gave one. */
  readonly reply: string | null
}

/** What is known about the delivery of one outbound mail. */
export interface Delivery {
  readonly outbox_id: Uuid
  readonly interaction_id: InteractionId
  readonly state: OutboxState
  /** Not sent before this moment. In `queued` before it: undo is possible. */
  readonly due_at: Instant
  /** True while Undo can still take it back. */
  readonly can_undo: boolean
  readonly changed_at: Instant
  readonly attempts: number
  readonly recipients: readonly RecipientOutcome[]
  /** One sentence for the agent: what happened last and what to do; null while all is well. */
  readonly problem: string | null
  readonly sent_copy: 'owed' | 'filed' | 'none' | 'failed'
  /** True where it went to the sample desk's local sink and never to the network. */
  readonly sample: boolean
}

/** Where a thread's open work stands. */
export type Place =
  | { readonly kind: 'queue'; readonly queue_id: Uuid }
  | { readonly kind: 'workbin'; readonly workbin: Workbin; readonly owner_id: number }
  | { readonly kind: 'done' }

export type Workbin = 'in-progress' | 'review'

/** What the list in the middle can show. */
export type View =
  | { readonly kind: 'queue'; readonly queue_id: Uuid }
  | { readonly kind: 'workbin'; readonly workbin: Workbin | 'drafts'; readonly team: boolean }
  | { readonly kind: 'outbox' } // outbound mail that isn't finally delivered, and what failed
  | { readonly kind: 'held-back' }
  | { readonly kind: 'done' }
  | { readonly kind: 'all' }

export type ListOrder = 'newest' | 'oldest'

/** One row of the list: a thread, a single message (search, outbox, held back) or a draft. */
export interface ListRow {
  readonly kind: 'thread' | 'message' | 'draft'
  /** Unique within its view, stable while the row stays there. */
  readonly key: string
  /** Null for a draft of a new mail, which has no thread yet. */
  readonly thread_id: ThreadId | null
  /** The newest message of the thread, or the message itself; null for a draft. */
  readonly interaction_id: InteractionId | null
  readonly draft_id: Uuid | null
  /** The other side: the customer, not the desk. */
  readonly correspondent: Address | null
  readonly subject: string
  readonly snippet: string
  /** When the newest message reached us (draft: when it was last saved). */
  readonly at: Instant
  /** When the oldest unanswered customer message reached us; null when none waits. */
  readonly waiting_since: Instant | null
  readonly status: Status
  readonly place: Place
  readonly owner_id: number | null
  readonly owner_name: string | null
  readonly category_id: string | null
  readonly unread: boolean
  readonly messages: number
  readonly attachments: boolean
  readonly has_draft: boolean
  /** True where the newest message is ours. */
  readonly outbound: boolean
  /** The worst delivery state in the thread that needs the agent; null when none does. */
  readonly trouble: 'rejected' | 'unknown' | null
  readonly machine: MachineMail['kind'] | null
  readonly held_back: boolean
}

export interface ListPage {
  readonly rows: readonly ListRow[]
  /** Hand it back as `after` for the next page; null at the end. */
  readonly next: string | null
  /** Kept, not counted; null for search. */
  readonly total: number | null
}

export interface SearchPage extends ListPage {
  /** A word or operator that can't be understood, with its place in the query; the rest was searched. */
  readonly fault: { readonly message: string; readonly from: number; readonly to: number } | null
  /** The words to mark, folded. */
  readonly words: readonly string[]
}

export interface PlaceCount {
  readonly total: number
  readonly unread: number
}

export interface Queue {
  readonly id: Uuid
  readonly name: string
}

export interface Disposition {
  readonly id: Uuid
  readonly name: string
}

export interface Agent {
  readonly id: number
  readonly firstName: string
  readonly lastName: string
  readonly email: string
  readonly signature: { readonly text: string; readonly html: string | null }
}

/** What an account is doing now, for the status line and Settings. */
export interface AccountState {
  readonly account_id: string
  readonly address: string
  readonly connection: 'connecting' | 'online' | 'offline' | 'stopped' | 'failed' | 'sample'
  /** One sentence for the agent, with what to do; null while all is well. */
  readonly problem: string | null
  readonly syncing: {
    readonly folder: string
    readonly done: number
    readonly total: number
    /** Mails a second since the sync began. */
    readonly rate: number
  } | null
  readonly last_sync: Instant | null
  readonly folders: readonly FolderState[]
}

/** One folder's ledger: what the server holds against what we hold. */
export interface FolderState {
  readonly folder: string
  readonly role: 'inbound' | 'outbound'
  readonly on_server: number
  readonly stored: number
  readonly duplicates: number
  readonly held_back: number
  readonly last_look: Instant | null
}

/** Everything the frame of the desk shows; small, asked again on every change of counts. */
export interface Overview {
  readonly version: string
  readonly agent: Agent
  /** Nothing was set up yet: the page offers mailbox, import and sample. */
  readonly first_run: boolean
  /** The store holds the sample desk: nothing sent leaves this computer. */
  readonly sample: boolean
  readonly queues: readonly (Queue & PlaceCount)[]
  readonly workbins: readonly {
    readonly workbin: Workbin | 'drafts'
    readonly mine: PlaceCount
    readonly team: PlaceCount
  }[]
  readonly done: PlaceCount
  readonly all: PlaceCount
  readonly outbox: { readonly waiting: number; readonly trouble: number }
  readonly held_back: number
  readonly accounts: readonly AccountState[]
  readonly jobs: readonly Job[]
  /** Where links open and folders are picked: the operating system through the host, or the browser itself. */
  readonly host: 'electron' | 'browser'
  /** One sentence, where secrets can't be kept in the system's keychain. */
  readonly secrets_warning: string | null
  /** One sentence, where the store can't write (disk full, read-only); everything else goes on. */
  readonly store_problem: string | null
}

/** Long work with progress: an import, opening the sample. */
export interface Job {
  readonly id: Uuid
  readonly kind: 'import' | 'sample'
  readonly state: 'running' | 'stopping' | 'done' | 'stopped' | 'failed'
  readonly label: string
  readonly found: number
  readonly stored: number
  readonly duplicates: number
  readonly held_back: number
  /** Bytes read of bytes known; total 0 while unknown. */
  readonly bytes: number
  readonly bytes_total: number
  /** At most 100; the count is `held_back`. */
  readonly held_back_reasons: readonly { readonly what: string; readonly reason: string }[]
  /** Files that are no mail. */
  readonly not_mail: readonly string[]
  readonly problem: string | null
  readonly started: Instant
  readonly ended: Instant | null
}

/** One message as the thread shows it; its body is asked for when it is unfolded. */
export interface Message {
  /** Without text and links to bodies. */
  readonly interaction: Interaction
  readonly direction: 'in' | 'out'
  readonly snippet: string
  readonly unread: boolean
  readonly message_id: string | null
  readonly thread_reason: ThreadReason
  readonly attachments: readonly Attachment[]
  readonly delivery: Delivery | null
  readonly machine: MachineMail | null
  /** Why it couldn't be read into fields; its raw text is its body then. */
  readonly held_back: string | null
  readonly disposition: string | null
  readonly account_id: string | null
  readonly folder: string | null
  /** From as written, where it holds no address that can be used. */
  readonly from_as_written: string | null
  /** It lies in a customer's secure mailbox; an answer goes there too, never by e-mail. */
  readonly secure: (SecureMailbox & { readonly read: boolean; readonly deleted: boolean }) | null
  /** The API or remote it came by, `api:<name>` (`api:email/<service>`) or `remote:<id>`; null for mail. */
  readonly came_by_api: string | null
}

/** Body of one message. HTML is as received: never shown but sanitised in the sandboxed frame. */
export interface MessageBody {
  readonly interaction_id: InteractionId
  readonly text: string
  readonly html: string | null
  /** Index into `text` at which the quoted rest begins; null where nothing is quoted. */
  readonly quote_at: number | null
  /** `cid:` references and where their bytes are. */
  readonly inline: readonly { readonly content_id: string; readonly attachment_id: Uuid }[]
}

export type WorkAction =
  | 'accept'
  | 'release'
  | 'move'
  | 'mark-done'
  | 'reply'
  | 'reply-all'
  | 'forward'
  | 'mark-unread'
  | 'edit-user-data'

export interface ThreadDetail {
  /** The thread's id today: another one where the asked id was merged away. */
  readonly thread_id: ThreadId
  readonly subject: string
  readonly status: Status
  readonly place: Place
  readonly owner_id: number | null
  readonly owner_name: string | null
  /** Oldest first. */
  readonly messages: readonly Message[]
  readonly drafts: readonly DraftHead[]
  /** What this thread allows now, and only that. */
  readonly actions: readonly WorkAction[]
  /** The interaction whose user data the desk shows and edits: the newest inbound, else the newest. */
  readonly case_interaction_id: InteractionId
  readonly udata: UserData
  readonly contact: ContactHead | null
}

export interface DraftHead {
  readonly id: Uuid
  readonly kind: DraftKind
  readonly subject: string
  readonly snippet: string
  readonly saved_at: Instant
  readonly owner_id: number
}

export type DraftKind = 'new' | 'reply' | 'reply-all' | 'forward'

export interface DraftContent {
  readonly account_id: string | null
  readonly to: readonly Address[]
  readonly cc: readonly Address[]
  readonly bcc: readonly Address[]
  readonly subject: string
  readonly format: 'rich' | 'plain'
  /** What the agent wrote, signature included. Always kept in step: plain text of it in `text`. */
  readonly html: string
  readonly text: string
  /** The quoted original that follows the agent's words; null when there is none or it was removed. */
  readonly quote: DraftQuote | null
  /** Standard responses used, first used first. */
  readonly standard_response_ids: readonly string[]
  /** It leaves through a remote system (account_id is `remote:<id>`), to this place in it. Absent: by its account. */
  readonly remote?: RemoteTarget | null
}

export interface DraftQuote {
  /** "On 3 May 2026 at 10:02, Ann Lee <ann@x.test> wrote:" or the header block of a forward. */
  readonly attribution: string
  readonly text: string
  /** Sanitised, no styles, no remote images; null to quote the text. */
  readonly html: string | null
}

export interface Draft extends DraftContent {
  readonly id: Uuid
  readonly kind: DraftKind
  readonly owner_id: number
  readonly thread_id: ThreadId | null
  /** The message answered or forwarded. */
  readonly parent_id: InteractionId | null
  /** Counts up with every save; a save that names an older one is refused. */
  readonly revision: number
  readonly saved_at: Instant
  readonly attachments: readonly Attachment[]
  /** What came of an earlier try to send it; shown above the composer. */
  readonly returned: string | null
  /** It answers a secure mail: it goes to this mailbox, never by e-mail. */
  readonly secure: SecureMailbox | null
}

export interface ContactHead {
  readonly id: string
  readonly first_name: string
  readonly last_name: string
  /** As shown: the name, else the address. */
  readonly name: string
  readonly address: string
}

export interface Contact extends ContactHead {
  readonly title: string
  readonly phone: string
  readonly note: string
  /** First is the primary one. */
  readonly addresses: readonly string[]
  readonly threads: number
}

export interface ResponseCategory {
  readonly id: Uuid
  readonly parent_id: Uuid | null
  readonly name: string
  readonly position: number
}

export interface StandardResponseHead {
  readonly id: Uuid
  readonly category_id: Uuid | null
  readonly name: string
  /** BCP 47, '' for any. */
  readonly language: string
  readonly status: 'draft' | 'approved'
  readonly position: number
  readonly snippet: string
  /** How often it was inserted into a mail that was sent. */
  readonly used: number
}

/** A reusable text with field codes `<$ … $>`. */
export interface StandardResponse extends StandardResponseHead {
  readonly subject: string
  readonly html: string
  readonly text: string
  readonly changed_at: Instant
}

export interface ResponseTree {
  readonly categories: readonly ResponseCategory[]
  readonly responses: readonly StandardResponseHead[]
}

/** A standard response with its field codes rendered for a draft. */
export interface RenderedResponse {
  readonly id: Uuid
  readonly subject: string
  readonly html: string
  readonly text: string
  /** Codes that gave nothing or couldn't be read; they stand unrendered in the text. */
  readonly unresolved: readonly UnresolvedCode[]
}

export interface UnresolvedCode {
  readonly code: string
  readonly reason: string
  /** Index into the template. */
  readonly at: number
}

/** One entry of an interaction's history: who changed what, when. */
export interface HistoryEntry {
  readonly id: Uuid
  readonly at: Instant
  readonly agent_id: number | null
  readonly agent_name: string
  /** accept, release, move, mark-done, user-data, … */
  readonly what: string
  /** For user data the key. */
  readonly key: string | null
  readonly before: UserDataValue
  readonly after: UserDataValue
}

/** Proof of something done that can be taken back for a while. */
export interface Done {
  /** Hand to `undo`; null where there is nothing to undo. */
  readonly undo_id: Uuid | null
}

/** Step by step result of trying an account's servers; stops at the first step that fails. */
export interface ConnectionTest {
  readonly ok: boolean
  readonly steps: readonly {
    readonly server: 'imap' | 'smtp'
    readonly step: 'resolve' | 'connect' | 'certificate' | 'greeting' | 'login' | 'folders' | 'ready'
    readonly ok: boolean
    /** One sentence for the agent: what was seen, and what to do. */
    readonly message: string
  }[]
  /** The certificate shown, when it can't be verified: the agent may trust its fingerprint. */
  readonly certificate: {
    readonly server: 'imap' | 'smtp'
    readonly subject: string
    readonly issuer: string
    readonly valid_to: string
    readonly fingerprint256: string
  } | null
  readonly folders: readonly { readonly path: string; readonly special_use: string | null }[]
}
