import { decodeCharset } from './charsets.ts'
import { decodeBase64 } from './transfer-encodings.ts'

const WORD = /=\?([^?\s=*]{1,64})(?:\*[^?\s]{0,32})?\?([bBqQ])\?/y

/**
 * Encoded words as text (RFC 2047 with RFC 2231's language tag). Words side by side in one charset are joined as
 * bytes first, because writers cut characters in two. What is no encoded word stays as it is.
 */
export function decodeWords(value: string): string {
  if (!value.includes('=?')) return value
  let out = ''
  let done = 0
  let charset = ''
  let pieces: Buffer[] = []
  const settle = () => {
    if (pieces.length > 0) out += decodeCharset(Buffer.concat(pieces), charset)
    pieces = []
  }
  for (let at = value.indexOf('=?'); at >= 0; at = value.indexOf('=?', at)) {
    WORD.lastIndex = at
    const match = WORD.exec(value)
    if (!match) {
      at += 2
      continue
    }
    const begin = WORD.lastIndex
    const end = value.indexOf('?=', begin)
    if (end < 0) break
    const [, label = '', kind = ''] = match
    const between = value.slice(done, at)
    const adjacent = pieces.length > 0 && /^\s*$/.test(between)
    if (!adjacent || label.toLowerCase() !== charset) settle()
    if (!adjacent) out += between
    charset = label.toLowerCase()
    const written = value.slice(begin, end)
    pieces.push(
      kind === 'B' || kind === 'b' ? decodeBase64(Buffer.from(written, 'latin1')) : decodeQ(written),
    )
    done = at = end + 2
  }
  settle()
  return out + value.slice(done)
}

function decodeQ(text: string): Buffer {
  // A raw character above 0x7F was decoded with the field already; it goes in as UTF-8.
  const bytes = Buffer.from(text.replaceAll('_', ' '), 'utf8')
  let length = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    const escaped = byte === 0x3d ? Number.parseInt(bytes.toString('latin1', i + 1, i + 3), 16) : Number.NaN
    if (byte === 0x3d && /^[0-9a-f]{2}$/i.test(bytes.toString('latin1', i + 1, i + 3))) {
      bytes[length++] = escaped
      i += 2
    } else bytes[length++] = byte
  }
  return bytes.subarray(0, length)
}

/** Decoded and fit for one line: runs of control characters become one space (contracts, common rules 0.1.5). */
export function oneLine(value: string): string {
  return decodeWords(value)
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .toWellFormed()
    .trim()
}
