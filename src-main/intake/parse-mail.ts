import { createHash } from 'node:crypto'
import type { Address, Attachment } from '../contract/domain.ts'
import type { DeliveryReport, ParsedMail } from '../store/store.ts'
import { readAddresses } from './addresses.ts'
import { asBuffer, decodeCharset } from './charsets.ts'
import { type MailKeys, mailKeys } from './content-key.ts'
import { oneLine } from './encoded-words.ts'
import { cleanFileName } from './file-names.ts'
import { unflow } from './flowed-text.ts'
import { type Header, readHeader } from './header-fields.ts'
import { readParams } from './header-params.ts'
import { HeldBack } from './held-back.ts'
import { htmlToText, textToHtml } from './html-text.ts'
import { machineMail, readReport } from './machine-mail.ts'
import { dateTime, readMailDate } from './mail-date.ts'
import { messageIds, ownMessageId, repliedTo } from './message-ids.ts'
import { type Part, partBytes, readParts } from './mime-parts.ts'
import { quotedRest, snippetOf } from './quoted-text.ts'

/** A mail taken apart, and the bytes of its attachments in the order of `mail.attachments`. */
export interface TakenApart {
  readonly mail: ParsedMail
  readonly attachments: readonly Uint8Array[]
}

/** Characters of text and HTML that are kept as a mail's body; the raw mail has the rest. */
const LONGEST_TEXT = 2_000_000
const LONGEST_HTML = 8_000_000
/** Bytes of all text and HTML parts that are decoded at all. */
const LARGEST_BODY = 32 << 20
/** Bytes of raw text that stand for a mail that can't be taken apart. */
export const HELD_BACK_TEXT = 64_000
/** Ids kept of a References field: the nearest, and the one that began it. */
const MOST_REFERENCES = 100

/**
 * Takes raw mail apart (RFC 5322, 2045-2049, 2231, 3676; forgiving as the field needs it). Pure, synchronous and
 * linear in its size; never throws: what passes a limit comes back as `held_back`, with its raw text as text.
 */
export function parseMail(raw: Uint8Array, keys: MailKeys = mailKeys(raw)): TakenApart {
  const size = raw.length
  const bytes = withLineFeeds(asBuffer(raw))
  let header: Header | null = null
  try {
    header = readHeader(bytes, 0, size)
    if (header.fields.length === 0 && size > 0)
      throw new HeldBack('It has no header, so nobody can tell who wrote it.')
    if (size === 0) throw new HeldBack('It is empty.')
    const part = readParts(bytes, header)
    const bodies = readBodies(bytes, part)
    const fields = readFields(header, bodies.report)
    const quote_at = quotedRest(bodies.text)
    const type = readParams(header.first('content-type'))
    return {
      mail: {
        raw: { sha256: keys.sha256, size },
        content_key: keys.content_key,
        ...fields,
        text: bodies.text,
        html: bodies.html,
        quote_at,
        snippet: snippetOf(bodies.text, quote_at) || sealed(type.value),
        attachments: bodies.attachments.map(({ head }) => head),
        machine: machineMail({
          header,
          type: type.value,
          params: type.params,
          from: fields.from?.address ?? null,
          report: bodies.report,
        }),
        report: bodies.report,
        held_back: null,
      },
      attachments: bodies.attachments.map(({ bytes }) => bytes),
    }
  } catch (error) {
    // Anything but a limit is a fault of ours, and the mail is held back all the same: it must not be lost.
    const why = error instanceof HeldBack ? error.message : `It couldn’t be taken apart (${String(error)}).`
    return { mail: heldBack(bytes, size, keys, header, why), attachments: [] }
  }
}

/** A mail that couldn't be read: `raw` is its begin, of which 64,000 bytes become its text; `size` is the whole. */
export function heldBack(
  raw: Uint8Array,
  size: number,
  keys: MailKeys,
  header: Header | null,
  why: string,
): ParsedMail {
  const text = plainText(decodeCharset(raw.subarray(0, HELD_BACK_TEXT), null))
  return {
    raw: { sha256: keys.sha256, size },
    content_key: keys.content_key,
    ...(header ? readFields(header, null) : NO_FIELDS),
    text,
    html: null,
    quote_at: null,
    snippet: snippetOf(text, null),
    attachments: [],
    machine: null,
    report: null,
    held_back: why,
  }
}

type Fields = Pick<
  ParsedMail,
  | 'message_id'
  | 'references'
  | 'in_reply_to'
  | 'from'
  | 'from_as_written'
  | 'reply_to'
  | 'to'
  | 'cc'
  | 'bcc'
  | 'subject'
  | 'sent_date'
  | 'timeshift'
  | 'received'
