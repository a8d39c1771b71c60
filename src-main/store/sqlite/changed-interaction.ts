import type { Interaction, InteractionId, Status, ThreadId, UserDataValue } from '../../contract/domain.ts'
import { ENTITY, STATUS } from '../../contract/domain.ts'
import { CoreError } from '../../contract/errors.ts'
import type { InteractionPatch } from '../api-store.ts'
import { countMail } from './contacts.ts'
import type { Engine, Touched } from './engine.ts'
import { recordHistory } from './history.ts'
import {
  content,
  customerAddress,
  knownThread,
  parentThread,
  refused,
  refuseEarlyEnd,
} from './interaction-input.ts'
import { addresses, type InteractionRow, readInteraction } from './interaction-row.ts'
import { addressKeys, interactionRow, json, jsonList, rebuildParticipants } from './interactions.ts'
import { contactWithId } from './named-customers.ts'
import { hasAncestor } from './parents.ts'
import { queueFor } from './placement.ts'
import { indexMessage, unindexMessage } from './search-index.ts'
import { readJson } from './stored-json.ts'
import { currentThread, mergeThreads, refreshThread } from './threads.ts'
import { checkUserData, userDataEntries } from './user-data.ts'
import { carryOut, changeOf, type Work, workedInteraction } from './work.ts'

/** Contracts, interactions 2.2; 3 is final. */
const MOVES: Readonly<Record<Status, readonly Status[]>> = {
  0: [1, 2, 3],
  1: [0, 2, 3],
  2: [1, 3],
  3: [],
}

/** Members that every interaction has. */
const REQUIRED = [
  'customer_id',
  'status',
  'type',
  'media_type',
  'creator_app_id',
  'allow_children',
  'thread_id',
] as const satisfies readonly (keyof InteractionPatch)[]

/** What a command of the desk tells in the history already. */
const TOLD_AS_WORK: readonly string[] = ['status', 'owner_id', 'stopped_reason', 'end_date']

/**
 * Changes members of an interaction as another system asks, brings its thread, its place and the search in step, and
 * remembers each change in the history as `what`. Null removes an optional member. Throws `not-found`, `conflict`
 * (a move of the status that isn't allowed; a mail on its way out), `invalid` with the member in `detail`.
 */
export function changeInteraction(
  engine: Engine,
  touched: Touched,
  id: InteractionId,
  patch: InteractionPatch,
  what: string,
): void {
  const row = interactionRow(engine, id)
  for (const member of REQUIRED)
    if (patch[member] === null) throw refused(member, `${member} can’t be removed.`)
  const before = readInteraction(row)
  const work = workAfter(engine, row, patch)
  if (patch.customer_id) contactWithId(engine, touched, patch.customer_id, customerAddress({ ...before }))
  changeMembers(engine, row, patch)
  changeText(engine, row, patch, what)
  if (patch.thread_id) moveToThread(engine, touched, row, patch.thread_id)
  recordMembers(engine, before, interactionRow(engine, id), what)
  const { thread_id } = interactionRow(engine, id)
  const worked = workedInteraction(engine, id)
  const change = worked && changeOf(worked, work)
  if (change && JSON.stringify(change.before) !== JSON.stringify(change.after))
    carryOut(engine, touched, thread_id, [change], what, null)
  else refreshThread(engine, touched, thread_id)
  touched.contact(interactionRow(engine, id).customer_id)
}

/** Status, owner, reason and end together say where it stands. */
function workAfter(engine: Engine, row: InteractionRow, patch: InteractionPatch): Partial<Work> {
  const status = patch.status ?? row.status
  const moved = status !== row.status
  if (moved && !MOVES[row.status].includes(status))
    throw new CoreError(
      'conflict',
      row.status === STATUS.stopped
        ? `Status 3 is final; it can’t become ${status}.`
        : `The status can’t go from ${row.status} to ${status}.`,
      { detail: { member: 'status', from: row.status, to: status } },
    )
  const owner = patch.owner_id === undefined ? row.owner_id : patch.owner_id
  if (moved || owner !== row.owner_id) refuseOnItsWay(engine, row)
  const reason = patch.stopped_reason === undefined ? row.stopped_reason : patch.stopped_reason
  if (status !== STATUS.stopped && patch.stopped_reason)
    throw refused('stopped_reason', 'A stopped_reason goes only with status 3.')
  const end = patch.end_date === undefined ? row.end_date : patch.end_date
  if (patch.end_date !== undefined && patch.end_date !== null) refuseEarlyEnd(row.start_date, patch.end_date)
  const queue_id =
    row.queue_id ?? (row.entity_type === ENTITY.emailIn ? queueFor(engine, row.thread_id, null) : null)
  const rest = { status, queue_id, stopped_reason: reason, end_date: end }
  switch (status) {
    case STATUS.stopped:
      return {
        ...rest,
        owner_id: owner,
        workbin: null,
        end_date: moved ? (end ?? Math.max(engine.now(), row.start_date)) : end,
      }
    case STATUS.inProcess: {
      const kept = row.owner_id === owner ? row.workbin : null
      return { ...rest, owner_id: owner, workbin: owner === null ? null : (kept ?? 'in-progress') }
    }
    case STATUS.new:
    case STATUS.pending:
      // Out of an agent's hands, unless the caller says whose it stays.
      return {
        ...rest,
        owner_id: row.status === STATUS.inProcess ? (patch.owner_id ?? null) : owner,
        workbin: null,
      }
  }
}

