import { open } from 'node:fs/promises'

/** Where one mail stands in an mbox, without its `From ` line and without the empty line behind it. */
export interface MboxMail {
  readonly offset: number
  readonly length: number
}

const CHUNK = 1 << 20
/** A separator is a short line; what is longer is text. */
const LONGEST_SEPARATOR = 1_000

const WEEKDAYS = 'mon|tue|wed|thu|fri|sat|sun'
const MONTHS = 'jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec'
// `From ` + something + a date, as C's asctime, RFC 5322 or ISO 8601 writes it.
const SEPARATOR = new RegExp(
  `^From .*(?:(?:${WEEKDAYS})[a-z]*,?\\s+(?:${MONTHS})[a-z]*\\s+\\d{1,2}\\s+\\d{1,2}:\\d{2}.*\\d{4}` +
    `|\\d{1,2}\\s+(?:${MONTHS})[a-z]*\\s+\\d{2,4}(?:\\s+\\d{1,2}:\\d{2})?` +
    `|(?:${MONTHS})[a-z]*\\s+\\d{1,2}\\s+\\d{1,2}:\\d{2}.*\\d{4}` +
    `|\\d{4}-\\d{2}-\\d{2}[T ]\\d{2}:\\d{2})`,
  'i',
)

/** Whether a line, without its line end, separates mails in an mbox (settings contract, "What is a mail file"). */
export function isSeparator(line: string): boolean {
  return line.startsWith('From ') && line.length <= LONGEST_SEPARATOR && SEPARATOR.test(line)
}

/**
 * The mails of an mbox in their order, read in pieces of 1 MB whatever its size. Yields nothing where the file
 * doesn't begin with a separator (empty lines before it are forgiven). Throws what the file system throws.
 */
export async function* mboxMails(path: string): AsyncGenerator<MboxMail> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    // Begin of the present mail; -1 until the first separator.
    let begin = -1
    // Where the window begins in the file, and what of it is read.
    let base = 0
    let held = Buffer.alloc(0)
    while (true) {
      const piece = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(0, size - base - held.length)))
      const { bytesRead } =
        piece.length === 0 ? { bytesRead: 0 } : await file.read(piece, 0, piece.length, base + held.length)
      const window = Buffer.concat([held, piece.subarray(0, bytesRead)])
      const last = bytesRead === 0 || base + window.length >= size
      let at = 0
      if (begin < 0) {
        const start = leadingEmpty(window)
        const end = lineEndAt(window, start)
        if (
          !isSeparator(
            window.toString('latin1', start, Math.min(end, start + LONGEST_SEPARATOR + 1)).trimEnd(),
          )
        )
          return
        begin = base + end
        at = end
      }
      // Keep a whole separator and the line ends before it in the window.
      const stop = last ? window.length : Math.max(0, window.length - LONGEST_SEPARATOR - 4)
      for (let hit = window.indexOf('\nFrom ', Math.max(0, at - 1)); hit >= 0 && hit < stop;) {
        const start = hit + 1
        const end = lineEndAt(window, start)
        const line = window.toString('latin1', start, Math.min(end, start + LONGEST_SEPARATOR + 2)).trimEnd()
        const empty = emptyLineBefore(window, start)
        // A mail without a body may be nothing but its header: then `begin` itself is the empty line's end.
        if (empty >= 0 && base + empty >= begin && isSeparator(line)) {
          yield { offset: begin, length: base + empty - begin }
          begin = base + end
        }
        hit = window.indexOf('\nFrom ', start)
      }
      if (last) {
        const end = base + window.length
        yield { offset: begin, length: endWithoutEmptyLine(window, base, begin, end) - begin }
        return
      }
      // Four bytes more than the last possible hit, for the empty line before it.
      const keep = Math.max(0, stop - 4)
      held = Buffer.from(window.subarray(keep))
      base += keep
    }
  } finally {
    await file.close()
  }
}

function leadingEmpty(window: Buffer): number {
  let at = 0
  while (window[at] === 0x0a || window[at] === 0x0d) at++
  return at
}

/** Behind the line feed of the line at `at`. */
function lineEndAt(window: Buffer, at: number): number {
  const feed = window.indexOf(0x0a, at)
  return feed < 0 ? window.length : feed + 1
}

/** Where the empty line begins that stands right before `at`; -1 where the line before isn't empty. */
function emptyLineBefore(window: Buffer, at: number): number {
  let before = at - 1 // its line feed
  if (window[before - 1] === 0x0d) before--
  return before === 0 || window[before - 1] === 0x0a ? before : -1
}

function endWithoutEmptyLine(window: Buffer, base: number, begin: number, end: number): number {
  if (window.at(-1) !== 0x0a) return end
  const empty = emptyLineBefore(window, window.length)
  return empty >= 0 && base + empty >= begin ? base + empty : end
}

/** `>From ` at the begin of a line becomes `From ` again, `>>From ` becomes `>From ` (mboxrd). */
export function unquoteFrom(raw: Buffer): Buffer {
  if (!raw.includes('>From ')) return raw
  const kept: Buffer[] = []
  let from = 0
  for (let hit = raw.indexOf('>From '); hit >= 0; hit = raw.indexOf('>From ', hit + 1)) {
    let first = hit
    while (first > 0 && raw[first - 1] === 0x3e) first--
    if (first > 0 && raw[first - 1] !== 0x0a) continue
    kept.push(raw.subarray(from, hit))
    from = hit + 1
  }
  kept.push(raw.subarray(from))
  return Buffer.concat(kept)
}
