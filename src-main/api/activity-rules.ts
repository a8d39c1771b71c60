import { type Address, ENTITY, type Interaction, type UserData } from '../contract/domain.ts'
import { attachmentsIn, type AttachmentReference, referencesOf } from './activity-attachments.ts'
import { attributesOf } from './activity-attributes.ts'
import type { ActivityBody } from './activity-body.ts'
import { type ActivitySettings, broken } from './activity-fault.ts'
import { cleanLine, codePoints, isAddress } from './addresses.ts'

/** The rules of an activity response (contract 05, 5.1 and 5.5), in the order in which their faults are told. */

export type Customer = Pick<
  NonNullable<ActivitySettings['customers']>[number],
  'id' | 'addresses' | 'department' | 'grantsTo'
>

/** What the response is, but for its files. */
export interface ActivityResponse {
  readonly subject: string
  readonly text: string
  readonly html: string | null
  readonly from: Address
  readonly reply_to: Address | null
  readonly to: readonly Address[]
  readonly udata: UserData
  readonly references: readonly AttachmentReference[]
}

const SUBJECT_LENGTH = 1_024
const CONTENT_BYTES = 1_048_576
/** Of all user data together (contract 02, 2.2). */
const UDATA_BYTES = 65_536

/** Null: no such parameter. Throws 400-101 for every other one, all of them named. */
export function customerInQuery(
  query: readonly (readonly [string, string])[],
  supported: readonly string[],
): string | null {
  const unsupported = [...new Set(query.map(([name]) => name))].filter((name) => !supported.includes(name))
  if (unsupported.length > 0)
    throw broken('400-101', `Unsupported query parameter(s) supplied: '${unsupported.join(', ')}'.`)
  const values = new Set(query.map(([, value]) => value).filter((value) => value !== ''))
  // Two different ones: it can't be told which, and no number holds a comma.
  return values.size === 0 ? null : [...values].join(',')
}

/** An activity id (a whole number) or an interaction id, one only. Throws 400-113. */
export function oneActivityId(ids: string): string {
  if (ids.includes(',')) throw broken('400-113', 'One activity is answered at a time.')
  if (!/^(?:\d{1,15}|[0-9A-Za-z]{16})$/.test(ids))
    throw broken('400-113', 'The activity id is no whole number.')
  return ids
}

/** Whether an interaction can be answered here at all. */
export function isEmail({ entity_type }: Pick<Interaction, 'entity_type'>): boolean {
  return entity_type === ENTITY.emailIn || entity_type === ENTITY.emailOut
}

/**
 * For whom the caller answers: himself, or who granted it to him. Throws 403-101 where the answered activity is
 * somebody else's, 400-114 where nobody granted that.
 */
export function answeringCustomer(given: {
  readonly settings: ActivitySettings
  readonly caller: string
  /** From the query; null: himself. */
  readonly customer: string | null
  readonly answered: Interaction
}): Customer {
  const { settings, caller, customer, answered } = given
  const named = settings.customers?.find(({ id }) => id === (customer ?? caller))
  const granted =
    customer === null ||
    customer === caller ||
    (named?.grantsTo?.includes(caller) === true && /^\d+$/.test(customer))
  const owner = answered.customer_id
  // Without a grant it is 400-114, but of somebody else's activity not even that is told.
  if (owner !== (customer ?? caller) && (granted || owner !== caller))
    throw broken('403-101', 'The activity belongs to somebody else.')
  if (!granted)
    throw broken('400-114', 'There is no such customer, or the customer has not granted this to you.')
  return named ?? { id: caller, addresses: addressesSeen(answered) }
}

/** Everything that can be told without the uploads. Throws 400-103 to 400-112. */
export function readResponse(
  body: ActivityBody,
  given: {
    readonly settings: ActivitySettings
    readonly customer: Customer
    /** `customer` stands in the query. */
    readonly onBehalf: boolean
    readonly answered: Interaction
    readonly defaultMailbox: string | null
  },
): ActivityResponse {
  const { settings, customer, onBehalf, answered } = given
  if (body.type !== 'email') throw broken('400-103', 'type.value must be “email”.')
  if (body.subtype !== 'general') throw broken('400-103', 'type.subtype.value must be “general”.')

  const subject = cleanLine(body.subject).trim()
  const text = storable(body.text ?? '')
  const html = body.html === null || body.html.trim() === '' ? null : storable(body.html)
  const files = attachmentsIn(body.attachments)
  if (subject === '' && text.trim() === '' && html === null && files.length === 0)
    throw broken('400-104', 'At least one of subject, attachments and content is needed.')

  const from = oneAddress(body.from, 'from')
  const receiver = oneAddress(body.receiver, 'receiver')
  const replyTo = oneAddress(body.replyTo, 'replyTo')
  const sender = senderOf(from, customer, onBehalf, answered)
  const alias = aliasOf(receiver, settings)
  const center = centerOf(body.messageCenter, settings)
  checkIssueType(body.issueType, body.messageCenter, center)
  checkDepartments({ settings, customer, alias, center, answered })
  const udata = attributesOf(body.customAttributes, settings)
  return {
    subject,
    text,
    html,
    from: { address: sender },
    reply_to: replyTo === null ? null : { address: replyTo },
    to: recipients({ settings, alias, center, answered, defaultMailbox: given.defaultMailbox }),
    udata,
    references: referencesOf(files),
  }
}