/** The outbox alone says what becomes of a mail that it is about to send. */
function refuseOnItsWay(engine: Engine, row: InteractionRow): void {
  const owed = engine
    .sql("select 1 from outbox where interaction_id = ? and state in ('queued', 'claimed', 'data_started')")
    .get(row.interaction_id)
  if (owed)
    throw new CoreError('conflict', 'This mail is on its way out; its status follows when it was sent.', {
      detail: { member: 'status' },
    })
}

function changeMembers(engine: Engine, row: InteractionRow, patch: InteractionPatch): void {
  const outbound = row.entity_type === ENTITY.emailOut
  if (patch.parent_id && patch.parent_id !== row.parent_id) {
    parentThread(engine, patch.parent_id)
    if (hasAncestor(engine, patch.parent_id, row.interaction_id))
      throw refused('parent_id', 'An interaction can’t be its own ancestor.')
  }
  const changed = {
    row: row.row,
    customer_id: patch.customer_id ?? row.customer_id,
    type: patch.type ?? row.type,
    sub_type: given(patch.sub_type, row.sub_type),
    media_type: patch.media_type ?? row.media_type,
    parent_id: given(patch.parent_id, row.parent_id),
    external_id: given(patch.external_id, row.external_id),
    creator_app_id: patch.creator_app_id ?? row.creator_app_id,
    timeshift: given(patch.timeshift, row.timeshift),
    category_id: given(patch.category_id, row.category_id),
    allow_children: (patch.allow_children ?? row.allow_children === 1) ? 1 : 0,
    subject: given(patch.subject, row.subject),
    structured_text: given(patch.structured_text, row.structured_text),
    structured_text_mime: given(patch.structured_text_mime, row.structured_text_mime),
    binary_content: given(patch.binary_content, row.binary_content),
    binary_content_mime: given(patch.binary_content_mime, row.binary_content_mime),
    binary_content_size: given(patch.binary_content_size, row.binary_content_size),
    udata: patch.udata === undefined ? row.udata : userDataColumn(patch.udata),
    from: patch.from === undefined ? row.from : json(patch.from),
    reply_to: patch.reply_to === undefined ? row.reply_to : json(patch.reply_to),
    to: patch.to === undefined ? row.to : jsonList(patch.to),
    cc: patch.cc === undefined ? row.cc : jsonList(patch.cc),
    bcc: patch.bcc === undefined || !outbound ? row.bcc : jsonList(patch.bcc),
    sent_date: given(patch.sent_date, row.sent_date),
    reference_id: patch.reference_id === undefined || !outbound ? row.reference_id : json(patch.reference_id),
    reviewer_id: outbound ? given(patch.reviewer_id, row.reviewer_id) : row.reviewer_id,
    standard_response_id: outbound
      ? given(patch.standard_response_id, row.standard_response_id)
      : row.standard_response_id,
  }
  if (LINKS.some((member) => changed[member] !== row[member])) refuseHalfLinks(changed)
  if (COLUMNS.every((column) => changed[column] === row[column])) return
  if (outbound) recountRecipients(engine, row, changed)
  // Indexed again as a whole: the words of every field stand in one entry.
  unindexMessage(engine, row.row)
  engine.sql(UPDATE).run(changed)
  indexMessage(engine, row.row)
  if (PEOPLE.some((member) => changed[member] !== row[member])) rebuildParticipants(engine, row.thread_id)
}

function changeText(engine: Engine, row: InteractionRow, patch: InteractionPatch, what: string): void {
  if (patch.text === undefined) return
  const { text, quote_at, snippet } = content(patch.text ?? '')
  const before = engine.sql<{ text: string }>('select text from bodies where row = ?').get(row.row)
  if (before?.text === text) return
  unindexMessage(engine, row.row)
  engine.sql('update bodies set text = ? where row = ?').run(text, row.row)
  engine
    .sql('update interactions set quote_at = ?, snippet = ? where row = ?')
    .run(quote_at ?? null, snippet ?? '', row.row)
  indexMessage(engine, row.row)
  // The first words tell what changed; whole texts would fill the history.
  recordHistory(engine, {
    interaction_id: row.interaction_id,
    by: null,
    what,
    key: 'text',
    before: row.snippet,
    after: snippet ?? '',
  })
}

