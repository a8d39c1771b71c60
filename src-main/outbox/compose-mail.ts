import MailComposer, { type MailComposerAttachment } from 'nodemailer/lib/mail-composer'
import { foldLines } from 'nodemailer/lib/mime-funcs'
import MimeNode from 'nodemailer/lib/mime-node'
import type { Address, Attachment, Draft, Instant, Uuid } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import type { Envelope } from '../store/store.ts'
import { type MailBody, mailBody } from './mail-body.ts'
import { checkedRecipients, needsSmtpUtf8, wireAddress } from './recipients.ts'

export interface MailParts {
  readonly from: Address
  readonly date: Instant
  /** The left half of the Message-ID. */
  readonly uuid: Uuid
  /** What it answers or forwards; ids without angle brackets. */
  readonly parent: ParentIds | null
  /** The draft's attachments, each with its bytes, in the draft's order. */
  readonly attachments: readonly { readonly attachment: Attachment; readonly bytes: Uint8Array }[]
}

export interface ParentIds {
  readonly messageId: string | null
  /** Its ancestors, oldest first. */
  readonly references: readonly string[]
}

export interface ComposedMail extends MailBody {
  /** What the server gets. Bcc never was part of it. */
  readonly wire: Uint8Array
  /** What Sent keeps: the wire's bytes below the Bcc field, where there is one. */
  readonly sentCopy: Uint8Array
  /** Without angle brackets. */
  readonly messageId: string
  readonly envelope: Envelope
  /** What really went into it, as it is named there. */
  readonly attachments: readonly Attachment[]
}

/** The first ancestor and the nearest ones; longer chains tell nobody more (RFC 5322, 3.6.4 asks for the ends). */
const MAX_REFERENCES = 50
/** An id can't be folded, and a line holds 998 characters at most. */
const MAX_ID = 250
/** Nested messages can't be encoded (RFC 2046, 5.2.1); others of message/* have meanings of their own. */
const NESTED = ['message/rfc822', 'message/delivery-status', 'message/disposition-notification']

/**
 * Freezes a draft as MIME. Throws `recipients` (none, or one that is no address) and `invalid` (a control character
 * in a header field, an address of ours that can't be used).
 */
export async function composeMail(
  draft: Pick<Draft, 'kind' | 'to' | 'cc' | 'bcc' | 'subject' | 'format' | 'html' | 'text' | 'quote'>,
  parts: MailParts,
): Promise<ComposedMail> {
  const from = ownAddress(parts.from)
  const to = people('To', draft.to)
  const cc = people('Cc', draft.cc)
  const bcc = people('Bcc', draft.bcc)
  const everybody = checkedRecipients([...to, ...cc, ...bcc]).map(({ address }) => address)
  if (everybody.length === 0)
    throw new CoreError('recipients', 'This mail has no recipient. Enter one in To.')
  const subject = headerText('The subject', draft.subject)

  const body = mailBody(draft, draft.kind)
  const attached = parts.attachments.flatMap(({ attachment, bytes }) =>
    placed(attachment, bytes, body, draft.kind),
  )
  const messageId = `${parts.uuid}@${from.address.slice(from.address.lastIndexOf('@') + 1)}`
  const parentId = parts.parent?.messageId ?? null
  const chain = references(parts.parent)

  const root = new MailComposer({
    from: named(from),
    to: to.map(named),
    cc: cc.map(named),
    subject,
    date: new Date(parts.date),
    messageId: `<${messageId}>`,
    // A forwarded mail begins a conversation with somebody else: it names its ancestors but answers none.
    ...(parentId !== null && draft.kind !== 'forward' && isUsableId(parentId)
      ? { inReplyTo: `<${parentId}>` }
      : {}),
    ...(chain.length > 0 ? { references: chain.map((id) => `<${id}>`) } : {}),
    text: body.text,
    ...(body.html === null ? {} : { html: body.html }),
    attachments: attached.map(({ part }) => part),
    boundaryPrefix: '=_',
    newline: 'win',
    disableFileAccess: true,
    disableUrlAccess: true,
  }).compile()
  const wire = await root.build()
  return {
    ...body,
    wire,
    sentCopy: Buffer.concat([bccField(bcc), wire]),
    messageId,
    envelope: {
      from: from.address,
      to: everybody,
      smtputf8: [from.address, ...everybody].some(needsSmtpUtf8),
    },
    attachments: attached.map(({ attachment }) => attachment),
  }
}

function ownAddress(from: Address): Address {
  const address = wireAddress(from.address)
  if (address === null)
    throw new CoreError(
      'invalid',
      `“${from.address}” can’t be sent from: it is not an e-mail address. Correct the account under Settings.`,
    )
  return { address, personal: headerText('The sender’s name', from.personal ?? '') }
}

