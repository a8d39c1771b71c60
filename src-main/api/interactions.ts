import { createReadStream } from 'node:fs'
import { z } from 'zod'
import type { ApiScope, InteractionId } from '../contract/domain.ts'
import { CoreError } from '../contract/errors.ts'
import { cleanFileName, contentDisposition } from '../intake/file-names.ts'
import type { ApiInteraction } from '../store/api-store.ts'
import { type Answer, type Api, type ApiCall, type Asked, Refused } from './api.ts'
import type { ApiContext } from './desk.ts'
import {
  changedInteractionSchema,
  HELD_CONTENT_MIME,
  HELD_TEXT_MIME,
  interactionObject,
  interactionSchema,
  newInteractionSchema,
} from './interaction-object.ts'
import { refusals, refuseInteraction } from './interaction-refusals.ts'
import { checkedChange, readInteractionChange, readNewInteraction } from './interaction-writing.ts'
import { checked, filledQueryOf, wholeNumber } from './query.ts'

/** The older root of the data model's paths; later versions of the vendor's server proxy there. */
const OLDER_ROOT = '/genesys/1/cs'
const BODY_LIMIT = 16 * 1_048_576
const MOST = 200
const USUAL = 50

const pageSchema = {
  index: wholeNumber(0).meta({ description: 'Items to skip; 0 where none is given.' }),
  count: wholeNumber(USUAL)
    .refine((count) => count <= MOST, `takes at most ${MOST}`)
    .meta({ maximum: MOST }),
}
const listSchema = z.object({
  status: oneOf([0, 1, 2, 3]).optional(),
  entity_type: oneOf([0, 1, 2, 3, 5, 6, 7]).optional(),
  thread_id: z.string().optional(),
  ...pageSchema,
})
const historySchema = z.object(pageSchema)

