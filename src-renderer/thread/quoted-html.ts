// Where mail programs begin the mail that is answered, each in its own way.
const quoteStarts = [
  'blockquote[type="cite"]',
  '.gmail_quote',
  '.gmail_quote_container',
  '.moz-cite-prefix',
  '.yahoo_quoted',
  '.protonmail_quote',
  '.tutanota_quote',
  '.zmail_extra',
  '#divRplyFwdMsg',
  '#appendonsend',
  '#mail-editor-reference-message-container',
  '.OutlookMessageHeader',
  '.WordSection1 > div > div[style*="border-top"]',
].join(',')

/**
 * Folds the quoted rest of a mail behind a control, in the mail's own document. Nothing is removed. A mail that
 * is nothing but a quote stays open, as does one whose own words follow the quote.
 */
export function foldQuote(document: Document, label: string): void {
  const start = [...document.body.querySelectorAll(quoteStarts)].find((node) => isOutermost(node))
  if (!start) return
  const rest = following(start, document.body)
  if (textBefore(start, document.body).trim() === '') return
  // Inline answers stand after or between quotes: folding would hide what the customer wrote.
  if (!startsTail(start) && rest.slice(1).some((node) => ownWords(node))) return
  const details = document.createElement('details')
  details.className = 'wb-quote'
  const summary = document.createElement('summary')
  summary.textContent = label
  details.append(summary)
  start.before(details)
  for (const node of rest) details.append(node)
}

function isOutermost(node: Element): boolean {
  return node.parentElement?.closest(quoteStarts) === null
}

/** Markers after which everything up to the end is quoted. */
function startsTail(node: Element): boolean {
  return node.matches(
    '.moz-cite-prefix, #divRplyFwdMsg, #appendonsend, #mail-editor-reference-message-container, .OutlookMessageHeader, .WordSection1 > div > div[style*="border-top"]',
  )
}

function following(start: Element, body: Element): Node[] {
  const nodes: Node[] = []
  // Only siblings: what a mail puts in another branch (a footer, a tracking picture) stays where it is.
  for (let node: Node | null = start; node && node !== body; node = node.nextSibling) nodes.push(node)
  return nodes
}

function ownWords(node: Node): boolean {
  if (node instanceof Element && node.matches(quoteStarts)) return false
  const text = node.textContent ?? ''
  return text.trim() !== ''
}

function textBefore(start: Element, body: Element): string {
  const range = body.ownerDocument.createRange()
  range.setStart(body, 0)
  range.setEndBefore(start)
  return range.toString()
}
