import { z } from 'zod'
import { ENTITY, type Interaction, type UserData } from '../contract/domain.ts'
import type { ApiInteraction } from '../store/api-store.ts'
import { codePoints, isAddress } from './addresses.ts'
import { isMediaType, isObject, takes } from './body-members.ts'
import { readDateTime } from './date-time.ts'

/** The interaction object of the data model (contract 02, 2.1 and 2.2): its members as they are written and answered. */

/** What the bytes are that we hold: HTML of a mail, and the mail as it was received or sent. */
export const HELD_TEXT_MIME = 'text/html'
export const HELD_CONTENT_MIME = 'message/rfc822'

/** The longest id that the desk's own page asks for, and the longest address that a server takes. */
const ID_LENGTH = 255
const LINK_LENGTH = 8_192

const UDATA_BYTES = 65_536
const UDATA_DEPTH = 4

const text = z.string(takes('a string'))
const line = text.min(1, 'must not be empty')
const integer = z.int(takes('an integer'))
const dateTime = text
  .refine((value) => readDateTime(value) !== null, 'takes a date-time of RFC 3339 with Z or an offset')
  .meta({ format: 'date-time', examples: ['2026-05-04T09:00:00.000Z'] })
const mediaType = text.refine(isMediaType, 'takes a media type such as text/html')
const link = text
  .refine(isWebLink, 'takes an absolute http or https URL')
  .meta({ format: 'uri', description: 'Kept as a link, never fetched.' })
const status = z.literal([0, 1, 2, 3], takes('0 NEW, 1 PENDING, 2 IN_PROCESS or 3 STOPPED'))
const entityType = z.literal(
  [0, 1, 2, 3, 5, 6, 7],
  takes(
    '0 EMAIL_IN, 1 EMAIL_OUT, 2 CHAT, 3 PHONE_CALL, 5 CALLBACK, 6 COBROWSE or 7 INTERACTION; 4 has no meaning',
  ),
)
const address = z.object(
  {
    address: text.refine((value) => isAddress(value), 'is not one e-mail address'),
    personal: text.nullish().meta({ description: 'Display name.' }),
  },
  takes('an object with address and personal'),
)
const addresses = z.array(address, takes('an array of addresses'))
// Not z.record, which forgets a key named __proto__.
const udata = z
  .unknown()
  .refine(isUserData, 'takes an object')
  .refine((value) => !isDeeperThan(UDATA_DEPTH, value), `is nested deeper than ${UDATA_DEPTH} levels`)
  .refine((value) => bytesOf(value) <= UDATA_BYTES, 'is longer than 64 KB')
  .meta({ type: 'object', additionalProperties: true })

const required = {
  customer_id: line
    .refine((value) => codePoints(value) <= ID_LENGTH, `takes 1 to ${ID_LENGTH} characters`)
    .meta({ maxLength: ID_LENGTH }),
  status,
  entity_type: entityType,
  type: line.refine((value) => codePoints(value) <= 64, 'takes 1 to 64 characters').meta({ maxLength: 64 }),
  media_type: line,
  start_date: dateTime,
} as const

const optional = {
  sub_type: text,
  parent_id: text,
  external_id: text,
  owner_id: integer,
  end_date: dateTime,
  timeshift: integer.min(-1440, 'takes -1440 to 1440 minutes').max(1440, 'takes -1440 to 1440 minutes'),
  category_id: text,
  allow_children: z.boolean(takes('true or false')),
  subject: text,
  stopped_reason: text,
  text,
  structured_text_mime: mediaType,
  binary_content_mime: mediaType,
  binary_content_size: integer.min(0, 'takes 0 or more bytes'),
  udata,
  from: address,
  reply_to: address,
  to: addresses,
  cc: addresses,
  bcc: addresses.meta({ description: 'Outbound e-mail only; ignored elsewhere.' }),
  sent_date: dateTime,
  reference_id: z.union([integer, text], takes('an integer or a string')),
  reviewer_id: integer,
  standard_response_id: text,
} as const

/** Made by us where a POST names none; a PUT can't take them away. */
const lasting = {
  interaction_id: text.regex(/^[0-9A-Za-z]{16}$/, 'takes 16 letters and digits'),
  thread_id: text,
  creator_app_id: integer,
} as const

/** A new interaction as it is written; null is the same as absent. */
export const newInteractionSchema = z.object({
  ...required,
  ...z.object(orNull({ ...lasting, ...optional, structured_text: link, binary_content: link })).partial()
    .shape,
})
export type NewInteractionBody = z.output<typeof newInteractionSchema>

/** Changes of one; null takes a member away. A link may be the path that we answered, so it is looked at later. */
export const changedInteractionSchema = z
  .object({
    ...required,
    ...lasting,
    ...orNull({ ...optional, structured_text: text, binary_content: text }),
  })
  .partial()