/** The data model of interactions, read and written (contract 02). */
export function interactionsApi({ desk }: ApiContext): Api {
  const read = reading('interactions:read')
  const write = {
    ...read,
    scope: 'interactions:write',
    body: 'json',
    bodyLimit: BODY_LIMIT,
    writes: true,
  } as const

  async function one(asked: Asked): Promise<ApiInteraction> {
    return await desk.apiInteraction(param(asked, 'interaction_id'))
  }
  function answered(asked: Asked, interaction: ApiInteraction) {
    return interactionObject(interaction, placeFor(asked))
  }

  const calls: readonly ApiCall[] = [
    {
      ...read,
      method: 'GET',
      paths: at('/interactions/:interaction_id'),
      summary: 'One interaction.',
      accept: JSON_ONLY,
      schema: {
        params: idSchema,
        answers: {
          200: { description: 'The interaction.', body: interactionSchema },
          ...refusals(401, 403, 404),
        },
      },
      answer: async (asked) => ({ status: 200, body: answered(asked, await one(asked)) }),
    },
    {
      ...read,
      method: 'GET',
      paths: at('/interactions'),
      summary: 'Interactions, newest start_date first; filters combine.',
      accept: JSON_ONLY,
      schema: {
        query: listSchema,
        answers: {
          200: { description: 'The interactions.', body: z.array(interactionSchema) },
          ...refusals(400, 401, 403),
        },
        example: { query: 'status=0&count=10' },
      },
      async answer(asked) {
        const { index, count, status, entity_type, thread_id } = checked(listSchema, filledQueryOf(asked))
        const found = await desk.apiInteractions(
          {
            ...(status === undefined ? {} : { status }),
            ...(entity_type === undefined ? {} : { entity_type }),
            ...(thread_id ? { thread_id } : {}),
          },
          { index, count },
        )
        return { status: 200, body: found.map((interaction) => answered(asked, interaction)) }
      },
    },
    {
      ...read,
      method: 'GET',
      paths: at('/customers/:customer_id/interactions'),
      summary: 'Interactions of a customer, newest start_date first.',
      accept: JSON_ONLY,
      schema: {
        params: z.object({ customer_id: z.string() }),
        query: historySchema,
        answers: {
          200: { description: 'The interactions.', body: z.array(interactionSchema) },
          ...refusals(400, 401, 403, 404),
        },
      },
      async answer(asked) {
        const customer_id = param(asked, 'customer_id')
        const page = checked(historySchema, filledQueryOf(asked))
        const found = await desk.apiInteractions({ customer_id }, page)
        if (found.length === 0 && !(await isKnown(customer_id)))
          throw new Refused({ kind: 'missing', message: `There is no customer ${customer_id}.` })
        return { status: 200, body: found.map((interaction) => answered(asked, interaction)) }
      },
    },
    {
      ...read,
      method: 'GET',
      paths: at('/services/:service_id/interactions'),
      summary: 'Always 404: no services are kept here.',
      accept: JSON_ONLY,
      schema: { params: z.object({ service_id: z.string() }), answers: refusals(401, 403, 404) },
      async answer(asked) {
        throw new Refused({
          kind: 'missing',
          message: `There is no service ${param(asked, 'service_id')}: Workbin keeps none.`,
        })
      },
    },
    {
      ...read,
      method: 'GET',
      paths: at('/interactions/:interaction_id/plain_text'),
      summary: 'The text of an interaction.',
      schema: {
        params: idSchema,
        answers: { 200: { description: 'The text, as text/plain in UTF-8.' }, ...refusals(401, 403, 404) },
      },
      async answer(asked) {
        const { interaction_id, text } = await one(asked)
        if (text === '') throw nothingThere(interaction_id, 'text')
        return { status: 200, headers: SANDBOX, type: 'text/plain; charset=utf-8', body: text }
      },
    },
    {
      ...read,
      method: 'GET',
      paths: at('/interactions/:interaction_id/structured_text'),
      summary:
        'The HTML of an interaction, where it is held here. As received: never show it outside a sandbox.',
      schema: {
        params: idSchema,
        answers: { 200: { description: 'The HTML.' }, ...refusals(401, 403, 404) },
      },
      async answer(asked) {
        const { interaction_id, holds } = await one(asked)
        const html = holds.structured_text ? await desk.html(interaction_id) : null
        if (html === null) throw nothingThere(interaction_id, 'structured text')
        return { status: 200, headers: SANDBOX, type: `${HELD_TEXT_MIME}; charset=utf-8`, body: html }
      },
    },
    {
      ...read,
      method: 'GET',
      paths: at('/interactions/:interaction_id/binary_content'),
      summary: 'The mail as it was received or sent, where it is held here.',
      schema: {
        params: idSchema,
        answers: { 200: { description: 'The mail, as message/rfc822.' }, ...refusals(401, 403, 404) },
      },
      async answer(asked) {
        const { interaction_id, holds } = await one(asked)
        if (!holds.binary_content) throw nothingThere(interaction_id, 'binary content')
        return await bytes(holds.binary_content.sha256, HELD_CONTENT_MIME, `${interaction_id}.eml`)
      },
    },
    {
      ...read,
      method: 'GET',
      paths: at('/interactions/:interaction_id/attachments/:attachment_id'),
      summary: 'A file of an interaction.',
      schema: {
        params: idSchema.extend({ attachment_id: z.string() }),
        answers: { 200: { description: 'The file.' }, ...refusals(401, 403, 404) },
      },
      async answer(asked) {
        const { interaction_id, attachments } = await one(asked)
        const attachment = attachments.find(({ id }) => id === param(asked, 'attachment_id'))
        if (!attachment) throw nothingThere(interaction_id, 'such attachment')
        return await bytes(
          attachment.sha256,
          headerType(attachment.content_type),
          cleanFileName(attachment.name) ?? 'attachment',
        )
      },
    },
    {
      ...write,
      method: 'POST',
      paths: at('/interactions'),
      summary:
        'Adds an interaction. Without an interaction_id it gets one, and an Idempotency-Key is honoured.',
      accept: JSON_ONLY,
      once: true,
      schema: {
        body: newInteractionSchema,
        answers: {
          201: { description: 'The interaction; Location says where it is.', body: interactionSchema },
          ...refusals(400, 401, 403, 409, 413, 415, 503),
        },
        example: { body: EXAMPLE },
      },
      async answer(asked) {
        const input = readNewInteraction(asked.body, 'api:interactions')
        await refuseClosedParent(input.parent_id)
        const terms = asked.terms()
        // What has an id of its own is told apart by it.
        const once = input.interaction_id === undefined ? terms.once : null
        const interaction = await desk.createInteraction(input, { ...terms, once })
        return {
          status: 201,
          headers: { location: `${placeFor(asked)}/interactions/${interaction.interaction_id}` },
          body: answered(asked, interaction),
        }
      },
    },
    {
      ...write,
      method: 'PUT',
      paths: at('/interactions/:interaction_id'),
      summary: 'Changes the given members of an interaction; null takes an optional one away.',
      accept: JSON_ONLY,
      schema: {
        params: idSchema,
        body: changedInteractionSchema,
        answers: {
          200: { description: 'The interaction as it is now.', body: interactionSchema },
          ...refusals(400, 401, 403, 404, 409, 413, 415, 503),
        },
        example: { body: { status: 1, category_id: 'orders' } },
      },
      async answer(asked) {
        const current = await one(asked).catch((error: unknown) => {
          // What can't be read is refused as such, whether or not it is there.
          checkedChange(asked.body)
          throw error
        })
        const shown = everyPlace(asked).map((place) => interactionObject(current, place))
        const patch = readInteractionChange(asked.body, current, shown)
        if (patch.parent_id !== current.parent_id) await refuseClosedParent(patch.parent_id)
        const interaction = await desk.updateInteraction(current.interaction_id, patch, asked.terms())
        return { status: 200, body: answered(asked, interaction) }
      },
    },
  ]

  /** Also who is only named by an interaction that another system wrote. */
  async function isKnown(customer_id: string): Promise<boolean> {
    if (await desk.hasContact(customer_id)) return true
    return (await desk.apiInteractions({ customer_id }, { index: 0, count: 1 })).length > 0
  }

  /** `allow_children` false: no child may be added. Whether the parent is there at all says the store. */
  async function refuseClosedParent(parent_id: InteractionId | null | undefined): Promise<void> {
    if (!parent_id) return
    const parent = await desk.apiInteraction(parent_id).catch((error: unknown) => {
      if (error instanceof CoreError && error.code === 'not-found') return null
      throw error
    })
    if (parent?.allow_children === false)
      throw new Refused({
        kind: 'conflict',
        message: `parent_id: ${parent_id} allows no children`,
      })
  }

  async function bytes(sha256: string, type: string, name: string): Promise<Answer> {
    const blob = await desk.blob(sha256)
    // Our fault: told to the log, and to the caller only as such.
    if (!blob) throw new CoreError('attachment-missing', `The blob ${sha256} is missing.`)
    return {
      status: 200,
      headers: { ...SANDBOX, 'content-disposition': contentDisposition('attachment', name) },
      type,
      stream: { bytes: createReadStream(blob.path), size: blob.size },
    }
  }

  return {
    name: 'interactions',
    title: 'Interactions',
    description:
      'The data model of interactions: read them, write them, read a customer’s history. Every path is answered below ' +
      `${OLDER_ROOT} too. A header ContactCenterId is ignored.`,
    calls,
    refuse: refuseInteraction,
  }
}

