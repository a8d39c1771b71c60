import type { InteractionId, UserData, UserDataValue } from '../../contract/domain.ts'
import { ENTITY, STATUS } from '../../contract/domain.ts'
import type { PulledInteraction } from '../remote-store.ts'
import { recordHistory } from './history.ts'
import type { InteractionRow } from './interaction-row.ts'
import { owesWriteBack } from './owed-calls.ts'
import { bodyOf, customerOf, membersOf, type Pull, storedUserData, threadOf } from './pulled-fields.ts'
import { keptOf } from './pulled-original.ts'
import { indexMessage, unindexMessage } from './search-index.ts'
import { readJson, readJsonOr } from './stored-json.ts'
import { mergeThreads } from './threads.ts'
import { changeOf, changeWork, type Work } from './work.ts'

type Theirs = Readonly<Record<string, unknown>>

/** Members of theirs that are the agent's work here: while a change of ours is owed, ours win. */
const WORK = ['status', 'owner_id', 'stopped_reason', 'end_date']

/**
 * Brings an interaction that was pulled before in step with what changed there since; what didn't change there stays
 * as it is here. False where nothing changed.
 */
export function follow(
  pull: Pull,
  known: { readonly row: number; readonly theirs: string },
  item: PulledInteraction,
): boolean {
  const { engine, remoteId, stale } = pull
  const now = keptOf(item.theirs)
  if (now === known.theirs) return false
  const before = readJson<Theirs>(known.theirs)
  const changed = changedMembers(before, readJson<Theirs>(now))
  if (changed.size === 0) return false
  const local = engine.sql<InteractionRow>('select * from interactions where row = ?').get(known.row)
  if (!local) return false
  const owed = owesWriteBack(engine, remoteId, local.interaction_id)

  unindexMessage(engine, known.row)
  followMembers(pull, local, item, changed, owed)
  if (changed.has('text')) followBody(pull, known.row, item)
  if (changed.has('udata')) followUserData(pull, local, before, item, owed)
  indexMessage(engine, known.row)
  if (!owed && WORK.some((member) => changed.has(member))) followWork(pull, local, item, changed)
  engine
    .sql('update pulled_interactions set theirs = ?, their_customer = ? where remote_id = ? and their_id = ?')
    .run(now, item.input.customer_id, remoteId, item.their_id)
  if (changed.has('thread_id')) followThread(pull, local, item)
  stale.add(local.thread_id)
  return true
}

function changedMembers(before: Theirs, after: Theirs): ReadonlySet<string> {
  const members = new Set([...Object.keys(before), ...Object.keys(after)])
  return new Set([...members].filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key])))
}

/** Columns that follow whenever their member changed there. */
function followMembers(
  pull: Pull,
  local: InteractionRow,
  item: PulledInteraction,
  changed: ReadonlySet<string>,
  owed: boolean,
): void {
  const { structured_text, binary_content, category_id, allow_children, sent_date, ...plain } =
    membersOf(item)
  const addressed = ['from', 'reply_to', 'to', 'cc', 'bcc', 'customer_id'].some((name) => changed.has(name))
  const columns: Record<string, unknown> = {
    ...plain,
    from: plain.from && JSON.stringify(plain.from),
    reply_to: plain.reply_to && JSON.stringify(plain.reply_to),
    to: list(plain.to),
    cc: list(plain.cc),
    bcc: local.entity_type === ENTITY.emailOut ? list(plain.bcc) : null,
    reference_id: plain.reference_id === null ? null : JSON.stringify(plain.reference_id),
    allow_children: allow_children ? 1 : 0,
    sent_date: sent_date === null ? null : Date.parse(sent_date),
    ...(owed ? {} : { category_id }),
    ...(item.html === null ? { structured_text: structured_text?.url ?? null } : {}),
    ...(item.html === null ? { structured_text_mime: structured_text?.mime ?? null } : {}),
    binary_content: binary_content?.url ?? null,
    binary_content_mime: binary_content?.mime ?? null,
    binary_content_size: binary_content?.size ?? null,
  }
  for (const [column, value] of Object.entries(columns))
    if (changed.has(column))
      pull.engine.sql(`update interactions set "${column}" = ? where row = ?`).run(value, local.row)
  if (addressed)
    pull.engine
      .sql('update interactions set customer_id = ? where row = ?')
      .run(customerOf(pull, item), local.row)
}

