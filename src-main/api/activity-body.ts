import { Refused } from './api.ts'
import { readXml } from './activity-xml.ts'
import { isObject } from './body-members.ts'

/**
 * The body of an activity response as it came, JSON and XML alike: what a rule looks at later is still unknown here,
 * so that the first fault in the contract's order is the one that is told. Absent is undefined.
 */
export interface ActivityBody {
  readonly type: unknown
  readonly subtype: unknown
  readonly subject: string
  readonly text: string | null
  readonly html: string | null
  readonly from: unknown
  readonly receiver: unknown
  readonly replyTo: unknown
  /** Undefined: not given; null: given, but no id. */
  readonly messageCenter: string | null | undefined
  readonly issueType: string | null | undefined
  readonly customAttributes: unknown
  readonly attachments: unknown
}

/** Reads a parsed JSON body or the text of an XML one (contract 05, 5.1). Throws `Refused` `malformed`. */
export async function readActivityBody(contentType: string | null, body: unknown): Promise<ActivityBody> {
  if (body === undefined) throw malformed('A body is needed: it says what is answered.')
  const xml = contentType !== null && isXml(contentType)
  const activity = xml && typeof body === 'string' ? await readActivityXml(body) : body
  if (!isObject(activity)) throw malformed('The body is no object.')

  const type = objectIn(filled(activity, 'type'))
  const subtype = type && objectIn(filled(type, 'subtype'))
  const payload = objectAt(activity, 'payload', 'payload')
  const email = payload && objectAt(payload, 'email', 'payload.email')
  const addresses = email && objectAt(email, 'emailAddresses', 'payload.email.emailAddresses')
  return {
    type: type && member(type, 'value'),
    subtype: subtype && member(subtype, 'value'),
    subject: textAt(activity, 'subject', 'subject') ?? '',
    ...readContent(email, xml),
    from: addresses && member(addresses, 'from'),
    receiver: addresses && member(addresses, 'receiver'),
    replyTo: addresses && member(addresses, 'replyTo'),
    messageCenter: email && idAt(email, 'messageCenter'),
    issueType: idAt(activity, 'issueType'),
    customAttributes: filled(activity, 'customAttributes'),
    attachments: filled(activity, 'attachments'),
  }
}

/** Whether a media type is XML (RFC 7303). */
export function isXml(contentType: string): boolean {
  return /^(?:application|text)\/(?:[^/]+\+)?xml$/.test(contentType)
}

/** A member; null, and what an object only inherits, is absent. */
export function member(object: { readonly [name: string]: unknown }, name: string): unknown {
  return Object.hasOwn(object, name) ? (object[name] ?? undefined) : undefined
}

async function readActivityXml(document: string): Promise<unknown> {
  const { root, value } = await readXml(
    document,
    (name, parent) => name === 'text' || name === 'html' || (name === 'value' && parent === 'content'),
  )
  if (root !== 'activity') throw malformed('The root element isn’t “activity”.')
  return value === '' ? {} : value
}

/** A member that isn't empty: an element without content is the same as none. */
function filled(object: { readonly [name: string]: unknown }, name: string): unknown {
  const value = member(object, name)
  return value === '' ? undefined : value
}

function objectAt(
  object: { readonly [name: string]: unknown },
  name: string,
  place: string,
): { readonly [name: string]: unknown } | undefined {
  const value = filled(object, name)
  if (value !== undefined && !isObject(value)) throw malformed(`${place} is no object.`)
  return value
}

/** Something else has no members: their own rules say what is missing. */
function objectIn(value: unknown): { readonly [name: string]: unknown } | undefined {
  return isObject(value) ? value : undefined
}

function textAt(
  object: { readonly [name: string]: unknown },
  name: string,
  place: string,
): string | undefined {
  const value = member(object, name)
  if (value !== undefined && typeof value !== 'string') throw malformed(`${place} is no text.`)
  return value
}

/** The id of `{"id": …}`; a whole number is one, too. */
function idAt(object: { readonly [name: string]: unknown }, name: string): string | null | undefined {
  const value = filled(object, name)
  if (value === undefined) return undefined
  if (!isObject(value)) return null
  const id = filled(value, 'id')
  if (id === undefined || typeof id === 'string') return id
  return typeof id === 'number' && Number.isSafeInteger(id) ? String(id) : null
}

function readContent(
  email: { readonly [name: string]: unknown } | undefined,
  xml: boolean,
): Pick<ActivityBody, 'text' | 'html'> {
  const nothing = { text: null, html: null }
  if (!email) return nothing
  const content = filled(email, 'content')
  const contents = xml ? filled(email, 'contents') : undefined
  if (contents !== undefined) {
    if (content !== undefined) throw malformed('There is both content and contents.')
    return readContents(contents)
  }
  if (content === undefined) return nothing
  if (!isObject(content)) throw malformed('payload.email.content is no object of text and html.')
  const other = Object.keys(content).find((name) => name !== 'text' && name !== 'html')
  if (other !== undefined)
    throw malformed(`payload.email.content takes text and html, not “${shown(other)}”.`)
  return {
    text: textAt(content, 'text', 'payload.email.content.text') ?? null,
    html: textAt(content, 'html', 'payload.email.content.html') ?? null,
  }
}

const CONTENT_TYPES: ReadonlyMap<unknown, 'text' | 'html'> = new Map([
  ['text', 'text'],
  ['text/plain', 'text'],
  ['html', 'html'],
  ['text/html', 'html'],
])

/** The other layout of XML: `<contents><content><type/><value/></content></contents>`. */
function readContents(contents: unknown): Pick<ActivityBody, 'text' | 'html'> {
  const found = new Map<'text' | 'html', string>()
  for (const content of isObject(contents) ? listOf(member(contents, 'content')) : [undefined]) {
    if (!isObject(content)) throw malformed('contents holds something else than content with type and value.')
    const written = member(content, 'type')
    const type = CONTENT_TYPES.get(typeof written === 'string' ? written.toLowerCase() : written)
    if (!type) throw malformed('The type of a content is text or html.')
    if (found.has(type)) throw malformed(`There are two contents of type ${type}.`)
    found.set(type, textAt(content, 'value', `The ${type} of contents`) ?? '')
  }
  return { text: found.get('text') ?? null, html: found.get('html') ?? null }
}

/** One instead of an array is an array of one. */
export function listOf(value: unknown): readonly unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value]
}

/** A name of the caller's, fit for one line of an answer. */
export function shown(name: string): string {
  return name
    .replace(/\p{C}+/gu, ' ')
    .slice(0, 100)
    .toWellFormed()
}

function malformed(message: string): Refused {
  return new Refused({ kind: 'malformed', message })
}
