import type { Instant, InteractionId, ThreadId, Uuid } from '../../contract/domain.ts'
import { reportedId } from '../../outbox/reported-ids.ts'
import { newUuid } from '../ids.ts'
import type { OwedCall, RemoteDuty, RemoteStore } from '../remote-store.ts'
import type { Engine, Touched } from './engine.ts'
import type { InteractionRow } from './interaction-row.ts'
import { keptOf } from './pulled-original.ts'
import { readJson } from './stored-json.ts'

/** Repeats the condition of the index `owed_calls_due`, which SQLite otherwise doesn't see to be implied. */
const DUE = "state = 'queued'"
const CALL = 'id, remote_id, kind, interaction_id, thread_id, due_at, attempts, revision'
/** Mail of the sample desk never leaves this computer. */
const SAMPLE = 'sample'

/** What remotes are owed by themselves: reports of messages, and changes of what was pulled from them. */
export function owedCalls(
  engine: Engine,
): Pick<
  RemoteStore,
  | 'setRemoteDuties'
  | 'claimCalls'
  | 'callDone'
  | 'callAgain'
  | 'callFailed'
  | 'retryCalls'
  | 'recoverCalls'
  | 'nextCall'
  | 'owedCounts'
  | 'dropRemote'
> {
  return {
    async setRemoteDuties(duties) {
      if (JSON.stringify(remoteDuties(engine)) === JSON.stringify(duties)) return
      engine.write((touched) => {
        engine
          .sql(
            `insert into meta (key, value) values ('remote_duties', ?)
             on conflict (key) do update set value = excluded.value`,
          )
          .run(JSON.stringify(duties))
        // What nobody is to be told any more isn't owed any more.
        const owed = engine
          .sql<{ remote_id: string; kind: string }>(
            "select distinct remote_id, kind from owed_calls indexed by owed_calls_open where state <> 'done'",
          )
          .all()
        for (const { remote_id, kind } of owed)
          if (!duties.some((duty) => duty.remote_id === remote_id && duty.kind === kind))
            engine
              .sql("delete from owed_calls where remote_id = ? and kind = ? and state <> 'done'")
              .run(remote_id, kind)
        touched.kind('remotes')
      })
    },

    async claimCalls(remoteId, now, limit) {
      const due = engine
        .sql<{ id: Uuid }>(
          `select id from owed_calls where remote_id = ? and ${DUE} and due_at <= ? order by due_at, id limit ?`,
        )
        .all(remoteId, now, limit)
      if (due.length === 0) return []
      return engine.write((touched) => {
        touched.kind('remotes')
        return due.map(({ id }) => {
          engine
            .sql(
              "update owed_calls set state = 'claimed', attempts = attempts + 1, changed_at = ? where id = ?",
            )
            .run(engine.now(), id)
          return readCall(engine, id)
        })
      })
    },

    async callDone(id, revision, theirs) {
      engine.write((touched) => {
        const call = engine
          .sql<{ remote_id: string; interaction_id: InteractionId; revision: number }>(
            "select remote_id, interaction_id, revision from owed_calls where id = ? and state = 'claimed'",
          )
          .get(id)
        // Nothing is owed any more: its remote was removed meanwhile.
        if (!call) return
        if (call.revision === revision) settle(engine, id, 'done', null)
        // It changed while the call ran, so what was told is old already.
        else
          engine
            .sql(
              `update owed_calls set state = 'queued', attempts = 0, problem = null, due_at = @now, changed_at = @now
                where id = @id`,
            )
            .run({ id, now: engine.now() })
        if (theirs)
          engine
            .sql(
              `update pulled_interactions set theirs = ?
                where remote_id = ? and row = (select row from interactions where interaction_id = ?)`,
            )
            .run(keptOf(theirs), call.remote_id, call.interaction_id)
        touched.kind('remotes')
      })
    },

    async callAgain(id, dueAt, problem, unused = false) {
      engine.write((touched) => {
        const { changes } = engine
          .sql(
            `update owed_calls
                set state = 'queued', due_at = ?, changed_at = ?, problem = ?, attempts = attempts - ?
              where id = ? and state = 'claimed'`,
          )
          .run(dueAt, engine.now(), problem, unused ? 1 : 0, id)
        if (changes > 0) touched.kind('remotes')
      })
    },

    async callFailed(id, problem) {
      engine.write((touched) => {
        settle(engine, id, 'failed', problem)
        touched.kind('remotes')
      })
    },

    async retryCalls(remoteId, least = 0) {
      engine.write((touched) => {
        const { changes } = engine
          .sql(
            `update owed_calls set state = 'queued', attempts = 0, problem = null, due_at = @now, changed_at = @now
              where remote_id = @remoteId and state <> 'done' and state = 'failed' and attempts >= @least`,
          )
          .run({ remoteId, least, now: engine.now() })
        const waiting = engine
          .sql(
            `update owed_calls set due_at = @now
              where remote_id = @remoteId and ${DUE} and due_at > @now and @least = 0`,
          )
          .run({ remoteId, least, now: engine.now() })
        if (changes + waiting.changes > 0) touched.kind('remotes')
      })
    },

    async recoverCalls() {
      const open = engine
        .sql<{ remote_id: string }>(
          "select distinct remote_id from owed_calls indexed by owed_calls_open where state <> 'done' and state = 'claimed'",
        )
        .all()
      if (open.length === 0) return
      engine.write((touched) => {
        for (const { remote_id } of open)
          engine
            .sql(
              `update owed_calls set state = 'queued', changed_at = ?
                where remote_id = ? and state <> 'done' and state = 'claimed'`,
            )
            .run(engine.now(), remote_id)
        touched.kind('remotes')
      })
    },

    async nextCall(remoteId) {
      const row = engine
        .sql<{ due_at: Instant }>(
          `select due_at from owed_calls where remote_id = ? and ${DUE} order by due_at limit 1`,
        )
        .get(remoteId)
      return row?.due_at ?? null
    },

    async owedCounts(remoteId) {
      const rows = engine
        .sql<{ state: string; n: number }>(
          "select state, count(*) as n from owed_calls where remote_id = ? and state <> 'done' group by state",
        )
        .all(remoteId)
      const failed = rows.find(({ state }) => state === 'failed')?.n ?? 0
      const waiting = rows.reduce((sum, { state, n }) => (state === 'failed' ? sum : sum + n), 0)
      const last = engine
        .sql<{ problem: string | null }>(
          `select problem from owed_calls where remote_id = ? and state <> 'done' and state = 'failed'
            order by changed_at desc limit 1`,
        )
        .get(remoteId)
      return { waiting, failed, problem: last?.problem ?? null }
    },

    async dropRemote(remoteId) {
      engine.write((touched) => {
        const duties = remoteDuties(engine).filter((duty) => duty.remote_id !== remoteId)
        engine.sql("update meta set value = ? where key = 'remote_duties'").run(JSON.stringify(duties))
        engine.sql('delete from owed_calls where remote_id = ?').run(remoteId)
        // What was pulled stays, and is known again should the remote come back.
        engine.sql('delete from remote_cursors where remote_id = ?').run(remoteId)
        touched.kind('remotes')
      })
    },
  }
}

