import type { UnresolvedCode } from '../contract/domain.ts'
import { asText, evaluate, type FieldContext, isEmpty, type Value } from './field-values.ts'
import { FormulaError, parseFormula } from './formula.ts'

export type { FieldContext } from './field-values.ts'

/** Longer than this between `<$` and `$>` is no field code. */
const MAX_CODE = 2000
// In HTML a rich editor stores `<` and `>` as entities; both spellings mean the same.
const OPEN = /<\$|&lt;\$/g
const CLOSE = /\$>|\$&gt;/g

interface FoundCode {
  /** As it stands in the template. */
  readonly code: string
  readonly at: number
  /** Null where `$>` is missing. */
  readonly inner: string | null
}

/**
 * Renders the field codes `<$ … $>` of a standard response. A code that gives nothing or can't be read stays as it
 * stands and is reported with its reason. `html` escapes values and also reads codes that an editor stored with
 * entities or marked up in the middle. Rendered values are never read for codes again.
 */
export function renderTemplate(
  template: string,
  context: FieldContext,
  escape: 'html' | 'text',
): { text: string; unresolved: UnresolvedCode[] } {
  const unresolved: UnresolvedCode[] = []
  let text = ''
  let done = 0
  for (const found of scan(template)) {
    text += template.slice(done, found.at)
    done = found.at + found.code.length
    const outcome = render(found, context, escape)
    if ('reason' in outcome) {
      unresolved.push({ code: readable(found.code, escape), reason: outcome.reason, at: found.at })
      text += found.code
    } else text += outcome.rendered
  }
  return { text: text + template.slice(done), unresolved }
}

/** Field codes that stand in a text which is about to be sent: each is one too many. */
export function findCodes(text: string): UnresolvedCode[] {
  return scan(text).map(({ code, at, inner }) => ({
    code: readable(code, code.startsWith('&') ? 'html' : 'text'),
    reason: inner === null ? 'This field code has no closing $>.' : 'This field code was not filled in.',
    at,
  }))
}

function scan(text: string): FoundCode[] {
  const found: FoundCode[] = []
  OPEN.lastIndex = 0
  for (let open = OPEN.exec(text); open; open = OPEN.exec(text)) {
    const at = open.index
    const from = at + open[0].length
    CLOSE.lastIndex = from
    const close = CLOSE.exec(text)
    const inner = close ? text.slice(from, close.index) : ''
    if (close && inner.length <= MAX_CODE && !/<\$|&lt;\$/.test(inner)) {
      const end = close.index + close[0].length
      found.push({ code: text.slice(at, end), at, inner })
      OPEN.lastIndex = end
      continue
    }
    // “<$50” is money; `<$Contact.` without an end is a code that lost it.
    const [broken = ''] =
      /^\s*(?:Interaction|Contact|Agent)\s*\.[\w]*/i.exec(text.slice(from, from + 200)) ?? []
    if (broken) found.push({ code: open[0] + broken, at, inner: null })
  }
  return found
}

function render(
  { inner, code }: FoundCode,
  context: FieldContext,
  escape: 'html' | 'text',
): { readonly rendered: string } | { readonly reason: string } {
  if (inner === null) return { reason: 'This field code has no closing $>.' }
  // Marks that the editor put inside the code are kept after its value, so that tags stay balanced.
  const tags = escape === 'html' ? (inner.match(/<\/?[a-z][^<>]*>/gi) ?? []).join('') : ''
  const formula = escape === 'html' ? decode(inner.replace(/<\/?[a-z][^<>]*>/gi, '')) : inner
  let value: Value
  try {
    value = evaluate(parseFormula(formula), context)
  } catch (error) {
    if (!(error instanceof FormulaError)) throw error
    return { reason: `${error.message} (at character ${error.at + 1} of the code).` }
  }
  if (value === null || (isEmpty(value) && value !== ''))
    return { reason: `${readable(code, escape)} has no value here, and no default text after “|”.` }
  if (escape === 'text') return { rendered: asText(value, context) }
  const html = typeof value === 'object' && 'html' in value ? value.html : escapeHtml(asText(value, context))
  return { rendered: html + tags }
}

/** Text as it may stand in HTML, line breaks kept. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
    .replace(/\r\n?|\n/g, '<br>')
}

/** A code as a person reads it. */
function readable(code: string, escape: 'html' | 'text'): string {
  return escape === 'html' || code.startsWith('&') ? decode(code.replace(/<\/?[a-z][^<>]*>/gi, '')) : code
}

function decode(html: string): string {
  const names: Readonly<Record<string, string>> = {
    lt: '<',
    gt: '>',
    amp: '&',
    quot: '"',
    apos: "'",
    nbsp: ' ',
    ldquo: '“',
    rdquo: '”',
    lsquo: '‘',
    rsquo: '’',
  }
  return html.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]+));/gi, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return names[name.toLowerCase()] ?? whole
    const point = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hex), 16)
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole
  })
}
