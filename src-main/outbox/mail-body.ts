import type { DraftContent, DraftKind, DraftQuote } from '../contract/domain.ts'
import { escapeHtml } from './field-codes.ts'

export interface MailBody {
  readonly text: string
  /** Null for a mail written as plain text. */
  readonly html: string | null
  /** Index into `text` at which the quoted original begins; null where none is quoted. */
  readonly quote_at: number | null
  /** First words of what the agent wrote, at most 200 characters, one line. */
  readonly snippet: string
}

/**
 * The agent's words with the original below them. An answered original is quoted (`> ` in text, a blockquote in HTML);
 * a forwarded one stands as it was, below its header block, since it is what the mail is about.
 */
export function mailBody(
  draft: Pick<DraftContent, 'format' | 'html' | 'text' | 'quote'>,
  kind: DraftKind,
): MailBody {
  const own = plain(draft.text).trimEnd()
  const { quote } = draft
  const rich = draft.format === 'rich' && draft.html.trim() !== ''
  const below = quote ? quotedText(quote, kind) : ''
  const before = quote && own !== '' ? `${own}\n\n` : own
  return {
    text: `${before}${below}\n`,
    html: rich ? page(draft.html + (quote ? quotedHtml(quote, kind) : '')) : null,
    quote_at: quote && kind !== 'forward' ? before.length : null,
    snippet: snippetOf(own, quote),
  }
}

function quotedText({ attribution, text }: DraftQuote, kind: DraftKind): string {
  const original = plain(text).trimEnd()
  if (kind === 'forward') return `${plain(attribution)}\n\n${original}`
  const lines = original
    .split('\n')
    .map((line) => (line === '' || line.startsWith('>') ? `>${line}` : `> ${line}`))
  return `${plain(attribution)}\n${lines.join('\n')}`
}

function quotedHtml({ attribution, text, html }: DraftQuote, kind: DraftKind): string {
  const original = html ?? `<div style="white-space:pre-wrap">${escapeHtml(plain(text))}</div>`
  const above = `<p>${escapeHtml(plain(attribution))}</p>`
  if (kind === 'forward') return `\n<div>${above}\n${original}</div>`
  // `type="cite"` is how mail programs know a quote.
  return `\n<div>${above}\n<blockquote type="cite" style="margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex">${original}</blockquote></div>`
}

function page(html: string): string {
  return `<!DOCTYPE html>\n<html>\n<head><meta charset="utf-8"></head>\n<body>${html}</body>\n</html>\n`
}

function snippetOf(own: string, quote: DraftQuote | null): string {
  const words = withoutSignature(own).replace(/\s+/g, ' ').trim()
  const shown = words === '' && quote ? quote.text.replace(/\s+/g, ' ').trim() : words
  return Array.from(shown).slice(0, 200).join('')
}

function withoutSignature(text: string): string {
  const at = `\n${text}`.search(/\n-- ?\n/)
  return at < 0 ? text : text.slice(0, at)
}

/** Plain line ends, and no NUL: SMTP has no way to carry one (RFC 5321, 4.5.2). */
function plain(text: string): string {
  return text.replace(/\r\n?|\u2028|\u2029/g, '\n').replaceAll('\0', '')
}
