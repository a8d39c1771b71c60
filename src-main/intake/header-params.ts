import { decodeCharset } from './charsets.ts'
import { decodeWords } from './encoded-words.ts'

/** A structured field: `value; name=text; …`. Names in lower case; `value` in lower case, without comments. */
export interface ParamField {
  readonly value: string
  readonly params: ReadonlyMap<string, string>
}

const PARAMS = 100

/**
 * Reads Content-Type, Content-Disposition and their like (RFC 2045, 5.1) with parameters in pieces and with a
 * charset (RFC 2231); encoded words in a parameter, which the RFC forbids and everybody sends, are decoded too.
 */
export function readParams(field: string | null): ParamField {
  if (field === null) return { value: '', params: new Map() }
  const parts = splitAtSemicolons(field)
  const value = (parts[0] ?? '').trim().toLowerCase()
  const plain = new Map<string, string>()
  const pieces = new Map<string, { text: string; encoded: boolean }[]>()
  for (const part of parts.slice(1, PARAMS)) {
    const equals = part.indexOf('=')
    if (equals < 0) continue
    const name = part.slice(0, equals).trim().toLowerCase()
    const text = unquote(part.slice(equals + 1).trim())
    const continued = /^([^*]+)(?:\*(\d{1,3}))?(\*)?$/.exec(name)
    if (!continued) continue
    const [, base = '', number, star] = continued
    if (number === undefined && star === undefined) {
      if (!plain.has(base)) plain.set(base, text)
    } else {
      const list = pieces.get(base) ?? []
      list[Number(number ?? 0)] ??= { text, encoded: star !== undefined }
      pieces.set(base, list)
    }
  }
  const params = new Map<string, string>()
  for (const [name, text] of plain) params.set(name, decodeWords(text))
  for (const [name, list] of pieces) params.set(name, joinPieces(list))
  return { value, params }
}

function joinPieces(list: readonly ({ text: string; encoded: boolean } | undefined)[]): string {
  let charset: string | null = null
  const bytes: Buffer[] = []
  for (const [index, piece] of list.entries()) {
    if (!piece) continue
    let { text } = piece
    if (piece.encoded) {
      if (index === 0) {
        const marked = /^([^']*)'[^']*'/.exec(text)
        if (marked) {
          charset = marked[1] ?? null
          text = text.slice(marked[0].length)
        }
      }
      bytes.push(percentDecoded(text))
    } else bytes.push(Buffer.from(text, 'utf8'))
  }
  const joined = decodeCharset(Buffer.concat(bytes), charset)
  return charset === null ? decodeWords(joined) : joined
}

function percentDecoded(text: string): Buffer {
  return Buffer.concat(
    text
      .split(/(%[0-9a-fA-F]{2})/)
      .map((part, i) => (i % 2 === 1 ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part, 'utf8'))),
  )
}

/** Splits outside of quotes, and drops comments there. */
function splitAtSemicolons(field: string): string[] {
  const parts: string[] = []
  let part = ''
  let quoted = false
  let depth = 0
  for (let i = 0; i < field.length; i++) {
    const c = field.charAt(i)
    if (c === '\\' && (quoted || depth > 0)) {
      if (depth === 0) part += c + field.charAt(i + 1)
      i++
    } else if (c === '"' && depth === 0) {
      quoted = !quoted
      part += c
    } else if (!quoted && c === '(' && (depth > 0 || !part.includes('='))) depth++
    else if (!quoted && c === ')' && depth > 0) depth--
    else if (!quoted && depth === 0 && c === ';') {
      parts.push(part)
      part = ''
    } else if (depth === 0) part += c
  }
  parts.push(part)
  return parts
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return text
  let out = ''
  for (let i = 1; i < text.length; i++) {
    const c = text.charAt(i)
    // A backslash in an unescaped Windows path (name="C:\a.doc") is meant as one.
    if (c === '\\' && /["\\]/.test(text.charAt(i + 1))) out += text.charAt(++i)
    else if (c === '"') break
    else out += c
  }
  return out
}
