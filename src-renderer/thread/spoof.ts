import type { Address } from '../../src-main/contract/domain.ts'
import { readableDomain } from './punycode.ts'

/** Signs that a mail pretends to come from, or to lead to, somewhere else. Pure: the thread shows them. */

export type SenderHint =
  /** The display name holds an address that is not the sender's. */
  | { readonly kind: 'name-is-address'; readonly claimed: string; readonly real: string }
  /** The domain mixes scripts, or is written in letters that look like Latin ones. */
  | { readonly kind: 'lookalike-domain'; readonly domain: string; readonly ascii: string }
  /** The name holds characters that turn the direction of writing. */
  | { readonly kind: 'hidden-direction' }

// Embeddings, overrides and isolates: they have no place in a name and can turn what is read around.
const direction = /[\u202a-\u202e\u2066-\u2069]/
const invisible = /[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/g

/** A name, subject or file name for display on one line: without control, direction and zero-width characters. */
export function plainName(text: string): string {
  return text
    .replace(invisible, '')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
}

export function senderHints(from: Address | undefined): readonly SenderHint[] {
  if (!from) return []
  const hints: SenderHint[] = []
  const name = from.personal ?? ''
  const real = from.address.toLowerCase()
  const claimed = /[^\s<>"'(),;:@]+@[^\s<>"'(),;:@]+\.[^\s<>"'(),;:@]+/u
    .exec(plainName(name))?.[0]
    .toLowerCase()
  if (claimed !== undefined && !sameMailbox(claimed, real))
    hints.push({ kind: 'name-is-address', claimed, real: from.address })
  const domain = real.slice(real.lastIndexOf('@') + 1)
  if (isLookalike(domain))
    hints.push({ kind: 'lookalike-domain', domain: readableDomain(domain), ascii: domain })
  if (direction.test(name)) hints.push({ kind: 'hidden-direction' })
  return hints
}

// "ann@x.test via List" from list@x.test is how mailing lists write; the same organisation is no spoof.
function sameMailbox(claimed: string, real: string): boolean {
  if (claimed === real) return true
  return sameSite(domainOf(claimed), domainOf(real))
}
function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1)
}

// Cyrillic and Greek letters that are drawn like Latin ones (Unicode confusables, the ones fit for a domain).
const likeLatin = /^[аеорсухіјѕԁԛԝһӏьвгкмнптυοανκρτιωϲϳ0-9-]+$/u

/** Whether a label of the domain mixes scripts, or could be read as Latin while it isn't. */
export function isLookalike(domain: string): boolean {
  return readableDomain(domain)
    .split('.')
    .some((label) => {
      const scripts = scriptsOf(label)
      if (
        scripts.has('Latin') &&
        (scripts.has('Cyrillic') || scripts.has('Greek') || scripts.has('Armenian'))
      )
        return true
      if (scripts.has('Cyrillic') && scripts.has('Greek')) return true
      const foreign = scripts.has('Cyrillic') || scripts.has('Greek')
      return foreign && likeLatin.test(label.toLowerCase())
    })
}

const scripts = {
  Latin: /\p{Script=Latin}/u,
  Cyrillic: /\p{Script=Cyrillic}/u,
  Greek: /\p{Script=Greek}/u,
  Armenian: /\p{Script=Armenian}/u,
} as const

function scriptsOf(label: string): ReadonlySet<string> {
  return new Set(Object.entries(scripts).flatMap(([name, pattern]) => (pattern.test(label) ? [name] : [])))
}

export interface LinkHint {
  /** The link's text names another site than the one it leads to. */
  readonly named: string | null
  readonly lookalike: boolean
  /** The host is a bare address number, or a name and password stand before it. */
  readonly odd: boolean
}

/** What a link's target looks like beside its text. `url` is absolute. */
export function linkHint(text: string, url: string): LinkHint {
  const host = hostOf(url)
  if (host === null) return { named: null, lookalike: false, odd: false }
  const named = namedHost(text)
  return {
    named: named !== null && !sameSite(named, host) ? named : null,
    lookalike: isLookalike(host),
    odd: /^https?:\/\/[^/?#]*@/i.test(url) || /^(\d+\.){3}\d+$/.test(host) || host.startsWith('['),
  }
}

function hostOf(url: string): string | null {
  try {
    const { protocol, hostname } = new URL(url)
    return protocol === 'http:' || protocol === 'https:' ? hostname.replace(/\.$/, '') : null
  } catch {
    return null
  }
}

/** The host that a link's text claims: only where the whole text is an address of a site. */
function namedHost(text: string): string | null {
  const shown = plainName(text)
  const match =
    /^(?:https?:\/\/)?(?:www\.)?([\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,})(?:[:/?#]\S*)?$/iu.exec(shown)
  if (!match?.[1]) return null
  // An abbreviation or a file name is no claim about a site.
  if (!/^https?:|\/|^www\./i.test(shown) && /\.(pdf|docx?|xlsx?|txt|html?|zip|png|jpe?g)$/i.test(shown))
    return null
  return match[1].toLowerCase()
}

/** Whether two hosts belong together: equal, one below the other, or the same registered name. */
export function sameSite(a: string, b: string): boolean {
  const one = a.toLowerCase().replace(/^www\./, '')
  const other = b.toLowerCase().replace(/^www\./, '')
  if (one === other || one.endsWith(`.${other}`) || other.endsWith(`.${one}`)) return true
  return registered(one) === registered(other)
}

// Registries that sell names one level down. Where one is missing here, two sites count as one and no warning
// comes; the dialog shows the whole target in any case.
const secondLevel = /^(?:co|com|net|org|gov|edu|ac|ne|or|go|gob|nom|ltd|plc)$/

function registered(host: string): string {
  const labels = host.split('.')
  const tld = labels.at(-1) ?? ''
  const below = labels.at(-2) ?? ''
  const count = tld.length === 2 && secondLevel.test(below) ? 3 : 2
  return labels.slice(-count).join('.')
}