const JSON_ONLY = ['application/json']
const SANDBOX = { 'content-security-policy': 'sandbox', 'x-content-type-options': 'nosniff' }
const idSchema = z.object({ interaction_id: z.string() })

const EXAMPLE = {
  customer_id: '1000',
  status: 0,
  entity_type: 0,
  type: 'Inbound',
  sub_type: 'InboundNew',
  media_type: 'email',
  start_date: '2026-05-04T09:00:00.000Z',
  subject: 'Where is my order?',
  text: 'It has not arrived.',
  from: { address: 'ann@customer.test', personal: 'Ann Lee' },
  to: [{ address: 'support@desk.test' }],
  udata: { orderNumber: 4711 },
}

function reading(scope: ApiScope) {
  return {
    scope,
    keyIn: ['x-api-key', 'bearer'],
    body: 'none',
    bodyLimit: 0,
    writes: false,
    once: false,
  } as const
}

function at(path: string): readonly string[] {
  return [path, OLDER_ROOT + path]
}

/** Before `/interactions` in the URLs of this answer: the same root as was asked. */
function placeFor({ base, path }: Pick<Asked, 'base' | 'path'>): string {
  return base + (path.startsWith(`${OLDER_ROOT}/`) ? OLDER_ROOT : '')
}

/** Wherever our bytes may have been answered: with and without base, below either root. */
function everyPlace({ base }: Pick<Asked, 'base'>): readonly string[] {
  return [base, base + OLDER_ROOT, '', OLDER_ROOT]
}

function param(asked: Asked, name: string): string {
  return asked.params[name] ?? ''
}

function oneOf<const T extends readonly number[]>(values: T) {
  return z
    .string()
    .regex(/^\d+$/, `takes ${values.join(', ')}`)
    .transform(Number)
    .pipe(z.literal(values, `takes ${values.join(', ')}`))
    .meta({ type: 'integer', enum: [...values], pattern: undefined })
}

function nothingThere(id: InteractionId, what: string): Refused {
  return new Refused({ kind: 'missing', message: `Interaction ${id} has no ${what} here.` })
}

/** A stored media type as a header: whatever can't be one is bytes. */
function headerType(type: string): string {
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(type) ? type : 'application/octet-stream'
}