/**
 * Owes a message that was stored (inbound) or is certain to have left (outbound) to each remote that is told of its
 * queue's messages, once. Part of the caller's transaction; `row` is the interaction's row.
 */
export function oweReports(engine: Engine, touched: Touched, row: number): void {
  const duties = remoteDuties(engine).filter(({ kind }) => kind === 'report')
  if (duties.length === 0) return
  const message = engine
    .sql<
      Pick<
        InteractionRow,
        'external_id' | 'interaction_id' | 'entity_type' | 'thread_id' | 'queue_id' | 'held_back' | 'came_by'
      >
    >(
      'select external_id, interaction_id, entity_type, thread_id, queue_id, held_back, came_by from interactions where row = ?',
    )
    .get(row)
  // Only mail, and what could be read; and never the sample's.
  if (!message || message.entity_type > 1 || message.held_back !== null || message.came_by === SAMPLE) return
  const queue = message.queue_id ?? queueOfThread(engine, message.thread_id)
  for (const duty of duties) {
    if (duty.queues !== null && (queue === null || !duty.queues.includes(queue))) continue
    if (duty.except?.some((remote) => message.came_by === `remote:${remote}`)) continue
    const now = engine.now()
    const { changes } = engine
      .sql(
        `insert or ignore into owed_calls
           (id, remote_id, kind, interaction_id, thread_id, state, due_at, changed_at, told_as)
         values (?, ?, 'report', ?, ?, 'queued', ?, ?, ?)`,
      )
      .run(
        newUuid(now),
        duty.remote_id,
        message.interaction_id,
        message.thread_id,
        now,
        now,
        reportedId(message),
      )
    if (changes > 0) touched.kind('remotes')
  }
}

