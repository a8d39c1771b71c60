import type { Attachment, Instant, InteractionId, ThreadId, Uuid } from '../contract/domain.ts'
import type { InteractionInput } from './api-store.ts'

/** What the connectors to remote systems ask of the store. Errors are CoreError. */
export interface RemoteStore {
  /**
   * Who is owed what by itself, from now on: reports of messages in chosen queues, changes of what was pulled. Rows
   * are made in the transaction of what they tell, so that nothing is forgotten.
   */
  setRemoteDuties(duties: readonly RemoteDuty[]): Promise<void>
  /** `queued -> claimed` for what is due, oldest first. */
  claimCalls(remoteId: string, now: Instant, limit: number): Promise<readonly OwedCall[]>
  /** `claimed -> done`; owed again where it changed meanwhile. `theirs`: the original as it is there now. */
  callDone(id: Uuid, revision: number, theirs?: Readonly<Record<string, unknown>> | null): Promise<void>
  /** `claimed -> queued`, due again at `dueAt`. `unused`: nothing was tried, so it doesn't count as a try. */
  callAgain(id: Uuid, dueAt: Instant, problem: string | null, unused?: boolean): Promise<void>
  /** `claimed -> failed`: only a person can end it. */
  callFailed(id: Uuid, problem: string): Promise<void>
  /**
   * `failed -> queued`, and due now what waits for another try: after the remote's settings changed, or by the agent's
   * word. With `least` only those that failed after so many tries.
   */
  retryCalls(remoteId: string, least?: number): Promise<void>
  /** After a crash: `claimed -> queued`; a repeat is harmless for all of them. */
  recoverCalls(): Promise<void>
  /** The earliest moment at which something is due; null when nothing is. */
  nextCall(remoteId: string): Promise<Instant | null>
  owedCounts(remoteId: string): Promise<{ waiting: number; failed: number; problem: string | null }>
  /** Nothing is owed to a remote that was removed. */
  dropRemote(remoteId: string): Promise<void>

  /**
   * Takes over interactions of a remote store: new ones are filed (into `queueId`; null: the first queue), known ones
   * follow, in one transaction with the cursor; the same again changes nothing. What changed here wins while it is
   * owed to the remote. A cursor that is left out stays.
   */
  pull(
    remoteId: string,
    batch: readonly PulledInteraction[],
    cursor: unknown,
    queueId: Uuid | null,
  ): Promise<{ stored: number; changed: number }>
  /** Null before the first pull. */
  remoteCursor(remoteId: string): Promise<unknown>
  /** Of these ids of theirs those that were pulled already. */
  pulledAlready(remoteId: string, theirIds: readonly string[]): Promise<ReadonlySet<string>>
  /** What is known of an interaction's original; null when it wasn't pulled. */
  pulledFrom(
    id: InteractionId,
  ): Promise<{ remote_id: string; their_id: string; theirs: Record<string, unknown> } | null>
}

export interface RemoteDuty {
  readonly remote_id: string
  readonly kind: 'report' | 'write-back'
  /** Report: of these queues, by id; null: of all. */
  readonly queues: readonly Uuid[] | null
  /** Report: not what was pulled from these remotes, which have it already. */
  readonly except?: readonly string[]
}

export interface OwedCall {
  readonly id: Uuid
  readonly remote_id: string
  readonly kind: 'report' | 'write-back'
  readonly interaction_id: InteractionId
  /** Its thread when it was first owed, so that a repeat says the same after a merge. */
  readonly thread_id: ThreadId
  readonly due_at: Instant
  readonly attempts: number
  readonly revision: number
}

export interface PulledInteraction {
  readonly their_id: string
  /** Ids of other interactions in it are the remote's. */
  readonly input: InteractionInput
  readonly html: string | null
  /** Their bytes are blobs already. */
  readonly attachments: readonly Omit<Attachment, 'id'>[]
  readonly message_id: string | null
  /** It only follows: where it isn't known yet, it isn't taken over. */
  readonly known_only: boolean
  /** The object as it came. */
  readonly theirs: Readonly<Record<string, unknown>>
}
