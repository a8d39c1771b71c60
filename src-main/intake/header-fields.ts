import { isAscii } from 'node:buffer'
import { decodeCharset } from './charsets.ts'
import { HeldBack } from './held-back.ts'

/** 1 MB of header; real mail stays under 100 KB. */
export const LARGEST_HEADER = 1_048_576

export interface HeaderField {
  /** In lower case. */
  readonly name: string
  /** Where the whole field stands in the raw mail, its line end included. */
  readonly start: number
  readonly end: number
  /** Where its value begins. */
  readonly value: number
}

export interface Header {
  readonly fields: readonly HeaderField[]
  /** Where the body begins: behind the empty line, or where lines are no fields any more. */
  readonly body: number
  /** First value of that name, unfolded and still encoded; null where the field is missing. */
  first(name: string): string | null
  /** All values of that name in their order. */
  all(name: string): readonly string[]
}

// Names that prove a line to be a field even after a line that is none: broken folding, not the body's begin.
const CERTAIN_FIELD =
  /^(?:received|from|to|cc|bcc|subject|date|message-id|mime-version|content-[a-z-]+|x-[a-z0-9-]+|list-[a-z-]+|return-path|reply-to|sender|references|in-reply-to|dkim-signature|errors-to|precedence|delivered-to)$/i

/**
 * Reads the header that begins at `start` (RFC 5322, 2.2), forgiving what real mail does: a leading `From ` line,
 * white space before the colon, continuation lines that lost their indent, a missing empty line before the body.
 * Throws HeldBack when it is longer than 1 MB.
 */
export function readHeader(raw: Buffer, start: number, end: number): Header {
  const fields: { name: string; start: number; end: number; value: number }[] = []
  let at = start === 0 ? begin(raw) : start
  let body = end
  let junk = -1
  let fieldsBeforeJunk = 0
  while (at < end) {
    const next = lineEnd(raw, at, end)
    if (next - start > LARGEST_HEADER) throw new HeldBack('Its header is longer than 1 MB.')
    const first = raw[at]
    if (first === 0x0a || (first === 0x0d && at + 2 === next)) {
      body = next
      break
    }
    const current = fields.at(-1)
    if ((first === 0x20 || first === 0x09) && current && junk < 0) {
      current.end = next
    } else {
      const colon = fieldColon(raw, at, next)
      if (colon > at) {
        const name = raw.toString('latin1', at, colon).trimEnd().toLowerCase()
        if (junk >= 0 && CERTAIN_FIELD.test(name)) junk = -1
        fields.push({ name, start: at, end: next, value: colon + 1 })
      } else if (!(fields.length === 0 && start === 0 && isSeparator(raw, at, next)) && junk < 0) {
        junk = at
        fieldsBeforeJunk = fields.length
      }
    }
    at = next
  }
  // No field that is certainly one came behind the junk: the empty line was forgotten and the body began there.
  if (junk >= 0) {
    fields.length = fieldsBeforeJunk
    body = junk
  }

  const byName = new Map<string, HeaderField[]>()
  for (const field of fields) {
    const same = byName.get(field.name)
    if (same) same.push(field)
    else byName.set(field.name, [field])
  }
  let label: string | null | undefined
  function text(field: HeaderField): string {
    const bytes = raw.subarray(field.value, field.end)
    if (isAscii(bytes)) return unfold(bytes.toString('latin1'))
    if (label === undefined) {
      label = null
      const type = byName.get('content-type')?.[0]
      if (type)
        label = /charset\s*=\s*"?([\w.:-]+)/i.exec(raw.toString('latin1', type.value, type.end))?.[1] ?? null
    }
    return unfold(decodeCharset(bytes, label))
  }
  return {
    fields,
    body,
    first(name) {
      const field = byName.get(name)?.[0]
      return field ? text(field) : null
    },
    all: (name) => byName.get(name)?.map(text) ?? [],
  }
}

/** Behind a byte order mark and empty lines, where a field or separator follows them. */
function begin(raw: Buffer): number {
  let at = raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf ? 3 : 0
  while (raw[at] === 0x0a || raw[at] === 0x0d) at++
  if (at === 0) return 0
  const end = lineEnd(raw, at, raw.length)
  return fieldColon(raw, at, end) > at || isSeparator(raw, at, end) ? at : 0
}

/** Behind the line feed of the line that `at` stands in. */
export function lineEnd(raw: Buffer, at: number, end: number): number {
  const feed = raw.indexOf(0x0a, at)
  return feed < 0 || feed >= end ? end : feed + 1
}

/** Where the colon behind a field name stands; -1 where the line is no field. */
function fieldColon(raw: Buffer, at: number, end: number): number {
  let named = false
  let spaced = false
  for (let i = at; i < end; i++) {
    const byte = raw[i] ?? 0
    if (byte === 0x3a) return named ? i : -1
    if (byte === 0x20 || byte === 0x09) spaced = true
    else if (spaced || byte < 0x21 || byte > 0x7e) return -1
    else named = true
  }
  return -1
}

function isSeparator(raw: Buffer, at: number, end: number): boolean {
  return /^>?From /.test(raw.toString('latin1', at, Math.min(end, at + 6)))
}

function unfold(value: string): string {
  return (value.includes('\n') ? value.replace(/\r?\n(?=[ \t]|$)/g, '') : value).trim()
}
