import type { Address, EntityType, Instant } from '../contract/domain.ts'
import { ENTITY, STATUS } from '../contract/domain.ts'
import type { ApiInteraction, InteractionInput, InteractionPatch } from '../store/api-store.ts'
import { cleanLine } from './addresses.ts'
import { Refused } from './api.ts'
import { isObject } from './body-members.ts'
import { readDateTime } from './date-time.ts'
import {
  type ChangedInteractionBody,
  changedInteractionSchema,
  isEmpty,
  isUserData,
  isWebLink,
  type NewInteractionBody,
  newInteractionSchema,
} from './interaction-object.ts'
import { checked } from './query.ts'

type Given = NewInteractionBody | ChangedInteractionBody

/** Our own application, for who names none (contract 02, 2.2). */
const OWN_APP = 1
const MOST_PEOPLE = 1_000

/** A new interaction from the body of a POST. Throws `Refused` with what is wrong. */
export function readNewInteraction(body: unknown, came_by: string): InteractionInput {
  refuse(crowdFaults(body))
  const given = checked(newInteractionSchema, body)
  const { customer_id, status, entity_type, type, media_type } = given
  const start_date = instantOf(given.start_date)
  refuse([...linkFaults(given), ...endFaults(given, status, start_date)])
  return {
    ...present(membersOf(given, entity_type)),
    ...present({ interaction_id: given.interaction_id }),
    customer_id,
    status,
    entity_type,
    type,
    media_type,
    start_date,
    creator_app_id: given.creator_app_id ?? OWN_APP,
    allow_children: given.allow_children ?? true,
    came_by,
  }
}

/**
 * What a PUT changes in `current`, which was answered as one of `shown`: a member that comes back as it was answered
 * changes nothing. Throws `Refused` with what is wrong.
 */
export function readInteractionChange(
  body: unknown,
  current: ApiInteraction,
  shown: readonly Readonly<Record<string, unknown>>[],
): InteractionPatch {
  const given = checkedChange(withoutUnchanged(body, shown))
  refuse([...fixedFaults(given, current), ...heldFaults(given, current)])
  const links = known(linksOf(given))
  refuse([
    ...webFaults(links),
    ...(Object.keys(links).length > 0 ? linkFaults({ ...ownLinks(current), ...links }) : []),
    ...endFaults(given, given.status ?? current.status, instantOf(current.start_date)),
  ])
  return known(membersOf(given, current.entity_type))
}

/** What a PUT says, apart from the interaction that it is about. Throws `Refused` with what is wrong. */
export function checkedChange(body: unknown): ChangedInteractionBody {
  refuse(crowdFaults(body))
  return checked(changedInteractionSchema, body)
}

/** Before the schema sees them: a fault for each of a million addresses would cost more memory than the body. */
function crowdFaults(body: unknown): readonly string[] {
  if (!isObject(body)) return []
  return (['to', 'cc', 'bcc'] as const).flatMap((member) => {
    const people = body[member]
    return Array.isArray(people) && people.length > MOST_PEOPLE
      ? [`${member}: takes at most ${MOST_PEOPLE} addresses`]
      : []
  })
}

function withoutUnchanged(body: unknown, shown: readonly Readonly<Record<string, unknown>>[]): unknown {
  if (!isObject(body)) return body
  return Object.fromEntries(
    Object.entries(body).filter(([member, value]) => {
      const written = JSON.stringify(value)
      return !shown.some(
        (object) => Object.hasOwn(object, member) && JSON.stringify(object[member]) === written,
      )
    }),
  )
}

/** Members as the store takes them: undefined where not given, null where empty. */
function membersOf(given: Given, entity: EntityType) {
  const outbound = entity === ENTITY.emailOut
  return {
    customer_id: given.customer_id,
    thread_id: filled(given.thread_id) ?? undefined,
    status: given.status,
    type: given.type,
    media_type: given.media_type,
    creator_app_id: given.creator_app_id ?? undefined,
    allow_children: given.allow_children === null ? true : given.allow_children,
    sub_type: filled(given.sub_type),
    parent_id: filled(given.parent_id),
    external_id: filled(given.external_id),
    owner_id: given.owner_id,
    end_date: moment(given.end_date),
    timeshift: given.timeshift,
    category_id: filled(given.category_id),
    subject: filled(oneLine(given.subject)),
    stopped_reason: filled(given.stopped_reason),
    text: filled(given.text),
    ...linksOf(given),
    udata: given.udata === undefined ? undefined : isUserData(given.udata) ? filled(given.udata) : null,
    from: person(given.from),
    reply_to: person(given.reply_to),
    to: people(given.to),
    cc: people(given.cc),
    bcc: outbound ? people(given.bcc) : undefined,
    sent_date: moment(given.sent_date),
    reference_id: outbound ? filled(given.reference_id) : undefined,
    reviewer_id: outbound ? given.reviewer_id : undefined,
    standard_response_id: outbound ? filled(given.standard_response_id) : undefined,
  }
}

