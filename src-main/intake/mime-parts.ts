import { type Header, readHeader } from './header-fields.ts'
import { type ParamField, readParams } from './header-params.ts'
import { HeldBack } from './held-back.ts'
import { decodeTransfer } from './transfer-encodings.ts'

/** What a hostile mail may nest and hold; real mail stays under 10 and 100. */
export const DEEPEST = 64
export const MOST_PARTS = 1_000

/** One MIME entity: a multipart with children, or a leaf with a body. */
export interface Part {
  readonly header: Header
  /** `type/subtype` in lower case. */
  readonly type: string
  readonly params: ReadonlyMap<string, string>
  readonly disposition: ParamField
  /** Where its body stands in the raw mail. */
  readonly start: number
  readonly end: number
  /** Empty for a leaf. */
  readonly children: readonly Part[]
}

/** Takes a mail apart into its MIME entities (RFC 2046). Throws HeldBack when it passes a limit. */
export function readParts(raw: Buffer, header: Header): Part {
  let count = 0

  function read(header: Header, end: number, depth: number, fallback: string): Part {
    if (++count > MOST_PARTS) throw new HeldBack('It has more than 1,000 parts.')
    if (depth > DEEPEST) throw new HeldBack('Its parts are nested more than 64 deep.')
    const content = readParams(header.first('content-type'))
    const disposition = readParams(header.first('content-disposition'))
    const type = /^[^\s/;,]+\/[^\s/;,]+$/.test(content.value) ? content.value : fallback
    const start = header.body
    let children: readonly Part[] = []
    const boundary = content.params.get('boundary')?.trimEnd()
    if (type.startsWith('multipart/') && boundary) {
      const inner = type === 'multipart/digest' ? 'message/rfc822' : 'text/plain'
      children = ranges(raw, start, end, boundary, MOST_PARTS - count).map(([from, to]) =>
        read(readHeader(raw, from, to), to, depth + 1, inner),
      )
    }
    // A multipart whose boundary never comes has its text all the same.
    const leafType = type.startsWith('multipart/') && children.length === 0 ? 'text/plain' : type
    return { header, type: leafType, params: content.params, disposition, start, end, children }
  }

  return read(header, raw.length, 0, 'text/plain')
}

/** The body of a leaf, transfer encoding undone. */
export function partBytes(raw: Buffer, part: Part): Buffer {
  const encoding = part.header.first('content-transfer-encoding') ?? ''
  return decodeTransfer(
    raw.subarray(part.start, part.end),
    encoding
      .replace(/\([^()]*\)/g, '')
      .split(';', 1)
      .join('')
      .trim()
      .toLowerCase(),
  )
}

/**
 * Where the parts between boundary lines stand (RFC 2046, 5.1.1). A boundary line may end in white space; the line
 * end before it belongs to it; a missing last one ends with the mail.
 */
function ranges(raw: Buffer, start: number, end: number, boundary: string, most: number): [number, number][] {
  const body = raw.subarray(start, end)
  const needle = Buffer.from(`--${boundary}`)
  const found: [number, number][] = []
  let begin = -1
  let at = 0
  for (let hit = body.indexOf(needle, at); hit >= 0; hit = body.indexOf(needle, at)) {
    at = hit + needle.length
    if (hit > 0 && body[hit - 1] !== 0x0a) continue
    const closing = body[at] === 0x2d && body[at + 1] === 0x2d
    let rest = closing ? at + 2 : at
    while (body[rest] === 0x20 || body[rest] === 0x09 || body[rest] === 0x0d) rest++
    if (rest < body.length && body[rest] !== 0x0a) continue
    if (begin >= 0) found.push([start + begin, start + Math.max(begin, beforeLineEnd(body, hit))])
    if (found.length > most) throw new HeldBack('It has more than 1,000 parts.')
    if (closing) return found
    begin = at = Math.min(rest + 1, body.length)
  }
  if (begin >= 0 && begin < body.length) found.push([start + begin, end])
  return found
}

function beforeLineEnd(body: Buffer, at: number): number {
  let end = at
  if (body[end - 1] === 0x0a) end--
  if (body[end - 1] === 0x0d) end--
  return end
}
