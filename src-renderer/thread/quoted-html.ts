// Where mail programs begin the mail that is answered, each in its own way.
const QUOTES = [
  'blockquote[type="cite"]',
  '.gmail_quote',
  '.gmail_quote_container',
  '.yahoo_quoted',
  '.protonmail_quote',
  '.tutanota_quote',
  '.zmail_extra',
]

// Headers of an original after which everything up to the end is quoted.
const TAIL_STARTS = [
  '#divRplyFwdMsg',
  '#appendonsend',
  '#mail-editor-reference-message-container',
  '.OutlookMessageHeader',
]

const anyQuote = QUOTES.join(',')
const anyTailStart = TAIL_STARTS.join(',')
const anyStart = [...QUOTES, ...TAIL_STARTS, '[style*="border-top"]'].join(',')

/**
 * Folds the quoted rest of a mail behind a control, in the mail's own document. Nothing is removed. A mail that
 * is nothing but a quote stays open, as does one whose own words follow the quote.
 */
export function foldQuote(document: Document, label: string): void {
  const { body } = document
  const starts = [...body.querySelectorAll(anyStart)].filter(
    (node) => node.matches(anyQuote) || node.matches(anyTailStart) || isHeaderBlock(node),
  )
  const found = starts.find((node) => !starts.some((other) => other !== node && other.contains(node)))
  if (!found) return
  const tail = !found.matches(anyQuote)
  const start = tail ? outermostOf(found, body) : (attributionOf(found) ?? found)
  if (!hasWords(contentBefore(start, body))) return
  // Inline answers stand after or between quotes: folding would hide what the customer wrote.
  if (!tail && answersInside(found, body)) return
  const rest = following(start)
  const details = document.createElement('details')
  details.className = 'wb-quote'
  const summary = document.createElement('summary')
  summary.textContent = label
  details.append(summary)
  start.before(details)
  for (const node of rest) details.append(node)
}

/** Outlook's line above a block of header fields, in whatever language: `From: … Sent: … To: … Subject: …`. */
function isHeaderBlock(node: Element): boolean {
  if (
    !/border-top:\s*(?:solid\b[^;]*(?:#e1e1e1|#b5c4df)|[^;]*\bsolid\s+(?:#e1e1e1|#b5c4df))/i.test(
      styleOf(node),
    )
  )
    return false
  const text = node.textContent
  const fields = [...node.querySelectorAll('b, strong')].filter((bold) => /[:：]\s*$/.test(bold.textContent))
  return fields.length >= 3 && text.includes('@')
}

/** Styles as written, since browsers take the short form of a border apart when they are asked for it. */
function styleOf(node: Element): string {
  return node.getAttribute('style') ?? ''
}

/**
 * The line above a quote that says who wrote it when, where it stands on its own: it ends in a colon and is short.
 * The quote's parent may begin with it, as in `<div><p>On Monday Ann wrote:</p><blockquote>`.
 */
function attributionOf(quote: Element): Element | null {
  let before = quote.previousElementSibling
  while (before?.tagName === 'BR') before = before.previousElementSibling
  if (!before || looseTextBetween(before, quote)) return null
  const text = before.textContent.trim()
  const known = before.matches('.moz-cite-prefix')
  return known || (text.length <= 300 && /[:：]$/.test(text) && /[\d@]/.test(text)) ? before : null
}

function looseTextBetween(from: Element, to: Element): boolean {
  for (let node = from.nextSibling; node && node !== to; node = node.nextSibling)
    if (node.textContent?.trim()) return true
  return false
}

/** Outlook wraps its header block, and the original follows the wrapper: the first ancestor with words before it. */
function outermostOf(start: Element, body: Element): Element {
  let outer = start
  for (let parent = outer.parentElement; parent && parent !== body; parent = outer.parentElement) {
    if (hasWords(contentBefore(outer, parent))) break
    outer = parent
  }
  return outer
}

/** Only siblings: what a mail puts in another branch (a footer, a tracking picture) stays where it is. */
function following(start: Element): Node[] {
  const nodes: Node[] = []
  for (let node: Node | null = start; node; node = node.nextSibling) nodes.push(node)
  return nodes
}

/** Whether words that aren't quoted stand after the quote, or after the first quoted block inside it. */
function answersInside(quote: Element, body: Element): boolean {
  const inner = quote.tagName === 'BLOCKQUOTE' ? quote : quote.querySelector('blockquote')
  const below = body.ownerDocument.createRange()
  below.setStartAfter(inner ?? quote)
  below.setEnd(body, body.childNodes.length)
  const content = below.cloneContents()
  for (const block of content.querySelectorAll('blockquote')) block.remove()
  return hasWords(content)
}

function contentBefore(start: Element, body: Element): DocumentFragment {
  const range = body.ownerDocument.createRange()
  range.setStart(body, 0)
  range.setEndBefore(start)
  return range.cloneContents()
}

function hasWords(content: DocumentFragment): boolean {
  for (const hidden of content.querySelectorAll('style, title')) hidden.remove()
  return content.textContent.trim() !== '' || content.querySelector('img') !== null
}