/** Lengths and sizes; `limits` are those of the GMS API's settings. Throws 400-115. */
export function checkSizes(
  response: ActivityResponse,
  files: readonly { readonly size: number }[],
  limits: { readonly maxFiles: number; readonly maxSize: number },
): void {
  const { subject, text, html, udata } = response
  if (codePoints(subject) > SUBJECT_LENGTH)
    throw broken('400-115', `The subject is longer than ${SUBJECT_LENGTH} characters.`)
  for (const [name, content] of Object.entries({ text, html: html ?? '' }))
    if (Buffer.byteLength(content) > CONTENT_BYTES)
      throw broken('400-115', `The ${name} is larger than ${CONTENT_BYTES} bytes.`)
  if (Buffer.byteLength(JSON.stringify(udata)) > UDATA_BYTES)
    throw broken('400-115', `The custom attributes are larger than ${UDATA_BYTES} bytes.`)
  if (files.length > limits.maxFiles)
    throw broken('400-115', `There are more than ${limits.maxFiles} attachments.`)
  if (files.reduce((sum, { size }) => sum + size, 0) > limits.maxSize)
    throw broken('400-115', `The attachments are larger than ${limits.maxSize} bytes.`)
}

/** As other mail is kept: no half characters, and no NUL, at which other programs would stop reading. */
function storable(content: string): string {
  return content.toWellFormed().replaceAll('\0', '\ufffd')
}

function oneAddress(value: unknown, name: string): string | null {
  if (value === undefined) return null
  if (typeof value === 'string' && isAddress(value)) return value
  throw broken('400-105', `${name} must be a single e-mail address.`)
}

function senderOf(from: string | null, customer: Customer, onBehalf: boolean, answered: Interaction): string {
  const own = new Map(customer.addresses.map((address) => [address.toLowerCase(), address]))
  if (from !== null) {
    if (onBehalf) throw broken('400-106', 'from must not be given together with customer.')
    if (!own.has(from.toLowerCase())) throw broken('400-106', 'from is not one of your addresses.')
    return from
  }
  // Where the answered mail went, if the customer reads mail there; else the primary address.
  for (const { address } of [...(answered.to ?? []), ...(answered.cc ?? []), ...(answered.bcc ?? [])]) {
    const mine = own.get(address.toLowerCase())
    if (mine !== undefined) return mine
  }
  const [primary] = customer.addresses
  if (primary === undefined) throw broken('400-106', 'You have no e-mail address here; give one as from.')
  return primary
}

type Alias = NonNullable<ActivitySettings['aliases']>[number]
type Center = NonNullable<ActivitySettings['messageCenters']>[number]

function aliasOf(receiver: string | null, settings: ActivitySettings): Alias | null {
  if (receiver === null) return null
  const alias = aliasWith(receiver, settings)
  if (!alias?.active) throw broken('400-107', 'receiver is no active alias.')
  return alias
}

function aliasWith(address: string, { aliases = [] }: ActivitySettings): Alias | undefined {
  return aliases.find((alias) => alias.address.toLowerCase() === address.toLowerCase())
}

function centerOf(
  id: ActivityBody['messageCenter'],
  { messageCenters = [] }: ActivitySettings,
): Center | null {
  if (id === undefined) return null
  const center = messageCenters.find((center) => center.id === id)
  if (!center?.active) throw broken('400-108', 'messageCenter is no active message center.')
  return center
}

function checkIssueType(
  issueType: ActivityBody['issueType'],
  messageCenter: ActivityBody['messageCenter'],
  center: Center | null,
): void {
  if (issueType === undefined) return
  if (messageCenter === undefined || !center)
    throw broken('400-109', 'issueType is taken only together with messageCenter.')
  if (issueType === null || !center.issueTypes?.includes(issueType))
    throw broken('400-109', 'issueType is not linked to the message center.')
}

function checkDepartments(given: {
  readonly settings: ActivitySettings
  readonly customer: Customer
  readonly alias: Alias | null
  readonly center: Center | null
  readonly answered: Interaction
}): void {
  const { settings, customer, alias, center, answered } = given
  const asked = [alias?.department, center?.department].filter((department) => department !== undefined)
  if (asked.length === 2 && asked[0] !== asked[1])
    throw broken('400-110', 'receiver and messageCenter belong to different departments.')
  if (settings.departments !== true || customer.department === undefined) return
  // Of what names none, that of the alias the answered activity was sent to.
  const department = asked[0] ?? deskAlias(answered, settings)?.department
  if (department !== undefined && department !== customer.department)
    throw broken('400-110', 'The customer belongs to another department.')
}

/** The desk's side of the answered mail: where a customer's mail went, and what an agent's came from. */
function deskAddresses({ entity_type, from, to = [], cc = [] }: Interaction): readonly string[] {
  const side = entity_type === ENTITY.emailIn ? [...to, ...cc] : from ? [from] : []
  return side.map(({ address }) => address)
}

function deskAlias(answered: Interaction, settings: ActivitySettings): Alias | undefined {
  for (const address of deskAddresses(answered)) {
    const alias = aliasWith(address, settings)
    if (alias) return alias
  }
  return undefined
}

/** The customer's side: whose activity it is, where no setting says it. */
function addressesSeen({ entity_type, from, to = [] }: Interaction): string[] {
  const seen = entity_type === ENTITY.emailIn ? from : to[0]
  return seen ? [seen.address] : []
}

function recipients(given: {
  readonly settings: ActivitySettings
  readonly alias: Alias | null
  readonly center: Center | null
  readonly answered: Interaction
  readonly defaultMailbox: string | null
}): readonly Address[] {
  const { settings, alias, center, answered, defaultMailbox } = given
  const ofCenter =
    center?.department === undefined
      ? undefined
      : settings.aliases?.find(({ active, department }) => active && department === center.department)
  const address =
    alias?.address ??
    ofCenter?.address ??
    deskAlias(answered, settings)?.address ??
    deskAddresses(answered)[0] ??
    defaultMailbox
  return address === null ? [] : [{ address }]
}
