import { addressSchema } from '../../src-main/contract/settings.ts'
import type { Address } from '../../src-main/contract/domain.ts'

/** True where mail can be sent to it: one `local@domain`, as the core checks it when the mail is sent. */
export function isAddress(address: string): boolean {
  return addressSchema.safeParse(address).success
}

/**
 * Recipients of typed or pasted text: names with `<address>`, quoted names, lists parted by commas, semicolons,
 * line ends or tabs, bare addresses parted by spaces. What is no address is kept as it was written.
 */
export function parseAddresses(text: string): readonly Address[] {
  return split(text)
    .flatMap(bareList)
    .map(parseOne)
    .filter((address) => address.address !== '')
}

/** `Name <address>` as mail programs write it; a name with special characters is quoted. */
export function formatAddress({ address, personal }: Address): string {
  if (!personal || personal === address) return address
  const name = /[",;<>@()[\]\\:]/u.test(personal) ? `"${personal.replace(/["\\]/gu, '\\$&')}"` : personal
  return `${name} <${address}>`
}

/** The same mailbox: the address without case, whatever the name. */
export function sameAddress(a: Address, b: Address): boolean {
  return a.address.toLowerCase() === b.address.toLowerCase()
}

/** `list` with `more` behind it, each mailbox once. */
export function addAddresses(list: readonly Address[], more: readonly Address[]): readonly Address[] {
  const result = [...list]
  for (const address of more) if (!result.some((known) => sameAddress(known, address))) result.push(address)
  return result
}

/** Parts at commas, semicolons, line ends and tabs that stand outside quotes and angle brackets. */
function split(text: string): string[] {
  const parts: string[] = []
  let part = ''
  let quoted = false
  let angle = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i)
    if (quoted && char === '\\') {
      part += char + text.charAt(++i)
      continue
    }
    if (char === '"') quoted = !quoted
    else if (!quoted && char === '<') angle = true
    else if (!quoted && char === '>') angle = false
    const ends = char === '\n' || char === '\r' || (!quoted && !angle && /[,;\t]/u.test(char))
    if (!ends) {
      part += char
      continue
    }
    // A quote or bracket that is still open at the end of a line was a slip of the pen.
    quoted = false
    angle = false
    parts.push(part)
    part = ''
  }
  parts.push(part)
  return parts.map((each) => each.trim()).filter((each) => each !== '')
}

/** `a@x.test b@y.test` is two recipients, `Ann Lee` and `Ann a@x.test` are one. */
function bareList(part: string): string[] {
  const words = part.split(/\s+/u)
  return words.length > 1 && words.every(isAddress) ? words : [part]
}

function parseOne(part: string): Address {
  const cleaned = part.replace(/\p{Cc}+/gu, ' ').trim()
  const bracketed = /^(?<name>.*?)\s*<(?<address>[^<>]*)>$/u.exec(cleaned)
  if (bracketed?.groups) {
    const address = strip(bracketed.groups.address ?? '')
    const personal = unquote(bracketed.groups.name ?? '')
    return personal && personal !== address ? { address, personal } : { address }
  }
  // `Ann Lee ann@x.test`, as copied from a table.
  const trailing = /^(?<name>.+?)\s+(?<address>\S+@\S+)$/u.exec(cleaned)
  if (trailing?.groups && isAddress(trailing.groups.address ?? ''))
    return { address: trailing.groups.address ?? '', personal: unquote(trailing.groups.name ?? '') }
  return { address: strip(cleaned) }
}

function strip(address: string): string {
  return address.replace(/^mailto:/iu, '').trim()
}

function unquote(name: string): string {
  const trimmed = name.trim()
  const quoted = /^(?<quote>["'])(?<inner>.*)\k<quote>$/u.exec(trimmed)
  return (quoted?.groups?.inner ?? trimmed).replace(/\\(?<char>.)/gu, '$<char>').trim()
}
