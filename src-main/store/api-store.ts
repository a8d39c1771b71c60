import type {
  Address,
  ApiName,
  ApiRefusal,
  Attachment,
  EntityType,
  Instant,
  Interaction,
  InteractionId,
  SecureMailbox,
  Status,
  ThreadId,
  UserData,
  Uuid,
} from '../contract/domain.ts'

/**
 * What the served APIs ask of the store. Writes that are asked for in the same turn share one durable transaction
 * (each is undone by itself where it fails) and answer after its commit. Errors are CoreError; `busy`: it was not
 * begun, nothing is stored.
 */
export interface ApiStore {
  /**
   * Files a mail that came as fields. Finds or makes its contact, its thread and its place; indexes it. A repeat (same
   * `fingerprint`) stores nothing and answers what is stored. Throws `conflict` (an Idempotency-Key with another
   * payload), `invalid` (the answered message is gone; more than 50 metadata keys: detail `{ metadataKeys: true }`).
   */
  receive(submission: Submission, terms: WriteTerms): Promise<Received>

  // --- the data model (contracts: interactions)
  /** Throws `conflict` (the id is taken, the parent takes no children), `invalid` (parent or thread unknown). */
  createInteraction(input: InteractionInput, terms: WriteTerms): Promise<ApiInteraction>
  /** Throws `not-found`, `conflict` (a move of the status that isn't allowed). */
  updateInteraction(id: InteractionId, patch: InteractionPatch, terms: WriteTerms): Promise<ApiInteraction>
  /** Throws `not-found`. */
  apiInteraction(id: InteractionId): Promise<ApiInteraction>
  /** Newest start_date first, then interaction_id; filters combine. */
  apiInteractions(
    filter: {
      readonly customer_id?: string
      readonly status?: Status
      readonly entity_type?: EntityType
      readonly thread_id?: ThreadId
    },
    page: { readonly index: number; readonly count: number },
  ): Promise<readonly ApiInteraction[]>
  hasContact(id: string): Promise<boolean>

  // --- secure mail
  /** Null when no contact has that address. Newest first, then id. */
  secureMails(
    mailbox: SecureMailbox,
    status: 'read' | 'unread' | 'all',
    page: { readonly index: number; readonly count: number },
  ): Promise<readonly SecureMail[] | null>
  /** Null when no contact has that address. */
  countSecureMails(mailbox: SecureMailbox, status: 'read' | 'unread' | 'all'): Promise<number | null>
  /** Throws `not-found`. */
  secureMail(id: Uuid): Promise<SecureMail>
  /** `stop`: an inbound one that nobody holds leaves its queue, "read by consumer". Throws `not-found`. */
  markSecureMailRead(id: Uuid, stop: boolean, terms: WriteTerms): Promise<SecureMail>
  /** Gone from list and count, kept in the store; a queued inbound one is stopped. Throws `not-found`. */
  deleteSecureMail(id: Uuid, terms: WriteTerms): Promise<SecureMail>
  /** Removes the interaction with everything that belongs to it. Answers it as it last was, and the blobs that nothing names any more. */
  purgeSecureMail(id: Uuid, terms: WriteTerms): Promise<{ mail: SecureMail; unused: readonly string[] }>
  /** What lies between the desk and a mailbox is local: the claimed mail is filed there and accepted, in one transaction. */
  deliverSecurely(outboxId: Uuid): Promise<void>

  // --- activity responses
  /** The interaction that an activity id (1001 and up) or an interaction id names; null when there is none. */
  answeredActivity(id: string): Promise<AnsweredActivity | null>
  /** Keeps a file for 24 h, for one use by its uploader. */
  keepUpload(upload: ApiUpload, terms: WriteTerms): Promise<{ readonly id: Uuid }>
  /** The uploads that this customer may still use, by id. */
  uploads(ids: readonly Uuid[], customer: string): Promise<readonly (ApiUpload & { readonly id: Uuid })[]>
  /** Forgets uploads older than 24 h; answers the blobs that nothing names any more. */
  dropOldUploads(): Promise<readonly string[]>
  /** A customer of the settings keeps the id given there: contacts of its addresses become that one. */
  nameCustomer(id: string, addresses: readonly string[]): Promise<void>

  // --- what Settings shows
  /** Adds what was counted since the last call, in one transaction. */
  recordApiUse(use: {
    readonly day: string
    readonly counts: readonly {
      readonly api: ApiName
      readonly requests: number
      readonly refusals: number
    }[]
    readonly refusals: readonly (ApiRefusal & { readonly api: ApiName })[]
    readonly keys: readonly { readonly id: Uuid; readonly at: Instant }[]
  }): Promise<void>
  apiUse(day: string): Promise<{
    readonly apis: readonly {
      readonly api: ApiName
      readonly requests: number
      readonly refusals: number
      /** Newest first, at most 20. */
      readonly last: readonly ApiRefusal[]
    }[]
    readonly keys: readonly { readonly id: Uuid; readonly at: Instant }[]
  }>

