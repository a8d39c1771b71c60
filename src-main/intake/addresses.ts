import type { Address } from '../contract/domain.ts'
import { decodeWords, oneLine } from './encoded-words.ts'

/** Exactly one `local@domain`, at most 254 characters, no white space, comma or bracket (contracts, common rules 0.1.6). */
export function isUsableAddress(address: string): boolean {
  return (
    address.length <= 254 &&
    /^[^\s\p{C}@,;:<>()[\]\\"]+@(?:[^\s\p{C}@,;:<>()[\]\\"]+|\[[\w.:]+\])$/u.test(address)
  )
}

/**
 * Addresses of an address field as written (RFC 5322, 3.4, with its obsolete forms), groups opened. What has no
 * usable address is left out.
 */
export function readAddresses(field: string): readonly Address[] {
  const found = mailboxes(field)
  // Some writers encode the whole field, address and all.
  return found.length === 0 && field.includes('=?') ? mailboxes(decodeWords(field)) : found
}

const ENCODED_WORD = /=\?[^?\s]{1,100}\?[bq]\?[^?\s]{0,998}\?=/iy

function mailboxes(field: string): Address[] {
  const found: Address[] = []
  let words = ''
  let angle: string | null = null
  let comment = ''
  let quotes = true
  let comments = true
  let angles = true

  function settle(): void {
    const bare = angle === null ? words.split(/\s+/).filter((word) => word !== '') : []
    // Somebody forgot the commas.
    if (bare.length > 1 && bare.every(isUsableAddress)) found.push(...bare.map((address) => ({ address })))
    else {
      const mailbox = mailboxOf(words, angle, comment)
      if (mailbox) found.push(mailbox)
    }
    words = comment = ''
    angle = null
  }

  for (let i = 0; i < field.length; i++) {
    const c = field.charAt(i)
    if (c === '=' && field.charAt(i + 1) === '?') {
      // What an encoded word holds is text, whatever it looks like before it is decoded.
      ENCODED_WORD.lastIndex = i
      const word = ENCODED_WORD.exec(field)?.[0] ?? c
      words += word
      i += word.length - 1
    } else if (c === '"' && quotes) {
      const end = closingQuote(field, i)
      if (end < 0) {
        quotes = false // never closed: from here on a quote is a character like any other
        continue
      }
      const text = field.slice(i + 1, end).replace(/\\(.)/gs, '$1')
      // A quoted local part keeps its quotes, so that it isn't mistaken for a usable address.
      words += field.charAt(end + 1) === '@' ? `"${text}"` : text
      i = end
    } else if (c === '(' && comments) {
      const end = closingBracket(field, i)
      if (end < 0) {
        comments = false
        continue
      }
      comment = field.slice(i + 1, end).replace(/\\(.)/gs, '$1')
      i = end
    } else if (c === '<' && angles) {
      const end = field.indexOf('>', i)
      if (end < 0) {
        angles = false
        continue
      }
      angle = field.slice(i + 1, end).replace(/^<+/, '')
      i = end
    } else if (c === ',' || c === ';') settle()
    else if (c === ':' && angle === null && !words.includes('@')) words = ''
    else if (c !== '>') words += c
  }
  settle()
  return found
}

function mailboxOf(words: string, angle: string | null, comment: string): Address | null {
  if (angle !== null) {
    // RFC 5322, 4.4: a route before the address is ignored.
    const address = angle
      .replace(/^(?:@[^:]*:)/, '')
      .replace(/^mailto:/i, '')
      .replace(/\s+/g, '')
    if (isUsableAddress(address)) return withName(address, words.trim() === '' ? comment : words)
    return null
  }
  // Outlook writes 'ann@x.test' for an address that is its own name.
  const compact = words
    .replace(/\s+/g, ' ')
    .replace(/ ?([@.]) ?/g, '$1')
    .trim()
    .replace(/^'(.*)'$/s, '$1')
  if (isUsableAddress(compact)) return withName(compact, comment)
  const inside = words.split(/\s+/).filter(isUsableAddress)
  const [only] = inside
  return only !== undefined && inside.length === 1 ? withName(only, words.replace(only, ' ')) : null
}

function withName(address: string, name: string): Address {
  const personal = oneLine(name)
    .replace(/^'(.*)'$/s, '$1')
    .replace(/\s+/g, ' ')
    .trim()
  return personal === '' || personal.toLowerCase() === address.toLowerCase()
    ? { address }
    : { address, personal }
}

function closingQuote(text: string, open: number): number {
  for (let i = open + 1; i < text.length; i++) {
    const c = text.charAt(i)
    if (c === '\\') i++
    else if (c === '"') return i
  }
  return -1
}

function closingBracket(text: string, open: number): number {
  let depth = 0
  for (let i = open; i < text.length; i++) {
    const c = text.charAt(i)
    if (c === '\\') i++
    else if (c === '(') depth++
    else if (c === ')' && --depth === 0) return i
  }
  return -1
}
