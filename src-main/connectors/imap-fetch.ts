import type { FetchMessageObject, ImapFlow } from 'imapflow'
import type { Instant } from '../contract/domain.ts'
import type { FetchedMail } from './connector.ts'
import { isRefusal } from './imap-errors.ts'
import { LARGEST_MAIL } from './imap-line.ts'
import { type SizedMail, uidSet, without } from './imap-plan.ts'

/** Mails above this are fetched piece by piece, so that a slow line shows life and a stop needn't wait. */
const PIECE = 4 * 1024 * 1024
/** How often a mail that the server lists is asked for before the rest goes on without it. */
const TRIES = 3
/** Taken for mails whose size the server doesn't tell. */
const USUAL_SIZE = 64 * 1024

export interface Fetched {
  /** Ascending by UID: inside one transaction the order doesn't show, and parents before children thread cheaper. */
  readonly mails: readonly FetchedMail[]
  /** Listed by the server but not handed over after three tries. */
  readonly withheld: readonly number[]
  /** What broke the fetch off; `mails` is what had come whole by then. */
  readonly fault?: Error
}

/** The sizes of mails in the open folder; a usual one where the server doesn't tell. */
export async function measure(client: ImapFlow, uids: readonly number[]): Promise<SizedMail[]> {
  const sizes = new Map<number, number>()
  try {
    for await (const row of client.fetch(uidSet(uids), { uid: true, size: true }, { uid: true }))
      if (row.uid && row.size !== undefined) sizes.set(row.uid, row.size)
  } catch (error) {
    // One bad mail may spoil the answer for all; what it is shows when they are fetched.
    if (!isRefusal(error)) throw error
  }
  return uids.map((uid) => ({ uid, size: sizes.get(uid) ?? USUAL_SIZE }))
}

/**
 * Fetches whole mails of the open folder with BODY.PEEK, so that nothing is marked as read. Servers that leave
 * mails out, answer in another order, split answers or send extra ones are tolerated: what is missing is asked
 * for again. What is gone from the folder meanwhile is in neither list. What came before the line broke is given
 * with the fault, so that even a line that never lasts for a whole batch gets on.
 */
export async function fetchMails(
  client: ImapFlow,
  batch: readonly SizedMail[],
  now: () => Instant,
): Promise<Fetched> {
  const alone = batch.length === 1 ? batch[0] : undefined
  if (alone && alone.size > PIECE) return await fetchLarge(client, alone, now)

  const mails = new Map<number, FetchedMail>()
  let missing = batch.map(({ uid }) => uid).sort((a, b) => a - b)
  const ascending = () => [...mails.values()].sort((a, b) => a.uid - b.uid)
  try {
    for (let attempt = 1; missing.length > 0 && attempt <= TRIES; attempt += 1) {
      // After the first try each alone, so that a mail that spoils the answer doesn't take others with it.
      for (const uids of attempt === 1 ? [missing] : missing.map((uid) => [uid])) {
        try {
          for await (const mail of fetchOnce(client, uids, now)) mails.set(mail.uid, mail)
        } catch (error) {
          if (!isRefusal(error)) throw error
        }
      }
      missing = missing.filter((uid) => !mails.has(uid))
      if (missing.length > 0) missing = await stillThere(client, missing)
    }
  } catch (error) {
    const fault = error instanceof Error ? error : new Error('the fetch failed', { cause: error })
    return { mails: ascending(), withheld: [], fault }
  }
  return { mails: ascending(), withheld: missing }
}

/** Yields each mail as soon as it is whole. */
async function* fetchOnce(
  client: ImapFlow,
  uids: readonly number[],
  now: () => Instant,
): AsyncGenerator<FetchedMail> {
  const wanted = new Set(uids)
  const parts = new Map<number, Partial<FetchMessageObject>>()
  const query = { uid: true, flags: true, internalDate: true, source: true }
  for await (const answer of client.fetch(uidSet(uids), query, { uid: true })) {
    if (!wanted.has(answer.uid)) continue
    const row = { ...parts.get(answer.uid), ...present(answer) }
    if (row.source && row.internalDate !== undefined && row.flags) {
      parts.delete(answer.uid)
      yield fetched(answer.uid, row.source, row, now)
    } else parts.set(answer.uid, row)
  }
  // A date or flags that never came aren't worth losing the mail for.
  for (const [uid, row] of parts) if (row.source) yield fetched(uid, row.source, row, now)
}

