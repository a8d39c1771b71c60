import type {
  Address,
  InteractionId,
  Status,
  ThreadId,
  ThreadReason,
  UserData,
  Uuid,
  Workbin,
} from '../../contract/domain.ts'
import { ENTITY, STATUS } from '../../contract/domain.ts'
import type { Engine, Touched } from './engine.ts'
import { recordHistory } from './history.ts'
import { addresses } from './interaction-row.ts'
import { oweWriteBack } from './owed-calls.ts'
import { indexMessage, unindexMessage } from './search-index.ts'
import { readJson, readJsonOr } from './stored-json.ts'

/** A row of `threads`. */
export interface ThreadRow {
  readonly thread_id: ThreadId
  readonly subject: string
  readonly place: string
  readonly owner_id: number | null
  readonly status: Status
  readonly category_id: string | null
  readonly last: number
  readonly waiting: number | null
  readonly since: number
  readonly messages: number
  readonly unread: number
  readonly attachments: number
  readonly held_back: number
  readonly has_draft: number
  readonly trouble: 'rejected' | 'unknown' | null
  readonly correspondent: string | null
}

/** An interaction of a thread that is still somebody's or some queue's work. */
export interface OpenWork {
  readonly row: number
  readonly interaction_id: InteractionId
  readonly entity_type: number
  readonly status: Status
  readonly owner_id: number | null
  readonly queue_id: Uuid | null
  readonly workbin: Workbin | null
  readonly sub_type: string | null
}

/**
 * What of a thread waits to be worked on, oldest first: open inbound mail, and outbound mail that came back to
 * its writer's workbin.
 */
export function openWork(engine: Engine, thread: ThreadId): readonly OpenWork[] {
  return engine
    .sql<OpenWork>(
      `select row, interaction_id, entity_type, status, owner_id, queue_id, workbin, sub_type
         from interactions indexed by interactions_open
        where thread_id = ? and status < 3 and (entity_type = 0 or workbin is not null)
        order by row`,
    )
    .all(thread)
}

/** The thread's id today: merged ones are followed. Null when there is no such thread. */
export function currentThread(engine: Engine, thread: ThreadId): ThreadId | null {
  const merged = engine
    .sql<{ thread_id: ThreadId }>('select thread_id from merged_threads where old_id = ?')
    .get(thread)
  const today = merged?.thread_id ?? thread
  const known = engine.sql('select 1 from interactions where thread_id = ? limit 1').get(today)
  return known ? today : null
}

/**
 * Brings the thread's one row and the counts in step with its interactions and drafts; deletes the row of an
 * empty thread. Every command calls it for each thread it touched, inside its transaction.
 */
export function refreshThread(engine: Engine, touched: Touched, thread: ThreadId): void {
  const before = storedThread(engine, thread)
  const after = computeThread(engine, thread)
  if (after) engine.sql(UPSERT).run(after)
  else if (before) engine.sql('delete from threads where thread_id = ?').run(thread)
  recount(engine, before, after)
  touched.thread(thread)
  touched.kind('lists')
}

/** The stored row; null when there is none. */
export function storedThread(engine: Engine, thread: ThreadId): ThreadRow | null {
  return engine.sql<ThreadRow>('select * from threads where thread_id = ?').get(thread) ?? null
}