>

const NO_FIELDS: Fields = {
  message_id: null,
  references: [],
  in_reply_to: 0,
  from: null,
  from_as_written: null,
  reply_to: null,
  to: [],
  cc: [],
  bcc: [],
  subject: '',
  sent_date: null,
  timeshift: null,
  received: null,
}

function readFields(header: Header, report: DeliveryReport | null): Fields {
  const addresses = (name: string): readonly Address[] => header.all(name).flatMap(readAddresses)
  const written = header.first('from')
  const from = addresses('from')[0] ?? null
  const reply_to = addresses('reply-to')[0] ?? null
  const to = addresses('to')
  const cc = addresses('cc')
  const date = readMailDate(header.first('date') ?? '')
  const received = header.first('received')
  const original = ownMessageId(header.first('x-microsoft-original-message-id'))
  const message_id = ownMessageId(header.first('message-id')) ?? original
  const people = new Set([from, reply_to, ...to, ...cc].map((person) => person?.address.toLowerCase() ?? ''))
  const replied = new Set(header.all('in-reply-to').flatMap((field) => repliedTo(field, people)))
  replied.delete(message_id ?? '')
  const references = new Set([
    ...replied,
    ...header.all('references').flatMap(messageIds).reverse(),
    // Exchange renames what it sends: the copy and what was sent are one mail under two ids.
    ...(original === null ? [] : [original]),
    ...(report?.message_id ? [report.message_id] : []),
  ])
  references.delete(message_id ?? '')
  return {
    message_id,
    references: nearestAndFirst([...references]),
    in_reply_to: Math.min(replied.size, MOST_REFERENCES - 1),
    from,
    from_as_written: from === null && written ? oneLine(written).slice(0, 1_000) : null,
    reply_to,
    to,
    cc,
    bcc: addresses('bcc'),
    subject: oneLine(header.first('subject') ?? ''),
    sent_date: date === null ? null : dateTime(date.at),
    timeshift: date?.timeshift ?? null,
    received:
      received === null ? null : (readMailDate(received.slice(received.lastIndexOf(';') + 1))?.at ?? null),
  }
}

function nearestAndFirst(ids: readonly string[]): readonly string[] {
  return ids.length <= MOST_REFERENCES ? ids : [...ids.slice(0, MOST_REFERENCES - 1), ...ids.slice(-1)]
}

interface Bodies {
  readonly text: string
  readonly html: string | null
  readonly attachments: readonly { readonly head: Omit<Attachment, 'id'>; readonly bytes: Uint8Array }[]
  readonly report: DeliveryReport | null
}

interface Shown {
  readonly plain: string | null
  readonly html: string | null
}

function readBodies(raw: Buffer, root: Part): Bodies {
  const attached: { part: Part; bytes: Buffer; name: string | null; type: string }[] = []
  // Strings are the dear part: of endless text no more is decoded than can be kept.
  let affordable = LARGEST_BODY
  function within(bytes: Buffer): Buffer {
    const kept = bytes.subarray(0, affordable)
    affordable -= kept.length
    return kept
  }

  function show(part: Part, alone: boolean): Shown {
    if (part.children.length > 0) return showTogether(part)
    const name = fileName(part)
    const text =
      name === null &&
      part.disposition.value !== 'attachment' &&
      (part.type === 'text/plain' || part.type === 'text/html' || (alone && isOtherText(part.type)))
    if (text) {
      const label = part.params.get('charset') ?? null
      const bytes = within(partBytes(raw, part))
      if (part.type === 'text/html') return { plain: null, html: htmlBody(bytes, label) }
      const written = plainText(decodeCharset(bytes, label))
      const flowed = part.params.get('format')?.toLowerCase() === 'flowed'
      return {
        plain: flowed ? unflow(written, part.params.get('delsp')?.toLowerCase() === 'yes') : written,
        html: null,
      }
    }
    attached.push({ part, bytes: partBytes(raw, part), name, type: part.type })
    return { plain: null, html: null }
  }

  function showTogether(part: Part): Shown {
    const shown = part.children
      .map((child) => show(child, false))
      .filter(({ plain, html }) => plain !== null || html !== null)
    // HTML that comes first and has no plain twin is the mail, and a plain footer behind it isn't: its words count.
    const footed = part.type !== 'multipart/alternative' && shown[0]?.plain === null
    const plain = shown
      .map(({ plain, html }) => plain ?? (footed && html !== null ? htmlToText(html) : null))
      .filter((text) => text !== null)
    const html = shown.map(({ html }) => html).filter((text) => text !== null)
    // Of alternatives one is shown; else the plain parts stand between the HTML ones and are shown with them.
    const together =
      part.type === 'multipart/alternative'
        ? html
        : shown
            .map(({ plain, html }) => html ?? textToHtml(plain ?? ''))
            .filter((text) => !NOTHING.test(text))
    return {
      plain: shown.every(({ plain }) => plain === null) ? null : plain.join('\n'),
      html: html.length === 0 ? null : together.join('\n'),
    }
  }

  const { plain, html } = show(root, true)
  const cut = html === null ? null : shortened(html, LONGEST_HTML)
  const text =
    plain !== null && (cut === null || plain.trim() !== '') ? plain : cut === null ? '' : htmlToText(cut)
  const referred = cut === null ? new Set<string>() : contentIdsIn(cut)
  return {
    text: shortened(text, LONGEST_TEXT),
    html: cut,
    attachments: attached.map(({ part, bytes, name, type }) => {
      const content_id =
        messageIds(part.header.first('content-id') ?? '')[0] ?? bareId(part.header.first('content-id'))
      return {
        bytes,
        head: {
          name,
          content_type: type.replace(/[^\w.+\-/]/g, '').slice(0, 255),
          size: bytes.length,
          sha256: createHash('sha256').update(bytes).digest('hex'),
          content_id,
          inline: content_id !== null && referred.has(content_id),
        },
      }
    }),
    report: reportOf(root, attached),
  }
}

