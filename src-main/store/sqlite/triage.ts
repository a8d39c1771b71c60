import type { InteractionId, ThreadId, Uuid } from '../../contract/domain.ts'
import { STATUS } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import type { Store } from '../store.ts'
import type { Engine, Touched } from './engine.ts'
import { agentName } from './history.ts'
import { firstQueue, queueName } from './queues.ts'
import { readJson } from './stored-json.ts'
import { currentThread, refreshThread, storedThread } from './threads.ts'
import { saveUndo } from './undo.ts'
import {
  carryOut,
  changeOf,
  newestInbound,
  openInteractions,
  REOPENED,
  type Work,
  type WorkChange,
  type WorkedInteraction,
} from './work.ts'

/**
 * Triage, thread by thread: each command takes several and does all of them or none. What another agent holds
 * can only be moved to a queue; everything else is a `conflict` that names the holder.
 */
export function triage(
  engine: Engine,
): Pick<Store, 'accept' | 'release' | 'moveToQueue' | 'moveToWorkbin' | 'markDone' | 'setRead'> {
  function command(
    threads: readonly ThreadId[],
    what: string,
    by: number,
    decide: (thread: ThreadId) => readonly WorkChange[],
  ): { undo_id: Uuid | null } {
    return engine.write((touched) => ({
      undo_id: keepForUndo(engine, changeThreads(engine, touched, threads, what, by, decide)),
    }))
  }

  return {
    async accept(threads, by) {
      return command(threads, 'accept', by, (thread) => {
        const open = openForAgent(engine, thread, by)
        if (open.length === 0)
          throw new CoreError('conflict', `${named(engine, thread)} is done; a reply or a move reopens it.`)
        return open
          .filter((work) => work.workbin === null)
          .map((work) => changeOf(work, { owner_id: by, status: STATUS.inProcess, workbin: 'in-progress' }))
      })
    },

    async release(threads, by) {
      return command(threads, 'release', by, (thread) =>
        openForAgent(engine, thread, by)
          .filter((work) => work.workbin !== null)
          .map((work) => changeOf(work, inQueue(work, work.queue_id ?? firstQueue(engine)))),
      )
    },

    async moveToQueue(threads, queue, by) {
      return command(threads, 'move', by, (thread) => {
        if (queueName(engine, queue) === null)
          throw new CoreError('not-found', 'This queue is not there any more. Choose another one.')
        return openOrReopened(engine, thread)
          .filter(
            (work) => work.workbin !== null || work.queue_id !== queue || work.status === STATUS.stopped,
          )
          .map((work) => changeOf(work, inQueue(work, queue)))
      })
    },

    async moveToWorkbin(threads, workbin, by) {
      return command(threads, 'move', by, (thread) => {
        openForAgent(engine, thread, by)
        return openOrReopened(engine, thread)
          .filter((work) => work.workbin !== workbin || work.status === STATUS.stopped)
          .map((work) => changeOf(work, { ...REOPENED, owner_id: by, status: STATUS.inProcess, workbin }))
      })
    },

    async markDone(threads, disposition, by) {
      return engine.write((touched) => ({
        undo_id: keepForUndo(engine, closeThreads(engine, touched, threads, disposition, by)),
      }))
    },

    async setRead(threads, read) {
      return engine.write((touched) => {
        const interactions = current(engine, threads).flatMap((thread) => {
          const changed = read ? markRead(engine, thread) : markUnread(engine, thread)
          if (changed.length > 0) refreshThread(engine, touched, thread)
          return changed
        })
        return {
          undo_id: interactions.length === 0 ? null : saveUndo(engine, 'read', { read, interactions }),
        }
      })
    },
  }
}

/**
 * Marks every open interaction of the threads Done with the disposition (and its name as it is now); the owner
 * stays, nobody's work becomes `by`'s. Part of the caller's transaction; `keepForUndo` makes the answer undoable.
 * Throws `not-found`, and `conflict` when somebody else holds one.
 */
export function closeThreads(
  engine: Engine,
  touched: Touched,
  threads: readonly ThreadId[],
  disposition: Uuid | null,
  by: number,
): readonly WorkChange[] {
  const name = disposition === null ? null : dispositionName(engine, disposition)
  return changeThreads(engine, touched, threads, 'mark-done', by, (thread) =>
    openForAgent(engine, thread, by).map((work) =>
      changeOf(work, {
        status: STATUS.stopped,
        workbin: null,
        owner_id: work.owner_id ?? by,
        stopped_reason: 'Normal',
        end_date: engine.now(),
        disposition_id: disposition,
        disposition: name,
      }),
    ),
  )
}