/** What the thread's row must be; null for a thread without interactions. */
export function computeThread(engine: Engine, thread: ThreadId): ThreadRow | null {
  const sums = engine
    .sql<{
      messages: number
      first: number | null
      last: number | null
      newest_in: number | null
      newest_out: number | null
      unread: number
      attachments: number
      held_back: number
    }>(
      `select count(*) as messages, min(row) as first, max(row) as last,
              max(case when entity_type <> 1 then row end) as newest_in,
              max(case when entity_type = 1 then row end) as newest_out,
              total(unread) as unread, coalesce(max(attachments > 0), 0) as attachments,
              count(held_back) as held_back
         from interactions where thread_id = ?`,
    )
    .get(thread)
  if (sums === undefined || sums.last === null || sums.first === null) return null

  const open = openWork(engine, thread)
  const newest = open.at(-1)
  const head = headOf(engine, sums.newest_in ?? sums.last)
  const first = engine
    .sql<{ subject: string | null }>('select subject from interactions where row = ?')
    .get(sums.first)
  const failed = sums.newest_out === null ? [] : failedSends(engine, thread)
  const answered = open.length > 0 && sums.newest_out !== null ? lastAnswer(engine, thread) : null
  const waiting =
    open.find((work) => work.entity_type !== ENTITY.emailOut && work.row > (answered ?? -1))?.row ?? null
  // Refused for some of its recipients, or returned by a later server.
  const undelivered = open.some(
    (work) =>
      work.sub_type === 'InboundNDR' || (work.entity_type === ENTITY.emailOut && !failed.includes('unknown')),
  )

  return {
    thread_id: thread,
    subject: first?.subject ?? '',
    place: newest ? placeOf(newest) : 'done',
    owner_id: newest ? newest.owner_id : head.owner_id,
    status: newest ? newest.status : STATUS.stopped,
    category_id: head.category_id,
    last: sums.last,
    waiting,
    since: waiting ?? sums.last,
    messages: sums.messages,
    unread: sums.unread,
    attachments: sums.attachments,
    held_back: sums.held_back,
    has_draft: engine.sql('select 1 from drafts where thread_id = ? limit 1').get(thread) ? 1 : 0,
    trouble:
      undelivered || failed.includes('rejected') ? 'rejected' : failed.includes('unknown') ? 'unknown' : null,
    correspondent: head.correspondent && JSON.stringify(head.correspondent),
  }
}

/** `queue:<id>` or `workbin:<name>`, as in `threads.place` and `counts.place`. */
function placeOf(work: OpenWork): string {
  return work.workbin !== null ? `workbin:${work.workbin}` : `queue:${work.queue_id ?? ''}`
}

function headOf(engine: Engine, row: number) {
  const head = engine
    .sql<{
      entity_type: number
      owner_id: number | null
      category_id: string | null
      from: string | null
      to: string | null
      cc: string | null
      from_as_written: string | null
    }>(
      'select entity_type, owner_id, category_id, "from", "to", cc, from_as_written from interactions where row = ?',
    )
    .get(row)
  const other: Address | null =
    head?.entity_type === ENTITY.emailOut
      ? (addresses(head.to)[0] ?? addresses(head.cc)[0] ?? null)
      : head?.from
        ? readJson<Address>(head.from)
        : head?.from_as_written
          ? { address: '', personal: head.from_as_written }
          : null
  return { owner_id: head?.owner_id ?? null, category_id: head?.category_id ?? null, correspondent: other }
}

function failedSends(engine: Engine, thread: ThreadId): readonly string[] {
  return engine
    .sql<{ state: string }>(
      `select distinct o.state from interactions i join outbox o on o.interaction_id = i.interaction_id
        where i.thread_id = ? and i.entity_type = 1 and o.state in ('rejected', 'unknown')`,
    )
    .all(thread)
    .map((row) => row.state)
}

/** Row of our newest mail in the thread that reached, or will reach, the other side as far as anybody knows. */
function lastAnswer(engine: Engine, thread: ThreadId): number | null {
  const row = engine
    .sql<{ row: number | null }>(
      `select max(i.row) as row from interactions i
        where i.thread_id = ? and i.entity_type = 1
          and not exists (select 1 from outbox o
                           where o.interaction_id = i.interaction_id and o.state in ('rejected', 'unknown'))`,
    )
    .get(thread)
  return row?.row ?? null
}

function recount(engine: Engine, before: ThreadRow | null, after: ThreadRow | null): void {
  const same =
    before?.place === after?.place &&
    before?.owner_id === after?.owner_id &&
    (before?.unread ?? 0) > 0 === (after?.unread ?? 0) > 0
  if (!same) {
    if (before) count(engine, before.place, before.owner_id ?? 0, -1, before.unread > 0 ? -1 : 0)
    if (after) count(engine, after.place, after.owner_id ?? 0, 1, after.unread > 0 ? 1 : 0)
  }
  const held = (after?.held_back ?? 0) - (before?.held_back ?? 0)
  if (held !== 0) count(engine, 'held-back', 0, held, 0)
}

function count(engine: Engine, place: string, owner: number, total: number, unread: number): void {
  engine
    .sql(
      `insert into counts (place, owner_id, total, unread) values (?, ?, ?, ?)
       on conflict (place, owner_id) do update set total = total + excluded.total, unread = unread + excluded.unread`,
    )
    .run(place, owner, total, unread)
}