/**
 * Owes the changes of an interaction that was pulled to the remote it came from, where that is to be told. Owed again
 * while a call runs, the call is followed by another. Part of the caller's transaction.
 */
export function oweWriteBack(engine: Engine, touched: Touched, id: InteractionId): void {
  const duties = remoteDuties(engine).filter(({ kind }) => kind === 'write-back')
  if (duties.length === 0) return
  const pulled = engine
    .sql<{ remote_id: string; thread_id: ThreadId }>(
      `select p.remote_id, i.thread_id from interactions i join pulled_interactions p on p.row = i.row where i.interaction_id = ?`,
    )
    .all(id)
  for (const { remote_id, thread_id } of pulled) {
    if (!duties.some((duty) => duty.remote_id === remote_id)) continue
    const now = engine.now()
    engine
      .sql(
        `insert into owed_calls (id, remote_id, kind, interaction_id, thread_id, state, due_at, changed_at)
         values (@call, @remote_id, 'write-back', @id, @thread_id, 'queued', @now, @now)
         on conflict (remote_id, kind, interaction_id) do update
           set revision = revision + 1, changed_at = @now,
               state = iif(state = 'claimed', 'claimed', 'queued'),
               due_at = iif(state = 'claimed', due_at, @now),
               attempts = iif(state = 'claimed', attempts, 0),
               problem = iif(state = 'claimed', problem, null)`,
      )
      .run({ call: newUuid(now), remote_id, id, thread_id, now })
    touched.kind('remotes')
  }
}

/** Whether a remote still is to be told of a change of this interaction. */
export function owesWriteBack(engine: Engine, remoteId: string, id: InteractionId): boolean {
  return (
    engine
      .sql(
        `select 1 from owed_calls
          where remote_id = ? and kind = 'write-back' and interaction_id = ? and state <> 'done'`,
      )
      .get(remoteId, id) !== undefined
  )
}

function remoteDuties(engine: Engine): readonly RemoteDuty[] {
  const row = engine.sql<{ value: string }>("select value from meta where key = 'remote_duties'").get()
  return row ? readJson<readonly RemoteDuty[]>(row.value) : []
}

/** Mail of ours lies in no queue; it belongs to the one that its thread's work last came from. */
function queueOfThread(engine: Engine, thread: ThreadId): Uuid | null {
  const row = engine
    .sql<{ queue_id: Uuid }>(
      'select queue_id from interactions where thread_id = ? and queue_id is not null order by row desc limit 1',
    )
    .get(thread)
  return row?.queue_id ?? null
}

function settle(engine: Engine, id: Uuid, state: 'done' | 'failed', problem: string | null): void {
  engine
    .sql("update owed_calls set state = ?, problem = ?, changed_at = ? where id = ? and state = 'claimed'")
    .run(state, problem, engine.now(), id)
}

function readCall(engine: Engine, id: Uuid): OwedCall {
  const row = engine.sql<OwedCall>(`select ${CALL} from owed_calls where id = ?`).get(id)
  // Updated in this transaction, so it is there.
  if (!row) throw new Error(`the call ${id} is gone`)
  return row
}
