/** What is left to do in a folder: decided from numbers alone, so that it can be tested without a server. */

/** A takeIn holds at most so many mails: one transaction of about 45 ms. */
export const BATCH_MAILS = 100
/** And at most so many bytes, so that two batches in flight and one being fetched stay small in memory. */
export const BATCH_BYTES = 8 * 1024 * 1024
/** Mails that one folder gets of history before the next folder has its turn. */
export const TURN_MAILS = 1000

/** The connector's own part of a folder's cursor. */
export interface FolderProgress {
  /** Where UIDs of mails begin that weren't looked at yet. */
  readonly uidNext: number
  /** How many mails the folder held below `uidNext`. */
  readonly count: number
  /** The account's `since` that this was done for. */
  readonly since: string | null
  /** Everything below `uidNext` that is asked for is stored, but `withheld`. */
  readonly done: boolean
  /** UIDs that the server lists and won't hand over; asked for again at every look. */
  readonly withheld: readonly number[]
  /** Earlier UIDVALIDITYs of the folder, whose locations are forgotten once it is done. */
  readonly former: readonly string[]
}

export const NOTHING_DONE: FolderProgress = {
  uidNext: 1,
  count: 0,
  since: null,
  done: false,
  withheld: [],
  former: [],
}

/** Reads a stored cursor; anything that isn't one of ours means that nothing was done. */
export function readProgress(cursor: unknown): FolderProgress {
  if (typeof cursor !== 'object' || cursor === null) return NOTHING_DONE
  const field = (name: string): unknown => Reflect.get(cursor, name)
  const uidNext = field('uidNext')
  const count = field('count')
  if (!isUid(uidNext) || typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0)
    return NOTHING_DONE
  const since = field('since')
  const withheld = field('withheld')
  const former = field('former')
  return {
    uidNext,
    count,
    since: typeof since === 'string' ? since : null,
    done: field('done') === true,
    withheld: Array.isArray(withheld) ? withheld.filter(isUid) : [],
    former: Array.isArray(former) ? former.filter((text) => typeof text === 'string') : [],
  }
}

function isUid(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 0xffff_ffff
}

/**
 * Compares what the server lists with what is stored; all ascending. `wanted` is the part of `listed` that is asked
 * for (since a day): what lies outside it is neither missing nor vanished.
 */
export function compare(
  listed: readonly number[],
  wanted: readonly number[],
  known: readonly number[],
): { missing: number[]; vanished: number[] } {
  return { missing: without(wanted, known), vanished: without(known, listed) }
}

/** What is in `all` and not in `some`; both ascending. */
export function without(all: readonly number[], some: readonly number[]): number[] {
  const left: number[] = []
  let at = 0
  for (const value of all) {
    while (at < some.length && (some[at] ?? 0) < value) at += 1
    if (some[at] !== value) left.push(value)
  }
  return left
}

export interface SizedMail {
  readonly uid: number
  readonly size: number
}

/** Cuts mails, newest first, into batches of at most 100 mails and 8 MB; a larger one stands alone. */
export function batches(mails: readonly SizedMail[]): SizedMail[][] {
  const newestFirst = mails.toSorted((a, b) => b.uid - a.uid)
  const cut: SizedMail[][] = []
  let batch: SizedMail[] = []
  let bytes = 0
  for (const mail of newestFirst) {
    if (batch.length > 0 && (batch.length === BATCH_MAILS || bytes + mail.size > BATCH_BYTES)) {
      cut.push(batch)
      batch = []
      bytes = 0
    }
    batch.push(mail)
    bytes += mail.size
  }
  if (batch.length > 0) cut.push(batch)
  return cut
}

/** How many mails are asked for at once after so many lines broke in a row: down to one, which any line may last for. */
export function batchAfter(failures: number): number {
  return Math.max(1, Math.floor(BATCH_MAILS / 4 ** failures))
}

/** A sequence set (RFC 9051 section 9) of UIDs: `1:3,7`. */
export function uidSet(uids: readonly number[]): string {
  const ascending = [...new Set(uids)].sort((a, b) => a - b)
  const parts: string[] = []
  let first = 0
  let last = 0
  for (const uid of ascending) {
    if (first !== 0 && uid === last + 1) {
      last = uid
      continue
    }
    if (first !== 0) parts.push(first === last ? `${first}` : `${first}:${last}`)
    first = last = uid
  }
  if (first !== 0) parts.push(first === last ? `${first}` : `${first}:${last}`)
  return parts.join(',')
}

/** Milliseconds before try number `failures` (from 1): doubling from `first` to `most`, give or take a quarter. */
export function backoff(failures: number, first: number, most: number, chance: number): number {
  const wait = Math.min(most, first * 2 ** Math.min(failures - 1, 30))
  return Math.round(wait * (0.75 + chance / 2))
}
