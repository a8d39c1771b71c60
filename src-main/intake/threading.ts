import type { InteractionId, ThreadId, ThreadReason } from '../contract/domain.ts'
import type { ParsedMail } from '../store/store.ts'

/** What threading may ask of the store while it decides; answers come from inside the same transaction. */
export interface ThreadLookup {
  /** Stored mails with that Message-ID, oldest first; several where ids were reused. */
  byMessageId(messageId: string): readonly KnownMail[]
  /** Stored mails that name that Message-ID as an ancestor, nearest first. */
  waitingFor(messageId: string): readonly KnownMail[]
  /** The thread of that id (merged ones followed); null when there is none. */
  byToken(threadId: ThreadId): ThreadId | null
  /** Lower-case addresses of everybody named in the thread. */
  participants(thread: ThreadId): ReadonlySet<string>
  /** Whether a lower-case address is ours. */
  isOwn(address: string): boolean
}

export interface KnownMail {
  readonly interaction_id: InteractionId
  readonly thread_id: ThreadId
}

export interface ThreadDecision {
  /** Null: it begins its own thread. */
  readonly thread_id: ThreadId | null
  readonly parent_id: InteractionId | null
  readonly reason: ThreadReason
  /** Other threads that this mail proves to be the same one; they are merged into `thread_id`. */
  readonly merge: readonly ThreadId[]
}
export type { ParsedMail }
