/** Length of a text as the contracts count it: Unicode code points (contract 00, 0.1.9). */
export function codePoints(text: string): number {
  let pairs = 0
  for (let i = 0; i < text.length - 1; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0xd800 || unit > 0xdbff) continue
    const next = text.charCodeAt(i + 1)
    if (next < 0xdc00 || next > 0xdfff) continue
    pairs++
    i++
  }
  return text.length - pairs
}

/** A name or a subject on one line: runs of control characters become one space (contract 00, 0.1.5). */
export function cleanLine(text: string): string {
  return text.toWellFormed().replace(/\p{Cc}+/gu, ' ')
}

// No white space, no control or invisible character, nothing that begins another mailbox or a display name.
const LOCAL = /^[^\s\p{C}@,;:<>()[\]\\"]+$/u
const DOMAIN = /^(?:[^\s\p{C}@,;:<>()[\]\\".]+(?:\.[^\s\p{C}@,;:<>()[\]\\".]+)*|\[[\w.:]+\])$/u

/**
 * Whether this is exactly one `local@domain`, at most `max` code points, without display name, comma, white space or
 * control characters (contract 00, 0.1.5 and 0.1.6). Nothing is trimmed or repaired.
 */
export function isAddress(text: string, max = 254): boolean {
  if (text.length > 2 * max || codePoints(text) > max) return false
  const at = text.indexOf('@')
  return at > 0 && LOCAL.test(text.slice(0, at)) && DOMAIN.test(text.slice(at + 1))
}
