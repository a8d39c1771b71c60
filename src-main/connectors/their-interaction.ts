import { z } from 'zod'
import { codePoints } from '../api/addresses.ts'
import { readDateTime } from '../api/date-time.ts'
import type { Address, EntityType, Status, UserData, UserDataValue } from '../contract/domain.ts'
import { ENTITY } from '../contract/domain.ts'
import type { ApiInteraction, InteractionInput } from '../store/api-store.ts'

/** An interaction object as a remote gave it, unknown members and all. */
export type Theirs = Readonly<Record<string, unknown>>

/** What can be taken over of it, and what lies beside it. */
export interface TheirInteraction {
  readonly their_id: string
  readonly input: Omit<InteractionInput, 'came_by'>
  readonly message_id: string | null
  /** Files that the remote holds. */
  readonly files: readonly TheirFile[]
  readonly theirs: Theirs
}

export interface TheirFile {
  readonly id: string
  readonly name: string | null
  readonly content_type: string
  readonly size: number
  readonly sha256: string | null
  readonly content_id: string | null
  readonly inline: boolean
}

/** Contract 02, 2.2. */
const UDATA_BYTES = 64 * 1024
const UDATA_LEVELS = 4
const MOST_FILES = 100

const line = (max: number) =>
  z
    .string()
    .refine((text) => codePoints(text) <= max)
    .optional()
    .catch(undefined)
const integer = z.int().optional().catch(undefined)
const moment = z
  .string()
  .transform((text) => readDateTime(text))
  .transform((at) => at ?? undefined)
  .optional()
  .catch(undefined)
const address = z
  .looseObject({
    address: z.string().min(1).max(320),
    personal: z.string().max(256).optional().catch(undefined),
  })
  .transform(({ address, personal }): Address => (personal ? { address, personal } : { address }))
const one = address.optional().catch(undefined)
const several = z
  .array(address.nullable().catch(null))
  .transform((people) => people.flatMap((person) => person ?? []))
  .transform((people) => (people.length > 0 ? people : undefined))
  .optional()
  .catch(undefined)
const link = z
  .url({ protocol: /^https?$/ })
  .max(8192)
  .optional()
  .catch(undefined)
const file = z.looseObject({
  id: z.string().min(1).max(256),
  name: z.string().max(1000).nullish().catch(null),
  contentType: z.string().max(255).catch('application/octet-stream'),
  size: z.number().min(0).catch(0),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullish()
    .catch(null),
  contentId: z.string().max(1000).nullish().catch(null),
  inline: z.boolean().catch(false),
})

/** What an interaction can't be without; everything else is left out where it can't be read. */
const needed = z.looseObject({
  interaction_id: z.string().min(1).max(256),
  status: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]),
  entity_type: z.int(),
  start_date: z.string().transform((text, context) => {
    const at = readDateTime(text)
    if (at !== null) return at
    context.addIssue({ code: 'custom', message: 'is no date-time' })
    return z.NEVER
  }),
})
const optional = z.looseObject({
  customer_id: line(64).default(''),
  type: line(64),
  sub_type: line(256),
  media_type: line(64),
  parent_id: line(256),
  thread_id: line(256),
  external_id: line(256),
  owner_id: integer,
  creator_app_id: integer,
  end_date: moment,
  timeshift: z.int().min(-1440).max(1440).optional().catch(undefined),
  category_id: line(256),
  allow_children: z.boolean().default(true).catch(true),
  subject: line(10_000),
  stopped_reason: line(1000),
  text: z.string().optional().catch(undefined),
  structured_text: link,
  structured_text_mime: line(255),
  binary_content: link,
  binary_content_mime: line(255),
  binary_content_size: z.int().min(0).optional().catch(undefined),
  from: one,
  reply_to: one,
  to: several,
  cc: several,
  bcc: several,
  sent_date: moment,
  reference_id: z
    .union([z.string().max(1000), z.int()])
    .optional()
    .catch(undefined),
  reviewer_id: integer,
  standard_response_id: line(256),
  message_id: line(998),
  attachments: z
    .array(file.nullable().catch(null))
    .transform((files) => files.flatMap((each) => each ?? []).slice(0, MOST_FILES))
    .catch([])
    .default([]),
})