function list(people: readonly unknown[]): string | null {
  return people.length === 0 ? null : JSON.stringify(people)
}

function followBody({ engine }: Pull, row: number, item: PulledInteraction): void {
  const { text, html, quote_at, snippet } = bodyOf(item)
  engine.sql('update bodies set text = ?, html = coalesce(?, html) where row = ?').run(text, html, row)
  engine.sql('update interactions set quote_at = ?, snippet = ? where row = ?').run(quote_at, snippet, row)
}

/** Key by key; of a key that changed on both sides ours wins while it is owed. */
function followUserData(
  { engine }: Pull,
  local: InteractionRow,
  before: Theirs,
  item: PulledInteraction,
  owed: boolean,
): void {
  const base = objectOf(before.udata)
  const theirs = new Map<string, UserDataValue>(Object.entries(item.input.udata ?? {}))
  const ours = new Map(Object.entries(readJsonOr<UserData>(local.udata, {})))
  for (const key of new Set([...base.keys(), ...theirs.keys()])) {
    const was = JSON.stringify(base.get(key))
    const is = theirs.get(key)
    if (JSON.stringify(is) === was) continue
    const here = ours.get(key)
    if (JSON.stringify(here) === JSON.stringify(is)) continue
    if (owed && JSON.stringify(here) !== was) continue
    if (is === undefined) ours.delete(key)
    else ours.set(key, is)
    recordHistory(engine, {
      interaction_id: local.interaction_id,
      by: null,
      what: 'user-data',
      key,
      before: here ?? null,
      after: is ?? null,
    })
  }
  engine
    .sql('update interactions set udata = ? where row = ?')
    .run(storedUserData(Object.fromEntries(ours)), local.row)
}

function objectOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === 'object' && value !== null ? Object.entries(value) : [])
}

/** Status and owner as they are there now; nothing of it is owed back. */
function followWork(
  { engine, touched }: Pull,
  local: InteractionRow,
  { input }: PulledInteraction,
  changed: ReadonlySet<string>,
): void {
  const status = changed.has('status') ? input.status : local.status
  const owner_id = changed.has('owner_id') ? (input.owner_id ?? null) : local.owner_id
  const stopped = status === STATUS.stopped
  const held = local.entity_type !== ENTITY.emailOut && status === STATUS.inProcess && owner_id !== null
  const work: Work = {
    status,
    owner_id,
    queue_id: local.queue_id,
    workbin: held ? (local.workbin ?? 'in-progress') : null,
    stopped_reason: stopped ? (input.stopped_reason ?? local.stopped_reason) : null,
    end_date: stopped ? (input.end_date ?? local.end_date ?? engine.now()) : null,
    disposition_id: stopped ? local.disposition_id : null,
    disposition: stopped ? local.disposition : null,
  }
  changeWork(engine, touched, local.thread_id, [changeOf(local, work)], 'remote', null)
}

/** A thread that went into another one there does so here, once nothing of it is left there. */
function followThread(pull: Pull, local: InteractionRow, item: PulledInteraction): void {
  const { engine, touched, remoteId, stale } = pull
  const thread = item.input.thread_id ?? item.their_id
  const before = theirThreadOf(pull, item.their_id)
  if (before === thread) return
  const into = threadOf(engine, remoteId, thread, local.customer_id)
  engine
    .sql('update pulled_interactions set their_thread = ? where remote_id = ? and their_id = ?')
    .run(thread, remoteId, item.their_id)
  const left = engine
    .sql('select 1 from pulled_interactions where remote_id = ? and their_thread = ? limit 1')
    .get(remoteId, before)
  if (left || !into.known || into.id === null || into.id === local.thread_id) return
  mergeThreads(engine, touched, local.thread_id, into.id, 'conversation')
  stale.add(into.id)
}

function theirThreadOf({ engine, remoteId }: Pull, theirId: string): string {
  const row = engine
    .sql<{ their_thread: InteractionId }>(
      'select their_thread from pulled_interactions where remote_id = ? and their_id = ?',
    )
    .get(remoteId, theirId)
  return row?.their_thread ?? theirId
}
