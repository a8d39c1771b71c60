import { domainToASCII } from 'node:url'
import type { Address } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'

const ATOM = "[\\p{L}\\p{N}\\p{M}!#$%&'*+\\-/=?^_`{|}~]"
// Dots in a row or at the end are against RFC 5321, yet Japanese mobile operators gave such addresses to people.
const DOT_ATOM = new RegExp(`^${ATOM}(?:${ATOM}|\\.)*$`, 'u')
const QUOTED = /^"(?:[^"\\\p{Cc}]|\\[^\p{Cc}])*"$/u
const STRICT_DOT_ATOM = new RegExp(`^${ATOM}+(?:\\.${ATOM}+)*$`, 'u')
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i
const LITERAL = /^\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9a-f:.]+)\]$/i

/**
 * An address as it goes into the envelope and the header: the domain in its ASCII form (RFC 5891), an odd local part
 * quoted. An address that needs SMTPUTF8 keeps its domain as written (RFC 6532). Null where it is no address.
 */
export function wireAddress(address: string): string | null {
  const given = address.trim()
  const at = given.lastIndexOf('@')
  if (at < 1 || /[\p{Cc}\u2028\u2029\s,;<>]/u.test(given) || Buffer.byteLength(given) > 254) return null
  const local = given.slice(0, at)
  const domain = given.slice(at + 1)
  if (!DOT_ATOM.test(local) && !QUOTED.test(local)) return null
  const ascii = LITERAL.test(domain) ? domain : asciiDomain(domain)
  if (ascii === null) return null
  const safe = QUOTED.test(local) || STRICT_DOT_ATOM.test(local) ? local : `"${local}"`
  return `${safe}@${needsSmtpUtf8(local) ? domain : ascii}`
}

/** Whether an address can be sent only where the server offers SMTPUTF8 (RFC 6531): its local part isn't ASCII. */
export function needsSmtpUtf8(address: string): boolean {
  const at = address.lastIndexOf('@')
  return /[^\0-\x7f]/.test(at < 0 ? address : address.slice(0, at))
}

/** Recipients without doubles, each as the wire has it. Throws `recipients`, naming the one that is no address. */
export function checkedRecipients(addresses: readonly Address[]): Address[] {
  const seen = new Set<string>()
  const checked: Address[] = []
  for (const { address, personal } of addresses) {
    const wire = wireAddress(address)
    if (wire === null)
      throw new CoreError(
        'recipients',
        address.trim() === ''
          ? 'One of the recipients is empty. Take it out or complete it.'
          : `“${shown(address)}” is not an e-mail address. Correct it or take it out.`,
        { detail: { address } },
      )
    const key = wire.toLowerCase()
    if (seen.has(key)) continue
    seen.add(key)
    checked.push(personal === undefined ? { address: wire } : { address: wire, personal })
  }
  return checked
}

function asciiDomain(domain: string): string | null {
  const ascii = domainToASCII(domain)
  if (ascii === '' || ascii.length > 253 || !ascii.split('.').every((label) => LABEL.test(label))) return null
  // A URL's host may be a number; a mail domain may not, and `domainToASCII` turns 1.2 into 1.0.0.2.
  return /^[\d.]+$/.test(ascii) ? null : ascii
}

function shown(address: string): string {
  return address.replace(/[\p{Cc}\u2028\u2029]+/gu, '␣').slice(0, 200)
}