/**
 * Makes two threads one: interactions, drafts, participants and case data go to `into`, whose id survives; the
 * old id still opens it. Work that nobody holds joins the work that somebody holds.
 */
export function mergeThreads(
  engine: Engine,
  touched: Touched,
  from: ThreadId,
  into: ThreadId,
  reason: ThreadReason,
): void {
  if (from === into) return
  const cases = [caseOf(engine, from), caseOf(engine, into)].sort((a, b) => (a?.row ?? 0) - (b?.row ?? 0))
  engine.sql('update interactions set thread_id = ? where thread_id = ?').run(into, from)
  engine.sql('update drafts set thread_id = ? where thread_id = ?').run(into, from)
  engine
    .sql(
      `insert or ignore into participants (thread_id, address_key)
       select ?, address_key from participants where thread_id = ?`,
    )
    .run(into, from)
  engine.sql('delete from participants where thread_id = ?').run(from)
  engine.sql('update merged_threads set thread_id = ? where thread_id = ?').run(into, from)
  engine
    .sql('insert or replace into merged_threads (old_id, thread_id, reason, at) values (?, ?, ?, ?)')
    .run(from, into, reason, engine.now())
  joinCases(
    engine,
    touched,
    into,
    cases.map((found) => found?.udata ?? {}),
  )
  joinWork(engine, touched, into)
  refreshThread(engine, touched, from)
  refreshThread(engine, touched, into)
}

/** Whose user data is the thread's case data: the newest inbound interaction, else the newest. */
export function caseOf(
  engine: Engine,
  thread: ThreadId,
): { row: number; interaction_id: InteractionId; udata: UserData } | null {
  const found = engine
    .sql<{ row: number; interaction_id: InteractionId; udata: string | null }>(
      `select row, interaction_id, udata from interactions
        where row = coalesce(
          (select row from interactions where thread_id = @thread and entity_type <> 1 order by row desc limit 1),
          (select row from interactions where thread_id = @thread order by row desc limit 1))`,
    )
    .get({ thread })
  return found ? { ...found, udata: readJsonOr<UserData>(found.udata, {}) } : null
}

/** Case data of both threads on the one case; the newer value of a key wins. */
function joinCases(
  engine: Engine,
  touched: Touched,
  thread: ThreadId,
  oldestFirst: readonly UserData[],
): void {
  const target = caseOf(engine, thread)
  if (!target) return
  const joined = new Map(oldestFirst.flatMap((udata) => Object.entries(udata)))
  const added = [...joined].filter(([key]) => !Object.hasOwn(target.udata, key))
  if (added.length === 0) return
  // Spelt out by hand, since `__proto__` is a key like any other here.
  const entries = [...Object.entries(target.udata), ...added]
  const udata = `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`
  unindexMessage(engine, target.row)
  engine.sql('update interactions set udata = ? where row = ?').run(udata, target.row)
  indexMessage(engine, target.row)
  for (const [key, value] of added) {
    const { interaction_id } = target
    recordHistory(engine, { interaction_id, by: null, what: 'user-data', key, before: null, after: value })
  }
  oweWriteBack(engine, touched, target.interaction_id)
}

/** An agent who works on one half has the whole. Two agents' halves stay with them. */
function joinWork(engine: Engine, touched: Touched, thread: ThreadId): void {
  const open = openWork(engine, thread)
  const held = open.findLast((work) => work.owner_id !== null && work.workbin !== null)
  if (!held) return
  for (const work of open) {
    if (work.owner_id !== null) continue
    engine
      .sql('update interactions set owner_id = ?, workbin = ?, status = ? where row = ?')
      .run(held.owner_id, held.workbin, STATUS.inProcess, work.row)
    oweWriteBack(engine, touched, work.interaction_id)
  }
}

const UPSERT = `insert or replace into threads
  (thread_id, subject, place, owner_id, status, category_id, last, waiting, since, messages, unread, attachments,
   held_back, has_draft, trouble, correspondent)
  values (@thread_id, @subject, @place, @owner_id, @status, @category_id, @last, @waiting, @since, @messages,
   @unread, @attachments, @held_back, @has_draft, @trouble, @correspondent)`
