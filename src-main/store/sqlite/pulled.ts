import type { InteractionId, ThreadId } from '../../contract/domain.ts'
import { ENTITY, STATUS } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import type { PulledInteraction, RemoteStore } from '../remote-store.ts'
import type { Engine } from './engine.ts'
import { insertInteraction, isTaken, type NewInteraction } from './interactions.ts'
import { oweReports } from './owed-calls.ts'
import { ownAddresses } from './own-addresses.ts'
import { hasAncestor } from './parents.ts'
import { queueFor } from './placement.ts'
import { follow } from './pulled-changes.ts'
import { bodyOf, customerOf, membersOf, type Pull, threadOf } from './pulled-fields.ts'
import { keptOf } from './pulled-original.ts'
import { readJson } from './stored-json.ts'
import { currentThread, refreshThread } from './threads.ts'

/** So many are filed in about 15 ms; more would hold the one writer up. */
const LARGEST_BATCH = 50

/** What is taken over from the interaction stores of remotes. */
export function pulled(
  engine: Engine,
): Pick<RemoteStore, 'pull' | 'remoteCursor' | 'pulledFrom' | 'pulledAlready'> {
  return {
    async pull(remoteId, batch, cursor, queueId) {
      if (batch.length > LARGEST_BATCH)
        throw new CoreError('internal', `At most ${LARGEST_BATCH} interactions are taken over at once.`)
      return engine.write((touched) => {
        const pull: Pull = { engine, touched, remoteId, queueId, own: ownAddresses(engine), stale: new Set() }
        // Oldest first, so that threads begin with the message that began them.
        const oldestFirst = [...batch].sort((a, b) => a.input.start_date - b.input.start_date)
        const outcomes = oldestFirst.map((item) => takeOver(pull, item))
        for (const thread of pull.stale) {
          const today = currentThread(engine, thread)
          if (today !== null) refreshThread(engine, touched, today)
        }
        if (cursor !== undefined) saveCursor(engine, remoteId, JSON.stringify(cursor))
        return {
          stored: outcomes.filter((outcome) => outcome === 'stored').length,
          changed: outcomes.filter((outcome) => outcome === 'changed').length,
        }
      })
    },

    async remoteCursor(remoteId) {
      const row = engine
        .sql<{ cursor: string }>('select cursor from remote_cursors where remote_id = ?')
        .get(remoteId)
      return row ? readJson<unknown>(row.cursor) : null
    },

    async pulledFrom(id) {
      const row = engine
        .sql<{ remote_id: string; their_id: string; theirs: string }>(
          `select p.remote_id, p.their_id, p.theirs
             from interactions i join pulled_interactions p on p.row = i.row where i.interaction_id = ?`,
        )
        .get(id)
      return row ? { ...row, theirs: readJson<Record<string, unknown>>(row.theirs) } : null
    },

    async pulledAlready(remoteId, theirIds) {
      const find = engine.sql('select 1 from pulled_interactions where remote_id = ? and their_id = ?')
      return new Set(theirIds.filter((id) => find.get(remoteId, id)))
    },
  }
}

/** What came of one interaction of a batch. */
type Outcome = 'stored' | 'changed' | 'nothing'

function takeOver(pull: Pull, item: PulledInteraction): Outcome {
  const { engine, remoteId } = pull
  const known = engine
    .sql<{ row: number; theirs: string }>(
      'select row, theirs from pulled_interactions where remote_id = ? and their_id = ?',
    )
    .get(remoteId, item.their_id)
  if (known) return follow(pull, known, item) ? 'changed' : 'nothing'
  if (item.known_only || isHere(engine, item)) return 'nothing'
  file(pull, item)
  return 'stored'
}

/**
 * The same interaction under the same id: ours, which the remote took over from us, or one that came by another remote;
 * or a message that was reported there from here. Two desks that take over from each other would otherwise copy each
 * other's copies for ever.
 */
function isHere(engine: Engine, { their_id, input }: PulledInteraction): boolean {
  const { external_id } = input
  if (
    external_id !== undefined &&
    engine.sql('select 1 from owed_calls where told_as = ?').get(external_id) !== undefined
  )
    return true
  const here = engine
    .sql<{ start_date: number; entity_type: number; subject: string | null }>(
      'select start_date, entity_type, subject from interactions where interaction_id = ?',
    )
    .get(their_id)
  return (
    here?.start_date === input.start_date &&
    here.entity_type === input.entity_type &&
    (here.subject ?? '') === (input.subject ?? '')
  )
}

