/**
 * Content-Transfer-Encoding undone, byte for byte, without a string of the whole part in between (strings would
 * count against the worker's heap). Junk is skipped as RFC 2045 asks; unknown encodings leave the bytes alone.
 */
export function decodeTransfer(bytes: Buffer, encoding: string): Buffer {
  switch (encoding) {
    case 'base64':
      return decodeBase64(bytes)
    case 'quoted-printable':
      return decodeQuotedPrintable(bytes)
    case 'x-uuencode':
    case 'uuencode':
    case 'x-uue':
    case 'uue':
      return decodeUu(bytes)
    default:
      return bytes
  }
}

const SKIP = 64
const PAD = 65
const BASE64 = new Uint8Array(256).fill(SKIP)
for (let i = 0; i < 64; i++)
  BASE64['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.charCodeAt(i)] = i
BASE64[0x3d] = PAD

const CLEAN_BASE64 = /^[A-Za-z0-9+/\r\n]*(?:={1,2}\s*)?$/
const CLEAN_AT_ONCE = 64 << 20

/** RFC 2045, 6.8. Padding ends a group of four and not the data: some writers join encoded pieces. */
export function decodeBase64(bytes: Buffer): Buffer {
  // Clean text, which is nearly all there is, goes through Node's own decoder: four times as fast.
  if (bytes.length <= CLEAN_AT_ONCE) {
    const text = bytes.toString('latin1')
    if (CLEAN_BASE64.test(text)) return Buffer.from(text, 'base64')
  }
  const out = Buffer.allocUnsafe(Math.ceil((bytes.length * 3) / 4) + 3)
  let length = 0
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    const value = BASE64[byte] ?? SKIP
    if (value < 64) {
      held = (held << 6) | value
      if (++bits === 4) {
        out[length++] = held >>> 16
        out[length++] = held >>> 8
        out[length++] = held
        bits = held = 0
      }
    } else if (value === PAD) {
      length = flush(out, length, held, bits)
      bits = held = 0
    }
  }
  length = flush(out, length, held, bits)
  return out.subarray(0, length)
}

function flush(out: Buffer, length: number, held: number, count: number): number {
  if (count === 2) out[length++] = held >>> 4
  if (count === 3) {
    out[length++] = held >>> 10
    out[length++] = held >>> 2
  }
  return length
}

/** RFC 2045, 6.7: soft line breaks go, spaces before a line end go, a broken escape stays as it is written. */
export function decodeQuotedPrintable(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length)
  let length = 0
  // Where trailing white space of the present line begins in `out`; -1 where there is none.
  let spaces = -1
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (byte === 0x3d) {
      const high = hex(bytes[i + 1])
      const low = hex(bytes[i + 2])
      if (high >= 0 && low >= 0) {
        out[length++] = (high << 4) | low
        i += 2
      } else {
        let end = i + 1
        while (bytes[end] === 0x20 || bytes[end] === 0x09) end++
        if (bytes[end] === 0x0d && bytes[end + 1] === 0x0a) i = end + 1
        else if (bytes[end] === 0x0a || bytes[end] === 0x0d) i = end
        else if (end >= bytes.length) i = end
        else out[length++] = byte
      }
      spaces = -1
    } else if (byte === 0x0a || byte === 0x0d) {
      if (spaces >= 0) length = spaces
      out[length++] = byte
      spaces = -1
    } else {
      if (byte !== 0x20 && byte !== 0x09) spaces = -1
      else if (spaces < 0) spaces = length
      out[length++] = byte
    }
  }
  return out.subarray(0, spaces >= 0 ? spaces : length)
}

function hex(byte: number | undefined): number {
  if (byte === undefined) return -1
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

function decodeUu(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length)
  let length = 0
  let inside = false
  for (let at = 0; at < bytes.length;) {
    const feed = bytes.indexOf(0x0a, at)
    const end = feed < 0 ? bytes.length : feed
    const line = bytes.toString('latin1', at, Math.min(end, at + 100)).trimEnd()
    at = end + 1
    if (!inside) inside = /^begin \d{3}/.test(line)
    else if (line === 'end') break
    else {
      const size = (line.charCodeAt(0) - 32) & 63
      const six = (index: number) => ((line.charCodeAt(index) || 32) - 32) & 63
      for (let n = 0, index = 1; n < size; index += 4) {
        const group = (six(index) << 18) | (six(index + 1) << 12) | (six(index + 2) << 6) | six(index + 3)
        for (let shift = 16; shift >= 0 && n < size && length < out.length; shift -= 8, n++)
          out[length++] = group >>> shift
        if (length === out.length) break
      }
    }
  }
  return inside ? out.subarray(0, length) : bytes
}
