import type {
  Instant,
  InteractionId,
  Status,
  ThreadId,
  UserData,
  Uuid,
  Workbin,
} from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import type { Engine, Touched } from './engine.ts'
import { recordHistory } from './history.ts'
import { oweWriteBack } from './owed-calls.ts'
import { queueName } from './queues.ts'
import { readJson } from './stored-json.ts'
import { refreshThread } from './threads.ts'

/** Whose work an interaction is and how far it got: what triage changes, and what undo puts back. */
export interface Work {
  readonly status: Status
  readonly owner_id: number | null
  readonly queue_id: Uuid | null
  readonly workbin: Workbin | null
  readonly stopped_reason: string | null
  readonly end_date: Instant | null
  readonly disposition_id: Uuid | null
  /** Its name at that time. */
  readonly disposition: string | null
}

export interface WorkedInteraction extends Work {
  readonly interaction_id: InteractionId
  readonly thread_id: ThreadId
}

/** One interaction's work before and after a command. */
export interface WorkChange {
  readonly interaction_id: InteractionId
  readonly before: Work
  readonly after: Work
}

const FIELDS = [
  'status',
  'owner_id',
  'queue_id',
  'workbin',
  'stopped_reason',
  'end_date',
  'disposition_id',
  'disposition',
] as const satisfies readonly (keyof Work)[]
const SELECT = `select interaction_id, thread_id, ${FIELDS.join(', ')} from interactions`

/** What a reopened interaction loses. */
export const REOPENED = {
  stopped_reason: null,
  end_date: null,
  disposition_id: null,
  disposition: null,
} as const

/** What of a thread is open, oldest first; the same as `openWork` of threads.ts, with all of its work. */
export function openInteractions(engine: Engine, thread: ThreadId): readonly WorkedInteraction[] {
  return engine
    .sql<WorkedInteraction>(
      `${SELECT} indexed by interactions_open
        where thread_id = ? and status < 3 and (entity_type = 0 or workbin is not null) order by row`,
    )
    .all(thread)
}

/** The thread's newest inbound interaction, open or not. */
export function newestInbound(engine: Engine, thread: ThreadId): WorkedInteraction | null {
  return (
    engine
      .sql<WorkedInteraction>(`${SELECT} where thread_id = ? and entity_type = 0 order by row desc limit 1`)
      .get(thread) ?? null
  )
}

/** The work of one interaction; null when there is no such interaction. */
export function workedInteraction(engine: Engine, id: InteractionId): WorkedInteraction | null {
  return engine.sql<WorkedInteraction>(`${SELECT} where interaction_id = ?`).get(id) ?? null
}

/** The change that gives an interaction's work other values. */
export function changeOf(from: WorkedInteraction, to: Partial<Work>): WorkChange {
  const before = workOf(from)
  return { interaction_id: from.interaction_id, before, after: { ...before, ...to } }
}

/**
 * Carries out changes of one thread's work, remembers them in the history and refreshes the thread; what was pulled
 * from a remote is owed back to it.
 */
export function carryOut(
  engine: Engine,
  touched: Touched,
  thread: ThreadId,
  changes: readonly WorkChange[],
  what: string,
  by: number | null,
): void {
  changeWork(engine, touched, thread, changes, what, by)
  for (const { interaction_id } of changes) oweWriteBack(engine, touched, interaction_id)
}

/** The same for a change that came from the remote itself, which is owed nothing. */
export function changeWork(
  engine: Engine,
  touched: Touched,
  thread: ThreadId,
  changes: readonly WorkChange[],
  what: string,
  by: number | null,
): void {
  for (const { interaction_id, before, after } of changes) {
    engine
      .sql(
        `update interactions set ${FIELDS.map((field) => `${field} = @${field}`).join(', ')}
          where interaction_id = @interaction_id`,
      )
      .run({ ...after, interaction_id })
    recordHistory(engine, {
      interaction_id,
      by,
      what,
      before: shown(engine, before),
      after: shown(engine, after),
    })
  }
  if (changes.length > 0) refreshThread(engine, touched, thread)
}

/** Puts work back as it was before the changes. Throws `conflict` where it isn't as they left it. */
export function takeBackChanges(
  engine: Engine,
  touched: Touched,
  changes: readonly WorkChange[],
  by: number,
): void {
  for (const { interaction_id, before, after } of changes) {
    const now = workedInteraction(engine, interaction_id)
    if (!now || FIELDS.some((field) => now[field] !== after[field]))
      throw new CoreError('conflict', 'This was changed again since, so it can’t be undone.')
    if (before.queue_id !== null && queueName(engine, before.queue_id) === null)
      throw new CoreError('conflict', 'Its queue was deleted since, so this can’t be undone.')
    carryOut(engine, touched, now.thread_id, [{ interaction_id, before: after, after: before }], 'undo', by)
  }
}

/** Undo of triage, from what `saveUndo` kept. */
export function restoreWork(engine: Engine, touched: Touched, before: string, by: number): void {
  takeBackChanges(engine, touched, readJson<readonly WorkChange[]>(before), by)
}

function workOf(row: WorkedInteraction): Work {
  return {
    status: row.status,
    owner_id: row.owner_id,
    queue_id: row.queue_id,
    workbin: row.workbin,
    stopped_reason: row.stopped_reason,
    end_date: row.end_date,
    disposition_id: row.disposition_id,
    disposition: row.disposition,
  }
}

/** Work as the history shows it: names, not ids, and nothing that is empty. */
function shown(engine: Engine, work: Work): UserData {
  return {
    status: work.status,
    ...(work.owner_id === null ? {} : { owner_id: work.owner_id }),
    ...(work.workbin !== null
      ? { workbin: work.workbin }
      : work.queue_id !== null && work.status !== 3
        ? { queue: queueName(engine, work.queue_id) ?? '' }
        : {}),
    ...(work.stopped_reason === null ? {} : { stopped_reason: work.stopped_reason }),
    ...(work.disposition === null ? {} : { disposition: work.disposition }),
  }
}
