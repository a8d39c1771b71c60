import type { FetchMessageObject, ImapFlow } from 'imapflow'
import type { Instant } from '../contract/domain.ts'
import type { FetchedMail } from './connector.ts'
import { isRefusal } from './imap-errors.ts'
import { LARGEST_MAIL } from './imap-line.ts'
import { batches, uidSet, without } from './imap-plan.ts'

/**
 * The first question for a batch asks for so much of each mail. Nearly all are smaller, so their sizes needn't be
 * asked for before (a Maildir server reads every file to tell), and a hundred can't fill the memory.
 */
const SMALL = 128 * 1024
/** Larger ones come in such pieces, so that a slow line shows life and a stop needn't wait. */
const PIECE = 4 * 1024 * 1024
/** How often a mail that the server lists is asked for before the rest goes on without it. */
const TRIES = 3

export interface Fetched {
  /** Ascending by UID: inside one transaction the order doesn't show, and parents before children thread cheaper. */
  readonly mails: readonly FetchedMail[]
  /** Listed by the server but not handed over after three tries. */
  readonly withheld: readonly number[]
  /** What broke the fetch off; nothing comes after it. */
  readonly fault?: Error
}

/**
 * Fetches whole mails of the open folder, at most 100, with BODY.PEEK, so that nothing is marked as read; yields
 * them in groups of at most 8 MB, large ones alone and last. Servers that leave mails out, answer in another order,
 * split answers, send extra ones or refuse some are tolerated: what is missing is asked for again. What is gone
 * from the folder meanwhile is in no list. What came before the line broke is given before the fault, so that even
 * a line that never lasts for a whole batch gets on. Throws nothing.
 */
export async function* fetchMails(
  client: ImapFlow,
  uids: readonly number[],
  now: () => Instant,
): AsyncGenerator<Fetched> {
  const mails = new Map<number, FetchedMail>()
  /** The first piece of those that have more. */
  const large = new Map<number, FetchedMail>()
  let missing: number[] = uids.toSorted((a, b) => a - b)
  let fault: Error | null = null
  try {
    for (let attempt = 1; missing.length > 0 && attempt <= TRIES; attempt += 1) {
      // After the first try each alone and whole, so that a mail that spoils the answer takes no others with it,
      // and one that a server can't give in part comes after all.
      for (const asked of attempt === 1 ? [missing] : missing.map((uid) => [uid])) {
        try {
          for await (const mail of fetchOnce(client, asked, attempt === 1 ? SMALL : null, now)) {
            if (attempt === 1 && mail.raw.length === SMALL) large.set(mail.uid, mail)
            else mails.set(mail.uid, mail)
          }
        } catch (error) {
          if (!isRefusal(error)) throw error
        }
      }
      missing = missing.filter((uid) => !mails.has(uid) && !large.has(uid))
      if (missing.length > 0) missing = await stillThere(client, missing)
    }
  } catch (error) {
    fault = asError(error)
  }
  const sized = [...mails.values()].map(({ uid, raw }) => ({ uid, size: raw.length }))
  for (const group of batches(sized)) {
    const ascending = group.map(({ uid }) => uid).sort((a, b) => a - b)
    yield { mails: ascending.flatMap((uid) => mails.get(uid) ?? []), withheld: [] }
    for (const uid of ascending) mails.delete(uid)
  }
  if (fault) {
    yield { mails: [], withheld: [], fault }
    return
  }
  if (missing.length > 0) yield { mails: [], withheld: missing }
  for (const first of [...large.values()].sort((a, b) => b.uid - a.uid)) {
    try {
      yield await fetchLarge(client, first)
    } catch (error) {
      yield { mails: [], withheld: [], fault: asError(error) }
      return
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('the fetch failed', { cause: error })
}

/** Yields each mail as soon as all that was asked of it has come: its first `maxLength` bytes, or the whole. */
async function* fetchOnce(
  client: ImapFlow,
  uids: readonly number[],
  maxLength: number | null,
  now: () => Instant,
): AsyncGenerator<FetchedMail> {
  const wanted = new Set(uids)
  const parts = new Map<number, Partial<FetchMessageObject>>()
  const source = maxLength === null ? true : { start: 0, maxLength }
  const query = { uid: true, flags: true, internalDate: true, source }
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

async function fetchLarge(client: ImapFlow, first: FetchedMail): Promise<Fetched> {
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    try {
      const raw = await fetchRest(client, first)
      if (raw) return { mails: [{ ...first, raw }], withheld: [] }
    } catch (error) {
      if (!isRefusal(error)) throw error
    }
  }
  return { mails: [], withheld: await stillThere(client, [first.uid]) }
}

async function fetchRest(client: ImapFlow, { uid, raw: first }: FetchedMail): Promise<Uint8Array | null> {
  const told = await client.fetchOne(uid, { uid: true, size: true }, { uid: true })
  if (!told) return null
  const size = told.size ?? 0
  if (size > LARGEST_MAIL) return await standIn(client, uid, size)
  const pieces: Uint8Array[] = [first]
  let length = first.length
  while (length <= LARGEST_MAIL) {
    const source = { start: length, maxLength: PIECE }
    const row = await client.fetchOne(uid, { uid: true, source }, { uid: true })
    const piece = row ? row.source : undefined
    // Some servers answer NIL at the end. The size they tell is often a little wrong, so they are asked till then.
    if (!Buffer.isBuffer(piece)) return length >= size ? Buffer.concat(pieces) : null
    pieces.push(piece)
    length += piece.length
    if (piece.length < PIECE) return Buffer.concat(pieces)
  }
  return await standIn(client, uid, length)
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
