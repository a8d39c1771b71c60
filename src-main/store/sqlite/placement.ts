import type { ThreadId, UserData, Uuid } from '../../contract/domain.ts'
import { STATUS } from '../../contract/domain.ts'
import type { Engine } from './engine.ts'
import type { NewInteraction } from './interactions.ts'
import { firstQueue } from './queues.ts'
import { caseOf, openWork } from './threads.ts'

/** A delivery report that comes back to whoever wrote the mail. */
interface FailedSend {
  /** Null where nobody here wrote it. */
  readonly owner_id: number | null
  readonly failed: boolean
}

/**
 * Where a new inbound mail waits: with the agent who holds its thread's open work, else in the queue that this
 * work lies in; a thread that was done reopens in the queue it last had; a new one begins in the queue given.
 */
export function placement(
  engine: Engine,
  thread: ThreadId | null,
  queue: Uuid | null,
  report: FailedSend | null = null,
): Pick<NewInteraction, 'status' | 'owner_id' | 'workbin' | 'queue_id'> {
  const open = thread === null ? undefined : openWork(engine, thread).at(-1)
  if (open && open.workbin !== null)
    return {
      status: STATUS.inProcess,
      owner_id: open.owner_id,
      workbin: open.workbin,
      queue_id: open.queue_id,
    }
  if (open) return { status: STATUS.new, queue_id: open.queue_id }
  const queue_id = queueFor(engine, thread, queue)
  // What failed comes back to its writer.
  if (report?.failed && report.owner_id !== null)
    return { status: STATUS.inProcess, owner_id: report.owner_id, workbin: 'in-progress', queue_id }
  return { status: STATUS.new, queue_id }
}

/** The queue that a thread last had, else the one given, else the first. */
export function queueFor(engine: Engine, thread: ThreadId | null, queue: Uuid | null): Uuid {
  return (thread && lastQueue(engine, thread)) ?? knownQueue(engine, queue) ?? firstQueue(engine)
}

/** Case data follows the thread; what comes with the mail wins. */
export function inheritedUserData(
  engine: Engine,
  thread: ThreadId | null,
  given: UserData | undefined,
): UserData | null {
  const inherited = thread === null ? null : (caseOf(engine, thread)?.udata ?? null)
  const udata = { ...inherited, ...given }
  return Object.keys(udata).length === 0 ? null : udata
}

function knownQueue(engine: Engine, id: Uuid | null): Uuid | null {
  return id !== null && engine.sql('select 1 from queues where id = ?').get(id) ? id : null
}

function lastQueue(engine: Engine, thread: ThreadId): Uuid | null {
  const row = engine
    .sql<{ queue_id: Uuid }>(
      'select queue_id from interactions where thread_id = ? and queue_id is not null order by row desc limit 1',
    )
    .get(thread)
  return row?.queue_id ?? null
}