const NOTHING = /^<div style="white-space:pre-wrap">\s*<\/div>$/

/** text/enriched and its kin are shown as text where they are all there is; a calendar is a file. */
function isOtherText(type: string): boolean {
  return type.startsWith('text/') && !/calendar|csv|vcard|xml|rtf|directory|rfc822/.test(type)
}

function fileName(part: Part): string | null {
  return cleanFileName(part.disposition.params.get('filename')) ?? cleanFileName(part.params.get('name'))
}

function bareId(field: string | null): string | null {
  const id = field?.trim().replace(/^<|>$/g, '') ?? ''
  return id === '' || id.length > 998 || /\s/.test(id) ? null : id
}

function htmlBody(bytes: Buffer, label: string | null): string {
  const charset =
    label ??
    /<meta\b[^>]{0,200}charset\s*=\s*["']?([\w.:-]+)/i.exec(bytes.toString('latin1', 0, 4_096))?.[1] ??
    null
  return plainText(decodeCharset(bytes, charset))
}

/** The rare mail whose lines end in a carriage return alone, as old Macintoshes wrote files. */
function withLineFeeds(bytes: Buffer): Buffer {
  if (bytes.includes(0x0a) || !bytes.includes(0x0d)) return bytes
  return Buffer.from(bytes.map((byte) => (byte === 0x0d ? 0x0a : byte)))
}

/** Plain line ends; no NUL, at which other programs would stop reading. */
function plainText(text: string): string {
  const plain = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text
  return plain.includes('\0') ? plain.replaceAll('\0', '\ufffd') : plain
}

function shortened(text: string, longest: number): string {
  return text.length <= longest
    ? text
    : `${text.slice(0, longest).toWellFormed()}\n[… the original mail goes on]`
}

function contentIdsIn(html: string): ReadonlySet<string> {
  const found = new Set<string>()
  for (const [, id = ''] of html.matchAll(/\bcid:([^"'\s>)]{1,998})/gi)) {
    const plain = id.replaceAll('&amp;', '&')
    found.add(plain)
    try {
      found.add(decodeURIComponent(plain))
    } catch {
      // not percent-encoded
    }
  }
  return found
}

function reportOf(
  root: Part,
  attached: readonly { part: Part; bytes: Buffer; type: string }[],
): DeliveryReport | null {
  if (!root.header.first('content-type')?.toLowerCase().includes('multipart/report')) return null
  const status = attached.find(({ type }) =>
    /^message\/(?:global-)?(?:delivery-status|disposition-notification)$/.test(type),
  )
  if (!status) return null
  const returned = attached.find(({ type }) =>
    /^(?:message\/(?:rfc822|global)|text\/rfc822-headers|message\/global-headers)$/.test(type),
  )
  return readReport(status.bytes, returned?.bytes ?? null)
}

/** What stands in the list for a mail whose words can't be read here. */
function sealed(type: string): string {
  if (type === 'multipart/encrypted') return 'Encrypted mail (PGP)'
  return type === 'application/pkcs7-mime' || type === 'application/x-pkcs7-mime'
    ? 'Signed or encrypted mail (S/MIME)'
    : ''
}