/** A row without its empty members, so that a flag update doesn't wipe out what another row brought. */
function present({ source, internalDate, flags }: FetchMessageObject): Partial<FetchMessageObject> {
  return {
    ...(Buffer.isBuffer(source) ? { source } : {}),
    ...(internalDate === undefined ? {} : { internalDate }),
    ...(flags === undefined ? {} : { flags }),
  }
}

function fetched(
  uid: number,
  raw: Uint8Array,
  { internalDate, flags }: Partial<FetchMessageObject>,
  now: () => Instant,
): FetchedMail {
  const received = internalDate === undefined ? NaN : new Date(internalDate).getTime()
  return {
    uid,
    raw,
    received: Number.isNaN(received) ? now() : received,
    seen: flags?.has('\\Seen') ?? false,
  }
}

/** Which of these UIDs the open folder still lists. */
async function stillThere(client: ImapFlow, uids: readonly number[]): Promise<number[]> {
  const listed = await client.search({ uid: uidSet(uids) }, { uid: true })
  // A server that can't answer gets the benefit of the doubt: they count as there, and are asked for again.
  return Array.isArray(listed) ? without(uids, without(uids, listed)) : [...uids]
}

async function fetchLarge(client: ImapFlow, mail: SizedMail, now: () => Instant): Promise<Fetched> {
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    try {
      const fetched = await fetchAlone(client, mail, now)
      if (fetched) return { mails: [fetched], withheld: [] }
    } catch (error) {
      if (!isRefusal(error)) throw error
    }
  }
  return { mails: [], withheld: await stillThere(client, [mail.uid]) }
}

async function fetchAlone(
  client: ImapFlow,
  mail: SizedMail,
  now: () => Instant,
): Promise<FetchedMail | null> {
  const { uid } = mail
  const query = { uid: true, flags: true, internalDate: true, size: true }
  const head = await client.fetchOne(uid, query, { uid: true })
  if (!head) return null
  const size = head.size ?? mail.size
  const raw = size > LARGEST_MAIL ? await standIn(client, uid, size) : await fetchPieces(client, uid, size)
  return raw && fetched(uid, raw, head, now)
}

async function fetchPieces(client: ImapFlow, uid: number, size: number): Promise<Uint8Array | null> {
  const pieces: Buffer[] = []
  let length = 0
  for (;;) {
    const row = await client.fetchOne(
      uid,
      { uid: true, source: { start: length, maxLength: PIECE } },
      { uid: true },
    )
    if (!row || !Buffer.isBuffer(row.source)) return null
    // A server that doesn't know partial fetches answers the first one with everything.
    if (pieces.length === 0 && row.source.length > PIECE) return row.source
    pieces.push(row.source)
    length += row.source.length
    if (row.source.length < PIECE) break
    if (length > LARGEST_MAIL) return null
  }
  // Sizes that servers announce are often a little wrong; an empty answer to a large mail is a failure.
  return length === 0 && size > 0 ? null : Buffer.concat(pieces)
}

/**
 * What is stored in place of a mail that is too large to be taken over: its header, so that it is filed, threaded
 * and answered like any other, and a text that says where the whole of it is. Null when the server gives no header.
 */
async function standIn(client: ImapFlow, uid: number, size: number): Promise<Uint8Array | null> {
  const row = await client.fetchOne(uid, { uid: true, headers: true }, { uid: true })
  if (!row || !row.headers) return null
  const megabytes = Math.round(size / 1024 / 1024)
  const folder = client.mailbox ? client.mailbox.path : ''
  const fields = row.headers
    .toString('latin1')
    .split(/\r?\n(?![ \t])/)
    .filter((field) => field !== '' && !/^(content-[a-z-]+|mime-version|lines)\s*:/i.test(field))
  const text = `[This mail has ${megabytes} MB, more than Workbin takes over (${LARGEST_MAIL / 1024 / 1024} MB). Only its header was fetched; the whole mail is on the mail server, in “${folder}”.]`
  return Buffer.concat([
    Buffer.from(`${fields.join('\r\n')}\r\n`, 'latin1'),
    Buffer.from(
      `MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nX-Workbin-Not-Fetched: ${size}\r\n\r\n${text}\r\n`,
    ),
  ])
}