type Links = {
  readonly [K in 'structured_text' | 'structured_text_mime' | 'binary_content' | 'binary_content_mime']?:
    string | null | undefined
} & { readonly binary_content_size?: number | null | undefined }

function linksOf(given: Links) {
  return {
    structured_text: filled(given.structured_text),
    structured_text_mime: filled(given.structured_text_mime),
    binary_content: filled(given.binary_content),
    binary_content_mime: filled(given.binary_content_mime),
    binary_content_size: given.binary_content_size,
  }
}

/** Links that were given to us, apart from bytes that we hold. */
function ownLinks(current: ApiInteraction): Links {
  const { structured_text, structured_text_mime, ...binary } = linksOf(current)
  return {
    ...(current.holds.structured_text ? {} : { structured_text, structured_text_mime }),
    ...(current.holds.binary_content ? {} : binary),
  }
}

function fixedFaults(given: ChangedInteractionBody, current: ApiInteraction): readonly string[] {
  const { interaction_id, entity_type, start_date } = given
  return [
    ...(interaction_id === undefined || interaction_id === current.interaction_id ? [] : ['interaction_id']),
    ...(entity_type === undefined || entity_type === current.entity_type ? [] : ['entity_type']),
    ...(start_date === undefined || instantOf(start_date) === instantOf(current.start_date)
      ? []
      : ['start_date']),
  ].map((member) => `${member}: can’t be changed`)
}

/** A link can't take the place of bytes. */
function heldFaults(given: Links, { holds }: ApiInteraction): readonly string[] {
  const held: readonly (keyof Links)[] = [
    ...(holds.structured_text ? (['structured_text', 'structured_text_mime'] as const) : []),
    ...(holds.binary_content
      ? (['binary_content', 'binary_content_mime', 'binary_content_size'] as const)
      : []),
  ]
  return held
    .filter((member) => given[member] !== undefined)
    .map((member) => `${member}: is held here, so it can’t be changed`)
}

function webFaults(given: Links): readonly string[] {
  return (['structured_text', 'binary_content'] as const).flatMap((member) => {
    const value = given[member]
    return isEmpty(value) || (typeof value === 'string' && isWebLink(value))
      ? []
      : [`${member}: takes an absolute http or https URL`]
  })
}

/** A link and what describes it come together or not at all (contract 02, 2.2). */
function linkFaults(links: Links): readonly string[] {
  const groups: readonly (readonly (keyof Links)[])[] = [
    ['structured_text', 'structured_text_mime'],
    ['binary_content', 'binary_content_mime', 'binary_content_size'],
  ]
  return groups.flatMap((group) => {
    const missing = group.filter((member) => isEmpty(links[member]))
    return missing.length === 0 || missing.length === group.length
      ? []
      : missing.map((member) => `${member}: is required with ${group.filter((m) => m !== member).join(', ')}`)
  })
}

function endFaults(given: Given, status: number, start_date: Instant): readonly string[] {
  const end_date = moment(given.end_date)
  return [
    ...(end_date !== undefined && end_date !== null && end_date < start_date
      ? ['end_date: is before start_date']
      : []),
    ...(!isEmpty(given.stopped_reason) && status !== STATUS.stopped
      ? ['stopped_reason: goes only with status 3']
      : []),
  ]
}

function refuse(faults: readonly string[]): void {
  if (faults.length > 0) throw new Refused({ kind: 'invalid', message: faults.join('; ') })
}

/** Undefined stays; what is empty becomes null. */
function filled<T>(value: T | null | undefined): T | null | undefined {
  return value === undefined ? undefined : isEmpty(value) ? null : value
}

function oneLine(value: string | null | undefined): string | null | undefined {
  return typeof value === 'string' ? cleanLine(value) : value
}

type WrittenAddress = { readonly address: string; readonly personal?: string | null | undefined }

function addressOf({ address, personal }: WrittenAddress): Address {
  const name = cleanLine(personal ?? '').trim()
  return name === '' ? { address } : { address, personal: name }
}

function person(value: WrittenAddress | null | undefined): Address | null | undefined {
  return value ? addressOf(value) : value
}

function people(value: readonly WrittenAddress[] | null | undefined): readonly Address[] | null | undefined {
  return value ? filled(value.map(addressOf)) : value
}

function moment(value: string | null | undefined): Instant | null | undefined {
  return typeof value === 'string' ? instantOf(value) : value
}

/** Of a date-time that was checked. */
function instantOf(value: string): Instant {
  const at = readDateTime(value)
  if (at === null) throw new TypeError(`“${value}” is no date-time`)
  return at
}

/** Without the members that are undefined. */
function known<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const members = Object.entries(object).filter(([, value]) => value !== undefined)
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- entries forget which name has which type
  return Object.fromEntries(members) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

/** Without the members that are undefined or null. */
function present<T extends object>(object: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const members = Object.entries(object).filter(([, value]) => value !== undefined && value !== null)
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- entries forget which name has which type
  return Object.fromEntries(members) as { [K in keyof T]?: NonNullable<T[K]> }
}