function moveToThread(engine: Engine, touched: Touched, row: InteractionRow, asked: ThreadId): void {
  const from = row.thread_id
  // Its own id begins a thread of its own, where that doesn't lead somewhere already.
  const into =
    asked === row.interaction_id ? (currentThread(engine, asked) ?? asked) : knownThread(engine, asked)
  if (into === from) return
  const others = engine
    .sql('select 1 from interactions where thread_id = ? and row <> ? limit 1')
    .get(from, row.row)
  if (others) {
    engine.sql('update interactions set thread_id = ? where row = ?').run(into, row.row)
    rebuildParticipants(engine, from)
    rebuildParticipants(engine, into)
    refreshThread(engine, touched, from)
  }
  // The old id has to open something: its drafts and its name go along.
  else mergeThreads(engine, touched, from, into, 'moved')
  engine.sql("update interactions set thread_reason = 'moved' where row = ?").run(row.row)
}

function recordMembers(engine: Engine, before: Interaction, now: InteractionRow, what: string): void {
  const was = membersOf(before)
  const is = membersOf(readInteraction(now))
  for (const key of new Set([...was.keys(), ...is.keys()])) {
    if (TOLD_AS_WORK.includes(key)) continue
    const [old = null, fresh = null] = [was.get(key), is.get(key)]
    if (JSON.stringify(old) === JSON.stringify(fresh)) continue
    recordHistory(engine, {
      interaction_id: now.interaction_id,
      by: null,
      what,
      key,
      before: old,
      after: fresh,
    })
  }
}

/** Members by name, user data by `udata.<key>`. */
function membersOf({ udata = {}, ...interaction }: Interaction): Map<string, UserDataValue> {
  return new Map<string, UserDataValue>([
    ...Object.entries(interaction).map(([key, value]) => [key, plain(value)] as const),
    ...Object.entries(udata).map(([key, value]) => [`udata.${key}`, value] as const),
  ])
}

/** An address has an optional part, which JSON leaves out. */
function plain(value: unknown): UserDataValue {
  return value === undefined ? null : readJson<UserDataValue>(JSON.stringify(value))
}

/** Contracts, interactions 2.2: a link, its type and its size come together or not at all. */
function refuseHalfLinks(row: {
  readonly structured_text: string | null
  readonly structured_text_mime: string | null
  readonly binary_content: string | null
  readonly binary_content_mime: string | null
  readonly binary_content_size: number | null
}): void {
  if ((row.structured_text === null) !== (row.structured_text_mime === null))
    throw refused('structured_text_mime', 'structured_text and structured_text_mime go together.')
  const none = row.binary_content === null
  if (none !== (row.binary_content_mime === null))
    throw refused('binary_content_mime', 'binary_content and binary_content_mime go together.')
  if (none !== (row.binary_content_size === null))
    throw refused('binary_content_size', 'binary_content and binary_content_size go together.')
}

type People = Pick<InteractionRow, 'to' | 'cc' | 'bcc'>

/** Completion offers whom is written to most. */
function recountRecipients(engine: Engine, before: InteractionRow, after: People): void {
  const of = ({ to, cc, bcc }: People) => addressKeys([...addresses(to), ...addresses(cc), ...addresses(bcc)])
  const [were, are] = [of(before), of(after)]
  countMail(
    engine,
    were.filter((address) => !are.includes(address)),
    0,
    -1,
  )
  countMail(
    engine,
    are.filter((address) => !were.includes(address)),
    before.start_date,
    1,
  )
}

function given<T>(asked: T | null | undefined, stored: T | null): T | null {
  return asked === undefined ? stored : asked
}

function userDataColumn(udata: NonNullable<Interaction['udata']> | null): string | null {
  if (udata === null || Object.keys(udata).length === 0) return null
  return checkUserData(userDataEntries(udata))
}

const PEOPLE = ['from', 'reply_to', 'to', 'cc', 'bcc'] as const

const LINKS = [
  'structured_text',
  'structured_text_mime',
  'binary_content',
  'binary_content_mime',
  'binary_content_size',
] as const

const COLUMNS = [
  'customer_id',
  'type',
  'sub_type',
  'media_type',
  'parent_id',
  'external_id',
  'creator_app_id',
  'timeshift',
  'category_id',
  'allow_children',
  'subject',
  ...LINKS,
  'udata',
  ...PEOPLE,
  'sent_date',
  'reference_id',
  'reviewer_id',
  'standard_response_id',
] as const

const UPDATE = `update interactions set ${COLUMNS.map((column) => `"${column}" = @${column}`).join(', ')}
  where row = @row`