function file(pull: Pull, item: PulledInteraction): void {
  const { engine, touched, remoteId, stale } = pull
  const { input, their_id } = item
  const parent = input.parent_id === undefined ? null : pulledAs(engine, remoteId, input.parent_id)
  const their_thread = input.thread_id ?? parent?.their_thread ?? their_id
  const customer_id = customerOf(pull, item)
  const keepsId = /^[0-9A-Za-z]{16}$/.test(their_id) && !isTaken(engine, their_id)
  const thread = threadOf(engine, remoteId, their_thread, customer_id)
  const inserted = insertInteraction(engine, {
    ...bodyOf(item),
    ...membersOf(item),
    ...workOf(pull, item, thread.known ? thread.id : null),
    interaction_id: keepsId ? their_id : null,
    external_id: keepsId ? (input.external_id ?? null) : their_id,
    received: input.start_date,
    thread_id: thread.id,
    thread_reason: thread.known ? 'conversation' : 'new',
    parent_id: parent?.interaction_id ?? null,
    customer_id,
    entity_type: input.entity_type,
    unread: input.entity_type !== ENTITY.emailOut && input.status === STATUS.new,
    udata: input.udata ?? null,
    message_id: item.message_id,
    attachments: item.attachments,
    came_by: `remote:${remoteId}`,
  })
  engine
    .sql(
      `insert into pulled_interactions (remote_id, their_id, row, their_thread, their_customer, theirs)
       values (?, ?, ?, ?, ?, ?)`,
    )
    .run(remoteId, their_id, inserted.row, their_thread, input.customer_id, keptOf(item.theirs))
  adoptChildren(engine, remoteId, their_thread, their_id, inserted.interaction_id)
  oweReports(engine, touched, inserted.row)
  stale.add(inserted.thread_id)
}

/** Held by the agent who holds it there, done where it is done there, else in the queue. */
function workOf(
  { engine, queueId }: Pull,
  { input }: PulledInteraction,
  thread: ThreadId | null,
): Pick<NewInteraction, 'status' | 'owner_id' | 'workbin' | 'queue_id' | 'stopped_reason' | 'end_date'> {
  const { status } = input
  const ours = input.entity_type === ENTITY.emailOut
  return {
    status,
    owner_id: input.owner_id ?? null,
    workbin: !ours && status === STATUS.inProcess && input.owner_id !== undefined ? 'in-progress' : null,
    queue_id: ours ? null : queueFor(engine, thread, queueId),
    stopped_reason: status === STATUS.stopped ? (input.stopped_reason ?? null) : null,
    end_date: input.end_date ?? null,
  }
}

interface PulledAs {
  readonly interaction_id: InteractionId
  readonly thread_id: ThreadId
  readonly their_thread: string
}

/** What an interaction of theirs is here; null where it isn't known. */
function pulledAs(engine: Engine, remoteId: string, theirId: string): PulledAs | null {
  return (
    engine
      .sql<PulledAs>(
        `select i.interaction_id, i.thread_id, p.their_thread
           from pulled_interactions p join interactions i on i.row = p.row
          where p.remote_id = ? and p.their_id = ?`,
      )
      .get(remoteId, theirId) ?? null
  )
}

/** Answers that came before what they answer have their parent now. */
function adoptChildren(
  engine: Engine,
  remoteId: string,
  theirThread: string,
  theirId: string,
  parent: InteractionId,
): void {
  const children = engine
    .sql<{ row: number; interaction_id: InteractionId }>(
      `select i.row, i.interaction_id from pulled_interactions p join interactions i on i.row = p.row
        where p.remote_id = ? and p.their_thread = ? and i.parent_id is null
          and json_extract(p.theirs, '$.parent_id') = ?`,
    )
    .all(remoteId, theirThread, theirId)
  for (const { row, interaction_id } of children)
    // Ids of theirs can name each other in a circle; parents never do.
    if (!hasAncestor(engine, parent, interaction_id))
      engine.sql('update interactions set parent_id = ? where row = ?').run(parent, row)
}

function saveCursor(engine: Engine, remoteId: string, cursor: string): void {
  const before = engine
    .sql<{ cursor: string }>('select cursor from remote_cursors where remote_id = ?')
    .get(remoteId)
  if (before?.cursor === cursor) return
  engine
    .sql(
      `insert into remote_cursors (remote_id, cursor) values (?, ?)
       on conflict (remote_id) do update set cursor = excluded.cursor`,
    )
    .run(remoteId, cursor)
}