export type ChangedInteractionBody = z.output<typeof changedInteractionSchema>

/** An interaction as it is answered. */
export const interactionSchema = z.object({
  ...required,
  ...lasting,
  ...z.object(optional).partial().shape,
  allow_children: z.boolean(),
  structured_text: text.meta({ format: 'uri-reference' }).optional(),
  binary_content: text.meta({ format: 'uri-reference' }).optional(),
  attachments: z
    .array(
      z.object({
        id: z.uuid(),
        name: text.nullable(),
        contentType: text,
        size: integer,
        sha256: text,
        contentId: text.nullable(),
        inline: z.boolean(),
      }),
    )
    .optional(),
  activity_id: integer,
  message_id: text.optional(),
  queue: text.optional(),
})

/** In the data model's order; what isn't named here stays in the store. */
const ANSWERED = [
  'interaction_id',
  'customer_id',
  'status',
  'entity_type',
  'type',
  'sub_type',
  'media_type',
  'parent_id',
  'thread_id',
  'external_id',
  'owner_id',
  'creator_app_id',
  'start_date',
  'end_date',
  'timeshift',
  'category_id',
  'allow_children',
  'subject',
  'stopped_reason',
  'text',
  'structured_text',
  'structured_text_mime',
  'binary_content',
  'binary_content_mime',
  'binary_content_size',
  'udata',
  'from',
  'reply_to',
  'to',
  'cc',
  'bcc',
  'sent_date',
  'reference_id',
  'reviewer_id',
  'standard_response_id',
] as const satisfies readonly (keyof Interaction)[]

/** What only an outbound mail has. */
const OUTBOUND: ReadonlySet<string> = new Set(['bcc', 'reference_id', 'reviewer_id', 'standard_response_id'])

/**
 * The object that is answered: absent and empty optionals left out, bytes that we hold as URLs below `place`, which is
 * the base and root of this answer (contract 02, 2.3 and 2.6).
 */
export function interactionObject(
  interaction: ApiInteraction,
  place: string,
): Readonly<Record<string, unknown>> {
  const { structured_text, binary_content } = interaction.holds
  const whole = {
    ...interaction,
    ...(structured_text
      ? {
          structured_text: placeOf(place, interaction, 'structured_text'),
          structured_text_mime: HELD_TEXT_MIME,
        }
      : {}),
    ...(binary_content
      ? {
          binary_content: placeOf(place, interaction, 'binary_content'),
          binary_content_mime: HELD_CONTENT_MIME,
          binary_content_size: binary_content.size,
        }
      : {}),
  }
  return {
    ...Object.fromEntries(
      ANSWERED.filter(
        (member) =>
          !isEmpty(whole[member]) && (interaction.entity_type === ENTITY.emailOut || !OUTBOUND.has(member)),
      ).map((member) => [member, whole[member]]),
    ),
    ...(interaction.attachments.length === 0
      ? {}
      : {
          attachments: interaction.attachments.map((attachment) => ({
            id: attachment.id,
            name: attachment.name,
            contentType: attachment.content_type,
            size: attachment.size,
            sha256: attachment.sha256,
            contentId: attachment.content_id,
            inline: attachment.inline,
          })),
        }),
    activity_id: interaction.activity_id,
    ...(isEmpty(interaction.message_id) ? {} : { message_id: interaction.message_id }),
    ...(isEmpty(interaction.queue) ? {} : { queue: interaction.queue }),
  }
}

function placeOf(
  place: string,
  { interaction_id }: Pick<Interaction, 'interaction_id'>,
  member: 'structured_text' | 'binary_content',
): string {
  return `${place}/interactions/${interaction_id}/${member}`
}

/** What is left out of an answer, and taken for absent in a new one: null, '', {} and []. */
export function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === '' ||
    (typeof value === 'object' && Object.keys(value).length === 0)
  )
}

function orNull<T extends Record<string, z.ZodType>>(shape: T): { [K in keyof T]: z.ZodNullable<T[K]> } {
  const members = Object.entries(shape).map(([name, schema]) => [name, schema.nullable()])
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- entries forget which name has which type
  return Object.fromEntries(members) as { [K in keyof T]: z.ZodNullable<T[K]> }
}

/** Whether parsed JSON can be user data: an object. */
export function isUserData(value: unknown): value is UserData {
  return isObject(value)
}

/** Only these are kept as links: nothing that a reader's program would run or look for on its own disk. */
export function isWebLink(value: string): boolean {
  return value.length <= LINK_LENGTH && /^https?:\/\/[^\s\p{Cc}]+$/iu.test(value) && URL.canParse(value)
}

/** Objects and arrays are levels, the value itself the first one. */
function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner))
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}
