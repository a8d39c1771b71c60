import type {
  Address,
  Attachment,
  DraftContent,
  DraftKind,
  DraftQuote,
  Interaction,
  MessageBody,
} from '../contract/domain.ts'
import type { Account, AgentSettings } from '../contract/settings.ts'
import { escapeHtml } from './field-codes.ts'
import { replyPhrases } from './reply-phrases.ts'
import { replyRecipients } from './reply-recipients.ts'
import { forwardSubject, oneLine, replySubject } from './subject.ts'

export interface ReplyRequest {
  readonly kind: DraftKind
  /** What is answered or forwarded; null for a new mail. */
  readonly parent: {
    readonly interaction: Interaction
    readonly body: MessageBody
    /** Without angle brackets. */
    readonly messageId: string | null
  } | null
  readonly agent: Pick<AgentSettings, 'signature'>
  /** The account that it goes out from; null where there is none yet. */
  readonly account: Pick<Account, 'id'> | null
  readonly ownAddresses: readonly string[]
  /** BCP 47: words and dates above the quote. */
  readonly locale: string
  /** IANA name; this computer's where it is left out. */
  readonly timeZone?: string
  readonly format?: DraftContent['format']
  /** Recipients chosen before anything was written (a contact's “write mail”). */
  readonly to?: readonly Address[]
}

/** A quote longer than this is cut: nobody reads it, and every answer would carry it again. */
const MAX_QUOTE = 1_000_000

/** What the composer opens with: recipients, subject, signature and the quoted original. */
export function replyContent(request: ReplyRequest): DraftContent {
  const { kind, parent, agent, account, ownAddresses } = request
  const original = kind === 'new' ? null : parent
  const { to, cc, bcc } = replyRecipients(kind, original?.interaction ?? null, ownAddresses)
  const subject = original?.interaction.subject ?? ''
  const signature = signatureOf(agent)
  return {
    account_id: account?.id ?? null,
    to: request.to && request.to.length > 0 ? request.to : to,
    cc,
    bcc,
    subject: !original ? '' : kind === 'forward' ? forwardSubject(subject) : replySubject(subject),
    format: request.format ?? 'rich',
    html: `<p></p>${signature.html}`,
    text: signature.text === '' ? '' : `\n\n${signature.text}`,
    quote: original ? quoteOf(original.interaction, original.body.text, request) : null,
    standard_response_ids: [],
  }
}

/** The original's files that the new mail begins with: all of them on forward, pictures in the text included. */
export function carriedAttachments(
  kind: DraftKind,
  attachments: readonly Attachment[],
): readonly Omit<Attachment, 'id'>[] {
  if (kind !== 'forward') return []
  return attachments.map(({ name, content_type, size, sha256, content_id, inline }) => ({
    name,
    content_type,
    size,
    sha256,
    content_id,
    inline,
  }))
}

/** The signature below `-- `, by which mail programs know where it begins (RFC 3676, 4.3). */
function signatureOf({ signature }: Pick<AgentSettings, 'signature'>): { text: string; html: string } {
  const text = signature.text.replace(/\r\n?/g, '\n').trim()
  const html = signature.html?.trim() ?? ''
  if (text === '' && html === '') return { text: '', html: '' }
  return {
    text: text === '' ? '' : `-- \n${text}`,
    html: html === '' ? `<p>-- <br>${escapeHtml(text)}</p>` : `<p>-- </p>${html}`,
  }
}

function quoteOf(original: Interaction, text: string, request: ReplyRequest): DraftQuote {
  const phrases = replyPhrases(request.locale)
  const moment = Date.parse(original.sent_date ?? original.start_date)
  const zone = request.timeZone === undefined ? {} : { timeZone: request.timeZone }
  const format = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(localeOf(request.locale), { ...options, ...zone })
      .format(moment)
      // Some languages' formats hold a narrow no-break space, which plain-text readers show as garbage.
      .replace(/[\u00a0\u202f]/g, ' ')
  const date = format({ dateStyle: 'long' })
  const time = format({ timeStyle: 'short' })
  const shown = text.length > MAX_QUOTE ? `${text.slice(0, MAX_QUOTE)}\n[…]` : text
  const quote = { text: shown.replace(/\r\n?/g, '\n'), html: null }
  const who = original.from ? written(original.from) : '?'
  if (request.kind !== 'forward') return { attribution: cut(phrases.wrote(date, time, who), 1000), ...quote }

  const lines = [
    `---------- ${phrases.forwarded} ----------`,
    `${phrases.from}: ${who}`,
    `${phrases.date}: ${date}, ${time}`,
    `${phrases.subject}: ${oneLine(original.subject ?? '')}`,
    `${phrases.to}: ${(original.to ?? []).map(written).join(', ')}`,
    ...(original.cc && original.cc.length > 0
      ? [`${phrases.cc}: ${original.cc.map(written).join(', ')}`]
      : []),
  ]
  return {
    attribution: lines
      .map((line) => cut(line, 1000))
      .join('\n')
      .slice(0, 4000),
    ...quote,
  }
}

function written({ address, personal }: Address): string {
  const name = oneLine(personal ?? '')
  return name === '' || name === address ? `<${address}>` : `${name} <${address}>`
}

function cut(line: string, length: number): string {
  return line.length > length ? `${line.slice(0, length - 1)}…` : line
}

function localeOf(language: string): string {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(language)[0] ?? 'en-GB'
  } catch {
    return 'en-GB'
  }
}