function people(field: string, addresses: readonly Address[]): Address[] {
  return checkedRecipients(addresses).map(({ address, personal }) => ({
    address,
    personal: headerText(`The name of ${address} in ${field}`, personal ?? ''),
  }))
}

/** Text for a header field. A tab pasted from a table is a space; anything else that could end a line is refused. */
function headerText(what: string, text: string): string {
  const value = text.replaceAll('\t', ' ')
  if (/[\p{Cc}\u2028\u2029]/u.test(value))
    throw new CoreError(
      'invalid',
      `${what} holds a line break or another control character. Write it again, then send.`,
    )
  return value.trim()
}

/** Always as an object: a string would be parsed, and a comma in a name would become a second recipient. */
function named({ address, personal }: Address): { name: string; address: string } {
  return { name: personal ?? '', address }
}

function bccField(bcc: readonly Address[]): Uint8Array {
  if (bcc.length === 0) return new Uint8Array()
  const value = MimeNode.encodeHeaderValue('Bcc', bcc.map(named))
  return Buffer.from(`${foldLines(`Bcc: ${value}`, 76)}\r\n`, 'utf8')
}

function references(parent: ParentIds | null): string[] {
  if (!parent) return []
  const chain = [...new Set([...parent.references, ...(parent.messageId === null ? [] : [parent.messageId])])]
    // The parent stands last even where it names itself as its own ancestor.
    .filter((id) => id !== parent.messageId)
    .concat(parent.messageId ?? [])
    .filter(isUsableId)
  const [first] = chain
  return first !== undefined && chain.length > MAX_REFERENCES
    ? [first, ...chain.slice(1 - MAX_REFERENCES)]
    : chain
}

function isUsableId(id: string): boolean {
  return id.length <= MAX_ID && /^[\x21-\x3b\x3d\x3f-\x7e]+$/.test(id)
}

/** Where an attachment stands in the mail; nowhere when its picture was taken out of the text again. */
function placed(
  attachment: Attachment,
  bytes: Uint8Array,
  { html }: MailBody,
  kind: Draft['kind'],
): { part: MailComposerAttachment; attachment: Attachment }[] {
  const name = attachment.name === null ? null : headerText('The name of an attachment', attachment.name)
  const cid = attachment.content_id === null ? null : headerText('The id of a picture', attachment.content_id)
  const shown = attachment.inline && cid !== null && html !== null && mentions(html, cid)
  if (attachment.inline && !shown && html !== null && kind !== 'forward') return []

  const { type, content } = carried(attachment.content_type, bytes)
  return [
    {
      part: {
        filename: name ?? false,
        content,
        contentType: type,
        contentDisposition: shown ? 'inline' : 'attachment',
        ...(shown ? { cid } : {}),
      },
      attachment: { ...attachment, name, content_type: type, inline: shown, content_id: shown ? cid : null },
    },
  ]
}

function mentions(html: string, cid: string): boolean {
  const ids = html.matchAll(/\bcid:([^"'\s>)]+)/gi)
  return [...ids].some(([, id = '']) => id === cid || decoded(id) === cid)
}

function decoded(id: string): string {
  const text = id.replaceAll('&amp;', '&')
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The bytes reach the other side unchanged: everything goes as base64 but nested messages, which may not. */
function carried(contentType: string, bytes: Uint8Array): { type: string; content: Buffer } {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [, type = ''] = /^\s*([a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+)\s*(?:;|$)/i.exec(contentType) ?? []
  const known = type.toLowerCase()
  if (known === '' || known.startsWith('multipart/')) return { type: 'application/octet-stream', content }
  if (!known.startsWith('message/')) return { type: known + parameters(contentType), content }
  const fits = NESTED.includes(known) && isSevenBit(content)
  return { type: fits ? known : 'application/octet-stream', content }
}

/** What a text can't be read without: its character set, and what a calendar entry asks for. */
function parameters(contentType: string): string {
  const kept = contentType.matchAll(/;\s*(charset|method)\s*=\s*"?([a-z0-9_.+-]+)"?/gi)
  return [...kept].map(([, key = '', value = '']) => `; ${key.toLowerCase()}=${value}`).join('')
}

/** ASCII lines of at most 998 characters, ended by CRLF as on the wire, so that nothing on the way changes them. */
function isSevenBit(bytes: Buffer): boolean {
  let line = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (byte === 0 || byte > 127) return false
    if (byte === 0x0a) {
      if (bytes[i - 1] !== 0x0d) return false
      line = 0
    } else if (byte === 0x0d) {
      if (bytes[i + 1] !== 0x0a) return false
    } else if (++line > 998) return false
  }
  return true
}
