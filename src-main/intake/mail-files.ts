import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { readHeader } from './header-fields.ts'
import { isSeparator, mboxMails } from './mbox.ts'
import type { FileSlice } from './parse-protocol.ts'

/** One mail found on disk. */
export interface FoundMail {
  readonly kind: 'mail'
  readonly slice: FileSlice
  /** Read already, by a Maildir's flag `S`. */
  readonly seen: boolean
  /** For the report: the file, and which mail of it. */
  readonly name: string
}

/** A file that is no mail, with the reason. */
export interface NoMail {
  readonly kind: 'no-mail'
  readonly file: string
  readonly reason: string
}

// Synchronous and in one piece, since a folder of mails has very many of them: seven promises each took longer than
// taking the mail apart.
const HEAD = 65_536

// Two of these make a text file a mail; a list of `key: value` isn't one.
const MAIL_FIELD =
  /^(?:from|to|cc|subject|date|received|message-id|return-path|delivered-to|reply-to|sender|mime-version|content-type|x-[a-z0-9-]+|in-reply-to|references|list-[a-z-]+|dkim-signature|envelope-to)$/

/**
 * Every mail under the given paths, as the settings contract says what a mail file is: `.eml`, `.mbox` and Maildirs
 * as they say, any other file is looked into, folders recursively and by name. Throws only for a path of the
 * caller's own that isn't there.
 */
export async function* findMails(paths: readonly string[]): AsyncGenerator<FoundMail | NoMail> {
  for await (const { file, size, maildir } of mailFiles(paths)) {
    try {
      yield* mailsOf(file, size, maildir)
    } catch (error) {
      yield {
        kind: 'no-mail',
        file,
        reason: `It can’t be read (${error instanceof Error ? error.message : String(error)}).`,
      }
    }
  }
}

/** Bytes of all files under the paths, for the progress. */
export async function sizeOf(paths: readonly string[], signal: AbortSignal): Promise<number> {
  let total = 0
  let files = 0
  for await (const { size } of mailFiles(paths)) {
    if (signal.aborted) break
    total += size
    if (++files % 200 === 0) await breathe()
  }
  return total
}

interface MailFile {
  readonly file: string
  readonly size: number
  /** Stands in `cur` or `new` of a Maildir. */
  readonly maildir: boolean
}

async function* mailFiles(paths: readonly string[]): AsyncGenerator<MailFile> {
  const visited = new Set<string>()
  for (const path of paths) {
    const found = await stat(path)
    if (found.isDirectory()) yield* folder(path, visited)
    else yield { file: path, size: found.size, maildir: false }
  }
}

async function* folder(path: string, visited: Set<string>): AsyncGenerator<MailFile> {
  const real = await realpath(path)
  // A link back to a folder above would never end.
  if (visited.has(real)) return
  visited.add(real)
  const names = (await readdir(path)).sort()
  const isMaildir = names.includes('cur') && names.includes('new')
  for (const name of names) {
    const file = join(path, name)
    const found = statSync(file, { throwIfNoEntry: false })
    if (!found) continue
    if (isMaildir && (name === 'cur' || name === 'new') && found.isDirectory()) yield* maildirFolder(file)
    // A Maildir's own files are the server's bookkeeping, its `tmp` is not delivered yet.
    else if (isMaildir && (name === 'tmp' || found.isFile())) continue
    else if (found.isDirectory()) yield* folder(file, visited)
    else if (found.isFile()) yield { file, size: found.size, maildir: false }
  }
}

async function* maildirFolder(path: string): AsyncGenerator<MailFile> {
  for (const name of (await readdir(path)).sort()) {
    if (name.startsWith('.')) continue
    const file = join(path, name)
    const found = statSync(file, { throwIfNoEntry: false })
    if (found?.isFile()) yield { file, size: found.size, maildir: true }
  }
}

async function* mailsOf(file: string, size: number, maildir: boolean): AsyncGenerator<FoundMail | NoMail> {
  const ending = extname(file).toLowerCase()
  const whole = (offset: number): FoundMail => ({
    kind: 'mail',
    slice: { file, offset, length: size - offset, unquote: false },
    seen: maildir && /[:;!]2,[A-Za-z]*S/.test(basename(file)),
    name: file,
  })
  if (maildir) {
    yield whole(0)
    return
  }
  const head = headOf(file)
  const begin = separatorEnd(head)
  const isMail = looksLikeMail(head, begin)
  const mayBeMbox = size > head.length || head.includes('\nFrom ')
  if (ending === '.eml') {
    yield whole(begin)
    return
  }
  if (begin > 0 && ending !== '.mbox' && !mayBeMbox) {
    yield isMail ? whole(begin) : notMail(file)
    return
  }
  if (begin > 0 || (ending === '.mbox' && size === 0)) {
    const first: FoundMail[] = []
    let count = 0
    for await (const { offset, length } of mboxMails(file)) {
      count++
      const found: FoundMail = {
        kind: 'mail',
        slice: { file, offset, length, unquote: true },
        seen: false,
        name: `${file}, mail ${count}`,
      }
      if (ending === '.mbox' || count > 1) {
        yield* first.splice(0)
        yield found
      } else first.push(found)
    }
    // A leading `From ` line and no second one: a mail, not an mbox, and its bytes stay as they are.
    if (first.length > 0) yield isMail ? whole(begin) : notMail(file)
    return
  }
  if (isMail) yield whole(0)
  else if (ending === '.mbox')
    yield { kind: 'no-mail', file, reason: 'It is no mbox: it doesn’t begin with a “From ” line.' }
  else yield notMail(file)
}

function notMail(file: string): NoMail {
  return { kind: 'no-mail', file, reason: 'It doesn’t begin as a mail does.' }
}

const scratch = Buffer.allocUnsafeSlow(HEAD)

/** The begin of a file; overwritten by the next call. */
function headOf(file: string): Buffer {
  const handle = openSync(file, 'r')
  try {
    return scratch.subarray(0, readSync(handle, scratch, 0, HEAD, 0))
  } finally {
    closeSync(handle)
  }
}

/** Behind a leading `From ` line; 0 where there is none. */
function separatorEnd(head: Buffer): number {
  let start = 0
  while (head[start] === 0x0a || head[start] === 0x0d) start++
  const feed = head.indexOf(0x0a, start)
  if (feed < 0 || head.toString('latin1', start, start + 5) !== 'From ') return 0
  return isSeparator(head.toString('latin1', start, feed).trimEnd()) ? feed + 1 : 0
}

function looksLikeMail(head: Buffer, begin: number): boolean {
  const first = head.toString('latin1', begin, begin + 200)
  if (!/^[!-9;-~]+[ \t]*:/.test(first)) return false
  const { fields } = readHeader(head, begin, head.length)
  const known = new Set(fields.filter(({ name }) => MAIL_FIELD.test(name)).map(({ name }) => name))
  return known.size >= 2 || (known.size === 1 && fields.length === 1)
}