  /** Of these blobs those that nothing names. */
  unusedBlobs(sha256s: readonly string[]): Promise<readonly string[]>
}

/** How a write may happen. */
export interface WriteTerms {
  /** From an Idempotency-Key: the same again gets the same answer for a day. */
  readonly once: Once | null
  /** Asked once, just before; where it says no, nothing is done and `busy` is thrown. */
  readonly mayBegin?: () => boolean
}

export interface Once {
  /** Which API, and whose key: two callers never share a key. */
  readonly scope: string
  readonly key: string
  /** SHA-256 of what is asked. */
  readonly payload: string
}

/** A mail that came as fields, not as raw bytes. Checked before; its files are blobs already. */
export interface Submission {
  readonly direction: 'in' | 'out'
  /** Null: InboundNew, InboundCustomerReply, OutboundNew or OutboundReply, as its thread says. */
  readonly sub_type: string | null
  /** Whose contact it belongs to. `id` is given where the settings name the customer. */
  readonly customer: {
    readonly id: string | null
    readonly address: string
    readonly first_name: string
    readonly last_name: string
  }
  readonly from: Address
  readonly reply_to: Address | null
  readonly to: readonly Address[]
  readonly cc: readonly Address[]
  readonly bcc: readonly Address[]
  readonly subject: string
  readonly text: string
  readonly html: string | null
  readonly received: Instant
  readonly sent: Instant | null
  readonly udata: UserData
  readonly attachments: readonly Omit<Attachment, 'id'>[]
  /** Null: the first queue; a thread that is open keeps its place. */
  readonly queue_id: Uuid | null
  /** `api:email/<service>`, `api:contacts`, `api:securemail`, `api:activity`. */
  readonly came_by: string
  readonly external_id: string | null
  readonly thread:
    | { readonly kind: 'new' }
    | { readonly kind: 'answer'; readonly parent_id: InteractionId }
    | {
        readonly kind: 'conversation'
        readonly tenant: string
        readonly org: string
        readonly cat: string
        readonly conv_id: string
        /** Keys of its metadata map: at most 50 of them for each tenant, org and cat. */
        readonly metadata: readonly string[]
      }
  /** It lies in this secure mailbox too. */
  readonly secure: SecureMailbox | null
  /** What an exact repeat shares; null where a repeat is another mail. */
  readonly fingerprint: string | null
  /** Uploads that it uses up. */
  readonly uploads: readonly Uuid[]
}

export interface Received {
  readonly interaction_id: InteractionId
  readonly activity_id: number
  readonly thread_id: ThreadId
  readonly secure_mail_id: Uuid | null
  /** It was here already, or its Idempotency-Key was used before: nothing new is stored. */
  readonly repeated: boolean
}

/** An interaction as section 2 answers it. */
export interface ApiInteraction extends Interaction {
  readonly text: string
  readonly attachments: readonly Attachment[]
  readonly activity_id: number
  readonly message_id: string | null
  readonly queue: string | null
  /** Bytes that we hold: their paths stand in place of the links. */
  readonly holds: {
    readonly structured_text: boolean
    /** The raw mail. */
    readonly binary_content: { readonly sha256: string; readonly size: number } | null
  }
}

/** A new interaction of the data model, checked; `received` is start_date. */
export interface InteractionInput extends Omit<
  Interaction,
  'interaction_id' | 'thread_id' | 'activity_id' | 'sent_date' | 'start_date' | 'end_date'
> {
  readonly interaction_id?: InteractionId
  readonly thread_id?: ThreadId
  readonly start_date: Instant
  readonly end_date?: Instant
  readonly sent_date?: Instant
  readonly came_by: string
}

/** What PUT may change; null removes an optional member. */
export type InteractionPatch = {
  readonly [
    K in Exclude<keyof InteractionInput, 'interaction_id' | 'entity_type' | 'start_date' | 'came_by'>
  ]?: InteractionInput[K] | null
}

export interface SecureMail extends SecureMailbox {
  readonly id: Uuid
  readonly direction: 'inbound' | 'outbound'
  readonly read: boolean
  readonly deleted: boolean
  readonly at: Instant
  /** Its udata is exactly what was attached to the mail, not the case data of its thread. */
  readonly interaction: ApiInteraction
  readonly html: string | null
  /** The secure mail that it answers, where that lies in the same box. */
  readonly parent: Uuid | null
}

export interface AnsweredActivity {
  readonly interaction: Interaction
  readonly activity_id: number
}

export interface ApiUpload extends Pick<Attachment, 'name' | 'content_type' | 'size' | 'sha256'> {
  /** The customer that the uploader's token stands for. */
  readonly customer: string
}
