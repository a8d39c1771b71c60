import { z } from 'zod'
import type { UserData } from '../contract/domain.ts'
import type { SecureMail } from '../store/api-store.ts'

/** The answers of secure mail (contract 04, 4.1 and 4.4). */

export const CODES = [
  'SUCCESS',
  'FAILURE',
  'INVALID_CLIENT_TOKEN',
  'INVALID_CONTACT_CENTER',
  'INVALID_SESSION',
  'INVALID_PARTICIPANT',
  'INVALID_TRANSPORT',
  'INVALID_PARAMETER',
  'INVALID_ENDPOINT',
  'INVALID_NICKNAME',
  'INVALID_FILE_TYPE',
] as const

const envelope = {
  referenceId: z.uuid(),
  operationId: z.union([z.string(), z.number()]).nullable(),
  status: z.object({ code: z.enum(CODES), message: z.string(), detail: z.string() }),
}
export const genericResponse = z.object(envelope)

const addressSchema = z.object({ address: z.string(), personal: z.string().optional() })
const itemSchema = z.object({
  secureMailId: z.uuid(),
  address: z.string(),
  securebox: z.string(),
  direction: z.enum(['inbound', 'outbound']),
  status: z.enum(['unread', 'read']),
  subject: z.string(),
  from: addressSchema.nullable(),
  to: z.array(addressSchema),
  date: z.iso.datetime(),
  parentId: z.uuid().nullable(),
  threadId: z.string(),
  hasAttachments: z.boolean(),
  selfUri: z.string(),
})
const mailSchema = itemSchema.extend({
  text: z.string(),
  html: z.string().nullable(),
  attachments: z.array(
    z.object({ id: z.uuid(), name: z.string().nullable(), contentType: z.string(), size: z.int() }),
  ),
  interactionId: z.string(),
})

export const listResponse = z.object({ ...envelope, data: z.array(itemSchema) })
export const countResponse = z.object({ ...envelope, data: z.object({ count: z.int() }) })
export const createResponse = z.object({ ...envelope, secureMailId: z.uuid(), selfUri: z.string() })
export const retrieveResponse = z.object({ ...envelope, secureMail: mailSchema })
export const userdataResponse = z.object({ ...envelope, data: z.record(z.string(), z.json()) })

/** Below the base path, relative to the host: clients put the host before it. */
export function selfUri(id: string): string {
  return `/nexus/v3/securemail/${id}`
}

/** As it stands in a list. Of an agent only what the customer may see: no owner, no blind copies, no notes. */
export function listItem({ interaction, ...mail }: SecureMail): z.output<typeof itemSchema> {
  return {
    secureMailId: mail.id,
    address: mail.address,
    securebox: mail.box,
    direction: mail.direction,
    status: mail.read ? 'read' : 'unread',
    subject: interaction.subject ?? '',
    from: interaction.from ?? null,
    to: [...(interaction.to ?? [])],
    date: new Date(mail.at).toISOString(),
    parentId: mail.parent,
    threadId: interaction.thread_id,
    hasAttachments: interaction.attachments.length > 0,
    selfUri: selfUri(mail.id),
  }
}

/** As it is read by its id. */
export function wholeMail(mail: SecureMail): z.output<typeof mailSchema> {
  const { interaction, html } = mail
  return {
    ...listItem(mail),
    text: interaction.text,
    html,
    attachments: interaction.attachments.map(({ id, name, content_type, size }) => ({
      id,
      name,
      contentType: content_type,
      size,
    })),
    interactionId: interaction.interaction_id,
  }
}

/** What was attached, without the keys that are the desk's own. */
export function shownUserData(udata: UserData): UserData {
  return Object.fromEntries(Object.entries(udata).filter(([key]) => !key.startsWith('_')))
}
