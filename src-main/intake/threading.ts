import type { Address, InteractionId, ThreadId, ThreadReason } from '../contract/domain.ts'
import type { ParsedMail } from '../store/store.ts'
import { organisationOf } from './organisations.ts'

/** What threading may ask of the store while it decides; answers come from inside the same transaction. */
export interface ThreadLookup {
  /** Stored mails with that Message-ID, oldest first; several where ids were reused. */
  byMessageId(messageId: string): readonly KnownMail[]
  /** Stored mails that name that Message-ID as an ancestor, nearest first. */
  waitingFor(messageId: string): readonly KnownMail[]
  /** The thread of that id (merged ones followed); null when there is none. */
  byToken(threadId: ThreadId): ThreadId | null
  /** Lower-case addresses of everybody named in the thread. */
  participants(thread: ThreadId): ReadonlySet<string>
  /** Whether a lower-case address is ours. */
  isOwn(address: string): boolean
}

export interface KnownMail {
  readonly interaction_id: InteractionId
  readonly thread_id: ThreadId
}

export interface ThreadDecision {
  /** Null: it begins its own thread. */
  readonly thread_id: ThreadId | null
  readonly parent_id: InteractionId | null
  readonly reason: ThreadReason
  /** Other threads that this mail proves to be the same one; they are merged into `thread_id`. */
  readonly merge: readonly ThreadId[]
}

/** Enough for any real conversation; a longer list keeps its nearest ids and the one that began it. */
const ANCESTORS_ASKED = 40
/** Mails that wait for one id; more than that is a machine that reuses an id. */
const WAITING_ASKED = 200

const SUBJECT_TOKEN = /\[#([0-9A-Za-z]{16})\]/g

/**
 * Which thread a mail belongs to: In-Reply-To, then References from the nearest, then stored mails that wait for
 * it, then a token `[#<thread id>]` in the subject. A subject that is merely the same joins nothing. Nothing joins
 * a thread whose people the mail has nothing to do with (`stranger-kept-apart`). Where several threads turn out
 * to be one, the oldest id survives and `merge` names the others.
 */
export function decideThread(
  mail: ParsedMail,
  direction: 'in' | 'out',
  lookup: ThreadLookup,
): ThreadDecision {
  const fits = acquaintance(mail, direction, lookup)
  const joined = new Set<ThreadId>()
  let parent: InteractionId | null = null
  let reason: ThreadReason | null = null
  let refused = false

  const ancestors = nearestAndFirst(mail.references.filter((id) => id !== mail.message_id))
  for (const [index, id] of ancestors.entries()) {
    const known = lookup.byMessageId(id)
    const fitting = bestFit(known, fits)
    if (fitting) {
      joined.add(fitting.thread_id)
      parent ??= fitting.interaction_id
      reason ??= index < mail.in_reply_to ? 'in-reply-to' : 'references'
    } else if (known.length > 0) {
      refused = true
    } else {
      // The ancestor isn't here (yet): mails that answer the same one belong together all the same.
      for (const sibling of lookup.waitingFor(id).slice(0, WAITING_ASKED)) {
        if (joined.has(sibling.thread_id) || fits(sibling.thread_id) === 0) continue
        joined.add(sibling.thread_id)
        reason ??= index < mail.in_reply_to ? 'in-reply-to' : 'references'
      }
    }
  }

  if (mail.message_id !== null) {
    const twins = new Set(lookup.byMessageId(mail.message_id).map((twin) => twin.thread_id))
    for (const child of lookup.waitingFor(mail.message_id).slice(0, WAITING_ASKED)) {
      // A reused id: this child stands with the other mail of that id and waits no more.
      if (twins.has(child.thread_id) || joined.has(child.thread_id)) continue
      if (fits(child.thread_id) === 0) continue
      joined.add(child.thread_id)
      reason ??= 'late-parent'
    }
  }

  if (reason === null) {
    for (const [, token = ''] of mail.subject.matchAll(SUBJECT_TOKEN)) {
      const thread = lookup.byToken(token)
      if (thread === null) continue
      if (fits(thread) === 0) {
        refused = true
        continue
      }
      joined.add(thread)
      reason = 'subject-token'
      break
    }
  }

  if (reason === null) {
    return { thread_id: null, parent_id: null, reason: refused ? 'stranger-kept-apart' : 'new', merge: [] }
  }
  // Ids sort by time, so the least is the oldest thread.
  const [oldest = null, ...merge] = [...joined].sort()
  return { thread_id: oldest, parent_id: parent, reason, merge }
}

function nearestAndFirst(ids: readonly string[]): readonly string[] {
  if (ids.length <= ANCESTORS_ASKED) return ids
  return [...ids.slice(0, ANCESTORS_ASKED - 1), ...ids.slice(-1)]
}

/** Of mails that share a reused id: the one whose people fit best, the newest of equals. */
function bestFit(known: readonly KnownMail[], fits: (thread: ThreadId) => number): KnownMail | null {
  let best: KnownMail | null = null
  let strongest = 0
  for (const candidate of known) {
    const fit = fits(candidate.thread_id)
    if (fit > 0 && fit >= strongest) {
      best = candidate
      strongest = fit
    }
  }
  return best
}

/**
 * How much a mail's people have to do with a thread's: 0 nothing (a stranger), 3 the sender (of our own mail: a
 * recipient) is named there, 2 the mail goes to one of its people or a report speaks of one, 1 same organisation
 * or one of our own addresses. Without this, anybody who learnt a Message-ID could write into a thread.
 */
function acquaintance(
  mail: ParsedMail,
  direction: 'in' | 'out',
  lookup: ThreadLookup,
): (thread: ThreadId) => number {
  const senders = keys([mail.from, mail.reply_to])
  const recipients = keys([...mail.to, ...mail.cc, ...mail.bcc]).filter((address) => !lookup.isOwn(address))
  const reported = (mail.report?.recipients ?? []).map((recipient) => recipient.address.toLowerCase())
  const primary = direction === 'out' ? recipients : senders.filter((address) => !lookup.isOwn(address))
  const secondary = direction === 'out' ? [] : [...recipients, ...reported]
  const fromUs = direction === 'in' && mail.from !== null && lookup.isOwn(mail.from.address.toLowerCase())
  const answers = new Map<ThreadId, number>()

  function judge(thread: ThreadId): number {
    const participants = lookup.participants(thread)
    if (primary.some((address) => participants.has(address))) return 3
    if (secondary.some((address) => participants.has(address))) return 2
    if (fromUs) return 1
    const organisations = new Set<string>()
    const ours = new Set<string>()
    for (const address of participants) {
      const organisation = organisationOf(address)
      if (organisation !== null) (lookup.isOwn(address) ? ours : organisations).add(organisation)
    }
    return primary.some((address) => {
      const organisation = organisationOf(address)
      // Our own organisation stands in every thread, so it would make every colleague's mail fit everywhere.
      return organisation !== null && organisations.has(organisation) && !ours.has(organisation)
    })
      ? 1
      : 0
  }

  return (thread) => {
    let answer = answers.get(thread)
    if (answer === undefined) {
      answer = judge(thread)
      answers.set(thread, answer)
    }
    return answer
  }
}

function keys(addresses: readonly (Address | null)[]): readonly string[] {
  return addresses.flatMap((address) => (address ? [address.address.toLowerCase()] : []))
}