/** Remembers changes of work so that `undo` can take them back; null where nothing changed. */
export function keepForUndo(engine: Engine, changes: readonly WorkChange[]): Uuid | null {
  return changes.length === 0 ? null : saveUndo(engine, 'work', changes)
}

/** Undo of reading and of marking unread, from what `saveUndo` kept. */
export function restoreRead(engine: Engine, touched: Touched, before: string): void {
  const { read, interactions } = readJson<{ read: boolean; interactions: readonly InteractionId[] }>(before)
  const threads = new Set<ThreadId>()
  for (const id of interactions) {
    const row = engine
      .sql<{ thread_id: ThreadId }>(
        'update interactions set unread = ? where interaction_id = ? returning thread_id',
      )
      .get(read ? 1 : 0, id)
    if (row) threads.add(row.thread_id)
  }
  for (const thread of threads) refreshThread(engine, touched, thread)
}

function changeThreads(
  engine: Engine,
  touched: Touched,
  threads: readonly ThreadId[],
  what: string,
  by: number,
  decide: (thread: ThreadId) => readonly WorkChange[],
): readonly WorkChange[] {
  return current(engine, threads).flatMap((thread) => {
    const changes = decide(thread)
    carryOut(engine, touched, thread, changes, what, by)
    return changes
  })
}

/** Today's ids of the threads, each once. Throws `not-found`. */
function current(engine: Engine, threads: readonly ThreadId[]): readonly ThreadId[] {
  return [
    ...new Set(
      threads.map((thread) => {
        const today = currentThread(engine, thread)
        if (today === null) throw new CoreError('not-found', 'This thread is not there any more.')
        return today
      }),
    ),
  ]
}

/** The thread's open work. Throws `conflict` when somebody else holds any of it. */
function openForAgent(engine: Engine, thread: ThreadId, agent: number): readonly WorkedInteraction[] {
  const open = openInteractions(engine, thread)
  const other = open.find((work) => work.workbin !== null && work.owner_id !== agent)
  if (other && other.owner_id !== null)
    throw new CoreError(
      'conflict',
      `${named(engine, thread)} is held by ${agentName(engine, other.owner_id)}. Nothing was changed; ask them to release it, or move it to a queue.`,
    )
  return open
}

/** The thread's open work; of a Done thread its newest inbound interaction, which the change reopens. */
function openOrReopened(engine: Engine, thread: ThreadId): readonly WorkedInteraction[] {
  const open = openInteractions(engine, thread)
  if (open.length > 0) return open
  const newest = newestInbound(engine, thread)
  if (!newest)
    throw new CoreError(
      'conflict',
      `${named(engine, thread)} holds only mail of ours, so there is nothing to work on until it is answered.`,
    )
  return [newest]
}

/** Back among the unowned: New stays New, anything that was in hand or done is Pending. */
function inQueue(work: Work, queue: Uuid): Partial<Work> {
  const status = work.status === STATUS.new ? STATUS.new : STATUS.pending
  return { ...REOPENED, status, owner_id: null, workbin: null, queue_id: queue }
}

function markRead(engine: Engine, thread: ThreadId): readonly InteractionId[] {
  return engine
    .sql<{ interaction_id: InteractionId }>(
      'update interactions set unread = 0 where thread_id = ? and unread = 1 returning interaction_id',
    )
    .all(thread)
    .map((row) => row.interaction_id)
}

/** Its newest inbound message becomes unread (of a thread without one, its newest). */
function markUnread(engine: Engine, thread: ThreadId): readonly InteractionId[] {
  return engine
    .sql<{ interaction_id: InteractionId }>(
      `update interactions set unread = 1
        where unread = 0 and row = (select row from interactions where thread_id = ?
                                     order by entity_type = 0 desc, row desc limit 1)
        returning interaction_id`,
    )
    .all(thread)
    .map((row) => row.interaction_id)
}

function dispositionName(engine: Engine, id: Uuid): string {
  const row = engine.sql<{ name: string }>('select name from dispositions where id = ?').get(id)
  if (!row) throw new CoreError('not-found', 'This disposition is not there any more. Choose another one.')
  return row.name
}

/** How a message to the agent calls a thread. */
function named(engine: Engine, thread: ThreadId): string {
  const subject = storedThread(engine, thread)?.subject.trim() ?? ''
  return subject === '' ? 'This thread' : `“${subject.slice(0, 80)}”`
}
