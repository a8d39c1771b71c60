import type { Instant, InteractionId, Uuid } from '../contract/domain.ts'
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
  /** `claimed -> done`; owed again where it changed meanwhile. */
  callDone(id: Uuid, revision: number): Promise<void>
  /** `claimed -> queued`, due again at `dueAt`. */
  callAgain(id: Uuid, dueAt: Instant, problem: string): Promise<void>
  /** `claimed -> failed`: only a person can end it. */
  callFailed(id: Uuid, problem: string): Promise<void>
  /** `failed -> queued`: after the remote's settings changed, or by the agent's word. */
  retryCalls(remoteId: string): Promise<void>
  /** After a crash: `claimed -> queued`; a repeat is harmless for all of them. */
  recoverCalls(): Promise<void>
  /** The earliest moment at which something is due; null when nothing is. */
  nextCall(remoteId: string): Promise<Instant | null>
  owedCounts(remoteId: string): Promise<{ waiting: number; failed: number; problem: string | null }>
  /** Nothing is owed to a remote that was removed. */
  dropRemote(remoteId: string): Promise<void>

  /** Takes over interactions of a remote store: new ones are filed, known ones follow, in one transaction with the cursor. */
  pull(
    remoteId: string,
    batch: readonly PulledInteraction[],
    cursor: unknown,
  ): Promise<{ stored: number; changed: number }>
  remoteCursor(remoteId: string): Promise<unknown>
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
}

export interface OwedCall {
  readonly id: Uuid
  readonly remote_id: string
  readonly kind: 'report' | 'write-back'
  readonly interaction_id: InteractionId
  readonly attempts: number
  readonly revision: number
}

export interface PulledInteraction {
  readonly their_id: string
  readonly input: InteractionInput
  /** The object as it came. */
  readonly theirs: Readonly<Record<string, unknown>>
}