/** Reads an object of theirs; a sentence where it is no interaction that could be taken over. */
export function readTheirs(theirs: unknown): TheirInteraction | string {
  if (!isRecord(theirs)) return 'it is no object'
  const core = needed.safeParse(theirs)
  if (!core.success)
    return core.error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`).join('; ')
  const { interaction_id, status, start_date } = core.data
  const { attachments, message_id, ...rest } = optional.parse(theirs)
  const { structured_text_mime, binary_content_mime, binary_content_size } = rest
  const { structured_text, binary_content, customer_id, allow_children } = rest
  const entity = entityOf(core.data.entity_type)
  const outbound = entity.entity_type === ENTITY.emailOut
  const udata = userDataOf(theirs.udata)
  return {
    their_id: interaction_id,
    message_id: message_id ?? null,
    files: attachments.map(({ id, name, contentType, size, sha256, contentId, inline }) => ({
      id,
      name: name ?? null,
      content_type: contentType,
      size,
      sha256: sha256 ?? null,
      content_id: contentId ?? null,
      inline,
    })),
    theirs,
    input: {
      customer_id,
      status,
      start_date,
      allow_children,
      ...entity,
      type: rest.type ?? (outbound ? 'Outbound' : 'Inbound'),
      media_type: rest.media_type ?? 'email',
      creator_app_id: rest.creator_app_id ?? 1,
      ...present({
        sub_type: entity.sub_type ?? rest.sub_type,
        parent_id: rest.parent_id,
        thread_id: rest.thread_id,
        external_id: rest.external_id,
        owner_id: rest.owner_id,
        end_date: rest.end_date,
        timeshift: rest.timeshift,
        category_id: rest.category_id,
        subject: rest.subject,
        stopped_reason: rest.stopped_reason,
        text: rest.text,
        from: rest.from,
        reply_to: rest.reply_to,
        to: rest.to,
        cc: rest.cc,
        bcc: outbound ? rest.bcc : undefined,
        sent_date: rest.sent_date,
        reference_id: rest.reference_id,
        reviewer_id: rest.reviewer_id,
        standard_response_id: rest.standard_response_id,
        udata,
      }),
      ...(structured_text && structured_text_mime ? { structured_text, structured_text_mime } : {}),
      ...(binary_content && binary_content_mime && binary_content_size !== undefined
        ? { binary_content, binary_content_mime, binary_content_size }
        : {}),
    },
  }
}

/** A type without meaning (2.2: 4) is kept as other media and called unknown; its number stays in the original. */
function entityOf(entity: number): { entity_type: EntityType; sub_type?: string } {
  switch (entity) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 5:
    case 6:
    case 7:
      return { entity_type: entity }
    default:
      return { entity_type: ENTITY.openMedia, sub_type: `unknown (${entity})` }
  }
}

/** Keys are names like any other, `__proto__` too. What is larger or deeper than ours may be isn't taken over. */
function userDataOf(value: unknown): UserData | undefined {
  if (!isRecord(value) || Object.keys(value).length === 0) return undefined
  const checked = z.record(z.string(), z.json()).safeParse(value)
  if (!checked.success || deeperThan(UDATA_LEVELS, value)) return undefined
  const text = JSON.stringify(value)
  if (Buffer.byteLength(text) > UDATA_BYTES) return undefined
  return Object.fromEntries(Object.entries(value).flatMap(([key, each]) => entry(key, each)))
}

function entry(key: string, value: unknown): [string, UserDataValue][] {
  const parsed = z.json().safeParse(value)
  return parsed.success ? [[key, parsed.data]] : []
}

function deeperThan(levels: number, value: unknown): boolean {
  if (value === null || typeof value !== 'object') return false
  return levels === 0 || Object.values(value).some((inner) => deeperThan(levels - 1, inner))
}

/** Whether it is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function present<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const given = Object.entries(members).filter(([, value]) => value !== undefined)
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- entries forget which name has which type
  return Object.fromEntries(given) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

/** Members that an agent's work changes. */
export interface WrittenBack {
  readonly status?: Status
  readonly stopped_reason?: string
  readonly owner_id?: number | null
  readonly category_id?: string | null
  readonly udata?: Readonly<Record<string, unknown>>
}

/**
 * What is to be changed there: what was changed here since `base` was seen there, where `current` says otherwise. User
 * data is compared key by key, so that keys which others changed there stay.
 */
export function changesToWrite(local: ApiInteraction, base: Theirs, current: Theirs): WrittenBack {
  const status = changed(local.status, base.status) ? statusMove(current.status, local.status) : null
  const udata = mergedUserData(local.udata ?? {}, base.udata, current.udata)
  return {
    ...(status === null ? {} : { status }),
    ...(status === 3 && local.stopped_reason !== undefined ? { stopped_reason: local.stopped_reason } : {}),
    ...member('owner_id', local.owner_id, base, current),
    ...member('category_id', local.category_id, base, current),
    ...(udata === null ? {} : { udata }),
  }
}

function member<K extends 'owner_id' | 'category_id', V>(
  name: K,
  local: V | undefined,
  base: Theirs,
  current: Theirs,
) {
  const ours = changed(local, base[name]) && changed(local, current[name])
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- a computed name forgets which one it is
  return (ours ? { [name]: local ?? null } : {}) as { [N in K]?: V | null }
}

/** The move that there leads to the same or nearest to it; null where there is none: 3 is final (2.2). */
function statusMove(current: unknown, wanted: Status): Status | null {
  if (current === wanted || current === 3) return null
  return current === 2 && wanted === 0 ? 1 : wanted
}

/** The whole as it should be there; null where it is that already. */
function mergedUserData(
  local: UserData,
  base: unknown,
  current: unknown,
): Readonly<Record<string, unknown>> | null {
  const was = entriesOf(base)
  const ours = entriesOf(local)
  const there = new Map(entriesOf(current))
  let differs = false
  for (const key of new Set([...was.keys(), ...ours.keys()])) {
    if (!changed(ours.get(key), was.get(key)) || !changed(ours.get(key), there.get(key))) continue
    differs = true
    if (ours.has(key)) there.set(key, ours.get(key))
    else there.delete(key)
  }
  return differs ? Object.fromEntries(there) : null
}

function entriesOf(value: unknown): Map<string, unknown> {
  return new Map(isRecord(value) ? Object.entries(value) : [])
}

/** Null is as good as not there. */
function changed(a: unknown, b: unknown): boolean {
  return JSON.stringify(a ?? null) !== JSON.stringify(b ?? null)
}
