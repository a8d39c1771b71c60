import { isAscii, isUtf8 } from 'node:buffer'
import { TextDecoder } from 'node:util'

/**
 * Bytes as text. The label is only a hint, because mail lies about it: valid UTF-8 is UTF-8 whatever it says, then
 * the label counts, and what is left is windows-1252. Labels whose text is seven-bit are the exception: their
 * bytes look like ASCII and only the label tells.
 */
export function decodeCharset(bytes: Uint8Array, label: string | null): string {
  const buffer = asBuffer(bytes)
  const charset = normalLabel(label)
  if (SEVEN_BIT.has(charset))
    return charset === 'utf-7' ? decodeUtf7(buffer.toString('latin1')) : byLabel(buffer, charset)
  if (charset.startsWith('utf-16')) return byLabel(buffer, charset)
  if (isAscii(buffer)) return buffer.toString('latin1')
  if (isUtf8(buffer)) return withoutBom(buffer.toString('utf8'))
  if (charset === '' || charset === 'us-ascii') return windows1252(buffer)
  if (charset === 'utf-8') return almostUtf8(buffer)
  return byLabel(buffer, charset)
}

const SEVEN_BIT = new Set(['utf-7', 'iso-2022-jp'])

// What mail calls them beyond the WHATWG encoding standard's own list, which TextDecoder knows.
const ALIASES: Readonly<Record<string, string>> = {
  ascii: 'us-ascii',
  'ansi_x3.4-1968': 'us-ascii',
  'iso646-us': 'us-ascii',
  '7bit': 'us-ascii',
  '8bit': '',
  unknown: '',
  'unknown-8bit': '',
  'x-unknown': '',
  default: '',
  utf8: 'utf-8',
  'unicode-1-1-utf-8': 'utf-8',
  'unicode-1-1-utf-7': 'utf-7',
  'x-unicode-2-0-utf-7': 'utf-7',
  utf7: 'utf-7',
  utf16: 'utf-16',
  'iso-2022-jp-1': 'iso-2022-jp',
  'iso-2022-jp-2': 'iso-2022-jp',
  'iso-2022-jp-ms': 'iso-2022-jp',
  csiso2022jp: 'iso-2022-jp',
  cp932: 'shift_jis',
  ms932: 'shift_jis',
  cp936: 'gbk',
  ms936: 'gbk',
  cp949: 'euc-kr',
  cp950: 'big5',
  ks_c_5601: 'euc-kr',
  'x-gbk': 'gbk',
  'euc-cn': 'gbk',
  'x-mac-roman': 'macintosh',
  'iso-8859-1-windows-3.1-latin-1': 'windows-1252',
}

function normalLabel(label: string | null): string {
  const plain = (label ?? '')
    .slice(0, 64)
    .trim()
    .replace(/^["']+|["']+$/g, '')
    .toLowerCase()
  const alias = Object.hasOwn(ALIASES, plain) ? ALIASES[plain] : undefined
  if (alias !== undefined) return alias
  return plain.replace(/^cp-?(125\d)$/, 'windows-$1').replace(/^(?:iso|latin)_?8859[-_](\d+)$/, 'iso-8859-$1')
}

const decoders = new Map<string, TextDecoder | null>()

function byLabel(buffer: Buffer, charset: string): string {
  let decoder = decoders.get(charset)
  if (decoder === undefined) {
    try {
      decoder = new TextDecoder(charset)
    } catch {
      decoder = null // a label nobody knows
    }
    // Labels come from strangers: a machine that invents them must not fill the memory.
    if (decoders.size < 200) decoders.set(charset, decoder)
  }
  if (!decoder) return windows1252(buffer)
  if (charset !== 'iso-2022-jp') return decoder.decode(buffer)
  // Writers that encode line by line go back to ASCII and on at once, which the decoder takes for an error.
  return decoder.decode(Buffer.from(buffer.toString('latin1').replace(/\x1b\([BJ](?=\x1b)/g, ''), 'latin1'))
}

/** Text that says UTF-8 and nearly is (cut in the middle of a character) stays UTF-8. */
function almostUtf8(buffer: Buffer): string {
  const text = buffer.toString('utf8')
  let broken = 0
  let wide = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0xfffd) broken++
    else if (code > 0x7f) wide++
  }
  return broken * 4 <= wide ? withoutBom(text) : windows1252(buffer)
}

// 0x80-0x9F of windows-1252; the five unassigned ones stay what they are.
const WINDOWS_1252_HIGH =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
  '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178'

function windows1252(buffer: Buffer): string {
  return buffer
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (c) => WINDOWS_1252_HIGH.charAt(c.charCodeAt(0) - 0x80))
}

function withoutBom(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

/** RFC 2152. The text is shown as text and sanitised as any other; nothing is filtered before this. */
function decodeUtf7(text: string): string {
  return text
    .replace(/\+([A-Za-z0-9+/]*)-?/g, (_, encoded: string) => {
      if (encoded === '') return '+'
      const bytes = Buffer.from(encoded, 'base64')
      const even = bytes.subarray(0, bytes.length & ~1)
      return Buffer.from(even).swap16().toString('utf16le')
    })
    .toWellFormed()
}

/** The same bytes, as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
