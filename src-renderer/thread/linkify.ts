export interface TextPiece {
  readonly text: string
  /** Absolute target, where the piece is a link. */
  readonly url: string | null
}

const link = /\b(?:https?:\/\/|www\.)[^\s<>"]+|[^\s<>"'(),;:@]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/giu

/** Cuts plain text where it holds addresses of sites and mailboxes. */
export function linkify(text: string): readonly TextPiece[] {
  const pieces: TextPiece[] = []
  let at = 0
  for (const match of text.matchAll(link)) {
    const shown = trimmed(match[0])
    const url = target(shown)
    if (url === null) continue
    if (match.index > at) pieces.push({ text: text.slice(at, match.index), url: null })
    pieces.push({ text: shown, url })
    at = match.index + shown.length
  }
  if (at < text.length) pieces.push({ text: text.slice(at), url: null })
  return pieces
}

/** Without the punctuation of the sentence around it; a bracket stays where it was opened inside. */
function trimmed(found: string): string {
  let shown = found
  for (;;) {
    const last = shown.at(-1) ?? ''
    const opened = last === ')' ? '(' : last === ']' ? '[' : null
    if (opened !== null && shown.split(opened).length >= shown.split(last).length) return shown
    if (!/[.,;:!?'"»)\]}*_>]/.test(last)) return shown
    shown = shown.slice(0, -1)
  }
}

function target(shown: string): string | null {
  const written = /^https?:/i.test(shown)
    ? shown
    : /^www\./i.test(shown)
      ? `https://${shown}`
      : shown.includes('@')
        ? `mailto:${shown}`
        : null
  if (written === null) return null
  try {
    return new URL(written).href
  } catch {
    return null
  }
}

/** The addresses that a mailto link names; null where it is another kind of link. Its subject and body are ignored. */
export function mailtoAddresses(url: string): readonly { readonly address: string }[] | null {
  const { pathname, protocol } = new URL(url)
  if (protocol !== 'mailto:') return null
  return pathname
    .split(',')
    .map((address) => decoded(address).trim())
    .filter(Boolean)
    .map((address) => ({ address }))
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
